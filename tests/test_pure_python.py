"""The plain-Python baseline: its own gradients are right, and fastbp in float64 takes the same steps."""

import ast
import random
import sys

import numpy as np
import pytest

import fastbp
from benchmarks import pure_python

LOSSES = {"identity": fastbp.SquaredError, "sigmoid": fastbp.BinaryCrossEntropy, "softmax": fastbp.CrossEntropy}
HIDDEN = list(pure_python.ACTIVATIONS)


def make_data(output, n_samples, n_in, n_out):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_in))
    if output == "softmax":
        return X, rng.integers(0, n_out, size=n_samples)
    if output == "sigmoid":
        return X, rng.integers(0, 2, size=(n_samples, n_out)).astype(float)
    return X, rng.normal(size=(n_samples, n_out))


def copy_layers(net):
    """Return the layers of a `fastbp.Network` as `pure_python` has them."""
    values = net.named_parameters()
    return [
        pure_python.Layer(values[f"{index}.weight"].tolist(), values[f"{index}.bias"].tolist(), layer.activation)
        for index, layer in enumerate(net.layers)
    ]


def every_number(layers, gradients):
    """Yield ``(row, j, gradient)`` for every weight and bias, so that ``row[j]`` may be moved."""
    for layer, (dw, db) in zip(layers, gradients, strict=True):
        for row, drow in zip([*layer.weights, layer.biases], [*dw, db], strict=True):
            for j, gradient in enumerate(drow):
                yield row, j, gradient


@pytest.mark.parametrize("output", LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradients_against_central_differences(hidden, output):
    rng = random.Random(0)
    layers = [
        pure_python.make_layer(4, 5, hidden, rng),
        pure_python.make_layer(5, 4, hidden, rng),
        pure_python.make_layer(4, 3, output, rng),
    ]
    X, y = (array.tolist() for array in make_data(output, 7, 4, 3))
    _, gradients = pure_python.loss_and_gradients(layers, X, y)
    step = 1e-5
    n_checked = 0
    for row, j, gradient in every_number(layers, gradients):
        kept = row[j]
        row[j] = kept + step
        above, _ = pure_python.loss_and_gradients(layers, X, y)
        row[j] = kept - step
        below, _ = pure_python.loss_and_gradients(layers, X, y)
        row[j] = kept
        assert gradient == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-9)
        n_checked += 1
    assert n_checked == (4 * 5 + 5) + (5 * 4 + 4) + (4 * 3 + 3)


@pytest.mark.parametrize("output", LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_fastbp_takes_the_same_20_steps(hidden, output):
    net = fastbp.Network.mlp([5, 9, 7, 3], activation=hidden, output=output, dtype="float64", seed=3)
    layers = copy_layers(net)
    X, y = make_data(output, 33, 5, 3)
    # One mini-batch an epoch: the loss of the epoch is the loss of the step.
    expected = pure_python.train(layers, X.tolist(), y.tolist(), epochs=20, batch_size=33, learning_rate=0.1)
    trainer = fastbp.Trainer(net, loss=LOSSES[output](), optimizer=fastbp.SGD(0.1), batch_size=33)
    history = trainer.fit(X, y, epochs=20, shuffle=False)
    assert len(history.loss) == 20
    np.testing.assert_allclose(history.loss, expected, rtol=0, atol=1e-9)
    assert expected[-1] < expected[0]
    for name, values in net.named_parameters().items():
        layer = layers[int(name.split(".")[0])]
        expected_values = layer.weights if name.endswith("weight") else layer.biases
        np.testing.assert_allclose(values, expected_values, rtol=0, atol=1e-9)


@pytest.mark.parametrize("output", LOSSES)
def test_fastbp_takes_the_same_mini_batches(output):
    """20 samples in batches of 8 are steps of 8, 8 and 4; the loss of an epoch is the mean over its samples."""
    net = fastbp.Network.mlp([5, 6, 3], activation="tanh", output=output, dtype="float64", seed=4)
    layers = copy_layers(net)
    X, y = make_data(output, 20, 5, 3)
    steps = pure_python.train(layers, X.tolist(), y.tolist(), epochs=7, batch_size=8, learning_rate=0.2)
    expected = np.reshape(steps, (7, 3)) @ [8 / 20, 8 / 20, 4 / 20]
    trainer = fastbp.Trainer(net, loss=LOSSES[output](), optimizer=fastbp.SGD(0.2), batch_size=8)
    history = trainer.fit(X, y, epochs=7, shuffle=False)
    np.testing.assert_allclose(history.loss, expected, rtol=0, atol=1e-9)


def test_shuffling_takes_every_sample_once_an_epoch():
    rng = random.Random(0)
    seen = []

    class Recorder(list):
        def __getitem__(self, index):
            seen.append(index)
            return super().__getitem__(index)

    X, y = make_data("identity", 10, 2, 1)
    layers = [pure_python.make_layer(2, 1, "identity", rng)]
    losses = pure_python.train(layers, Recorder(X.tolist()), y.tolist(), epochs=2, batch_size=4, rng=rng)
    assert len(losses) == 2 * 3
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != list(range(10))
    assert seen[:10] != seen[10:]


@pytest.mark.thread_unsafe(reason="several threads in ast.parse are more than CPython 3.11 stands")
def test_it_needs_nothing_but_the_standard_library():
    with open(pure_python.__file__, encoding="utf-8") as source:
        nodes = list(ast.walk(ast.parse(source.read())))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert modules
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names
