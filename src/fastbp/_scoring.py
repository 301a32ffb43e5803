"""Which metrics are computed of which targets."""

import functools

import numpy as np

from . import metrics
from .multitask import MultiTask

# Which function scores targets that are read as labels of classes, as rows of 0 and 1, or as rows of numbers; and
# whether better is more ("max") or less ("min").
_TABLE = {
    "accuracy": ({"classes": metrics.accuracy, "flags": metrics.binary_accuracy}, "max"),
    "balanced_accuracy": ({"classes": metrics.balanced_accuracy, "flags": metrics.balanced_accuracy}, "max"),
    "top_k": ({"classes": metrics.top_k}, "max"),
    "f1": ({"classes": metrics.f1, "flags": metrics.f1}, "max"),
    "auc": ({"classes": metrics.auc, "flags": metrics.auc}, "max"),
    "mae": ({"numbers": metrics.mae}, "min"),
    "rmse": ({"numbers": metrics.rmse}, "min"),
    "r2": ({"numbers": metrics.r2}, "max"),
    "d2": ({}, "max"),  # as the loss defines it
}
_READINGS = {"classes": "labels of classes", "flags": "0 and 1", "numbers": "rows of numbers"}
NAMES = tuple(_TABLE)


def direction(name):
    """Return "max" or "min" for a metric of this name, whichever is better; None if there is no such metric.

    A name may end in the number of a task.
    """
    base, _, number = name.rpartition("_")
    known = _entry(base if number.isdecimal() and base in _TABLE else name)
    return known and known[1]


def as_metrics(chosen):
    """Return a list of (name, function or None), None for a metric that is known by its name.

    Raises TypeError and ValueError for anything that is neither a name nor a function with one.
    """
    chosen = [chosen] if isinstance(chosen, str) or callable(chosen) else list(chosen)
    pairs = []
    for metric in chosen:
        if isinstance(metric, str):
            if _entry(metric) is None:
                raise ValueError(
                    f"metrics must be among {', '.join(NAMES)} (top_3 for a k of 3) or functions, got {metric!r}"
                )
            pairs.append((metric, None))
        elif callable(metric):
            name = getattr(metric, "__name__", type(metric).__name__)
            if not name.isidentifier() or name == "loss":
                raise ValueError(f"a metric needs a name of its own, got {metric!r}: define it with def, or __name__")
            pairs.append((name, metric))
        else:
            raise TypeError(f"metrics must be names or functions of (outputs, targets, sample_weight), got {metric!r}")
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"metrics must have different names, got {', '.join(names)}")
    return pairs


class Scores:
    """What is computed beside the loss for one set of targets.

    Parameters
    ----------
    chosen : list of (name, function or None), or None
        From `as_metrics`; None for the metric of the loss.
    loss : Loss
    targets : ndarray
        As the loss has checked them.
    sample_weight : ndarray of shape (n_samples,) or None
    n_out : int

    Attributes
    ----------
    names : tuple of str

    Raises
    ------
    ValueError
        If a metric cannot be computed for these targets.
    """

    def __init__(self, chosen, loss, targets, sample_weight, n_out):
        self._weights = sample_weight
        self._parts = []
        readings = None
        if chosen is None:
            chosen = loss.own_metrics()
        for name, function in chosen:
            if function is not None:
                self._parts.append((name, function, targets))
            elif name == loss.metric:  # as the loss defines it
                self._parts.append((name, loss.score, targets))
            else:
                readings = readings or read_targets(loss, targets)
                self._parts.append((name, *_known(name, loss, readings, sample_weight, n_out)))
        self.names = tuple(name for name, _, _ in self._parts)

    def __call__(self, outputs):
        """Return {name: value}."""
        scores = {}
        for name, function, targets in self._parts:
            value = function(outputs, targets, self._weights)
            try:
                scores[name] = float(value)
            except (TypeError, ValueError) as error:
                raise TypeError(f"the metric {name} must return a number, got {value!r}") from error
        return scores


def read_targets(loss, targets):
    """Return the ways to read targets: labels under "classes", rows of 0 and 1 under "flags", rows under "numbers".

    What goes with a softmax are classes, with a sigmoid flags; for any other output the values decide.
    """
    if isinstance(loss, MultiTask):
        raise ValueError(f"{loss!r} has targets of several kinds: a metric of them must be a function")
    if targets.ndim == 1:
        return {"numbers": targets[:, None]} if targets.dtype.kind == "f" else {"classes": targets}
    readings = {"numbers": targets}
    if loss.fused == "softmax":
        readings["classes"] = targets.argmax(axis=1)
    elif loss.fused == "sigmoid":
        readings["flags"] = targets
    elif ((targets == 0) | (targets == 1)).all():
        one_hot = targets.shape[1] > 1 and (targets.sum(axis=1) == 1).all()
        readings |= {"classes": targets.argmax(axis=1)} if one_hot else {"flags": targets}
    return readings


def _known(name, loss, readings, sample_weight, n_out):
    """Return the function of this name, of predictions, and the targets as it takes them."""
    k = _k_of(name)
    functions = _TABLE["top_k" if k else name][0]
    if not functions:
        raise ValueError(f"the metric {name} is that of Quantile and Poisson: with another loss take another metric")
    reading = next((reading for reading in functions if reading in readings), None)
    if reading is None:
        possible = [other for other, (needs, _) in _TABLE.items() if needs.keys() & readings.keys()]
        raise ValueError(
            f"the metric {name} needs targets that are {' or '.join(_READINGS[r] for r in functions)}, "
            f"these are {' or '.join(_READINGS[r] for r in readings)}: take {', '.join(possible)}"
        )
    if k and k >= n_out:
        raise ValueError(f"the metric {name} is always 1 with {n_out} classes: take a smaller k, or accuracy")
    if name == "auc":
        _check_both(readings[reading], sample_weight, n_out)
    function = functools.partial(metrics.top_k, k=k) if k else functions[reading]
    return lambda outputs, *rest: function(loss.predictions(outputs), *rest), readings[reading]


def _entry(name):
    return _TABLE.get("top_k" if _k_of(name) else name)


def _k_of(name):
    k = name.removeprefix("top_")
    return 5 if name == "top_k" else int(k) if k != name and k.isdecimal() and int(k) else None


def _check_both(targets, sample_weight, n_out):
    """ValueError unless each class, or both values of each output, occur with a weight."""
    if sample_weight is not None:
        targets = targets[sample_weight > 0]
    if targets.ndim == 1:
        missing = np.flatnonzero(np.bincount(targets, minlength=n_out) == 0)
        what = "class"
    else:
        positive = (targets > 0.5).sum(axis=0)
        missing = np.flatnonzero((positive == 0) | (positive == len(targets)))
        what = "both values for output"
    if len(missing):
        raise ValueError(
            f"the metric auc compares samples of different classes, and these targets lack {what} {missing[0]}: "
            'take more samples (with validation_split, split="stratify"), or another metric'
        )
