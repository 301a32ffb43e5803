"""One fit: mini-batches in blocks, each a call of the engine, and what happens between them."""

import time
from contextlib import ExitStack

import numpy as np

from ._validation import one_of
from .callbacks import Callback
from .errors import DivergedError
from .history import History

_BLOCK_SECONDS = 0.03  # of training between two looks at signals: Ctrl-C is to be honoured within 0.1 s
_SAVE_SECONDS = 1.0  # between two copies of the parameters, which a diverging training goes back to
_GROWTH = 64  # of a block, at most, for the time of few batches may be wrong
_MOST_EPOCHS = 4096  # in one block
_MOST_BATCHES = 1 << 20
_BLOCK = 1 << 32  # a block's number stands above the epoch's in what decides, with the seed, the order of its rows


class Fit:
    """What one call of `Trainer.fit` does, once its arguments are checked.

    Parameters
    ----------
    trainer : Trainer
    data : Data
        To train on.
    shuffle : bool
    callbacks : list of Callback
    validation : (Data, Scores), or None
    statistics : Statistics, or None
        To be recorded after each epoch.

    Attributes
    ----------
    history : History
    epoch : int
        Epochs done.
    """

    def __init__(self, trainer, data, shuffle, callbacks, validation, statistics=None):
        self.trainer = trainer
        self.data = data
        self.shuffle = shuffle
        self.callbacks = callbacks
        self.validation = validation
        self.statistics = statistics
        self.history = History()
        self.epoch = trainer.epoch
        self.training = None
        self._part_done = False  # of the epoch that has begun
        self._listeners = [c for c in callbacks if _overrides(c, "on_batch_end")]
        scheduler = trainer._scheduler()
        self._stops_each_epoch = bool(callbacks or validation or statistics) or scheduler.listens
        self._n_batches = 0
        self._n_before = 0  # batches of this epoch that were another training's
        self._pace = Pace()
        self._saved_at = 0.0
        if statistics is not None:
            self.history.statistics = statistics.values
        if validation is not None:
            self.history.metrics = {f"val_{name}": [] for name in validation[1].names}
        trainer.monitored = tuple(self.history._columns()) if validation else ("loss",)
        trainer.stop_training = False
        scheduler.check_monitored(trainer)

    def run(self, epochs):
        """Train for so many epochs, or until a callback or Ctrl-C stops it, between the hooks of callbacks."""
        trainer = self.trainer
        self._begin()
        begun = []
        try:
            for callback in self.callbacks:
                callback.on_fit_begin(trainer)
                begun.append(callback)
            self._run(self.epoch + epochs)
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            with ExitStack() as ends:  # each is called, whatever the others raise
                ends.callback(self._close)
                for callback in reversed(begun):
                    ends.callback(callback.on_fit_end, trainer)
                self._tell()

    def _run(self, last):
        trainer = self.trainer
        while self.epoch < last and not trainer.stop_training:
            try:
                self._train_epochs(last)
            except DivergedError as error:
                if self._remedy(error) == "stop":
                    trainer.stop_training = True
                else:
                    self.epoch, self._part_done = error.epoch, False
                    self._begin_again(error)

    def _begin(self):
        self._open(self.data)

    def _begin_again(self, error):
        """Repeat the epoch that error has ended; or raise it, if that cannot be."""
        self._begin()

    def _open(self, data, block=0):
        """Begin to train on data, block number `block` of the epoch, with the optimiser as the trainer has it."""
        self._close()
        training = self.trainer._training(data, self.epoch + block * _BLOCK, self.shuffle)
        training.__enter__()
        self.training = training
        self._save()

    def _close(self):
        if self.training is not None:
            self._tell()
            self.training.__exit__()
            self.training = None

    def _tell(self):
        """Tell the trainer how far training has come."""
        if self.training is not None:
            self.trainer._remember(self.training)
        self.trainer.epoch = self.epoch + self._part_done

    def _train_epochs(self, last):
        trainer = self.trainer
        while self.epoch < last and not trainer.stop_training:
            if not self._part_done:
                self._begin_epoch()
            losses = self._train(1 if self._stops_each_epoch else min(last - self.epoch, _MOST_EPOCHS))
            self.history.loss += losses
            if self._stops_each_epoch and losses:
                self._end_epoch()

    def _train(self, most_epochs):
        """Train for one block; return the losses of the epochs that ended in it."""
        training = self.training
        losses = np.empty(most_epochs)
        epoch, n_before = training.epoch, training.n_batches_done
        n_batches = min([self._pace.n_batches, *(c.every - self._n_batches % c.every for c in self._listeners)])
        if self.trainer._scheduler().schedule is not None:
            n_batches = min(n_batches, most_epochs * training.n_batches_per_epoch - training.batch)
        rates = self._rates(training, n_batches)
        began = time.perf_counter()
        try:
            finite = training.train(n_batches, losses, rates)
        finally:  # a loss of the caller's own may raise
            self._mark()
        n_done = training.n_batches_done - n_before
        self._pace.record(n_done, time.perf_counter() - began)
        self._n_batches += n_done
        n_ended = training.epoch - epoch
        due = time.monotonic() - self._saved_at > _SAVE_SECONDS
        if not finite or ((n_ended or due) and not training.params_are_finite()):
            error = self.trainer._diverged(training, self._rates, self._n_before)
            self._mark()
            raise error
        if due:
            self._save()
        losses = losses[:n_ended].tolist()
        if self._listeners:
            self._end_batch(losses)
        return losses

    def _rates(self, training, n_batches):
        """Return the learning rates of the next batches, None if there is no schedule."""
        done, epoch = training.n_batches_done, training.epoch % _BLOCK
        return self.trainer._scheduler().rates(n_batches, done, epoch, training.batch, self._n_per_epoch())

    def _n_per_epoch(self):
        """Return how many batches make an epoch, as far as is known."""
        return self.training.n_batches_per_epoch

    def _mark(self):
        """Take note of how far training has come."""
        self.epoch, self._part_done = self.training.epoch, self.training.batch > 0

    def _loss_so_far(self, losses):
        """Return the mean over the samples of this epoch; losses: what `_train` returns."""
        return losses[0] if losses else self.training.loss

    def _save(self):
        self.training.save()
        self._saved_at = time.monotonic()

    def _begin_epoch(self):
        for callback in self.callbacks:
            callback.on_epoch_begin(self.trainer, self.epoch)
        if self.callbacks or self.trainer._scheduler().listens:
            self._take_changes()

    def _end_batch(self, losses):
        due = [c for c in self._listeners if self._n_batches % c.every == 0]
        for callback in due:
            callback.on_batch_end(self.trainer, self._n_batches - 1, {"loss": self._loss_so_far(losses)})
        if due:
            self._take_changes()

    def _take_changes(self):
        """Look at what callbacks and schedules may have changed, which is anything; what follows must be repeatable."""
        trainer, training = self.trainer, self.training
        if training is None:  # which then begins with what they have left
            return
        self._tell()
        trainer._prepare_states()
        training.set_optimizer(trainer._config(), **trainer._memory())
        self._save()

    def _end_epoch(self):
        trainer, history = self.trainer, self.history
        logs = {"loss": history.loss[-1]}
        if self.validation is not None:
            scores = {f"val_{name}": value for name, value in trainer._evaluate(*self.validation).items()}
            logs |= scores
            history.val_loss.append(scores.pop("val_loss"))
            for name, value in scores.items():
                history.metrics[name].append(value)
        if self.statistics is not None:
            self.statistics.record()
        self._tell()
        trainer._scheduler().end_epoch(trainer, self._n_per_epoch(), logs)
        for callback in self.callbacks:
            callback.on_epoch_end(trainer, self.epoch - 1, logs)

    def _remedy(self, error):
        """Ask the callbacks what to do about a divergence; raise it if none knows."""
        for callback in self.callbacks:
            remedy = callback.on_diverged(self.trainer, error)
            if remedy is not None:
                return one_of(remedy, ("stop", "retry"), "what on_diverged returns")
        raise error


