"""Optimisers as a user describes them; the engine takes the steps, in place.

Hyper-parameters can be changed at any time, also by a callback during training; each is checked when it is set.
"""

from ._validation import Checked, boolean, real

__all__ = ["SGD", "Adam", "Optimizer"]

_CHECKS = {
    "learning_rate": lambda value: real(value, "learning_rate", 0, low_allowed=False),
    "weight_decay": lambda value: real(value, "weight_decay", 0),
    "momentum": lambda value: real(value, "momentum", 0, 1),
    "nesterov": lambda value: boolean(value, "nesterov"),
    "beta_1": lambda value: real(value, "beta_1", 0, 1),
    "beta_2": lambda value: real(value, "beta_2", 0, 1),
    "epsilon": lambda value: real(value, "epsilon", 0, low_allowed=False),
}


class Optimizer(Checked):
    """What all optimisers share: hyper-parameters that are checked when they are set."""

    kind = ""
    _checks = _CHECKS

    def __setattr__(self, name, value):
        if name not in _CHECKS:
            raise AttributeError(f"{type(self).__name__} has no hyper-parameter {name!r}")
        super().__setattr__(name, value)

    def config(self):
        """Return the hyper-parameters and the kind, as a dict of plain values."""
        return {"kind": self.kind, **vars(self)}

    def n_states(self):
        """Return how many numbers are remembered for each parameter."""
        raise NotImplementedError

    def __eq__(self, other):
        return type(self) is type(other) and self.config() == other.config()

    __hash__ = None

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class SGD(Optimizer):
    """Stochastic gradient descent: ``w -= learning_rate * g``.

    With weight decay ``g += weight_decay * w`` first; with momentum ``v = momentum * v + g`` (``v = g`` in the first
    step) replaces ``g``, or with Nesterov's ``g + momentum * v`` does (Sutskever et al. 2013, in PyTorch's form).

    Parameters
    ----------
    learning_rate : float, default 0.1
        Greater than 0.
    momentum : float, default 0
        In [0, 1).
    nesterov : bool, default False
        Needs momentum.
    weight_decay : float, default 0
        Not negative.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "sgd"

    def __init__(self, learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs a momentum greater than 0, 0.9 say, got 0")

    def n_states(self):
        return 1 if self.momentum else 0


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with PyTorch's defaults and order of operations.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Greater than 0.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay of the running means of the gradient and of its square, in [0, 1).
    epsilon : float, default 1e-8
        Greater than 0; added to the root of the mean square.
    weight_decay : float, default 0
        Not negative; ``g += weight_decay * w`` before all else.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "adam"

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay

    def n_states(self):
        return 2


def as_optimizer(optimizer):
    """Return an optimiser; TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a fastbp optimiser, SGD() or Adam(), got {optimizer!r}")
    return optimizer
