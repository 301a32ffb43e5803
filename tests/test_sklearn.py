"""The estimators are scikit-learn's: they pass its checks, and do what its own do, number for number."""

import copy
import pickle

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import has_fit_parameter

import fastbp
from fastbp import sklearn as estimators
from fastbp.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Checks that skip themselves here: there is no decision_function, and SciPy's array API is not switched on.
ABSENT = ("check_classifiers_multilabel_output_format_decision_function", "check_array_api_input")
# In float32 a weight of 2 and two rows differ by its rounding. In float64 they do not.
EXPECTED = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
CHECKED = [
    MLPClassifier(max_iter=25, learning_rate_init=0.01),
    MLPRegressor(max_iter=25, learning_rate_init=0.01),
    MLPClassifier(solver="sgd", learning_rate_init=0.1, activation=["tanh"], max_iter=12, dtype="float64"),
    MLPRegressor(solver="lbfgs", hidden_layer_sizes=4, max_iter=6, dtype="float64"),
    MLPClassifier(30, loss="hinge", learning_rate_init=0.02, max_iter=25, dtype="float64"),
    MLPRegressor("huber", (8, 4), ["gelu", "silu"], learning_rate_init=0.02, max_iter=15, dtype="float64"),
]


def checks():
    for number, estimator in enumerate(CHECKED):
        for instance, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            if name not in ABSENT and (hasattr(estimator, "predict_proba") or not name.endswith("predict_proba")):
                yield pytest.param(instance, check, id=f"{number}-{name}")


@pytest.mark.thread_unsafe(reason="catches warnings, which are the whole process's")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_checks_of_sklearn(estimator, check):
    if estimator.dtype == "float32" and check.func.__name__ in EXPECTED:
        with pytest.raises(AssertionError, match="fitting with `sample_weight` is not equivalent"):
            check(estimator)
    else:
        check(estimator)


# The same numbers -----------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X = RNG.normal(size=(130, 5))
X[:, 4] *= 1e-6  # whose gradients are as small as Adam's epsilon
WEIGHTS = RNG.random(130)
CODES = RNG.integers(0, 3, 130)
PROBLEMS = {
    "classes": ("MLPClassifier", np.array(["low", "mid", "top"])[CODES], {}),
    "two classes": ("MLPClassifier", CODES > 0, {}),
    "labels": ("MLPClassifier", RNG.integers(0, 2, (130, 4)), {}),
    "numbers": ("MLPRegressor", X[:, 0] + RNG.normal(size=130), {}),
    "several numbers": ("MLPRegressor", X[:, :3] @ RNG.normal(size=(3, 2)), {}),
    "counts": ("MLPRegressor", RNG.poisson(np.exp(X[:, 0])).astype(float), {"loss": "poisson"}),
}
SOLVERS = {
    "sgd": {"solver": "sgd"},
    "momentum": {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False, "activation": "tanh"},
    "plain": {"solver": "sgd", "momentum": 0, "activation": "identity", "alpha": 0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.4},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e3, "n_iter_no_change": 1},
    "adam": {"solver": "adam", "activation": "logistic"},
}
COMMON = {"hidden_layer_sizes": (6, 4), "alpha": 0.1, "shuffle": False, "random_state": 3, "learning_rate_init": 0.01}


def pair(problem, **settings):
    """The estimator of scikit-learn and ours for a problem, both in float64."""
    name, y, extra = PROBLEMS[problem]
    settings = {**COMMON, **extra, **settings}
    if "loss" in extra and "loss" not in neural_network.MLPRegressor().get_params():
        pytest.skip("scikit-learn has this loss since 1.7")
    return getattr(neural_network, name)(**settings), getattr(estimators, name)(**settings, dtype="float64"), y


def distance(theirs, ours):
    arrays = zip([*theirs.coefs_, *theirs.intercepts_], [*ours.coefs_, *ours.intercepts_], strict=True)
    return max(np.abs(a - b).max() for a, b in arrays)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_it_takes_the_steps_of_sklearn(problem, solver):
    theirs, ours, y = pair(problem, **SOLVERS[solver], max_iter=4, batch_size=32)  # the last batch has 2 samples
    theirs.fit(X, y), ours.fit(X, y)
    assert distance(theirs, ours) < 1e-12
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(theirs, name) == getattr(ours, name)
    if is_classifier(ours):
        np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))
        np.testing.assert_allclose(theirs.predict_log_proba(X), ours.predict_log_proba(X))
    else:
        np.testing.assert_allclose(theirs.predict(X), ours.predict(X))
    assert theirs.score(X, y) == pytest.approx(ours.score(X, y))
    if problem != "several numbers":  # there the penalty is averaged too
        np.testing.assert_allclose(theirs.loss_curve_, ours.loss_curve_, rtol=1e-12)
        assert theirs.best_loss_ == pytest.approx(ours.best_loss_, rel=1e-12)


