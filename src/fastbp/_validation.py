"""Checks of what users pass: every public call looks before it touches anything."""

import math
import numbers
import sys
from typing import ClassVar

import numpy as np

from ._engine.dispatch import all_finite

DTYPES = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


def one_of(value, choices, name):
    """Return value if it is among the choices; ValueError names them otherwise."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value


def as_dtype(dtype):
    """Return the numpy dtype for "float32" or "float64"."""
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = None
    if dtype is None or name not in DTYPES:
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return DTYPES[name]


def integer(value, name, at_least, at_most=2**62):
    """Return an int in at_least ... at_most."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value}")
    if value > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {value}")
    return int(value)


def real(value, name, low, high=math.inf, low_allowed=True):
    """Return a finite float in [low, high), or (low, high) if low is not allowed."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    value = float(value)
    inside = (low <= value if low_allowed else low < value) and value < high
    if not (inside and math.isfinite(value)):
        bounds = f"{'at least' if low_allowed else 'greater than'} {low:g}"
        bounds += f" and less than {high:g}" if high < math.inf else " and finite"
        raise ValueError(f"{name} must be {bounds}, got {value}")
    return value


def boolean(value, name):
    """Return a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def as_array(array, name):
    """Return anything as an array, of which nothing is masked."""
    # An array can only be masked where somebody has imported numpy.ma, which another thread may be at just now.
    is_masked = getattr(sys.modules.get("numpy.ma"), "is_masked", None)
    if is_masked is not None and is_masked(array):
        raise ValueError(f"{name} has masked values, which say nothing: fill them, {name}.filled(0) say, or drop them")
    return np.asarray(array)


def _as_numbers(array, name):
    array = as_array(array, name)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}: convert it, {name}.astype(float) say")
    return array


def as_reals(array, name, dtype, check_finite=True):
    """Return an array of real numbers as a C-contiguous one of `dtype`, copied only if it must be."""
    array = _as_numbers(array, name)
    dtype = np.dtype(dtype)
    if array.dtype is dtype and array.flags.c_contiguous and array.flags.aligned:  # one equal to it may be named "<f4"
        converted = array
    else:
        with np.errstate(all="ignore"):
            converted = array.astype(dtype, order="C", copy=not array.flags.aligned).view(dtype)
    if check_finite and not all_finite(converted):
        bad = int(np.flatnonzero(~np.isfinite(converted))[0])
        where = ", ".join(str(i) for i in np.unravel_index(bad, converted.shape))
        value = array.flat[bad]
        if np.isfinite(value):
            raise ValueError(f"{name} must be finite as {dtype}, got {value} at [{where}]: scale it, or take float64")
        raise ValueError(
            f"{name} must be finite, got {value} at [{where}]: replace or drop missing and infinite values"
        )
    return converted


def as_samples(X, n_in, dtype, check_finite=True):
    """Return X as (n_samples, n_in) of `dtype`, at least one sample."""
    X = _as_numbers(X, "X")
    if X.ndim != 2:
        hint = ": for one sample write X[None, :], or use predict_one" if X.ndim == 1 and X.size == n_in else ""
        raise ValueError(f"X must have 2 dimensions, (n_samples, {n_in}), got {X.ndim} with shape {X.shape}{hint}")
    if X.shape[1] != n_in:
        raise ValueError(f"X must have {n_in} features, as the network has inputs, got {X.shape[1]}")
    if X.shape[0] == 0:
        raise ValueError("X must have at least one sample, got none")
    return as_reals(X, "X", dtype, check_finite)


def as_sample_weight(weights, n_samples, name="sample_weight"):
    """Return weights as (n_samples,) float64, none negative, not all zero; None stays None."""
    if weights is None:
        return None
    weights = as_reals(weights, name, np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(f"{name} must have shape ({n_samples},), one a sample, got {weights.shape}")
    if weights.min() < 0:
        raise ValueError(f"{name} must not be negative, got {weights.min():g} at [{int(weights.argmin())}]")
    if not weights.any():
        raise ValueError(f"{name} must not be zero for every sample: there would be nothing to learn from")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.finfo(np.float64).tiny <= total < np.inf:
        raise ValueError(f"{name} must have a sum that a mean can be taken by, got {total:g}: scale the weights")
    return weights


class Checked:
    """An object whose attributes are checked whenever they are set, by the functions of value in `_checks`.

    `Checked.last_change` is another object after each such setting, of anything: who has kept it and finds it again
    knows in no time that nothing has been set since.
    """

    _checks: ClassVar = {}
    last_change: ClassVar = object()

    def __setattr__(self, name, value):
        check = self._checks.get(name)
        super().__setattr__(name, value if check is None else check(value))
        if check is not None:
            Checked.last_change = object()


class Settings(Checked):
    """An object that is what its constructor was given: it has these attributes and no others, and compares by them.

    A constructor ends with ``self._take(locals())``.
    """

    _word = "setting"

    def _take(self, settings):
        for name, value in settings.items():
            if name != "self":
                super().__setattr__(name, value)
        self._check_together(**vars(self))

    def __setattr__(self, name, value):
        if name not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {self._word} {name!r}")
        before = vars(self)[name]
        super().__setattr__(name, value)
        try:
            self._check_together(**vars(self))
        except ValueError:
            super().__setattr__(name, before)
            raise

    def _check_together(self, **settings):
        """Raise ValueError if the settings do not go with each other."""

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None

    def __repr__(self):
        settings = (f"{name}={value!r}" for name, value in vars(self).items() if value is not None)
        return f"{type(self).__name__}({', '.join(settings)})"
