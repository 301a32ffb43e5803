"""What the candidates are given to do: a network, a batch size, data, and the weights that all of them start from."""

import itertools
from dataclasses import dataclass

import numpy as np

import fastbp
from benchmarks.numpy_mlp import NumpyMLP

LEARNING_RATE = 0.01
LOSSES = {"identity": fastbp.SquaredError, "softmax": fastbp.CrossEntropy}


@dataclass(frozen=True)
class Work:
    """A multi-layer perceptron with relu inside, and the size of its mini-batches."""

    widths: tuple
    output: str  # "softmax" with cross-entropy, or "identity" with squared error
    batch_size: int
    dtype: str = "float32"

    @property
    def name(self):
        return "-".join(map(str, self.widths))

    @property
    def n_multiplications(self):
        """Of one step: forward, the weights' gradients, and the errors of all layers but the first."""
        products = [n_in * n_out for n_in, n_out in itertools.pairwise(self.widths)]
        return self.batch_size * (3 * sum(products) - products[0])

    @property
    def step_flops(self):
        return 2 * self.n_multiplications

    @property
    def prediction_flops(self):
        return 2 * self.batch_size * sum(n_in * n_out for n_in, n_out in itertools.pairwise(self.widths))

    def n_steps(self, flops=1e9, most=1000):
        """Return the steps of an epoch: enough that the call itself does not matter, few enough to stay in a cache."""
        return int(np.clip(flops / self.step_flops, 4, most))

    def data(self, n_samples, seed=0):
        """Return random `X` (n_samples, n_in) and targets: class numbers for softmax, else (n_samples, n_out)."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n_samples, self.widths[0])).astype(self.dtype)
        if self.output == "softmax":
            return X, rng.integers(0, self.widths[-1], size=n_samples)
        return X, rng.normal(size=(n_samples, self.widths[-1])).astype(self.dtype)

    def start(self, seed=0):
        """Return the weights that all candidates start from: a list of (w, b) per layer."""
        net = fastbp.Network.mlp(list(self.widths), output=self.output, dtype=self.dtype, seed=seed)
        arrays = [array.copy() for array in net.named_parameters().values()]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    def batches(self, X, y):
        """Return the mini-batches in the order of the data."""
        return [(X[i : i + self.batch_size], y[i : i + self.batch_size]) for i in range(0, len(X), self.batch_size)]

    def first_batches(self, X, y, most=20):
        """Return enough mini-batches for a loop of steps that Python calls one by one."""
        return self.batches(X[: most * self.batch_size], y[: most * self.batch_size])


# From tiny to large; each has its like among the users: a control loop, a table, small images, a surrogate model.
NETWORKS = [
    Work((2, 16, 1), "identity", 32),
    Work((4, 32, 3), "softmax", 32),
    Work((10, 32, 32, 1), "identity", 32),
    Work((64, 64, 10), "softmax", 64),
    Work((784, 128, 10), "softmax", 32),
    Work((784, 128, 10), "softmax", 128),
    Work((784, 512, 512, 10), "softmax", 128),
    Work((256, 1024, 1024, 1024, 10), "softmax", 256),
    Work((784, 128, 10), "softmax", 1),
]
SMALL = NETWORKS[:4]


def numpy_network(work, start, dtype=None):
    """Return a NumpyMLP that begins with the weights `start`."""
    net = NumpyMLP(work.widths, work.output, work.batch_size, dtype or work.dtype)
    for w, b, (w0, b0) in zip(net.weights, net.biases, start, strict=True):
        w[...] = w0
        b[...] = b0
    return net
