"""Gradients against central differences."""

import math

import numpy as np

from ._engine import inference
from .network import as_network

__all__ = ["check_gradients"]


def check_gradients(net, X, y, loss, sample_weight=None, training=False, seed=0):
    """Compare the gradient of the loss with central differences, in float64.

    Each parameter w in turn is moved by ``h = 1e-5 * max(1, |w|)`` to both sides. Where a central difference does not
    agree, differences of second order to either side are tried: at a kink (of relu at 0, say) the gradient is that of
    one side.

    Parameters
    ----------
    net : Network
        Not changed: the work is done on a float64 copy.
    X, y, loss, sample_weight, training, seed
        As for `Network.loss_and_grad`; what layers draw in training stays the same for all differences.

    Returns
    -------
    float
        The largest relative error ``|g - d| / max(|g|, |d|, 0.01 max |g|)`` over the parameters, g the gradient and d
        the difference quotient: below 1e-6 if all is well, infinite if the gradient is not finite. (Quotients are no
        more exact than a share of the largest.)

    Raises
    ------
    TypeError, ValueError
        As from `Network.loss_and_grad`.
    """
    copy = as_network(net)._twin()
    _, grad = copy.loss_and_grad(X, y, loss, sample_weight, training, seed)
    copy.buffers[...] = net.buffers  # where a training has moved them
    data, _, _ = copy._data(X, y, loss, sample_weight)
    if not np.isfinite(grad).all():
        return math.inf
    floor = 0.01 * np.abs(grad).max(initial=0)
    mode = bool(training), int(seed)
    return float(max((_error(copy, data, mode, i, g, floor) for i, g in enumerate(grad.tolist())), default=0.0))


def _error(net, data, mode, i, g, floor):
    """The relative error of the i-th element g of the gradient."""
    w = net.params[i]
    h = 1e-5 * max(1.0, abs(w))

    def loss(steps):
        net.params[i] = w + steps * h
        value = inference.loss(net._program, data, None, 1, *mode)
        net.params[i] = w
        return value

    def error(quotient):
        scale = max(abs(g), abs(quotient), floor)
        return abs(g - quotient) / scale if scale > 0 else 0.0

    central = error((loss(1) - loss(-1)) / (2 * h))
    if central < 1e-7:
        return central
    right = error((4 * loss(1) - loss(2) - 3 * loss(0)) / (2 * h))
    left = error((3 * loss(0) - 4 * loss(-1) + loss(-2)) / (2 * h))
    return min(central, right, left)
