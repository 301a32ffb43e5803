"""Optimisers as objects: defaults, checks of hyper-parameters, how they compare and read."""

import copy
import math
import pickle

import numpy as np
import pytest

import fastbp
from tests import makers as make

ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
LIMITS = {"clip_value": None, "clip_norm": None}
# PyTorch's, but for the learning rate of SGD.
DEFAULTS = {
    fastbp.SGD: {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    fastbp.Adagrad: {
        "learning_rate": 0.01,
        "learning_rate_decay": 0.0,
        "weight_decay": 0.0,
        "initial_accumulator_value": 0.0,
        "epsilon": 1e-10,
    },
    fastbp.RMSprop: {
        "learning_rate": 0.01,
        "alpha": 0.99,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
        "momentum": 0.0,
        "centered": False,
    },
    fastbp.Adadelta: {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-6, "weight_decay": 0.0},
    fastbp.Adam: {"learning_rate": 0.001, **ADAM, "weight_decay": 0.0, "amsgrad": False},
    fastbp.AdamW: {"learning_rate": 0.001, **ADAM, "weight_decay": 0.01, "amsgrad": False},
    fastbp.NAdam: {
        "learning_rate": 0.002,
        **ADAM,
        "weight_decay": 0.0,
        "momentum_decay": 0.004,
        "decoupled_weight_decay": False,
    },
    fastbp.Lion: {"learning_rate": 1e-4, "beta_1": 0.9, "beta_2": 0.99, "weight_decay": 0.0},
    fastbp.Rprop: {"learning_rate": 0.01, "eta_minus": 0.5, "eta_plus": 1.2, "min_step": 1e-6, "max_step": 50.0},
}
DEFAULTS = {kind: {**defaults, **LIMITS} for kind, defaults in DEFAULTS.items()}
# What a hyper-parameter may be, and what it may not: value, error, what the message says.
POSITIVE = [0, -0.5, math.nan, math.inf, -math.inf]
GOOD = {
    "learning_rate": [1e-12, 1, 1e30, np.float32(0.5), np.int64(2)],
    "weight_decay": [0, 0.5, 3],
    "momentum": [0, 0.5, 0.999],
    "beta_1": [0, 0.5],
    "beta_2": [0, 0.999999],
    "epsilon": [1e-30, 1],
    "alpha": [0, 0.5],
    "rho": [0, 0.5],
    "learning_rate_decay": [0, 3],
    "initial_accumulator_value": [0, 3],
    "momentum_decay": [0, 1],
    "eta_minus": [0.01, 0.99],
    "eta_plus": [1.01, 3],
    "min_step": [1e-9, 50],
    "max_step": [1e-6, 1e9],
    "clip_value": [1e-9, 1e9],
    "clip_norm": [1e-9, 1e9],
}
BAD = {
    "learning_rate": ("greater than 0 and finite", POSITIVE),
    "epsilon": ("greater than 0 and finite", POSITIVE),
    "weight_decay": ("at least 0 and finite", [-1e-9, math.nan, math.inf]),
    "momentum": ("at least 0 and less than 1", [-0.1, 1, 1.5, math.nan]),
    "beta_1": ("at least 0 and less than 1", [-0.1, 1, math.nan]),
    "beta_2": ("at least 0 and less than 1", [-0.1, 1, math.nan]),
    "alpha": ("at least 0 and less than 1", [-0.1, 1, math.nan]),
    "rho": ("at least 0 and less than 1", [-0.1, 1, math.nan]),
    "learning_rate_decay": ("at least 0 and finite", [-1e-9, math.nan, math.inf]),
    "initial_accumulator_value": ("at least 0 and finite", [-1e-9, math.nan, math.inf]),
    "momentum_decay": ("at least 0 and finite", [-1e-9, math.nan, math.inf]),
    "eta_minus": ("greater than 0 and less than 1", [0, 1, 1.5, math.nan]),
    "eta_plus": ("greater than 1 and finite", [1, 0.5, math.nan, math.inf]),
    "min_step": ("greater than 0 and finite", POSITIVE),
    "max_step": ("greater than 0 and finite", POSITIVE),
    "clip_value": ("greater than 0 and finite", POSITIVE),
    "clip_norm": ("greater than 0 and finite", POSITIVE),
}
FLAGS = ("nesterov", "amsgrad", "centered", "decoupled_weight_decay")
NO_NUMBERS = ["0.1", [0.1], 1j, True]


def having(name):
    return [kind for kind in DEFAULTS if name in DEFAULTS[kind]]


@pytest.mark.parametrize("kind", DEFAULTS)
def test_defaults(kind):
    assert vars(kind()) == DEFAULTS[kind]


@pytest.mark.parametrize(("kind", "name", "value"), [(k, n, v) for n in GOOD for k in having(n) for v in GOOD[n]])
def test_good_values(kind, name, value):
    assert getattr(kind(**{name: value}), name) == value
    optimizer = kind()
    setattr(optimizer, name, value)
    assert getattr(optimizer, name) == value
    assert type(getattr(optimizer, name)) is float


@pytest.mark.parametrize(
    ("kind", "name", "value", "error", "message"),
    [(k, n, v, ValueError, f"{n} must be {BAD[n][0]}, got ") for n in BAD for k in having(n) for v in BAD[n][1]]
    + [(k, n, v, TypeError, f"{n} must be a number, got ") for n in BAD for k in having(n) for v in NO_NUMBERS]
    + [(k, n, v, TypeError, f"{n} must be True or False, got ") for n in FLAGS for k in having(n) for v in (1, "yes")],
)
def test_bad_values(kind, name, value, error, message):
    with pytest.raises(error, match=message):
        kind(**{name: value})
    optimizer = kind()
    with pytest.raises(error, match=message) as caught:
        setattr(optimizer, name, value)
    assert str(value) in str(caught.value)
    assert vars(optimizer) == DEFAULTS[kind]


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match=r"nesterov=True needs a momentum greater than 0, 0\.9 say, got 0"):
        fastbp.SGD(nesterov=True)
    optimizer = fastbp.SGD(momentum=0.5, nesterov=True)
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        optimizer.momentum = 0
    assert (optimizer.nesterov, optimizer.momentum) == (True, 0.5)


