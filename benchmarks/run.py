"""fastbp beside NumPy and plain Python: how long does one training step take?

    python -m benchmarks.run            a few minutes
    python -m benchmarks.run --quick    the small networks and fewer rounds, for a first look

What `benchmarks.step` asks, but of nothing that must be installed for it, and with no files written. Every line is one
network and batch size, relu inside, float32 (plain Python: its only float), gradient descent without shuffling on the
same random data; a step is forward, loss, backward and update of one mini-batch. `README.md` beside this file describes
the method.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import argparse

import fastbp
from benchmarks import peers
from benchmarks.work import NETWORKS, SMALL

LIBRARIES = ["fastbp", "NumPy", "pure Python"]


def time_network(work, modules, n_steps, rounds, seconds):
    """Return the microseconds of one step for each library; plain Python is left out where it takes too long."""
    X, y = work.data(n_steps * work.batch_size)
    start = work.start()
    candidates, _ = peers.gather(modules, "training", work, start, X, y)
    candidates = [candidate for candidate in candidates if (candidate.name, candidate.unit) != ("fastbp", "step")]
    peers.check_training(candidates, work, start, X, y)
    medians = common.interleave({candidate.name: candidate.run for candidate in candidates}, rounds, seconds)
    return {candidate.name: 1e6 * medians[candidate.name] / candidate.n_steps for candidate in candidates}


def main():
    parser = argparse.ArgumentParser(description="Time one training step of fastbp, NumPy and plain Python.")
    parser.add_argument("--quick", action="store_true", help="the four small networks, fewer and shorter rounds")
    arguments = parser.parse_args()
    networks, rounds, seconds = (SMALL, 3, 0.01) if arguments.quick else (NETWORKS, 9, 0.05)
    core = common.pin_to_one_core()
    modules, _ = peers.load(only=LIBRARIES)
    print(common.header(core=core))
    print(f"fastbp target: {fastbp.get_target()}; median of {rounds} interleaved rounds; one training step\n")
    rows = []
    for work in networks:
        n_steps = work.n_steps(2e7, 50) if arguments.quick else work.n_steps()
        us = time_network(work, modules, n_steps, rounds, seconds)
        ratios = [f"{us[name] / us['fastbp']:,.1f}x" if name in us else "-" for name in LIBRARIES[1:]]
        rows.append([work.name, str(work.batch_size), f"{us['fastbp']:,.1f} us", *ratios])
    print(common.table(["network", "batch", "fastbp", "NumPy takes", "pure Python takes"], rows))


if __name__ == "__main__":
    main()
