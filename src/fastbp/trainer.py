"""The trainer: what trains a network, and what it remembers from one call to the next."""

import warnings
from typing import ClassVar

from . import _fitting, _splitting, _threads
from ._averaging import Averaging
from ._custom_loss import CustomLoss, as_loss
from ._engine.engine import Exclusive
from ._engine.training import Training, footprint
from ._evaluation import Evaluation
from ._scheduling import Scheduler
from ._scoring import as_metrics
from ._streaming import Streaming
from ._validation import Checked, as_sample_weight, boolean, integer, one_of, real
from .callbacks import Callback
from .losses import default_loss
from .network import Network, _aligned, as_network
from .optimizers import Adam, as_optimizer
from .solvers import Solver

__all__ = ["Trainer"]


class Trainer(Streaming, Averaging, Evaluation, Checked):
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
        Adam() by default. Or a solver, which takes all samples at once: LevenbergMarquardt(), LBFGS(); see
        docs/solvers.md.
    batch_size : int, default 32
        Samples between two updates; all of them if there are fewer.
    n_threads : int, default 1
        Threads that share each step and each evaluation, at most: as many as are worth it. The result is the same for
        any number.
    seed : int, default 0
        Decides the order of the samples.
    accumulate : int, default 1
        Mini-batches to an update, whose gradient is that of the mean over all of their samples: the same as that of one
        batch as large, in the memory of a mini-batch; only what layers draw or measure, as Dropout and BatchNorm do, is
        of each mini-batch. At the end of an epoch, what is left makes an update. What callbacks and errors count as a
        batch is all that goes into one update. `learn_one` does not accumulate.
    ema : float, optional
        Keep an exponential moving average of the parameters, with this decay, in (0, 1), 0.999 say; see `use_average`.

    Attributes
    ----------
    network, loss, optimizer, batch_size, n_threads, seed, accumulate, ema
        As given; hyper-parameters of the optimiser may be changed at any time.
    epoch : int
        Epochs done.
    stop_training : bool
        Set by a callback to end a `fit`, and by a solver that is done.
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
        "n_threads": lambda value: integer(value, "n_threads", 1, _threads.MOST),
        "seed": lambda value: integer(value, "seed", 0, 2**64 - 1),
        "accumulate": lambda value: integer(value, "accumulate", 1),
        "ema": lambda value: None if value is None else real(value, "ema", 0, 1, low_allowed=False),
    }

    def __init__(self, net, loss=None, optimizer=None, batch_size=32, n_threads=1, seed=0, *, accumulate=1, ema=None):
        output = as_network(net).layers[-1].activation
        loss = default_loss(output) if loss is None else as_loss(loss)
        net._check_loss(loss)
        self._network = net
        self._loss = loss
        self.optimizer = Adam() if optimizer is None else optimizer
        self.batch_size = batch_size
        self.n_threads = n_threads
        self.seed = seed
        self.accumulate = accumulate
        self.ema = ema
        self.epoch = 0
        self.stop_training = False
        self.monitored = ("loss",)
        self._states = None
        self._states_of = None
        self._n_steps = 0
        self._n_batches = 0
        self._average = None
        self._averages = False  # it has begun
        self._params_aside = None  # while the average takes their place
        self._clock = None
        self._learner = None
        self._learner_of = None
        self._learner_as_of = None  # Checked.last_change when it was last known to fit

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
        statistics=False,
    ):
        """Train for a number of epochs.

        A second call goes on: with the parameters, the optimiser's state and the count of epochs that the first left.
        If the network standardises inputs or scales targets, and nobody has told it by which moments (`Network.adapt`),
        it first takes those of the rows that it is trained on, held back ones not among them, whatever their weights.

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
            At least 1. With a solver, the most iterations.
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
        statistics : bool, default False
            Whether to record in the history, after each epoch, mean, standard deviation and norm of each layer's
            parameters and of their gradients: those of the loss of all samples, which costs as much again as an epoch,
            at most. Not for blocks.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind; the network is then as it was.
        DivergedError
            If a loss or a parameter is not finite; the network then has its last finite parameters, or with a solver
            those that it had before.
        ImportError, MemoryError
            If a solver needs SciPy and it is not there, or more memory than there is.
        RuntimeError
            If the network is being trained already, by another thread say.
        """
        net = self.network
        epochs = integer(epochs, "epochs", 1)
        shuffle = boolean(shuffle, "shuffle")
        callbacks = self._callbacks(callbacks, epochs, boolean(progress, "progress"))
        metrics = None if metrics is None else as_metrics(metrics)
        _check_split(validation_data, validation_split, split, metrics)
        if boolean(statistics, "statistics") and y is None:
            raise ValueError("statistics are of all samples: give them as arrays, or compute them in a callback")
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
        if y is not None:
            rows = self._weighted(*rows, class_weight)
        with Exclusive(net._program):
            if y is None:
                from . import _blocks  # on use, for the sake of the time that fastbp takes to import

                fit = _blocks.BlockFit(self, blocks, shuffle, callbacks, validation)
            else:
                with net._adapting(*rows[:2]):
                    fit = self._fit_of(rows, shuffle, callbacks, validation, statistics)
            self._retire_learner()
            fit.run(epochs)
        if fit.history.interrupted:
            warnings.warn(f"training was interrupted in epoch {fit.epoch}", stacklevel=2)
        return fit.history

    def _fit_of(self, rows, shuffle, callbacks, validation, statistics):
        recorded = None
        if statistics:
            from ._statistics import Statistics

            recorded = Statistics(self, *rows)
        if isinstance(self.optimizer, Solver):
            from . import _solving  # on use, for the sake of the time that fastbp takes to import

            return _solving.SolverFit(self, rows, callbacks, validation, recorded)
        X, targets, weights = rows
        data = self.network._as_data(X, targets, self._loss, weights)
        self._check_batch(data.n_rows)
        return _fitting.Fit(self, data, shuffle, callbacks, validation, recorded)

    def _check_batch(self, n_rows):
        batch_size = self.batch_size * self.accumulate
        if self.optimizer.full_batch and batch_size < n_rows:
            raise ValueError(
                f"{type(self.optimizer).__name__} needs the gradient of all samples: batch_size (times accumulate) "
                f"must be at least {n_rows}, as there are samples, got {batch_size}"
            )

    def _training(self, data, epoch, shuffle):
        """Return what trains on data, from an epoch on and with the optimiser as it is now."""
        self._prepare_states()
        return Training(
            self.network._program,
            data,
            self._config(),
            batch_size=self.batch_size,
            epoch=epoch,
            shuffle=shuffle,
            seed=self.seed,
            n_threads=self._n_workers(data.n_rows),
            accumulate=self.accumulate,
            n_batches=self._n_batches,
            **self._memory(),
        )

    def _n_workers(self, n_rows):
        n_flops = 6 * min(self.batch_size, n_rows) * self.network.n_params
        return _threads.n_workers(self.n_threads, n_flops, _threads.FOR_A_STEP)

    def memory_estimate(self, n_samples, shuffle=True):
        """Return what a `fit` takes in memory.

        Parameters
        ----------
        n_samples : int
            Rows to train on; of one block, if data comes in blocks.
        shuffle : bool, default True

        Returns
        -------
        dict of str to int
            Bytes, under these names. "data": inputs and targets in the network's dtype, for CrossEntropy labels of 8
            bytes; an array that is like this already is not copied. "parameters": of the network. "state": the
            optimiser's, the average of `ema`, the gradient where it is stored, and the copy that a diverging training
            goes back to. "workspace": the values and gradients of all layers for a mini-batch, the order of the rows.
            "total": all of them. Python, its libraries, callbacks, sample weights and validation come on top.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind, or the optimiser is a solver: these say themselves if memory is short.
        """
        net, config = self.network, self._config()
        n_samples = integer(n_samples, "n_samples", 1)
        if isinstance(self.optimizer, Solver):
            raise ValueError(f"{type(self.optimizer).__name__} is no optimiser of mini-batches, which this is about")
        copies, workspace = footprint(
            net._program,
            config,
            n_samples,
            self.batch_size,
            self.accumulate,
            self._n_workers(n_samples),
            boolean(shuffle, "shuffle"),
            isinstance(self._loss, CustomLoss),
            self._scheduler().schedule is not None,
        )
        itemsize = net.dtype.itemsize
        n_states = self.optimizer.n_states() + (self.ema is not None)
        of_target = 8 if self._loss.kind in ("cross_entropy", "focal") else self._loss.n_targets(net.n_out) * itemsize
        parts = {
            "data": n_samples * (net.n_in * itemsize + of_target),
            "parameters": net.params.nbytes + net.buffers.nbytes,
            "state": n_states * net.params.nbytes + copies,
            "workspace": workspace,
        }
        return {**parts, "total": sum(parts.values())}

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
        RuntimeError
            If the network is being trained, by another thread say.
        """
        net = self.network
        first = None if seed is None else Network(net.n_in, net.layers, net.dtype, seed)
        with Exclusive(net._program):
            if first is not None:
                net.params[...], net.buffers[...] = first.params, first.buffers
            self._retire_learner()
            self._states = None
            self._n_steps = 0
            self._n_batches = 0
            self._average = None
            self._averages = False
            self._clock = None
            self.epoch = 0

    def _diverged(self, training, rates, n_before=0):
        """Return the error to raise; the network has its last finite parameters, the optimiser has forgotten all."""
        error = _fitting.find_divergence(training, rates, self.optimizer.learning_rate, n_before)
        self._remember(training)
        self._states = None
        self._n_steps = 0
        return error

    def __getstate__(self):
        if self._learner is not None:
            with Exclusive(self.network._program):
                self._retire_learner()
        return vars(self).copy()

    def find_learning_rate(
        self,
        X,
        y,
        sample_weight=None,
        *,
        class_weight=None,
        lowest=1e-7,
        highest=10.0,
        n_steps=100,
        smoothing=0.9,
        blow_up=4.0,
    ):
        """Try out learning rates: the range test of Smith (2017, section 3.3).

        Trains a mini-batch at each of some rates that grow from the lowest to the highest, until the loss blows up.
        Network, optimiser and trainer are afterwards as they were, also after Ctrl-C, which raises KeyboardInterrupt.

        Parameters
        ----------
        X, y, sample_weight, class_weight
            As for `fit`.
        lowest, highest : float, default 1e-7 and 10
            Greater than 0; rates between them are evenly spaced in their logarithm.
        n_steps : int, default 100
            Rates; at least 3.
        smoothing : float, default 0.9
            What the running mean of the losses keeps in each step, in [0, 1).
        blow_up : float, default 4
            The test ends when this mean is as many times as large as its minimum.

        Returns
        -------
        LearningRateCurve
            With `rates`, `losses`, `smoothed` and a `suggestion`.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As from `fit`.
        """
        self._check_takes_steps()
        from . import range_test  # on use, for the sake of the time that fastbp takes to import

        settings = range_test.checked(lowest, highest, n_steps, smoothing, blow_up)
        rows = self.network._checked(X, y, self._loss, sample_weight)
        X, y, weights = self._weighted(*rows, class_weight)
        data = self.network._as_data(X, y, self._loss, weights)
        self._check_batch(data.n_rows)
        with Exclusive(self.network._program):
            self._retire_learner()
            before, buffers = vars(self).copy(), self.network.buffers.copy()
            try:
                self.network._adapt(self.network._unadapted(), X, y)
                with self._training(data, self.epoch, True) as training:
                    training.save()
                    try:
                        return range_test.sweep(training, *settings)
                    finally:
                        training.restore()
            finally:
                vars(self).update(before)
                self.network.buffers[...] = buffers

    def _blocks(self, blocks, epochs, sample_weight, class_weight, validation_split):
        from . import _blocks  # on use, for the sake of the time that fastbp takes to import

        blocks = _blocks.Blocks(blocks, self.network, self._loss, self.batch_size * self.accumulate, class_weight)
        if self.optimizer.full_batch:
            raise ValueError(f"{type(self.optimizer).__name__} needs the gradient of all samples: give them as arrays")
        if sample_weight is not None:
            raise ValueError("sample_weight goes into the blocks, (X, y, sample_weight), where X is made of blocks")
        self.network._check_adapted(
            "with data in blocks, call net.adapt(X, y) for some rows first, or block after block with reset=False"
        )
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

    def _check_takes_steps(self):
        if isinstance(self.optimizer, Solver):
            raise ValueError(
                f"{type(self.optimizer).__name__} takes all samples at once: call fit(X, y), or take an optimiser of "
                "mini-batches, Adam() say"
            )

    def _prepare_states(self):
        """Zeros for the optimiser to remember in, when it is new or has become another."""
        self._check_own_params()
        self._check_takes_steps()
        net = self.network
        states_of = self.optimizer.kind, self.optimizer.n_states()
        if self._states is None or self._states_of != states_of:
            self._states = _aligned(states_of[1] * net.n_params, net.dtype)
            self._states_of = states_of
            self._n_steps = 0
        if self.ema is None or self._average is None:
            self._average = None if self.ema is None else _aligned(net.n_params, net.dtype)
            self._averages = False

    def _config(self):
        return {**self.optimizer.config(), "ema": self.ema}

    def _memory(self):
        """Return what is known of the optimiser's past, as `Training` and `Learner` take it."""
        return {
            "states": self._states,
            "n_steps": self._n_steps,
            "average": self._average,
            "averages": self._averages,
        }

    def _remember(self, past):
        """Take over what a Training or a Learner has counted."""
        self._n_steps = past.n_steps
        self._averages = past.averages
        self._n_batches = past.n_batches_done

    def _scheduler(self):
        if self._clock is None or self._clock.optimizer is not self.optimizer:
            self._clock = Scheduler(self.optimizer, self.epoch, self._n_batches)
        return self._clock


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
