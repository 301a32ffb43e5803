"""fastbp beside NumPy and plain Python: how long does one training step take?

    python -m benchmarks.run            a few minutes
    python -m benchmarks.run --quick    the small networks and fewer rounds, for a first look

Every line is one network and batch size, relu inside, float32 (plain Python: its only float), gradient descent without
shuffling on the same random data; a step is forward, loss, backward and update of one mini-batch. `README.md` beside
this file describes the method.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import argparse
import itertools
import random

import numpy as np

import fastbp
from benchmarks import numpy_mlp, pure_python

# (widths, output, batch size): the table of the design, from tiny to large
NETWORKS = [
    ((2, 16, 1), "identity", 32),
    ((4, 32, 3), "softmax", 32),
    ((10, 32, 32, 1), "identity", 32),
    ((64, 64, 10), "softmax", 64),
    ((784, 128, 10), "softmax", 32),
    ((784, 128, 10), "softmax", 128),
    ((784, 512, 512, 10), "softmax", 128),
]
LOSSES = {"identity": fastbp.SquaredError, "softmax": fastbp.CrossEntropy}
LEARNING_RATE = 0.01
# One step of plain Python takes about a second for 10^7 multiplications; beyond that it is left out.
PURE_PYTHON_LIMIT = 2e7


def n_multiplications(widths, batch_size):
    """Return the multiplications of one step: forward, weight gradients, and errors of all layers but the first."""
    products = [n_in * n_out for n_in, n_out in itertools.pairwise(widths)]
    return batch_size * (3 * sum(products) - products[0])


def make_data(widths, output, n_samples, seed=0):
    """Return random `X` (n_samples, n_in) and targets: class numbers for softmax, else numbers (n_samples, n_out)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, widths[0])).astype(np.float32)
    if output == "softmax":
        return X, rng.integers(0, widths[-1], size=n_samples)
    return X, rng.normal(size=(n_samples, widths[-1])).astype(np.float32)


def fastbp_epoch(widths, output, batch_size, X, y):
    net = fastbp.Network.mlp(list(widths), activation="relu", output=output, dtype="float32", seed=0)
    trainer = fastbp.Trainer(net, loss=LOSSES[output](), optimizer=fastbp.SGD(LEARNING_RATE), batch_size=batch_size)
    return lambda: trainer.fit(X, y, epochs=1, shuffle=False)


def numpy_epoch(widths, output, batch_size, X, y):
    net = numpy_mlp.NumpyMLP(widths, output, batch_size)
    batches = [(X[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(X), batch_size)]

    def epoch():
        for Xb, yb in batches:
            net.step(Xb, yb, LEARNING_RATE)

    return epoch


def pure_python_step(widths, output, batch_size, X, y):
    rng = random.Random(0)
    names = ["relu"] * (len(widths) - 2) + [output]
    shapes = zip(widths[:-1], widths[1:], names, strict=True)
    layers = [pure_python.make_layer(n_in, n_out, name, rng) for n_in, n_out, name in shapes]
    Xb, yb = X[:batch_size].tolist(), y[:batch_size].tolist()
    return lambda: pure_python.train(layers, Xb, yb, batch_size=batch_size, learning_rate=LEARNING_RATE)


def time_network(widths, output, batch_size, rounds, seconds):
    """Return the microseconds of one step for each library; plain Python is left out where it takes too long."""
    work = n_multiplications(widths, batch_size)
    # Enough steps that one call of `fit` is what a user's epoch is, few enough that the data stay in the cache.
    n_steps = int(np.clip(2e7 / work, 8, 200))
    X, y = make_data(widths, output, n_steps * batch_size)
    steps = {"fastbp": n_steps, "NumPy": n_steps}
    callables = {
        "fastbp": fastbp_epoch(widths, output, batch_size, X, y),
        "NumPy": numpy_epoch(widths, output, batch_size, X, y),
    }
    if work <= PURE_PYTHON_LIMIT:
        steps["pure Python"] = 1
        callables["pure Python"] = pure_python_step(widths, output, batch_size, X, y)
    medians = common.interleave(callables, rounds=rounds, seconds=seconds)
    return {name: 1e6 * median / steps[name] for name, median in medians.items()}


def main():
    parser = argparse.ArgumentParser(description="Time one training step of fastbp, NumPy and plain Python.")
    parser.add_argument("--quick", action="store_true", help="the four small networks, fewer and shorter rounds")
    arguments = parser.parse_args()
    networks, rounds, seconds = (NETWORKS[:4], 3, 0.01) if arguments.quick else (NETWORKS, 9, 0.05)
    core = common.pin_to_one_core()
    print(common.header(core=core))
    print(f"fastbp target: {fastbp.get_target()}; median of {rounds} interleaved rounds; one training step\n")
    rows = []
    for widths, output, batch_size in networks:
        us = time_network(widths, output, batch_size, rounds, seconds)
        ratios = [f"{us[name] / us['fastbp']:,.1f}x" if name in us else "-" for name in ("NumPy", "pure Python")]
        rows.append(["-".join(map(str, widths)), str(batch_size), f"{us['fastbp']:,.1f} us", *ratios])
    print(common.table(["network", "batch", "fastbp", "NumPy takes", "pure Python takes"], rows))


if __name__ == "__main__":
    main()
