"""Layers as a user describes them; the engine knows them as operations."""

import math
from typing import ClassVar

from . import activations
from ._embedding import Embedding
from ._layer import Layer
from ._normalization import BatchNorm, LayerNorm
from ._standardization import Standardize, Unstandardize
from ._validation import boolean, integer, one_of, real
from .initializers import INITIALIZERS

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "PReLU",
    "Residual",
    "Standardize",
    "Unstandardize",
]


class Dense(Layer):
    """A dense (fully connected) layer: ``a = f(x w + b)``.

    Parameters
    ----------
    n_out : int
        Number of outputs.
    activation : str, default "identity"
        A name listed in `fastbp.activations`; "softmax" in the last layer only.
    initializer : str, default "glorot_uniform"
        How the first weights and biases are drawn: he_normal, he_uniform, glorot_normal, glorot_uniform, lecun_normal,
        zeros.
    bias : bool, default True
        Whether there is a ``b``.
    l1, l2 : float, default 0
        The loss of a batch is larger by ``l1 * sum |w| + l2 * sum w**2`` of the weights, without the bias (as in
        Keras; the gradient of the second is ``2 * l2 * w``). Unlike an optimiser's weight decay it is part of the loss.
    max_norm : float, optional
        After each update the weights of an output, a column of ``w``, whose norm is larger are scaled to this norm
        (Srebro & Shraibman 2005; as `max_norm` of Keras).
    trainable : bool, default True
        Whether training moves the parameters.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "dense"
    _arguments: ClassVar = {
        "n_out": ...,
        "activation": ...,
        "initializer": "glorot_uniform",
        "bias": True,
        "l1": 0.0,
        "l2": 0.0,
        "max_norm": None,
        "trainable": True,
    }

    def __init__(
        self,
        n_out,
        activation="identity",
        initializer="glorot_uniform",
        bias=True,
        l1=0.0,
        l2=0.0,
        max_norm=None,
        trainable=True,
    ):
        self.n_out = integer(n_out, "n_out", 1)
        self.activation = one_of(activation, activations.NAMES, "activation")
        self.initializer = one_of(initializer, INITIALIZERS, "initializer")
        self.bias = boolean(bias, "bias")
        self.l1 = real(l1, "l1", 0)
        self.l2 = real(l2, "l2", 0)
        self.max_norm = None if max_norm is None else real(max_norm, "max_norm", 0, low_allowed=False)
        self.trainable = trainable

    def width(self, n_in):
        """Return n_out."""
        return self.n_out

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(
            operations,
            "dense",
            source,
            n_in,
            self.n_out,
            n_params=self._n_params(n_in),
            activation=self.activation,
            has_bias=self.bias,
            l1=self.l1,
            l2=self.l2,
            max_norm=self.max_norm or 0.0,
        )

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        shapes = {"weight": (n_in, self.n_out)}
        if self.bias:
            shapes["bias"] = (self.n_out,)
        return shapes

    def initialize(self, arrays, rng):
        """Draw the weights, then the biases."""
        n_in = arrays["weight"].shape[0]
        for array in arrays.values():
            array[...] = INITIALIZERS[self.initializer](rng, array.shape, n_in, self.n_out)


class Activation(Layer):
    """An activation as a layer of its own, behind a normalisation say: ``a = f(x)``.

    Parameters
    ----------
    activation : str
        A name listed in `fastbp.activations`; "softmax" in the last layer only.

    Raises
    ------
    ValueError
        If there is no such activation.
    """

    kind = "activation"
    _arguments: ClassVar = {"activation": ...}

    def __init__(self, activation):
        self.activation = one_of(activation, activations.NAMES, "activation")

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(operations, "activation", source, n_in, n_in, activation=self.activation)


class PReLU(Layer):
    """The parametric rectifier, ``a = max(x, 0) + slope * min(x, 0)`` (He, Zhang, Ren & Sun 2015).

    Parameters
    ----------
    slope : float, default 0.25
        Of every feature at first.
    shared : bool, default False
        Whether all features have one slope.
    trainable : bool, default True
        Whether training moves the slopes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "prelu"
    _arguments: ClassVar = {"slope": 0.25, "shared": False, "trainable": True}

    def __init__(self, slope=0.25, shared=False, trainable=True):
        self.slope = real(slope, "slope", -math.inf)
        self.shared = boolean(shared, "shared")
        self.trainable = trainable

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(operations, "prelu", source, n_in, n_in, n_params=self._n_params(n_in))

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        return {"slope": (1,) if self.shared else (n_in,)}

    def initialize(self, arrays, rng):
        """Set the slopes."""
        arrays["slope"][...] = self.slope


class Dropout(Layer):
    """Dropout: in training ``x / (1 - rate)``, or 0 with probability `rate`; in predictions x.

    Inverted dropout, that is, after Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout: a simple
    way to prevent neural networks from overfitting". What is dropped depends on the trainer's seed, the number of
    batches it has trained on, the place of the layer, the sample's place in the batch and the feature, and on nothing
    else.

    Parameters
    ----------
    rate : float
        At least 0 and less than 1.

    Raises
    ------
    TypeError, ValueError
        If it is not.
    """

    kind = "dropout"
    _arguments: ClassVar = {"rate": ...}

    def __init__(self, rate):
        self.rate = real(rate, "rate", 0, 1)

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(operations, "dropout", source, n_in, n_in, options=[self.rate])