@pytest.mark.parametrize(("problem", "solver"), [("classes", "sgd"), ("labels", "adam"), ("several numbers", "adam")])
def test_it_weights_samples_as_sklearn_does(problem, solver):
    theirs, ours, y = pair(problem, solver=solver, max_iter=3, batch_size=32)
    if not has_fit_parameter(
        theirs, "sample_weight"
    ):  # as before scikit-learn 1.7: repetitions are the same, in batches
        whole = {"batch_size": 260, "max_iter": 3}
        repeated = np.repeat(np.arange(130), 2)
        theirs, ours = (estimator.set_params(**whole) for estimator in (copy.deepcopy(ours), ours))
        theirs.fit(X[repeated], y[repeated]), ours.set_params(batch_size=130).fit(X, y, np.full(130, 2.0))
    else:
        theirs.fit(X, y, WEIGHTS), ours.fit(X, y, WEIGHTS)
    assert distance(theirs, ours) < 1e-12


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_from_a_start_that_is_copied(solver):
    theirs, ours, y = pair("classes", solver=solver, max_iter=1, random_state=None, warm_start=True)
    theirs.fit(X, y), ours.fit(X, y)
    assert distance(theirs, ours) > 0.01
    ours.coefs_ = theirs.coefs_
    for view, start in zip(ours.intercepts_, theirs.intercepts_, strict=True):
        view[...] = start
    theirs.fit(X, y), ours.fit(X, y)
    assert distance(theirs, ours) < 1e-12
    assert ours.loss_curve_[0] != ours.loss_curve_[1] == pytest.approx(theirs.loss_curve_[1])


@pytest.mark.parametrize("problem", ["classes", "two classes", "numbers"])
def test_partial_fit(problem):
    theirs, ours, y = pair(problem)
    for rows in (slice(50), slice(50, 60), slice(60, 130)):
        for estimator in (theirs, ours):
            known = {"classes": np.unique(y)} if problem != "numbers" else {}
            estimator.partial_fit(X[rows], y[rows], **known)
            assert estimator.n_iter_ == 1
    assert distance(theirs, ours) < 1e-12
    assert theirs.t_ == ours.t_ == 130


@pytest.mark.parametrize("problem", ["two classes", "classes", "numbers"])
def test_early_stopping_holds_back_the_same_rows(problem):
    settings = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 30, "n_iter_no_change": 3}
    theirs, ours, y = pair(problem, **settings, learning_rate_init=0.05)
    y = CODES if problem == "classes" else y  # scikit-learn 1.6 cannot score strings here
    theirs.fit(X, y), ours.fit(X, y)
    assert distance(theirs, ours) < 1e-12
    np.testing.assert_allclose(theirs.validation_scores_, ours.validation_scores_)
    assert theirs.best_validation_score_ == pytest.approx(ours.best_validation_score_)
    assert ours.best_loss_ is None
    assert theirs.n_iter_ == ours.n_iter_ < 30


def test_it_stops_when_sklearn_does(capsys):
    theirs, ours, y = pair("numbers", solver="sgd", tol=0.01, n_iter_no_change=2, verbose=True)
    theirs.fit(X, y)
    printed = capsys.readouterr().out
    ours.fit(X, y)
    assert theirs.n_iter_ == ours.n_iter_ < 200
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("problem", ["classes", "labels", "numbers", "counts"])
def test_lbfgs_finds_the_minimum_that_sklearn_finds(problem):
    theirs, ours, y = pair(problem, solver="lbfgs", activation="tanh", alpha=1.0, max_iter=15, hidden_layer_sizes=3)
    theirs.fit(X, y), ours.fit(X, y)
    assert distance(theirs, ours) < 1e-6
    assert theirs.loss_ == pytest.approx(ours.loss_, rel=1e-9)
    assert theirs.n_iter_ == ours.n_iter_ == 15
    in_float32 = copy.deepcopy(ours).set_params(dtype="float32").fit(X, y)
    assert in_float32.network_.dtype == np.float32
    assert distance(theirs, in_float32) < 1e-4


@pytest.mark.parametrize("max_fun", [1, 5, 9])
def test_lbfgs_ends_after_as_many_calls_as_that_of_sklearn(max_fun):
    theirs, ours, y = pair("numbers", solver="lbfgs", alpha=1.0, max_iter=50, max_fun=max_fun)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        theirs.fit(X, y)
    with pytest.warns(ConvergenceWarning, match=f"max_fun={max_fun} calls of the loss exceeded"):
        ours.fit(X, y)
    assert theirs.n_iter_ == ours.n_iter_ < 50
    assert distance(theirs, ours) < 1e-9


