"""What the estimators can do that scikit-learn's own cannot."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, mean_pinball_loss

import fastbp
from fastbp.layers import Activation, BatchNorm, Dense, Dropout
from fastbp.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(1)
X = RNG.normal(size=(300, 4))
CODES = (X[:, 0] > 0.5) + (X[:, 1] > 0) * 1
NAMES = np.array(["low", "mid", "top"])[CODES]
LABELS = np.stack([X[:, 0] > 0, X[:, 1] > 0.3, X[:, 0] + X[:, 2] > 0], axis=1).astype(int)
NUMBERS = X[:, 0] ** 2 + X[:, 1]
WEIGHTS = RNG.random(300)
QUICK = {"learning_rate_init": 0.01, "random_state": 0, "max_iter": 60}


def kinds(estimator):
    return [type(layer) for layer in estimator.network_.layers]


# Networks -------------------------------------------------------------------------------------------------------------


def test_an_activation_a_layer():
    regressor = MLPRegressor(hidden_layer_sizes=(5, 4), activation=["gelu", "logistic"], max_iter=1).fit(X, NUMBERS)
    assert [layer.activation for layer in regressor.network_.layers] == ["gelu", "sigmoid", "identity"]


def test_dropout_and_batch_norm():
    both = MLPClassifier((16, 8), dropout=[0.1, 0.3], batch_norm=True, **QUICK).fit(X, NAMES)
    assert kinds(both) == [Dense, BatchNorm, Activation, Dropout] * 2 + [Dense]
    assert [layer.rate for layer in both.network_.layers if isinstance(layer, Dropout)] == [0.1, 0.3]
    assert [w.shape for w in both.coefs_] == [(4, 16), (16, 8), (8, 3)]
    assert both.score(X, NAMES) > 0.9
    assert kinds(MLPClassifier((6, 5), dropout=0.2, max_iter=1).fit(X, NAMES)).count(Dropout) == 2
    assert Dropout not in kinds(MLPClassifier(6, dropout=0, max_iter=1).fit(X, NAMES))


@pytest.mark.parametrize("n", [2, 3, 7, 201])
def test_batch_norm_never_meets_a_single_sample(n):
    for batch_size in (2, 3, "auto"):
        if batch_size == "auto" or batch_size <= n:
            MLPRegressor(hidden_layer_sizes=4, batch_norm=True, batch_size=batch_size, max_iter=1).fit(
                X[:n], NUMBERS[:n]
            )
    with pytest.raises(ValueError, match="at least 2 samples, got n_samples=1"):
        MLPRegressor(hidden_layer_sizes=4, batch_norm=True).fit(X[:1], NUMBERS[:1])


def test_dtypes():
    for given in (np.float32, np.float64):
        for dtype, kept in (("float32", np.float32), ("float64", np.float64), ("auto", given)):
            regressor = MLPRegressor(hidden_layer_sizes=4, dtype=dtype, max_iter=1).fit(X.astype(given), NUMBERS)
            assert regressor.network_.dtype == kept
            assert regressor.coefs_[0].dtype == kept


def test_any_number_of_threads(all_threads):
    one, three = (MLPClassifier(n_threads=n, max_iter=3, random_state=0).fit(X, NAMES) for n in (1, 3))
    np.testing.assert_array_equal(one.network_.params, three.network_.params)
    np.testing.assert_array_equal(one.predict_proba(X), three.predict_proba(X))


def test_without_hidden_layers():
    plain, of_none = (MLPRegressor(hidden_layer_sizes=(), activation=a, **QUICK).fit(X, X[:, 0]) for a in ("relu", []))
    assert [w.shape for w in of_none.coefs_] == [(4, 1)]
    np.testing.assert_array_equal(plain.coefs_[0], of_none.coefs_[0])


# Losses ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss", ["focal", "hinge", "squared_hinge", fastbp.CrossEntropy(label_smoothing=0.1), fastbp.FocalCrossEntropy(1.0)]
)
def test_losses_of_classes(loss):
    for y in (NAMES, CODES > 0):
        classifier = MLPClassifier(loss=loss, **QUICK).fit(X, y)
        assert classifier.score(X, y) > 0.93
        assert hasattr(classifier, "predict_proba") == (loss not in ("hinge", "squared_hinge"))


@pytest.mark.parametrize("loss", ["log_loss", "focal", "hinge", fastbp.BinaryCrossEntropy()])
def test_losses_of_labels(loss):
    classifier = MLPClassifier(loss=loss, **QUICK).fit(X, LABELS)
    told = classifier.predict(X)
    assert told.shape == LABELS.shape
    assert told.dtype.kind == "i"
    assert classifier.score(X, LABELS) == accuracy_score(LABELS, told) > 0.8
    if loss != "hinge":
        np.testing.assert_array_equal(told, classifier.predict_proba(X) > 0.5)


def test_one_of_two_classes_by_softmax():
    classifier = MLPClassifier(loss=fastbp.CrossEntropy(), **QUICK).fit(X, CODES > 0)
    assert classifier.out_activation_ == "softmax"
    assert classifier.predict_proba(X).shape == (300, 2)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", "gaussian_nll", fastbp.Huber(0.5)])
def test_losses_of_numbers(loss):
    settings = {**QUICK, "max_iter": 150}
    regressor = MLPRegressor(loss, **settings).fit(X, NUMBERS)
    assert regressor.score(X, NUMBERS) > 0.8
    two = MLPRegressor(loss, **settings).fit(X, np.stack([NUMBERS, -NUMBERS], axis=1))
    assert two.predict(X).shape == (300, 2)
    assert two.n_outputs_ == 2
    assert two.score(X, np.stack([NUMBERS, -NUMBERS], axis=1)) > 0.8


def test_a_quantile():
    noisy = NUMBERS + np.random.default_rng(2).normal(size=300)
    regressor = MLPRegressor(fastbp.Quantile(0.9), **QUICK).fit(X, noisy)
    assert 0.85 < np.mean(noisy < regressor.predict(X)) < 0.95
    assert mean_pinball_loss(noisy, regressor.predict(X), alpha=0.9) < 0.25


def test_a_loss_of_ones_own():
    class Quartic:
        def value_and_grad(self, outputs, targets):
            error = outputs - targets
            return (error**4).mean(axis=1), 4 * error**3 / error.shape[1]

    assert MLPRegressor(Quartic(), **QUICK).fit(X, NUMBERS).score(X, NUMBERS) > 0.5


# Weights --------------------------------------------------------------------------------------------------------------


def test_class_weights_multiply_sample_weights():
    settings = {"random_state": 0, "max_iter": 3, "dtype": "float64"}
    weights = np.where(NAMES == "mid", 5.0, np.where(NAMES == "low", 0.5, 1.0))
    expected = MLPClassifier(**settings).fit(X, NAMES, WEIGHTS * weights).network_.params
    given = MLPClassifier(class_weight={"mid": 5, "low": 0.5}, **settings).fit(X, NAMES, WEIGHTS).network_.params
    np.testing.assert_allclose(given, expected, rtol=1e-12)
    partial = MLPClassifier(class_weight={"mid": 5, "low": 0.5}, **settings).partial_fit(
        X, NAMES, classes=np.unique(NAMES)
    )
    np.testing.assert_allclose(
        partial.network_.params,
        MLPClassifier(**settings).partial_fit(X, NAMES, weights, np.unique(NAMES)).network_.params,
    )


def test_balanced_classes():
    y = X[:, 0] + np.random.default_rng(2).normal(size=300) > 1.5  # a few
    settings = {**QUICK, "max_iter": 300}  # until the start does not matter
    plain, balanced = (MLPClassifier((), class_weight=w, **settings).fit(X, y) for w in (None, "balanced"))
    scores = [balanced_accuracy_score(y, each.predict(X)) for each in (plain, balanced)]
    assert scores[1] > scores[0] + 0.1


def test_samples_of_no_weight_do_not_count():
    weights = np.arange(300) < 150
    y = np.where(weights, NUMBERS, 1e6)
    regressor = MLPRegressor(**QUICK).fit(X, y, weights)
    assert regressor.score(X, y, weights) > 0.8


# Validation -----------------------------------------------------------------------------------------------------------


def test_an_eval_set_is_scored():
    classifier = MLPClassifier(random_state=0, max_iter=5)
    for given in ((X[200:], NAMES[200:]), [(X[200:], NAMES[200:])]):
        classifier.fit(X[:200], NAMES[:200], eval_set=given)
        assert len(classifier.validation_scores_) == 5
        assert classifier.validation_scores_[-1] == pytest.approx(classifier.score(X[200:], NAMES[200:]))
        assert classifier.best_loss_ == min(classifier.loss_curve_)
    classifier.fit(X[:200], NAMES[:200], eval_set=(X[200:], NAMES[200:], WEIGHTS[200:]))
    assert classifier.validation_scores_[-1] == pytest.approx(classifier.score(X[200:], NAMES[200:], WEIGHTS[200:]))


def likelihood(classifier, X, y):
    """A scorer of one's own: the mean logarithm of the probability of the right class."""
    return -log_loss(y, classifier.predict_proba(X))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("scoring", [None, "loss", "balanced_accuracy", likelihood])
