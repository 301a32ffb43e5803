"""Online learning keeps in step with everything else that is done to the trainer and the network."""

import numpy as np
import pytest

import fastbp
from tests import makers as make

OPTIMIZERS = [fastbp.SGD(0.1), fastbp.SGD(0.05, momentum=0.9), fastbp.Adam(0.01)]
X, Y = make.samples(12, 5), make.targets("labels", 12, 3)


def learner(optimizer=None, dtype="float64"):
    return fastbp.Trainer(make.network([5, 7, 3], "tanh", "softmax", dtype), optimizer=optimizer)


def steps(trainer, rows):
    """The same as learning the rows one after another, by fits of one row each."""
    for i in rows:
        trainer.fit(X[i : i + 1], Y[i : i + 1], epochs=1)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_between_fits(dtype, optimizer):
    one, other = learner(optimizer, dtype), learner(optimizer, dtype)
    for i in range(12):
        if i % 3:
            one.learn_one(X[i], Y[i])
        else:
            steps(one, [i])
    steps(other, range(12))
    assert make.same_bits(one.network.params, other.network.params)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_hyper_parameters_may_change(optimizer):
    one, other = learner(type(optimizer)(**vars(optimizer))), learner(type(optimizer)(**vars(optimizer)))
    for i in range(12):
        for trainer in (one, other):
            trainer.optimizer.learning_rate = 0.01 * (i + 1)
            trainer.optimizer.weight_decay = 0.1 * (i > 5)
        one.learn_one(X[i], Y[i])
        steps(other, [i])
    assert make.same_bits(one.network.params, other.network.params)


def test_optimizers_may_change():
    one, other = learner(fastbp.SGD(0.1)), learner(fastbp.SGD(0.1))
    for i in range(12):
        if i % 4 == 2:
            for trainer in (one, other):
                trainer.optimizer = OPTIMIZERS[i // 4]
        one.learn_one(X[i], Y[i])
        steps(other, [i])
    assert make.same_bits(one.network.params, other.network.params)


def test_what_must_be_converted_is_learnt_by_the_same_learner(dtype):
    one, other = learner(fastbp.Adam(0.01), dtype), learner(fastbp.Adam(0.01), dtype)
    first = None
    for x, y in zip(X.astype(dtype), Y, strict=True):
        assert one.learn_one(x.tolist(), int(y)) == other.learn_one(x, int(y))
        first = first or one._learner
        assert one._learner is first
    assert make.same_bits(one.network.params, other.network.params)


def test_parameters_may_be_written():
    trainer = learner(fastbp.SGD(0.1))
    first = trainer.learn_one(X[0], Y[0])
    trainer.network.params[...] = make.network([5, 7, 3], "tanh", "softmax").params
    assert trainer.learn_one(X[0], Y[0]) == first


def test_targets_may_change(restored_target):
    one, other = learner(fastbp.SGD(0.1)), learner(fastbp.SGD(0.1))
    for i, name in enumerate(fastbp.available_targets() * 2):
        fastbp.set_target(name)
        one.learn_one(X[i], Y[i])
        steps(other, [i])
    assert make.same_bits(one.network.params, other.network.params)


def test_two_trainers_of_one_network_take_turns():
    net = make.network([5, 7, 3], "tanh", "softmax")
    turns = [fastbp.Trainer(net, optimizer=fastbp.SGD(0.1)) for _ in range(2)]
    other = learner(fastbp.SGD(0.1))
    for i in range(12):
        turns[i % 2].learn_one(X[i], Y[i])
        steps(other, [i])
    assert make.same_bits(net.params, other.network.params)


BAD = {
    "too few features": (np.ones(4), 0),
    "too many features": (np.ones(6), 0),
    "a matrix": (np.ones((1, 5)), 0),
    "NaN": (np.full(5, np.nan), 0),
    "infinity": (np.full(5, np.inf), 0),
    "too large for float32": (np.full(5, 1e300), 0),
    "text": (list("abcde"), 0),
    "nothing": (None, 0),
    "a label too high": (np.ones(5), 3),
    "a label too low": (np.ones(5), -1),
    "a label much too high": (np.ones(5), 2**70),
    "a label that is no integer": (np.ones(5), 1.0),
    "a label that is text": (np.ones(5), "1"),
    "no label": (np.ones(5), None),
    "labels": (np.ones(5), [0, 1]),
    "probabilities that sum to 2": (np.ones(5), [1, 1, 0]),
    "too few probabilities": (np.ones(5), [0.5, 0.5]),
}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(("x", "y"), BAD.values(), ids=BAD)
def test_bad_input(x, y, warm):
    trainer = learner(fastbp.Adam(0.01), "float32")
    if warm:
        trainer.learn_one(X[0].astype("float32"), 1)
    before = trainer.network.params.copy()
    with pytest.raises((TypeError, ValueError), match=r"\b(x|X|y|labels)\b.*must.*got"):
        trainer.learn_one(x if x is None or isinstance(x, list) else x.astype("float64"), y)
    assert make.same_bits(trainer.network.params, before)
    twin = learner(fastbp.Adam(0.01), "float32")
    if warm:
        twin.learn_one(X[0], 1)
    for each in (trainer, twin):
        each.learn_one(X[1], 2)
    assert make.same_bits(trainer.network.params, twin.network.params)


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, -np.inf, 1e300, pytest.param(10**400, id="10**400"), None, "1", 1j, [1, 1]], ids=str
)
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_bad_numbers(output, value):
    trainer = fastbp.Trainer(make.network([5, 1], output=output, dtype="float32"))
    x = X[0].astype("float32")
    for _ in range(2):
        before = trainer.network.params.copy()
        with pytest.raises((TypeError, ValueError), match=r"^y must .*got"):
            trainer.learn_one(x, value)
        assert make.same_bits(trainer.network.params, before)
        trainer.learn_one(x, 1)
        trainer.learn_one(x, [0.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_bad_targets(output, value):
    trainer = fastbp.Trainer(make.network([5, 3], output=output, dtype="float32"))
    for _ in range(2):
        before = trainer.network.params.copy()
        with pytest.raises(ValueError, match=r"^y must be .*got"):
            trainer.learn_one(X[0], [0, value, 1])
        assert make.same_bits(trainer.network.params, before)
        trainer.learn_one(X[0], [0, 1, 1])
