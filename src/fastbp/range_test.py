"""The learning-rate range test: what `Trainer.find_learning_rate` does."""

import math

import numpy as np

from ._validation import integer, real

__all__ = ["LearningRateCurve"]


class LearningRateCurve:
    """What a range test has found.

    Attributes
    ----------
    rates : ndarray of shape (n,), float64
        The learning rates, growing.
    losses : ndarray of shape (n,), float64
        Loss of the mini-batch that was to be learnt at each rate, before it was.
    smoothed : ndarray of shape (n,), float64
        Their running mean.
    suggestion : float or None
        The rate where the running mean had come half the way down from its median to its minimum: the median of what
        is before the minimum, most of which is flat. The first tenth of the rates does not count, where the mean is
        one of few batches. None if it never fell.
    """

    def __init__(self, rates, losses, smoothed):
        self.rates = rates
        self.losses = losses
        self.smoothed = smoothed
        self.suggestion = _half_way_down(rates, smoothed)

    def __repr__(self):
        suggestion = "none" if self.suggestion is None else f"{self.suggestion:.3g}"
        return f"LearningRateCurve({len(self.rates)} rates, suggestion={suggestion})"


def _half_way_down(rates, smoothed):
    if not len(smoothed):
        return None
    first = len(smoothed) // 10  # a mean of few batches is low or high by chance
    lowest = first + int(np.argmin(smoothed[first:]))
    falling = smoothed[first : lowest + 1]
    above = np.flatnonzero(falling > (np.median(falling) + smoothed[lowest]) / 2)
    return float(rates[first + above[-1]]) if len(above) else None


def checked(lowest, highest, n_steps, smoothing, blow_up):
    """Return the arguments of `Trainer.find_learning_rate` that this module is for; TypeError or ValueError."""
    lowest = real(lowest, "lowest", 0, low_allowed=False)
    highest = real(highest, "highest", lowest, low_allowed=False)
    n_steps = integer(n_steps, "n_steps", 3)
    smoothing = real(smoothing, "smoothing", 0, 1)
    return np.geomspace(lowest, highest, n_steps), smoothing, real(blow_up, "blow_up", 1, low_allowed=False)


def sweep(training, rates, smoothing, blow_up):
    """Train one batch at each rate, until the loss blows up; return the curve. What has been trained is not undone."""
    unused = np.empty(1)
    losses, smoothed = [], []
    mean, best = 0.0, math.inf
    for i in range(len(rates)):
        if not training.train(1, unused, rates[i : i + 1]) or not training.params_are_finite():
            break
        losses.append(training.batch_loss)
        mean = smoothing * mean + (1 - smoothing) * losses[-1]
        smoothed.append(mean / (1 - smoothing ** (i + 1)))  # without its bias towards 0
        best = min(best, smoothed[-1])
        if smoothed[-1] - best > (blow_up - 1) * abs(best):
            break
    return LearningRateCurve(rates[: len(losses)].copy(), np.array(losses), np.array(smoothed))
