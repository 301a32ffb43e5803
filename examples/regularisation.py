"""How does the penalty of the weights, alpha, smooth what a network has learnt?

A network with two hidden layers learns to tell two classes of points in the plane, each time with a larger penalty.
Small penalties let it follow single points: it is right on what it has seen, and less so on what it has not. Large ones
leave it no more than a straight line. The table shows both scores; the picture, how sure the network is where.

    python examples/regularisation.py --plot regularisation.png
"""

import argparse
import warnings

import numpy as np
from sklearn.datasets import make_circles, make_classification, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastbp.sklearn import MLPClassifier

ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0)


def points():
    """Return {name: (X, y)}: three ways to lie in the plane, none of them free of overlap."""
    line = make_classification(200, 2, n_informative=2, n_redundant=0, n_clusters_per_class=1, random_state=1)
    return {
        "moons": make_moons(200, noise=0.35, random_state=0),
        "circles": make_circles(200, noise=0.2, factor=0.4, random_state=1),
        "line": (line[0] + np.random.default_rng(2).normal(scale=0.7, size=line[0].shape), line[1]),
    }


def learn(X, y, alpha):
    """Return a fitted model. L-BFGS suits so few points: it uses all of them in each step."""
    network = MLPClassifier((10, 10), activation="tanh", solver="lbfgs", alpha=alpha, max_iter=200, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # with small penalties there is always something to gain
        return make_pipeline(StandardScaler(), network).fit(X, y)


def plot(found, path):
    """Draw how probable the second class is, for each set (rows) and penalty (columns)."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(found), len(ALPHAS), figsize=(3 * len(ALPHAS), 3 * len(found)), squeeze=False)
    for row, (name, (X, y, models)) in zip(axes, found.items(), strict=True):
        (left, bottom), (right, top) = X.min(axis=0) - 0.5, X.max(axis=0) + 0.5
        across, up = np.meshgrid(np.linspace(left, right, 120), np.linspace(bottom, top, 120))
        grid = np.column_stack([across.ravel(), up.ravel()])
        for axis, (alpha, model) in zip(row, models.items(), strict=True):
            probable = model.predict_proba(grid)[:, 1].reshape(across.shape)
            axis.contourf(across, up, probable, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.8)
            axis.scatter(*X.T, c=y, s=10, cmap="RdBu", edgecolors="black", linewidths=0.3)
            axis.set(title=f"{name}, alpha {alpha:g}", xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="draw it, with Matplotlib")
    options = parser.parse_args(arguments)
    found = {}
    print(f"{'points':<10}{'alpha':>8}{'seen':>8}{'unseen':>8}")
    for name, (X, y) in points().items():
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
        models = {alpha: learn(X_train, y_train, alpha) for alpha in ALPHAS}
        for alpha, model in models.items():
            scores = model.score(X_train, y_train), model.score(X_test, y_test)
            print(f"{name:<10}{alpha:>8g}{scores[0]:>8.2f}{scores[1]:>8.2f}")
        found[name] = X, y, models
    if options.plot:
        plot(found, options.plot)
    return found


if __name__ == "__main__":
    main()
