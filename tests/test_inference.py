"""Predictions and evaluations of many rows: the same for any number of threads, and soon at an end after a signal."""

import signal
import threading
import time

import numpy as np
import pytest

import fastbp
from fastbp import _threads
from tests import makers as make

THREADS = [1, 2, 3, 4, 7]
SECONDS = 0.5  # a call may go on for so long after a signal


def evaluation(net, X, y, n_threads, **settings):
    return fastbp.Trainer(net, n_threads=n_threads).evaluate(X, y, **settings)


@pytest.mark.parametrize("n_rows", [1, 2, 65, 300, 1100])
def test_number_of_threads(all_threads, target, dtype, n_rows):
    net = make.network([6, 40, 17, 5], "gelu", "softmax", dtype)
    X, y, weights = make.samples(n_rows, 6), make.targets("labels", n_rows, 5), make.weights(n_rows)
    predictions = [net.predict(X, n_threads=n) for n in THREADS]
    assert all(make.same_bits(each, predictions[0]) for each in predictions)
    scores = [evaluation(net, X, y, n, sample_weight=weights) for n in THREADS]
    assert scores.count(scores[0]) == len(THREADS)
    assert scores[0]["loss"] == pytest.approx(net.loss_and_grad(X, y, fastbp.CrossEntropy(), weights)[0], rel=1e-6)


def test_a_large_network_takes_fewer_rows_at_once(all_threads, started):
    """Here 128: so two threads have something to do."""
    net = fastbp.Network.mlp([1, 2900, 1400], dtype="float32")
    X, y = make.samples(150, 1), np.zeros((150, 1400), np.float32)
    alone = net.predict(X)
    assert make.same_bits(alone, net.predict(X, n_threads=3))
    assert make.same_bits(alone[64:70], net.predict(X[64:70]))
    expected = evaluation(net, X, y, 1)
    started.clear()
    assert evaluation(net, X, y, 3) == expected
    assert started == [1]


@pytest.fixture
def started(monkeypatch):
    """A list of the numbers of the threads that were started."""
    from fastbp._engine import threads

    numbers = []
    start = threads.start_new_thread

    def start_and_tell(function, arguments):
        numbers.append(arguments[0])
        return start(function, arguments)

    monkeypatch.setattr(threads, "start_new_thread", start_and_tell)
    return numbers


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_as_many_threads_as_were_asked_for(all_threads, started, n_threads):
    net = make.network([6, 40, 5], "gelu", "softmax")
    X, y = make.samples(2000, 6), make.targets("labels", 2000, 5)
    net.predict(X, n_threads=n_threads)
    assert started == list(range(1, n_threads))
    evaluation(net, X, y, n_threads)
    assert started == [*range(1, n_threads), *range(1, n_threads)]


def test_no_more_threads_than_pieces(all_threads, started):
    net = make.network([6, 40, 5])
    net.predict(make.samples(3, 6), n_threads=7)
    evaluation(net, make.samples(300, 6), make.samples(300, 5), 7)
    assert started == [1]  # of the evaluation, whose pieces have 256 rows


def test_small_calls_are_not_shared(started):
    net = make.network([6, 40, 5])
    net.predict(make.samples(500, 6), n_threads=4)
    evaluation(net, make.samples(500, 6), make.samples(500, 5), 4)
    assert started == []


def test_large_calls_are_shared(started, monkeypatch):
    monkeypatch.setattr(_threads, "_n_cores", lambda: 3)
    net = make.network([60, 400, 50], dtype="float32")
    net.predict(make.samples(3000, 60), n_threads=8)
    assert started == [1, 2]


@pytest.mark.parametrize("n_threads", [0, -1, 257, 2**70])
def test_numbers_of_threads_that_cannot_be(n_threads):
    with pytest.raises(ValueError, match=rf"n_threads must be at (least|most) \d+, got {n_threads}"):
        make.network([2, 2]).predict(np.ones((3, 2)), n_threads=n_threads)


@pytest.mark.parametrize("n_threads", [None, 1.0, "2", True])
def test_what_is_no_number_of_threads(n_threads):
    with pytest.raises(TypeError, match="n_threads must be an integer, got"):
        make.network([2, 2]).predict(np.ones((3, 2)), n_threads=n_threads)


def test_a_thread_that_cannot_be_started(all_threads, monkeypatch):
    """Those that could be have done nothing, and are gone; the next call is as good as any."""
    from fastbp._engine import threads

    start = threads.start_new_thread

    def fail_at_the_third(function, arguments):
        if arguments[0] == 3:
            raise RuntimeError("can't start new thread")
        return start(function, arguments)

    net, X = make.network([6, 40, 5]), make.samples(2000, 6)
    expected = net.predict(X)
    monkeypatch.setattr(threads, "start_new_thread", fail_at_the_third)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        net.predict(X, n_threads=4)
    assert make.same_bits(net.predict(X, n_threads=3), expected)


# Signals --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_call():
    """A network and rows that take seconds, many times as long as a call may ignore a signal."""
    return make.network([8, 3000, 3], "tanh", "softmax", "float32"), np.ones((2_000_000, 8), np.float32)


@pytest.fixture
def on_signal():
    """A function that has another called, as the handler of a signal, after 0.2 s; and a list that holds when."""
    called = []
    before = signal.getsignal(signal.SIGALRM)

    def install(handler):
        def handle(number, frame):
            called.append(time.monotonic())
            handler()

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        return called

    yield install
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class Enough(BaseException):
    """What no code would catch by mistake."""


def raise_enough():
    raise Enough


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_handler_that_raises(all_threads, long_call, on_signal, n_threads):
    net, X = long_call
    expected = net.predict(X[:300])
    called = on_signal(raise_enough)
    before = threading.active_count()
    with pytest.raises(Enough):
        net.predict(X, check_finite=False, n_threads=n_threads)
    assert time.monotonic() - called[0] < SECONDS
    assert threading.active_count() == before
    assert make.same_bits(net.predict(X[:300], n_threads=n_threads), expected)


def test_a_handler_that_comes_while_the_others_finish(all_threads, on_signal, monkeypatch):
    """The calling thread has done its share and waits for another, whose memory it must not give back before."""
    from fastbp._engine import threads

    net, X = make.network([8, 30, 3], dtype="float32"), np.ones((512, 8), np.float32)
    start = threads.start_new_thread
    late = []

    def start_late(function, arguments):
        def begin():
            time.sleep(0.5)
            function(*arguments)

        late.append(arguments[0])
        return start(begin, ())

    monkeypatch.setattr(threads, "start_new_thread", start_late)
    called = on_signal(raise_enough)
    with pytest.raises(Enough):
        net.predict(X, n_threads=2)
    assert late == [1]
    assert 0.2 < time.monotonic() - called[0] < 0.3 + SECONDS


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_handler_that_uses_the_network(all_threads, on_signal, n_threads):
    net = make.network([8, 300, 3], "tanh", "softmax", "float32")
    X = make.samples(200_000, 8).astype(np.float32)
    expected = net.predict(X)
    meanwhile = []
    called = on_signal(lambda: meanwhile.append(net.predict(X[:300])))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    results = []
    while not called:
        results = [net.predict(X, n_threads=n_threads)]
    assert make.same_bits(results[0], expected)
    assert make.same_bits(meanwhile[0], expected[:300])
