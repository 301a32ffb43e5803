"""One network that learns several things at once, each with a loss of its own."""

from typing import ClassVar

import numpy as np

from ._validation import as_array, integer, real
from .losses import Hinge, Loss

__all__ = ["MultiTask"]

_ACTIVATIONS = {
    None: lambda z: z,
    "softmax": lambda z: np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)),
    "sigmoid": lambda z: np.exp(-np.logaddexp(0, -z)),
    "softplus": lambda z: np.logaddexp(0, z),
}


class MultiTask(Loss):
    """The weighted sum of losses, each of its own part of the outputs (Caruana 1997).

    The outputs of the network are shared out in the order of the tasks. It needs an identity output: a loss that goes
    with a softmax, a sigmoid or a softplus takes in its part of the outputs as what goes into that activation, which
    `predictions` then applies.

    Targets are a list with those of each task, as its loss takes them, ``[labels, numbers]`` say; sample weights are
    for all tasks alike. Scored by the metric of each task: ``"accuracy_0"`` of the first, ``"r2_1"`` of the second.

    Parameters
    ----------
    tasks : sequence of (loss, n_outputs) or (loss, n_outputs, weight)
        At least one; weights are greater than 0, 1 by default.

    Attributes
    ----------
    tasks : tuple of (loss, n_outputs, weight)

    Raises
    ------
    TypeError, ValueError
        If tasks is not of this kind.

    Examples
    --------
    >>> import fastbp
    >>> loss = fastbp.MultiTask([(fastbp.CrossEntropy(), 3), (fastbp.SquaredError(), 2, 0.5)])
    >>> net = fastbp.Network.mlp([4, 16, 5])
    >>> history = fastbp.Trainer(net, loss).fit([[0, 1, 2, 3]], [[2], [[0.1, 0.2]]], epochs=1)
    >>> probabilities, numbers = loss.predictions(net.predict([[0, 1, 2, 3]]))
    """

    kind = "multi_task"
    outputs = ("identity",)
    metric = None
    _checks: ClassVar = {"tasks": lambda value: tuple(_as_task(task, i) for i, task in enumerate(value))}

    def __init__(self, tasks):
        self.tasks = tasks
        if not self.tasks:
            raise ValueError("tasks must name at least one loss, got none")

    def check(self, activation, n_out):
        super().check(activation, n_out)
        for loss, n_outputs, _ in self.tasks:
            loss.check(loss.fused or "identity", n_outputs)
        total = sum(n_outputs for _, n_outputs, _ in self.tasks)
        if total != n_out:
            raise ValueError(f"the tasks of {self!r} have {total} outputs, the network has {n_out}")

    def config(self):
        tasks = [(loss.config(), n_outputs, weight) for loss, n_outputs, weight in self.tasks]
        # Within limits that hold nothing, the engine takes no row that has not been looked at here.
        return {"kind": self.kind, "fused": False, "limits": (0.0, 0.0), "whole": True, "tasks": tasks}

    def targets(self, y, n_samples, n_out, dtype):
        """Return the targets of all tasks side by side, (n_samples, n_targets); labels as one-hot rows."""
        if not isinstance(y, list | tuple) or len(y) != len(self.tasks):
            given = f"{len(y)} of them" if isinstance(y, list | tuple) else type(y).__name__
            raise ValueError(f"y must be a list with the targets of each of {len(self.tasks)} tasks, got {given}")
        parts = []
        for number, (part, (loss, n_outputs, _)) in enumerate(zip(y, self.tasks, strict=True)):
            try:
                rows = loss.targets(part, n_samples, n_outputs, dtype)
            except (TypeError, ValueError) as error:
                raise type(error)(f"task {number}: {error}") from error
            if rows.ndim == 1 and isinstance(loss, Hinge):
                raise ValueError(f"task {number}: y must have rows of 1 and -1 for {loss!r} among tasks, got labels")
            parts.append(np.eye(n_outputs, dtype=dtype)[rows] if rows.ndim == 1 else rows)
        return np.concatenate(parts, axis=1)

    def of_one(self, y):
        return [as_array(part, "y")[None] for part in y] if isinstance(y, list | tuple) else y

    def classes(self, targets, n_out):
        raise ValueError(f"{self!r} has several targets a sample")

    def predictions(self, outputs):
        """Return a list with what the outputs of each task say about its targets, in their units.

        Parameters
        ----------
        outputs : ndarray of shape (n_samples, n_out)
            What ``net.predict`` gives.
        """
        parts = self._parts(outputs, [n_outputs for _, n_outputs, _ in self.tasks])
        losses = [loss for loss, _, _ in self.tasks]
        return [loss.predictions(_ACTIVATIONS[loss.fused](z)) for loss, z in zip(losses, parts, strict=True)]

    def own_metrics(self):
        return [
            (f"{loss.metric}_{number}", self._metric_of(number))
            for number, (loss, _, _) in enumerate(self.tasks)
            if loss.metric is not None
        ]

    def _metric_of(self, number):
        loss = self.tasks[number][0]

        def score(outputs, targets, sample_weight):
            part = self._parts(outputs, [n_outputs for _, n_outputs, _ in self.tasks])[number]
            of_part = self._parts(targets, [loss.n_targets(n_outputs) for loss, n_outputs, _ in self.tasks])[number]
            return loss.score(_ACTIVATIONS[loss.fused](part), of_part, sample_weight)

        return score

    @staticmethod
    def _parts(rows, widths):
        return np.split(rows, np.cumsum(widths)[:-1], axis=1)


def _as_task(task, number):
    if not isinstance(task, tuple | list) or len(task) not in (2, 3):
        raise TypeError(f"task {number} must be (loss, n_outputs) or (loss, n_outputs, weight), got {task!r}")
    loss, n_outputs, weight = (*task, 1.0)[:3]
    if not isinstance(loss, Loss) or isinstance(loss, MultiTask):
        raise TypeError(f"the loss of task {number} must be a single fastbp loss, got {loss!r}")
    n_outputs = integer(n_outputs, f"the number of outputs of task {number}", 1)
    return loss, n_outputs, real(weight, f"the weight of task {number}", 0, low_allowed=False)
