"""Scores of predictions.

Each function takes ``(outputs, targets, sample_weight=None)`` and returns a float: outputs of shape (n_samples, n_out);
targets as labels (n_samples,), or as rows (n_samples, n_out) of numbers or of 0 and 1; weights (n_samples,), not
negative. A row of weight 2 counts as two rows, one of weight 0 as none. Values are those of scikit-learn 1.9.
"""

import numpy as np


def accuracy(outputs, targets, sample_weight=None):
    """Return the share of samples whose most probable class is right.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_out)
    targets : ndarray of shape (n_samples,) of labels, or (n_samples, n_out) of probabilities
    sample_weight : ndarray of shape (n_samples,), optional
    """
    return float(np.average(outputs.argmax(axis=1) == _labels(targets), weights=sample_weight))


def binary_accuracy(outputs, targets, sample_weight=None):
    """Return the share of outputs on the right side of 1/2; both of shape (n_samples, n_out)."""
    right = ((outputs > 0.5) == (targets > 0.5)).mean(axis=1)
    return float(np.average(right, weights=sample_weight))


def balanced_accuracy(outputs, targets, sample_weight=None):
    """Return the mean over classes of the share of each that is recognised (Brodersen et al. 2010).

    Classes that no target has are left out. Of rows of 0 and 1 it is the mean over outputs, each with two classes.
    """
    hits, actual, _ = _counts(outputs, targets, sample_weight)
    if targets.ndim == 2:
        misses, absent, _ = _counts(outputs <= 0.5, targets <= 0.5, sample_weight)
        hits, actual = np.stack([hits, misses]), np.stack([actual, absent])
    recall = np.divide(hits, actual, out=np.full_like(hits, np.nan), where=actual > 0)
    return float(np.nanmean(recall, axis=0).mean())


def top_k(outputs, targets, sample_weight=None, k=5):
    """Return the share of samples whose label is among the k most probable classes; of equals, the first is preferred.

    With k = 1 it is the accuracy.
    """
    labels = _labels(targets)[:, None]
    own = np.take_along_axis(outputs, labels, axis=1)
    before = (outputs > own) | ((outputs == own) & (np.arange(outputs.shape[1]) < labels))
    return float(np.average(before.sum(axis=1) < k, weights=sample_weight))


def f1(outputs, targets, sample_weight=None):
    """Return the harmonic mean of precision and recall, ``2 tp / (2 tp + fp + fn)``.

    Of two classes it is that of class 1; of more the mean over the classes that occur in targets or predictions; of
    rows of 0 and 1 the mean over outputs. It is 0 where there is nothing to find and nothing was found.
    """
    hits, actual, predicted = _counts(outputs, targets, sample_weight)
    both = actual + predicted
    scores = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    if targets.ndim == 2:
        return float(scores.mean())
    return float(scores[1] if len(scores) == 2 else scores[both > 0].mean())


def auc(outputs, targets, sample_weight=None):
    """Return the area under the ROC curve: how often a positive scores higher than a negative, ties counting half.

    Of two classes it is that of class 1; of more the mean over classes, each against the rest; of rows of 0 and 1 the
    mean over outputs. By sorting, O(n log n) (Fawcett 2006). NaN where a class has no sample, or all of them.
    """
    if targets.ndim == 2:
        pairs = [(outputs[:, j], targets[:, j] > 0.5) for j in range(outputs.shape[1])]
    else:
        classes = [1] if outputs.shape[1] == 2 else range(outputs.shape[1])
        pairs = [(outputs[:, j], targets == j) for j in classes]
    return float(np.mean([_area(scores, positive, sample_weight) for scores, positive in pairs]))


def mae(outputs, targets, sample_weight=None):
    """Return the mean absolute error, over samples and outputs; both of shape (n_samples, n_out)."""
    error = np.abs(outputs - targets.astype(np.float64)).mean(axis=1)
    return float(np.average(error, weights=sample_weight))


def rmse(outputs, targets, sample_weight=None):
    """Return the root of the mean squared error of each output, mean over outputs; both of shape (n_samples, n_out)."""
    error = np.average((outputs - targets.astype(np.float64)) ** 2, axis=0, weights=sample_weight)
    return float(np.sqrt(error).mean())


