"""Live with fastbp for a while, as a busy program would, and report what went wrong.

    python tools/soak.py [MINUTES] [--threads N] [--seed SEED]

Threads take turns at random between training, learning sample by sample, predicting, saving and loading, copying,
mistaken calls and, in the main thread, forks and interrupts. Every result is compared with what it must be. Ends with
the number of operations, of errors, and by how much the process has grown since it had warmed up; status 1 if there was
an error, or growth beyond 2 MB.
"""

import argparse
import collections
import copy
import gc
import os
import pickle
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

import fastbp

GROWTH = 2_000_000  # bytes
WARM_UP = 0.2  # of the time, at most a minute
rng = np.random.default_rng(0)
X = rng.standard_normal((300, 8)).astype(np.float32)
LABELS = rng.integers(0, 3, 300)
WIDTHS = ([8, 3], [8, 16, 3], [8, 70, 40, 3])


def network(draw):
    return fastbp.Network.mlp(WIDTHS[draw.integers(3)], output="softmax", seed=int(draw.integers(9)))


def trainer(draw, n_threads=1):
    optimizer = (fastbp.SGD(0.05), fastbp.Adam(), fastbp.RMSprop())[draw.integers(3)]
    return fastbp.Trainer(network(draw), optimizer=optimizer, n_threads=n_threads, seed=int(draw.integers(9)))


def train(draw, folder):
    seed = int(draw.integers(1 << 30))
    one, other = (trainer(np.random.default_rng(seed), n) for n in (1, 2))
    assert one.fit(X, LABELS, epochs=3).loss == other.fit(X, LABELS, epochs=3).loss
    assert np.array_equal(one.network.params, other.network.params)


def learn(draw, folder):
    taught = trainer(draw)
    losses = [taught.learn_one(X[i], LABELS[i]) for i in draw.integers(0, 300, 200)]
    assert np.isfinite(losses).all()


def predict(draw, folder):
    net = network(draw)
    whole = net.predict(X, n_threads=int(draw.integers(1, 4)))
    i = int(draw.integers(300))
    assert np.array_equal(whole[i], net.predict_one(X[i]))
    assert np.array_equal(whole[i:], net.predict(X[i:]))


def save_and_load(draw, folder):
    net = network(draw)
    path = folder / f"{threading.get_ident()}.npz"
    net.save(path)
    assert np.array_equal(fastbp.Network.load(path).predict(X), net.predict(X))


def copy_and_go_on(draw, folder):
    one = trainer(draw)
    one.fit(X, LABELS, epochs=1)
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other.fit(X, LABELS, epochs=1).loss == copy.deepcopy(one).fit(X, LABELS, epochs=1).loss


def mistake(draw, folder):
    net = network(draw)
    before = net.params.copy()
    for call in (
        lambda: net.predict(X[:, :5]),
        lambda: fastbp.Trainer(net).fit(X, LABELS + 7),
        lambda: fastbp.Trainer(net).fit(X * np.nan, LABELS),
    ):
        try:
            call()
        except ValueError:
            continue
        raise AssertionError("a mistaken call was not refused")
    assert np.array_equal(net.params, before)


def fork(draw, folder):
    seed = int(draw.integers(1 << 30))
    expected = trainer(np.random.default_rng(seed), 2).fit(X, LABELS, epochs=2).loss
    child = os.fork()
    if child == 0:
        right = trainer(np.random.default_rng(seed), 2).fit(X, LABELS, epochs=2).loss == expected
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def interrupt(draw, folder):
    taught = trainer(draw, int(draw.integers(1, 3)))
    timer = threading.Timer(float(draw.uniform(0.001, 0.05)), os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        assert taught.fit(X, LABELS, epochs=10**8).interrupted
    except KeyboardInterrupt:  # before the fit had begun
        pass
    timer.join()
    assert np.isfinite(taught.network.predict(X)).all()


ANYWHERE = [train, learn, predict, save_and_load, copy_and_go_on, mistake]
MAIN_THREAD = [*ANYWHERE, fork, interrupt]


class Soak:
    """Operations at random until it is time, counted by name; the first tracebacks of errors."""

    def __init__(self, folder, ends):
        self.folder = folder
        self.ends = ends
        self.done = collections.Counter()
        self.errors = []

    def live(self, operations, seed, until):
        draw = np.random.default_rng(seed)
        while time.monotonic() < until:
            operation = operations[draw.integers(len(operations))]
            try:
                operation(draw, self.folder)
            except Exception:
                self.errors.append(f"{operation.__name__}\n{traceback.format_exc()}")
            self.done[operation.__name__] += 1

    def live_together(self, n_threads, seed, until):
        others = [threading.Thread(target=self.live, args=(ANYWHERE, (seed, i), until)) for i in range(1, n_threads)]
        for thread in others:
            thread.start()
        self.live(MAIN_THREAD, (seed, 0), until)
        for thread in others:
            thread.join()


def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", nargs="?", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    fastbp._threads.n_workers = lambda n_threads, *work: n_threads  # threads, however little there is to do
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")  # of interrupted fits, and of forks beside threads
    seconds = 60 * options.minutes
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), began + seconds)
        soak.live_together(options.threads, options.seed, began + min(WARM_UP * seconds, 60))
        warm = resident()
        soak.live_together(options.threads, options.seed + 1, began + seconds)
        growth = resident() - warm
    for name, n in sorted(soak.done.items()):
        print(f"{name:16s}{n:>9,}")
    print(f"{'operations':16s}{soak.done.total():>9,} in {time.monotonic() - began:.0f} s, {options.threads} threads")
    print(f"{'errors':16s}{len(soak.errors):>9,}")
    print(f"{'growth':16s}{growth / 1e6:>9.2f} MB after warming up, from {warm / 1e6:.1f} MB")
    for error in soak.errors[:3]:
        print(error, file=sys.stderr)
    return 1 if soak.errors or growth > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
