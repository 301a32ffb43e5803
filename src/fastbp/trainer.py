"""The trainer: what trains a network, and what it remembers from one call to the next."""

import warnings
from typing import ClassVar

import numpy as np

from . import _blocks, _fitting, _splitting
from ._class_weights import class_weights
from ._custom_loss import CustomLoss, as_loss
from ._engine.online import Learner
from ._engine.training import Training
from ._scoring import Scores, as_metrics
from ._validation import Checked, as_reals, as_sample_weight, boolean, integer, one_of, real
from .callbacks import Callback
from .layers import Layer
from .losses import default_loss
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
    loss : Loss or object with value_and_grad(outputs, targets), optional
        By default what goes with the output: CrossEntropy with softmax, BinaryCrossEntropy with sigmoid, SquaredError
        with any other. docs/losses.md tells of them all.
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
        loss = default_loss(output) if loss is None else as_loss(loss)
        loss.check(output, net.n_out)
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
        self._n_batches = 0
        self._learner = None
        self._learner_of = None

    @property
    def network(self):
        """The network that is trained."""
        return self._network

    @property
    def loss(self):
        """The loss that is made smaller, as given."""
        return self._loss.wrapped if isinstance(self._loss, CustomLoss) else self._loss

    def fit(
        self,
        X,
        y=None,
        epochs=10,
        sample_weight=None,
        validation_data=None,
        callbacks=(),
        shuffle=True,
        progress=False,
        *,
        validation_split=None,
        split="shuffle",
        metrics=None,
        class_weight=None,
    ):
        """Train for a number of epochs.

        A second call goes on: with the parameters, the optimiser's state and the count of epochs that the first left.

        Ctrl-C ends the training within about 0.1 s: `fit` warns and returns the history so far, and the network
        keeps what it has learnt.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in), or iterable of (X, y) or (X, y, sample_weight)
            Without y: the data in blocks, more than memory holds say. Each epoch goes through them once, so that a
            generator is good for one. Mini-batches are made of consecutive rows whatever the blocks; shuffling is
            within a block.
        y : array-like
            Targets as the loss takes them.
        epochs : int, default 10
            At least 1.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative, not all zero.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Evaluated after each epoch, with the parameters as they are then.
        callbacks : sequence of Callback, default ()
        shuffle : bool, default True
            Whether each epoch takes the samples in an order of its own, decided by the seed and its number.
        progress : bool, default False
            Whether to show a progress bar, or plain lines where there is no terminal, on standard error.
        validation_split : float, optional
            Share of the rows, in (0, 1), to hold back as validation data instead: the same rows in every call with as
            many rows, for they depend on the seed alone.
        split : {"shuffle", "stratify", "tail"}, default "shuffle"
            Which rows: any; any that keep the share of each class; the last.
        metrics : sequence of str or callable, optional
            What to compute of the validation data beside the loss, instead of the loss's own metric: "accuracy",
            "balanced_accuracy", "top_3" (or another k; "top_k" is 5), "f1", "auc", "mae", "rmse", "r2"
            (see `fastbp.metrics`), or functions of (outputs, targets, sample_weight) that return a number and are
            called by their own name. Targets are as the engine takes them: labels (n_samples,) or rows
            (n_samples, n_out); weights (n_samples,) or None.
        class_weight : "balanced" or dict, optional
            A weight for each class, which the sample weights are multiplied by: ``{label: weight}``, 1 for a label that
            is missing; or ``n_samples / (n_classes * count)`` for each class that occurs, as scikit-learn has it. For
            targets that name one class a sample. Validation data is not weighted by it.

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
        metrics = None if metrics is None else as_metrics(metrics)
        _check_split(validation_data, validation_split, split, metrics)
        if y is None:
            blocks = self._blocks(X, epochs, sample_weight, class_weight, validation_split)
        else:
            rows = net._checked(X, y, self._loss, sample_weight)
        held_back = None
        if validation_split is not None:
            rows, held_back = self._divided(*rows, validation_split, split)
        elif validation_data is not None:
            held_back = self._validation_data(validation_data)
        validation = None if held_back is None else self._evaluation(*held_back, metrics)
        if y is None:
            fit = _blocks.BlockFit(self, blocks, shuffle, callbacks, validation)
        else:
            X, targets, weights = self._weighted(*rows, class_weight)
            data = net._as_data(X, targets, self._loss, weights)
            fit = _fitting.Fit(self, data, shuffle, callbacks, validation)
        self._retire_learner()
        fit.run(epochs)
        if fit.history.interrupted:
            warnings.warn(f"training was interrupted in epoch {fit.epoch}", stacklevel=2)
        return fit.history

    def _training(self, data, epoch, shuffle):
        """Return what trains on data, from an epoch on and with the optimiser as it is now."""
        self._prepare_states()
        return Training(
            self.network._program,
            data,
            self.optimizer.config(),
            self._states,
            self._n_steps,
            self.batch_size,
            epoch,
            shuffle,
            self.seed,
            _fitting.n_workers(self.n_threads, 6 * min(self.batch_size, data.n_rows) * self.network.n_params),
            self._n_batches,
        )

    def learn_one(self, x, y, sample_weight=None, class_weight=None):
        """Learn from one sample: one step of the optimiser.

        Parameters
        ----------
        x : array-like of shape (n_in,)
        y : int, float or array-like of shape (n_out,)
            A label for losses of labels, otherwise the target.
        sample_weight : float, optional
            What the gradient is multiplied by, for there is no mean that it could be a weight of. Not negative; with 0
            nothing happens.
        class_weight : dict, optional
            Another such factor for each class, ``{label: weight}``, 1 for a label that is missing.

        Returns
        -------
        float
            The loss of the sample before the step, without the weight.

        Raises
        ------
        TypeError, ValueError, DivergedError
            As from `fit`.
        """
        weight = 1.0
        if sample_weight is not None or class_weight is not None:
            weight = self._weight_of_one(y, sample_weight, class_weight)
        learner = self._learner
        if (
            learner is not None
            and weight
            and self._learner_of == (self.optimizer.kind, Layer.n_toggles, vars(self.optimizer), vars(self._loss))
        ):
            loss = learner.learn(x, y, weight)
            if loss is not None:
                return loss
        return self._learn_with_care(x, y, weight)

    def _weight_of_one(self, y, sample_weight, class_weight):
        weight = 1.0 if sample_weight is None else real(sample_weight, "sample_weight", 0)
        if class_weight is None:
            return weight
        if class_weight == "balanced":
            raise ValueError('class_weight="balanced" means nothing for one sample: give the weights, {label: weight}')
        targets = self._loss.targets(self._loss.of_one(y), 1, self.network.n_out, self.network.dtype)
        return weight * float(class_weights(class_weight, self._loss, targets, self.network.n_out)[0])

    def _learn_with_care(self, x, y, weight):
        """What `learn_one` does when arguments need checks, the optimiser is new, or numbers grow too large."""
        net = self.network
        x = np.asarray(x)
        if x.shape != (net.n_in,):
            raise ValueError(f"x must have shape ({net.n_in},), got {x.shape}")
        X, targets, _ = net._checked(x[None, :], self._loss.of_one(y), self._loss)
        data = net._as_data(X, targets, self._loss, None, weight)
        if weight == 0:
            return net._program.loss(data)
        self._retire_learner()
        self._prepare_states()
        config = self.optimizer.config()
        self._learner = Learner(
            net._program, self._loss.config(), config, self._states, self._n_steps, self.seed, self._n_batches
        )
        self._learner_of = self.optimizer.kind, Layer.n_toggles, dict(vars(self.optimizer)), dict(vars(self._loss))
        loss = self._learner.learn(as_reals(x, "x", net.dtype), targets[0], weight, checked=True)
        if loss is not None:
            return loss
        self._retire_learner()
        losses = np.empty(1)
        training = Training(
            net._program, data, config, self._states, self._n_steps, 1, 0, False, self.seed, 1, self._n_batches
        )
        with training:
            training.save()
            if not training.train(1, losses) or not training.params_are_finite():
                raise self._diverged(training)
            self._n_steps, self._n_batches = training.n_steps, training.n_batches_done
        return float(losses[0])

    def reset(self, seed=None):
        """Start anew: forget the optimiser's state and the count of epochs, so that the next `fit` is a first one.

        Settings stay, of the trainer and of the optimiser, and so do the network's parameters unless a seed is given.

        Parameters
        ----------
        seed : int, optional
            Draws the network's parameters anew, as ``Network(..., seed=seed)`` does.

        Raises
        ------
        TypeError, ValueError
            If seed is no integer that is at least 0.
        """
        net = self.network
        if seed is not None:
            first = Network(net.n_in, net.layers, net.dtype, seed)
            net.params[...], net.buffers[...] = first.params, first.buffers
        self._learner = None
        self._states = None
        self._n_steps = 0
        self._n_batches = 0
        self.epoch = 0

    def _diverged(self, training, n_before=0):
        """Return the error to raise; the network has its last finite parameters, the optimiser has forgotten all."""
        error = _fitting.find_divergence(training, self.network, self.optimizer.learning_rate, n_before)
        self._states = None
        self._n_steps = 0
        return error

    def _retire_learner(self):
        """Take over what the learner has counted, for it knows nothing of what others do with the optimiser."""
        if self._learner is not None:
            self._n_steps, self._n_batches = self._learner.n_steps, self._learner.n_batches
            self._learner = None

    def evaluate(self, X, y, sample_weight=None, *, metrics=None, class_weight=None):
        """Return loss and scores on data that was, preferably, not trained on.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        metrics : sequence of str or callable, optional
            As for `fit`; by default the loss's own metric.
        class_weight : "balanced" or dict, optional
            As for `fit`.

        Returns
        -------
        dict of str to float
            ``"loss"``, and the metrics: by default the loss's own, ``"accuracy"`` for losses of classes, ``"d2"``
            (Quantile, Poisson) or ``"r2"``, and none for a loss that is not fastbp's.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind, or a metric cannot be computed for these targets.
        """
        metrics = None if metrics is None else as_metrics(metrics)
        rows = self.network._checked(X, y, self._loss, sample_weight)
        return self._evaluate(*self._evaluation(*self._weighted(*rows, class_weight), metrics))

    def _weighted(self, X, targets, weights, class_weight):
        """Return the same, with weights of classes in the weights."""
        if class_weight is not None:
            of_classes = class_weights(class_weight, self._loss, targets, self.network.n_out)
            weights = as_sample_weight(of_classes if weights is None else weights * of_classes, len(X), "class_weight")
        return X, targets, weights

    def _evaluation(self, X, targets, weights, metrics):
        """Return what `_evaluate` takes: data for the engine, and what to compute of its predictions."""
        scores = Scores(metrics, self._loss, targets, weights, self.network.n_out)
        return self.network._as_data(X, targets, self._loss, weights), scores

    def _evaluate(self, data, scores):
        net = self.network
        outputs = np.empty((data.n_rows, net.n_out), net.dtype)
        loss = net._program.loss(data, outputs)
        return {"loss": loss, **scores(outputs)}

    def _validation_data(self, validation_data):
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        try:
            return self.network._checked(validation_data[0], validation_data[1], self._loss, *validation_data[2:])
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from error

    def _blocks(self, blocks, epochs, sample_weight, class_weight, validation_split):
        blocks = _blocks.Blocks(blocks, self.network, self._loss, self.batch_size, class_weight)
        if sample_weight is not None:
            raise ValueError("sample_weight goes into the blocks, (X, y, sample_weight), where X is made of blocks")
        if class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" needs all rows at once: with blocks, give the weights, {label: weight}'
            )
        if validation_split is not None:
            raise ValueError("validation_split needs all rows at once: with blocks, give validation_data")
        if epochs > 1 and blocks.is_one_pass:
            raise ValueError(
                f"a generator can be gone through once, got epochs={epochs}: take epochs=1, or a list or an object "
                "whose __iter__ begins anew each time"
            )
        return blocks

    def _divided(self, X, targets, weights, fraction, how):
        """Return (X, targets, weights) to train on and the same to validate on."""
        parts = []
        for rows in _splitting.held_back(how, fraction, targets, self._loss, self.seed):
            y = targets[rows]
            try:
                parts.append((X[rows], y, as_sample_weight(None if weights is None else weights[rows], len(y))))
            except ValueError as error:
                raise ValueError(f"validation_split: in one of the parts, {error}") from error
        return parts

    def _callbacks(self, callbacks, epochs, progress):
        callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be fastbp.Callback objects, got {callback!r}")
            integer(callback.every, f"every of {type(callback).__name__}", 1)
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


def _check_split(validation_data, validation_split, split, metrics):
    """TypeError or ValueError unless these arguments of `fit` are of their kind and go together."""
    one_of(split, _splitting.WAYS, "split")
    if validation_split is not None:
        real(validation_split, "validation_split", 0, 1, low_allowed=False)
        if validation_data is not None:
            raise ValueError("validation_data and validation_split exclude each other: give one of them")
    elif split != "shuffle":
        raise ValueError(f"split={split!r} says which rows validation_split holds back: give validation_split=0.2 say")
    elif metrics is not None and validation_data is None:
        raise ValueError(
            "metrics are computed of validation data: give validation_data or validation_split, or call evaluate"
        )
