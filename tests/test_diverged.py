"""Training that diverges: it says where, and the network keeps its last finite parameters."""

import copy
import pickle

import numpy as np
import pytest

import fastbp
from tests import exact
from tests import makers as make

N_SAMPLES, BATCH_SIZE = 32, 8


def data(n_out=2, scale=1.0):
    return scale * make.samples(N_SAMPLES, 3), make.targets("numbers", N_SAMPLES, n_out)


def last_finite(net, X, y, loss, learning_rate, batch_size=BATCH_SIZE):
    """Step by step to where it diverges: (epoch, batch), and the parameters before it."""
    step = 0
    with np.errstate(all="ignore"):
        while True:
            epoch, batch = divmod(step, N_SAMPLES // batch_size)
            rows = slice(batch * batch_size, (batch + 1) * batch_size)
            value, grad = net.loss_and_grad(X[rows], y[rows], loss)
            if not np.isfinite(value):
                return epoch, batch
            moved = exact.sgd_step(net.params, grad, learning_rate)
            if not np.isfinite(moved).all():
                return epoch, batch
            net.params[...] = moved
            step += 1


def diverge(trainer, X, y, epochs=200, **settings):
    with pytest.raises(fastbp.DivergedError) as caught:
        trainer.fit(X, y, epochs=epochs, **settings)
    assert np.isfinite(trainer.network.params).all()
    return caught.value


# Learning rate and what is to be seen: within the first epoch, after some.
RATES = {"at once": 1e30, "soon": 1e4, "slowly": 8.0}


@pytest.mark.parametrize(("batch_size", "n_threads"), [(BATCH_SIZE, 1), (BATCH_SIZE, 2), (1, 1)])
@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_plain_descent(all_threads, target, dtype, rate, batch_size, n_threads):
    net, twin = (make.network([3, 2], dtype=dtype) for _ in range(2))
    X, y = data()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(rate), batch_size=batch_size, n_threads=n_threads)
    error = diverge(trainer, X, y, shuffle=False)
    expected = last_finite(twin, X, y, trainer.loss, rate, batch_size)
    assert (error.epoch, error.batch) == expected
    assert make.same_bits(net.params, twin.params)
    assert expected > ((0, 0) if rate > 1e10 else (0, 3))


def test_the_message_says_where_and_what_to_do():
    trainer = fastbp.Trainer(make.network([3, 2]), optimizer=fastbp.SGD(4.0), batch_size=BATCH_SIZE)
    error = diverge(trainer, *data())
    assert error.epoch > 1
    for words in (
        f"epoch {error.epoch}",
        f"batch {error.batch}",
        "not finite",
        "last finite parameters",
        "smaller learning rate than 4",
        "scale the data",
    ):
        assert words in str(error)
    assert isinstance(error, ArithmeticError)


@pytest.mark.parametrize("make_copy", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_errors_pickle(make_copy):
    error = fastbp.DivergedError("too large", 3, 4, layer=1)
    twin = make_copy(error)
    assert type(twin) is fastbp.DivergedError
    assert (str(twin), twin.epoch, twin.batch, twin.layer) == ("too large", 3, 4, 1)


OPTIMIZERS = {
    "momentum": lambda: fastbp.SGD(8.0, momentum=0.9),
    "nesterov": lambda: fastbp.SGD(8.0, momentum=0.9, nesterov=True),
    "weight decay": lambda: fastbp.SGD(2.0, weight_decay=3.0),
    "Adam": lambda: fastbp.Adam(1e6),
    "Adam at once": lambda: fastbp.Adam(1e30),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_optimizer(dtype, optimizer):
    # Adam moves by the learning rate, whatever the gradient: three layers multiply it up.
    net, twin = (make.network([3, 4, 4, 2], "relu", dtype=dtype) for _ in range(2))
    if dtype == "float64":
        for each in (net, twin):
            each.params *= 1e100
    X, y = data()
    trainer = fastbp.Trainer(net, optimizer=optimizer(), batch_size=BATCH_SIZE)
    error = diverge(trainer, X, y, shuffle=False)
    # A twin that only ever sees the batches before.
    n_batches = error.epoch * N_SAMPLES // BATCH_SIZE + error.batch
    if n_batches:
        repeats = error.epoch + 1
        rows = slice(0, n_batches * BATCH_SIZE)
        fastbp.Trainer(twin, optimizer=optimizer(), batch_size=BATCH_SIZE).fit(
            np.tile(X, (repeats, 1))[rows], np.tile(y, (repeats, 1))[rows], epochs=1, shuffle=False
        )
    assert make.same_bits(net.params, twin.params)


def test_an_update_out_of_range(target):
    # The gradient of a sigmoid's cross-entropy is at most 1, so the loss is finite; 1e39 is no float32.
    net = make.network([3, 2], output="sigmoid", dtype="float32")
    before = net.params.copy()
    X, y = data()
    error = diverge(fastbp.Trainer(net, optimizer=fastbp.SGD(1e39), batch_size=BATCH_SIZE), X, y > 0)
    assert (error.epoch, error.batch, error.layer) == (0, 0, 0)
    assert "an update" in str(error)
    assert make.same_bits(net.params, before)


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_the_layer_is_named(broken):
    net = make.network([3, 4, 4, 2], "relu", dtype="float32")
    named = net.named_parameters()
    named[f"{broken}.weight"][...] = 3e38
    named[f"{broken}.bias"][...] = 3e38
    for layer in range(broken):
        named[f"{layer}.bias"][...] = 100.0
    error = diverge(fastbp.Trainer(net), np.abs(data()[0]) + 10, data()[1])
    assert error.layer == broken
    assert f"layer {broken}" in str(error)


def test_only_the_loss_overflows():
    net = make.network([3, 1], dtype="float32")
    net.named_parameters()["0.bias"][...] = 1e25
    error = diverge(fastbp.Trainer(net), data(1)[0], data(1)[1])
    assert (error.epoch, error.batch, error.layer) == (0, 0, None)
    assert "the loss" in str(error)


def test_parameters_that_were_not_finite_before():
    net = make.network([3, 2])
    net.params[4] = np.nan
    with pytest.raises(fastbp.DivergedError) as caught:
        fastbp.Trainer(net).fit(*data())
    assert (caught.value.epoch, caught.value.batch, caught.value.layer) == (0, 0, 0)


def test_afterwards_the_network_works():
    net = make.network([3, 4, 2], dtype="float32")
    X, y = data()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(4.0, momentum=0.5), batch_size=BATCH_SIZE)
    diverge(trainer, X, y)
    assert np.isfinite(net.predict(X)).all()
    net.params[...] = make.network([3, 4, 2], dtype="float32").params
    trainer.optimizer.learning_rate = 0.05
    history = trainer.fit(X, y, epochs=50)
    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_saves_on_the_way_do_not_show(monkeypatch, seconds):
    monkeypatch.setattr("fastbp._fitting._SAVE_SECONDS", seconds)
    net, twin = (make.network([3, 2], dtype="float32") for _ in range(2))
    X, y = data()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(2.2), batch_size=BATCH_SIZE)
    error = diverge(trainer, X, y, shuffle=False)
    assert error.epoch > 100  # several blocks
    assert (error.epoch, error.batch) == last_finite(twin, X, y, trainer.loss, 2.2)
    assert make.same_bits(net.params, twin.params)