def test_early_stopping_restores_the_best(scoring, sparse):
    as_given = csr_matrix if sparse else np.asarray
    y = CODES.copy()
    y[:250:3] = np.random.default_rng(2).integers(0, 3, len(y[:250:3]))  # something to overfit to
    classifier = MLPClassifier(
        early_stopping=True,
        scoring=scoring,
        learning_rate_init=0.05,
        random_state=0,
        n_iter_no_change=5,
        dtype="float64",
    )
    classifier.fit(as_given(X[:250]), y[:250], eval_set=(as_given(X[250:]), y[250:]))
    scores = classifier.validation_scores_
    assert classifier.n_iter_ == len(scores) < 200
    assert classifier.best_validation_score_ == max(scores)
    assert scores.index(max(scores)) < len(scores) - 1
    penalty = classifier.alpha / 2 * sum((w**2).sum() for w in classifier.coefs_) / 50
    best = {
        None: lambda: classifier.score(X[250:], y[250:]),
        "balanced_accuracy": lambda: balanced_accuracy_score(y[250:], classifier.predict(X[250:])),
        "loss": lambda: likelihood(classifier, X[250:], y[250:]) - penalty,
        likelihood: lambda: likelihood(classifier, X[250:], y[250:]),
    }[scoring]()
    assert max(scores) == pytest.approx(best)


