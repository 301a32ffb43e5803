"""The functions of fastbp.h: the bits of the Python methods that they are named after, or a status."""

import contextlib
import copy
import gc
import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastbp
from tests import c_model, test_layer_kinds
from tests import makers as make
from tests.c_model import BAD_ARGUMENT, BAD_TARGET, BUSY, EXPIRED, NO_TRAINER, NOT_FINITE, OK

X, LABELS = make.samples(60, 5), make.targets("labels", 60, 3)


def rows_of(kind, n_samples, n_out, dtype):
    """Targets as the struct takes them."""
    y = make.targets(kind, n_samples, n_out)
    return y.astype(np.intp) if kind == "labels" else y.astype(dtype)


def trainer_of(output="softmax", dtype="float64", loss=None, optimizer=None, widths=(5, 7, 4), **settings):
    net = make.network(list(widths), output=output, dtype=dtype)
    return fastbp.Trainer(net, loss, copy.copy(optimizer), **settings)


def state(trainer):
    """All that learning changes."""
    trainer._retire_learner()
    arrays = trainer.network.params, trainer.network.buffers, trainer._states, trainer._average
    counts = trainer._n_steps, trainer._n_batches, trainer._averages
    return [None if each is None else each.tobytes() for each in arrays], counts


# Predictions


def test_what_the_struct_says(dtype):
    trainer = trainer_of(dtype=dtype, optimizer=fastbp.SGD(0.25))
    net = trainer.network
    of_network, of_trainer = c_model.Model(net.capsule()), c_model.Model(trainer.capsule())
    for model in (of_network, of_trainer):
        struct = model.struct
        assert (struct.abi, struct.size) == (1, 136)
        assert (struct.bits, struct.n_in, struct.n_out) == (net.dtype.itemsize * 8, 5, 4)
        assert (struct.n_params, struct.params) == (net.n_params, net.params.ctypes.data)
    assert (of_network.struct.n_targets, of_network.struct.takes_labels) == (0, 0)
    assert np.isnan(of_network.struct.learning_rate)
    assert (of_trainer.struct.n_targets, of_trainer.struct.takes_labels) == (4, 1)
    assert of_trainer.struct.learning_rate == 0.25


def test_messages():
    messages = [c_model.Model(make.network([2, 1]).capsule()).struct.message(n) for n in range(-1, NOT_FINITE + 2)]
    assert messages[0] == messages[-1] == b"no status of fastbp's"
    assert len(set(messages)) == NOT_FINITE + 2
    assert all(len(message) > 10 for message in messages)


@pytest.mark.parametrize("n_samples", [1, 2, 65, 256, 1000])
def test_predict(target, dtype, n_samples):
    net = make.network([5, 40, 30, 3], "gelu", "softmax", dtype)
    x = make.samples(700, 5).astype(dtype)
    expected, out = net.predict(x), np.empty((700, 3), dtype)
    model = c_model.Model(net.capsule(n_samples))
    assert model.predict(x, out) == OK
    assert make.same_bits(out, expected)
    for i in (0, 699):
        assert model.predict_one(x[i], out[0]) == OK
        assert make.same_bits(out[0], expected[i])
    assert model.predict(x[:0], out) == OK
    assert make.same_bits(out[1:], expected[1:])


@pytest.mark.parametrize("layers", test_layer_kinds.NETWORKS.values(), ids=test_layer_kinds.NETWORKS)
def test_every_layer_predicts(dtype, layers):
    net = test_layer_kinds.network(layers, dtype)
    x = test_layer_kinds.samples(net, 70).astype(dtype)
    expected, out = net.predict(x), np.full((70, net.n_out), np.nan, dtype)
    model = c_model.Model(net.capsule(64))
    assert model.predict(x, out) == OK
    assert make.same_bits(out, expected)
    for row, one in zip(x, expected, strict=True):
        assert model.predict_one(row, out[0]) == OK
        assert make.same_bits(out[0], one)


def test_parameters_may_be_written():
    net = make.network([5, 7, 3])
    model, out = c_model.Model(net.capsule()), np.empty(3)
    net.params[...] = make.network([5, 7, 3], seed=1).params
    assert model.predict_one(X[0], out) == OK
    assert make.same_bits(out, net.predict_one(X[0]))


