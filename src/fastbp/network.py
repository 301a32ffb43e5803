"""The network: layers, parameters, predictions, gradients, model files."""

import json
import math
import os
import sys
import uuid

import numpy as np

from . import layers as _layers
from . import losses as _losses
from ._engine.engine import Data, Program
from ._validation import as_dtype, as_reals, as_sample_weight, as_samples, integer
from .initializers import generator

__all__ = ["Network"]

_ALIGNMENT = 64  # bytes: a cache line, and the widest vector; as many may be read behind the last parameter
_FILE_FORMAT = "fastbp network"
_FILE_VERSION = 1


def _aligned(n, dtype):
    """Zeros of shape (n,), aligned, with memory behind the last that may be read."""
    buffer = np.zeros(n * dtype.itemsize + 2 * _ALIGNMENT, np.uint8)
    offset = -buffer.ctypes.data % _ALIGNMENT
    return buffer[offset : offset + n * dtype.itemsize].view(dtype)


class Network:
    """A feed-forward neural network.

    Parameters
    ----------
    n_in : int
        Number of features of a sample.
    layers : sequence of Dense
        From the first to the output. Softmax is for the last alone.
    dtype : {"float32", "float64"}, default "float32"
        Of the parameters and of all computation.
    seed : int, default 0
        Decides the first weights.

    Attributes
    ----------
    n_in, n_out, n_params : int
    dtype : numpy.dtype
    layers : tuple of Dense
    params : ndarray of shape (n_params,)
        Every parameter, in one writable buffer: of each layer the weights (n_in, n_out) row by row, then the bias.
        Reading and writing it reads and writes the network; nothing is copied.
    metadata : dict
        Anything that JSON can hold; it travels with `save` and `load`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.

    Examples
    --------
    >>> import fastbp
    >>> net = fastbp.Network(4, [fastbp.Dense(16, "relu"), fastbp.Dense(3, "softmax")])
    >>> net.predict([[5.1, 3.5, 1.4, 0.2]]).shape
    (1, 3)
    """

    def __init__(self, n_in, layers, dtype="float32", seed=0):
        self.n_in = integer(n_in, "n_in", 1)
        self.layers = _as_layers(layers)
        self.dtype = as_dtype(dtype)
        seed = integer(seed, "seed", 0)
        self.n_out = self.layers[-1].n_out
        self.metadata = {}
        self._build()
        rng = generator(seed)
        named = self.named_parameters()
        for number, layer in enumerate(self.layers):
            prefix = f"{number}."
            layer.initialize(
                {name.removeprefix(prefix): a for name, a in named.items() if name.startswith(prefix)}, rng
            )

    @classmethod
    def mlp(cls, widths, activation="relu", output="identity", dtype="float32", seed=0):
        """Make a network of dense layers.

        Parameters
        ----------
        widths : sequence of int
            Features, then the outputs of each layer: at least 2 numbers.
        activation : str, default "relu"
            Of every layer but the last.
        output : str, default "identity"
            Activation of the last.
        dtype, seed
            As in the class.

        Returns
        -------
        Network
        """
        widths = [integer(width, "a width", 1) for width in widths]
        if len(widths) < 2:
            raise ValueError(f"widths must name the inputs and at least one layer, got {widths}")
        activations = [activation] * (len(widths) - 2) + [output]
        dense = [_layers.Dense(n_out, name) for n_out, name in zip(widths[1:], activations, strict=True)]
        return cls(widths[0], dense, dtype, seed)

    def _build(self):
        operations = []
        n_in = self.n_in
        for layer in self.layers:
            operations.append(layer.operation(n_in))
            n_in = layer.n_out
        self.n_params = _n_params(self.n_in, self.layers)
        self._params = _aligned(self.n_params, self.dtype)
        self._program = Program(operations, self._params, self.dtype.itemsize * 8)

    @property
    def params(self):
        """Every parameter, in one writable buffer."""
        return self._params

    @params.setter
    def params(self, value):
        if value is not self._params:  # as it is after `net.params -= step`
            raise AttributeError("params is the network's own memory: write into it with net.params[...] = values")

    def named_parameters(self):
        """Return the parameters by name: writable views of `params`.

        Returns
        -------
        dict of str to ndarray
            ``"0.weight"`` of shape (n_in, n_out), ``"0.bias"`` of shape (n_out,), ``"1.weight"`` and so on.
        """
        named = {}
        begin = 0
        n_in = self.n_in
        for number, layer in enumerate(self.layers):
            for name, shape in layer.param_shapes(n_in).items():
                end = begin + math.prod(shape)
                named[f"{number}.{name}"] = self.params[begin:end].reshape(shape)
                begin = end
            n_in = layer.n_out
        return named

    def predict(self, X, check_finite=True):
        """Return the output of the last layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        check_finite : bool, default True
            Whether X is searched for NaN and infinity first.

        Returns
        -------
        ndarray of shape (n_samples, n_out), of the network's dtype
            Probabilities after softmax or sigmoid.

        Raises
        ------
        TypeError, ValueError
            If X is not of this shape, or not finite.
        """
        X = as_samples(X, self.n_in, self.dtype, check_finite)
        out = np.empty((len(X), self.n_out), self.dtype)
        self._program.predict(X, out, len(X))
        return out

    def predict_one(self, x, out=None):
        """Return the output for one sample: what `predict` gives, in microseconds.

        NaN and infinity are not searched for.

        Parameters
        ----------
        x : array-like of shape (n_in,)
            Converted unless it is a C-contiguous array of the network's dtype.
        out : ndarray of shape (n_out,), of the network's dtype, optional
            Written and returned; with it nothing is allocated.

        Returns
        -------
        ndarray of shape (n_out,)

        Raises
        ------
        TypeError, ValueError
            If x or out is not of this kind.
        """
        if out is None:
            out = np.empty(self.n_out, self.dtype)
        if self._program.predict_one(x, out):
            return out
        if not (
            isinstance(out, np.ndarray) and out.shape == (self.n_out,) and out.dtype == self.dtype and out.flags.carray
        ):
            raise ValueError(
                f"out must be a writable, contiguous array of shape ({self.n_out},) and dtype {self.dtype}, got {out!r}"
            )
        x = as_reals(x, "x", self.dtype, check_finite=False)
        if x.shape != (self.n_in,):
            raise ValueError(f"x must have shape ({self.n_in},), got {x.shape}")
        self._program.predict_one(x, out)
        return out

    def loss_and_grad(self, X, y, loss, sample_weight=None):
        """Return the loss and its gradient.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        y : array-like
            Targets as the loss takes them.
        loss : Loss
        sample_weight : array-like of shape (n_samples,), optional
            Not negative, not all zero.

        Returns
        -------
        loss : float
            ``sum_i w_i l_i / sum_i w_i``.
        grad : ndarray of shape (n_params,)
            Its gradient, laid out as `params`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind, or the loss does not fit the output.
        """
        data, _, _ = self._data(X, y, loss, sample_weight)
        grad = _aligned(self.n_params, self.dtype)
        return self._program.loss_and_grad(data, grad), grad

    def _data(self, X, y, loss, sample_weight=None):
        """Return checked data for the engine, and the targets and weights in it."""
        X, y, weights = self._checked(X, y, loss, sample_weight)
        return self._as_data(X, y, loss, weights), y, weights

    def _checked(self, X, y, loss, sample_weight=None):
        """Return inputs, targets and weights as the engine takes them."""
        loss = _losses.as_loss(loss)
        loss.check(self.layers[-1].activation)
        X = as_samples(X, self.n_in, self.dtype)
        return X, loss.targets(y, len(X), self.n_out, self.dtype), as_sample_weight(sample_weight, len(X))

    def _as_data(self, X, y, loss, weights):
        """Return for the engine what `_checked` has returned, or some rows of it."""
        return Data(self._program, X, y, weights, loss.config())

    def save(self, path):
        """Write the network to a file, which is whole or not there: an older one stays until the new one is done.

        The file is a NumPy archive without pickles: ``params``, and ``config`` in JSON.

        Parameters
        ----------
        path : path-like
            Usually ending in ".npz"; nothing is appended to it.

        Raises
        ------
        TypeError, ValueError
            If `metadata` holds what JSON cannot.
        OSError
            If the file cannot be written.
        """
        config = json.dumps({"format": _FILE_FORMAT, "version": _FILE_VERSION, **self._config()}, allow_nan=False)
        path = os.fsdecode(path)
        temporary = f"{path}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"
        with open(temporary, "xb") as file:
            try:
                np.savez(file, params=self.params, config=np.array(config))
                file.flush()
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise

    @classmethod
    def load(cls, path):
        """Read a network from a file that `save` wrote.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        Network

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not a model file, is cut short, or does not fit together.
        """
        name = os.fsdecode(path)
        with open(name, "rb") as file:
            try:
                return cls._read(file)
            except Exception as error:  # whatever zipfile, its compressors, numpy and json make of a damaged file
                raise ValueError(
                    f"{name!r} is not a fastbp model, version {_FILE_VERSION}, as Network.save writes it: {error}"
                ) from error

    @classmethod
    def _read(cls, file):
        with np.load(file, allow_pickle=False) as archive:
            names = set(getattr(archive, "files", ()))
            if names != {"params", "config"}:
                raise ValueError(f"it holds {sorted(names)} instead of config and params")
            config = json.loads(str(archive["config"]))
            params = archive["params"]
        if config.get("format") != _FILE_FORMAT or config.get("version") != _FILE_VERSION:
            raise ValueError(f"it has format {config.get('format')!r}, version {config.get('version')!r}")
        layers = _as_layers([_layers.from_config(layer) for layer in config["layers"]])
        expected = _n_params(integer(config["n_in"], "n_in", 1), layers), as_dtype(config["dtype"])
        if (params.size, params.dtype) != expected or params.ndim != 1:
            raise ValueError(
                f"its layers have {expected[0]} parameters of {expected[1]}, it holds {params.shape} of {params.dtype}"
            )
        if not isinstance(config["metadata"], dict):
            raise ValueError(f"its metadata are no dict but {type(config['metadata']).__name__}")
        network = cls._from_config(config)
        network.params[...] = params
        return network

    def _config(self):
        return {
            "n_in": self.n_in,
            "layers": [layer.config() for layer in self.layers],
            "dtype": self.dtype.name,
            "metadata": self.metadata,
        }

    @classmethod
    def _from_config(cls, config):
        """A network with all parameters zero."""
        network = cls.__new__(cls)
        network.n_in = integer(config["n_in"], "n_in", 1)
        network.layers = _as_layers([_layers.from_config(layer) for layer in config["layers"]])
        network.dtype = as_dtype(config["dtype"])
        network.n_out = network.layers[-1].n_out
        network.metadata = config["metadata"]
        network._build()
        return network

    def __getstate__(self):
        return {**self._config(), "params": self.params.copy()}

    def __setstate__(self, state):
        made = self._from_config(state)
        made.params[...] = state["params"]
        self.__dict__.update(made.__dict__)

    def summary(self, file=None):
        """Print the layers with their shapes and numbers of parameters.

        Parameters
        ----------
        file : text file, optional
            Standard output by default. ``str(network)`` is the same text.
        """
        print(self, file=sys.stdout if file is None else file)

    def __str__(self):
        rows = [("layer", "activation", "shape", "parameters")]
        n_in = self.n_in
        for number, layer in enumerate(self.layers):
            n_params = sum(math.prod(shape) for shape in layer.param_shapes(n_in).values())
            rows.append((f"{number} {layer.kind}", layer.activation, f"{n_in} -> {layer.n_out}", f"{n_params:,}"))
            n_in = layer.n_out
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)), row[3].rjust(widths[3])]
            )
            for row in rows
        ]
        size = self.params.nbytes
        total = f"{self.n_params:,} parameters of {self.dtype}, {size:,} bytes"
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], total])

    def __repr__(self):
        return f"Network({self.n_in}, {list(self.layers)!r}, dtype={self.dtype.name!r})"


def _n_params(n_in, layers):
    total = 0
    for layer in layers:
        total += sum(math.prod(shape) for shape in layer.param_shapes(n_in).values())
        n_in = layer.n_out
    return total


def _as_layers(layers):
    layers = tuple(layers)
    if not layers:
        raise ValueError("layers must name at least one layer, got none")
    for number, layer in enumerate(layers):
        if not isinstance(layer, tuple(_layers.KINDS.values())):
            raise TypeError(f"layers must be fastbp layers, Dense(n_out, activation) say, got {layer!r}")
        if layer.activation == "softmax" and number < len(layers) - 1:
            raise ValueError(f"softmax is for the last layer alone, got it in layer {number} of {len(layers)}")
    return layers
