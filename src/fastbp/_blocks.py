"""A fit to data that come in blocks: more than memory holds, or than there is at one time."""

import math

import numpy as np

from ._class_weights import class_weights
from ._fitting import Fit


class Blocks:
    """Blocks of rows as a user gives them, cut anew: each piece but the last of an epoch has whole mini-batches only.

    Rows that are left over at the end of a block wait for those of the next, fewer than a mini-batch of them.

    Parameters
    ----------
    blocks : iterable of (X, y) or (X, y, sample_weight)
        Gone through once an epoch.
    network : Network
    loss : Loss
    batch_size : int
    class_weight : dict, optional

    Attributes
    ----------
    is_one_pass : bool
        Whether the iterable, a generator say, cannot be gone through a second time.

    Raises
    ------
    TypeError
        If blocks is not iterable. From the iteration TypeError and ValueError, if a block is not of its kind.
    """

    def __init__(self, blocks, network, loss, batch_size, class_weight=None):
        if isinstance(blocks, np.ndarray | str | bytes | dict) or not hasattr(type(blocks), "__iter__"):
            raise TypeError(
                f"y must be given, got None: call fit(X, y), or fit(blocks) with an iterable of (X, y) or "
                f"(X, y, sample_weight), for {type(blocks).__name__} is none"
            )
        self.blocks = blocks
        self.network = network
        self.loss = loss
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.is_one_pass = iter(blocks) is blocks

    def __iter__(self):
        """Yield (data for the engine, its sum of weights)."""
        batch_size, waiting = self.batch_size, None
        number = -1
        for number, block in enumerate(self.blocks):
            rows = self._checked(block, number)
            if waiting is not None:
                n_wanted = batch_size - len(waiting[0])
                waiting = _joined(waiting, _cut(rows, 0, n_wanted), number)
                rows = _cut(rows, n_wanted, None)
                if len(waiting[0]) < batch_size:
                    continue
                yield from self._piece(waiting)
                waiting = None
            n_whole = len(rows[0]) // batch_size * batch_size
            if n_whole:
                yield from self._piece(_cut(rows, 0, n_whole))
            if n_whole < len(rows[0]):
                waiting = [None if a is None else a.copy() for a in _cut(rows, n_whole, None)]  # lets go of the block
            del rows, block
        if number < 0:
            raise ValueError(
                "there are no blocks to learn from: if they come from a generator, it has been gone through already; "
                "make a new one for each fit"
            )
        if waiting is not None:
            yield from self._piece(waiting)

    def _checked(self, block, number):
        if not isinstance(block, tuple | list) or len(block) not in (2, 3):
            raise TypeError(f"block {number} must be (X, y) or (X, y, sample_weight), got {type(block).__name__}")
        try:
            X, targets, weights = self.network._checked(block[0], block[1], self.loss, *block[2:])
            if self.class_weight is not None:
                of_classes = class_weights(self.class_weight, self.loss, targets, self.network.n_out)
                weights = of_classes if weights is None else weights * of_classes
            return X, targets, weights
        except (TypeError, ValueError) as error:
            raise type(error)(f"block {number}: {error}") from error

    def _piece(self, rows):
        X, targets, weights = rows
        weight = float(len(X) if weights is None else weights.sum())
        if weight > 0:  # a piece of weight 0 has no mean, and says nothing
            yield self.network._as_data(X, targets, self.loss, weights), weight


def _cut(rows, begin, end):
    return [None if a is None else a[begin:end] for a in rows]


def _joined(first, second, number):
    """Return rows below rows."""
    if first[1].ndim != second[1].ndim:
        raise ValueError(f"block {number}: y must be labels in all blocks or rows in all, got both")
    weights = [np.ones(len(rows[0])) if rows[2] is None else rows[2] for rows in (first, second)]
    weighted = first[2] is not None or second[2] is not None
    joined = [np.concatenate(pair) for pair in zip(first[:2], second[:2], strict=True)]
    return [*joined, np.concatenate(weights) if weighted else None]


class BlockFit(Fit):
    """What `Fit` does, with `Blocks` for data."""

    def __init__(self, trainer, blocks, shuffle, callbacks, validation):
        super().__init__(trainer, None, shuffle, callbacks, validation)
        self.blocks = blocks

    def _begin(self):
        """Nothing is known of the data before the first block."""

    def _begin_again(self, error):
        if self.blocks.is_one_pass:
            raise error
        self._close()

    def _train_epochs(self, last):
        trainer = self.trainer
        while self.epoch < last and not trainer.stop_training:
            self._begin_epoch()
            self._sum = self._weight = 0.0
            self._n_before, n_before = 0, self._n_batches
            for number, (data, weight) in enumerate(self.blocks):
                self._open(data, number)
                self._weight_of_piece = weight
                losses = []
                while not losses and not trainer.stop_training:
                    losses = self._train(1)
                if not losses:
                    return
                self._sum += losses[0] * weight
                self._weight += weight
                self._n_before = self._n_batches - n_before
            self._close()
            self.epoch, self._part_done = self.epoch + 1, False
            self.history.loss.append(self._sum / self._weight)
            if self._stops_each_epoch:
                self._end_epoch()

    def _n_per_epoch(self):
        return math.inf  # until the epoch is over; so it counts as a whole

    def _mark(self):
        self._part_done = True

    def _loss_so_far(self, losses):
        loss, weight = (losses[0], self._weight_of_piece) if losses else (self.training.loss, self.training.weight)
        if weight == 0:
            loss = 0.0
        total = self._weight + weight
        return (self._sum + loss * weight) / total if total > 0 else np.nan
