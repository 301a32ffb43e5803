"""Weights of samples from weights of their classes."""

import numbers
from collections.abc import Mapping

import numpy as np

from ._validation import real

__all__ = ["class_weights"]


def class_weights(class_weight, loss, targets, n_out):
    """Return the weight of each sample, (n_samples,).

    Parameters
    ----------
    class_weight : "balanced" or dict
        ``{label: weight}``, a label that is missing having weight 1; or ``n_samples / (n_classes * count)`` for each
        class that occurs, count its number of samples, as scikit-learn has it.
    loss : Loss
        Which knows the classes of targets.
    targets : ndarray
        As ``loss.targets`` returned them.
    n_out : int

    Raises
    ------
    TypeError, ValueError
        If class_weight is neither, or the targets are no classes.
    """
    if not isinstance(class_weight, Mapping) and not (isinstance(class_weight, str) and class_weight == "balanced"):
        raise TypeError(f'class_weight must be "balanced" or a dict of labels and weights, got {class_weight!r}')
    try:
        classes, possible = loss.classes(targets, n_out)
    except ValueError as error:
        raise ValueError(
            f"class_weight is for targets that are classes, but {error}: give each sample its weight, sample_weight=..."
        ) from None
    found, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str):
        return (len(classes) / (len(found) * counts))[inverse]
    weights = {_label(label, possible): real(w, f"the weight of class {label}", 0) for label, w in class_weight.items()}
    return np.array([weights.get(label, 1.0) for label in found.tolist()])[inverse]


def _label(label, possible):
    if isinstance(label, bool) or not isinstance(label, numbers.Integral) or label not in possible:
        named = f"{possible[0]} ... {possible[-1]}" if len(possible) > 2 else " and ".join(map(str, possible))
        raise ValueError(f"class_weight must name classes, {named} here, got {label!r}")
    return int(label)
