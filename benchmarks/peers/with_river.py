"""River: models that learn one sample at a time, from dicts."""

from river import ensemble, linear_model, metrics, optim, preprocessing, tree

PACKAGES = ("river",)


def logistic(**settings):
    return preprocessing.StandardScaler() | linear_model.LogisticRegression(**settings)


def make_models(seed):
    """Return {name: a fresh model}; settings that are not named are River's own."""
    return {
        "river, logistic regression": logistic(),
        "river, logistic regression, Adam": logistic(optimizer=optim.Adam(0.01)),
        "river, ADWIN bagging of 10 of these": ensemble.ADWINBaggingClassifier(logistic(), n_models=10, seed=seed),
        "river, ADWIN bagging of 10 Hoeffding trees": ensemble.ADWINBaggingClassifier(
            tree.HoeffdingTreeClassifier(), n_models=10, seed=seed
        ),
    }


def rows_of(X, y):
    """Return the samples as River takes them."""
    return [(dict(enumerate(x)), bool(label)) for x, label in zip(X.tolist(), y.tolist(), strict=True)]


def progressive_accuracy(model, rows):
    """Predict each sample, then learn from it."""
    accuracy = metrics.Accuracy()
    for x, label in rows:
        accuracy.update(label, model.predict_one(x))
        model.learn_one(x, label)
    return accuracy.get()
