"""Losses as a user names them: what fits them, and how targets are checked and laid out for the engine.

Every loss is a mean over samples: ``sum_i w_i l_i / sum_i w_i``, with ``w_i = 1`` unless sample weights are given.
"""

import numpy as np

from . import metrics
from ._validation import as_reals

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "Loss", "SquaredError"]


class Loss:
    """What all losses share.

    Attributes
    ----------
    kind : str
        The engine's name.
    fused : str or None
        The output activation that the loss takes in; it fits no other. None: it fits all.
    metric : str
        What `Trainer.evaluate` reports beside the loss.
    """

    kind = ""
    fused = None
    metric = ""

    def check(self, activation):
        """ValueError unless the loss fits a network with this output activation."""
        if self.fused is not None and activation != self.fused:
            raise ValueError(
                f"{type(self).__name__} needs a network with a {self.fused} output, got {activation}: "
                f'make it with output="{self.fused}", or take {_fitting(activation)}'
            )

    def targets(self, y, n_samples, n_out, dtype):
        """Return y checked, as the engine takes it: (n_samples, n_out) reals, or labels (n_samples,) of intp."""
        raise NotImplementedError

    def score(self, outputs, targets, sample_weight):
        """Return the value of `metric` for predictions and targets."""
        raise NotImplementedError

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def __repr__(self):
        return f"{type(self).__name__}()"


class SquaredError(Loss):
    """Squared error, ``mean((p - y)^2)`` over samples and outputs.

    Targets have shape (n_samples, n_out), or (n_samples,) for one output. Fits any output activation.
    """

    kind = "squared_error"
    metric = "r2"
    score = staticmethod(metrics.r2)

    def targets(self, y, n_samples, n_out, dtype):
        return _as_rows(y, n_samples, n_out, dtype)


class CrossEntropy(Loss):
    """Cross-entropy of a softmax output, ``-log p[label]``, mean over samples.

    Targets are labels 0 ... n_out - 1, integers of shape (n_samples,), or probabilities of the classes,
    (n_samples, n_out) with rows that sum to 1, one-hot rows among them: ``-sum_j y_j log p_j``. Loss and gradient
    (``p - y``) are taken from what goes into the softmax: no probability is rounded before its logarithm.
    """

    kind = "cross_entropy"
    fused = "softmax"
    metric = "accuracy"
    score = staticmethod(metrics.accuracy)

    def targets(self, y, n_samples, n_out, dtype):
        y = np.asarray(y)
        if y.ndim != 1:
            y = _as_rows(y, n_samples, n_out, dtype)
            if y.min() < 0 or abs(y.sum(axis=1, dtype=np.float64) - 1).max() > 1e-3:
                raise ValueError(
                    "y must have rows of probabilities, not negative and summing to 1 (one-hot rows do), "
                    f"got a smallest value of {y.min():g} and sums from {y.sum(axis=1).min():g} to "
                    f"{y.sum(axis=1).max():g}"
                )
            return y
        if y.dtype.kind not in "iub":
            raise TypeError(
                f"labels must be integers 0 ... {n_out - 1}, got dtype {y.dtype}: convert them with y.astype(int), "
                "or number classes by numpy.unique(y, return_inverse=True)"
            )
        _check_length(y, n_samples)
        if y.min() < 0 or y.max() >= n_out:
            raise ValueError(
                f"labels must be in 0 ... {n_out - 1}, as the network has {n_out} outputs, "
                f"got labels from {y.min()} to {y.max()}"
            )
        return np.require(y, np.intp, ("C", "ALIGNED"))


class BinaryCrossEntropy(Loss):
    """Cross-entropy of sigmoid outputs, ``-y log p - (1 - y) log(1 - p)``, mean over samples and outputs.

    Targets are in [0, 1], of shape (n_samples, n_out), or (n_samples,) for one output. Loss and gradient are taken
    from what goes into the sigmoid.
    """

    kind = "binary_cross_entropy"
    fused = "sigmoid"
    metric = "accuracy"
    score = staticmethod(metrics.binary_accuracy)

    def targets(self, y, n_samples, n_out, dtype):
        y = _as_rows(y, n_samples, n_out, dtype)
        if y.min() < 0 or y.max() > 1:
            raise ValueError(f"y must be in [0, 1] for BinaryCrossEntropy, got values from {y.min():g} to {y.max():g}")
        return y


LOSSES = {loss.kind: loss for loss in (SquaredError, CrossEntropy, BinaryCrossEntropy)}


def default_loss(activation):
    """Return the loss that goes with an output activation."""
    for loss in (CrossEntropy, BinaryCrossEntropy):
        if loss.fused == activation:
            return loss()
    return SquaredError()


def as_loss(loss):
    """Return a loss; TypeError for anything else."""
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss must be a fastbp loss, {' or '.join(f'{c.__name__}()' for c in LOSSES.values())}, got {loss!r}"
        )
    return loss


def _fitting(activation):
    return " or ".join(f"{c.__name__}()" for c in LOSSES.values() if c.fused in (None, activation))


def _check_length(y, n_samples):
    if y.shape[0] != n_samples:
        raise ValueError(f"y must have as many rows as X, {n_samples}, got {y.shape[0]}")


def _as_rows(y, n_samples, n_out, dtype):
    y = np.asarray(y)
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have shape (n_samples, {n_out}), got {y.shape}")
    _check_length(y, n_samples)
    if y.ndim == 1 and n_out == 1:
        y = y[:, None]
    if y.shape[1:] != (n_out,):
        raise ValueError(
            f"y must have shape ({n_samples}, {n_out}), as the network has {n_out} output{'s'[: n_out > 1]}, "
            f"got {y.shape}"
        )
    return as_reals(y, "y", dtype)
