"""The network: layers, parameters, predictions, gradients."""

import math
import sys

import numpy as np

from . import _threads
from . import layers as _layers
from ._adaptation import Adaptation
from ._custom_loss import as_loss
from ._engine import derivatives, inference
from ._engine.data import Data
from ._engine.engine import Program
from ._insight import Insight
from ._model_file import ModelFile
from ._validation import as_dtype, as_reals, as_sample_weight, as_samples, boolean, integer
from .initializers import generator

__all__ = ["Network"]

_ALIGNMENT = 64  # bytes: a cache line, and the widest vector; as many may be read behind the last parameter


def _aligned(n, dtype):
    """Zeros of shape (n,), aligned, with memory behind the last that may be read."""
    buffer = np.zeros(n * dtype.itemsize + 2 * _ALIGNMENT, np.uint8)
    offset = -buffer.ctypes.data % _ALIGNMENT
    return buffer[offset : offset + n * dtype.itemsize].view(dtype)


class Network(Insight, Adaptation, ModelFile):
    """A feed-forward neural network.

    Parameters
    ----------
    n_in : int
        Number of features of a sample.
    layers : sequence of Layer
        From the first to the output, see `fastbp.layers`. Softmax and Unstandardize are for the last alone, Standardize
        and Embedding for the first.
    dtype : {"float32", "float64"}, default "float32"
        Of the parameters and of all computation.
    seed : int, default 0
        Decides the first weights.

    Attributes
    ----------
    n_in, n_out, n_params : int
    dtype : numpy.dtype
    layers : tuple of Layer
    params : ndarray of shape (n_params,)
        Every parameter, in one writable buffer: of each Dense layer the weights (n_in, n_out) row by row, then the
        bias. Reading and writing it reads and writes the network; nothing is copied.
    buffers : ndarray of shape (n_buffers,)
        The same of what layers keep that no gradient moves: the running statistics of BatchNorm,
        the moments of Standardize and Unstandardize.
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
        self.layers = _as_layers(layers, self.n_in)
        self.dtype = as_dtype(dtype)
        seed = integer(seed, "seed", 0)
        self.metadata = {}
        self._build()
        rng = generator(seed)
        arrays = {**self.named_parameters(), **self.named_buffers()}
        for number, layer in enumerate(self.layers):
            layer.initialize(_layers.part_of(arrays, number), rng)

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
        self.n_out = self.widths[-1]
        self._last_toggle = _layers.Layer.last_toggle
        operations = self._operations()
        self._params = _aligned(self._n_elements("param_shapes"), self.dtype)
        self._buffers = _aligned(self._n_elements("buffer_shapes"), self.dtype)
        self.n_params = self._params.size
        self._has_categories = any(isinstance(layer, _layers.Embedding) for layer in self.layers)
        self._trainable = [operation["trainable"] for operation in operations]
        self._program = Program(operations, self._params, self._buffers, self.dtype.itemsize * 8)

    @property
    def widths(self):
        """The number of inputs, then of outputs of each layer: what `mlp` is given."""
        widths = [self.n_in]
        for layer in self.layers:
            widths.append(layer.width(widths[-1]))
        return tuple(widths)

    def _operations(self):
        """The layers as the engine takes them."""
        operations = []
        slot = 0
        for number, (layer, n_in) in enumerate(zip(self.layers, self.widths, strict=False)):
            begin = len(operations)
            slot = layer.compile(operations, slot, n_in)
            for operation in operations[begin:]:
                operation["layer"] = number
        return operations

    def _shapes(self, of):
        """The shapes of parameters or buffers by name, in the order of the flat buffer."""
        return {
            f"{number}.{name}": shape
            for number, (layer, n_in) in enumerate(zip(self.layers, self.widths, strict=False))
            for name, shape in getattr(layer, of)(n_in).items()
        }

    def _n_elements(self, of):
        """How many numbers the flat buffer has."""
        return sum(math.prod(shape) for shape in self._shapes(of).values())

    def _notice_freezing(self):
        """Let the engine know which layers are trainable, if any has changed."""
        last_toggle = _layers.Layer.last_toggle
        if self._last_toggle is not last_toggle:
            trainable = [operation["trainable"] for operation in self._operations()]
            if trainable != self._trainable:  # the layers may have been others'
                self._program.set_trainable(trainable)
                self._trainable = trainable
            self._last_toggle = last_toggle

    @property
    def params(self):
        """Every parameter, in one writable buffer."""
        return self._params

    @params.setter
    def params(self, value):
        if value is not self._params:  # as it is after `net.params -= step`
            raise AttributeError("params is the network's own memory: write into it with net.params[...] = values")

    @property
    def buffers(self):
        """What layers keep that is no parameter, in one writable buffer."""
        return self._buffers

    def named_parameters(self):
        """Return the parameters by name: writable views of `params`.

        Returns
        -------
        dict of str to ndarray
            ``"0.weight"`` of shape (n_in, n_out), ``"0.bias"`` of shape (n_out,), ``"1.weight"`` and so on; in a
            Residual layer ``"1.0.weight"``.
        """
        return self._named_as_parameters(self._params)

    def _named_as_parameters(self, flat):
        """Views of an array laid out as `params`, by name."""
        return _named(self._shapes("param_shapes"), flat)

    def named_buffers(self):
        """Return the buffers by name, as `named_parameters` does: writable views of `buffers`.

        Returns
        -------
        dict of str to ndarray
            ``"1.running_mean"`` and ``"1.running_var"`` of shape (n_in,) for a BatchNorm as layer 1.
        """
        return _named(self._shapes("buffer_shapes"), self._buffers)

    def predict(self, X, check_finite=True, n_threads=1):
        """Return the output of the last layer.

        Ctrl-C ends a long call within about 0.1 s.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        check_finite : bool, default True
            Whether NaN and infinity in X are an error.
        n_threads : int, default 1
            Threads that share the rows, at most: as many as are worth it. The result is the same for any number.

        Returns
        -------
        ndarray of shape (n_samples, n_out), of the network's dtype
            Probabilities after softmax or sigmoid.

        Raises
        ------
        TypeError, ValueError
            If X is not of this shape, or not finite, or n_threads is not such a number.
        """
        n_threads = integer(n_threads, "n_threads", 1, _threads.MOST)
        given = X
        X = self._samples(X, check_finite=False)
        out = np.empty((len(X), self.n_out), self.dtype)
        finite = inference.predict(self._program, X, out, len(X), self._n_workers(len(X), n_threads))
        if check_finite and not finite:
            self._samples(given)  # says what is where
        return out

    def _n_workers(self, n_rows, n_threads):
        """How many threads it is worth to predict so many rows with."""
        return _threads.n_workers(n_threads, 2 * n_rows * self.n_params, _threads.FOR_A_PREDICTION)

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
        if not self._has_categories:
            outputs = self._program.predict_one(x, out)
            if outputs is not None:
                return outputs
        if out is None:
            out = np.empty(self.n_out, self.dtype)
        elif not (
            isinstance(out, np.ndarray) and out.shape == (self.n_out,) and out.dtype == self.dtype and out.flags.carray
        ):
            raise ValueError(
                f"out must be a writable, contiguous array of shape ({self.n_out},) and dtype {self.dtype}, got {out!r}"
            )
        x = as_reals(x, "x", self.dtype, check_finite=False)
        if x.shape != (self.n_in,):
            raise ValueError(f"x must have shape ({self.n_in},), got {x.shape}")
        if self._has_categories:
            self._check_categories(x[None, :])
        self._program.predict_one(x, np.asarray(out, self.dtype))
        return out

    def capsule(self, n_samples=256):
        """Return the network as compiled code calls it, without the interpreter's lock: see docs/c_api.md.

        Parameters
        ----------
        n_samples : int, default 256
            To go through the network at once where more are predicted: memory is set aside for so many.

        Returns
        -------
        PyCapsule
            Of a struct ``fastbp_model``, for one thread at a time. It keeps alive what it needs of the network.

        Raises
        ------
        TypeError, ValueError
            If n_samples is no integer that is at least 1.
        """
        from ._engine import capsule  # on use, for the sake of the time that fastbp takes to import

        return capsule.capsule(capsule.Handle(self._program, integer(n_samples, "n_samples", 1)))

    def loss_and_grad(self, X, y, loss, sample_weight=None, training=False, seed=0):
        """Return the loss and its gradient.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        y : array-like
            Targets as the loss takes them.
        loss : Loss or object with value_and_grad
        sample_weight : array-like of shape (n_samples,), optional
            Not negative, not all zero.
        training : bool, default False
            Whether layers behave as in training, not as in predictions: Dropout drops, GaussianNoise adds noise, and
            BatchNorm takes the statistics of the batch, all samples of X, and moves its running ones.
        seed : int, default 0
            Decides what Dropout and GaussianNoise draw.

        Returns
        -------
        loss : float
            ``sum_i w_i l_i / sum_i w_i``, and what layers with l1 or l2 ask for their weights.
        grad : ndarray of shape (n_params,)
            Its gradient, laid out as `params`, also for layers that are not trainable.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind, or the loss does not fit the output.
        """
        training = boolean(training, "training")
        seed = integer(seed, "seed", 0, 2**64 - 1)
        data, _, _ = self._data(X, y, loss, sample_weight)
        grad = _aligned(self.n_params, self.dtype)
        return derivatives.loss_and_grad(self._program, data, grad, training, seed), grad

    def _data(self, X, y, loss, sample_weight=None):
        """Return checked data for the engine, and the targets and weights in it."""
        loss = as_loss(loss)
        X, y, weights = self._checked(X, y, loss, sample_weight)
        return self._as_data(X, y, loss, weights), y, weights

    def _samples(self, X, check_finite=True):
        """Return X as the engine takes it."""
        X = as_samples(X, self.n_in, self.dtype, check_finite)
        if self._has_categories:
            self._check_categories(X)
        return X

    def _check_categories(self, X):
        for layer in self.layers[:2]:
            if isinstance(layer, _layers.Embedding):
                layer.check(X)

    def _checked(self, X, y, loss, sample_weight=None):
        """Return inputs, targets and weights as the engine takes them."""
        self._check_loss(loss)
        self._notice_freezing()
        X = self._samples(X)
        return X, loss.targets(y, len(X), self.n_out, self.dtype), as_sample_weight(sample_weight, len(X))

    def _check_loss(self, loss):
        """ValueError unless the loss fits the output."""
        last = self.layers[-1]
        loss.check(last.activation, self.n_out)
        if isinstance(last, _layers.Unstandardize) and not loss.any_units:
            raise ValueError(
                f"{loss!r} has targets that mean nothing on another scale, and the network ends with {last!r}: take "
                "SquaredError, AbsoluteError, Huber, LogCosh or Quantile, or leave this layer out"
            )

    def _as_data(self, X, y, loss, weights, gain=1.0):
        """Return for the engine what `_checked` has returned, or some rows of it."""
        return Data(self._program, X, y, weights, loss.config(), gain)

    def _config(self):
        return {
            "n_in": self.n_in,
            "layers": [layer.config() for layer in self.layers],
            "dtype": self.dtype.name,
            "metadata": self.metadata,
        }

    @classmethod
    def _described(cls, config):
        """A network without memory for its parameters: `_build` makes that."""
        network = cls.__new__(cls)
        network.n_in = integer(config["n_in"], "n_in", 1)
        network.layers = _as_layers(config["layers"], network.n_in)
        network.dtype = as_dtype(config["dtype"])
        network.metadata = config["metadata"]
        return network

    @classmethod
    def _from_config(cls, config):
        """A network with all parameters zero."""
        network = cls._described(config)
        network._build()
        return network

    def _twin(self, dtype=np.float64):
        """A copy in another dtype."""
        twin = self._from_config({**self._config(), "dtype": np.dtype(dtype).name})
        twin.params[...], twin.buffers[...] = self.params, self.buffers
        return twin

    def __getstate__(self):
        return {**self._config(), "params": self.params.copy(), "buffers": self.buffers.copy()}

    def __setstate__(self, state):
        made = self._from_config(state)
        made.params[...] = state["params"]
        made.buffers[...] = state["buffers"]
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
        for number, (layer, n_in) in enumerate(zip(self.layers, self.widths, strict=False)):
            rows += layer.rows(str(number), n_in)
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


def _named(shapes, flat):
    """Views of a flat array by name, one after the other."""
    named = {}
    begin = 0
    for name, shape in shapes.items():
        end = begin + math.prod(shape)
        named[name] = flat[begin:end].reshape(shape)
        begin = end
    return named


def _as_layers(layers, n_in):
    """Return layers as a tuple; an error if they are none, or do not fit together."""
    layers = _layers.as_layers(layers)
    for number, layer in enumerate(layers):
        if isinstance(layer, _layers.Embedding) and number > 0:
            _check_before_embedding(layers, number, n_in)
        if number != {"first": 0, "last": len(layers) - 1}.get(layer.place, number):
            raise ValueError(
                f"{layer!r} must be the {layer.place} layer, got it as layer {number} of {len(layers)}, counted from 0"
            )
        if layer.activation == "softmax" and number < len(layers) - 1:
            raise ValueError(f"softmax is for the last layer alone, got it in layer {number} of {len(layers)}")
        try:
            n_in = layer.width(n_in)
        except ValueError as error:
            raise ValueError(f"layer {number}: {error}") from None
    return layers


def _check_before_embedding(layers, number, n_in):
    """ValueError if an Embedding, layer `number`, would not find categories as they stand in X."""
    first, layer = layers[0], layers[number]
    if number > 1 or not isinstance(first, _layers.Standardize):
        raise ValueError(
            f"an Embedding must be the first layer, for it reads X, got it as layer {number}: only a Standardize of "
            "other columns may stand before it"
        )
    chosen = first.chosen(n_in)
    if any(column < n_in and chosen[column] for column in layer.columns):
        others = tuple(column for column in range(n_in) if chosen[column] and column not in layer.columns)
        raise ValueError(
            f"{first!r} would bring categories to another scale, which {layer!r} reads: "
            + (f"write Standardize(columns={others})" if others else "leave it out")
        )


def as_network(net):
    """Return net if it is a network; TypeError otherwise."""
    if not isinstance(net, Network):
        raise TypeError(f"net must be a fastbp.Network, got {net!r}")
    return net
