"""What users pass as y, checked and laid out for the engine, and the classes that it names."""

import numpy as np

from ._validation import as_array, as_reals


def check_length(y, n_samples):
    if y.shape[0] != n_samples:
        raise ValueError(f"y must have as many rows as X, {n_samples}, got {y.shape[0]}")


def as_rows(y, n_samples, n_out, dtype):
    y = as_array(y, "y")
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have shape (n_samples, {n_out}), got {y.shape}")
    check_length(y, n_samples)
    if y.ndim == 1 and n_out == 1:
        y = y[:, None]
    if y.shape[1:] != (n_out,):
        raise ValueError(
            f"y must have shape ({n_samples}, {n_out}), as the network has {n_out} output{'s'[: n_out > 1]}, "
            f"got {y.shape}"
        )
    return as_reals(y, "y", dtype)


def as_labels(y, n_samples, n_out):
    """Return integers 0 ... n_out - 1 of shape (n_samples,) as the engine takes them."""
    if y.dtype.kind not in "iub":
        raise TypeError(
            f"labels must be integers 0 ... {n_out - 1}, got dtype {y.dtype}: convert them with y.astype(int), "
            "or number classes by numpy.unique(y, return_inverse=True)"
        )
    check_length(y, n_samples)
    if y.min() < 0 or y.max() >= n_out:
        raise ValueError(
            f"labels must be in 0 ... {n_out - 1}, as the network has {n_out} outputs, "
            f"got labels from {y.min()} to {y.max()}"
        )
    return np.require(y, np.intp, ("C", "ALIGNED")).view(np.intp)


def as_classes(y, n_samples, n_out, dtype):
    """Return labels, or rows of probabilities."""
    y = as_array(y, "y")
    if y.ndim == 1:
        return as_labels(y, n_samples, n_out)
    y = as_rows(y, n_samples, n_out, dtype)
    if y.min() < 0 or abs(y.sum(axis=1, dtype=np.float64) - 1).max() > 1e-3:
        raise ValueError(
            "y must have rows of probabilities, not negative and summing to 1 (one-hot rows do), "
            f"got a smallest value of {y.min():g} and sums from {y.sum(axis=1).min():g} to "
            f"{y.sum(axis=1).max():g}"
        )
    return y


def one_class(loss, targets):
    """The class of each sample, from labels or one-hot rows."""
    if targets.ndim == 1:
        return targets
    if not (((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all()):
        raise ValueError(f"{loss!r} was given probabilities, not classes")
    return targets.argmax(axis=1)


def yes_or_no(loss, targets, classes):
    """The class of each sample, one of two."""
    if targets.shape[1] > 1:
        raise ValueError(f"{loss!r} was given {targets.shape[1]} answers for each sample, not one class")
    if not np.isin(targets, classes).all():
        raise ValueError(f"{loss!r} was given probabilities, not classes")
    return targets[:, 0].astype(np.intp), classes