def test_early_stopping_of_what_is_like_an_array():
    class Like:
        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.array, dtype)

    settings = {"early_stopping": True, "max_iter": 2, "random_state": 0, "scoring": "balanced_accuracy"}
    like = MLPClassifier(**settings).fit(Like(X), Like(NAMES))
    np.testing.assert_array_equal(like.predict(X), MLPClassifier(**settings).fit(X, NAMES).predict(X))


def test_early_stopping_that_diverges_keeps_the_best():
    regressor = MLPRegressor(solver="sgd", learning_rate_init=0.3, early_stopping=True, random_state=0, batch_size=10)
    with pytest.warns(ConvergenceWarning, match="diverged.* The best parameters so far are kept"):
        regressor.fit(30 * X, 100 * NUMBERS)
    assert np.isnan(regressor.validation_scores_[-1])
    assert np.isfinite(regressor.network_.params).all()


def test_callbacks():
    seen = []

    class Look(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            seen.append(sorted(logs))
            trainer.stop_training = epoch == 2

    classifier = MLPClassifier(callbacks=Look()).fit(X, NAMES, eval_set=(X, NAMES))
    assert seen == [["loss", "val_accuracy", "val_loss"]] * 3
    assert classifier.n_iter_ == 3
    best = fastbp.EarlyStopping("val_r2", patience=2)
    regressor = MLPRegressor(callbacks=[best], **QUICK).fit(X, NUMBERS, eval_set=(X, NUMBERS))
    assert regressor.score(X, NUMBERS) == pytest.approx(best.best, rel=1e-5)


def test_a_model_file(tmp_path):
    regressor = MLPRegressor(max_iter=2).fit(X, NUMBERS)
    regressor.network_.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(fastbp.Network.load(tmp_path / "model.npz").predict(X)[:, 0], regressor.predict(X))


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"momentum": 1.0}, ValueError, "less than 1, got 1.0: with 1 no gradient is ever forgotten"),
        ({"activation": "softmax"}, ValueError, "activation must be one of logistic, identity"),
        ({"activation": ["relu", "tanh"]}, ValueError, "one for all 1 hidden layers or one for each"),
        ({"hidden_layer_sizes": (3, 0)}, ValueError, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
        ({"hidden_layer_sizes": (3, 2.5)}, TypeError, "hidden_layer_sizes must be integers"),
        ({"solver": "rprop"}, ValueError, "solver must be one of lbfgs, sgd, adam, got 'rprop'"),
        ({"dropout": 1.0}, ValueError, "dropout must be at least 0 and less than 1"),
        ({"solver": "lbfgs", "dropout": 0.1}, ValueError, 'dropout=0.1 cannot be had with solver="lbfgs"'),
        ({"solver": "lbfgs", "batch_norm": True}, ValueError, 'batch_norm=True cannot be had with solver="lbfgs"'),
        ({"solver": "lbfgs", "callbacks": [fastbp.Timer()]}, ValueError, 'cannot be had with solver="lbfgs"'),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an integer or 'auto', got 2.5"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be at least 1"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of float32, float64, auto"),
        ({"learning_rate": 0.1}, ValueError, "learning_rate must be one of constant, invscaling, adaptive, got 0.1"),
        (
            {"loss": "squared_error"},
            ValueError,
            "loss must be one of log_loss, focal, hinge, squared_hinge or a fastbp",
        ),
        ({"loss": fastbp.SquaredError()}, ValueError, "loss must be one of classes"),
        ({"loss": fastbp.BinaryCrossEntropy()}, ValueError, "two classes or several labels, y has 3 classes"),
        ({"class_weight": {"none": 2}}, ValueError, "class_weight names the class 'none', y has"),
        ({"class_weight": "heavy"}, TypeError, 'must be "balanced" or a dict'),
        ({"callbacks": [print]}, TypeError, "callbacks must be fastbp.Callback objects"),
        ({"scoring": "none", "early_stopping": True}, ValueError, "none"),
    ],
)
def test_settings_that_make_no_sense(settings, error, message):
    with pytest.raises(error, match=message):
        MLPClassifier(**settings).fit(X, NAMES)


