"""What the constructors of the estimators take, checked when it is used: scikit-learn wants it stored as it comes."""

import math
import numbers

from .. import _threads
from .._validation import boolean, integer, one_of, real
from ..activations import NAMES

SOLVERS = ("lbfgs", "sgd", "adam")
LEARNING_RATES = ("constant", "invscaling", "adaptive")
DTYPES = ("float32", "float64", "auto")
_OTHER_NAMES = {"logistic": "sigmoid"}  # of activations, by which scikit-learn calls them


def _real(low, high=math.inf, low_allowed=True):
    return lambda value, name: real(value, name, low, high, low_allowed)


def _integer(at_least, at_most=2**62):
    return lambda value, name: integer(value, name, at_least, at_most)


def _choice(*choices):
    return lambda value, name: one_of(value, choices, name)


def _batch_size(value, name):
    return value if isinstance(value, str) and value == "auto" else _named(value, name, "'auto'", 1)


def _patience(value, name):
    return value if isinstance(value, float) and value == math.inf else _named(value, name, "infinity", 1)


def _named(value, name, word, at_least):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer or {word}, got {value!r}")
    return integer(value, name, at_least)


def _verbose(value, name):
    return value if isinstance(value, bool) else integer(value, name, 0)


def _momentum(value, name):
    if value == 1 and not isinstance(value, bool):
        raise ValueError(f"{name} must be less than 1, got {value}: with 1 no gradient is ever forgotten")
    return real(value, name, 0, 1)


CHECKS = {
    "solver": _choice(*SOLVERS),
    "alpha": _real(0),
    "batch_size": _batch_size,
    "learning_rate": _choice(*LEARNING_RATES),
    "learning_rate_init": _real(0, low_allowed=False),
    "power_t": _real(0),
    "max_iter": _integer(1),
    "shuffle": boolean,
    "tol": _real(0),
    "verbose": _verbose,
    "warm_start": boolean,
    "momentum": _momentum,
    "nesterovs_momentum": boolean,
    "early_stopping": boolean,
    "validation_fraction": _real(0, 1),
    "beta_1": _real(0, 1),
    "beta_2": _real(0, 1),
    "epsilon": _real(0, low_allowed=False),
    "n_iter_no_change": _patience,
    "max_fun": _integer(1),
    "batch_norm": boolean,
    "dtype": _choice(*DTYPES),
    "n_threads": _integer(1, _threads.MOST),
}


def check(estimator):
    """Raise TypeError or ValueError unless all parameters are of their kind and go together."""
    for name, function in CHECKS.items():
        function(getattr(estimator, name), name)
    hidden_layers(estimator)
    if estimator.solver == "lbfgs":
        for name, reason in _NOT_WITH_LBFGS.items():
            value = getattr(estimator, name)
            if not (value is None or value is False or (isinstance(value, numbers.Real) and value == 0)):
                raise ValueError(f'{name}={value!r} cannot be had with solver="lbfgs", {reason}: take "adam" or "sgd"')


_NOT_WITH_LBFGS = {
    "dropout": "which needs a loss that is the same twice",
    "batch_norm": "which needs a loss that is the same twice",
    "callbacks": "which has no epochs",
}


def hidden_layers(estimator):
    """Return (width, activation, rate of dropout) of each hidden layer, the activation by fastbp's name."""
    sizes = estimator.hidden_layer_sizes
    sizes = [sizes] if isinstance(sizes, numbers.Integral) else _listed(sizes, "hidden_layer_sizes")
    for size in sizes:
        if not isinstance(size, numbers.Integral) or isinstance(size, bool):
            raise TypeError(f"hidden_layer_sizes must be integers, got {estimator.hidden_layer_sizes!r}")
        if size <= 0:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {list(sizes)}.")
    activations = _one_each(estimator.activation, "activation", len(sizes), str)
    rates = _one_each(0.0 if estimator.dropout is None else estimator.dropout, "dropout", len(sizes), numbers.Real)
    layers = []
    for size, activation, rate in zip(sizes, activations, rates, strict=True):
        layers.append((int(size), activation_name(activation), real(rate, "dropout", 0, 1)))
    return layers


def activation_name(name):
    """Return fastbp's name of an activation of a hidden layer; ValueError if there is none."""
    known = [each for each in NAMES if each != "softmax"]
    one_of(name, (*_OTHER_NAMES, *known), "activation")
    return _OTHER_NAMES.get(name, name)


def last_activation(estimator):
    """Return the activation that goes into the output layer, by whose name its first weights are drawn."""
    value = estimator.activation
    if isinstance(value, str):
        return activation_name(value)
    layers = hidden_layers(estimator)
    return layers[-1][1] if layers else "identity"


def _listed(values, name):
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a number or a sequence of numbers, got {values!r}")
    return list(values)


def _one_each(value, name, n, kind):
    """Return n values, from as many or from one for all."""
    if isinstance(value, kind):
        return [value] * n
    values = list(value) if hasattr(value, "__iter__") else None
    if values is None or len(values) != n:
        raise ValueError(f"{name} must be one for all {n} hidden layers or one for each, got {value!r}")
    return values
