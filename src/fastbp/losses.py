"""Losses as a user names them: what fits them, and how targets are checked and laid out for the engine.

Every loss is a mean over samples: ``sum_i w_i l_i / sum_i w_i``, with ``w_i = 1`` unless there are weights. The loss of
a sample is a mean over outputs where there is a number for each: then "mean over samples and outputs" is said below.
"""

import math
from typing import ClassVar

import numpy as np

from . import metrics
from ._targets import as_classes, as_labels, as_rows, one_class, yes_or_no
from ._validation import Checked, as_array, boolean, real

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "BinaryFocalCrossEntropy",
    "CrossEntropy",
    "FocalCrossEntropy",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "SquaredHinge",
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
    whole : bool
        Whether it must be an integer.
    metric : str
        What `Trainer.evaluate` reports beside the loss.
    any_units : bool
        Whether targets are numbers that mean the same on another scale: see `Unstandardize`.
    """

    kind = ""
    fused = None
    outputs: ClassVar = ()
    limits = (-math.inf, math.inf)
    whole = False
    metric = ""
    any_units = False

    def __setattr__(self, name, value):
        if name not in self._checks:
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")
        super().__setattr__(name, value)

    def check(self, activation, n_out):
        """ValueError unless the loss fits a network with this output activation and so many outputs."""
        outputs = self.outputs if self.fused is None else (self.fused,)
        if outputs and activation not in outputs:
            output = outputs[0]
            others = dict.fromkeys([type(default_loss(activation)), SquaredError])
            raise ValueError(
                f"{self!r} needs a network with {'an' if output == 'identity' else 'a'} {' or '.join(outputs)} output, "
                f'got {activation}: make it with output="{output}", or take '
                f"{' or '.join(f'{other.__name__}()' for other in others)}"
            )

    def config(self):
        """Return what the engine is to know, as a dict of plain values and arrays."""
        return {
            "kind": self.kind,
            "fused": self.fused is not None,
            "limits": self.limits,
            "whole": self.whole,
            **vars(self),
        }

    def targets(self, y, n_samples, n_out, dtype):
        """Return y checked, as the engine takes it: (n_samples, n_out) reals, or labels (n_samples,) of intp."""
        y = as_rows(y, n_samples, n_out, dtype)
        low, high = self.limits
        if low > -math.inf and (y.min() < low or y.max() > high):
            limits = f"in [{low:g}, {high:g}]" if high < math.inf else f"at least {low:g}"
            raise ValueError(f"y must be {limits} for {self!r}, got values from {y.min():g} to {y.max():g}")
        return y

    def n_targets(self, n_out):
        """How many numbers a row of targets has."""
        return n_out

    def of_one(self, y):
        """Return the target of one sample as a batch of one, for `targets`."""
        return as_array(y, "y")[None]

    def own_metrics(self):
        """Return what is computed beside the loss unless metrics are given: (name, function or None)."""
        return [] if self.metric is None else [(self.metric, None)]

    def classes(self, targets, n_out):
        """Return the class of each sample, (n_samples,) of integers, and all that there can be; for class weights.

        ValueError if targets, as `targets` returned them, do not name one class a sample.
        """
        raise ValueError(f"{self!r} takes numbers, not classes")

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
        parameters = (f"{name}={value!r}" for name, value in vars(self).items() if name in self._checks)
        return f"{type(self).__name__}({', '.join(parameters)})"


class SquaredError(Loss):
    """Squared error, ``mean((p - y)^2)`` over samples and outputs.

    Targets have shape (n_samples, n_out), or (n_samples,) for one output. Fits any output activation.
    """

    kind = "squared_error"
    metric = "r2"
    any_units = True
    score = staticmethod(metrics.r2)


class AbsoluteError(Loss):
    """Absolute error, ``mean(|p - y|)`` over samples and outputs; it leads to the median.

    The derivative at ``p = y`` is taken as 0. Targets have shape (n_samples, n_out), or (n_samples,) for one output.
    Fits any output activation.
    """

    kind = "absolute_error"
    metric = "r2"
    any_units = True
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
    any_units = True
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
    any_units = True
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
    any_units = True
    _checks: ClassVar = {"q": lambda value: real(value, "q", 0, 1, low_allowed=False)}

    def __init__(self, q=0.5):
        self.q = q

    def score(self, outputs, targets, sample_weight=None):
        return metrics.d2_pinball(outputs, targets, sample_weight, q=self.q)


class Poisson(Loss):
    """Negative log-likelihood of counts, ``m - y log m``, mean over samples and outputs; without the term log(y!).

    With `log_input`, as in PyTorch, the outputs z are the logarithms of the expected counts m, ``exp(z) - y z``: for an
    identity output, and ``numpy.exp(net.predict(X))`` are the counts. Otherwise the outputs are the counts themselves,
    for a softplus output, whose logarithm is taken from what goes into it. Targets are not negative, of shape
    (n_samples, n_out), or (n_samples,) for one output. Scored by the share of the deviance that is explained.

    Parameters
    ----------
    log_input : bool, default True

    Raises
    ------
    TypeError
        If log_input is not True or False.
    """

    outputs = ("identity",)
    limits = (0.0, math.inf)
    metric = "d2"
    _checks: ClassVar = {"log_input": lambda value: boolean(value, "log_input")}

    def __init__(self, log_input=True):
        self.log_input = log_input

    @property
    def kind(self):
        return "poisson" if self.log_input else "poisson_softplus"

    @property
    def fused(self):
        return None if self.log_input else "softplus"

    def score(self, outputs, targets, sample_weight=None):
        return metrics.d2_poisson(outputs, targets, sample_weight, log_input=self.log_input)

    def predictions(self, outputs):
        return np.exp(outputs) if self.log_input else outputs


class GaussianNLL(Loss):
    """Negative log-likelihood of a normal distribution whose variance is predicted too (Nix & Weigend 1994).

    Of a network with 2 n outputs the first n are means m, the others logarithms s of variances: with
    ``v = max(exp(s), epsilon)`` it is ``(log v + (m - y)^2 / v) / 2``, mean over samples and the n targets, without the
    constant log(2 pi) / 2. Below epsilon a variance has no gradient (PyTorch, with the same values, lets it through).
    Needs an identity output. Targets have shape (n_samples, n), or (n_samples,) for one. Scored by the means.

    Parameters
    ----------
    epsilon : float, default 1e-6
        Greater than 0.

    Raises
    ------
    TypeError, ValueError
        If epsilon is no such number.
    """

    kind = "gaussian_nll"
    outputs = ("identity",)
    metric = "r2"
    _checks: ClassVar = {"epsilon": lambda value: real(value, "epsilon", 0, low_allowed=False)}

    def __init__(self, epsilon=1e-6):
        self.epsilon = epsilon

    def check(self, activation, n_out):
        super().check(activation, n_out)
        if n_out % 2:
            raise ValueError(
                f"{self!r} needs 2 outputs for each target, first the means, then the logarithms of their variances, "
                f"got a network with {n_out} output{'s'[: n_out > 1]}"
            )

    def targets(self, y, n_samples, n_out, dtype):
        return super().targets(y, n_samples, self.n_targets(n_out), dtype)

    def n_targets(self, n_out):
        return n_out // 2

    def score(self, outputs, targets, sample_weight=None):
        return metrics.r2(self.predictions(outputs), targets, sample_weight)

    def predictions(self, outputs):
        return outputs[:, : outputs.shape[1] // 2]


class Hinge(Loss):
    """Hinge loss of outputs that are margins, not probabilities: for an identity output, or tanh.

    With one output, or several that each answer yes or no, ``max(0, 1 - y p)``, mean over samples and outputs: targets
    are 1 and -1, or 1 and 0 with the same meaning, of shape (n_samples, n_out), or (n_samples,) for one output.

    With labels 0 ... n_out - 1, integers of shape (n_samples,), and several outputs, ``max(0, 1 + p_r - p_label)``, p_r
    the highest of the others (Crammer & Singer 2001, as scikit-learn's hinge_loss); the first of them, where there are
    several.
    """

    kind = "hinge"
    outputs = ("identity", "tanh")
    limits = (-1.0, 1.0)
    whole = True
    metric = "accuracy"

    def targets(self, y, n_samples, n_out, dtype):
        y = as_array(y, "y")
        if y.ndim == 1 and n_out > 1:
            return as_labels(y, n_samples, n_out)
        y = as_rows(y, n_samples, n_out, dtype)
        if not (((y == 1) | (y == -1)).all() or ((y == 1) | (y == 0)).all()):
            raise ValueError(
                f"y must be 1 and -1, or 1 and 0, for {self!r}, got values from {y.min():g} to {y.max():g}"
                + (f"; labels 0 ... {n_out - 1} have shape ({n_samples},)" if n_out > 1 else "")
            )
        return y

    def classes(self, targets, n_out):
        if targets.ndim == 1:
            return targets, range(n_out)
        return yes_or_no(self, targets, (-1, 1) if targets.min() < 0 else (0, 1))

    def score(self, outputs, targets, sample_weight=None):
        if targets.ndim == 1:
            return metrics.accuracy(outputs, targets, sample_weight)
        return metrics.binary_accuracy(self.predictions(outputs), targets, sample_weight)

    def predictions(self, outputs):
        return outputs + outputs.dtype.type(0.5)  # 1/2 is what divides yes from no


class SquaredHinge(Hinge):
    """The square of the hinge loss: of each output's with targets 1 and -1, of the sample's with labels.

    Outputs and targets as for `Hinge`.
    """

    kind = "squared_hinge"


class CrossEntropy(Loss):
    """Cross-entropy of a softmax output, ``-log p[label]``, mean over samples.

    Targets are labels 0 ... n_out - 1, integers of shape (n_samples,), or probabilities of the classes,
    (n_samples, n_out) with rows that sum to 1, one-hot rows among them: ``-sum_j y_j log p_j``. Loss and gradient
    (``p - y``) are taken from what goes into the softmax: no probability is rounded before its logarithm.

    Parameters
    ----------
    label_smoothing : float, default 0
        The share of each target that is spread evenly over all classes, its own among them: ``(1 - label_smoothing) y +
        label_smoothing / n_out`` stands for y (Szegedy et al. 2016). In [0, 1).

    Raises
    ------
    TypeError, ValueError
        If label_smoothing is no such number.
    """

    kind = "cross_entropy"
    fused = "softmax"
    limits = (0.0, 1.0)
    metric = "accuracy"
    score = staticmethod(metrics.accuracy)
    _checks: ClassVar = {"label_smoothing": lambda value: real(value, "label_smoothing", 0, 1)}

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def targets(self, y, n_samples, n_out, dtype):
        return as_classes(y, n_samples, n_out, dtype)

    def classes(self, targets, n_out):
        return one_class(self, targets), range(n_out)


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

    def classes(self, targets, n_out):
        return yes_or_no(self, targets, (0, 1))


class FocalCrossEntropy(Loss):
    """Focal loss of a softmax output (Lin et al. 2017), mean over samples: ``-(1 - p[label])^gamma log p[label]``.

    What is right already counts less than in `CrossEntropy`, which it is for gamma 0. Targets as there; with rows of
    probabilities it is ``-sum_j y_j (1 - p_j)^gamma log p_j``. Loss and gradient are taken from what goes into the
    softmax.

    Parameters
    ----------
    gamma : float, default 2
        Not negative.
    alpha : sequence of n_out floats, optional
        A factor for the loss of each class, greater than 0. Unlike `class_weight`, it is no weight of a mean.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "focal"
    fused = "softmax"
    limits = (0.0, 1.0)
    metric = "accuracy"
    score = staticmethod(metrics.accuracy)
    _checks: ClassVar = {
        "gamma": lambda value: real(value, "gamma", 0),
        "alpha": lambda value: None if value is None else _as_factors(value),
    }

    def __init__(self, gamma=2.0, alpha=None):
        self.gamma = gamma
        self.alpha = alpha

    def check(self, activation, n_out):
        super().check(activation, n_out)
        if self.alpha is not None and len(self.alpha) != n_out:
            raise ValueError(f"alpha must have a number for each of the {n_out} classes, got {len(self.alpha)}")

    def config(self):
        return {**super().config(), "factors": None if self.alpha is None else np.array(self.alpha)}

    targets = CrossEntropy.targets
    classes = CrossEntropy.classes


class BinaryFocalCrossEntropy(Loss):
    """Focal loss of sigmoid outputs (Lin et al. 2017), ``-y (1 - p)^gamma log p - (1 - y) p^gamma log(1 - p)``.

    Mean over samples and outputs. What is right already counts less than in `BinaryCrossEntropy`, which it is for gamma
    0. Targets as there. Loss and gradient are taken from what goes into the sigmoid.

    Parameters
    ----------
    gamma : float, default 2
        Not negative.
    alpha : float, optional
        With it the first term is multiplied by alpha, the second by 1 - alpha; between 0 and 1, both excluded.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "binary_focal"
    fused = "sigmoid"
    limits = (0.0, 1.0)
    metric = "accuracy"
    score = staticmethod(metrics.binary_accuracy)
    _checks: ClassVar = {
        "gamma": lambda value: real(value, "gamma", 0),
        "alpha": lambda value: None if value is None else real(value, "alpha", 0, 1, low_allowed=False),
    }

    def __init__(self, gamma=2.0, alpha=None):
        self.gamma = gamma
        self.alpha = alpha

    def config(self):
        return {**super().config(), "balance": (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)}

    classes = BinaryCrossEntropy.classes


_DEFAULTS = {"softmax": CrossEntropy, "sigmoid": BinaryCrossEntropy}


def default_loss(activation):
    """Return the loss that goes with an output activation."""
    return _DEFAULTS.get(activation, SquaredError)()


def _as_factors(values):
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"alpha must be a sequence with a number for each class, got {values!r}")
    return tuple(real(value, "a number in alpha", 0, low_allowed=False) for value in values)
