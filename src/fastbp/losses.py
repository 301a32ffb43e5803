"""Losses as a user names them: what fits them, and how targets are checked and laid out for the engine.

Every loss is a mean over samples: ``sum_i w_i l_i / sum_i w_i``, with ``w_i = 1`` unless sample weights are given.
"""

import math
from typing import ClassVar

import numpy as np

from . import metrics
from ._validation import Checked, as_reals, real

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
]


class Loss(Checked):
    """What all losses share. Parameters are checked whenever they are set.

    Attributes
    ----------
    kind : str
        The engine's name.
    fused : str or None
        The output activation that the loss takes in; it fits no other.
    outputs : tuple of str
        The output activations that it fits; empty if it fits all.
    limits : (float, float)
        What a number among the targets may be.
    metric : str
        What `Trainer.evaluate` reports beside the loss.
    """

    kind = ""
    fused = None
    outputs: ClassVar = ()
    limits = (-math.inf, math.inf)
    metric = ""

    def __setattr__(self, name, value):
        if name not in self._checks:
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")
        super().__setattr__(name, value)

    def check(self, activation):
        """ValueError unless the loss fits a network with this output activation."""
        outputs = self.outputs if self.fused is None else (self.fused,)
        if outputs and activation not in outputs:
            output = outputs[0]
            others = dict.fromkeys([f"{default_loss(activation)!r}", f"{SquaredError()!r}"])
            raise ValueError(
                f"{self!r} needs a network with {'an' if output == 'identity' else 'a'} {' or '.join(outputs)} output, "
                f'got {activation}: make it with output="{output}", or take {" or ".join(others)}'
            )

    def config(self):
        """Return what the engine is to know, as a dict of plain values."""
        return {"kind": self.kind, "fused": self.fused is not None, "limits": self.limits, **vars(self)}

    def targets(self, y, n_samples, n_out, dtype):
        """Return y checked, as the engine takes it: (n_samples, n_out) reals, or labels (n_samples,) of intp."""
        y = _as_rows(y, n_samples, n_out, dtype)
        low, high = self.limits
        if low > -math.inf and (y.min() < low or y.max() > high):
            limits = f"in [{low:g}, {high:g}]" if high < math.inf else f"at least {low:g}"
            raise ValueError(f"y must be {limits} for {self!r}, got values from {y.min():g} to {y.max():g}")
        return y

    def score(self, outputs, targets, sample_weight):
        """Return the value of `metric` for outputs and targets."""
        raise NotImplementedError

    def predictions(self, outputs):
        """Return what outputs of the network say about the targets, in their units."""
        return outputs

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(type(self))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class SquaredError(Loss):
    """Squared error, ``mean((p - y)^2)`` over samples and outputs.

    Targets have shape (n_samples, n_out), or (n_samples,) for one output. Fits any output activation.
    """

    kind = "squared_error"
    metric = "r2"
    score = staticmethod(metrics.r2)


class AbsoluteError(Loss):
    """Absolute error, ``mean(|p - y|)`` over samples and outputs; it leads to the median.

    The derivative at ``p = y`` is taken as 0. Targets have shape (n_samples, n_out), or (n_samples,) for one output.
    Fits any output activation.
    """

    kind = "absolute_error"
    metric = "r2"
    score = staticmethod(metrics.r2)


class Huber(Loss):
    """Huber's loss (1964), mean over samples and outputs: squared for small errors, absolute for large ones.

    Of ``e = |p - y|`` it is ``e^2 / 2`` up to delta, and the tangent ``delta (e - delta / 2)`` beyond. Targets have
    shape (n_samples, n_out), or (n_samples,) for one output. Fits any output activation.

    Parameters
    ----------
    delta : float, default 1
        Greater than 0.

    Raises
    ------
    TypeError, ValueError
        If delta is no such number.
    """

    kind = "huber"
    metric = "r2"
    score = staticmethod(metrics.r2)
    _checks: ClassVar = {"delta": lambda value: real(value, "delta", 0, low_allowed=False)}

    def __init__(self, delta=1.0):
        self.delta = delta


class LogCosh(Loss):
    """``log(cosh(p - y))``, mean over samples and outputs: half the square of small errors, and large ones less log 2.

    Targets have shape (n_samples, n_out), or (n_samples,) for one output. Fits any output activation.
    """

    kind = "log_cosh"
    metric = "r2"
    score = staticmethod(metrics.r2)


class Quantile(Loss):
    """Pinball loss (Koenker & Bassett 1978), mean over samples and outputs; it leads to the quantile q.

    It is ``q (y - p)`` where the target lies above, ``(1 - q) (p - y)`` where it lies below; the derivative at
    ``p = y`` is taken as 0. Targets have shape (n_samples, n_out), or (n_samples,) for one output. Fits any output
    activation. Scored by the share of the pinball loss of the best constant that is spared.

    Parameters
    ----------
    q : float, default 0.5
        Between 0 and 1, both excluded.

    Raises
    ------
    TypeError, ValueError
        If q is no such number.
    """

    kind = "quantile"
    metric = "d2"
    _checks: ClassVar = {"q": lambda value: real(value, "q", 0, 1, low_allowed=False)}

    def __init__(self, q=0.5):
        self.q = q

    def score(self, outputs, targets, sample_weight=None):
        return metrics.d2_pinball(outputs, targets, sample_weight, q=self.q)


class Poisson(Loss):
    """Negative log-likelihood of counts, ``exp(z) - y z``, mean over samples and outputs; without the term log(y!).

    The outputs z are the logarithms of the expected counts, as with PyTorch's ``log_input=True``: the network needs an
    identity output, and ``numpy.exp(net.predict(X))`` are the counts it expects. Targets are not negative, of shape
    (n_samples, n_out), or (n_samples,) for one output. Scored by the share of the deviance that is explained.
    """

    kind = "poisson"
    outputs = ("identity",)
    limits = (0.0, math.inf)
    metric = "d2"
    score = staticmethod(metrics.d2_poisson)

    def predictions(self, outputs):
        return np.exp(outputs)


class CrossEntropy(Loss):
    """Cross-entropy of a softmax output, ``-log p[label]``, mean over samples.

    Targets are labels 0 ... n_out - 1, integers of shape (n_samples,), or probabilities of the classes,
    (n_samples, n_out) with rows that sum to 1, one-hot rows among them: ``-sum_j y_j log p_j``. Loss and gradient
    (``p - y``) are taken from what goes into the softmax: no probability is rounded before its logarithm.
    """

    kind = "cross_entropy"
    fused = "softmax"
    limits = (0.0, 1.0)
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
    limits = (0.0, 1.0)
    metric = "accuracy"
    score = staticmethod(metrics.binary_accuracy)


_DEFAULTS = {"softmax": CrossEntropy, "sigmoid": BinaryCrossEntropy}


def default_loss(activation):
    """Return the loss that goes with an output activation."""
    return _DEFAULTS.get(activation, SquaredError)()


def as_loss(loss):
    """Return a loss; TypeError for anything else."""
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a fastbp loss, SquaredError() or CrossEntropy() say, got {loss!r}")
    return loss


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
