"""The trainer: what trains a network, and what it remembers from one call to the next."""

import warnings
from typing import ClassVar

import numpy as np

from . import _fitting
from . import losses as _losses
from ._engine.online import Learner
from ._engine.training import Training
from ._validation import Checked, as_reals, boolean, integer
from .callbacks import Callback
from .history import History
from .network import Network, _aligned
from .optimizers import Adam, as_optimizer

__all__ = ["Trainer"]

_MOST_THREADS = 256


class Trainer(Checked):
    """Trains a network.

    A trainer goes on where it stopped: a second `fit` finds the optimiser's state and the count of epochs of the first.

    Parameters
    ----------
    net : Network
        Trained in place.
    loss : Loss, optional
        By default what goes with the output: CrossEntropy with softmax, BinaryCrossEntropy with sigmoid, SquaredError
        with any other.
    optimizer : Optimizer, optional
        Adam() by default.
    batch_size : int, default 32
        Samples between two updates; all of them if there are fewer.
    n_threads : int, default 1
        Threads that share each step. The result is the same for any number.
    seed : int, default 0
        Decides the order of the samples.

    Attributes
    ----------
    network, loss, optimizer, batch_size, n_threads, seed
        As given; hyper-parameters of the optimiser may be changed at any time.
    epoch : int
        Epochs done.
    stop_training : bool
        Set by a callback to end a `fit`.
    monitored : tuple of str
        What callbacks find in their logs during a `fit`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind, or the loss does not fit the network's output.
    """

    _checks: ClassVar = {
        "optimizer": as_optimizer,
        "batch_size": lambda value: integer(value, "batch_size", 1),
        "n_threads": lambda value: integer(value, "n_threads", 1, _MOST_THREADS),
        "seed": lambda value: integer(value, "seed", 0, 2**64 - 1),
    }

    def __init__(self, net, loss=None, optimizer=None, batch_size=32, n_threads=1, seed=0):
        if not isinstance(net, Network):
            raise TypeError(f"net must be a fastbp.Network, got {net!r}")
        output = net.layers[-1].activation
        loss = _losses.default_loss(output) if loss is None else _losses.as_loss(loss)
        loss.check(output)
        self._network = net
        self._loss = loss
        self.optimizer = Adam() if optimizer is None else optimizer
        self.batch_size = batch_size
        self.n_threads = n_threads
        self.seed = seed
        self.epoch = 0
        self.stop_training = False
        self.monitored = ("loss",)
        self._states = None
        self._states_of = None
        self._n_steps = 0
        self._learner = None
        self._learner_of = None

    @property
    def network(self):
        """The network that is trained."""
        return self._network

    @property
    def loss(self):
        """The loss that is made smaller."""
        return self._loss

    def fit(
        self,
        X,
        y,
        epochs=10,
        sample_weight=None,
        validation_data=None,
        callbacks=(),
        shuffle=True,
        progress=False,
    ):
        """Train for a number of epochs.

        Ctrl-C ends the training within about 0.1 s: `fit` warns and returns the history so far, and the network
        keeps what it has learnt.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        y : array-like
            Targets as the loss takes them.
        epochs : int, default 10
            At least 1.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative, not all zero.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Evaluated after each epoch.
        callbacks : sequence of Callback, default ()
        shuffle : bool, default True
            Whether each epoch takes the samples in an order of its own, decided by the seed and its number.
        progress : bool, default False
            Whether to show a progress bar, or plain lines where there is no terminal, on standard error.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind; the network is then as it was.
        DivergedError
            If a loss or a parameter is not finite; the network then has its last finite parameters.
        RuntimeError
            If the network is being trained already, by another thread say.
        """
        net = self.network
        epochs = integer(epochs, "epochs", 1)
        shuffle = boolean(shuffle, "shuffle")
        callbacks = self._callbacks(callbacks, epochs, boolean(progress, "progress"))
        data, _, _ = net._data(X, y, self.loss, sample_weight)
        validation = None if validation_data is None else self._validation(validation_data)
        self._retire_learner()
        self._prepare_states()
        history = History()
        if validation is not None:
            history.metrics[f"val_{self.loss.metric}"] = []
        self.monitored = tuple(history._columns()) if validation else ("loss",)
        self.stop_training = False
        training = Training(
            net._program,
            data,
            self.optimizer.config(),
            self._states,
            self._n_steps,
            self.batch_size,
            self.epoch,
            shuffle,
            self.seed,
            _fitting.n_workers(self.n_threads, 6 * min(self.batch_size, data.n_rows) * net.n_params),
        )
        with training:
            _fitting.Fit(self, training, history, callbacks, validation).run(epochs)
        if history.interrupted:
            warnings.warn(f"training was interrupted in epoch {training.epoch}", stacklevel=2)
        return history

    def learn_one(self, x, y):
        """Learn from one sample: one step of the optimiser.

        Parameters
        ----------
        x : array-like of shape (n_in,)
        y : int, float or array-like of shape (n_out,)
            A label for CrossEntropy, otherwise the target.

        Returns
        -------
        float
            The loss of the sample before the step.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As from `fit`.
        """
        learner = self._learner
        if learner is not None and self._learner_of == (self.optimizer.kind, vars(self.optimizer), vars(self._loss)):
            loss = learner.learn(x, y)
            if loss is not None:
                return loss
        return self._learn_with_care(x, y)

    def _learn_with_care(self, x, y):
        """What `learn_one` does when arguments need checks, the optimiser is new, or numbers grow too large."""
        net = self.network
        x = np.asarray(x)
        if x.shape != (net.n_in,):
            raise ValueError(f"x must have shape ({net.n_in},), got {x.shape}")
        data, targets, _ = net._data(x[None, :], np.asarray(y)[None], self.loss)
        self._retire_learner()
        self._prepare_states()
        config = self.optimizer.config()
        self._learner = Learner(net._program, self.loss.config(), config, self._states, self._n_steps)
        self._learner_of = self.optimizer.kind, dict(vars(self.optimizer)), dict(vars(self._loss))
        target = int(targets[0]) if targets.ndim == 1 else targets[0]
        loss = self._learner.learn(as_reals(x, "x", net.dtype), target, checked=True)
        if loss is not None:
            return loss
        self._retire_learner()
        losses = np.empty(1)
        training = Training(net._program, data, config, self._states, self._n_steps, 1, 0, False, self.seed, 1)
        with training:
            training.save()
            if not training.train(1, losses) or not training.params_are_finite():
                raise self._diverged(training)
            self._n_steps = training.n_steps
        return float(losses[0])

    def _diverged(self, training):
        """Return the error to raise; the network has its last finite parameters, the optimiser has forgotten all."""
        error = _fitting.find_divergence(training, self.network, self.optimizer.learning_rate)
        self._states = None
        self._n_steps = 0
        return error

    def _retire_learner(self):
        """Take over what the learner has counted, for it knows nothing of what others do with the optimiser."""
        if self._learner is not None:
            self._n_steps = self._learner.n_steps
            self._learner = None

    def evaluate(self, X, y, sample_weight=None):
        """Return loss and score on data that was, preferably, not trained on.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        dict of str to float
            ``"loss"``, and the loss's own metric: ``"accuracy"`` (CrossEntropy, BinaryCrossEntropy), ``"d2"``
            (Quantile, Poisson) or ``"r2"``.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind.
        """
        return self._evaluate(*self.network._data(X, y, self.loss, sample_weight))

    def _evaluate(self, data, targets, weights):
        net = self.network
        outputs = np.empty((data.n_rows, net.n_out), net.dtype)
        loss = net._program.loss(data, outputs)
        return {"loss": loss, self.loss.metric: self.loss.score(outputs, targets, weights)}

    def _validation(self, validation_data):
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        try:
            return self.network._data(validation_data[0], validation_data[1], self.loss, *validation_data[2:])
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from error

    def _callbacks(self, callbacks, epochs, progress):
        callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be fastbp.Callback objects, got {callback!r}")
        if progress:
            from .progress import ProgressBar

            callbacks.append(ProgressBar(epochs))
        return callbacks

    def _prepare_states(self):
        """Zeros for the optimiser to remember in, when it is new or has become another."""
        net = self.network
        states_of = self.optimizer.kind, self.optimizer.n_states()
        if self._states is None or self._states_of != states_of:
            self._states = _aligned(states_of[1] * net.n_params, net.dtype)
            self._states_of = states_of
            self._n_steps = 0
