"""Optimisers as objects: defaults, checks of hyper-parameters, how they compare and read."""

import copy
import math
import pickle

import numpy as np
import pytest

import fastbp

DEFAULTS = {
    fastbp.SGD: {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    fastbp.Adam: {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
}
# What a hyper-parameter may be, and what it may not: value, error, what the message says.
POSITIVE = [0, -0.5, math.nan, math.inf, -math.inf]
GOOD = {
    "learning_rate": [1e-12, 1, 1e30, np.float32(0.5), np.int64(2)],
    "weight_decay": [0, 0.5, 3],
    "momentum": [0, 0.5, 0.999],
    "beta_1": [0, 0.5],
    "beta_2": [0, 0.999999],
    "epsilon": [1e-30, 1],
}
BAD = {
    "learning_rate": ("greater than 0 and finite", POSITIVE),
    "epsilon": ("greater than 0 and finite", POSITIVE),
    "weight_decay": ("at least 0 and finite", [-1e-9, math.nan, math.inf]),
    "momentum": ("at least 0 and less than 1", [-0.1, 1, 1.5, math.nan]),
    "beta_1": ("at least 0 and less than 1", [-0.1, 1, math.nan]),
    "beta_2": ("at least 0 and less than 1", [-0.1, 1, math.nan]),
}
NO_NUMBERS = ["0.1", None, [0.1], 1j, True]


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
    + [(fastbp.SGD, "nesterov", v, TypeError, "nesterov must be True or False, got ") for v in (1, None, "yes")],
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
    assert fastbp.SGD(momentum=0.5, nesterov=True).nesterov is True


@pytest.mark.parametrize("kind", DEFAULTS)
def test_unknown_names(kind):
    with pytest.raises(AttributeError, match=f"{kind.__name__} has no hyper-parameter 'lr'"):
        kind().lr = 0.1
    with pytest.raises(TypeError, match="lr"):
        kind(lr=0.1)


@pytest.mark.parametrize(
    "optimizer", [fastbp.SGD(), fastbp.SGD(0.3, 0.9, True, 0.01), fastbp.Adam(0.3, 0.8, 0.99, 1e-5, 0.01)]
)
def test_optimizers_are_values(optimizer):
    for twin in (eval(repr(optimizer), vars(fastbp)), pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert twin == optimizer
        assert vars(twin) == vars(optimizer)
        twin.learning_rate = 0.7
        assert twin != optimizer
    assert optimizer != fastbp.SGD(0.25)
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
