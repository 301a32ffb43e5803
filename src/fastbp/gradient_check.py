"""Gradients against central differences."""

import numpy as np

from .network import Network

__all__ = ["check_gradients"]


def check_gradients(net, X, y, loss, sample_weight=None):
    """Compare the gradient of the loss with central differences, in float64.

    Each parameter w in turn is moved by ``1e-5 * max(1, |w|)`` to both sides. Where an activation has a kink (relu at
    0), a sample that lies within such a step of it shows as an error that is none.

    Parameters
    ----------
    net : Network
        Not changed: the work is done on a float64 copy.
    X, y, loss, sample_weight
        As for `Network.loss_and_grad`.

    Returns
    -------
    float
        The largest relative error ``|g - d| / max(|g|, |d|, 0.01 max |g|)`` over the parameters, g the gradient and d
        the difference quotient: below 1e-6 if all is well. (Quotients are no more exact than a share of the largest.)

    Raises
    ------
    TypeError, ValueError
        As from `Network.loss_and_grad`.
    """
    copy = Network._from_config({**net._config(), "dtype": "float64"})
    copy.params[...] = net.params
    _, grad = copy.loss_and_grad(X, y, loss, sample_weight)
    data, _, _ = copy._data(X, y, loss, sample_weight)
    quotients = np.empty_like(grad)
    for i, w in enumerate(copy.params.tolist()):
        h = 1e-5 * max(1.0, abs(w))
        copy.params[i] = w + h
        above = copy._program.loss(data)
        copy.params[i] = w - h
        below = copy._program.loss(data)
        copy.params[i] = w
        quotients[i] = (above - below) / (2 * h)
    error = np.abs(grad - quotients)
    scale = np.maximum(np.maximum(np.abs(grad), np.abs(quotients)), 0.01 * np.abs(grad).max())
    return float((error / np.where(scale == 0, 1, scale)).max())
