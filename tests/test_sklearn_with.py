"""The estimators within scikit-learn's tools."""

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_html_repr

from fastbp.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = make_classification(200, 6, n_informative=4, class_sep=2, random_state=0)
NAMES = np.array(["no", "yes"])[y]
CLASSIFIER = MLPClassifier(20, learning_rate_init=0.02, max_iter=30, random_state=0)


def test_pipelines_and_columns():
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"]).assign(kind=NAMES)
    columns = ColumnTransformer([("numbers", StandardScaler(), ["a", "b"]), ("kinds", OneHotEncoder(), ["kind"])])
    assert make_pipeline(columns, clone(CLASSIFIER)).fit(frame, NAMES).score(frame, NAMES) > 0.95
    as_frame = make_pipeline(StandardScaler(), clone(CLASSIFIER)).set_output(transform="pandas").fit(frame[["a"]], y)
    assert list(as_frame[-1].feature_names_in_) == ["a"]


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches(search):
    found = search(clone(CLASSIFIER), {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [9, (8, 4)]}, cv=2).fit(X, NAMES)
    assert found.score(X, NAMES) > 0.8
    assert found.best_estimator_.network_.n_out == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # where other tests have left threads
@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_jobs(backend):
    alone = cross_val_score(clone(CLASSIFIER), X, NAMES, cv=2)
    with joblib.parallel_backend(backend):
        np.testing.assert_array_equal(cross_val_score(clone(CLASSIFIER), X, NAMES, cv=2, n_jobs=2), alone)
    assert alone.mean() > 0.85


def test_ensembles():
    calibrated = CalibratedClassifierCV(clone(CLASSIFIER), cv=2).fit(X, NAMES)
    bagged = BaggingClassifier(clone(CLASSIFIER), n_estimators=3, random_state=0).fit(X, NAMES)
    stacked = StackingClassifier([("net", clone(CLASSIFIER)), ("line", LogisticRegression())], cv=2).fit(X, NAMES)
    for ensemble in (calibrated, bagged, stacked):
        assert ensemble.score(X, NAMES) > 0.85
        np.testing.assert_allclose(ensemble.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


def test_importances():
    useless = np.column_stack([X, np.zeros(len(X))])
    fitted = clone(CLASSIFIER).fit(useless, NAMES)
    importances = permutation_importance(fitted, useless, NAMES, n_repeats=2, random_state=0).importances_mean
    assert importances[-1] == 0
    assert importances.max() > 0.05


def test_metadata_is_routed():
    weights = np.where(y == 1, 0.0, 1.0)  # one class alone is learnt
    with sklearn.config_context(enable_metadata_routing=True):
        network = clone(CLASSIFIER).set_fit_request(sample_weight=True, eval_set=False)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, network).fit(X, NAMES, sample_weight=weights)
    assert (pipeline.predict(X) == "no").all()


def test_targets_that_are_transformed():
    regressor = MLPRegressor(hidden_layer_sizes=20, learning_rate_init=0.02, max_iter=60, random_state=0)
    scaled = TransformedTargetRegressor(regressor, transformer=StandardScaler()).fit(X, 1000 * X[:, 0])
    assert scaled.score(X, 1000 * X[:, 0]) > 0.9


def test_clones_and_pictures():
    fitted = clone(CLASSIFIER).fit(X, NAMES)
    assert not hasattr(clone(fitted), "network_")
    assert "MLPClassifier" in estimator_html_repr(fitted)
    assert "MLPClassifier" in fitted._repr_html_()
    assert (
        repr(fitted)
        == "MLPClassifier(hidden_layer_sizes=20, learning_rate_init=0.02, max_iter=30,\n              random_state=0)"
    )
