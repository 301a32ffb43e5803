"""The interpreter's lock is not held while the engine computes, and two cores do twice the work."""

import statistics
import sys
import threading
import time

import numpy as np
import pytest

import fastbp
from fastbp._engine import dispatch
from tests import makers as make

pytestmark = pytest.mark.thread_unsafe(reason="takes the interpreter's lock for itself, and measures time")

X, Y, LABELS = make.samples(64, 300).astype("float32"), make.samples(64, 300, 2).astype("float32"), np.arange(64) % 300
NARROW = make.samples(400, 6), make.samples(400, 2, 3)


@pytest.fixture
def net():
    """So large that whatever is computed with it takes milliseconds, on data that is looked at in no time."""
    return fastbp.Network.mlp([300, 2000, 1000, 300], output="softmax", dtype="float32")


def trainer(net, **settings):
    return fastbp.Trainer(net, optimizer=fastbp.SGD(1e-6), batch_size=64, **settings)


CALLS = {
    "predict": lambda net: net.predict(X),
    "predict of one row": lambda net: net.predict(X[:1]),
    "predict_one": lambda net: net.predict_one(X[0]),
    "loss_and_grad": lambda net: net.loss_and_grad(X, LABELS, fastbp.CrossEntropy()),
    "evaluate": lambda net: trainer(net).evaluate(X, LABELS),
    "fit": lambda net: trainer(net).fit(X, LABELS, epochs=1),
    "fit with Adam": lambda net: fastbp.Trainer(net, batch_size=64).fit(X, LABELS, epochs=1),
    "find_learning_rate": lambda net: trainer(net).find_learning_rate(X, LABELS, n_steps=3),
    "learn_one": lambda net: trainer(net).learn_one(X[0], 1),
    "learn_many": lambda net: trainer(net).learn_many(X[:3], LABELS[:3]),
    "activations": lambda net: net.activations(X),
    "input_gradient": lambda net: net.input_gradient(X, LABELS, fastbp.CrossEntropy()),
    "jacobian": lambda net: fastbp.Network.mlp([300, 900, 30]).jacobian(X),
    "Levenberg-Marquardt": lambda net: fastbp.Trainer(
        fastbp.Network.mlp([6, 60, 2]), optimizer=fastbp.LevenbergMarquardt()
    ).fit(*NARROW, epochs=1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_lock_is_released(net, call):
    """A thread that can only run when it is given the lock never waits for as much as half of a call."""
    last, longest, done = 0.0, 0.0, threading.Event()

    def look():
        nonlocal last, longest
        now = time.perf_counter()
        last, longest = now, max(longest, now - last)
        return now

    def tick():
        while not done.is_set():
            look()
            time.sleep(1e-5)

    call(net)
    interval, waited = sys.getswitchinterval(), []
    other = threading.Thread(target=tick)
    other.start()
    try:
        sys.setswitchinterval(1000)  # seconds: nobody is made to give the lock away
        while len(waited) < 50 and min(waited, default=1) >= 0.5:
            began = last = time.perf_counter()
            longest = 0.0
            call(net)
            ended = look()
            waited.append(longest / (ended - began))
    finally:
        sys.setswitchinterval(interval)
        done.set()
        other.join()
    assert min(waited) < 0.5


def seconds(works):
    """How long it takes until all have ended, each in a thread of its own."""
    start = threading.Barrier(len(works) + 1)

    def run(work):
        start.wait()
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def speed_up(one, other):
    """How much more is done by two threads than by one."""
    return 2 * seconds([one]) / seconds([one, other])


def spin():
    """What needs a core and nothing else."""
    dispatch.fma_flops(32, 6_000_000)


def predicting():
    net = fastbp.Network.mlp([64, 128, 10], output="softmax")
    rows = make.samples(2000, 64).astype("float32")

    def predict():
        for _ in range(20):
            net.predict(rows)

    return predict, predict


def training():
    rows, labels = make.samples(2000, 64).astype("float32"), np.arange(2000) % 10

    def one(seed):
        net = fastbp.Network.mlp([64, 128, 10], output="softmax", seed=seed)
        return lambda: trainer(net).fit(rows, labels, epochs=10)

    return one(0), one(1)


@pytest.mark.parametrize("works", [predicting, training])
def test_two_threads_on_two_cores(works):
    """At least 1.8 times as much as one where two threads that need nothing but a core do twice as much.

    Where other programs leave less than two cores, as much as is left: what that is, is measured between.
    """
    works = works()
    found, possible = [], []
    for _ in range(15):
        possible.append(speed_up(spin, spin))
        found.append(speed_up(*works))
        if found[-1] >= 1.8:
            break
    assert max(found) >= min(1.8, 0.9 * statistics.median(possible)), (found, possible)
