"""Several threads and one network: predictions run side by side, trainings exclude each other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastbp
from tests import makers as make


class Gate(fastbp.Callback):
    """Holds a training in its second epoch until `go_on` is set."""

    def __init__(self):
        self.inside = threading.Event()
        self.go_on = threading.Event()

    def on_epoch_begin(self, trainer, epoch):
        if epoch == 1:
            self.inside.set()
            assert self.go_on.wait(30)


@pytest.fixture
def training():
    """A network that another thread is training."""
    net = make.network([5, 7, 3], output="softmax")
    X, y = make.samples(50, 5), make.targets("labels", 50, 3)
    gate, trainer = Gate(), fastbp.Trainer(net)
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(trainer.fit, X, y, epochs=3, callbacks=[gate])
        assert gate.inside.wait(30)
        yield net, X, y
        gate.go_on.set()
        assert len(fit.result().loss) == 3


@pytest.mark.parametrize(
    "train",
    [
        lambda net, X, y: fastbp.Trainer(net).fit(X, y, epochs=1),
        lambda net, X, y: fastbp.Trainer(net).learn_one(X[0], y[0]),
    ],
    ids=["fit", "learn_one"],
)
def test_a_second_training_is_refused(training, train):
    net, X, y = training
    before = net.params.copy()
    with pytest.raises(RuntimeError, match="is being trained already"):
        train(net, X, y)
    assert make.same_bits(net.params, before)


def test_a_training_network_predicts(training):
    net, X, y = training
    expected = fastbp.Trainer(net).evaluate(X, y)
    assert expected["loss"] == net.loss_and_grad(X, y, fastbp.CrossEntropy())[0]
    assert make.same_bits(net.predict(X)[7], net.predict_one(X[7]))


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


def test_predictions_side_by_side(dtype):
    net = make.network([5, 40, 30, 3], "gelu", "softmax", dtype)
    X, y = make.samples(700, 5), make.targets("labels", 700, 3)
    whole = net.predict(X)
    start = threading.Barrier(4)

    def predict(thread):
        rng = np.random.default_rng(thread)
        start.wait()
        for _ in range(100):
            first, last = np.sort(rng.choice(701, 2, replace=False))
            assert make.same_bits(net.predict(X[first:last]), whole[first:last])
            assert make.same_bits(net.predict_one(X[first]), whole[first])
            net.loss_and_grad(X[first:last], y[first:last], fastbp.CrossEntropy())
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(predict, range(4))) == [True] * 4


def test_other_threads_run_meanwhile():
    """The engine does not hold the interpreter's lock while it computes."""
    net = make.network([100, 500, 100], dtype="float32")
    X = make.samples(500, 100)
    counted = 0
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(fastbp.Trainer(net, batch_size=500).fit, X, X, epochs=20)
        while not fit.done():
            counted += 1
        assert len(fit.result().loss) == 20
    assert counted > 1000
