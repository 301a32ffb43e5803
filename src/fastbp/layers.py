"""Layers as a user describes them; the engine knows them as operations."""

from . import activations
from ._validation import boolean, integer, one_of
from .initializers import INITIALIZERS

__all__ = ["Dense"]


class Dense:
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

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    kind = "dense"

    def __init__(self, n_out, activation="identity", initializer=None, bias=True):
        self.n_out = integer(n_out, "n_out", 1)
        self.activation = one_of(activation, activations.NAMES, "activation")
        if initializer is None:
            initializer = activations.INITIALIZERS[activation]
        self.initializer = one_of(initializer, INITIALIZERS, "initializer")
        self.bias = boolean(bias, "bias")

    def config(self):
        """Return what makes this layer anew, as a dict of plain values."""
        return {
            "kind": self.kind,
            "n_out": self.n_out,
            "activation": self.activation,
            "initializer": self.initializer,
            "bias": self.bias,
        }

    def operation(self, n_in):
        """Return the engine's description: (kind, n_in, n_out, activation, has_bias)."""
        return self.kind, n_in, self.n_out, self.activation, self.bias

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        shapes = {"weight": (n_in, self.n_out)}
        if self.bias:
            shapes["bias"] = (self.n_out,)
        return shapes

    def initialize(self, params, rng):
        """Draw the first values of `params`, a dict of writable arrays by name."""
        n_in = params["weight"].shape[0]
        params["weight"][...] = INITIALIZERS[self.initializer](rng, n_in, self.n_out)
        if self.bias:
            params["bias"][...] = 0

    def __eq__(self, other):
        return type(self) is type(other) and self.config() == other.config()

    __hash__ = None

    def __repr__(self):
        bias = "" if self.bias else ", bias=False"
        return f"Dense({self.n_out}, {self.activation!r}, initializer={self.initializer!r}{bias})"


KINDS = {Dense.kind: Dense}


def from_config(config):
    """Make a layer from what its `config` gave."""
    config = dict(config)
    kind = one_of(config.pop("kind", None), KINDS, "kind of layer")
    return KINDS[kind](**config)
