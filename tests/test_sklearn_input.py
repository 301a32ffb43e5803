"""What the estimators take as X: sparse matrices and data frames."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import fastbp
from fastbp._sklearn import tables
from fastbp.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(2)
DENSE = np.where(RNG.random((150, 12)) < 0.2, RNG.normal(size=(150, 12)), 0)
CODES = (DENSE[:, :4].sum(axis=1) > 0) + (DENSE[:, 5] != 0) * 1
WEIGHTS = RNG.random(150)


# Sparse matrices ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(tables, "_ELEMENTS", 12 * 50)


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_matrix])
@pytest.mark.parametrize(
    "settings", [{}, {"shuffle": False}, {"dropout": 0.2, "solver": "sgd", "early_stopping": True}]
)
def test_sparse_is_dense_bit_for_bit(make, settings, small_pieces):
    settings = {**settings, "batch_size": 20, "max_iter": 4, "random_state": 0}
    for weights in (None, WEIGHTS):
        dense = MLPClassifier(**settings).fit(DENSE, CODES, weights)
        sparse = MLPClassifier(**settings).fit(make(DENSE), CODES, weights)
        np.testing.assert_array_equal(dense.network_.params, sparse.network_.params)
        np.testing.assert_array_equal(dense.predict_proba(DENSE), sparse.predict_proba(make(DENSE)))
        np.testing.assert_allclose(dense.loss_curve_, sparse.loss_curve_, rtol=1e-6)
        if "early_stopping" in settings:
            np.testing.assert_allclose(dense.validation_scores_, sparse.validation_scores_)


def test_lbfgs_of_sparse_rows(small_pieces):
    settings = {"solver": "lbfgs", "max_iter": 10, "random_state": 0, "dtype": "float64", "alpha": 0.1}
    for weights in (None, WEIGHTS):
        dense = MLPRegressor(**settings).fit(DENSE, CODES, weights)
        sparse = MLPRegressor(**settings).fit(scipy.sparse.csr_matrix(DENSE), CODES, weights)
        np.testing.assert_allclose(dense.network_.params, sparse.network_.params, rtol=1e-6, atol=1e-9)
        assert dense.loss_ == pytest.approx(sparse.loss_)


def test_the_matrix_is_never_expanded_as_a_whole(monkeypatch):
    sizes = []
    expand = scipy.sparse.csr_matrix.toarray
    monkeypatch.setattr(scipy.sparse.csr_matrix, "toarray", lambda X: sizes.append(X.shape[0]) or expand(X))
    rows, columns = np.arange(600).repeat(5), np.random.default_rng(3).integers(0, 60_000, 3000)
    wide = scipy.sparse.csr_matrix((np.ones(3000), (rows, columns)), (600, 60_000))
    classifier = MLPClassifier(2, max_iter=1, batch_size=10).fit(wide, np.arange(600) % 2)
    classifier.predict(wide)
    assert sum(sizes) == 1200
    assert max(sizes) <= 20


def test_partial_fit_of_sparse_rows():
    dense, sparse = (MLPRegressor(random_state=0, batch_size=10) for _ in range(2))
    for rows in (slice(0, 70), slice(70, 150)):
        dense.partial_fit(DENSE[rows], CODES[rows])
        sparse.partial_fit(scipy.sparse.csr_array(DENSE[rows]), CODES[rows])
    np.testing.assert_array_equal(dense.network_.params, sparse.network_.params)


def test_sparse_with_nan():
    broken = scipy.sparse.csr_matrix(np.where(DENSE > 2, np.nan, DENSE))
    with pytest.raises(ValueError, match="NaN"):
        MLPRegressor().fit(broken, CODES)
    with pytest.raises(ValueError, match="NaN"):
        MLPRegressor(max_iter=1).fit(DENSE, CODES).predict(broken)


# Data frames ----------------------------------------------------------------------------------------------------------

COLOURS = np.array(["red", "green", "blue"])[RNG.integers(0, 3, 150)]
SIZES = RNG.normal(size=150)
PRICES = SIZES + np.where(COLOURS == "red", 3, np.where(COLOURS == "blue", -1, 0))


def as_strings(library, colours=COLOURS):
    return library.DataFrame({"size": SIZES[: len(colours)], "colour": colours, "count": np.arange(len(colours)) % 3})


def pandas_category():
    frame = as_strings(pd)
    return frame.assign(colour=frame["colour"].astype("category"))


def polars_category():
    polars = pytest.importorskip("polars")
    return as_strings(polars).with_columns(polars.col("colour").cast(polars.Categorical))


def polars_strings():
    return as_strings(pytest.importorskip("polars"))


FRAMES = {
    "pandas strings": lambda: as_strings(pd),
    "pandas objects": lambda: as_strings(pd).astype({"colour": object}),
    "pandas category": pandas_category,
    "polars strings": polars_strings,
    "polars category": polars_category,
}


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_of_categories(frame):
    X = FRAMES[frame]()
    settings = {"random_state": 0, "learning_rate_init": 0.02, "max_iter": 100}
    regressor = MLPRegressor(**settings).fit(X, PRICES, eval_set=(X, PRICES))
    assert regressor.score(X, PRICES) > 0.95
    assert regressor.n_features_in_ == 3
    assert list(regressor.feature_names_in_) == ["size", "colour", "count"]
    assert isinstance(regressor.network_.layers[0], fastbp.Embedding)
    assert [w.shape for w in regressor.coefs_] == [(4, 100), (100, 1)]
    np.testing.assert_array_equal(regressor.predict(X), MLPRegressor(**settings).fit(as_strings(pd), PRICES).predict(X))
    assert regressor.predict(X[:1]).shape == (1,)


def test_categories_are_partly_fitted_and_stopped_early():
    X = as_strings(pd)
    regressor = MLPRegressor(random_state=0).partial_fit(X, PRICES)
    regressor.partial_fit(X[:20], PRICES[:20])
    stopped = MLPRegressor(early_stopping=True, scoring="r2", random_state=0).fit(X, PRICES)
    assert stopped.best_validation_score_ == max(stopped.validation_scores_)
    in_columns = MLPClassifier(max_iter=2).fit(X[["colour"]], COLOURS)
    assert set(in_columns.predict(X[["colour"]])) <= set(COLOURS)


def test_frames_of_numbers_are_arrays():
    X = pd.DataFrame(DENSE).add_prefix("x").astype({"x3": object})
    settings = {"random_state": 0, "max_iter": 2}
    regressor = MLPRegressor(**settings).fit(X, CODES)
    np.testing.assert_array_equal(regressor.predict(X), MLPRegressor(**settings).fit(DENSE, CODES).predict(DENSE))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        regressor.predict(DENSE)


def test_dates_are_no_numbers():
    X = as_strings(pd).assign(day=pd.date_range("2020-01-01", periods=150))
    with pytest.raises(ValueError, match=r"column 'day' holds dates or durations, datetime64.*: make numbers of them"):
        MLPRegressor().fit(X, PRICES)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_categories_that_are_not_known():
    X = as_strings(pd)
    regressor = MLPRegressor(max_iter=1).fit(X, PRICES)
    with pytest.raises(
        ValueError, match=r"column 'colour' holds the category 'pink', which was not there in fit: it knows 'blue'"
    ):
        regressor.predict(X.assign(colour="pink"))
    with pytest.raises(
        ValueError, match="X must be a data frame, for the columns 'colour' hold categories, got ndarray"
    ):
        regressor.predict(DENSE[:, :3])
    with pytest.raises(ValueError, match="feature names should match"):
        regressor.predict(X.rename(columns={"size": "width"}))
    missing = X.copy()
    missing.loc[7, "colour"] = None
    with pytest.raises(ValueError, match="column 'colour' lacks the category of row 7"):
        regressor.predict(missing)
    with pytest.raises(ValueError, match="NaN"):
        regressor.predict(X.assign(size=np.nan))
    with pytest.raises(ValueError, match="holds values of several types"):
        MLPRegressor().fit(X.assign(colour=[1, "red"] * 75), PRICES)
