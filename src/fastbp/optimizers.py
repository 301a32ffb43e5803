"""Optimisers as a user describes them; the engine takes the steps, in place.

Hyper-parameters can be changed at any time, also by a callback during training; each is checked when it is set. Names
and defaults are PyTorch's, but for SGD's learning rate; orders of operations are, too.
"""

from ._engine.optimizers import n_states
from ._validation import Settings, boolean, real
from .schedules import Schedule, as_schedule

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "Optimizer", "RMSprop", "Rprop"]


def _positive(name, below=float("inf")):
    return lambda value: real(value, name, 0, below, low_allowed=False)


def _not_negative(name, below=float("inf")):
    return lambda value: real(value, name, 0, below)


def _flag(name):
    return lambda value: boolean(value, name)


def _limit(name):
    return lambda value: None if value is None else real(value, name, 0, low_allowed=False)


def _learning_rate(value):
    if isinstance(value, Schedule) or (callable(value) and not isinstance(value, type)):
        return as_schedule(value)
    return real(value, "learning_rate", 0, low_allowed=False)


_CHECKS = {
    "learning_rate": _learning_rate,
    **{name: _positive(name) for name in ("epsilon", "min_step", "max_step")},
    **{name: _not_negative(name) for name in ("weight_decay", "learning_rate_decay", "initial_accumulator_value")},
    **{name: _not_negative(name, 1) for name in ("momentum", "beta_1", "beta_2", "alpha", "rho")},
    **{name: _flag(name) for name in ("nesterov", "amsgrad", "centered", "decoupled_weight_decay")},
    **{name: _limit(name) for name in ("clip_value", "clip_norm")},
    "momentum_decay": _not_negative("momentum_decay"),
    "eta_minus": _positive("eta_minus", 1),
    "eta_plus": lambda value: real(value, "eta_plus", 1, low_allowed=False),
}


class Optimizer(Settings):
    """What all optimisers share: hyper-parameters that are checked when they are set.

    Each takes, by keyword, `clip_value` and `clip_norm`: limits of the gradient, None for none. First each of its
    elements is brought into [-clip_value, clip_value]; then, if the Euclidean norm of all of it is larger than
    clip_norm, it is scaled down to that (Pascanu, Mikolov & Bengio 2013).
    """

    kind = ""
    full_batch = False
    _checks = _CHECKS
    _word = "hyper-parameter"

    def config(self):
        """Return the hyper-parameters and the kind, as a dict of plain values; a rate that is scheduled is 0."""
        scheduled = {"learning_rate": 0.0} if isinstance(self.learning_rate, Schedule) else {}
        return {"kind": self.kind, **vars(self), **scheduled}

    def n_states(self):
        """Return how many numbers are remembered for each parameter."""
        return n_states(self.config())