def r2(outputs, targets, sample_weight=None):
    """Return the coefficient of determination, mean over outputs; both of shape (n_samples, n_out).

    An output whose targets are all equal scores 1 if it is predicted exactly, otherwise 0.
    """
    outputs = outputs.astype(np.float64)
    targets = targets.astype(np.float64)
    center = np.average(targets, axis=0, weights=sample_weight)
    return _share_spared((targets - outputs) ** 2, (targets - center) ** 2, sample_weight)


def d2_pinball(outputs, targets, sample_weight=None, q=0.5):
    """Return the share of the pinball loss of the best constant, the quantile q of the targets, that is spared.

    Mean over outputs; both of shape (n_samples, n_out). Koenker & Machado 1999, "Goodness of fit and related inference
    processes for quantile regression".
    """
    outputs = outputs.astype(np.float64)
    targets = targets.astype(np.float64)
    order = targets.argsort(axis=0)
    mass = (np.ones(len(targets)) if sample_weight is None else sample_weight)[order].cumsum(axis=0)
    rank = (mass < q * mass[-1]).sum(axis=0, keepdims=True)
    center = np.take_along_axis(np.take_along_axis(targets, order, axis=0), rank, axis=0)

    def pinball(prediction):
        error = targets - prediction
        return np.maximum(q * error, (q - 1) * error)

    return _share_spared(pinball(outputs), pinball(center), sample_weight)


def d2_poisson(outputs, targets, sample_weight=None, log_input=False):
    """Return the share of the Poisson deviance of the mean that is explained, mean over outputs.

    Outputs are expected counts, or their logarithms; both of shape (n_samples, n_out). Cameron & Windmeijer 1996,
    "R-squared measures for count data regression models".
    """
    outputs = outputs.astype(np.float64)
    targets = targets.astype(np.float64)
    center = np.average(targets, axis=0, weights=sample_weight)
    counted = targets > 0  # where it is not, y log(y / m) is 0

    def deviance(log_mean, mean):
        log_ratio = np.log(targets, where=counted, out=np.zeros_like(targets)) - np.where(counted, log_mean, 0)
        return targets * log_ratio - targets + mean

    with np.errstate(divide="ignore", over="ignore"):
        of_outputs = deviance(outputs, np.exp(outputs)) if log_input else deviance(np.log(outputs), outputs)
        return _share_spared(of_outputs, deviance(np.log(center), center), sample_weight)


def _share_spared(error, of_constant, sample_weight):
    """1 - error / error of the best constant, mean over outputs; 1 or 0 where a constant makes no error."""
    error = np.average(error, axis=0, weights=sample_weight)
    total = np.average(of_constant, axis=0, weights=sample_weight)
    scores = 1 - error / np.where(total == 0, 1, total)
    return float(np.where(total == 0, error == 0, scores).mean())


def _labels(targets):
    return targets if targets.ndim == 1 else targets.argmax(axis=1)


def _counts(outputs, targets, sample_weight):
    """Return, for each class or output, the weight of the samples rightly found, of those there, of those found."""
    if targets.ndim == 1:
        found, n = outputs.argmax(axis=1), outputs.shape[1]
        right = found == targets
        weights = np.ones(len(targets)) if sample_weight is None else sample_weight
        pairs = (targets[right], weights[right]), (targets, weights), (found, weights)
        return tuple(np.bincount(labels, w, n).astype(np.float64) for labels, w in pairs)
    found, there = outputs > 0.5, targets > 0.5
    weights = 1.0 if sample_weight is None else sample_weight[:, None]
    return tuple((mask * weights).sum(axis=0) for mask in (found & there, there, found))


def _area(scores, positive, sample_weight):
    order = np.argsort(scores, kind="stable")
    scores, positive = scores[order], positive[order]
    weights = np.ones(len(order)) if sample_weight is None else sample_weight[order]
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))  # of equal scores
    up = np.add.reduceat(weights * positive, starts)
    down = np.add.reduceat(weights * ~positive, starts)
    pairs = up.sum() * down.sum()
    return up @ (np.cumsum(down) - down / 2) / pairs if pairs else np.nan
