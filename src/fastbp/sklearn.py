"""Estimators for scikit-learn (extra ``sklearn``): its `MLPClassifier` and `MLPRegressor`, compiled.

    from fastbp.sklearn import MLPClassifier  # instead of sklearn.neural_network

docs/sklearn.md tells what they can do besides, and what is different.
"""

import numpy as np

try:
    from sklearn.base import ClassifierMixin, RegressorMixin
except ImportError as error:
    raise ImportError('fastbp.sklearn needs scikit-learn >= 1.6: pip install "fastbp[sklearn]"') from error
from scipy.sparse import issparse
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from . import metrics
from ._class_weights import class_weights
from ._sklearn import objectives, tables, validation
from ._sklearn.base import BaseMLP, stochastic_only

__all__ = ["MLPClassifier", "MLPRegressor"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that tells classes: one of two, one of many, or several labels at once.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Width of each hidden layer.
    activation : str or sequence of str, default "relu"
        Of all hidden layers or of each: identity, logistic, tanh, relu, or any other of `fastbp.activations`.
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
    alpha : float, default 0.0001
        The objective is larger by ``alpha / 2 * sum(w**2) / n``, n the samples of the batch.
    batch_size : int or "auto", default "auto"
        "auto" is 200, or all samples if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Of "sgd": ``learning_rate_init / (t + 1)**power_t`` after t samples with "invscaling"; a fifth, each time that
        training would else stop, with "adaptive".
    learning_rate_init : float, default 0.001
    power_t : float, default 0.5
    max_iter : int, default 200
        Epochs; iterations of "lbfgs".
    shuffle : bool, default True
    random_state : int, RandomState or None, default None
        For an integer, the first weights and the rows that are held back are scikit-learn's.
    tol : float, default 0.0001
        What counts as an improvement must be larger.
    verbose : bool or int, default False
        Whether to print the loss of each epoch.
    warm_start : bool, default False
        Whether `fit` goes on from the parameters that are there.
    momentum : float, default 0.9
        Of "sgd"; in [0, 1).
    nesterovs_momentum : bool, default True
    early_stopping : bool, default False
        Whether training ends when the score of rows that are held back no longer improves, and the best parameters are
        restored; otherwise it ends when the loss no longer falls.
    validation_fraction : float, default 0.1
        The share that is held back.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of "adam".
    n_iter_no_change : int or infinity, default 10
        Epochs without improvement after which training ends.
    max_fun : int, default 15000
        Most calls of the loss, of "lbfgs".
    loss : {"log_loss", "focal", "hinge", "squared_hinge"} or a loss of fastbp, default "log_loss"
        With a hinge there are no probabilities.
    dropout : float or sequence of float, optional
        The share of each hidden layer's outputs that is dropped in training.
    batch_norm : bool, default False
        Whether a BatchNorm comes before the activation of each hidden layer.
    class_weight : "balanced" or dict, optional
        ``{label: weight}``, 1 for a label that is missing; for one class a sample. It multiplies `sample_weight`.
    scoring : str, callable or "loss", optional
        What `early_stopping` goes by: a scorer of scikit-learn, or the loss; by default the accuracy.
    dtype : {"float32", "float64", "auto"}, default "float32"
        Of the parameters and of all computation; with "auto" that of X.
    n_threads : int, default 1
        At most so many threads; the result is the same for any number.
    callbacks : sequence of fastbp.Callback, optional

    Attributes
    ----------
    network_ : fastbp.Network
        With `save`, `predict_one` and so on.
    classes_ : ndarray of shape (n_classes,)
    coefs_, intercepts_ : list of ndarray
        Writable views of the network's parameters: of each layer the weights, (n_in, n_out), and the biases.
    loss_, best_loss_ : float
    loss_curve_ : list of float
        One value an epoch.
    validation_scores_ : list of float or None
    best_validation_score_ : float or None
    n_iter_, n_layers_, n_outputs_, n_features_in_, t_ : int
    feature_names_in_ : ndarray of str
    out_activation_ : str

    Examples
    --------
    >>> from fastbp.datasets import load_digits
    >>> from fastbp.sklearn import MLPClassifier
    >>> X, y = load_digits()
    >>> classifier = MLPClassifier(random_state=0, early_stopping=True).fit(X / 16, y)
    >>> classifier.predict(X[:3] / 16)
    array([0, 1, 2])
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        loss="log_loss",
        dropout=None,
        batch_norm=False,
        class_weight=None,
        scoring=None,
        dtype="float32",
        n_threads=1,
        callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.class_weight = class_weight
        self.scoring = scoring
        self.dtype = dtype
        self.n_threads = n_threads
        self.callbacks = callbacks

    @stochastic_only
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go through the data once, from the parameters and the state of the solver that the last call left.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like of shape (n_classes,), optional
            All classes that there will be; the first call needs it.

        Returns
        -------
        self
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all rows at once: for partial_fit give {{label: weight}}"
            )
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X):
        """Return the class of each sample, (n_samples,), or its labels, (n_samples, n_labels) of 0 and 1.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        """
        outputs = self._outputs(X)
        if self._objective.by_labels:
            return self.classes_[outputs.argmax(axis=1)]
        told = outputs > self._threshold
        if self._multilabel:
            return told.astype(int)
        return self.classes_[told[:, 0].astype(np.intp) if len(self.classes_) > 1 else np.zeros(len(told), np.intp)]

    def _has_probabilities(self):
        loss = self.loss
        if loss in ("hinge", "squared_hinge") or (not isinstance(loss, str) and getattr(loss, "fused", None) is None):
            raise AttributeError(f"there are no probabilities with loss={loss!r}")
        return True

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Return the probability of each class, in the order of `classes_`, or of each label: (n_samples, n_classes).

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        """
        outputs = self._outputs(X)
        if self._objective.by_labels or self._multilabel:
            return outputs
        if len(self.classes_) == 1:
            return np.ones_like(outputs)
        return np.concatenate([1 - outputs, outputs], axis=1)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X):
        """Return the logarithms of the probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _validated(self, X, y, reset):
        X, y = tables.validated(self, X, reset, y=y, multi_output=True)
        if issparse(y):
            y = y.toarray()
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _read(self, y, first, incremental, classes):
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError("y must name one class a sample, or have a column of 0 and 1 for each label, got columns")
        multilabel = kind == "multilabel-indicator"
        found = np.arange(y.shape[1]) if multilabel else np.unique(y)
        if first:
            if incremental and classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = np.unique(classes) if incremental else found
            self._multilabel = multilabel
        self._check_classes(found, multilabel, first, incremental, classes)
        n_classes = y.shape[1] if multilabel else len(self.classes_)
        objective = objectives.of_classes(self.loss, n_classes, multilabel)
        self.n_outputs_ = objective.n_units
        if multilabel:
            return objective, y.astype(np.float32)
        codes = np.searchsorted(self.classes_, y)
        return objective, codes if objective.by_labels else codes[:, None].astype(np.float32)

    def _check_classes(self, found, multilabel, first, incremental, classes):
        if multilabel != self._multilabel:
            raise ValueError("y must hold what it did before: one class a sample, or a column for each label")
        if classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        if self.warm_start and not (first or incremental) and set(found.tolist()) != set(self.classes_.tolist()):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes_)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )

    def _stratify(self, targets):
        return targets > 0 if self._objective.n_units == 1 else None

    def _class_weighted(self, targets, weights):
        """Return sample weights with those of the classes in them."""
        wanted = self.class_weight
        if self._multilabel:
            raise ValueError(
                "class_weight is for one class a sample, but y has a column for each label: give each sample its "
                "weight, sample_weight=..., instead"
            )
        if isinstance(wanted, dict):
            known = {label: code for code, label in enumerate(self.classes_.tolist())}
            for label in wanted:
                if label not in known:
                    raise ValueError(f"class_weight names the class {label!r}, y has {self.classes_}")
            wanted = {known[label]: weight for label, weight in wanted.items()}
        of_classes = class_weights(wanted, self._objective.loss, targets, self._objective.n_units)
        weights = of_classes if weights is None else of_classes * weights
        if not weights.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} leaves no sample a weight: there would be nothing to learn from"
            )
        return weights

    @property
    def _threshold(self):
        """What divides yes from no in an output."""
        return 0.5 if self._objective.loss.fused else 0.0

    @property
    def _metric(self):
        def accuracy(outputs, targets, sample_weight):
            return self._metric_of(outputs, targets, sample_weight)

        return accuracy

    def _metric_of(self, outputs, targets, sample_weight):
        return validation.right(outputs, targets, sample_weight, self._threshold)


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that tells numbers, one or several for each sample.

    Parameters
    ----------
    loss : str or loss of fastbp, default "squared_error"
        "squared_error" and "poisson" are scikit-learn's, half the squared error and half the deviance (of predictions
        ``exp(z)``); "absolute_error", "huber", "log_cosh", "quantile", "gaussian_nll", fastbp's losses and objects with
        ``value_and_grad(outputs, targets)`` are as docs/losses.md has them.
    scoring : str, callable or "loss", optional
        What `early_stopping` goes by: a scorer of scikit-learn, or the loss; by default R2.

    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, \
shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, n_iter_no_change, max_fun, dropout, batch_norm, dtype, n_threads, callbacks
        As of `MLPClassifier`.

    Attributes
    ----------
    network_, coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_, \
n_iter_, n_layers_, n_outputs_, n_features_in_, t_, feature_names_in_, out_activation_
        As of `MLPClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastbp.sklearn import MLPRegressor
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> regressor = MLPRegressor(solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
    >>> round(regressor.score(X, X[:, 0] ** 2), 2)
    1.0
    """

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dropout=None,
        batch_norm=False,
        scoring=None,
        dtype="float32",
        n_threads=1,
        callbacks=None,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.scoring = scoring
        self.dtype = dtype
        self.n_threads = n_threads
        self.callbacks = callbacks

    @stochastic_only
    def partial_fit(self, X, y, sample_weight=None):
        """Go through the data once, from the parameters and the state of the solver that the last call left.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Return the numbers of each sample, (n_samples,), or (n_samples, n_outputs) of several.

        They are float32 if X is, and float64 otherwise, as scikit-learn's are.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        """
        outputs = self._outputs(X)
        predicted = self._objective.loss.predictions(outputs)
        if getattr(X, "dtype", None) != np.float32:
            predicted = predicted.astype(np.float64, copy=False)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _validated(self, X, y, reset):
        X, y = tables.validated(self, X, reset, y=y, multi_output=True, y_numeric=True)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _read(self, y, first, incremental, classes):
        targets = y.reshape(len(y), -1)
        self.n_outputs_ = targets.shape[1]
        return objectives.of_numbers(self.loss, self.n_outputs_), targets

    @property
    def _metric(self):
        return "r2"

    def _metric_of(self, outputs, targets, sample_weight):
        return metrics.r2(self._objective.loss.predictions(outputs), targets, sample_weight)
