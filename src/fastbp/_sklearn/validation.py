"""What an estimator is validated with after each epoch, and how it is scored."""

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing

from .. import metrics
from .tables import dense_blocks


def split(estimator, n_samples, stratify, random_state):
    """Return the rows to train on and those to validate on: the same that scikit-learn would take.

    Raises
    ------
    ValueError
        If there are too few rows.
    """
    fraction = estimator.validation_fraction
    try:
        training, held_back = train_test_split(
            np.arange(n_samples), random_state=random_state, test_size=fraction, stratify=stratify
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True holds back validation_fraction={fraction:g} of the rows, but {n_samples} rows cannot "
            f"be divided like that: {error} Give more rows or another fraction, or rows to validate on as eval_set"
        ) from error
    if len(held_back) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset: "
            f"{fraction:g} of {n_samples} rows are {len(held_back)}, expected at least 2"
        )
    return training, held_back


class Validation:
    """Data to validate with, and the score of a network on them.

    Parameters
    ----------
    estimator : estimator
    trainer : Trainer
    objective : Objective
    rows : (X, targets, sample_weight)
        As the trainer takes them; X may be sparse.
    given : (X, y)
        The same rows as a user would give them, for a scorer.

    Attributes
    ----------
    arguments : dict
        For `Trainer.fit`.
    """

    def __init__(self, estimator, trainer, objective, rows, given):
        self.estimator = estimator
        self.trainer = trainer
        self.objective = objective
        self.rows = rows
        self.given = given
        scoring = estimator.scoring
        self.scorer = None if scoring is None or scoring == "loss" else get_scorer(scoring)
        self.is_sparse = issparse(rows[0])
        self.arguments = {} if self.is_sparse else {"validation_data": rows, "metrics": [estimator._metric]}

    def score(self, logs):
        """Return the score after an epoch, the higher, the better."""
        if self.scorer is not None:
            weights = {} if self.rows[2] is None else {"sample_weight": self.rows[2]}
            return self.scorer(self.estimator, *self.given, **weights)
        if self.is_sparse:
            logs = self._computed()
        if self.estimator.scoring == "loss":
            return -logs["val_loss"] * self.objective.shown
        return next(value for name, value in logs.items() if name not in ("loss", "val_loss"))

    def _computed(self):
        """What the trainer computes of dense data: the loss and the score."""
        X, targets, weights = self.rows
        parts = np.ones(X.shape[0]) if weights is None else weights
        losses, outputs, total = 0.0, [], parts.sum()
        for rows, block in dense_blocks(X):
            if parts[rows].any():
                loss = self.trainer.evaluate(block, targets[rows], parts[rows], metrics=[])["loss"]
                losses += loss * parts[rows].sum() / total
            outputs.append(self.trainer.network.predict(block))
        return {"val_loss": losses, "score": self.estimator._metric_of(np.concatenate(outputs), targets, weights)}


def right(outputs, targets, sample_weight, threshold):
    """Return the share of samples of which everything is told right: the class, or each of the labels."""
    if targets.ndim == 1:
        return metrics.accuracy(outputs, targets, sample_weight)
    return float(np.average(((outputs > threshold) == (targets > 0.5)).all(axis=1), weights=sample_weight))


def rows_of(X, rows):
    """Return some rows of what a user gave as X."""
    return _safe_indexing(X, rows)