# Learning


def takes_one_sample(layers):
    with contextlib.suppress(ValueError):
        return bool(fastbp.Trainer(test_layer_kinds.network(layers)).capsule())
    return False


LEARN = {name: layers for name, layers in test_layer_kinds.NETWORKS.items() if takes_one_sample(layers)}


def test_most_networks_learn():
    assert set(test_layer_kinds.NETWORKS) - set(LEARN) == {
        "batch_norm",
        "batch_norm first and last",
        "batch_norm frozen",
        "standardize, frozen",
    }


@pytest.mark.parametrize("layers", LEARN.values(), ids=LEARN)
def test_every_layer_learns(dtype, layers):
    one, other = (fastbp.Trainer(test_layer_kinds.network(layers, dtype), fastbp.SquaredError()) for _ in range(2))
    x = test_layer_kinds.samples(one.network, 40).astype(dtype)
    y = make.targets("numbers", 40, one.network.n_out).astype(dtype)
    model, loss = c_model.Model(one.capsule()), np.empty(1)
    for i in range(8):
        assert model.learn_one(x[i], y[i], loss) == OK
        assert loss[0] == other.learn_one(x[i], y[i])
    assert model.train(x, y, loss=loss) == OK
    assert loss[0] == other.fit(x, y, epochs=1, shuffle=False).loss[0]
    assert state(one) == state(other)


@pytest.mark.parametrize("optimizer", make.OPTIMIZERS, ids=repr)
def test_learning_by_turns(target, dtype, optimizer):
    """What C learns, Python goes on from, and the other way round."""
    one, other = (trainer_of(dtype=dtype, optimizer=optimizer, ema=0.9) for _ in range(2))
    x, y, loss = X.astype(dtype), LABELS.astype(np.intp), np.empty(1)
    model = c_model.Model(one.capsule())
    for i in range(20):
        expected = other.learn_one(x[i], y[i])
        if i % 3 == 0:
            assert one.learn_one(x[i], y[i]) == expected
        else:
            assert model.learn_label(x[i], y[i], loss) == OK
            assert loss[0] == expected
    one.learn_many(x[:5], y[:5])
    assert model.learn_label(x[5], y[5]) == OK
    other.learn_many(x[:6], y[:6])
    assert state(one) == state(other)
    assert model.learn_label(x[0], y[0], loss) == EXPIRED
    for trainer in (one, other):
        trainer.fit(x, y, epochs=1)
    assert c_model.Model(one.capsule()).learn_label(x[0], y[0]) == OK
    other.learn_one(x[0], y[0])
    assert state(one) == state(other)


@pytest.mark.parametrize(("loss", "output", "kind"), make.EVERY_LOSS, ids=[str(case) for case in make.EVERY_LOSS])
def test_every_loss(dtype, loss, output, kind):
    one, other = (trainer_of(output, dtype, loss, fastbp.SGD(0.01)) for _ in range(2))
    x, y = make.samples(40, 5).astype(dtype), rows_of(kind, 40, 4, dtype)
    model, found, grad = c_model.Model(one.capsule()), np.empty(1), np.empty(one.network.n_params, dtype)
    learn = model.learn_label if kind == "labels" else model.learn_one
    for i in range(5):
        assert learn(x[i], y[i], found) == OK
        assert found[0] == other.learn_one(x[i], y[i])
    weights = make.weights(40)
    assert model.loss_and_grad(x, y, weights, loss=found, grad=grad) == OK
    expected = other.network.loss_and_grad(x, y, loss, weights)
    assert found[0] == expected[0]
    assert make.same_bits(grad, expected[1])
    assert model.train(x, y, weights, loss=found) == OK
    assert found[0] == other.fit(x, y, epochs=1, sample_weight=weights, shuffle=False).loss[0]
    assert state(one) == state(other)


def test_several_tasks():
    loss = fastbp.MultiTask([(fastbp.SquaredError(), 2), (fastbp.Huber(), 2)])
    one, other = (trainer_of("identity", loss=loss) for _ in range(2))
    y = make.targets("numbers", 60, 4)
    model, found = c_model.Model(one.capsule()), np.empty(1)
    assert model.struct.n_targets == 4
    assert model.train(X, y, loss=found) == OK
    assert found[0] == other.fit(X, [y[:, :2], y[:, 2:]], epochs=1, shuffle=False).loss[0]
    assert state(one) == state(other)