def _overrides(callback, hook):
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)


class Pace:
    """How many batches to ask for, so that a block takes about as long as it should."""

    def __init__(self):
        self.n_batches = 1

    def record(self, n_done, seconds):
        """Take note that n_done batches took so long."""
        batches = n_done * _BLOCK_SECONDS / max(seconds, 1e-6)
        self.n_batches = max(1, min(int(batches), _GROWTH * self.n_batches, _MOST_BATCHES))


def find_divergence(training, rates_of, learning_rate, n_before=0):
    """Go back to the last save and repeat, batch by batch, up to the one that diverges: training is exact.

    The network is left with its last finite parameters. Returns the error to raise, which counts n_before batches that
    the epoch has had before this training.
    """
    losses = np.empty(1)
    n_batches = training.n_batches_done
    training.restore()
    while training.n_batches_done <= n_batches:
        training.save()
        epoch, batch = training.epoch % _BLOCK, training.batch
        rates = rates_of(training, 1)
        if not training.train(1, losses, rates):
            layer = training.first_layer_not_finite(outputs=True)
            what = "the loss" if layer < 0 else f"an output of layer {layer}"
            break
        if not training.params_are_finite():
            layer = training.first_layer_not_finite(outputs=False)
            training.restore()
            what = "an update"
            break
    else:  # a loss of the caller's own that is not the same twice
        layer, what = -1, "something, though not when it was repeated,"
    batch += n_before
    learning_rate = learning_rate if rates is None else rates[0]
    return DivergedError(
        f"training diverged: in epoch {epoch}, batch {batch}, {what} is not finite; the network has its last "
        f"finite parameters. Try a smaller learning rate than {learning_rate:g}, or scale the data",
        epoch,
        batch,
        None if layer < 0 else layer,
    )