class SGD(Optimizer):
    """Stochastic gradient descent: ``w -= learning_rate * g``.

    With weight decay ``g += weight_decay * w`` first; with momentum ``v = momentum * v + g`` (``v = g`` in the first
    step) replaces ``g``, or with Nesterov's ``g + momentum * v`` does (Sutskever et al. 2013, in PyTorch's form).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.1
        Greater than 0.
    momentum : float, default 0
        In [0, 1).
    nesterov : bool, default False
        Needs momentum.
    weight_decay : float, default 0
        Not negative.
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "sgd"

    def __init__(
        self, learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0, *, clip_value=None, clip_norm=None
    ):
        self._take(locals())

    def _check_together(self, momentum, nesterov, **others):
        if nesterov and momentum == 0:
            raise ValueError("nesterov=True needs a momentum greater than 0, 0.9 say, got 0")


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011): each parameter's rate falls with the sum of its squared gradients.

    ``s += g**2``, then ``w -= learning_rate * g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        Greater than 0.
    learning_rate_decay : float, default 0
        Not negative; the rate of step t = 0, 1, ... is ``learning_rate / (1 + learning_rate_decay * t)``.
    weight_decay : float, default 0
        Not negative; ``g += weight_decay * w`` before all else.
    initial_accumulator_value : float, default 0
        What the sums begin with; not negative.
    epsilon : float, default 1e-10
        Greater than 0.
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "adagrad"

    def __init__(
        self,
        learning_rate=0.01,
        learning_rate_decay=0.0,
        weight_decay=0.0,
        initial_accumulator_value=0.0,
        epsilon=1e-10,
        *,
        clip_value=None,
        clip_norm=None,
    ):
        self._take(locals())


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012, lecture 6e; centered: Graves 2013): ``w -= learning_rate * g / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        Greater than 0.
    alpha : float, default 0.99
        Decay of ``v``, the running mean of the squared gradient, in [0, 1).
    epsilon : float, default 1e-8
        Greater than 0; added to the root.
    weight_decay : float, default 0
        Not negative; ``g += weight_decay * w`` before all else.
    momentum : float, default 0
        In [0, 1); above 0, ``b = momentum * b + g / (sqrt(v) + epsilon)`` is what parameters move by.
    centered : bool, default False
        Whether ``v`` is the variance, the mean square less the square of the mean.
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "rmsprop"

    def __init__(
        self,
        learning_rate=0.01,
        alpha=0.99,
        epsilon=1e-8,
        weight_decay=0.0,
        momentum=0.0,
        centered=False,
        *,
        clip_value=None,
        clip_norm=None,
    ):
        self._take(locals())


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012, algorithm 1): steps as large as the last steps were, whatever the gradient's scale.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1
        Greater than 0; what the paper's step is multiplied by.
    rho : float, default 0.9
        Decay of the running means of squared gradients and squared steps, in [0, 1).
    epsilon : float, default 1e-6
        Greater than 0; added under both roots.
    weight_decay : float, default 0
        Not negative; ``g += weight_decay * w`` before all else.
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "adadelta"

    def __init__(self, learning_rate=1.0, rho=0.9, epsilon=1e-6, weight_decay=0.0, *, clip_value=None, clip_norm=None):
        self._take(locals())


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with PyTorch's defaults and order of operations.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        Greater than 0.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay of the running means of the gradient and of its square, in [0, 1).
    epsilon : float, default 1e-8
        Greater than 0; added to the root of the mean square.
    weight_decay : float, default 0
        Not negative; ``g += weight_decay * w`` before all else.
    amsgrad : bool, default False
        Whether the largest mean square so far takes the place of the last (Reddi, Kale & Kumar 2018).
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "adam"

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_decay=0.0,
        amsgrad=False,
        *,
        clip_value=None,
        clip_norm=None,
    ):
        self._take(locals())


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).

    The parameters shrink by ``learning_rate * weight_decay`` of themselves before each step, and the gradient knows
    nothing of it.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, amsgrad, clip_value, clip_norm
        As of `Adam`.
    weight_decay : float, default 0.01
        Not negative.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "adamw"

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_decay=0.01,
        amsgrad=False,
        *,
        clip_value=None,
        clip_norm=None,
    ):
        self._take(locals())


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016, algorithm 2).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.002
        Greater than 0.
    beta_1, beta_2, epsilon, clip_value, clip_norm
        As of `Adam`.
    weight_decay : float, default 0
        Not negative; ``g += weight_decay * w`` before all else.
    momentum_decay : float, default 0.004
        Not negative; the momentum of step t = 1, 2, ... is ``beta_1 * (1 - 0.96**(t * momentum_decay) / 2)``.
    decoupled_weight_decay : bool, default False
        Whether the parameters themselves shrink, as with `AdamW`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "nadam"

    def __init__(
        self,
        learning_rate=0.002,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_decay=0.0,
        momentum_decay=0.004,
        decoupled_weight_decay=False,
        *,
        clip_value=None,
        clip_norm=None,
    ):
        self._take(locals())


class Lion(Optimizer):
    """Lion (Chen et al. 2023, algorithm 2, "Symbolic discovery of optimization algorithms").

    ``w -= learning_rate * (sign(beta_1 * m + (1 - beta_1) * g) + weight_decay * w)``, then
    ``m = beta_2 * m + (1 - beta_2) * g``. Every parameter moves by the learning rate, which is to be smaller than
    Adam's, by 3 to 10 times; the weight decay larger by as much.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.0001
        Greater than 0.
    beta_1, beta_2 : float, default 0.9 and 0.99
        In [0, 1).
    weight_decay : float, default 0
        Not negative; decoupled.
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "lion"

    def __init__(
        self, learning_rate=1e-4, beta_1=0.9, beta_2=0.99, weight_decay=0.0, *, clip_value=None, clip_norm=None
    ):
        self._take(locals())


class Rprop(Optimizer):
    """Resilient back-propagation (Riedmiller & Braun 1993), for the gradient of all samples at once.

    Each parameter has a step of its own, which grows while its gradient keeps its sign and shrinks when it does not,
    and moves by it against the gradient's sign; after a change of sign it rests for a step. Signs of mini-batches say
    little, so `Trainer.fit` wants a `batch_size` of all samples, or as many mini-batches accumulated.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        The first step; greater than 0. Later steps do not depend on it.
    eta_minus, eta_plus : float, default 0.5 and 1.2
        What a step is multiplied by to shrink and to grow; in (0, 1), and greater than 1.
    min_step, max_step : float, default 1e-6 and 50
        Limits of a step; greater than 0.
    clip_value, clip_norm : float, optional
        Limits of the gradient; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If a hyper-parameter is not in its range.
    """

    kind = "rprop"
    full_batch = True

    def __init__(
        self,
        learning_rate=0.01,
        eta_minus=0.5,
        eta_plus=1.2,
        min_step=1e-6,
        max_step=50.0,
        *,
        clip_value=None,
        clip_norm=None,
    ):
        self._take(locals())

    def _check_together(self, min_step, max_step, **others):
        if min_step > max_step:
            raise ValueError(f"min_step must be at most max_step, got {min_step} and {max_step}")


def as_optimizer(optimizer):
    """Return an optimiser; TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a fastbp optimiser, SGD(), Adam() or LBFGS(), got {optimizer!r}")
    return optimizer