@pytest.mark.parametrize("optimizer", [*make.OPTIMIZERS, *make.FULL_BATCH], ids=repr)
def test_train_is_fit(dtype, optimizer):
    full = optimizer.full_batch
    sizes = [(60, 1), (2000, 1)] if full else [(1, 1), (7, 1), (7, 3), (32, 1), (60, 1), (2000, 2)]
    x, y, weights = X.astype(dtype), LABELS.astype(np.intp), make.weights(60)
    rows, loss = np.empty(60, np.intp), np.empty(1)
    for (batch_size, accumulate), weight in itertools.product(sizes, (None, weights)):
        settings = {"batch_size": batch_size, "accumulate": accumulate, "seed": 3, "ema": 0.9}
        one, other = (trainer_of(dtype=dtype, optimizer=optimizer, **settings) for _ in range(2))
        model = c_model.Model(one.capsule())
        losses = []
        for epoch in range(3):
            assert model.shuffle(epoch, rows) == OK
            assert model.train(x, y, weight, rows, loss=loss) == OK
            losses.append(loss[0])
        assert losses == other.fit(x, y, epochs=3, sample_weight=weight).loss
        assert state(one) == state(other)
        assert model.predict_one(x[0], np.empty(4, dtype)) == OK


def test_large_batches():
    """More rows than go through at once for a gradient, in Python as here."""
    one, other = (trainer_of(batch_size=3000) for _ in range(2))
    x, y, loss = make.samples(3000, 5), make.targets("labels", 3000, 3).astype(np.intp), np.empty(1)
    model, grad = c_model.Model(one.capsule()), np.empty(one.network.n_params)
    assert model.loss_and_grad(x, y, loss=loss, grad=grad) == OK
    expected = other.network.loss_and_grad(x, y, fastbp.CrossEntropy())
    assert loss[0] == expected[0]
    assert make.same_bits(grad, expected[1])
    assert model.train(x, y, loss=loss) == OK
    assert loss[0] == other.fit(x, y, epochs=1, shuffle=False).loss[0]
    assert state(one) == state(other)


def test_gradients_in_pieces():
    trainer = trainer_of(batch_size=1)
    x, y, loss = make.samples(300, 5), make.targets("labels", 300, 3).astype(np.intp), np.empty(1)
    grad = np.empty(trainer.network.n_params)
    expected = trainer.network.loss_and_grad(x, y, fastbp.CrossEntropy())
    for n_samples in (1, 5, 64, 299):
        assert c_model.Model(trainer.capsule(n_samples)).loss_and_grad(x, y, loss=loss, grad=grad) == OK
        assert loss[0] == pytest.approx(expected[0], rel=1e-14)
        assert make.same_bits(grad, expected[1])


def test_chosen_rows():
    """Of a larger array, some more than once, as from a memory of past samples."""
    rows = np.array([59, 3, 3, 17, 0, 41, 3], np.intp)
    weights = make.weights(60)
    one, other = (trainer_of(batch_size=3) for _ in range(2))
    model, loss, grad = c_model.Model(one.capsule()), np.empty(1), np.empty(one.network.n_params)
    y = LABELS.astype(np.intp)
    assert model.loss_and_grad(X, y, weights, rows, loss=loss, grad=grad) == OK
    expected = other.network.loss_and_grad(X[rows], y[rows], fastbp.CrossEntropy(), weights[rows])
    assert loss[0] == expected[0]
    assert make.same_bits(grad, expected[1])
    assert model.train(X, y, weights, rows, loss=loss) == OK
    assert loss[0] == other.fit(X[rows], y[rows], sample_weight=weights[rows], epochs=1, shuffle=False).loss[0]
    assert state(one) == state(other)


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.Adam(0.01)], ids=repr)
def test_learning_rates(optimizer):
    one, other = (trainer_of(optimizer=optimizer) for _ in range(2))
    model, y = c_model.Model(one.capsule()), LABELS.astype(np.intp)
    for i, rate in enumerate([0.5, 1e-3, 0.02]):
        model.struct.learning_rate = other.optimizer.learning_rate = rate
        assert model.learn_label(X[i], y[i]) == OK
        other.learn_one(X[i], y[i])
        assert model.train(X, y) == OK
        other.fit(X, y, epochs=1, shuffle=False)
    other.optimizer.learning_rate = optimizer.learning_rate
    one.learn_one(X[0], y[0])  # at its own
    other.learn_one(X[0], y[0])
    assert state(one) == state(other)
    for rate in (0, -1, np.inf, np.nan):
        model = c_model.Model(one.capsule())
        model.struct.learning_rate = rate
        assert model.learn_label(X[0], y[0]) == BAD_ARGUMENT
        assert model.train(X, y) == BAD_ARGUMENT
    assert state(one) == state(other)


