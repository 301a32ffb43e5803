"""How fast does the loss fall with different ways to learn?

Plain gradient descent, momentum and Nesterov's, each with a learning rate that stays, that falls as 1 / sqrt(t), or
that is divided by five when the loss no longer falls; and Adam. Four sets of data, a small network, the same first
weights. Small sets with few steps an epoch need large rates: each way has the rate that suits it here, and other data
would rank them otherwise.

    python examples/learning_strategies.py --plot strategies.png
"""

import argparse
import warnings

from sklearn.datasets import load_iris, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import MinMaxScaler

from fastbp.datasets import load_digits
from fastbp.sklearn import MLPClassifier

RATES = {"constant": 0.2, "invscaling": 0.8, "adaptive": 0.2}
MOMENTA = {
    "plain": {"momentum": 0},
    "momentum": {"momentum": 0.9, "nesterovs_momentum": False},
    "Nesterov": {"momentum": 0.9, "nesterovs_momentum": True},
}
STRATEGIES = {
    f"{momentum}, {rate}": {
        "solver": "sgd",
        "learning_rate": rate,
        "learning_rate_init": start if momentum == "plain" else start / 4,  # momentum multiplies steps by up to ten
        **settings,
    }
    for momentum, settings in MOMENTA.items()
    for rate, start in RATES.items()
} | {"Adam": {"solver": "adam", "learning_rate_init": 0.01}}


def data():
    return {
        "iris": load_iris(return_X_y=True),
        "digits": load_digits(),
        "circles": make_circles(200, noise=0.2, factor=0.5, random_state=1),
        "moons": make_moons(200, noise=0.3, random_state=0),
    }


def learn(X, y, settings, epochs):
    classifier = MLPClassifier(random_state=0, max_iter=epochs, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # some ways are too slow: that is what is to be seen
        return classifier.fit(X, y)


def plot(found, path):
    from matplotlib import pyplot

    styles = dict(zip(RATES, ("--", "-.", ":"), strict=True))  # many curves lie on each other
    figure, axes = pyplot.subplots(2, 2, figsize=(12, 9))
    for axis, (name, classifiers) in zip(axes.flat, found.items(), strict=False):
        for strategy, classifier in classifiers.items():
            style = "-" if classifier.solver == "adam" else styles[classifier.learning_rate]
            axis.plot(classifier.loss_curve_, style, label=strategy)
        axis.set(title=name, xlabel="epoch", ylabel="loss", yscale="log")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="lower center", ncols=5)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="draw the losses, with Matplotlib")
    parser.add_argument("--epochs", type=int, default=200, help="at most; 200 by default")
    options = parser.parse_args(arguments)
    found = {}
    for name, (X, y) in data().items():
        X = MinMaxScaler().fit_transform(X)
        found[name] = {
            strategy: learn(X, y, settings, min(options.epochs, 15) if name == "digits" else options.epochs)
            for strategy, settings in STRATEGIES.items()
        }
        print(f"\n{name:<24}{'epochs':>8}{'loss':>10}{'score':>8}")
        for strategy, classifier in found[name].items():
            print(f"{strategy:<24}{classifier.n_iter_:>8}{classifier.loss_:>10.4f}{classifier.score(X, y):>8.3f}")
    if options.plot:
        plot(found, options.plot)
    return found


if __name__ == "__main__":
    main()
