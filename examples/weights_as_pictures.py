"""What do the units of a hidden layer look at?

A network with few hidden units learns handwritten digits of 8x8 pixels, which come with fastbp. The weights that lead
to a unit are as many as there are pixels, so they can be shown as a picture: bright where ink speaks against the unit,
dense where it speaks for it. Strokes appear where the network has learnt something, and noise where it has not: pixels
at the rim, which are hardly ever black, keep the weights that they began with.

    python examples/weights_as_pictures.py --plot weights.png
"""

import argparse
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from fastbp.datasets import load_digits
from fastbp.sklearn import MLPClassifier

SHADES = " .:-=+*#%@"
SIDE = 8


def learn(epochs):
    X, y = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0)
    classifier = MLPClassifier(16, solver="sgd", learning_rate_init=0.2, alpha=1e-4, max_iter=epochs, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few epochs are enough to see something
        classifier.fit(X_train, y_train)
    print(
        f"after {classifier.n_iter_} epochs: loss {classifier.loss_:.3f}, seen {classifier.score(X_train, y_train):.3f}"
    )
    print(f"unseen {classifier.score(X_test, y_test):.3f}\n")
    return classifier


def shaded(weights, largest):
    """Return a picture as lines of characters, from the most negative weight to the most positive."""
    level = (weights / largest + 1) / 2 * (len(SHADES) - 1)
    return ["".join(2 * SHADES[i] for i in line) for line in np.rint(level).astype(int)]


def plot(pictures, largest, path):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 4, figsize=(7, 7))
    for axis, picture in zip(axes.flat, pictures, strict=True):
        axis.matshow(picture, cmap="gray", vmin=-largest, vmax=largest)
        axis.set(xticks=[], yticks=[])
    figure.savefig(path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="draw it, with Matplotlib")
    parser.add_argument("--epochs", type=int, default=20, help="20 by default")
    options = parser.parse_args(arguments)
    classifier = learn(options.epochs)
    pictures = classifier.coefs_[0].T.reshape(-1, SIDE, SIDE)
    largest = np.abs(pictures).max()
    for begin in range(0, len(pictures), 4):
        for line in zip(*(shaded(picture, largest) for picture in pictures[begin : begin + 4]), strict=True):
            print("   ".join(line))
        print()
    if options.plot:
        plot(pictures, largest, options.plot)
    return classifier


if __name__ == "__main__":
    main()
