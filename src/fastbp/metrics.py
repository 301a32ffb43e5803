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
    total = np.average((targets - center) ** 2, axis=0, weights=sample_weight)
    error = np.average((targets - outputs) ** 2, axis=0, weights=sample_weight)
    constant = total == 0
    scores = 1 - error / np.where(constant, 1, total)
    return float(np.where(constant, error == 0, scores).mean())
