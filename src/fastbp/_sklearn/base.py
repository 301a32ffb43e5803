"""What `MLPClassifier` and `MLPRegressor` share: how they are fitted, and what they predict by."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._engine.dispatch import all_finite
from .._validation import as_reals, as_sample_weight
from ..callbacks import Callback
from ..errors import DivergedError
from ..trainer import Trainer
from . import lbfgs, networks, settings, tables, validation
from .epochs import Epochs

_MOST = 200  # samples in a batch of "auto"


class BaseMLP(BaseEstimator):
    """An estimator around a network.

    Attributes that all have, but for `network_` and those of one kind alone, are scikit-learn's.
    """

    # What is fitted -------------------------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, eval_set=None):
        """Fit the network to data.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            Not negative, not all zero.
        eval_set : (X, y) or (X, y, sample_weight), or a list of one of these, optional
            Scored after each epoch, into `validation_scores_`; with ``early_stopping=True`` it takes the place of the
            rows that would be held back.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or an argument is not of its kind; ValueError also if the training diverges.
        """
        return self._fit(X, y, sample_weight, eval_set)

    def _fit(self, X, y, sample_weight=None, eval_set=None, incremental=False, classes=None):
        settings.check(self)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if eval_set is not None and self.solver == "lbfgs":
            raise ValueError('eval_set is scored after each epoch, solver="lbfgs" has none: take "adam" or "sgd"')
        first = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        given = X
        X, y = self._validated(X, y, first)
        weights = as_sample_weight(sample_weight, X.shape[0])
        random_state = check_random_state(self.random_state)
        objective, targets = self._read(y, first, incremental, classes)
        network = self._network(X, objective, first, random_state)
        self._start(objective, network, first)
        rows, held_back = self._divided(X, y, targets, weights, given, eval_set, random_state)
        seed = random_state.randint(np.iinfo(np.int32).max)
        if self.solver == "lbfgs":
            loss, self.n_iter_ = lbfgs.minimize(self, network, objective, *rows)
            self.loss_ = loss * objective.shown + objective.constant(*rows[1:])
        else:
            self._train(objective, rows, held_back, seed, incremental)
        return self

    def _validated(self, X, y, reset):
        raise NotImplementedError

    def _read(self, y, first, incremental, classes):
        """Return the Objective and the targets as the engine takes them."""
        raise NotImplementedError

    def _network(self, X, objective, first, random_state):
        """Return the network to train: a new one, or the one that is there, with the penalty as it is now."""
        layers = networks.make_layers(self, objective, self._categories.counts)
        if first:
            dtype = networks.dtype_of(self, X)
            return networks.make_network(self, X.shape[1], layers, dtype, random_state)
        if tuple(layers) == self.network_.layers:
            return self.network_
        network = networks.with_layers(self.network_, layers)
        if network is None:
            raise ValueError(
                "hidden_layer_sizes, batch_norm and loss must stay what they were with warm_start=True and in "
                f"partial_fit: the network is {self.network_!r}. Call fit with warm_start=False to begin anew"
            )
        return network

    def _start(self, objective, network, first):
        """Set what is known before the training."""
        stochastic = self.solver != "lbfgs"
        self.network_ = network
        self._objective = objective
        self.n_layers_ = len(self.coefs_) + 1
        self.out_activation_ = objective.name
        if first:
            self.t_ = 0
            self._trainer = None
        if stochastic and (first or not hasattr(self, "loss_curve_")):
            self.loss_curve_ = []
            self._no_improvement_count = 0
            self.best_loss_ = None if self.early_stopping else np.inf
            self.validation_scores_ = None
            self.best_validation_score_ = None
        self.n_iter_ = 0

    def _divided(self, X, y, targets, weights, given, eval_set, random_state):
        """Return (X, targets, weights) to train on, and of what to validate on these and (X, y) for a scorer, or None.

        `given` is X as the user gave it: a scorer asks for the predictions of a frame's rows, if it was one.
        """
        rows, held_back = (X, targets, weights), None
        stops = self.early_stopping and self.solver != "lbfgs"
        if eval_set is not None:
            held_back = self._evaluated(eval_set)
        elif stops:
            parts = validation.split(self, X.shape[0], self._stratify(targets), random_state)
            rows, part = (tuple(None if a is None else a[p] for a in rows) for p in parts)
            for_scorer = given if tables.is_frame(given) else X
            held_back = part, (validation.rows_of(for_scorer, parts[1]), y[parts[1]])
        X, targets, weights = rows
        if getattr(self, "class_weight", None) is not None:
            weights = self._class_weighted(targets, weights)
        dtype = np.float64 if self.solver == "lbfgs" else self.network_.dtype
        return (_as_dtype(X, dtype), targets, weights), held_back

    def _stratify(self, targets):
        return None

    def _evaluated(self, eval_set):
        if isinstance(eval_set, list) and len(eval_set) == 1:
            eval_set = eval_set[0]
        if not isinstance(eval_set, tuple) or len(eval_set) not in (2, 3):
            raise TypeError(
                "eval_set must be (X, y) or (X, y, sample_weight), or a list of one of these, got "
                f"{_described(eval_set)}"
            )
        X, y = self._validated(*eval_set[:2], False)
        weights = as_sample_weight(*eval_set[2:], X.shape[0], "sample_weight in eval_set") if eval_set[2:] else None
        return (X, self._read(y, False, True, None)[1], weights), eval_set[:2]

    def _train(self, objective, rows, held_back, seed, incremental):
        X, targets, weights = rows
        n_samples = X.shape[0]
        trainer = self._trainer_for(objective, n_samples, seed, incremental)
        check = None
        if held_back is not None:
            part, given = held_back
            part = _as_dtype(part[0], self.network_.dtype), *part[1:]
            check = validation.Validation(self, trainer, objective, part, given)
            self.validation_scores_ = self.validation_scores_ or []
            if self.early_stopping and self.best_validation_score_ is None:
                self.best_validation_score_ = -np.inf
        epochs = Epochs(
            self,
            n_samples,
            objective,
            objective.constant(targets, weights),
            None if check is None else check.score,
            self.early_stopping,
        )
        callbacks = [self.callbacks] if isinstance(self.callbacks, Callback) else list(self.callbacks or ())
        options = {"epochs": 1 if incremental else self.max_iter, "callbacks": [*callbacks, epochs]}
        options |= {} if check is None else check.arguments
        try:
            if issparse(X):
                blocks = tables.SparseRows(X, targets, weights, trainer, self.shuffle)
                history = trainer.fit(blocks, shuffle=False, **options)
            else:
                history = trainer.fit(X, targets, sample_weight=weights, shuffle=self.shuffle, **options)
        except DivergedError as error:
            raise ValueError(f"{lbfgs.NOT_FINITE}: {error}") from error
        stopped = epochs.has_stopped or trainer.stop_training or history.interrupted
        if self.n_iter_ == self.max_iter and not incremental and not stopped:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _trainer_for(self, objective, n_samples, seed, incremental):
        """Return the trainer: that of the last call if it is to go on, with what has been set meanwhile."""
        batch_size = min(_MOST, n_samples) if self.batch_size == "auto" else int(self.batch_size)
        if self.batch_norm:
            batch_size = _without_single(batch_size, n_samples)
        if batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped: "
                f"batch_size={batch_size}, there are {n_samples} samples",
                stacklevel=5,
            )
            batch_size = n_samples
        optimizer = objective.optimizer(self)
        trainer = self._trainer
        if trainer is None or not incremental or trainer.network is not self.network_:
            trainer = Trainer(self.network_, objective.loss, optimizer, seed=seed)
        elif optimizer != self._optimizer_given:
            trainer.optimizer = optimizer
        self._optimizer_given = objective.optimizer(self)
        self._trainer = trainer
        trainer.batch_size = batch_size
        trainer.n_threads = self.n_threads
        return trainer

    # What is known of the network -----------------------------------------------------------------------------------

    @property
    def coefs_(self):
        """The weights of each layer, (n_in, n_out): writable views of the network's parameters."""
        return networks.Views(networks.views(self._fitted())[0])

    @coefs_.setter
    def coefs_(self, values):
        _set_all(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self):
        """The biases of each layer, (n_out,): writable views of the network's parameters."""
        return networks.Views(networks.views(self._fitted())[1])

    @intercepts_.setter
    def intercepts_(self, values):
        _set_all(self.intercepts_, values, "intercepts_")

    def _fitted(self):
        try:
            return vars(self)["network_"]
        except KeyError:
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: it has no network") from None

    def __sklearn_is_fitted__(self):
        return "network_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # What is predicted ----------------------------------------------------------------------------------------------

    def _outputs(self, X):
        """Return the network's outputs for X, (n_samples, n_units)."""
        network = vars(self).get("network_")
        if network is not None and self._takes_as_is(X, network.n_in):  # scikit-learn's checks would take the most time
            rows = X
            if X.dtype != network.dtype or not (X.flags.c_contiguous and X.flags.aligned):
                with np.errstate(over="ignore"):
                    rows = X.astype(network.dtype, "C")
            if all_finite(rows):
                if len(rows) == 1:
                    return network.predict_one(rows[0])[None]
                return network.predict(rows, False, self.n_threads)
        check_is_fitted(self)
        X = tables.validated(self, X, False)
        if issparse(X):
            blocks = (block for _, block in tables.dense_blocks(X))
            return np.concatenate([network.predict(block, n_threads=self.n_threads) for block in blocks])
        return network.predict(X, n_threads=self.n_threads)

    def _takes_as_is(self, X, n_in):
        """Whether X is such an array that nothing but its values can be wrong."""
        return (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype.kind == "f"
            and X.shape[1] == n_in
            and X.shape[0] > 0
            and "feature_names_in_" not in vars(self)
            and not self._categories.values
        )


def _is_stochastic(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


stochastic_only = available_if(_is_stochastic)


def _without_single(batch_size, n_samples):
    """Return the batch size, or the next smaller that leaves no sample alone, for one has no variance."""
    if n_samples < 2 or batch_size < 2:
        raise ValueError(
            f"batch_norm=True needs batches of at least 2 samples, got n_samples={n_samples}, {batch_size=}"
        )
    sizes = (*range(batch_size, 1, -1), *range(batch_size + 1, n_samples + 1))
    return next(size for size in sizes if n_samples % size != 1)


def _as_dtype(X, dtype):
    """Return X, dense or sparse, in the network's dtype, copied only if it must be."""
    if not issparse(X):
        return as_reals(X, "X", dtype)
    return type(X)((as_reals(X.data, "X.data", dtype), X.indices, X.indptr), X.shape)


def _described(value):
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, list | tuple) else "")


def _set_all(views, values, name):
    values = list(values)
    if len(values) != len(views):
        raise ValueError(f"{name} must have {len(views)} arrays, one a layer, got {len(values)}")
    for number, value in enumerate(values):
        views[number] = value