# Callbacks change what is going on ------------------------------------------------------------------------------------


class Raise(fastbp.Callback):
    """Sets the learning rate before epoch 3."""

    def on_epoch_end(self, trainer, epoch, logs):
        trainer.optimizer.learning_rate = 1e-3 if epoch < 2 else 1e30


class Lower(fastbp.Callback):
    """Leaves large parameters behind, that a small rate would never have made."""

    def on_epoch_end(self, trainer, epoch, logs):
        if epoch == 2:
            trainer.network.params[...] *= 1e30


class Switch(fastbp.Callback):
    def on_epoch_end(self, trainer, epoch, logs):
        if epoch == 2:
            trainer.optimizer = fastbp.SGD(1e30, momentum=0.9)


@pytest.mark.parametrize("callback", [Raise(), Lower(), Switch()], ids=lambda callback: type(callback).__name__)
def test_callbacks_that_change_the_course(callback):
    net = make.network([3, 2], dtype="float32")
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(1e-3), batch_size=BATCH_SIZE)
    error = diverge(trainer, *data(), callbacks=[callback])
    assert error.epoch == 3
    assert np.abs(net.params).max() > 1e20 or not isinstance(callback, Lower)


def test_callbacks_hear_of_the_end():
    class Watch(fastbp.Callback):
        ended = 0

        def on_fit_end(self, trainer):
            self.ended += 1

    watch = Watch()
    trainer = fastbp.Trainer(make.network([3, 2]), optimizer=fastbp.SGD(4.0), batch_size=BATCH_SIZE)
    diverge(trainer, *data(), callbacks=[watch])
    assert watch.ended == 1


# One sample at a time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [fastbp.SGD(1e25), fastbp.SGD(1e25, momentum=0.9), fastbp.Adam(1e25)], ids=repr)
def test_learn_one(optimizer):
    net = make.network([3, 4, 4, 2], "relu", dtype="float32")
    X, y = data()
    trainer = fastbp.Trainer(net, optimizer=optimizer)
    with pytest.raises(fastbp.DivergedError, match="last finite parameters") as caught:  # noqa: PT012
        for i in range(20):
            before = net.params.copy()
            trainer.learn_one(X[i], y[i])
            assert np.isfinite(net.params).all()
    assert (caught.value.epoch, caught.value.batch) == (0, 0)
    assert i > 0
    assert make.same_bits(net.params, before)
    # The trainer has forgotten what led there.
    trainer.optimizer = type(optimizer)(0.01)
    net.params[...] = make.network([3, 4, 4, 2], "relu", dtype="float32").params
    twin = make.network([3, 4, 4, 2], "relu", dtype="float32")
    for each in (trainer, fastbp.Trainer(twin, optimizer=type(optimizer)(0.01))):
        each.learn_one(X[0], y[0])
    assert make.same_bits(net.params, twin.params)
