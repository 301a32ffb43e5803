"""What is called between epochs, and every so many batches."""

import math
import os
import time
import warnings

from . import _scoring
from ._validation import boolean, integer, one_of, real

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "LambdaCallback",
    "ModelCheckpoint",
    "RetryOnDivergence",
    "TerminateOnNaN",
    "Timer",
]


class Callback:
    """Does nothing; derive from it and override what is wanted.

    A hook may do what may be done between two calls of `fit`: write parameters, change the optimiser. Setting
    ``trainer.stop_training = True`` ends the training. Epochs and batches count from 0.

    Attributes
    ----------
    every : int, default 1
        How many batches pass from one `on_batch_end` to the next. Only callbacks that override it are asked; training
        stops for them, which costs some microseconds and a copy of the parameters.
    """

    every = 1

    def on_fit_begin(self, trainer):
        """Before the first epoch. ``trainer.monitored`` names what `on_epoch_end` will find in its logs."""

    def on_fit_end(self, trainer):
        """After the last epoch, however training ended: by itself, by an interrupt or by an exception."""

    def on_epoch_begin(self, trainer, epoch):
        """Before each epoch."""

    def on_epoch_end(self, trainer, epoch, logs):
        """After each epoch; logs: {"loss": ..., and with validation data "val_loss" and the metrics}."""

    def on_batch_end(self, trainer, batch, logs):
        """After every `every`-th batch of the fit; batch: its number; logs: {"loss": mean of this epoch so far}."""

    def on_diverged(self, trainer, error):
        """When training has diverged, and the network has got back its last finite parameters.

        Returns
        -------
        "stop", "retry" or None
            "stop" ends the training without an error; "retry" begins the epoch anew, with the network's parameters and
            the optimiser's settings as they then are, and a new state of the optimiser. None leaves it to the other
            callbacks; if all do, `error`, the DivergedError, is raised.
        """


class _Monitoring(Callback):
    """Remembers the best value of a number in the logs.

    Attributes
    ----------
    best : float
        Infinite before the first, on the bad side.
    best_epoch : int
        Its epoch, -1 before the first.
    """

    def __init__(self, monitor, mode, min_delta):
        self.monitor = _as_monitor(monitor)
        self.mode = one_of(mode, ("auto", "min", "max"), "mode")
        self.min_delta = real(min_delta, "min_delta", 0)
        self._sign = {"min": -1, "max": 1}[_direction(self.monitor) if self.mode == "auto" else self.mode]
        self._reset()

    def _reset(self):
        self.best = -self._sign * math.inf
        self.best_epoch = -1

    def _improves(self, epoch, logs):
        """Whether the number is the best so far, by more than min_delta; it is remembered if so."""
        value = logs[self.monitor]
        if not self._sign * (value - self.best) > self.min_delta:
            return False
        self.best = value
        self.best_epoch = epoch
        return True

    def on_fit_begin(self, trainer):
        if self.monitor not in trainer.monitored:
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}, this training computes "
                f"{', '.join(trainer.monitored)}{_hint(self.monitor, trainer)}"
            )
        self._reset()