# What cannot be done


def test_a_network_does_not_learn():
    net = make.network([5, 7, 3], output="softmax")
    before = net.params.copy()
    model, y = c_model.Model(net.capsule()), LABELS.astype(np.intp)
    loss, grad = np.full(1, 7.0), np.full(net.n_params, 7.0)
    assert model.learn_one(X[0], X[1], loss) == NO_TRAINER
    assert model.learn_label(X[0], 1, loss) == NO_TRAINER
    assert model.train(X, y, loss=loss) == NO_TRAINER
    assert model.loss_and_grad(X, y, loss=loss, grad=grad) == NO_TRAINER
    assert model.shuffle(0, np.zeros(3, np.intp)) == NO_TRAINER
    assert make.same_bits(net.params, before)
    assert (loss == 7).all()
    assert (grad == 7).all()


def test_bad_arguments():
    trainer = trainer_of(widths=(5, 7, 3))
    model, y, out = c_model.Model(trainer.capsule()), LABELS.astype(np.intp), np.empty((60, 3))
    grad, before = np.empty(trainer.network.n_params), state(trainer_of(widths=(5, 7, 3)))
    assert model.call("predict", None, 1, out) == BAD_ARGUMENT
    assert model.call("predict", X, 1, None) == BAD_ARGUMENT
    assert model.call("predict", X, -1, out) == BAD_ARGUMENT
    assert model.predict_one(None, out) == model.predict_one(X, None) == BAD_ARGUMENT
    assert model.learn_one(None, X) == model.learn_one(X, None) == model.learn_label(None, 0) == BAD_ARGUMENT
    for call in (model.train, lambda *arguments, **others: model.loss_and_grad(*arguments, grad=grad, **others)):
        assert call(None, y, n_samples=3) == BAD_ARGUMENT
        assert call(X, None) == BAD_ARGUMENT
        assert call(X, y, n_samples=0) == BAD_ARGUMENT
        assert call(X, y, n_samples=-1) == BAD_ARGUMENT
        assert call(X, y, np.zeros(60)) == BAD_ARGUMENT
        assert call(X, y, np.full(60, 1e-320)) == BAD_ARGUMENT
        assert call(X, y, np.full(60, 1e308)) == BAD_ARGUMENT
        for value in (-1, np.nan, np.inf):
            assert call(X, y, np.where(np.arange(60) == 59, value, 1)) == BAD_ARGUMENT
    assert model.call("train", None, None) == BAD_ARGUMENT
    assert model.call("loss_and_grad", None, None, grad) == BAD_ARGUMENT
    assert model.loss_and_grad(X, y, grad=None) == BAD_ARGUMENT
    both = c_model.samples(X, y)
    both.targets = X.ctypes.data
    assert model.call("train", both, None) == BAD_ARGUMENT
    assert model.call("shuffle", 0, 5, None) == BAD_ARGUMENT
    assert model.call("shuffle", -1, 5, y) == model.call("shuffle", 0, -1, y) == BAD_ARGUMENT
    full = c_model.Model(trainer_of(optimizer=fastbp.Rprop(), batch_size=59).capsule())
    assert full.train(X, y) == BAD_ARGUMENT
    trainer._retire_learner()
    assert state(trainer)[0][0] == before[0][0]


