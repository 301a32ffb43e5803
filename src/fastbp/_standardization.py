"""Layers that bring features to a common scale, and outputs back to that of the targets; and where scales come from."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ._layer import Layer
from ._validation import boolean, integer, real

_ROWS_AT_ONCE = 65536  # rows whose deviations from their mean are held in float64 at one time


class Standardize(Layer):
    """Standardisation of the inputs: ``a = (x - mean) / std``, each feature by its own mean and standard deviation.

    These are no parameters but moments of data, divided by the number of samples. They lie in the network's `buffers`
    and travel with it. `Network.adapt` takes them from data; the first `Trainer.fit` does it with what it trains on,
    where nothing has done it before. Until then the inputs are passed on as they are.

    A `running` one takes no data beforehand: in training its moments follow the samples of each batch first, and then
    bring them to scale (Welford 1962; West 1979). What is predicted leaves them alone.

    A column that is constant, but for rounding errors of its mean, is divided by 1. The layer must be the first.

    Parameters
    ----------
    running : bool, default False
        Whether the moments follow the samples that are trained on.
    forgetting_factor : float, default 1
        Of a running one: with each further sample, those before count so many times as much; in (0, 1]. With 1 all
        count alike; less follows a stream that changes, with a memory of ``1 / (1 - forgetting_factor)`` samples.
    columns : int or sequence of int, optional
        Which columns to standardise; the others are passed on as they are. By default all.
    trainable : bool, default True
        Whether training moves the moments of a running one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind; when the network is made, if it has no such column, or the layer is not the
        first, or an Embedding behind it wants a column as it is.
    """

    kind = "standardize"
    place = "first"
    _arguments: ClassVar = {"running": False, "forgetting_factor": 1.0, "columns": None, "trainable": True}

    def __init__(self, running=False, forgetting_factor=1.0, columns=None, trainable=True):
        self.running = boolean(running, "running")
        self.forgetting_factor = real(forgetting_factor, "forgetting_factor", 0, low_allowed=False)
        if self.forgetting_factor > 1:
            raise ValueError(f"forgetting_factor must be greater than 0 and at most 1, got {forgetting_factor}")
        if self.forgetting_factor < 1 and not self.running:
            raise ValueError("forgetting_factor is for moments that follow a stream: give running=True with it")
        self.columns = None if columns is None else _as_columns(columns)
        self.trainable = trainable

    def config(self):
        """Return what makes this layer anew, as a dict of plain values."""
        return {**super().config(), "columns": None if self.columns is None else list(self.columns)}

    def width(self, n_in):
        """Return n_in; ValueError if there are too few columns."""
        if self.columns is not None and max(self.columns) >= n_in:
            raise ValueError(f"a Standardize of column {max(self.columns)} needs more inputs than {n_in}: count from 0")
        return n_in

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        chosen = self.chosen(n_in)
        return self._operation(
            operations,
            "standardize",
            source,
            n_in,
            n_in,
            n_buffers=2 * n_in + 1,
            options=[self.forgetting_factor if self.running else 0.0],
            table=[] if chosen.all() else chosen.astype(int).tolist(),
        )

    def buffer_shapes(self, n_in):
        """Return the shapes of mean and std, and of the weight of all samples that they are of."""
        return {"mean": (n_in,), "std": (n_in,), "weight": (1,)}

    def chosen(self, n_in):
        """Return which columns are standardised, (n_in,) of bool."""
        chosen = np.full(n_in, self.columns is None)
        if self.columns is not None:
            chosen[list(self.columns)] = True
        return chosen

    def adapt(self, buffers, X):
        """Let the moments, writable arrays by name, be those of rows X together with those that they are of."""
        _take_in(buffers, X, self.chosen(X.shape[1]), "X")


class Unstandardize(Layer):
    """Outputs in the units of the targets: ``a = x std + mean``, of the targets' own means and standard deviations.

    With it as the last layer a network learns targets of any scale as if they had mean 0 and deviation 1: the loss is
    that of ``(y - mean) / std`` and of what goes into this layer, so that loss, learning rate and weight decay do not
    depend on the units. What is predicted, and so every metric, is in those of y.

    Mean and std lie in the network's `buffers`. `Network.adapt` takes them from data; the first `Trainer.fit` does it
    with what it trains on, where nothing has done it before. They do not follow a stream. A target that is constant is
    divided by 1.

    For losses of numbers in any units: SquaredError, AbsoluteError, Huber, LogCosh and Quantile.

    Raises
    ------
    ValueError
        When the network is made, if the layer is not the last.
    """

    kind = "unstandardize"
    place = "last"
    running = False

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(operations, "unstandardize", source, n_in, n_in, n_buffers=2 * n_in + 1)

    def buffer_shapes(self, n_in):
        """Return the shapes of mean and std, and of the number of samples that they are of."""
        return {"mean": (n_in,), "std": (n_in,), "weight": (1,)}

    def adapt(self, buffers, y):
        """Let the moments, writable arrays by name, be those of rows y together with those that they are of."""
        _take_in(buffers, y, np.full(y.shape[1], True), "y")


def _as_columns(columns):
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        columns = (columns,)
    columns = tuple(integer(column, "a column", 0) for column in columns)
    if not columns or len(set(columns)) < len(columns):
        raise ValueError(f"columns must be different integers, one at least, got {columns}")
    return columns


def _take_in(buffers, rows, chosen, name):
    """Let moments, writable arrays by name, be those of more rows too, in the columns that are chosen."""
    weight, mean, std = (buffers[key].astype(np.float64) for key in ("weight", "mean", "std"))
    variance = std**2
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        more = rows[begin : begin + _ROWS_AT_ONCE]
        with np.errstate(over="ignore", invalid="ignore"):
            mean, variance = _joined(mean, variance, more, len(more) / (weight + len(more)))
        weight += len(more)
    std = np.sqrt(variance)
    with np.errstate(over="ignore", invalid="ignore"):
        new = {key: np.where(chosen, value, 0).astype(rows.dtype) for key, value in (("mean", mean), ("std", std))}
    new["std"][new["std"] <= np.finfo(rows.dtype).eps * np.abs(new["mean"])] = 0  # as the engine has it
    bad = np.flatnonzero(~np.isfinite(new["mean"]) | ~np.isfinite(new["std"]))
    if len(bad):
        raise ValueError(f"column {bad[0]} of {name} has numbers too large for its moments in {rows.dtype}: scale it")
    for key, value in new.items():
        buffers[key][...] = value
    buffers["weight"][...] = weight


def _joined(mean, variance, rows, share):
    """Return mean and variance of rows, whose share of all weight is given, and of what is known (Chan et al. 1983)."""
    own_mean = rows.mean(axis=0, dtype=np.float64)
    own_mean += (rows - own_mean).mean(axis=0)  # what rounding has left: a constant column is to deviate by 0
    own_variance = np.square(rows - own_mean).mean(axis=0, dtype=np.float64)
    error = own_mean - mean
    return mean + share * error, (1 - share) * (variance + share * error**2) + share * own_variance
