"""What all layers share."""

import math
from typing import ClassVar

from ._validation import Checked, boolean


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
    place = None  # "first" or "last" if it must be that of a network
    last_toggle: ClassVar = object()  # another after each change of `trainable`, of any layer
    _arguments: ClassVar = {}  # of __init__, in order, with their defaults; ... where there is none
    _checks: ClassVar = {"trainable": lambda value: boolean(value, "trainable")}

    def __setattr__(self, name, value):
        if name != "trainable" and name in vars(self):
            raise AttributeError(f"{name} of a layer cannot be changed: make a new {type(self).__name__}")
        made = name not in vars(self)
        super().__setattr__(name, value)
        if not made:
            Layer.last_toggle = Checked.last_change = object()

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
        activation = self.activation if "activation" in self._arguments else ""
        return [(f"{name} {self.kind}{frozen}", activation, f"{n_in} -> {self.width(n_in)}", f"{n_params:,}")]

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
