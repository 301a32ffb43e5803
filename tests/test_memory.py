"""Nothing piles up: 10^5 calls leave the memory of the process as it was."""

import gc
import pathlib
import resource

import numpy as np
import pytest

import fastbp
from tests import makers as make

STATM = pathlib.Path("/proc/self/statm")
N_CALLS = 100_000
X, LABELS = make.samples(64, 8).astype("float32"), make.targets("labels", 64, 3)

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc/self/statm")


def resident():
    """Bytes."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def growth(work, n_calls):
    """How much memory `n_calls` calls take for good, after some that warm up."""
    for _ in range(100):
        work()
    before = resident()
    for _ in range(n_calls):
        work()
    return resident() - before


def network():
    return make.network([8, 16, 3], "tanh", "softmax", "float32")


def predict_one():
    net, out = network(), np.empty(3, "float32")
    return lambda: net.predict_one(X[0], out=out)


def learn_one(optimizer):
    trainer = fastbp.Trainer(network(), optimizer=optimizer)
    return lambda: trainer.learn_one(X[0], 1)


def predict():
    net = network()
    return lambda: net.predict(X)


def loss_and_grad():
    net, loss = network(), fastbp.CrossEntropy()
    return lambda: net.loss_and_grad(X, LABELS, loss)


def fit(n_threads):
    trainer = fastbp.Trainer(network(), n_threads=n_threads)
    return lambda: trainer.fit(X, LABELS, epochs=1)


def fail():
    net = network()

    def work():
        with pytest.raises(ValueError, match="features"):
            net.predict(X[:, :3])

    return work


def make_networks():
    return lambda: network().predict(X)


CALLS = {
    "predict_one": (predict_one, N_CALLS),
    "learn_one": (lambda: learn_one(fastbp.SGD(1e-6)), N_CALLS),
    "learn_one with Adam": (lambda: learn_one(fastbp.Adam(1e-6)), N_CALLS),
    "predict": (predict, 5000),
    "loss_and_grad": (loss_and_grad, 5000),
    "fit": (lambda: fit(1), 3000),
    "fit with two threads": (lambda: fit(2), 1000),
    "errors": (fail, 3000),
    "networks": (make_networks, 1000),
}


@pytest.mark.parametrize(("work", "n_calls"), CALLS.values(), ids=CALLS)
def test_calls(work, n_calls):
    assert growth(work(), n_calls) < 1_000_000


def test_steps_of_one_fit():
    """100,000 steps in one fit leave no more than the numbers of the history."""
    trainer = fastbp.Trainer(network(), batch_size=8)
    trainer.fit(X, LABELS, epochs=100)
    before = resident()
    history = trainer.fit(X, LABELS, epochs=N_CALLS // 8)
    assert len(history.loss) == N_CALLS // 8
    assert resident() - before < 1_000_000 + 64 * len(history.loss)


def test_growth_is_noticed():
    """The measure itself: what keeps 100 bytes a call does not pass."""
    kept = []
    assert growth(lambda: kept.append(bytes(100)), 20_000) > 1_000_000
