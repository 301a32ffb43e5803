"""Learning rates that change while training goes on: give one to an optimiser as its `learning_rate`.

A schedule counts updates (``unit="step"``) or epochs, from when the trainer got the optimiser. Epochs pass a little
with every update: after u of n updates of epoch e, it is e + u / n. `learn_one` makes updates, and no epochs.

    SGD(CosineDecay(0.1, 20))                               from 0.1 to 0 within 20 epochs
    Adam(LinearWarmup(0.01, 500, unit="step") | CosineDecay(0.01, 20))      one after the other
    SGD(LinearWarmup(1, 2) * StepDecay(0.1, 10))            the product of both
"""

import math
import numbers

import numpy as np

from ._validation import Settings, integer, one_of, real
from .callbacks import _as_monitor, _direction, _hint

__all__ = [
    "Constant",
    "CosineDecay",
    "CosineRestarts",
    "ExponentialDecay",
    "FunctionSchedule",
    "InverseTimeDecay",
    "LinearWarmup",
    "OneCycle",
    "PolynomialDecay",
    "Product",
    "ReduceOnPlateau",
    "Schedule",
    "Sequence",
    "StepDecay",
]

_UNITS = ("epoch", "step")
_UNKNOWN = ": how many steps make an epoch is not known with blocks and learn_one; let all of it count in one unit"
_NEARLY = 1e-9  # of an epoch: a count of epochs that was divided and subtracted may fall short of a whole one


def _positive(name):
    return lambda value: real(value, name, 0, low_allowed=False)


def _not_negative(name):
    return lambda value: real(value, name, 0)


_CHECKS = {
    **{name: _positive(name) for name in ("rate", "initial", "peak", "duration", "every", "power")},
    **{name: _positive(name) for name in ("start_divisor", "final_divisor")},
    **{name: _not_negative(name) for name in ("start", "final", "decay", "threshold", "minimum")},
    "unit": lambda value: one_of(value, _UNITS, "unit"),
    "factor": _positive("factor"),
    "growth": lambda value: integer(value, "growth", 1),
    "rise": lambda value: real(value, "rise", 0, 1, low_allowed=False),
    "monitor": _as_monitor,
    "mode": lambda value: one_of(value, ("auto", "min", "max"), "mode"),
    "patience": lambda value: integer(value, "patience", 0),
    "cooldown": lambda value: integer(value, "cooldown", 0),
    "function": lambda value: _as_function(value),
    "schedules": lambda value: _as_schedules(value),
}


class Progress:
    """How far training has come at each of some updates: what a schedule is given.

    Parameters
    ----------
    steps, epochs : ndarray of shape (n,), float64
        Updates made before each, and epochs gone by.
    steps_per_epoch : float
        Infinity if it is not known.
    memory : list
        What schedules remember from epoch to epoch: pairs of a schedule and anything.
    """

    def __init__(self, steps, epochs, steps_per_epoch, memory):
        self.steps = steps
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.memory = memory

    def count(self, unit):
        """Return the updates or the epochs so far."""
        return np.maximum(self.steps if unit == "step" else self.epochs, 0)

    def after(self, duration, unit):
        """Return the progress since a part of that duration ended."""
        steps = duration if unit == "step" else self.in_steps(duration)
        epochs = duration if unit == "epoch" else duration / self.steps_per_epoch
        return Progress(self.steps - steps, self.epochs - epochs, self.steps_per_epoch, self.memory)

    def in_steps(self, n_epochs):
        """Return how many updates so many epochs take; NaN if that is not known."""
        return n_epochs * self.steps_per_epoch if math.isfinite(self.steps_per_epoch) else math.nan

    def where(self, mask):
        """Return it for some of the updates."""
        return Progress(self.steps[mask], self.epochs[mask], self.steps_per_epoch, self.memory)

    def remembered(self, schedule, beginning):
        """Return what a schedule remembers: at first, what `beginning` returns."""
        for owner, memory in self.memory:
            if owner is schedule:
                return memory
        self.memory.append((schedule, beginning()))
        return self.memory[-1][1]


