"""scikit-learn: `MLPClassifier` and `MLPRegressor`, by `partial_fit`, which takes each sample once."""

from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.peers import Candidate, Predictor
from benchmarks.work import LEARNING_RATE

PACKAGES = ("scikit-learn",)


def make_estimator(work, start, X, y, learning_rate=LEARNING_RATE, shuffle=False, seed=0):
    """Return an estimator with the weights `start`, ready for `partial_fit`: plain gradient descent, no penalty."""
    settings = {
        "hidden_layer_sizes": work.widths[1:-1],
        "solver": "sgd",
        "momentum": 0.0,
        "nesterovs_momentum": False,
        "alpha": 0.0,
        "batch_size": work.batch_size,
        "shuffle": shuffle,
        "random_state": seed,
    }
    if work.output == "softmax":
        estimator = MLPClassifier(learning_rate_init=learning_rate, **settings)
        estimator.partial_fit(X[: work.batch_size], y[: work.batch_size], classes=range(work.widths[-1]))
    else:
        # its loss is half the sum over the outputs, where the others take the mean
        estimator = MLPRegressor(learning_rate_init=learning_rate * 2 / work.widths[-1], **settings)
        estimator.partial_fit(X[: work.batch_size], y[: work.batch_size])
    for w, b, (w0, b0) in zip(estimator.coefs_, estimator.intercepts_, start, strict=True):
        w[...] = w0
        b[...] = b0
    return estimator


def training(work, start, X, y):
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    whole = make_estimator(work, start, X, y)
    yield Candidate(
        "scikit-learn", "epoch", lambda: whole.partial_fit(X, y), len(X) // work.batch_size, lambda: _arrays(whole)
    )
    alone = make_estimator(work, start, X, y)
    batches = work.first_batches(X, y)

    def run():
        for Xb, yb in batches:
            alone.partial_fit(Xb, yb)

    yield Candidate("scikit-learn", "step", run, len(batches), lambda: _arrays(alone))


def inference(work, start, X):
    _, y = work.data(max(len(X), work.batch_size))
    estimator = make_estimator(work, start, X, y.ravel()[: len(X)])
    yield Predictor(
        "scikit-learn",
        lambda: estimator.predict_proba(X) if work.output == "softmax" else estimator.predict(X),
    )


def _arrays(estimator):
    return [a for pair in zip(estimator.coefs_, estimator.intercepts_, strict=True) for a in pair]
