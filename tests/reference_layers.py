"""The oracle for networks of any layers: each layer a function that returns its outputs and its backward pass.

It takes the layers as `fastbp` describes them, and their parameters and buffers by name, and computes in float64 what
the formulas in the layers' documentation say, with nothing in mind but being right.
"""

from statistics import NormalDist

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


def batch_norm(layer, arrays, x, mode):
    weight, bias = arrays.get("weight", 1), arrays.get("bias", 0)
    by_batch = mode.training and layer.trainable
    mean, variance = (x.mean(axis=0), x.var(axis=0)) if by_batch else (arrays["running_mean"], arrays["running_var"])
    deviation = np.sqrt(variance + layer.epsilon)
    z = (x - mean) / deviation
    if by_batch:
        unbiased = variance * len(x) / (len(x) - 1)
        for name, value in (("running_mean", mean), ("running_var", unbiased)):
            arrays[name][...] = (1 - layer.momentum) * arrays[name] + layer.momentum * value

    def backward(da):
        dz = da * weight
        dx = dz - dz.mean(axis=0) - z * (z * dz).mean(axis=0) if by_batch else dz
        return dx / deviation, {"weight": (da * z).sum(axis=0), "bias": da.sum(axis=0)}

    return weight * z + bias, backward


def prelu(layer, arrays, x, mode):
    slope = arrays["slope"]

    def backward(da):
        dslope = (da * np.minimum(x, 0)).sum(axis=0)
        return np.where(x > 0, da, slope * da), {"slope": dslope.sum(keepdims=True) if layer.shared else dslope}

    return np.maximum(x, 0) + slope * np.minimum(x, 0), backward


def dropout(layer, arrays, x, mode):
    kept = np.ones_like(x)
    if mode.training:
        limit = np.floor(layer.rate * 2**24 + 0.5)
        kept = np.where(mode.draw(x.shape) < limit, 0, 2**24 / (2**24 - limit))
    return x * kept, lambda da: (da * kept, {})


def gaussian_noise(layer, arrays, x, mode):
    noise = np.zeros_like(x)
    if mode.training:
        inverse = np.vectorize(NormalDist().inv_cdf, otypes=[float])
        noise = layer.std * inverse((mode.draw(x.shape) + 0.5) / 2**24)
    return x + noise, lambda da: (da, {})


def embedding(layer, arrays, x, mode):
    through = [column for column in range(x.shape[1]) if column not in layer.columns]
    categories = {f"weight_{column}": x[:, column].astype(int) for column in layer.columns}

    def backward(da):
        gradient = {}
        begin = len(through)
        dx = np.zeros_like(x)
        dx[:, through] = da[:, :begin]
        for name, rows in categories.items():
            gradient[name] = np.zeros_like(arrays[name])
            end = begin + arrays[name].shape[1]
            np.add.at(gradient[name], rows, da[:, begin:end])
            begin = end
        return dx, gradient

    return np.hstack([x[:, through], *(arrays[name][rows] for name, rows in categories.items())]), backward


def residual(layer, arrays, x, mode):
    value, f_backward = chain(layer.layers, arrays, x, mode)
    projection = arrays.get("projection.weight", np.eye(x.shape[1]))

    def backward(da):
        dx, gradient = f_backward(da)
        return dx + da @ projection.T, {**gradient, "projection.weight": x.T @ da}

    return x @ projection + value, backward


def moments(arrays):
    """Mean and deviation by which an array is standardised."""
    deviation = np.where(arrays["std"] > 1e-6 * np.abs(arrays["mean"]), arrays["std"], 1)
    return arrays["mean"], deviation


def standardize(layer, arrays, x, mode):
    if mode.training and layer.running and layer.trainable:
        # all samples so far, the earlier ones with less weight, as if they were two: mean - std and mean + std
        weight = layer.forgetting_factor ** len(x) * arrays["weight"]
        rows = np.vstack([arrays["mean"] - arrays["std"], arrays["mean"] + arrays["std"], x])
        weights = np.concatenate([np.repeat(weight / 2, 2), np.ones(len(x))])
        chosen = layer.chosen(x.shape[1])
        mean = np.average(rows, axis=0, weights=weights)
        std = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
        arrays["mean"][...], arrays["std"][...] = np.where(chosen, mean, 0), np.where(chosen, std, 0)
        arrays["weight"][...] = weight + len(x)
    mean, deviation = moments(arrays)
    return (x - mean) / deviation, lambda da: (da / deviation, {})


def unstandardize(layer, arrays, x, mode):
    mean, deviation = moments(arrays)
    return x * deviation + mean, lambda da: (da * deviation, {})


LAYERS = {
    "dense": dense,
    "activation": activation,
    "layer_norm": layer_norm,
    "batch_norm": batch_norm,
    "prelu": prelu,
    "dropout": dropout,
    "gaussian_noise": gaussian_noise,
    "embedding": embedding,
    "residual": residual,
    "standardize": standardize,
    "unstandardize": unstandardize,
}


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


def _mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def random_bits(seed, n):
    """The n-th number of SplitMix64, as the engine's rng.pxd has it; n may be an array."""
    with np.errstate(over="ignore"):
        return _mix(seed + (np.asarray(n, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def stream(seed, name):
    """The seed of a stream of its own."""
    with np.errstate(over="ignore"):
        return _mix(_mix(np.uint64(seed)) + np.uint64(name))


class Mode:
    """How layers behave: in training they draw what a seed and the number of the batch decide."""

    def __init__(self, net, training=False, seed=0, batch=0):
        self.training = training
        self._seed = stream(~np.uint64(seed), batch)
        slots = enumerate(net._operations(), start=1)
        self._slots = iter([slot for slot, made in slots if made["kind"] in ("dropout", "gaussian_noise")])

    def draw(self, shape):
        """Numbers of 24 bits for the next layer that draws; pieces of 1024 samples count from 0."""
        seed = stream(self._seed, next(self._slots))
        pieces = []
        for first in range(0, shape[0], 1024):
            sample = np.arange(min(1024, shape[0] - first))[:, None]
            words = random_bits(stream(seed, first), sample // 2 * shape[1] + np.arange(shape[1]))
            pieces.append(np.where(sample % 2, words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)) >> np.uint64(8))
        return np.concatenate(pieces).astype(float)


def arrays_of(net):
    named = {**net.named_parameters(), **net.named_buffers()}
    return {name: values.astype(np.float64) for name, values in named.items()}


def predict(net, X):
    """Return the outputs for X, (n_samples, n_out)."""
    return chain(net.layers, arrays_of(net), np.asarray(X, np.float64), Mode(net))[0]


def squared_error_and_grad(net, X, y, training=False, seed=0, batch=0):
    """Return the mean squared error, its gradient laid out as `net.params`, and the buffers afterwards."""
    arrays = arrays_of(net)
    X = np.asarray(X, np.float64)
    layers = net.layers
    if layers[-1].kind == "unstandardize":  # the loss is that of scaled targets
        mean, deviation = moments({name: arrays[f"{len(layers) - 1}.{name}"] for name in ("mean", "std")})
        layers, y = layers[:-1], (y - mean) / deviation
    outputs, backward = chain(layers, arrays, X, Mode(net, training, seed, batch))
    _, gradient = backward(2 * (outputs - y) / y.size)
    loss = float(((outputs - y) ** 2).mean())
    gradient, buffers = (
        np.concatenate([np.zeros(0), *(values[name].ravel() for name in names)])
        for values, names in ((gradient, net.named_parameters()), (arrays, net.named_buffers()))
    )
    return loss, gradient, buffers
