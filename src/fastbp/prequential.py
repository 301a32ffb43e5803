"""Progressive validation: each sample is first predicted, then learnt from."""

import numpy as np

from ._online import learn_rows
from ._scoring import Scores
from ._validation import as_sample_weight

__all__ = ["ProgressiveValidation"]


class ProgressiveValidation:
    """What `Trainer.progressive_validation` returns.

    Attributes
    ----------
    outputs : ndarray of shape (n_samples, n_out)
        The prediction for each sample, made before it was learnt from.
    losses : ndarray of shape (n_samples,), float64
        The loss of each before its step, as `Trainer.learn_one` returns it.
    scores : dict of str to float
        ``"loss"`` and the metrics, over all samples.
    windows : dict of str to ndarray of shape (n_windows,)
        The same of each window in turn; empty if no window was asked for.
    """

    def __init__(self, outputs, losses, scores, windows):
        self.outputs = outputs
        self.losses = losses
        self.scores = scores
        self.windows = windows

    def __repr__(self):
        scores = ", ".join(f"{name}={value:.6g}" for name, value in self.scores.items())
        return f"<ProgressiveValidation of {len(self.losses)} samples: {scores}>"


def validate(trainer, X, targets, weights, metrics, window):
    """Predict each of some rows that have been checked, then learn from it; return a ProgressiveValidation.

    Before anything is learnt, ValueError if a metric cannot be computed for the targets of a window.
    """
    net = trainer.network
    n_samples = len(X)
    parts = [slice(0, n_samples)]
    if window is not None:
        parts += [slice(begin, min(begin + window, n_samples)) for begin in range(0, n_samples, window)]
    scorers = []
    for part in parts:
        try:
            share = as_sample_weight(None if weights is None else weights[part], part.stop - part.start)
            scorers.append((part, share, Scores(metrics, trainer._loss, targets[part], share, net.n_out)))
        except ValueError as error:
            raise ValueError(f"in samples {part.start} ... {part.stop - 1}, {error}") from error
    outputs = np.empty((n_samples, net.n_out), net.dtype)
    losses = learn_rows(trainer, X, targets, weights, outputs)
    rows = [
        {"loss": float(np.average(losses[part], weights=share)), **scores(outputs[part])}
        for part, share, scores in scorers
    ]
    windows = {} if window is None else {name: np.array([row[name] for row in rows[1:]]) for name in rows[0]}
    return ProgressiveValidation(outputs, losses, rows[0], windows)
