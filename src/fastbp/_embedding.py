"""Vectors for categories."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ._layer import Layer
from ._validation import integer

_MOST_CATEGORIES = 2**24  # float32 holds the integers up to here


class Embedding(Layer):
    """Vectors for categories: columns of integers are replaced by vectors that are learnt, the others go through.

    The outputs are the columns that go through, in their order, then the vectors, in the order of `columns`. The layer
    must be the first, for X holds the categories: integers from 0, in an array of any dtype, checked by every call.

    Parameters
    ----------
    n_categories : int or sequence of int
        Of all columns, or of each; at most 2**24, which float32 holds exactly.
    n_dim : int or sequence of int
        Length of the vectors of all columns, or of each.
    columns : int or sequence of int, default 0
        Which columns of X hold categories.
    trainable : bool, default True
        Whether training moves the vectors.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind, or lengths differ; when the network is made, if it has no such column.
    """

    kind = "embedding"
    _arguments: ClassVar = {"n_categories": ..., "n_dim": ..., "columns": 0, "trainable": True}

    def __init__(self, n_categories, n_dim, columns=0, trainable=True):
        self.columns = _integers(columns, "columns", 0)
        n = len(self.columns)
        if len(set(self.columns)) < n:
            raise ValueError(f"columns must differ, got {self.columns}")
        self.n_categories = _integers(n_categories, "n_categories", 1, _MOST_CATEGORIES, n)
        self.n_dim = _integers(n_dim, "n_dim", 1, 2**62, n)
        self.trainable = trainable

    def config(self):
        """Return what makes this layer anew, as a dict of plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in super().config().items()}

    def width(self, n_in):
        """Return the number of outputs for so many columns; ValueError if there are too few."""
        if max(self.columns) >= n_in:
            raise ValueError(f"an Embedding of column {max(self.columns)} needs more inputs than {n_in}: count from 0")
        return n_in - len(self.columns) + sum(self.n_dim)

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        through = [column for column in range(n_in) if column not in self.columns]
        fields = zip(self.columns, self.n_categories, self.n_dim, strict=True)
        return self._operation(
            operations,
            "embedding",
            source,
            n_in,
            self.width(n_in),
            n_params=self._n_params(n_in),
            table=[len(through), *through, *(number for field in fields for number in field)],
        )

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        shapes = zip(self.columns, self.n_categories, self.n_dim, strict=True)
        return {f"weight_{column}": (n_categories, n_dim) for column, n_categories, n_dim in shapes}

    def initialize(self, arrays, rng):
        """Draw the vectors from the standard normal distribution."""
        for values in arrays.values():
            values[...] = rng.standard_normal(values.shape)

    def check(self, X):
        """ValueError if a column of X holds what is no category."""
        for column, n_categories in zip(self.columns, self.n_categories, strict=True):
            values = X[:, column]
            good = (values >= 0) & (values < n_categories) & (values == np.floor(values))
            if not good.all():
                row = int(np.argmin(good))
                raise ValueError(
                    f"column {column} of X must hold categories, integers in 0 ... {n_categories - 1}, got "
                    f"{values[row]:g} in row {row}"
                )


def _integers(value, name, at_least, at_most=2**62, n=None):
    """Return a tuple of n integers, from as many or from one that counts for all; of any length if n is None."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (integer(value, name, at_least, at_most),) * (n or 1)
    values = tuple(integer(each, name, at_least, at_most) for each in value)
    if not values or n not in (None, len(values)):
        raise ValueError(f"{name} must be an integer or one for each column, {n or 'some'}, got {value!r}")
    return values
