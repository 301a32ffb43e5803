"""Scores of predictions: functions of (outputs, targets, sample_weight), higher is better."""

import numpy as np


def accuracy(outputs, targets, sample_weight=None):
    """Return the share of samples whose most probable class is right.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_out)
    targets : ndarray of shape (n_samples,) of labels, or (n_samples, n_out) of probabilities
    sample_weight : ndarray of shape (n_samples,), optional
    """
    labels = targets if targets.ndim == 1 else targets.argmax(axis=1)
    return float(np.average(outputs.argmax(axis=1) == labels, weights=sample_weight))


def binary_accuracy(outputs, targets, sample_weight=None):
    """Return the share of outputs on the right side of 1/2; both of shape (n_samples, n_out)."""
    right = ((outputs > 0.5) == (targets > 0.5)).mean(axis=1)
    return float(np.average(right, weights=sample_weight))


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


def d2_poisson(outputs, targets, sample_weight=None):
    """Return the share of the Poisson deviance of the mean that is explained, mean over outputs.

    Outputs are logarithms of expected counts; both of shape (n_samples, n_out). Cameron & Windmeijer 1996, "R-squared
    measures for count data regression models".
    """
    outputs = outputs.astype(np.float64)
    targets = targets.astype(np.float64)
    center = np.average(targets, axis=0, weights=sample_weight)
    log_targets = np.log(np.where(targets == 0, 1, targets))
    log_center = np.log(np.where(center == 0, 1, center))

    def deviance(log_mean, mean):
        return targets * (log_targets - log_mean) - targets + mean

    return _share_spared(deviance(outputs, np.exp(outputs)), deviance(log_center, center), sample_weight)


def _share_spared(error, of_constant, sample_weight):
    """1 - error / error of the best constant, mean over outputs; 1 or 0 where a constant makes no error."""
    error = np.average(error, axis=0, weights=sample_weight)
    total = np.average(of_constant, axis=0, weights=sample_weight)
    scores = 1 - error / np.where(total == 0, 1, total)
    return float(np.where(total == 0, error == 0, scores).mean())
