"""A loss of the caller's own: any object with ``value_and_grad(outputs, targets)``."""

from typing import ClassVar

import numpy as np

from ._validation import as_array
from .losses import Loss

__all__ = ["CustomLoss", "as_loss"]


class CustomLoss(Loss):
    """What stands for such an object, and checks what it returns.

    It is called once a batch, with the outputs of the network, (n_samples, n_out) of its dtype and the callee's own to
    write into, and the targets of the same samples, rows of what was given as y. It returns either

    - the loss of each sample, (n_samples,), and the gradient of each by its own outputs, (n_samples, n_out): the mean
      and the weights are applied here; or
    - one number for the batch, in which the samples may be coupled in any way, and its gradient, (n_samples, n_out).
      The loss of an epoch is then the mean over its batches, weighted by their numbers of samples, and there can be no
      sample weights.

    Parameters
    ----------
    wrapped : object
        With the method value_and_grad.
    """

    kind = "given"
    metric = None
    _checks: ClassVar = {"wrapped": lambda value: value}

    def __init__(self, wrapped):
        self.wrapped = wrapped

    @property
    def name(self):
        return type(self.wrapped).__name__

    def config(self):
        return {**super().config(), "call": self._call}

    def targets(self, y, n_samples, n_out, dtype):
        y = as_array(y, "y")
        if y.ndim == 0 or len(y) != n_samples:
            raise ValueError(f"y must have as many rows as X, {n_samples}, got shape {y.shape}")
        return y

    def classes(self, targets, n_out):
        if targets.ndim != 1 or targets.dtype.kind not in "iub":
            raise ValueError(f"{self.name} was given {targets.dtype} targets of shape {targets.shape}, not labels")
        return targets, range(n_out)

    def _call(self, outputs, targets, weights, gain):
        """Return sum(w_i l_i) over the samples, and gain times the gradient of its mean as the engine takes it."""
        n_samples, shape, dtype = len(outputs), outputs.shape, outputs.dtype
        answer = self.wrapped.value_and_grad(outputs, targets)
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise TypeError(f"{self.name}.value_and_grad must return (value, gradient), got {answer!r}")
        value = self._checked(answer[0], "value", np.float64)
        grad = self._checked(answer[1], "gradient", dtype)
        if value.shape not in {(), (n_samples,)}:
            raise ValueError(
                f"{self.name}.value_and_grad must return the loss of each sample, of shape ({n_samples},), or one "
                f"number for the batch, got a value of shape {value.shape}"
            )
        if grad.shape != shape:
            raise ValueError(
                f"{self.name}.value_and_grad must return a gradient with the shape of the outputs, {shape}, "
                f"got {grad.shape}; the targets have shape {targets.shape}"
            )
        if value.ndim == 0:
            if weights is not None:
                raise ValueError(
                    f"{self.name}.value_and_grad returned one number for the batch, which sample_weight and "
                    f"class_weight cannot be applied to: return the loss of each sample, of shape ({n_samples},), "
                    "and its gradient"
                )
            return float(value) * n_samples, grad if gain == 1 else grad * dtype.type(gain)
        weights = np.ones(n_samples) if weights is None else weights
        share = (gain * weights / weights.sum()).astype(dtype)
        return float(value @ weights), grad * share[:, None]

    def _checked(self, array, name, dtype):
        array = np.asarray(array)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}.value_and_grad must return real numbers, got a {name} of dtype {array.dtype}")
        with np.errstate(over="ignore"):
            array = np.require(array, dtype, "C").reshape(array.shape)
        if not np.isfinite(array).all():
            where = np.argwhere(~np.isfinite(array))[0].tolist()
            raise ValueError(
                f"{self.name}.value_and_grad must return finite numbers, got a {name} of {array[tuple(where)]}"
                + (f" at {where} (as {array.dtype})" if where else "")
            )
        return array

    def __repr__(self):
        return repr(self.wrapped)


def as_loss(loss):
    """Return a loss; TypeError for what is neither one nor has value_and_grad."""
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, type) and callable(getattr(loss, "value_and_grad", None)):
        return CustomLoss(loss)
    raise TypeError(
        "loss must be a fastbp loss, SquaredError() or CrossEntropy() say, or an object with "
        f"value_and_grad(outputs, targets), got {loss!r}"
    )
