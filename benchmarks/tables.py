"""How well and how fast are small tables learnt with default settings, beside scikit-learn?

    python -m benchmarks.tables

`Trainer(Network.mlp([n, 100, m]))` with nothing else said, against `MLPClassifier()` and `MLPRegressor()` with nothing
else said, whose network that is: one hidden layer of 100, relu. Adam at 0.001 for both, batches of 32 against 200, and
200 epochs, at which scikit-learn ends too if its loss has not stopped falling before. Inputs, and targets that are
numbers, are standardised for both. First weights are Glorot & Bengio's (2010) for both; a third column has fastbp begin
with those of He et al. (2015), which are larger.

Digits come with fastbp; breast cancer, wine, iris and diabetes are bundled with scikit-learn; the two moons and
Friedman's first and third problem (1991) are drawn by it.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import functools
import statistics
import time
import warnings

import numpy as np

import fastbp
from benchmarks.report import begin
from fastbp.datasets import load_digits

EPOCHS = 200
N_HIDDEN = 100
METHOD = (
    "Random splits of the rows, {splits} of them, three quarters to learn from; the score is of the others, mean "
    "over splits; the time is that of making the model and fitting it, median over splits, the libraries in turn; one "
    "core, one thread, float32."
)


def load_tables():
    """Return {name: (X, y)}; labels are integers."""
    from sklearn import datasets

    X, y = load_digits()
    return {
        "digits": (X, y),
        "breast cancer": datasets.load_breast_cancer(return_X_y=True),
        "wine": datasets.load_wine(return_X_y=True),
        "iris": datasets.load_iris(return_X_y=True),
        "moons": datasets.make_moons(600, noise=0.25, random_state=0),
        "Friedman 1": datasets.make_friedman1(1000, noise=1.0, random_state=0),
        "Friedman 3": datasets.make_friedman3(1000, noise=0.1, random_state=0),
        "diabetes": datasets.load_diabetes(return_X_y=True),
    }


def is_classes(y):
    return np.issubdtype(y.dtype, np.integer)


def divide(X, y, seed):
    """Return (X, y) to learn from and to test on, scaled by what is learnt from."""
    order = np.random.default_rng(seed).permutation(len(X))
    test, train = np.split(order, [len(X) // 4])
    X = standardised(X, X[train]).astype(np.float32)
    if not is_classes(y):
        y = standardised(y, y[train]).astype(np.float32)
    return (X[train], y[train]), (X[test], y[test])


def standardised(values, known):
    scale = known.std(axis=0)
    return (values - known.mean(axis=0)) / np.where(scale > 0, scale, 1)


# Each makes a model, fits it and returns a function that scores it.


def learn_with_fastbp(X, y, seed, initializer="glorot_uniform"):
    n_out, output = (int(y.max()) + 1, "softmax") if is_classes(y) else (1, "identity")
    layers = [fastbp.Dense(N_HIDDEN, "relu", initializer=initializer), fastbp.Dense(n_out, output)]
    trainer = fastbp.Trainer(fastbp.Network(X.shape[1], layers, seed=seed), seed=seed)
    trainer.fit(X, y, epochs=EPOCHS)
    return lambda X, y: trainer.evaluate(X, y)[trainer.loss.metric]


def learn_with_sklearn(X, y, seed):
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = (MLPClassifier if is_classes(y) else MLPRegressor)(random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 200 epochs may be too few
        model.fit(X, y)
    return model.score


LEARNERS = {
    "fastbp": learn_with_fastbp,
    "fastbp, He": functools.partial(learn_with_fastbp, initializer="he_uniform"),
    "scikit-learn": learn_with_sklearn,
}


def measure(name, X, y, n_splits, report):
    """Learn from each split with each learner; return a row for the report."""
    seconds, scores = {learner: [] for learner in LEARNERS}, {learner: [] for learner in LEARNERS}
    for seed in range(n_splits):
        known, unknown = divide(X, y, seed)
        for learner, learn in LEARNERS.items():
            began = time.perf_counter()
            score = learn(*known, seed)
            seconds[learner].append(time.perf_counter() - began)
            scores[learner].append(float(score(*unknown)))
    return report.add(table=name, n_rows=len(X), n_features=X.shape[1], seconds=seconds, scores=scores)


def main(arguments=None):
    parser = common.parser(__doc__)
    parser.add_argument("--splits", type=int, help="of each table, 10 by default; 1 in a quick run")
    options = common.parse(parser, arguments)
    n_splits = options.splits or (1 if options.quick else 10)
    libraries = ("fastbp", "scikit-learn")
    report, modules = begin("tables", __doc__, METHOD.format(splits=n_splits), options, only=libraries)
    if len(modules) < len(libraries):
        raise SystemExit("this question is about scikit-learn: pip install scikit-learn")
    lines = []
    for name, (X, y) in load_tables().items():
        if options.quick and name in ("digits", "Friedman 1"):
            continue
        row = measure(name, X, y, n_splits, report)
        scores = [f"{statistics.fmean(values):.4f}" for values in row["scores"].values()]
        fast, _, slow = (statistics.median(values) for values in row["seconds"].values())
        kind = "accuracy" if is_classes(y) else "r2"
        times = [f"{common.three_digits(1e3 * value)}" for value in (fast, slow)]
        lines.append([name, f"{len(X):,}", kind, *scores, *times, f"{slow / fast:.1f}x"])
    headings = ["table", "rows", "score", *LEARNERS, "fastbp, ms", "scikit-learn, ms", "fastbp = 1"]
    report.table("Default settings", headings, lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
