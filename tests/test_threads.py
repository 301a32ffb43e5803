"""The threads of a fit: as many as were asked for, where they are worth it, and for the length of the fit."""

import _thread
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import fastbp
from fastbp import _threads
from tests import makers as make


def threads_of_a_fit(n_threads, widths=(50, 200, 50), epochs=20):
    """The largest number of threads at work that another thread gets to see during a fit."""
    X = make.samples(2000, widths[0])
    trainer = fastbp.Trainer(make.network(list(widths), dtype="float32"), batch_size=500, n_threads=n_threads)
    seen, done = [], threading.Event()

    def look():
        while not done.is_set():
            seen.append(_thread._count())
            done.wait(0.001)

    watcher = threading.Thread(target=look)
    before = _thread._count()
    watcher.start()
    trainer.fit(X, X, epochs=epochs)
    done.set()
    watcher.join()
    assert _thread._count() == before
    return max(seen) - before  # without the watcher, with the thread that has called fit


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_as_many_as_were_asked_for(all_threads, n_threads):
    assert threads_of_a_fit(n_threads) == n_threads


@pytest.mark.parametrize(
    ("n_threads", "n_cores", "n_flops", "expected"),
    [
        (1, 8, 1e12, 1),
        (2, 8, 1e12, 2),
        (8, 8, 1e12, 8),
        (100, 8, 1e12, 8),
        (4, 1, 1e12, 1),
        (4, 8, 100, 1),
        (4, 8, 0, 1),
    ],
)
def test_as_many_as_are_worth_it(monkeypatch, n_threads, n_cores, n_flops, expected):
    monkeypatch.setattr(_threads, "_n_cores", lambda: n_cores)
    assert _threads.n_workers(n_threads, n_flops, 2.5e6) == expected


@pytest.mark.thread_unsafe(reason="counts the threads of the process")
def test_small_steps_are_not_shared():
    assert threads_of_a_fit(4, widths=(2, 3, 2), epochs=200) == 1


def test_threads_do_not_show():
    """With as many threads as this machine finds worth it."""
    X = make.samples(600, 50)
    results = set()
    for n_threads in (1, 2, 4):
        net = make.network([50, 400, 50], dtype="float32")
        fastbp.Trainer(net, batch_size=256, n_threads=n_threads).fit(X, X, epochs=2)
        assert np.isfinite(net.params).all()
        results.add(net.params.tobytes())
    assert len(results) == 1


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("output", ["softmax", "tanh"])
def test_large_weights_are_shared_by_outputs(all_threads, target, output, n_threads):
    """More than a megabyte of them, and twice as many panels as threads; with a loss that leaves the output to them."""
    X, y = make.samples(200, 300), make.targets("numbers", 200, 1000)
    expected, shared = (make.network([300, 1000], output=output, dtype="float32") for _ in range(2))
    for net, n in ((expected, 1), (shared, n_threads)):
        trainer = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(0.01), batch_size=200, n_threads=n)
        trainer.fit(X, y, epochs=2)
    assert make.same_bits(expected.params, shared.params)


CROWDED = """
import os, subprocess, sys, time
import numpy as np
import fastbp, fastbp._threads

fastbp._threads.n_workers = lambda n_threads, *work: n_threads
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
rivals = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
try:
    trainer = fastbp.Trainer(fastbp.Network.mlp([5, 7, 3]), n_threads=2)
    X, y = np.ones((320, 5)), np.ones((320, 3))
    trainer.fit(X, y, epochs=1)
    seconds = []
    for _ in range(20):
        began = time.monotonic()
        trainer.fit(X, y, epochs=1)
        seconds.append(time.monotonic() - began)
    print(min(seconds))
finally:
    for rival in rivals:
        rival.kill()
        rival.wait()
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not bind a process to a core")
def test_threads_that_share_a_core_with_others():
    """A thread that has to wait gives the core to the one that it waits for, not to whatever else is running.

    The rivals are always there, so the least of some short fits tells, which a busy machine disturbs the least.
    """
    done = subprocess.run([sys.executable, "-c", CROWDED], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) / 10 < 0.01  # seconds a step; some 0.001, and 0.03 if threads give way by sched_yield