class Schedule(Settings):
    """What all schedules share: settings that are checked when they are set.

    ``a | b`` is b after a has come to its end, ``a * b`` the product of both, where numbers count as `Constant`.
    """

    _checks = _CHECKS
    unit = "epoch"

    def _at(self, progress):
        """Return the rates, (n,)."""
        return self._rate(progress.count(self.unit))

    def _rate(self, t):
        """Return the rates at times t, (n,), in the schedule's unit."""
        raise NotImplementedError

    def _end(self, steps_per_epoch):
        """Return (duration, unit) of what is to be followed by another, None if it never ends."""
        return

    def _check_monitored(self, trainer):
        """Raise ValueError if training does not compute what this looks at."""

    def _end_epoch(self, progress, logs):
        """Take note of what an epoch has come to; progress is at its last update."""

    @property
    def _listens(self):
        """Whether it wants to know of the end of epochs."""
        return False

    def rates(self, n_steps, steps_per_epoch=1):
        """Return the learning rates of the first updates, to look at or to plot.

        Parameters
        ----------
        n_steps : int
        steps_per_epoch : int, default 1

        Returns
        -------
        ndarray of shape (n_steps,), float64
        """
        n_steps = integer(n_steps, "n_steps", 0)
        steps_per_epoch = integer(steps_per_epoch, "steps_per_epoch", 1)
        steps = np.arange(n_steps, dtype=np.float64)
        return self._checked_at(Progress(steps, steps / steps_per_epoch, steps_per_epoch, []))

    def _checked_at(self, progress):
        rates = np.ascontiguousarray(self._at(progress), dtype=np.float64)
        bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
        if len(bad):
            step, epoch = progress.steps[bad[0]], progress.epochs[bad[0]]
            raise ValueError(
                f"a learning rate must be at least 0 and finite, {self!r} gives {rates[bad[0]]} "
                f"after {step:g} steps, {epoch:g} epochs"
                f"{_UNKNOWN if math.isnan(rates[bad[0]]) and math.isinf(progress.steps_per_epoch) else ''}"
            )
        return rates

    def __or__(self, other):
        return Sequence([self, other])

    def __ror__(self, other):
        return Sequence([other, self])

    def __mul__(self, other):
        return Product([self, other])

    __rmul__ = __mul__

    def __format__(self, specification):
        return repr(self)  # where a number would follow the specification


class _Lasting(Schedule):
    """A schedule with a duration."""

    def _end(self, steps_per_epoch):
        return self.duration, self.unit


