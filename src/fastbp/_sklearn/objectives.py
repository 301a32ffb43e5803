"""What is made smaller: scikit-learn's objectives in terms of fastbp's losses, and what targets they take.

scikit-learn adds up over outputs where fastbp takes the mean, halves squares, and divides the penalty of the weights by
the number of samples in the batch. So its objective is ``scale`` times a loss of fastbp: the same steps are taken on
that loss with the learning rate multiplied by the scale, and the penalty and Adam's epsilon divided by it.
"""

import copy
import numbers
from dataclasses import dataclass

import numpy as np

from .. import losses
from .._custom_loss import as_loss
from ..losses import Loss
from ..optimizers import SGD, Adam

# By name: of two classes or several labels, and of more classes that exclude each other.
_OF_CLASSES = {
    "log_loss": (losses.BinaryCrossEntropy, losses.CrossEntropy),
    "focal": (losses.BinaryFocalCrossEntropy, losses.FocalCrossEntropy),
    "hinge": (losses.Hinge, losses.Hinge),
    "squared_hinge": (losses.SquaredHinge, losses.SquaredHinge),
}
# By name: the loss, and scikit-learn's objective for n outputs in units of it.
_OF_NUMBERS = {
    "squared_error": (losses.SquaredError, lambda n: n / 2),
    "poisson": (losses.Poisson, lambda n: n),
    "absolute_error": (losses.AbsoluteError, None),
    "huber": (losses.Huber, None),
    "log_cosh": (losses.LogCosh, None),
    "quantile": (losses.Quantile, None),
    "gaussian_nll": (losses.GaussianNLL, None),
}
_SKLEARN_NAMES = {"sigmoid": "logistic"}  # of output activations


@dataclass(frozen=True)
class Objective:
    """What a network is trained for.

    Parameters
    ----------
    loss : Loss
    output : str
        Activation of the output.
    n_units : int
        Outputs of the network.
    scale : float
        What the loss is multiplied by in the objective.
    shown : float
        And in `loss_`.
    by_labels : bool
        Whether targets are labels, not rows.
    """

    loss: Loss
    output: str
    n_units: int
    scale: float = 1.0
    shown: float = 1.0
    by_labels: bool = False

    @property
    def name(self):
        """scikit-learn's name of the output activation."""
        if isinstance(self.loss, losses.Poisson) and self.loss.log_input:
            return "exp"
        return _SKLEARN_NAMES.get(self.output, self.output)

    def constant(self, targets, sample_weight):
        """Return what scikit-learn adds to the loss that no parameter changes."""
        if not isinstance(self.loss, losses.Poisson):
            return 0.0
        y = targets.astype(np.float64)
        deviance = y * np.log(np.where(y > 0, y, 1)) - y
        return float(np.average(deviance.sum(axis=1), weights=sample_weight))

    def optimizer(self, estimator):
        """Return the optimiser that takes scikit-learn's steps."""
        rate = float(estimator.learning_rate_init)
        if estimator.solver == "adam":
            return AdamOfSklearn(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon / self.scale)
        momentum = float(estimator.momentum)
        return SGD(rate * self.scale, momentum, nesterov=estimator.nesterovs_momentum and momentum > 0)

    def penalty(self, alpha):
        """Return the l2 of each layer."""
        return alpha / 2 / self.scale


class AdamOfSklearn(Adam):
    """Adam as Kingma & Ba (2015) write it at the end of section 2: epsilon is added before the bias is corrected."""

    def config(self):
        return {**super().config(), "epsilon_hat": True}


def of_classes(loss, n_classes, multilabel):
    """Return the Objective for a classifier; TypeError or ValueError if the loss is none for it."""
    many = not multilabel and n_classes > 2
    if isinstance(loss, str):
        known = _known(loss, _OF_CLASSES)
        # log_loss adds up over labels, as scikit-learn does; the others are fastbp's own.
        scale = float(n_classes) if multilabel and loss == "log_loss" else 1.0
        loss = known[many]()
    elif isinstance(loss, Loss):
        scale = 1.0
    else:
        raise TypeError(f"loss must be one of {', '.join(_OF_CLASSES)} or a fastbp loss of classes, got {loss!r}")
    if loss.fused not in ("softmax", "sigmoid") and not isinstance(loss, losses.Hinge):
        raise ValueError(f"loss must be one of classes, CrossEntropy() say, got {loss!r}")
    if multilabel and loss.fused == "softmax":
        raise ValueError(f"{loss!r} is for classes that exclude each other, y has several labels: BinaryCrossEntropy()")
    if many and loss.fused == "sigmoid":
        raise ValueError(f"{loss!r} is for two classes or several labels, y has {n_classes} classes: CrossEntropy()")
    by_labels = many or loss.fused == "softmax"
    n_units = n_classes if multilabel or by_labels else 1
    return _made(loss, loss.fused or "identity", n_units, scale, scale, by_labels)


def of_numbers(loss, n_outputs):
    """Return the Objective for a regressor with so many targets; TypeError or ValueError if the loss is none for it."""
    scale = shown = 1.0
    if isinstance(loss, str):
        make, scale_of = _known(loss, _OF_NUMBERS)
        if scale_of is not None:
            scale = scale_of(n_outputs)
            shown = 0.5 if loss == "squared_error" else scale
        loss = make()
    elif isinstance(loss, numbers.Integral | tuple | list):
        raise TypeError(
            f"loss must be one of {', '.join(_OF_NUMBERS)} or a fastbp loss, got {loss!r}: it is the first argument, "
            "as scikit-learn has it since 1.7; write hidden_layer_sizes=..."
        )
    else:
        loss = as_loss(loss)
    if loss.fused in ("softmax", "sigmoid") or isinstance(loss, losses.Hinge):
        raise ValueError(f"loss must be one of numbers, SquaredError() say, got {loss!r}: for classes MLPClassifier")
    n_units = n_outputs * 2 if isinstance(loss, losses.GaussianNLL) else n_outputs
    return _made(loss, loss.fused or "identity", n_units, scale, shown)


def _known(name, table):
    if name not in table:
        raise ValueError(f"loss must be one of {', '.join(table)} or a fastbp loss, got {name!r}")
    return table[name]


def _made(loss, *rest):
    """Return an Objective in which penalties of weights are shared out over the samples of a batch."""
    loss = copy.copy(loss)
    vars(loss)["penalty_of_sum"] = True
    return Objective(loss, *rest)