def test_lbfgs_with_nothing_to_gain():
    y = 10 * X[:, 0]
    regressor = MLPRegressor(solver="lbfgs", tol=1e9, random_state=0).fit(X, y)
    assert regressor.n_iter_ == 0
    half_square = ((y - regressor.predict(X)) ** 2).mean() / 2
    assert half_square < regressor.loss_ < 1.01 * half_square  # and the penalty


def test_warnings_that_users_know():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached") as caught:
        MLPRegressor(max_iter=2).fit(X, CODES)
    assert caught[0].filename == __file__
    with pytest.warns(ConvergenceWarning, match=r"(?s)lbfgs failed to converge.*max_iter=2") as caught:
        MLPRegressor(solver="lbfgs", max_iter=2).fit(X, CODES)
    assert caught[0].filename == __file__
    known = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
    with pytest.warns(UserWarning, match=f"{known}: batch_size=131, there are 130 samples") as caught:
        MLPRegressor(batch_size=131, max_iter=500, tol=1).fit(X, CODES)
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        MLPRegressor(solver="sgd", learning_rate_init=1e3).fit(X, CODES)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        MLPRegressor(solver="lbfgs", dtype="float64").fit(1e300 * X, CODES)


# What is fitted is a network ------------------------------------------------------------------------------------------


def test_coefs_are_views():
    classifier = MLPClassifier(max_iter=2, hidden_layer_sizes=(4, 3), random_state=0).fit(X, CODES)
    assert isinstance(classifier.network_, fastbp.Network)
    assert [w.shape for w in classifier.coefs_] == [(5, 4), (4, 3), (3, 3)]
    classifier.coefs_[1] *= 0
    classifier.intercepts_[2] = [1, 2, 3]
    classifier.intercepts_[1][:] = 0
    weights = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    np.testing.assert_allclose(classifier.predict_proba(X), [weights] * len(X), rtol=1e-5)
    with pytest.raises(ValueError, match=r"keep their shape, \(4, 3\), got \(3, 4\)"):
        classifier.coefs_[1] = np.zeros((3, 4))
    with pytest.raises(ValueError, match="must have 3 arrays, one a layer, got 2"):
        classifier.coefs_ = classifier.coefs_[:2]
    with pytest.raises(TypeError, match="one array at a time"):
        classifier.coefs_[:] = []


def test_before_it_is_fitted():
    classifier = MLPClassifier()
    assert not hasattr(classifier, "coefs_")
    with pytest.raises(NotFittedError):
        classifier.predict(X)
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'"):
        MLPRegressor(solver="lbfgs").partial_fit(X, CODES)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_pickle_goes_on_where_it_was(solver):
    first = MLPClassifier(solver=solver, random_state=0).partial_fit(X, CODES, classes=[0, 1, 2])
    second = pickle.loads(pickle.dumps(first))
    for classifier in (first, second):
        classifier.partial_fit(X, CODES)
    np.testing.assert_array_equal(first.network_.params, second.network_.params)
    assert second._trainer.network is second.network_


def test_predictions_of_one_row_are_those_of_many():
    classifier = MLPClassifier(max_iter=3, random_state=0).fit(X, CODES)
    regressor = MLPRegressor(max_iter=3, random_state=0).fit(X, CODES)
    np.testing.assert_array_equal([classifier.predict(x[None])[0] for x in X], classifier.predict(X))
    np.testing.assert_array_equal([regressor.predict(x[None])[0] for x in X], regressor.predict(X))
    np.testing.assert_array_equal(regressor.predict(X.tolist()), regressor.predict(np.asfortranarray(X)))
    assert regressor.predict(X).dtype == np.float64
    assert regressor.predict(X.astype(np.float32)).dtype == np.float32
    assert classifier.predict_proba(X).dtype == np.float32


def test_settings_can_change_between_calls():
    regressor = MLPRegressor(solver="sgd", random_state=0, hidden_layer_sizes=4, batch_size=10)
    regressor.partial_fit(X, CODES)
    before = regressor.network_.params.copy()
    regressor.set_params(learning_rate_init=1e-9).partial_fit(X, CODES)
    assert 0 < np.abs(regressor.network_.params - before).max() < 1e-6
    regressor.set_params(alpha=100.0).partial_fit(X, CODES)
    assert regressor.network_.layers[0].l2 == 100.0
    with pytest.raises(ValueError, match="hidden_layer_sizes, batch_norm and loss must stay what they were"):
        regressor.set_params(hidden_layer_sizes=5).partial_fit(X, CODES)
