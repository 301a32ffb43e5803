"""A fixed training run on real images reaches the accuracy that other libraries reach with the same settings."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.datasets import load_idx


def fashion_mnist_folder():
    """Return the folder named by FASTBP_FASHION_MNIST, or that of Debian's package, or None."""
    if "FASTBP_FASHION_MNIST" in os.environ:
        return Path(os.environ["FASTBP_FASHION_MNIST"])
    try:
        listing = subprocess.run(["dpkg", "-L", "dataset-fashion-mnist"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    images = [line for line in listing.stdout.splitlines() if "train-images" in line]
    return Path(images[0]).parent if images else None


@pytest.fixture(scope="module")
def fashion_mnist():
    folder = fashion_mnist_folder()
    if folder is None:
        pytest.skip("no Fashion-MNIST: set FASTBP_FASHION_MNIST, or apt-get install dataset-fashion-mnist")
    return load_idx(folder)


def test_files_are_what_they_should_be(fashion_mnist):
    (X, y), (X_test, y_test) = fashion_mnist
    assert X.shape == (60000, 784)
    assert X_test.shape == (10000, 784)
    assert np.bincount(y).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    assert X.min() == 0
    assert X.max() == 255


def test_accuracy_after_three_epochs(fashion_mnist):
    (X, y), (X_test, y_test) = fashion_mnist
    net = fastbp.Network.mlp([784, 128, 10], activation="relu", output="softmax", seed=0)
    trainer = fastbp.Trainer(net, fastbp.CrossEntropy(), fastbp.SGD(learning_rate=0.1), batch_size=32, seed=0)
    history = trainer.fit(X / 255, y, epochs=3)
    assert len(history.loss) == 3
    assert np.mean(net.predict(X_test / 255).argmax(axis=1) == y_test) >= 0.85