def test_arguments_that_make_no_sense():
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(300,\), one a sample, got \(299,\)"):
        MLPClassifier().fit(X, NAMES, np.ones(299))
    with pytest.raises(ValueError, match="zero for every sample"):
        MLPRegressor().fit(X, NUMBERS, np.zeros(300))
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(early_stopping=True).fit(X[:10], NUMBERS[:10])
    with pytest.raises(ValueError, match="does not support early_stopping"):
        MLPRegressor(early_stopping=True).partial_fit(X, NUMBERS)
    with pytest.raises(ValueError, match="eval_set is scored after each epoch"):
        MLPRegressor(solver="lbfgs").fit(X, NUMBERS, eval_set=(X, NUMBERS))
    for n_rows, fraction, why in ((1, 0.1, "train set will be empty"), (300, 0.0, "range"), (300, 0.999, "empty")):
        with pytest.raises(ValueError, match=rf"(?s)fraction={fraction:g} .*{n_rows} rows.*{why}.*or another fraction"):
            MLPRegressor(early_stopping=True, validation_fraction=fraction).fit(X[:n_rows], NUMBERS[:n_rows])
    with pytest.raises(ValueError, match=r"holds back validation_fraction=0.1 .* 5 rows"):
        MLPClassifier(early_stopping=True).fit(X[:5], [0, 1, 0, 1, 1])
    with pytest.raises(TypeError, match=r"eval_set must be .*, got a ndarray"):
        MLPRegressor().fit(X, NUMBERS, eval_set=X)
    with pytest.raises(ValueError, match="loss must be one of numbers"):
        MLPRegressor(fastbp.CrossEntropy()).fit(X, NUMBERS)
    with pytest.raises(ValueError, match=r"y must be at least 0 for Poisson\(log_input=True\), got"):
        MLPRegressor("poisson").fit(X, NUMBERS)
    with pytest.raises(ValueError, match="class_weight is for one class a sample, but y has a column for each label"):
        MLPClassifier(class_weight="balanced").fit(X, LABELS)
    with pytest.raises(ValueError, match="leaves no sample a weight"):
        MLPClassifier(class_weight={0: 0, 1: 0, 2: 0}).fit(X, CODES)
    with pytest.raises(ValueError, match="must name one class a sample, or have a column"):
        MLPClassifier().fit(X, np.stack([CODES, CODES], axis=1))
    with pytest.raises(ValueError, match="is for classes that exclude each other"):
        MLPClassifier(loss=fastbp.CrossEntropy()).fit(X, LABELS)
    for too_large in (X * 1e300, csr_matrix(X * 1e300)):
        with pytest.raises(ValueError, match=r"must be finite as float32, got .* at \[0.*\]: scale it"):
            MLPRegressor().fit(too_large, NUMBERS)
    with pytest.raises(TypeError, match=r"loss must be .* got \(50,\): .* write hidden_layer_sizes=..."):
        MLPRegressor((50,)).fit(X, NUMBERS)


def test_classes_that_are_not_known():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, NAMES)
    classifier = MLPClassifier().partial_fit(X[:9], NAMES[:9], classes=["low", "mid", "top"])
    before = classifier.network_.params.copy()
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`.*'other'"):
        classifier.partial_fit(X[:2], ["low", "other"])
    with pytest.raises(ValueError, match="not the same as on last call"):
        classifier.partial_fit(X[:2], ["low", "mid"], classes=["low", "mid"])
    with pytest.raises(ValueError, match="what it did before"):
        classifier.partial_fit(X, LABELS)
    with pytest.raises(ValueError, match="needs all rows at once"):
        MLPClassifier(class_weight="balanced").partial_fit(X, NAMES, classes=np.unique(NAMES))
    np.testing.assert_array_equal(classifier.network_.params, before)
    warm = MLPClassifier(warm_start=True, max_iter=1).fit(X, NAMES)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        warm.fit(X, NAMES == "low")
