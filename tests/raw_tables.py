"""Tables as they come: features of scales from 1e-6 to 1e6, far from 0, and one that is constant."""

import warnings

import numpy as np

CASES = ("regression", "classification")
WIDTHS = (32, 32)
EPOCHS = 40


def table(name):
    """Return (X, y) to learn from and (X, y) to test on."""
    rng = np.random.default_rng(7)
    z = rng.normal(size=(900, 7))
    scales = 10.0 ** np.array([-6, -4, -2, 0, 2, 4, 6])
    X = np.column_stack([(z + rng.uniform(-3, 3, 7)) * scales, np.full(900, 4711.1)])
    signal = np.sin(2 * z[:, 0]) + z[:, 1] * z[:, 6] + 0.5 * z[:, 3] ** 2 + 0.1 * rng.normal(size=900)
    y = 3e7 + 2e5 * signal if name == "regression" else np.digitize(signal, [-0.5, 1])
    return (X[:600], y[:600]), (X[600:], y[600:])


def score_of_pipeline(name, seed):
    """Return what scikit-learn reaches with its `StandardScaler`, for inputs and targets, and the same network."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (X, y), (X_test, y_test) = table(name)
    settings = {"hidden_layer_sizes": WIDTHS, "alpha": 0.0, "batch_size": 32, "learning_rate_init": 0.005}
    settings |= {"max_iter": EPOCHS, "tol": 0.0, "n_iter_no_change": EPOCHS, "random_state": seed}
    if name == "regression":
        model = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), MLPRegressor(**settings)), transformer=StandardScaler()
        )
    else:
        model = make_pipeline(StandardScaler(), MLPClassifier(**settings))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return model.fit(X, y).score(X_test, y_test)
