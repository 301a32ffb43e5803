"""Learning from a stream: the part of `Trainer` that takes one sample after another."""

from . import _online
from ._scoring import as_metrics
from ._validation import Checked, integer


class Streaming:
    """Steps on single samples, by the engine's `Learner`, which the trainer keeps; see `_online`."""

    def learn_one(self, x, y, sample_weight=None, class_weight=None):
        """Learn from one sample: one step of the optimiser.

        Parameters
        ----------
        x : array-like of shape (n_in,)
        y : int, float or array-like of shape (n_out,)
            A label for losses of labels, otherwise the target.
        sample_weight : float, optional
            What the gradient is multiplied by, for there is no mean that it could be a weight of. Not negative; with 0
            nothing happens.
        class_weight : dict, optional
            Another such factor for each class, ``{label: weight}``, 1 for a label that is missing.

        Returns
        -------
        float
            The loss of the sample before the step, without the weight.

        Raises
        ------
        TypeError, ValueError, DivergedError, RuntimeError
            As from `fit`.
        """
        weight = 1.0
        if sample_weight is not None or class_weight is not None:
            weight = _online.weight_of_one(self, y, sample_weight, class_weight)
        learner = self._learner  # another thread may retire it
        if learner is not None and weight and (self._learner_as_of is Checked.last_change or _online.still_fits(self)):
            loss = learner.learn(x, y, weight)
            if loss is not None:
                return loss
        return _online.learn_with_care(self, x, y, weight)

    def learn_many(self, X, y, sample_weight=None, *, class_weight=None):
        """Learn from samples one after another: one step of the optimiser for each, in their order.

        Network and trainer are afterwards, bit for bit, what a loop of `learn_one` makes of them. The engine does it in
        one call of a few hundredths of a second after another; Ctrl-C between two of them raises KeyboardInterrupt, and
        what has been learnt by then stays. So it does where a later sample raises DivergedError.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        y : array-like
            Targets as the loss takes them.
        sample_weight : array-like of shape (n_samples,), optional
            What the gradient of each is multiplied by. Not negative, not all zero; with 0 nothing is learnt.
        class_weight : dict, optional
            Another such factor for each class, ``{label: weight}``, 1 for a label that is missing.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            The loss of each sample before its step, without its weight.

        Raises
        ------
        TypeError, ValueError, DivergedError, RuntimeError
            As from `fit`.
        """
        return _online.learn_rows(self, *self._stream(X, y, sample_weight, class_weight))

    def capsule(self, n_samples=256):
        """Return network, loss and optimiser as compiled code calls them, without the interpreter's lock.

        It learns in the trainer's name: `learn_one`, `learn_many` and `fit` go on where it has stopped. It goes on
        after the former two, and is of no more use for learning once the trainer has done anything else that it learns
        by, got other settings, or been asked for its average: see docs/c_api.md.

        Parameters
        ----------
        n_samples : int, default 256
            To go through the network at once where more are predicted or learnt from: memory is set aside for so many,
            or for a mini-batch if that is larger.

        Returns
        -------
        PyCapsule
            Of a struct ``fastbp_model``, for one thread at a time. It keeps alive what it needs of the network and the
            trainer.

        Raises
        ------
        TypeError, ValueError
            If n_samples is no integer that is at least 1, or what `learn_one` needs is not there, or loss or learning
            rate are computed by Python.
        RuntimeError
            If the network is being trained, by another thread say.
        """
        return _online.capsule(self, integer(n_samples, "n_samples", 1))

    def progressive_validation(self, X, y, sample_weight=None, *, metrics=None, class_weight=None, window=None):
        """Predict each sample, then learn from it: how well a model would have done that learns from a stream.

        Also known as test-then-train, or prequential evaluation (Blum, Kalai & Langford 1999, "Beating the hold-out";
        Dawid 1984). Every sample is a test sample and is never predicted by a network that has seen it. Learns as
        `learn_many` does, and goes on where it stopped: a long stream may be given in parts.

        Parameters
        ----------
        X, y, class_weight
            As for `learn_many`.
        sample_weight : array-like of shape (n_samples,), optional
            As for `learn_many`; also the weight of each sample in the scores.
        metrics : sequence of str or callable, optional
            As for `fit`; by default the loss's own metric.
        window : int, optional
            Also score each so many samples by themselves, the last of them perhaps fewer: a change of the stream shows.

        Returns
        -------
        ProgressiveValidation
            With `outputs`, `losses`, `scores` and `windows`.

        Raises
        ------
        TypeError, ValueError, DivergedError, RuntimeError
            As from `fit`; ValueError if a metric cannot be computed for the samples, or for those of a window.
        """
        metrics = None if metrics is None else as_metrics(metrics)
        window = None if window is None else integer(window, "window", 1)
        rows = self._stream(X, y, sample_weight, class_weight)
        from . import prequential  # on use, for the sake of the time that fastbp takes to import

        return prequential.validate(self, *rows, metrics, window)

    def _stream(self, X, y, sample_weight, class_weight):
        """Return checked rows to learn one after another, and what to multiply their gradients by."""
        if isinstance(class_weight, str) and class_weight == "balanced":
            raise ValueError('class_weight="balanced" means nothing for a stream: give the weights, {label: weight}')
        rows = self._weighted(*self.network._checked(X, y, self._loss, sample_weight), class_weight)
        self.network._check_adapted(_online.ADAPT)
        return rows

    def _retire_learner(self):
        """Take over what the learner has counted, for it knows nothing of what others do with the optimiser.

        For who holds the network: others may be learning with it.
        """
        if self._learner is not None:
            self._learner.retire()
            self._remember(self._learner)
            self._learner = self._learner_as_of = None
