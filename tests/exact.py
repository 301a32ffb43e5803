"""Updates of parameters with the engine's own roundings, so that bits can be compared."""

import platform
from fractions import Fraction

import numpy as np

import fastbp

_X86 = platform.machine().lower() in {"x86_64", "amd64"}


def _round_to_float32(exact):
    """Via float64 with an odd last bit where it is not exact, for rounding twice to nearest could go wrong."""
    near = np.float64(float(exact))
    if Fraction(float(near)) != exact and near.view(np.int64) % 2 == 0:
        near = np.nextafter(near, np.inf if exact > Fraction(float(near)) else -np.inf)
    return np.float32(near)


def fma(a, b, c):
    """a * b + c by element, a a number: rounded once where the target in use has such an instruction, else twice."""
    a = c.dtype.type(a)
    if fastbp.get_target() == "baseline" and _X86:
        return a * b + c
    round_once = _round_to_float32 if c.dtype == np.float32 else float
    terms = zip(b.tolist(), c.tolist(), strict=True)
    return np.array([round_once(Fraction(float(a)) * Fraction(x) + Fraction(y)) for x, y in terms], c.dtype)


def sgd_step(params, grad, learning_rate, weight_decay=0.0):
    """Return the parameters after a step of plain SGD."""
    if weight_decay:
        grad = fma(weight_decay, params, grad)
    return fma(-learning_rate, grad, params)