@pytest.mark.parametrize(
    ("loss", "output", "bad"),
    [
        (fastbp.BinaryCrossEntropy(), "sigmoid", [1.01, -0.01, np.nan, np.inf]),
        (fastbp.Poisson(), "identity", [-1, np.nan]),
    ],
    ids=repr,
)
def test_bad_targets(dtype, loss, output, bad):
    trainer = trainer_of(output, dtype, loss)
    model, x = c_model.Model(trainer.capsule()), X.astype(dtype)
    before = trainer.network.params.copy()
    for value in bad:
        y = np.full((60, 4), 1, dtype)
        y[59, 3] = value
        assert model.learn_one(x[0], y[59]) == BAD_TARGET
        assert model.train(x, y) == BAD_TARGET
        assert model.loss_and_grad(x, y, grad=np.empty_like(before)) == BAD_TARGET
        assert model.train(x, y, rows=np.arange(59)) == OK
        trainer.network.params[...] = before
    assert model.learn_one(x[0], y[0]) == OK


def test_bad_labels():
    trainer = trainer_of(widths=(5, 7, 3))
    model, grad = c_model.Model(trainer.capsule()), np.empty(trainer.network.n_params)
    before = trainer.network.params.copy()
    for label in (-1, 3, 2**62, -(2**62)):
        y = LABELS.astype(np.intp)
        y[59] = label
        assert model.learn_label(X[0], label) == BAD_TARGET
        assert model.train(X, y) == BAD_TARGET
        assert model.loss_and_grad(X, y, grad=grad) == BAD_TARGET
        assert model.train(X, y, rows=np.array([0, 59])) == BAD_TARGET
    assert make.same_bits(trainer.network.params, before)
    no_labels = c_model.Model(trainer_of("identity").capsule())
    assert no_labels.learn_label(X[0], 0) == BAD_TARGET
    assert no_labels.train(X, LABELS.astype(np.intp)) == BAD_TARGET


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.SGD(0.1, momentum=0.9), fastbp.Adam(0.01)], ids=repr)
def test_what_is_not_finite(dtype, optimizer):
    """Nothing has happened then, and learning goes on."""
    one, other = (trainer_of("identity", dtype, None, optimizer, ema=0.9) for _ in range(2))
    x, y = X.astype(dtype), make.targets("numbers", 60, 4).astype(dtype)
    model, loss = c_model.Model(one.capsule()), np.full(1, 7.0)
    for trainer in (one, other):
        trainer.learn_one(x[0], y[0])
    nan, large = np.where(np.arange(60)[:, None] == 59, np.nan, x).astype(dtype), np.full((60, 4), np.inf, dtype)
    assert model.learn_one(nan[59], y[0], loss) == NOT_FINITE
    assert model.learn_one(x[0], large[0], loss) == NOT_FINITE
    assert model.train(nan, y, loss=loss) == NOT_FINITE
    assert model.train(x, large, loss=loss) == NOT_FINITE
    model.struct.learning_rate = 1e300
    if optimizer == fastbp.SGD(0.1) and dtype == "float32":
        assert model.learn_one(x[1], y[1], loss) == NOT_FINITE
    assert model.train(np.tile(x, (9, 1)), np.tile(y, (9, 1)), loss=loss) == NOT_FINITE
    model.struct.learning_rate = optimizer.learning_rate
    assert loss[0] == 7
    assert model.loss_and_grad(nan, y, grad=np.empty(one.network.n_params, dtype)) == NOT_FINITE
    assert model.learn_one(x[1], y[1]) == OK
    other.learn_one(x[1], y[1])
    assert state(one) == state(other)


def test_a_step_that_needs_care(dtype):
    """Large, but finite: Python takes it in another way, and so is it here."""
    one, other = (trainer_of("identity", dtype, None, fastbp.SGD(0.1)) for _ in range(2))
    big = 1e17 if dtype == "float32" else 1e152
    x, y = X.astype(dtype), np.full((1, 4), big, dtype)
    model, loss = c_model.Model(one.capsule()), np.empty(1)
    assert model.learn_one(x[0], y[0], loss) == OK
    assert loss[0] == other.learn_one(x[0], y[0])
    assert state(one) == state(other)


def freeze(trainer):
    layer = trainer.network.layers[0]
    layer.trainable = not layer.trainable
    trainer.network.loss_and_grad(X, LABELS, fastbp.CrossEntropy())  # which lets the engine know


