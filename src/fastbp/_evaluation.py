"""Evaluation on data that is not trained on: the part of `Trainer` that computes losses and scores."""

import numpy as np

from ._class_weights import class_weights
from ._engine import inference
from ._scoring import Scores, as_metrics
from ._validation import as_sample_weight


class Evaluation:
    """Loss and scores of a network's predictions, with weights of samples and classes."""

    def evaluate(self, X, y, sample_weight=None, *, metrics=None, class_weight=None):
        """Return loss and scores on data that was, preferably, not trained on.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        metrics : sequence of str or callable, optional
            As for `fit`; by default the loss's own metric.
        class_weight : "balanced" or dict, optional
            As for `fit`.

        Returns
        -------
        dict of str to float
            ``"loss"``, and the metrics: by default the loss's own, ``"accuracy"`` for losses of classes, ``"d2"``
            (Quantile, Poisson) or ``"r2"``, and none for a loss that is not fastbp's.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind, or a metric cannot be computed for these targets.
        """
        metrics = None if metrics is None else as_metrics(metrics)
        rows = self.network._checked(X, y, self._loss, sample_weight)
        return self._evaluate(*self._evaluation(*self._weighted(*rows, class_weight), metrics))

    def _weighted(self, X, targets, weights, class_weight):
        """Return the same, with weights of classes in the weights."""
        if class_weight is not None:
            of_classes = class_weights(class_weight, self._loss, targets, self.network.n_out)
            weights = as_sample_weight(of_classes if weights is None else weights * of_classes, len(X), "class_weight")
        return X, targets, weights

    def _evaluation(self, X, targets, weights, metrics):
        """Return what `_evaluate` takes: data for the engine, and what to compute of its predictions."""
        scores = Scores(metrics, self._loss, targets, weights, self.network.n_out)
        return self.network._as_data(X, targets, self._loss, weights), scores

    def _evaluate(self, data, scores):
        net = self.network
        outputs = np.empty((data.n_rows, net.n_out), net.dtype)
        loss = inference.loss(net._program, data, outputs, net._n_workers(data.n_rows, self.n_threads))
        return {"loss": loss, **scores(outputs)}

    def _validation_data(self, validation_data):
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        try:
            return self.network._checked(validation_data[0], validation_data[1], self._loss, *validation_data[2:])
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from error