class EarlyStopping(_Monitoring):
    """Stop when a number has not improved for a while (Prechelt 1998).

    Parameters
    ----------
    monitor : str, default "val_loss"
        "loss", or with validation data "val_loss" or "val_" and a metric.
    patience : int, default 10
        Epochs without improvement after which training stops; at least 1.
    min_delta : float, default 0
        What counts as an improvement must be larger.
    restore_best : bool, default True
        Whether the network gets back the parameters of its best epoch, however training ends.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the number is to fall or to rise. "auto" knows the losses and the metrics of `fastbp.metrics`.

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

    def __init__(self, monitor="val_loss", patience=10, min_delta=0.0, restore_best=True, mode="auto"):
        super().__init__(monitor, mode, min_delta)
        self.patience = integer(patience, "patience", 1)
        self.restore_best = boolean(restore_best, "restore_best")

    def _reset(self):
        super()._reset()
        self._best = None
        self._waited = 0

    def on_epoch_end(self, trainer, epoch, logs):
        if self._improves(epoch, logs):
            self._waited = 0
            if self.restore_best:
                self._best = _values(trainer.network)
        else:
            self._waited += 1
            if self._waited >= self.patience:
                trainer.stop_training = True

    def on_fit_end(self, trainer):
        if self._best is not None:
            trainer.network.params[...], trainer.network.buffers[...] = self._best
            self._best = None


class ModelCheckpoint(_Monitoring):
    """Save the network after each epoch, or after each that is the best so far.

    A file is whole or not there: `Network.save` replaces an older one when the new one is written.

    Parameters
    ----------
    path : path-like
        May name fields of the logs and the epoch in braces: ``"net-{epoch:03d}-{val_loss:.4f}.npz"``.
    monitor : str, default "val_loss"
        What "best" means, as for `EarlyStopping`; without ``save_best_only`` it is not looked at.
    save_best_only : bool, default False
    mode : {"auto", "min", "max"}, default "auto"
        As for `EarlyStopping`.

    Attributes
    ----------
    best : float
        The best value seen, if `save_best_only`.
    best_epoch : int
        Its epoch, -1 before the first.
    saved_path : str or None
        The file that was written last.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind; from `Trainer.fit` if `monitor` or `path` names what is not computed.
    FileNotFoundError
        From `Trainer.fit`, if the folder of `path` does not exist.
    """

    def __init__(self, path, monitor="val_loss", save_best_only=False, mode="auto"):
        self.save_best_only = boolean(save_best_only, "save_best_only")
        super().__init__(monitor, mode, 0.0)
        self.path = os.fsdecode(path)
        self._fields = _fields(self.path)
        self.saved_path = None

    def on_fit_begin(self, trainer):
        if self.save_best_only:
            super().on_fit_begin(trainer)
        for field in self._fields:
            if field not in ("epoch", *trainer.monitored):
                raise ValueError(
                    f"path {self.path!r} names {field!r}, this training computes epoch, "
                    f"{', '.join(trainer.monitored)}{_hint(field, trainer)}"
                )
        folder = os.path.dirname(self.path)
        if not {"{", "}"} & set(folder) and not os.path.isdir(folder or "."):
            raise FileNotFoundError(f"there is no folder {folder!r} for {self.path!r}: make it first")

    def on_epoch_end(self, trainer, epoch, logs):
        if not self.save_best_only or self._improves(epoch, logs):
            path = self.path.format(**{"epoch": epoch, **logs})
            trainer.network.save(path)
            self.saved_path = path


class CSVLogger(Callback):
    """Write a line of numbers for each epoch to a file, at once: the epoch, the losses, the metrics.

    Parameters
    ----------
    path : path-like
    append : bool, default False
        Whether to go on below what the file holds; it must have the same columns.

    Raises
    ------
    TypeError
        If append is not True or False.
    ValueError, OSError
        From `Trainer.fit`, if the file has other columns or cannot be written.
    """

    def __init__(self, path, append=False):
        self.path = os.fsdecode(path)
        self.append = boolean(append, "append")
        self._file = None

    def on_fit_begin(self, trainer):
        self._columns = ("epoch", *trainer.monitored)
        header = ",".join(self._columns)
        with open(self.path, "a+" if self.append else "w+", encoding="utf-8") as file:
            file.seek(0)
            found = file.readline().rstrip("\n")
            if not found:
                file.write(f"{header}\n")
            elif found != header:
                raise ValueError(f"{self.path!r} has the columns {found}, this training computes {header}")
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115  # closed in on_fit_end

    def on_epoch_end(self, trainer, epoch, logs):
        numbers = (repr(float(logs[column])) for column in self._columns[1:])
        self._file.write(",".join([str(epoch), *numbers]) + "\n")
        self._file.flush()

    def on_fit_end(self, trainer):
        self._file.close()
        self._file = None

    def __getstate__(self):
        return {**vars(self), "_file": None}  # which each fit opens anew


class Timer(Callback):
    """Measure how long epochs take, validation included.

    Attributes
    ----------
    seconds : list of float
        One value an epoch.
    total : float
        Of the whole fit.
    """

    def __init__(self):
        self.seconds = []
        self.total = 0.0

    def on_fit_begin(self, trainer):
        self.seconds = []
        self.total = 0.0
        self._began = time.perf_counter()

    def on_epoch_begin(self, trainer, epoch):
        self._epoch_began = time.perf_counter()

    def on_epoch_end(self, trainer, epoch, logs):
        self.seconds.append(time.perf_counter() - self._epoch_began)

    def on_fit_end(self, trainer):
        self.total = time.perf_counter() - self._began


class LambdaCallback(Callback):
    """A callback made of functions.

    Parameters
    ----------
    on_fit_begin, on_fit_end, on_epoch_begin, on_epoch_end, on_batch_end, on_diverged : callable, optional
        With the arguments of the hooks of `Callback`, without self.
    every : int, default 1
        As in `Callback`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.

    Examples
    --------
    >>> import fastbp
    >>> show = fastbp.LambdaCallback(on_epoch_end=lambda trainer, epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_fit_begin=None,
        on_fit_end=None,
        on_epoch_begin=None,
        on_epoch_end=None,
        on_batch_end=None,
        on_diverged=None,
        every=1,
    ):
        self.every = integer(every, "every", 1)
        hooks = {
            "on_fit_begin": on_fit_begin,
            "on_fit_end": on_fit_end,
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_batch_end": on_batch_end,
            "on_diverged": on_diverged,
        }
        for name, function in hooks.items():
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be a function, got {function!r}")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """End a training that diverges with a warning, instead of DivergedError.

    The network has its last finite parameters; with `EarlyStopping` it gets those of its best epoch.
    """

    def on_diverged(self, trainer, error):
        warnings.warn(f"{error}. The training ends here", stacklevel=2)
        return "stop"


class RetryOnDivergence(Callback):
    """Repeat an epoch that diverges at a smaller learning rate.

    The network goes back to its parameters at the beginning of the epoch, the optimiser begins anew. When all retries
    are used up, or the data come from a generator and cannot be had again, DivergedError is raised; put
    `TerminateOnNaN` behind it in the list to have a warning instead of running out of retries.

    Parameters
    ----------
    factor : float, default 0.5
        What the learning rate is multiplied by, in (0, 1).
    retries : int, default 3
        At most in one fit; at least 1.

    Attributes
    ----------
    n_retries : int
        Used in the last fit.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of this kind.
    """

    def __init__(self, factor=0.5, retries=3):
        self.factor = real(factor, "factor", 0, 1, low_allowed=False)
        self.retries = integer(retries, "retries", 1)
        self.n_retries = 0

    def on_fit_begin(self, trainer):
        self.n_retries = 0
        self._before = None

    def on_epoch_begin(self, trainer, epoch):
        self._before = _values(trainer.network)

    def on_fit_end(self, trainer):
        self._before = None

    def on_diverged(self, trainer, error):
        if self.n_retries == self.retries or trainer.optimizer.learning_rate is None:  # a solver has none
            return None
        self.n_retries += 1
        trainer.network.params[...], trainer.network.buffers[...] = self._before
        trainer.optimizer.learning_rate *= self.factor
        warnings.warn(
            f"epoch {error.epoch} diverged and is repeated at {self.factor:g} times the learning rate", stacklevel=2
        )
        return "retry"


def _values(network):
    """What training moves, copied."""
    return network.params.copy(), network.buffers.copy()


def _as_monitor(monitor):
    if isinstance(monitor, str) and (monitor == "loss" or (monitor.startswith("val_") and monitor.isidentifier())):
        return monitor
    is_metric = isinstance(monitor, str) and _scoring.direction(monitor)
    hint = f": metrics are computed of validation data, 'val_{monitor}'" if is_metric else ""
    raise ValueError(f"monitor must be 'loss', 'val_loss', or 'val_' and a metric's name, got {monitor!r}{hint}")


def _direction(monitor):
    """Return "min" or "max" for a number that is known by name."""
    name = monitor.removeprefix("val_")
    direction = "min" if name == "loss" else _scoring.direction(name)
    if direction is None:
        raise ValueError(
            f"monitor {monitor!r} is none of the metrics {', '.join(_scoring.NAMES)}: "
            "for one of your own, say mode='min' or mode='max'"
        )
    return direction


def _hint(name, trainer):
    """What to do to have a number computed."""
    if not name.startswith("val_"):
        return ""
    if "val_loss" not in trainer.monitored:
        return ": give fit validation_data or validation_split"
    return f": give fit metrics=[{name.removeprefix('val_')!r}]"


def _fields(path):
    """Return the names in the braces of a path; ValueError for anything but names."""
    from string import Formatter  # only who saves pays for loading it

    try:
        fields = [field for _, field, _, _ in Formatter().parse(path) if field is not None]
    except ValueError as error:
        raise ValueError(f"path {path!r} cannot be filled in: {error}") from error
    for field in fields:
        if not field.isidentifier():
            raise ValueError(f"path must have names of the logs in its braces, {{epoch:03d}} say, got {path!r}")
    return fields
