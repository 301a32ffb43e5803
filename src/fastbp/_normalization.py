"""Layers that normalise: features by their own mean and variance."""

from typing import ClassVar

from ._layer import Layer
from ._validation import boolean, real


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


class BatchNorm(Layer):
    """Batch normalisation (Ioffe & Szegedy 2015): ``a = weight (x - mean) / sqrt(variance + epsilon) + bias``.

    In training mean and variance are those of each feature over the batch, whatever the samples' weights; in
    predictions they are running ones, kept in the network's `buffers` and moved by each batch of a training, as
    ``running = (1 - momentum) * running + momentum * batch``. As in PyTorch, the batch is normalised by the variance
    divided by n, and the running variance follows the one divided by n - 1.

    A layer that is not trainable works as in predictions also in training, and leaves its running statistics alone.

    Parameters
    ----------
    momentum : float, default 0.1
        At least 0 and less than 1. (Keras calls 1 - momentum so.)
    epsilon : float, default 1e-5
        Greater than 0.
    affine : bool, default True
        Whether there are a weight (1 at first) and a bias (0 at first) for each feature.
    trainable : bool, default True
        Whether training moves them, and the running statistics.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind; in training, if a batch would be a single sample.
    """

    kind = "batch_norm"
    _arguments: ClassVar = {"momentum": 0.1, "epsilon": 1e-5, "affine": True, "trainable": True}

    def __init__(self, momentum=0.1, epsilon=1e-5, affine=True, trainable=True):
        self.momentum = real(momentum, "momentum", 0, 1)
        self.epsilon = real(epsilon, "epsilon", 0, low_allowed=False)
        self.affine = boolean(affine, "affine")
        self.trainable = trainable

    def compile(self, operations, source, n_in):
        """See `Layer.compile`."""
        return self._operation(
            operations,
            "batch_norm",
            source,
            n_in,
            n_in,
            n_params=self._n_params(n_in),
            n_buffers=2 * n_in,
            options=[self.epsilon, self.momentum],
        )

    def param_shapes(self, n_in):
        """Return the shapes of this layer's parameters by name, in the order of the flat buffer."""
        return {"weight": (n_in,), "bias": (n_in,)} if self.affine else {}

    def buffer_shapes(self, n_in):
        """Return the same of the running statistics."""
        return {"running_mean": (n_in,), "running_var": (n_in,)}

    def initialize(self, arrays, rng):
        """Set weights and running variances to 1."""
        arrays["running_var"][...] = 1
        if self.affine:
            arrays["weight"][...] = 1
