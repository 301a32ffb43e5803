"""Ctrl-C during a fit: it ends soon, and what was learnt is kept."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import fastbp
from tests import makers as make

SECONDS = 0.5  # a fit may go on for so long after a signal
ENDLESS = 10**9

pytestmark = pytest.mark.thread_unsafe(reason="waits for a signal, which is the main thread's")


@pytest.fixture
def interrupt_soon():
    """A function that sends this process a SIGINT from another thread, and a list that holds when."""
    sent, timers = [], []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    def start():
        timers.append(threading.Timer(0.2, send))
        timers[-1].start()
        return sent

    yield start
    for timer in timers:
        timer.cancel()
        timer.join()
    signal.signal(signal.SIGINT, before)


def check_interrupted(trainer, interrupt_soon, X, y, **settings):
    net = trainer.network
    before = net.params.copy()
    sent = interrupt_soon()
    with pytest.warns(UserWarning, match=r"interrupted in epoch \d+"):
        history = trainer.fit(X, y, epochs=ENDLESS, **settings)
    assert time.monotonic() - sent[0] < SECONDS
    assert history.interrupted is True
    assert np.isfinite(net.params).all()
    assert not make.same_bits(net.params, before)
    assert np.isfinite(net.predict(X)).all()
    # The network is free again, and the trainer goes on.
    n_epochs = trainer.epoch
    assert n_epochs >= len(history.loss)
    assert len(trainer.fit(X, y, epochs=2, **settings).loss) == 2
    assert trainer.epoch == n_epochs + 2
    return history


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.01), fastbp.Adam(0.001)], ids=repr)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_small_steps(all_threads, interrupt_soon, n_threads, optimizer):
    net = make.network([5, 7, 3], output="softmax", dtype="float32")
    trainer = fastbp.Trainer(net, optimizer=optimizer, n_threads=n_threads)
    history = check_interrupted(trainer, interrupt_soon, make.samples(100, 5), make.targets("labels", 100, 3))
    assert history.loss


def test_a_network_without_parameters(interrupt_soon):
    """Whose steps take long all the same."""
    X = np.zeros((512, 5000), np.float32)
    trainer = fastbp.Trainer(fastbp.Network(5000, [fastbp.Activation("tanh")]), batch_size=512)
    sent = interrupt_soon()
    with pytest.warns(UserWarning, match="interrupted in epoch"):
        trainer.fit(X, X, epochs=ENDLESS)
    assert time.monotonic() - sent[0] < SECONDS


def test_within_a_long_epoch(interrupt_soon):
    net = make.network([20, 200, 3], output="softmax", dtype="float32")
    n_samples = 200_000
    X, y = make.samples(n_samples, 20).astype("float32"), np.arange(n_samples) % 3
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.01), batch_size=64)
    sent = interrupt_soon()
    with pytest.warns(UserWarning, match="interrupted in epoch"):
        history = trainer.fit(X, y, epochs=ENDLESS)
    assert time.monotonic() - sent[0] < SECONDS
    assert history.interrupted
    assert np.isfinite(net.params).all()


@pytest.mark.parametrize("solver", [fastbp.LevenbergMarquardt(), fastbp.LBFGS(ftol=0, gtol=0)], ids=repr)
def test_solvers(interrupt_soon, solver):
    """In the middle of iterations: with so many parameters, one of the first takes a quarter of a second."""
    X, y = make.samples(2000, 20), make.samples(2000, 1, 5)
    trainer = fastbp.Trainer(make.network([20, 50, 1]), optimizer=solver)
    sent = interrupt_soon()
    with pytest.warns(UserWarning, match=r"interrupted in epoch \d+"):
        history = trainer.fit(X, y, epochs=ENDLESS)
    assert time.monotonic() - sent[0] < SECONDS
    assert history.interrupted is True
    assert len(history.loss) == trainer.epoch
    if history.loss:
        assert trainer.evaluate(X, y)["loss"] == pytest.approx(history.loss[-1])
    trainer.optimizer = fastbp.Adam()
    assert len(trainer.fit(X, y, epochs=1).loss) == 1


def test_with_callbacks(interrupt_soon):
    class Watch(fastbp.Callback):
        ended = 0

        def on_fit_end(self, trainer):
            self.ended += 1

    watch = Watch()
    X, y = make.samples(100, 5), make.targets("labels", 100, 3)
    trainer = fastbp.Trainer(make.network([5, 7, 3], output="softmax"))
    history = check_interrupted(trainer, interrupt_soon, X, y, validation_data=(X, y), callbacks=[watch])
    assert watch.ended == 2
    assert len(history.loss) == len(history.val_loss) or len(history.loss) == len(history.val_loss) + 1


def test_an_interrupt_of_a_callback():
    class Impatient(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            if epoch == 2:
                raise KeyboardInterrupt

    trainer = fastbp.Trainer(make.network([5, 3]))
    with pytest.warns(UserWarning, match="interrupted in epoch"):
        history = trainer.fit(make.samples(9, 5), make.samples(9, 3), epochs=10, callbacks=[Impatient()])
    assert history.interrupted
    assert len(history.loss) == 3


def test_no_interrupt_no_warning():
    trainer = fastbp.Trainer(make.network([5, 3]))
    assert trainer.fit(make.samples(9, 5), make.samples(9, 3), epochs=3).interrupted is False


def test_an_evaluation(interrupt_soon):
    """Of so many rows that one call of the engine would take seconds."""
    net = make.network([8, 3000, 3], output="softmax", dtype="float32")
    X, y = np.ones((3_000_000, 8), "float32"), np.zeros(3_000_000, np.intp)
    trainer = fastbp.Trainer(net)
    expected = trainer.evaluate(X[:9], y[:9])
    sent = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        trainer.evaluate(X, y, metrics=[])
    assert time.monotonic() - sent[0] < SECONDS
    assert trainer.evaluate(X[:9], y[:9]) == expected


def test_a_validation(interrupt_soon):
    X, y = np.ones((3_000_000, 8), "float32"), np.zeros(3_000_000, np.intp)
    trainer = fastbp.Trainer(make.network([8, 3000, 3], output="softmax", dtype="float32"))
    sent = interrupt_soon()
    with pytest.warns(UserWarning, match="interrupted in epoch 1"):
        history = trainer.fit(X[:9], y[:9], epochs=5, validation_data=(X, y))
    assert time.monotonic() - sent[0] < SECONDS
    assert len(history.loss) == 1
    assert history.val_loss == []


ENDLESS_CALLS = {
    "find_learning_rate": lambda trainer, X, y: trainer.find_learning_rate(X, y, n_steps=300_000, blow_up=1e9),
    "learn_many": lambda trainer, X, y: trainer.learn_many(X, y),
    "progressive_validation": lambda trainer, X, y: trainer.progressive_validation(X, y),
    "predict": lambda trainer, X, y: trainer.network.predict(np.tile(X, (10, 1))),
}


@pytest.mark.parametrize("call", ENDLESS_CALLS.values(), ids=ENDLESS_CALLS)
def test_other_calls(interrupt_soon, call):
    """They say so by KeyboardInterrupt; the network is free, and finite."""
    X, y = np.ones((300_000, 8), "float32"), np.zeros(300_000, np.intp)
    trainer = fastbp.Trainer(make.network([8, 3000, 3], output="softmax", dtype="float32"), optimizer=fastbp.SGD(1e-4))
    sent = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        call(trainer, X, y)
    assert time.monotonic() - sent[0] < SECONDS
    assert np.isfinite(trainer.network.params).all()
    assert len(trainer.fit(X[:9], y[:9], epochs=2).loss) == 2