@pytest.mark.parametrize(
    "goes_on",
    [
        lambda trainer: trainer.fit(X, LABELS, epochs=1),
        lambda trainer: trainer.find_learning_rate(X, LABELS),
        lambda trainer: trainer.reset(),
        lambda trainer: trainer.averaged_params,
        lambda trainer: (setattr(trainer.optimizer, "learning_rate", 0.5), trainer.learn_one(X[0], 1)),
        lambda trainer: (setattr(trainer, "optimizer", fastbp.SGD()), trainer.learn_one(X[0], 1)),
        freeze,
    ],
    ids=["fit", "find_learning_rate", "reset", "averaged_params", "another rate", "another optimiser", "freeze"],
)
def test_an_expired_model(goes_on):
    trainer = trainer_of(widths=(5, 7, 3))
    model = c_model.Model(trainer.capsule())
    assert model.learn_label(X[0], 1) == OK
    goes_on(trainer)
    before, out = trainer.network.params.copy(), np.empty(3)
    assert model.learn_label(X[0], 1) == EXPIRED
    assert model.train(X, LABELS.astype(np.intp)) == EXPIRED
    assert make.same_bits(trainer.network.params, before)
    assert model.predict_one(X[0], out) == OK
    assert make.same_bits(out, trainer.network.predict_one(X[0]))
    assert c_model.Model(trainer.capsule()).learn_label(X[0], 1) == OK


def test_what_happens_elsewhere_expires_nothing():
    trainer = trainer_of()
    model = c_model.Model(trainer.capsule())
    other = make.network([5, 3])
    other.layers[0].trainable = False
    fastbp.Trainer(other).fit(X, X[:, :3], epochs=1)
    trainer.learn_one(X[0], 1)
    assert model.learn_label(X[0], 1) == OK


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, None, True, 2**70])
def test_bad_numbers_of_samples(n_samples):
    trainer = trainer_of()
    for made in (trainer, trainer.network):
        with pytest.raises((TypeError, ValueError), match="n_samples must be"):
            made.capsule(n_samples)


def test_no_memory():
    with pytest.raises(MemoryError, match="no memory for a batch of"):
        make.network([5, 3]).capsule(2**50)


class Mine:
    def value_and_grad(self, outputs, targets):
        return 0.0, np.zeros_like(outputs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": Mine()}, "the loss of a capsule must be one of fastbp's, got"),
        (
            {"optimizer": fastbp.SGD(fastbp.StepDecay(0.1, 3))},
            "the learning rate of a capsule must be a number, got Step",
        ),
        ({"optimizer": fastbp.LevenbergMarquardt()}, "LevenbergMarquardt takes all samples at once"),
    ],
    ids=["loss", "schedule", "solver"],
)
def test_trainers_that_have_none(settings, message):
    with pytest.raises(ValueError, match=message):
        fastbp.Trainer(make.network([5, 3]), **settings).capsule()


def test_networks_that_have_none():
    net = fastbp.Network(5, [fastbp.Standardize(), fastbp.Dense(3)])
    with pytest.raises(ValueError, match=r"knows no data to scale by yet: call net.adapt"):
        fastbp.Trainer(net).capsule()
    assert net.capsule()
    net = fastbp.Network(5, [fastbp.Dense(3), fastbp.BatchNorm()])
    with pytest.raises(ValueError, match="BatchNorm needs at least 2 samples a batch"):
        fastbp.Trainer(net).capsule()
    trainer = trainer_of(ema=0.9)
    trainer.learn_one(X[0], 1)
    with trainer.use_average(), pytest.raises(RuntimeError, match="has its averaged parameters"):
        trainer.capsule()


# Lives


def test_it_keeps_what_it_needs():
    trainer = trainer_of()
    expected = trainer.network.predict_one(X[0])
    model, out = c_model.Model(trainer.capsule()), np.empty(4)
    of_network = c_model.Model(trainer.network.capsule())
    del trainer
    gc.collect()
    for each in (model, of_network):
        assert each.predict_one(X[0], out) == OK
        assert make.same_bits(out, expected)
    assert model.train(X, LABELS.astype(np.intp)) == OK


def test_it_keeps_nothing_for_longer():
    trainer = trainer_of()
    trainer.learn_one(X[0], 1)
    program = trainer.network._program
    before = sys.getrefcount(program)
    models = [trainer.capsule(), trainer.network.capsule()]
    assert sys.getrefcount(program) > before
    del models
    gc.collect()
    assert sys.getrefcount(program) == before


