"""Layers as a user describes them; the engine knows them as operations."""

import math
from typing import ClassVar

from . import activations
from ._validation import Checked, boolean, integer, one_of, real
from .initializers import INITIALIZERS

__all__ = ["Activation", "Dense", "Layer", "LayerNorm", "Residual"]


class Layer(Checked):
    """What all layers share.

    A layer is a description: networks that are made of it have parameters of their own, and nothing of it can be
    changed afterwards, but for `trainable`.

    Attributes
    ----------
    trainable : bool
        Whether training moves its parameters. May be set at any time; a `fit` goes by what it finds when it begins.
    activation : str
        The function that gives its outputs; "identity" for a layer that has none.
    """

    kind = ""
    activation = "identity"
    trainable = True
    n_toggles = 0  # how often `trainable` has been set, of any layer
    _arguments: ClassVar = {}  # of __init__, in order, with their defaults; ... where there is none
    _checks: ClassVar = {"trainable": lambda value: boolean(value, "trainable")}

    def __setattr__(self, name, value):
        if name != "trainable" and name in vars(self):
            raise AttributeError(f"{name} of a layer cannot be changed: make a new {type(self).__name__}")
        super().__setattr__(name, value)
        Layer.n_toggles += name == "trainable"

    def config(self):
        """Return what makes this layer anew, as a dict of plain values."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in self._arguments}}

    def width(self, n_in):
        """Return the number of outputs for so many inputs; ValueError if the layer does not fit them."""
        return n_in

    def compile(self, operations, source, n_in):
        """Append the operations of this layer, which reads slot `source`, to a list; return the slot that it writes.

        See the engine's `Program`.
        """
        raise NotImplementedError

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        return {}

    def buffer_shapes(self, n_in):
        """Return the same of what it keeps that no gradient moves."""
        return {}

    def rows(self, name, n_in):
        """Return its lines of `Network.summary`: name and kind, activation, shape, number of parameters."""
        n_params = self._n_params(n_in)
        frozen = "" if self.trainable else ", frozen"
        return [(f"{name} {self.kind}{frozen}", self.activation, f"{n_in} -> {self.width(n_in)}", f"{n_params:,}")]

    def initialize(self, arrays, rng):
        """Draw the first values of parameters and buffers, a dict of writable arrays by name; all are 0 before."""

    def _operation(self, operations, kind, source, n_in, n_out, **fields):
        """Append an operation to the list; return the slot that it writes."""
        operations.append(
            {
                "kind": kind,
                "source": source,
                "n_in": n_in,
                "n_out": n_out,
                "trainable": self.trainable,
                **fields,
            }
        )
        return len(operations)

    def _n_params(self, n_in):
        return sum(math.prod(shape) for shape in self.param_shapes(n_in).values())

    def __eq__(self, other):
        return type(self) is type(other) and self.config() == other.config()

    __hash__ = None

    def __repr__(self):
        shown = []
        for name, default in self._arguments.items():
            value = getattr(self, name)
            if default is ...:
                shown.append(repr(value))
            elif value != default:
                shown.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


class Dense(Layer):
    """A dense (fully connected) layer: ``a = f(x w + b)``.

    Parameters
    ----------
    n_out : int
        Number of outputs.
    activation : str, default "identity"
        A name listed in `fastbp.activations`; "softmax" in the last layer only.
    initializer : str, optional
        How the first weights are drawn: he_normal, he_uniform, glorot_normal, glorot_uniform, lecun_normal, zeros.
        By default what suits the activation.
    bias : bool, default True
        Whether there is a ``b``.
    trainable : bool, default True
        Whether training moves the parameters.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "dense"
    _arguments: ClassVar = {"n_out": ..., "activation": ..., "initializer": None, "bias": True, "trainable": True}

    def __init__(self, n_out, activation="identity", initializer=None, bias=True, trainable=True):
        self.n_out = integer(n_out, "n_out", 1)
        self.activation = one_of(activation, activations.NAMES, "activation")
        if initializer is None:
            initializer = activations.INITIALIZERS[activation]
        self.initializer = one_of(initializer, INITIALIZERS, "initializer")
        self.bias = boolean(bias, "bias")
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
        )

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        shapes = {"weight": (n_in, self.n_out)}
        if self.bias:
            shapes["bias"] = (self.n_out,)
        return shapes

    def initialize(self, arrays, rng):
        """Draw the weights."""
        n_in = arrays["weight"].shape[0]
        arrays["weight"][...] = INITIALIZERS[self.initializer](rng, n_in, self.n_out)


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


class LayerNorm(Layer):
    """Layer normalisation of the features of each sample (Ba, Kiros & Hinton 2016, "Layer normalization").

    ``a = weight (x - mean) / sqrt(variance + epsilon) + bias``, mean and variance (divided by the number of features)
    of the sample's own features: the same in training and in predictions.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Greater than 0.
    affine : bool, default True
        Whether there are a weight (1 at first) and a bias (0 at first) for each feature.
    trainable : bool, default True
        Whether training moves them.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "layer_norm"
    _arguments: ClassVar = {"epsilon": 1e-5, "affine": True, "trainable": True}

    def __init__(self, epsilon=1e-5, affine=True, trainable=True):
        self.epsilon = real(epsilon, "epsilon", 0, low_allowed=False)
        self.affine = boolean(affine, "affine")
        self.trainable = trainable

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(
            operations,
            "layer_norm",
            source,
            n_in,
            n_in,
            n_params=self._n_params(n_in),
            options=[self.epsilon],
        )

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        return {"weight": (n_in,), "bias": (n_in,)} if self.affine else {}

    def initialize(self, arrays, rng):
        """Set the weights to 1."""
        if self.affine:
            arrays["weight"][...] = 1


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


KINDS = {layer.kind: layer for layer in (Dense, Activation, LayerNorm, Residual)}


def part_of(named, prefix):
    """Return of a dict the items whose names begin with "prefix.", without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in named.items() if name.startswith(f"{prefix}.")}


def as_layers(layers):
    """Return layers as a tuple, from layers or what their `config` gave."""
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
