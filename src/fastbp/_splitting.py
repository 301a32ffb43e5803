"""Which rows of the data are held back to validate with."""

import numpy as np

from ._scoring import read_targets
from .initializers import generator

WAYS = ("shuffle", "stratify", "tail")


def held_back(how, fraction, targets, loss, seed):
    """Return the rows to train on and those to validate on: two slices, or their numbers in ascending order.

    The same for the same number of rows and seed, so that a second fit validates on what the first has not seen.

    Parameters
    ----------
    how : one of `WAYS`
        "shuffle" takes rows at random; "stratify" also, as many of each class as keeps its share; "tail" the last rows.
    fraction : float in (0, 1)
    targets : ndarray
        As `loss` has checked them.
    loss : Loss
    seed : int

    Raises
    ------
    ValueError
        If one of the parts would be empty; for "stratify" if the targets are no classes, or too few of one.
    """
    n = len(targets)
    n_held = int(fraction * n + 0.5)
    if not 0 < n_held < n:
        raise ValueError(
            f"validation_split={fraction:g} of {n} rows leaves {n - n_held} to train on and {n_held} to validate on: "
            "take another fraction, or give validation_data"
        )
    if how == "tail":
        return slice(n - n_held), slice(n - n_held, n)
    held = np.zeros(n, bool)
    if how == "shuffle":
        held[generator(seed).permutation(n)[:n_held]] = True
    else:
        classes = _classes(targets, loss)
        order = generator(seed).permutation(n)
        for label, count in enumerate(_shares(np.bincount(classes), n_held, fraction)):
            held[order[classes[order] == label][:count]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _classes(targets, loss):
    """Return the number of each row's class, among those that occur."""
    readings = read_targets(loss, targets)
    if "classes" in readings:
        labels = readings["classes"]
    elif "flags" in readings and targets.shape[1] == 1:
        labels = targets[:, 0] > 0.5
    else:
        what = "several labels a row" if "flags" in readings else "numbers"
        raise ValueError(
            f'split="stratify" keeps the shares of classes, these targets are {what}: take split="shuffle"'
        )
    return np.unique(labels, return_inverse=True)[1]


def _shares(sizes, n_held, fraction):
    """Return how many of each class to hold back: its share of n_held by largest remainders, at least 1, not all."""
    if sizes.min() < 2 or not len(sizes) <= n_held <= sizes.sum() - len(sizes):
        raise ValueError(
            f'split="stratify" needs a row of each class on both sides: there are {len(sizes)} classes, the smallest '
            f"with {sizes.min()} of {sizes.sum()} rows, and validation_split={fraction:g} holds back {n_held}: "
            'take another fraction, more rows, or split="shuffle"'
        )
    exact = sizes * (n_held / sizes.sum())
    counts = np.clip(np.floor(exact), 1, sizes - 1)
    while counts.sum() != n_held:
        step = 1 if counts.sum() < n_held else -1
        room = (counts < sizes - 1) if step > 0 else (counts > 1)
        counts[np.argmax(np.where(room, step * (exact - counts), -np.inf))] += step
    return counts.astype(int)