def test_steps_of_rprop():
    with pytest.raises(ValueError, match=r"min_step must be at most max_step, got 0\.1 and 0\.01"):
        fastbp.Rprop(min_step=0.1, max_step=0.01)
    optimizer = fastbp.Rprop()
    with pytest.raises(ValueError, match="min_step must be at most max_step"):
        optimizer.min_step = 51
    assert vars(optimizer) == DEFAULTS[fastbp.Rprop]


@pytest.mark.parametrize("kind", DEFAULTS)
def test_none_is_no_number(kind):
    for name, default in DEFAULTS[kind].items():
        if default is not None:
            with pytest.raises(TypeError, match=f"{name} must be .* got None"):
                kind(**{name: None})


@pytest.mark.parametrize("kind", DEFAULTS)
def test_unknown_names(kind):
    with pytest.raises(AttributeError, match=f"{kind.__name__} has no hyper-parameter 'lr'"):
        kind().lr = 0.1
    with pytest.raises(TypeError, match="lr"):
        kind(lr=0.1)
    with pytest.raises(TypeError, match="positional"):
        kind(*DEFAULTS[kind].values())


def test_a_hyper_parameter_of_another():
    with pytest.raises(AttributeError, match="Adam has no hyper-parameter 'momentum'"):
        fastbp.Adam().momentum = 0.9


@pytest.mark.parametrize(
    "optimizer", [fastbp.SGD(0.3, 0.9, True, 0.01), *make.OPTIMIZERS, *make.FULL_BATCH, *(kind() for kind in DEFAULTS)]
)
def test_optimizers_are_values(optimizer):
    for twin in (eval(repr(optimizer), vars(fastbp)), pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert twin == optimizer
        assert vars(twin) == vars(optimizer)
        twin.learning_rate = 0.7
        assert twin != optimizer
    assert optimizer != type(optimizer)(0.25)
    assert optimizer != type(optimizer)(optimizer.learning_rate, clip_norm=123.0)
    assert optimizer != "SGD()"


def test_kinds_differ():
    assert fastbp.SGD(0.1) != fastbp.Adam(0.1)


def test_one_optimizer_may_serve_two_trainers():
    """What an optimiser remembers of a network is kept with the trainer."""
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.zeros((20, 2))
    shared = fastbp.Adam(0.01)
    nets = [fastbp.Network.mlp([3, 4, 2], seed=seed) for seed in (0, 0, 1)]
    for net, optimizer in zip(nets, (shared, fastbp.Adam(0.01), shared), strict=True):
        fastbp.Trainer(net, optimizer=optimizer).fit(X, y, epochs=3)
    assert nets[0].params.tobytes() == nets[1].params.tobytes()
    assert vars(shared) == {**DEFAULTS[fastbp.Adam], "learning_rate": 0.01}