def test_copies_know_nothing_of_it():
    trainer = trainer_of()
    model = c_model.Model(trainer.capsule())
    twin = copy.deepcopy(trainer.network)
    assert model.learn_label(X[0], 1) == OK
    assert make.same_bits(twin.params, make.network([5, 7, 4], output="softmax").params)


# Threads


@pytest.fixture
def at_work():
    """A trainer, a model of it that another thread trains with for a while, and two other models of its network."""
    net = make.network([50, 300, 10], output="softmax", dtype="float32")
    trainer = fastbp.Trainer(net, batch_size=32)
    x, y = make.samples(3000, 50).astype(np.float32), make.targets("labels", 3000, 10).astype(np.intp)
    model = c_model.Model(trainer.capsule())
    others = c_model.Model(trainer.network.capsule()), c_model.Model(fastbp.Trainer(net).capsule())
    stop = threading.Event()

    def train():
        statuses = set()
        while not stop.is_set():
            statuses.add(model.train(x, y))
        return statuses

    with ThreadPoolExecutor(1) as pool:
        statuses = pool.submit(train)
        yield trainer, model, *others
        stop.set()
        assert statuses.result() <= {OK, BUSY}
    assert model.train(x, y) == OK


def comes(call, *expected):
    """Whether a call has one of these results before long; others it may have meanwhile."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if call() in expected:
            return True
    return False


def refused(call):
    try:
        call()
    except RuntimeError as error:
        return str(error).partition(":")[0]
    return "done"


def test_busy(at_work):
    trainer, model, _, learns = at_work
    x, out = np.zeros(50, np.float32), np.empty(10, np.float32)
    assert comes(lambda: model.predict_one(x, out), BUSY)
    assert comes(lambda: model.learn_label(x, 1), BUSY)
    assert comes(lambda: learns.learn_label(x, 1), BUSY)
    assert comes(lambda: learns.train(x[None], np.ones(1, np.intp)), BUSY)
    assert comes(lambda: refused(lambda: trainer.learn_one(x, 1)), "this network is being trained already")
    other = fastbp.Trainer(trainer.network)
    assert comes(lambda: refused(lambda: other.fit(x[None], [1], epochs=1)), "this network is being trained already")


def test_predictions_during_training(at_work):
    """With the parameters as they are at that moment, which is a race, and a promise."""
    x, out = np.zeros(50, np.float32), np.empty(10, np.float32)
    for model in at_work[2:]:
        assert {model.predict_one(x, out) for _ in range(100)} == {OK}
        assert np.isfinite(out).all()


def test_models_of_one_trainer_take_turns():
    """Threads that meet are told so; each step is taken once, whoever takes it."""
    trainer, n_steps = trainer_of(optimizer=fastbp.SGD(0.001, momentum=0.5)), 300
    models = [c_model.Model(trainer.capsule()) for _ in range(3)]
    start = threading.Barrier(4)

    def learn(model):
        start.wait()
        for _ in range(n_steps):
            while (status := model.learn_label(X[0], 1)) != OK:
                assert status == BUSY

    def learn_in_python():
        start.wait()
        for _ in range(n_steps):
            while refused(lambda: trainer.learn_one(X[0], 1)) != "done":
                pass

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(learn, model) for model in models] + [pool.submit(learn_in_python)]
        for each in done:
            each.result()
    other = trainer_of(optimizer=fastbp.SGD(0.001, momentum=0.5))
    for _ in range(4 * n_steps):
        other.learn_one(X[0], 1)
    assert state(trainer) == state(other)


def test_predictions_side_by_side(dtype):
    net = make.network([5, 40, 30, 3], "gelu", "softmax", dtype)
    x = make.samples(700, 5).astype(dtype)
    expected = net.predict(x)
    start = threading.Barrier(4)

    def predict(thread):
        model, out = c_model.Model(net.capsule(64)), np.empty((700, 3), dtype)
        start.wait()
        for i in range(50):
            out[...] = np.nan
            assert model.predict(x, out) == OK
            assert make.same_bits(out, expected)
            assert model.predict_one(x[i], out[0]) == OK
            assert make.same_bits(out[0], expected[i])
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predict, range(4))) == [True] * 4
