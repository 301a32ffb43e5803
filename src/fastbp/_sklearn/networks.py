"""The network of an estimator: its layers, first weights, and the views of them that scikit-learn knows."""

import math

import numpy as np

from .._validation import DTYPES
from ..layers import Activation, BatchNorm, Dense, Dropout, Embedding
from ..network import Network
from . import settings


def make_layers(estimator, objective, n_categories):
    """Return the layers that an estimator describes.

    Parameters
    ----------
    estimator : estimator
    objective : Objective
    n_categories : dict of int to int
        Of each column that holds categories.
    """
    l2 = objective.penalty(estimator.alpha)
    layers = []
    if n_categories:
        counts = list(n_categories.values())
        layers.append(Embedding(counts, [_n_dim(count) for count in counts], list(n_categories)))
    for size, activation, rate in settings.hidden_layers(estimator):
        if estimator.batch_norm:
            layers += [Dense(size, l2=l2), BatchNorm(), Activation(activation)]
        else:
            layers.append(Dense(size, activation, l2=l2))
        if rate > 0:
            layers.append(Dropout(rate))
    return [*layers, Dense(objective.n_units, objective.output, l2=l2)]


def make_network(estimator, n_in, layers, dtype, random_state):
    """Return a network with scikit-learn's first weights, which random_state draws: for an integer, the same ones."""
    network = Network(n_in, layers, dtype, seed=0 if not _has_categories(layers) else random_state.randint(2**31 - 1))
    names = [activation for _, activation, _ in settings.hidden_layers(estimator)]
    names.append(settings.last_activation(estimator))
    for weight, bias, name in zip(*views(network), names, strict=True):
        bound = math.sqrt((2 if name == "sigmoid" else 6) / sum(weight.shape))  # Glorot & Bengio 2010
        weight[...] = random_state.uniform(-bound, bound, weight.shape)
        bias[...] = random_state.uniform(-bound, bound, bias.shape)
    return network


def with_layers(network, layers):
    """Return a network with these layers and the same parameters; None if they are not as many of the same shape."""
    other = Network(network.n_in, layers, network.dtype)
    if other._shapes("param_shapes") != network._shapes("param_shapes"):
        return None
    if other._shapes("buffer_shapes") != network._shapes("buffer_shapes"):
        return None
    other.params[...], other.buffers[...] = network.params, network.buffers
    return other


def views(network):
    """Return the weights and the biases of the dense layers."""
    named = network.named_parameters()
    numbers = [number for number, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    return [named[f"{number}.weight"] for number in numbers], [named[f"{number}.bias"] for number in numbers]


class Views(list):
    """A list of views of a network's parameters, in which an item that is set is copied into the network."""

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            raise TypeError("set one array at a time: the network's layers are as many as they are")
        view = self[index]
        value = np.asarray(value)
        if value.shape != view.shape:
            raise ValueError(f"parameters must keep their shape, {view.shape}, got {value.shape}")
        view[...] = value


def dtype_of(estimator, X):
    """Return the dtype that an estimator computes in, given its input."""
    if estimator.dtype == "auto":
        return X.dtype if X.dtype in DTYPES.values() else DTYPES["float64"]
    return DTYPES[estimator.dtype]


def _has_categories(layers):
    return isinstance(layers[0], Embedding)


def _n_dim(n_categories):
    """Half as many numbers as there are categories, 50 at most: a rule of thumb after Guo & Berkhahn (2016)."""
    return min(50, (n_categories + 1) // 2)
