"""The oracle for networks of any layers: each layer a function that returns its outputs and its backward pass.

It takes the layers as `fastbp` describes them, and their parameters and buffers by name, and computes in float64 what
the formulas in the layers' documentation say, with nothing in mind but being right.
"""

import numpy as np

from tests import reference


def dense(layer, arrays, x, mode):
    z = x @ arrays["weight"] + arrays.get("bias", 0)
    f, f_backward = reference.ACTIVATIONS[layer.activation]

    def backward(da):
        dz = f_backward(z, da)
        return dz @ arrays["weight"].T, {"weight": x.T @ dz, "bias": dz.sum(axis=0)}

    return f(z), backward


def activation(layer, arrays, x, mode):
    f, f_backward = reference.ACTIVATIONS[layer.activation]
    return f(x), lambda da: (f_backward(x, da), {})


def layer_norm(layer, arrays, x, mode):
    weight, bias = arrays.get("weight", 1), arrays.get("bias", 0)
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + layer.epsilon)
    z = (x - x.mean(axis=1, keepdims=True)) / deviation

    def backward(da):
        dz = da * weight
        dx = dz - dz.mean(axis=1, keepdims=True) - z * (z * dz).mean(axis=1, keepdims=True)
        return dx / deviation, {"weight": (da * z).sum(axis=0), "bias": da.sum(axis=0)}

    return weight * z + bias, backward


def residual(layer, arrays, x, mode):
    value, f_backward = chain(layer.layers, arrays, x, mode)
    projection = arrays.get("projection.weight", np.eye(x.shape[1]))

    def backward(da):
        dx, gradient = f_backward(da)
        return dx + da @ projection.T, {**gradient, "projection.weight": x.T @ da}

    return x @ projection + value, backward


LAYERS = {"dense": dense, "activation": activation, "layer_norm": layer_norm, "residual": residual}


def chain(layers, arrays, x, mode):
    """Run layers one after another; names of arrays begin with the layer's number."""
    backwards = []
    for number, layer in enumerate(layers):
        prefix = f"{number}."
        own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        x, backward = LAYERS[layer.kind](layer, own, x, mode)
        backwards.append(backward)

    def backward(da):
        gradient = {}
        for number in range(len(layers) - 1, -1, -1):
            da, own = backwards[number](da)
            gradient |= {f"{number}.{name}": g for name, g in own.items()}
        return da, gradient

    return x, backward


class Mode:
    """How layers behave that differ in training: what they draw, by their order in the forward pass."""

    def __init__(self, training=False, draws=()):
        self.training = training
        self.draws = iter(draws)


def arrays_of(net):
    named = {**net.named_parameters(), **net.named_buffers()}
    return {name: values.astype(np.float64) for name, values in named.items()}


def predict(net, X, mode=None):
    """Return the outputs for X, (n_samples, n_out)."""
    return chain(net.layers, arrays_of(net), np.asarray(X, np.float64), mode or Mode())[0]


def squared_error_and_grad(net, X, y, mode=None):
    """Return the mean squared error and its gradient, laid out as `net.params`."""
    outputs, backward = chain(net.layers, arrays_of(net), np.asarray(X, np.float64), mode or Mode())
    _, gradient = backward(2 * (outputs - y) / y.size)
    return float(((outputs - y) ** 2).mean()), np.concatenate(
        [gradient[name].ravel() for name in net.named_parameters()] or [np.zeros(0)]
    )