class Constant(_Lasting):
    """The same rate all the time.

    Parameters
    ----------
    rate : float
    duration : float, default 1
        How long, if another schedule follows.
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, rate, duration=1.0, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return np.full(t.shape, self.rate)


class StepDecay(Schedule):
    """``initial * factor**floor(t / every)``: steps down a stair (PyTorch's StepLR).

    Parameters
    ----------
    initial : float
    every : float
        Time between two steps down.
    factor : float, default 0.1
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, initial, every, factor=0.1, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return self.initial * self.factor ** np.floor(t / self.every + _NEARLY)


class ExponentialDecay(Schedule):
    """``initial * factor**t`` (PyTorch's ExponentialLR).

    Parameters
    ----------
    initial, factor : float
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, initial, factor, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return self.initial * self.factor**t


class InverseTimeDecay(Schedule):
    """``initial / (1 + decay * t)`` (Robbins & Monro 1951).

    Parameters
    ----------
    initial, decay : float
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, initial, decay, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return self.initial / (1 + self.decay * t)


class PolynomialDecay(_Lasting):
    """``final + (initial - final) * (1 - t / duration)**power``, then final (PyTorch's PolynomialLR, whose final is 0).

    Parameters
    ----------
    initial, duration : float
    power : float, default 1
    final : float, default 0
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, initial, duration, power=1.0, final=0.0, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return self.final + (self.initial - self.final) * (1 - np.minimum(t / self.duration, 1)) ** self.power


def _cosine(share, initial, final):
    """From initial to final along half a cosine; share in [0, 1]."""
    return final + (initial - final) * (1 + np.cos(np.pi * share)) / 2


class CosineDecay(_Lasting):
    """``final + (initial - final) * (1 + cos(pi * t / duration)) / 2``, then final.

    Loshchilov & Hutter 2017, equation 5; PyTorch's CosineAnnealingLR, which goes up again afterwards.

    Parameters
    ----------
    initial, duration : float
    final : float, default 0
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, initial, duration, final=0.0, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return _cosine(np.minimum(t / self.duration, 1), self.initial, self.final)


class CosineRestarts(Schedule):
    """`CosineDecay` again and again (Loshchilov & Hutter 2017, SGDR; PyTorch's CosineAnnealingWarmRestarts).

    Parameters
    ----------
    initial, duration : float
        Of the first decay.
    growth : int, default 1
        Each decay takes so many times as long as the one before.
    final : float, default 0
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, initial, duration, growth=1, final=0.0, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        cycles = t / self.duration  # in durations of the first
        if self.growth == 1:
            share = cycles - np.floor(cycles + _NEARLY)
        else:  # decay k begins at (growth^k - 1) / (growth - 1), and takes growth^k
            k = np.floor(np.log1p(cycles * (self.growth - 1)) / math.log(self.growth) + _NEARLY)
            share = (cycles - (self.growth**k - 1) / (self.growth - 1)) / self.growth**k
        return _cosine(np.clip(share, 0, 1), self.initial, self.final)


class OneCycle(_Lasting):
    """Up to a peak and far down again, along cosines (Smith & Topin 2018; PyTorch's OneCycleLR, the rate alone).

    From ``peak / start_divisor`` up to peak, and down to ``peak / start_divisor / final_divisor`` in the last update.

    Parameters
    ----------
    peak, duration : float
    rise : float, default 0.3
        Share of the duration that the way up takes.
    start_divisor : float, default 25
    final_divisor : float, default 1e4
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, peak, duration, rise=0.3, start_divisor=25.0, final_divisor=1e4, unit="epoch"):
        self._take(locals())

    def _at(self, progress):
        scale = progress.in_steps(1) if self.unit == "epoch" else 1
        if math.isnan(scale):
            return np.full(progress.steps.shape, math.nan)
        t = progress.count(self.unit) * scale  # in updates, as the last of them is to have the lowest rate
        top = max(self.rise * self.duration * scale - 1, 0)
        last = max(self.duration * scale - 1, top)
        start = self.peak / self.start_divisor
        up = _cosine(np.minimum(t / top, 1) if top else np.ones(t.shape), start, self.peak)
        down = np.clip((t - top) / (last - top), 0, 1) if last > top else np.ones(t.shape)
        return np.where(t < top, up, _cosine(down, self.peak, start / self.final_divisor))


class LinearWarmup(_Lasting):
    """``start + (peak - start) * t / duration``, then peak (Goyal et al. 2017; PyTorch's LinearLR).

    Parameters
    ----------
    peak, duration : float
    start : float, default 0
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, peak, duration, start=0.0, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        return self.start + (self.peak - self.start) * np.minimum(t / self.duration, 1)


class FunctionSchedule(Schedule):
    """Whatever a function says. A function given to an optimiser as its learning rate becomes one of epochs.

    Parameters
    ----------
    function : callable
        Called with the number of the epoch, an int from 0, once an epoch; or once an update with its number.
        Returns a number. It should depend on nothing else: a diverging training is repeated.
    unit : {"epoch", "step"}, default "epoch"
    """

    def __init__(self, function, unit="epoch"):
        self._take(locals())

    def _rate(self, t):
        whole, where = np.unique(np.floor(t + _NEARLY).astype(np.int64), return_inverse=True)
        values = [self.function(int(number)) for number in whole]
        for value in values:
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise TypeError(f"the function of a FunctionSchedule must return a number, got {value!r}")
        return np.array(values, np.float64)[where.reshape(t.shape)]


class ReduceOnPlateau(Schedule):
    """Multiply the rate by a factor when a number has not improved for a while (PyTorch's ReduceLROnPlateau).

    The trainer looks after each epoch, and remembers; one schedule may serve several trainers.

    Parameters
    ----------
    initial : float
    monitor : str, default "val_loss"
        "loss", or with validation data "val_loss" or "val_" and a metric.
    factor : float, default 0.1
        Less than 1.
    patience : int, default 10
        Epochs without improvement that are let pass before.
    threshold : float, default 1e-4
        What counts as an improvement is larger than this share of the best value.
    cooldown : int, default 0
        Epochs after a reduction that do not count.
    minimum : float, default 0
        Of the rate.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the number is to fall or to rise. "auto" knows the losses and the metrics of `fastbp.metrics`.
    """

    _listens = True

    def __init__(
        self,
        initial,
        monitor="val_loss",
        factor=0.1,
        patience=10,
        threshold=1e-4,
        cooldown=0,
        minimum=0.0,
        mode="auto",
    ):
        self._take(locals())

    def _check_together(self, factor, monitor, mode, **others):
        if factor >= 1:
            raise ValueError(f"factor must be greater than 0 and less than 1, got {factor}")
        if mode == "auto":
            _direction(monitor)

    def _beginning(self):
        return {"rate": self.initial, "best": None, "bad": 0, "cooling": 0}

    def _at(self, progress):
        return np.full(progress.steps.shape, progress.remembered(self, self._beginning)["rate"])

    def _check_monitored(self, trainer):
        if self.monitor not in trainer.monitored:
            raise ValueError(
                f"ReduceOnPlateau monitors {self.monitor!r}, this training computes "
                f"{', '.join(trainer.monitored)}{_hint(self.monitor, trainer)}"
            )

    def _end_epoch(self, progress, logs):
        memory = progress.remembered(self, self._beginning)
        sign = 1 if (_direction(self.monitor) if self.mode == "auto" else self.mode) == "min" else -1
        value, best = sign * logs[self.monitor], memory["best"]
        if best is None or value < best - abs(best) * self.threshold:
            memory["best"] = best if math.isnan(value) else value
            memory["bad"] = 0
        else:
            memory["bad"] += 1
        if memory["cooling"]:
            memory["cooling"] -= 1
            memory["bad"] = 0
        if memory["bad"] > self.patience:
            memory.update(
                rate=max(memory["rate"] * self.factor, min(self.minimum, memory["rate"])), bad=0, cooling=self.cooldown
            )


class _Composed(Schedule):
    """Schedules made into one."""

    @property
    def _listens(self):
        return any(part._listens for part in self.schedules)

    def _check_monitored(self, trainer):
        for part in self.schedules:
            part._check_monitored(trainer)


class Sequence(_Composed):
    """One schedule after the other: ``a | b``. Each counts from the end of the one before it.

    Parameters
    ----------
    schedules : sequence of Schedule or float
        All but the last have a duration. A number goes on for an epoch, or for ever if it is the last.

    Raises
    ------
    TypeError, ValueError
        If one is no schedule, or would never let the next one begin.
    """

    def __init__(self, schedules):
        self._take(locals())

    def __or__(self, other):
        return Sequence([*self.schedules, other])

    def _check_together(self, schedules):
        for part in schedules[:-1]:
            if part._end(1) is None:
                raise ValueError(
                    f"only the last schedule of a sequence may go on for ever, {part!r} has no duration: "
                    "those of Constant, LinearWarmup, PolynomialDecay, CosineDecay and OneCycle have"
                )

    def _parts(self, progress):
        """Yield each part, the updates that are its own (n,), and the progress of all as the part counts it."""
        left = np.ones(progress.steps.shape, bool)
        for part in self.schedules[:-1]:
            duration, unit = part._end(progress.steps_per_epoch)
            within = left & (progress.count(unit) < duration - (_NEARLY if unit == "epoch" else 0))
            yield part, within, progress
            left &= ~within
            progress = progress.after(duration, unit)
        yield self.schedules[-1], left, progress

    def _at(self, progress):
        rates = np.empty(progress.steps.shape)
        for part, own, since in self._parts(progress):
            if own.any():
                rates[own] = part._at(since.where(own))
        return rates

    def _end(self, steps_per_epoch):
        ends = [part._end(steps_per_epoch) for part in self.schedules]
        if ends[-1] is None:
            return None
        if len({unit for _, unit in ends}) == 1:
            return sum(duration for duration, _ in ends), ends[0][1]
        return sum(_in_steps(end, steps_per_epoch) for end in ends), "step"

    def _end_epoch(self, progress, logs):
        for part, own, since in self._parts(progress):
            if own[0]:
                part._end_epoch(since, logs)


class Product(_Composed):
    """The product of schedules: ``a * b``. It ends with the one that takes longest.

    Parameters
    ----------
    schedules : sequence of Schedule or float

    Raises
    ------
    TypeError, ValueError
        If one is no schedule.
    """

    def __init__(self, schedules):
        self._take(locals())

    def _at(self, progress):
        rates = np.ones(progress.steps.shape)
        for part in self.schedules:
            rates = rates * part._at(progress)
        return rates

    def _end(self, steps_per_epoch):
        ends = [part._end(steps_per_epoch) for part in self.schedules if not isinstance(part, Constant)]
        if not ends or None in ends:
            return None if ends else self.schedules[0]._end(steps_per_epoch)
        return max(ends, key=lambda end: _in_steps(end, steps_per_epoch))

    def _end_epoch(self, progress, logs):
        for part in self.schedules:
            part._end_epoch(progress, logs)


def _as_function(value):
    if not callable(value):
        raise TypeError(f"function must be callable, got {value!r}")
    return value


def _as_schedules(values):
    if isinstance(values, Schedule | str) or not hasattr(values, "__iter__"):
        raise TypeError(f"schedules must be a sequence of schedules, got {values!r}")
    schedules = tuple(as_schedule(value) for value in values)
    if not schedules:
        raise ValueError("schedules must be at least one, got none")
    return schedules


def _in_steps(end, steps_per_epoch):
    return end[0] * (steps_per_epoch if end[1] == "epoch" else 1)


def as_schedule(value):
    """Return a schedule for a schedule, a number or a function of the epoch; TypeError for anything else."""
    if isinstance(value, Schedule):
        return value
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return Constant(value)
    if callable(value) and not isinstance(value, type):
        return FunctionSchedule(value)
    raise TypeError(f"a schedule is wanted, a number or a function of the epoch, got {value!r}")
