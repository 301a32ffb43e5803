"""Nothing piles up: 10^5 calls leave the memory of the process as it was.

Measured in a process of its own, whose heap has no holes yet in which something could pile up unseen.
"""

import ctypes
import gc
import multiprocessing
import pathlib
import resource
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import fastbp
from tests import makers as make

STATM = pathlib.Path("/proc/self/statm")
N_CALLS = 100_000
X, LABELS = make.samples(64, 8).astype("float32"), make.targets("labels", 64, 3)

pytestmark = [
    pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc/self/statm"),
    pytest.mark.thread_unsafe(reason="measures the memory of the process"),
]


def resident():
    """Bytes."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def growth(name):
    """How much memory the named calls take for good, after some that warm up."""
    prepare, n_calls = CALLS[name]
    work = prepare()
    for _ in range(100):
        work()
    before = resident()
    for _ in range(n_calls):
        work()
    return resident() - before


def network():
    return make.network([8, 16, 3], "tanh", "softmax", "float32")


def predict_one(out):
    net = network()
    return lambda: net.predict_one(X[0], out=out)


def learn_one(optimizer):
    trainer = fastbp.Trainer(network(), optimizer=optimizer)
    return lambda: trainer.learn_one(X[0], 1)


def predict(n_threads):
    fastbp._threads.n_workers = lambda n_threads, *work: n_threads  # threads, however little there is to do
    net = network()
    return lambda: net.predict(X, n_threads=n_threads)


def loss_and_grad():
    net, loss = network(), fastbp.CrossEntropy()
    return lambda: net.loss_and_grad(X, LABELS, loss)


def fit(n_threads):
    fastbp._threads.n_workers = lambda n_threads, *work: n_threads  # threads, however little there is to do
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


def keep():
    """What does pile up."""
    kept = []
    return lambda: kept.append(bytes(50))


CALLS = {
    "predict_one": (lambda: predict_one(None), N_CALLS),
    "predict_one with out": (lambda: predict_one(np.empty(3, "float32")), N_CALLS),
    "learn_one": (lambda: learn_one(fastbp.SGD(1e-6)), N_CALLS),
    "learn_one with Adam": (lambda: learn_one(fastbp.Adam(1e-6)), N_CALLS),
    "predict": (lambda: predict(1), 5000),
    "predict with two threads": (lambda: predict(2), 1000),
    "loss_and_grad": (loss_and_grad, 5000),
    "fit": (lambda: fit(1), 2000),
    "fit with two threads": (lambda: fit(2), 1000),
    "errors": (fail, 3000),
    "networks": (make_networks, 1000),
    "what piles up": (keep, N_CALLS),
}


def growth_of_one_fit():
    """The same for the 10^5 steps of a single fit, but for what its history takes."""
    trainer = fastbp.Trainer(network(), batch_size=8)
    trainer.fit(X, LABELS, epochs=100)
    before = resident()
    history = trainer.fit(X, LABELS, epochs=N_CALLS // 8)
    assert len(history.loss) == N_CALLS // 8
    return resident() - before - 64 * len(history.loss)


@pytest.fixture(scope="module")
def elsewhere():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", [name for name in CALLS if name != "what piles up"])
def test_calls(elsewhere, name):
    assert elsewhere.submit(growth, name).result() < 1_000_000


def test_steps_of_one_fit(elsewhere):
    assert elsewhere.submit(growth_of_one_fit).result() < 1_000_000


def test_growth_is_noticed(elsewhere):
    assert elsewhere.submit(growth, "what piles up").result() > 1_000_000


def peak():
    """Bytes that this process has had at most."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def memory_of_a_fit(widths, optimizer, n_samples, batch_size, n_threads):
    """What a fit takes by `Trainer.memory_estimate`, and what it does take; float64 inputs, so that it has a copy."""
    warm = fastbp.Trainer(make.network([3, 2], output="softmax"), n_threads=n_threads)
    warm.fit(np.ones((40, 3)), np.zeros(40, int), epochs=1)
    net = make.network(widths, output="softmax", dtype="float32")
    X, y = np.ones((n_samples, widths[0])), np.zeros(n_samples, np.int32)
    trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size, n_threads=n_threads)
    estimate = trainer.memory_estimate(n_samples)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # what the network was drawn in would be used again
        trim(0)
    before = resident()
    trainer.fit(X, y, epochs=1)
    return estimate, peak() - before + estimate["parameters"]


@pytest.mark.parametrize(
    "arguments",
    [
        ([200, 300, 10], fastbp.SGD(1e-6), 20_000, 64, 1),
        ([300, 1000, 1000, 10], fastbp.Adam(1e-6), 512, 512, 2),
        ([50, 3000, 10], fastbp.SGD(1e-6, momentum=0.9), 4000, 1024, 1),
    ],
    ids=["data", "state", "workspace"],
)
def test_estimate(request, arguments):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # whose peak is this fit's
        estimate, measured = pool.submit(memory_of_a_fit, *arguments).result()
    parts = {name: estimate[name] for name in ("data", "parameters", "state", "workspace")}
    assert estimate == {**parts, "total": sum(parts.values())}
    assert max(parts, key=parts.get) == request.node.callspec.id
    assert measured == pytest.approx(estimate["total"], rel=0.1)


def test_no_estimate_of_solvers():
    trainer = fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.LevenbergMarquardt())
    with pytest.raises(ValueError, match="LevenbergMarquardt is no optimiser of mini-batches"):
        trainer.memory_estimate(100)
