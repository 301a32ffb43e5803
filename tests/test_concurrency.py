"""Several threads and one network: predictions run side by side, trainings exclude each other."""

import copy
import gc
import json
import os
import signal
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastbp
from tests import makers as make

pytestmark = pytest.mark.thread_unsafe(reason="starts threads of its own, as many as it needs")


class Gate(fastbp.Callback):
    """Holds a training in its second epoch until `go_on` is set."""

    def __init__(self):
        self.inside = threading.Event()
        self.go_on = threading.Event()

    def on_epoch_begin(self, trainer, epoch):
        if epoch == 1:
            self.inside.set()
            assert self.go_on.wait(30)


X, LABELS, NUMBERS = make.samples(50, 5), make.targets("labels", 50, 3), make.targets("numbers", 50, 3)


def standardised():
    """A network with moments, which every call can change that trains."""
    layers = [fastbp.Standardize(), fastbp.Dense(7, "tanh"), fastbp.Dense(3, "softmax")]
    return fastbp.Network(5, layers, dtype="float64")


@pytest.fixture
def training():
    """A trainer that another thread is using."""
    gate, trainer = Gate(), fastbp.Trainer(standardised(), ema=0.9)
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(trainer.fit, X, LABELS, epochs=3, callbacks=[gate])
        try:
            assert gate.inside.wait(30)
            yield trainer
        finally:
            gate.go_on.set()
        assert len(fit.result().loss) == 3


TRAIN = {
    "fit": lambda trainer: trainer.fit(X + 1, LABELS, epochs=1, validation_data=(X, LABELS)),
    "fit to blocks": lambda trainer: trainer.fit([(X, LABELS)], epochs=1),
    "learn_one": lambda trainer: trainer.learn_one(X[0], LABELS[0]),
    "learn_one of a list": lambda trainer: trainer.learn_one(X[0].tolist(), LABELS[0]),
    "learn_many": lambda trainer: trainer.learn_many(X, LABELS),
    "progressive_validation": lambda trainer: trainer.progressive_validation(X, LABELS),
    "find_learning_rate": lambda trainer: trainer.find_learning_rate(X, LABELS),
    "reset": lambda trainer: trainer.reset(seed=1),
    "adapt": lambda trainer: trainer.network.adapt(X + 1),
}


def solve(trainer):
    trainer.optimizer, trainer.ema = fastbp.LBFGS(), None
    trainer.fit(X, LABELS, epochs=1)


@pytest.mark.parametrize("whose", ["the same trainer", "another trainer"])
@pytest.mark.parametrize("train", TRAIN.values(), ids=TRAIN)
def test_a_second_training_is_refused(training, train, whose):
    """And nothing has changed: not the network, and not the trainer either."""
    net = training.network
    trainer = training if whose == "the same trainer" else fastbp.Trainer(net)
    arrays = net.params.copy(), net.buffers.copy()
    trainer.stop_training = True  # which a fit would unset
    before = vars(trainer).copy()
    with pytest.raises(RuntimeError, match="is being trained already"):
        train(trainer)
    assert make.same_bits(net.params, arrays[0])
    assert make.same_bits(net.buffers, arrays[1])
    assert [name for name, value in vars(trainer).items() if before[name] is not value] == []
    trainer.stop_training = False


def test_a_solver_is_refused_too(training):
    before = training.network.params.copy()
    with pytest.raises(RuntimeError, match="is being trained already"):
        solve(fastbp.Trainer(training.network))
    assert make.same_bits(training.network.params, before)


