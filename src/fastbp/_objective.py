"""The loss of all samples and its gradient, as functions of a network's parameters, whatever the number of samples."""

import numpy as np

from . import _threads
from ._engine import derivatives, inference
from ._validation import as_reals

_FEWEST_ROWS = 256  # that go through at once: 64-100-10 is faster by a third than with all rows
_AT_ONCE = 2e6  # parameters times rows: where both are few, more rows go through at once
_PIECE = 3e7  # and make a call of the engine: some 10 ms
_STEP = 2e-6  # of the largest element, in differences of gradients
_BEND = 1e-5  # share of a product by which the two sides of the point may differ
_SHORTER = 0.1  # how a step shrinks that crosses a kink
_TRIES = 4
_SMOOTH = {
    "activation": {"identity", "tanh", "sigmoid", "softmax", "softplus", "gelu", "silu"},
    "loss": {"squared_error", "log_cosh", "poisson", "cross_entropy", "binary_cross_entropy"},
}


class Objective:
    """The loss as `Network.loss_and_grad` has it. Python can look at signals between two pieces of the samples.

    Parameters
    ----------
    net : Network
        Whose parameters count when one of the methods is called.
    X, targets, weights
        As `Network._checked` returns them, of this network or its twin.
    loss : Loss
    n_threads : int
        Which change nothing but the time it takes.
    """

    def __init__(self, net, X, targets, loss, weights, n_threads=1):
        self.net = net
        self.X = as_reals(X, "X", net.dtype)
        self.targets = targets.astype(net.dtype, copy=False) if targets.dtype.kind == "f" else targets
        self.weights = weights
        self._loss = loss
        self._data = list(self._pieces())
        self._weight = sum(data.weight for data in self._data)
        n_rows = min(self._rows(_AT_ONCE), len(self.X))
        n_threads = _threads.n_workers(n_threads, 6 * net.n_params * n_rows, _threads.FOR_A_STEP)
        self._rows_and_threads = n_threads * n_rows, n_threads

    def _rows(self, size):
        return max(_FEWEST_ROWS, int(size // max(1, self.net.n_params)))

    def _pieces(self):
        n_rows = self._rows(_PIECE)
        if "call" in self._loss.config():  # it may couple all samples
            n_rows = len(self.X)
        for begin in range(0, len(self.X), n_rows):
            rows = slice(begin, begin + n_rows)
            weights = None if self.weights is None else self.weights[rows]
            if weights is None or weights.any():
                yield self.net._as_data(self.X[rows], self.targets[rows], self._loss, weights)

    def is_smooth(self):
        """Whether its gradient is known to have a derivative everywhere."""
        return self._loss.config().get("kind") in _SMOOTH["loss"] and not any(
            operation.get("activation", "identity") not in _SMOOTH["activation"]
            or operation["kind"] == "prelu"
            or operation.get("l1", 0)
            for operation in self.net._operations()
        )

    def loss(self):
        """Return the loss."""
        return sum(data.weight * inference.loss(self.net._program, data) for data in self._data) / self._weight

    def loss_and_grad(self):
        """Return the loss and its gradient (n_params,), in float64."""
        loss, gradient = 0.0, None
        program = self.net._program
        for data in self._data:
            part = np.empty(self.net.n_params, self.net.dtype)
            share = data.weight / self._weight
            loss += share * derivatives.loss_and_grad(program, data, part, False, 0, 0, *self._rows_and_threads)
            part = part.astype(np.float64, copy=False)
            if share != 1:
                part *= share
            gradient = part if gradient is None else np.add(gradient, part, out=gradient)
        return loss, gradient


def hessian_vector_product(gradient, w, v, is_smooth):
    """Return H v: the derivative of a gradient along v, by central differences.

    The step moves no parameter by more than 2e-6 times the largest of them (or 1). Unless the gradient is smooth, it is
    also taken in the middle. Where it does not differ from there to one side by the opposite of what it does to the
    other, a kink has been crossed (a relu has changed its mind): then the step is made shorter, as long as rounding
    does not show.

    Parameters
    ----------
    gradient : callable
        Returns the gradient (n,), float64, at parameters (n,).
    w, v : ndarray of shape (n,), float64
    is_smooth : bool
    """
    size = np.abs(v).max(initial=0)
    if size == 0:
        return np.zeros_like(v)
    h = _STEP * max(1.0, np.abs(w).max()) / size
    if is_smooth:
        return (gradient(w + h * v) - gradient(w - h * v)) / (2 * h)
    middle = gradient(w)
    noise = np.finfo(np.float64).eps * np.abs(middle).max(initial=0)
    for _ in range(_TRIES):
        right, left = gradient(w + h * v), gradient(w - h * v)
        product = (right - left) / (2 * h)
        bend = np.abs(right + left - 2 * middle).max() / (2 * h)
        if bend <= _BEND * np.abs(product).max() + 100 * noise / h:
            break
        h *= _SHORTER
    return product
