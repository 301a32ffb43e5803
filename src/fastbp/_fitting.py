"""One fit: mini-batches in blocks, each a call of the engine, and what happens between them."""

import os
import time

import numpy as np

from .errors import DivergedError

_BLOCK_SECONDS = 0.03  # of training between two looks at signals: Ctrl-C is to be honoured within 0.1 s
_SAVE_SECONDS = 1.0  # between two copies of the parameters, which a diverging training goes back to
_MOST_EPOCHS = 4096  # in one block
_MOST_BATCHES = 1 << 20
_FLOPS_PER_THREAD = 2.5e6  # of a step, at least: below, waiting for each other costs more than sharing gains


class Fit:
    """What one call of `Trainer.fit` does, once its arguments are checked.

    Parameters
    ----------
    trainer : Trainer
    training : Training
        Entered.
    history : History
        Written.
    callbacks : list of Callback
    validation : (data, targets, weights) as `Network._data` returns them, or None
    """

    def __init__(self, trainer, training, history, callbacks, validation):
        self.trainer = trainer
        self.training = training
        self.history = history
        self.callbacks = callbacks
        self.validation = validation
        self.pace = Pace()
        self.saved_at = 0.0

    def run(self, epochs):
        """Train for so many epochs, or until a callback or Ctrl-C stops it, between the hooks of callbacks."""
        begun = []
        try:
            for callback in self.callbacks:
                callback.on_fit_begin(self.trainer)
                begun.append(callback)
            self._run(self.training.epoch + epochs)
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            self.trainer._n_steps = self.training.n_steps
            self.trainer.epoch = self.training.epoch + (self.training.batch > 0)
            for callback in begun:
                callback.on_fit_end(self.trainer)

    def _run(self, last):
        trainer, training = self.trainer, self.training
        stops_each_epoch = bool(self.callbacks) or self.validation is not None
        self._save()
        while training.epoch < last and not trainer.stop_training:
            epoch = training.epoch
            if training.batch == 0:
                self._begin_epoch(epoch)
            losses = self._train(1 if stops_each_epoch else min(last - epoch, _MOST_EPOCHS))
            self.history.loss += losses
            if stops_each_epoch and losses:
                self._end_epoch(epoch)

    def _train(self, most_epochs):
        """Train for one block; return the losses of the epochs that ended in it."""
        training = self.training
        losses = np.empty(most_epochs)
        epoch, n_before = training.epoch, training.n_batches_done
        began = time.perf_counter()
        finite = training.train(self.pace.n_batches, losses)
        self.pace.record(training.n_batches_done - n_before, time.perf_counter() - began)
        n_ended = training.epoch - epoch
        due = time.monotonic() - self.saved_at > _SAVE_SECONDS
        if not finite or ((n_ended or due) and not training.params_are_finite()):
            raise self.trainer._diverged(training)
        if due:
            self._save()
        return losses[:n_ended].tolist()

    def _save(self):
        self.training.save()
        self.saved_at = time.monotonic()

    def _begin_epoch(self, epoch):
        trainer, training = self.trainer, self.training
        for callback in self.callbacks:
            callback.on_epoch_begin(trainer, epoch)
        if self.callbacks:  # they may have changed anything, and what follows must be repeatable
            trainer._n_steps = training.n_steps
            trainer._prepare_states()
            training.set_optimizer(trainer.optimizer.config(), trainer._states, trainer._n_steps)
            self._save()

    def _end_epoch(self, epoch):
        trainer, history = self.trainer, self.history
        logs = {"loss": history.loss[-1]}
        if self.validation is not None:
            scores = {f"val_{name}": value for name, value in trainer._evaluate(*self.validation).items()}
            logs |= scores
            history.val_loss.append(scores.pop("val_loss"))
            for name, value in scores.items():
                history.metrics[name].append(value)
        for callback in self.callbacks:
            callback.on_epoch_end(trainer, epoch, logs)


class Pace:
    """How many batches to ask for, so that a block takes about as long as it should."""

    def __init__(self):
        self.n_batches = 1

    def record(self, n_done, seconds):
        """Take note that n_done batches took so long."""
        batches = n_done * _BLOCK_SECONDS / max(seconds, 1e-6)
        self.n_batches = max(1, min(int(batches), 8 * self.n_batches, _MOST_BATCHES))


def find_divergence(training, network, learning_rate):
    """Go back to the last save and repeat, batch by batch, up to the one that diverges: training is exact.

    The network is left with its last finite parameters. Returns the error to raise.
    """
    losses = np.empty(1)
    training.restore()
    while True:
        before = network.params.copy()
        epoch, batch = training.epoch, training.batch
        if not training.train(1, losses):
            layer = training.first_layer_not_finite(outputs=True)
            what = "the loss" if layer < 0 else f"an output of layer {layer}"
            break
        if not training.params_are_finite():
            layer = training.first_layer_not_finite(outputs=False)
            network.params[...] = before
            what = "an update"
            break
    return DivergedError(
        f"training diverged: in epoch {epoch}, batch {batch}, {what} is not finite; the network has its last "
        f"finite parameters. Try a smaller learning rate than {learning_rate:g}, or scale the data",
        epoch,
        batch,
        None if layer < 0 else layer,
    )


def n_workers(n_threads, n_flops):
    """How many threads a step of so many operations is worth: results are the same for any number, speed is not."""
    return max(1, min(n_threads, _n_cores(), int(n_flops // _FLOPS_PER_THREAD)))


def _n_cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
