"""Make standardized.json: what scikit-learn reaches on raw tables with its StandardScaler.

    python tests/data/make_standardized.py

Written with scikit-learn 1.9.1.
"""

import json
from pathlib import Path

from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.raw_tables import CASES, EPOCHS, WIDTHS, table

SETTINGS = {"hidden_layer_sizes": WIDTHS, "alpha": 0.0, "batch_size": 32, "learning_rate_init": 0.005}


def score(name, seed):
    (X, y), (X_test, y_test) = table(name)
    settings = {**SETTINGS, "max_iter": EPOCHS, "tol": 0.0, "n_iter_no_change": EPOCHS, "random_state": seed}
    if name == "regression":
        model = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), MLPRegressor(**settings)), transformer=StandardScaler()
        )
    else:
        model = make_pipeline(StandardScaler(), MLPClassifier(**settings))
    return model.fit(X, y).score(X_test, y_test)


scores = {name: sum(score(name, seed) for seed in range(5)) / 5 for name in CASES}
Path(__file__).with_name("standardized.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
