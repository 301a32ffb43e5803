"""What can be called between epochs."""

import math

from ._validation import boolean, integer, one_of, real

__all__ = ["Callback", "EarlyStopping"]


class Callback:
    """Does nothing; derive from it and override what is wanted.

    Setting ``trainer.stop_training = True`` in `on_epoch_end` ends the training. Epochs count from 0.
    """

    def on_fit_begin(self, trainer):
        """Before the first epoch. ``trainer.monitored`` names what `on_epoch_end` will find in its logs."""

    def on_fit_end(self, trainer):
        """After the last epoch, however training ended: by itself, by an interrupt or by an exception."""

    def on_epoch_begin(self, trainer, epoch):
        """Before each epoch."""

    def on_epoch_end(self, trainer, epoch, logs):
        """After each epoch; logs: {"loss": ..., and with validation data "val_loss" and a metric}."""


class EarlyStopping(Callback):
    """Stop when a number has not improved for a while (Prechelt 1998).

    Parameters
    ----------
    monitor : str, default "val_loss"
        "loss", or with validation data "val_loss", "val_accuracy", "val_r2" or "val_d2". Losses are to fall, the others
        to rise.
    patience : int, default 10
        Epochs without improvement after which training stops; at least 1.
    min_delta : float, default 0
        What counts as an improvement must be larger.
    restore_best : bool, default True
        Whether the network gets back the parameters of its best epoch, however training ends.

    Attributes
    ----------
    best : float
        The best value seen.
    best_epoch : int
        Its epoch, -1 before the first.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind; from `Trainer.fit` if `monitor` names nothing that is computed.
    """

    MONITORS = ("loss", "val_loss", "val_accuracy", "val_r2", "val_d2")

    def __init__(self, monitor="val_loss", patience=10, min_delta=0.0, restore_best=True):
        self.monitor = one_of(monitor, self.MONITORS, "monitor")
        self.patience = integer(patience, "patience", 1)
        self.min_delta = real(min_delta, "min_delta", 0)
        self.restore_best = boolean(restore_best, "restore_best")
        self._reset()

    def _reset(self):
        self.best = math.inf if self.monitor.endswith("loss") else -math.inf
        self.best_epoch = -1
        self._best_params = None
        self._waited = 0

    def on_fit_begin(self, trainer):
        if self.monitor not in trainer.monitored:
            hint = ": give fit validation_data" if self.monitor.startswith("val_") else ""
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, this training computes {', '.join(trainer.monitored)}{hint}"
            )
        self._reset()

    def on_epoch_end(self, trainer, epoch, logs):
        value = logs[self.monitor]
        gain = self.best - value if self.monitor.endswith("loss") else value - self.best
        if gain > self.min_delta:
            self.best = value
            self.best_epoch = epoch
            self._waited = 0
            if self.restore_best:
                self._best_params = trainer.network.params.copy()
        else:
            self._waited += 1
            if self._waited >= self.patience:
                trainer.stop_training = True

    def on_fit_end(self, trainer):
        if self._best_params is not None:
            trainer.network.params[...] = self._best_params
            self._best_params = None
