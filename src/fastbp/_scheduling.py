"""Where a trainer stands in the schedule of its optimiser's learning rate."""

import math

import numpy as np

from .schedules import Progress, Schedule


class Scheduler:
    """The clock of one optimiser, and the memory of its schedule; both begin when the trainer gets the optimiser.

    Parameters
    ----------
    optimizer : Optimizer
    epoch, n_batches : int
        What the trainer had done before.
    """

    def __init__(self, optimizer, epoch, n_batches):
        self.optimizer = optimizer
        self._epoch = epoch
        self._n_batches = n_batches
        self._memory = []

    @property
    def schedule(self):
        """The schedule, None if the learning rate is a number."""
        rate = self.optimizer.learning_rate
        return rate if isinstance(rate, Schedule) else None

    @property
    def listens(self):
        """Whether the schedule wants to know of the end of epochs."""
        return self.schedule is not None and self.schedule._listens

    def _progress(self, n_steps, n_batches, epoch, batch, n_per_epoch):
        ahead = np.arange(n_steps, dtype=np.float64)
        steps = n_batches - self._n_batches + ahead
        # Whole epochs apart from the part of one: a step's rate is the same bits in whichever block it is taken.
        whole, begun = np.divmod(batch + ahead, n_per_epoch)
        epochs = epoch - self._epoch + whole + begun / n_per_epoch
        return Progress(steps, epochs, n_per_epoch, self._memory)

    def rates(self, n_steps, n_batches, epoch, batch=0, n_per_epoch=math.inf):
        """Return the learning rates of the next updates, (n_steps,); None if there is no schedule.

        Parameters
        ----------
        n_steps : int
        n_batches, epoch, batch : int
            Batches done by the trainer, epochs done, and batches of this epoch done.
        n_per_epoch : float
            Batches that make an epoch. Infinity if that is not known, or if there are no epochs: then they do not pass.
        """
        if self.schedule is None:
            return None
        return self.schedule._checked_at(self._progress(n_steps, n_batches, epoch, batch, n_per_epoch))

    def check_monitored(self, trainer):
        """Raise ValueError if training does not compute what the schedule looks at."""
        if self.schedule is not None:
            self.schedule._check_monitored(trainer)

    def end_epoch(self, trainer, n_per_epoch, logs):
        """Let the schedule take note of what an epoch has come to, which the trainer has just counted."""
        if self.listens:
            self.check_monitored(trainer)
            batch = 0 if math.isinf(n_per_epoch) else n_per_epoch - 1
            last = self._progress(1, trainer._n_batches - 1, trainer.epoch - 1, batch, n_per_epoch)
            self.schedule._end_epoch(last, logs)