def test_layers_are_not_frozen_meanwhile(training):
    net = training.network
    net.layers[1].trainable = False
    with pytest.raises(RuntimeError, match="is being trained: freeze layers between two calls of fit"):
        net.loss_and_grad(X, LABELS, fastbp.CrossEntropy())
    net.layers[1].trainable = True
    net.loss_and_grad(X, LABELS, fastbp.CrossEntropy())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_finds_the_network_free(training):
    """The thread that trains it is not in the child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        try:
            fastbp.Trainer(training.network).fit(X, LABELS, epochs=1)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_training_network_predicts(training):
    net, y = training.network, LABELS
    expected = fastbp.Trainer(net).evaluate(X, y)
    assert expected["loss"] == net.loss_and_grad(X, y, fastbp.CrossEntropy())[0]
    assert make.same_bits(net.predict(X)[7], net.predict_one(X[7]))


def test_predictions_while_parameters_move():
    """Never a crash, and never anything but numbers that some parameters on the way could have given."""
    net = make.network([5, 70, 40, 3], output="softmax", dtype="float32")
    rows, labels = make.samples(500, 5), make.targets("labels", 500, 3)
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(fastbp.Trainer(net, seed=3).fit, rows, labels, epochs=60)
        while not fit.done():
            for outputs in (net.predict(rows), net.predict_one(rows[0])[None, :]):
                assert np.isfinite(outputs).all()
                assert np.abs(outputs.sum(axis=1) - 1).max() < 1e-5
            net.loss_and_grad(rows, labels, fastbp.CrossEntropy())
            copy.deepcopy(net).predict(rows)
        alone = make.network([5, 70, 40, 3], output="softmax", dtype="float32")
        assert fit.result().loss == fastbp.Trainer(alone, seed=3).fit(rows, labels, epochs=60).loss
    assert make.same_bits(net.params, alone.params)  # nobody has disturbed the training


@pytest.mark.parametrize("widths", [[5, 7, 3], [5, 2000, 3]], ids=["brief steps", "long steps"])
@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.01), fastbp.Adam(0.001)], ids=repr)
def test_steps_from_many_threads(widths, optimizer):
    """Each is taken as a whole or refused as a whole, and none is lost."""
    x, label, n_threads = X[0], 1, 4
    fast = x.astype("float32")
    trainer = fastbp.Trainer(make.network(widths, output="softmax", dtype="float32"), optimizer=optimizer)
    start, refusals = threading.Barrier(n_threads), set()

    def learn(thread):
        start.wait()
        n_learnt = 0
        for i in range(150):
            try:
                if thread == 3 and i % 10 == 0:
                    trainer.learn_many(x[None, :], [label])
                else:
                    trainer.learn_one(x.tolist() if thread == 2 else fast, label)
                n_learnt += 1
            except RuntimeError as error:
                refusals.add(str(error))
            if thread == 1 and i % 25 == 0:
                trainer.optimizer.learning_rate = trainer.optimizer.learning_rate  # a learner must be made anew
        return n_learnt

    with ThreadPoolExecutor(n_threads) as pool:
        n_learnt = sum(pool.map(learn, range(n_threads)))
    alone = fastbp.Trainer(make.network(widths, output="softmax", dtype="float32"), optimizer=copy.copy(optimizer))
    for _ in range(n_learnt):
        alone.learn_one(fast, label)
    assert n_learnt > 0
    assert refusals <= {"this network is being trained already: train one at a time, or copies of it"}
    assert make.same_bits(trainer.network.params, alone.network.params)


def test_trainings_of_two_networks(all_threads):
    X, y = make.samples(200, 5), make.targets("labels", 200, 3)

    def train(seed):
        net = make.network([5, 7, 3], output="softmax", seed=seed)
        fastbp.Trainer(net, seed=seed, n_threads=2).fit(X, y, epochs=20)
        return net.params.tobytes()

    alone = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == alone


def test_a_failed_training_frees_the_network():
    class Fails(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            raise OSError("no more")

    net = make.network([5, 3])
    trainer = fastbp.Trainer(net)
    with pytest.raises(OSError, match="no more"):
        trainer.fit(make.samples(9, 5), make.samples(9, 3), callbacks=[Fails()])
    assert len(trainer.fit(make.samples(9, 5), make.samples(9, 3), epochs=2).loss) == 2


@pytest.mark.parametrize("widths", [[5, 40, 30, 3], [5, 520, 400, 3]], ids=["brief calls", "long calls"])
def test_predictions_side_by_side(dtype, widths):
    net = make.network(widths, "gelu", "softmax", dtype)
    X, y = make.samples(700, 5), make.targets("labels", 700, 3)
    whole = net.predict(X)
    start = threading.Barrier(4)

    def predict(thread):
        rng = np.random.default_rng(thread)
        start.wait()
        for _ in range(100 if widths[1] == 40 else 10):
            first, last = np.sort(rng.choice(701, 2, replace=False))
            assert make.same_bits(net.predict(X[first:last]), whole[first:last])
            assert make.same_bits(net.predict_one(X[first]), whole[first])
            net.loss_and_grad(X[first:last], y[first:last], fastbp.CrossEntropy())
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predict, range(4))) == [True] * 4


def test_single_predictions_side_by_side():
    """Of a network so large that they release the lock in the middle."""
    net = make.network([400, 520, 3], "gelu", "softmax", "float32")
    rows = make.samples(4, 400).astype("float32")
    whole = net.predict(rows)
    start = threading.Barrier(4)

    def predict(thread):
        start.wait()
        return all(make.same_bits(net.predict_one(rows[thread]), whole[thread]) for _ in range(1500))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predict, range(4))) == [True] * 4


class Garbage:
    """What only the collector frees, which runs Python for it: in the middle of whatever had reached its threshold."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        sum(range(50))


@pytest.fixture
def often_interrupted():
    """Threads that take turns, and a collector that sets in, all the time."""
    before = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-5)
    gc.set_threshold(20)
    yield
    sys.setswitchinterval(before[0])
    gc.set_threshold(*before[1])


def test_loads_side_by_side(tmp_path, often_interrupted):
    net = make.network([4, 6, 3])
    net.save(tmp_path / "net.npz")

    def load(thread):
        for _ in range(100):
            Garbage()
            assert make.same_bits(fastbp.Network.load(tmp_path / "net.npz").params, net.params)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(load, range(8))) == [True] * 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_during_a_load_loads(tmp_path, monkeypatch):
    net = make.network([4, 6, 3])
    net.save(tmp_path / "net.npz")
    inside, go_on, loads = threading.Event(), threading.Event(), json.loads

    def wait(text):
        inside.set()
        assert go_on.wait(30)
        return loads(text)

    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        patched.setattr(json, "loads", wait)
        loaded = pool.submit(fastbp.Network.load, tmp_path / "net.npz")
        try:
            assert inside.wait(30)
            child = os.fork()
            if child == 0:
                try:
                    signal.alarm(20)
                    go_on.set()
                    fastbp.Network.load(tmp_path / "net.npz")
                    os._exit(0)
                finally:
                    os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            go_on.set()
        assert make.same_bits(loaded.result().params, net.params)