class GaussianNoise(Layer):
    """Noise in training: ``x + std * e``, with e from the standard normal distribution; in predictions x.

    It is drawn as `Dropout` is.

    Parameters
    ----------
    std : float
        Not negative.

    Raises
    ------
    TypeError, ValueError
        If it is not.
    """

    kind = "gaussian_noise"
    _arguments: ClassVar = {"std": ...}

    def __init__(self, std):
        self.std = real(std, "std", 0)

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(operations, "gaussian_noise", source, n_in, n_in, options=[self.std])


class Residual(Layer):
    """Layers with a connection that skips them: ``a = x + f(x)`` (He, Zhang, Ren & Sun 2016, "Deep residual learning").

    Parameters
    ----------
    layers : sequence of Layer
        f, from its first layer to its last; it must have as many outputs as inputs, unless there is a projection.
    projection : bool, default False
        Whether x goes through weights (n_in, n_out) on its way, without a bias: ``a = x w + f(x)``.
    trainable : bool, default True
        Whether training moves the parameters of the layers, where they are trainable themselves, and of the projection.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind; when the network is made, if the widths do not fit.
    """

    kind = "residual"
    _arguments: ClassVar = {"layers": ..., "projection": False, "trainable": True}

    def __init__(self, layers, projection=False, trainable=True):
        self.layers = as_layers(layers)
        for layer in self.layers:
            if layer.activation == "softmax":
                raise ValueError("softmax is for the last layer of a network alone, got it in a Residual")
            if isinstance(layer, Embedding):
                raise ValueError("an Embedding must be the first layer of a network, got it in a Residual")
            if layer.place is not None:
                raise ValueError(f"{layer!r} must be the {layer.place} layer of a network, got it in a Residual")
        self.projection = boolean(projection, "projection")
        self.trainable = trainable

    def config(self):
        """Return what makes this layer anew, as a dict of plain values."""
        return {**super().config(), "layers": [layer.config() for layer in self.layers]}

    def width(self, n_in):
        """Return the number of outputs for so many inputs; ValueError if x and f(x) cannot be added."""
        n_out = n_in
        for layer in self.layers:
            n_out = layer.width(n_out)
        if n_out != n_in and not self.projection:
            raise ValueError(
                f"a Residual adds its {n_in} inputs to the {n_out} outputs of its layers: end them with "
                f"Dense({n_in}), or let projection=True bring the inputs to {n_out}"
            )
        return n_out

    def _inner(self, n_in):
        """The layers and their numbers of inputs, by name, in the order of the flat buffer."""
        inner = {}
        n_out = n_in
        for number, layer in enumerate(self.layers):
            inner[str(number)] = layer, n_out
            n_out = layer.width(n_out)
        if self.projection:
            inner["projection"] = Dense(n_out, bias=False), n_in
        return inner

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        begin = len(operations)
        skip = source
        slot = self._operation(operations, "fork", source, n_in, n_in)
        for name, (layer, width) in self._inner(n_in).items():
            if name == "projection":
                skip = layer.compile(operations, source, width)
            else:
                slot = layer.compile(operations, slot, width)
        for operation in operations[begin:]:
            operation["trainable"] &= self.trainable
        n_out = self.width(n_in)
        return self._operation(operations, "add", skip, n_out, n_out, second=slot)

    def param_shapes(self, n_in):
        """Return the shapes of the parameters by name, ``"0.weight"`` and so on, in the order of the flat buffer."""
        return {
            f"{name}.{parameter}": shape
            for name, (layer, width) in self._inner(n_in).items()
            for parameter, shape in layer.param_shapes(width).items()
        }

    def buffer_shapes(self, n_in):
        """Return the shapes of the buffers of the layers by name."""
        return {
            f"{name}.{buffer}": shape
            for name, (layer, width) in self._inner(n_in).items()
            for buffer, shape in layer.buffer_shapes(width).items()
        }

    def rows(self, name, n_in):
        """Return its lines of `Network.summary`, those of its layers among them."""
        rows = super().rows(name, n_in)
        for inner, (layer, width) in self._inner(n_in).items():
            rows += layer.rows(f"{name}.{inner}", width)
        return rows

    def initialize(self, arrays, rng):
        """Draw the first values of the layers, in their order."""
        for number, layer in enumerate(self.layers):
            layer.initialize(part_of(arrays, number), rng)
        if self.projection:
            arrays = part_of(arrays, "projection")
            Dense(arrays["weight"].shape[1], bias=False).initialize(arrays, rng)


KINDS = {
    layer.kind: layer
    for layer in (
        Dense,
        Activation,
        PReLU,
        Dropout,
        GaussianNoise,
        LayerNorm,
        BatchNorm,
        Embedding,
        Residual,
        Standardize,
        Unstandardize,
    )
}


def part_of(named, prefix):
    """Return of a dict the items whose names begin with "prefix.", without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in named.items() if name.startswith(f"{prefix}.")}


def as_layers(layers):
    """Return layers as a tuple, from layers or what their `config` gave."""
    if isinstance(layers, Layer):
        raise TypeError(f"layers must be a sequence of layers, got one: write [{layers!r}]")
    layers = tuple(from_config(layer) if isinstance(layer, dict) else layer for layer in layers)
    if not layers:
        raise ValueError("layers must name at least one layer, got none")
    for layer in layers:
        if not isinstance(layer, tuple(KINDS.values())):
            raise TypeError(f"layers must be fastbp layers, Dense(n_out, activation) say, got {layer!r}")
    return layers


def from_config(config):
    """Make a layer from what its `config` gave."""
    config = dict(config)
    kind = one_of(config.pop("kind", None), KINDS, "kind of layer")
    return KINDS[kind](**config)
