"""What layers compute, and derivatives of predictions: against differences, the oracle, and each other."""

import copy
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import Dense, Embedding, Residual
from fastbp._objective import Objective
from tests import makers as make
from tests.test_layer_kinds import FUSED, NETWORKS, every_network, network, samples

ROWS = (1, 5, 70)
# name: (widths, hidden activation, output activation, kind of targets, number of samples)
HESSIANS = {
    "relu, 2000 samples": ([5, 40, 30, 4], "relu", "softmax", "labels", 2000),
    "leaky_relu": ([5, 12, 3], "leaky_relu", "identity", "numbers", 300),
    "tanh": ([3, 7, 5, 2], "tanh", "identity", "numbers", 20),
    "silu, sigmoid": ([3, 7, 2], "silu", "sigmoid", "shares", 20),
}
TOLERANCE = {"float32": 1e-4, "float64": 1e-11}


def differences(function, values, where=None):
    """Central differences of function(), an array, by each element of `values`, which are moved; in the last axis."""
    columns = []
    for i in range(values.shape[-1]):
        kept = values[..., i].copy()
        h = 1e-6 * np.maximum(1, np.abs(kept))
        values[..., i] = kept + h
        right = function()
        values[..., i] = kept - h
        columns.append((right - function()) / np.reshape(2 * h, np.shape(h) + (1,) * (right.ndim - np.ndim(h))))
        values[..., i] = kept
    return np.stack(columns, axis=-1)


def categories(net):
    """The columns of X that hold categories, which cannot be moved."""
    return [column for layer in net.layers if isinstance(layer, Embedding) for column in layer.columns]


def input_differences(net, X):
    """The Jacobian by differences: 0 for categories."""
    fixed = categories(net)
    free = [i for i in range(net.n_in) if i not in fixed]
    moved = X.copy()
    part = moved[:, free]

    def predict():
        moved[:, free] = part
        return net.predict(moved)

    jacobian = np.zeros((len(X), net.n_out, net.n_in))
    if free:
        jacobian[:, :, free] = differences(predict, part)
    return jacobian


@every_network
def test_jacobians_against_differences(layers):
    net = network(layers)
    X = samples(net, 5)
    expected = input_differences(net, X)
    by_inputs = net.jacobian(X)
    assert by_inputs.shape == (5, net.n_out, 6)
    assert np.abs(by_inputs - expected).max() < 1e-6
    assert (np.abs(by_inputs).max() > 1e-2) == (len(categories(net)) < 6)
    by_params = net.jacobian(X, wrt="params")
    assert by_params.shape == (5, net.n_out, net.n_params)
    if net.n_params:
        assert np.abs(by_params).max() > 1e-2
        assert np.abs(by_params - differences(lambda: net.predict(X), net.params)).max() < 1e-6


@every_network
def test_an_input_gradient_is_a_row_of_the_jacobian(layers):
    for dtype, n_rows in itertools.product(TOLERANCE, ROWS):
        net = network(layers, dtype)
        X = samples(net, n_rows)
        jacobian = net.jacobian(X)
        chosen = np.arange(n_rows) % 3 % net.n_out
        for output, expected in ((1, jacobian[:, 1]), (chosen, jacobian[np.arange(n_rows), chosen])):
            got = net.input_gradient(X, output=output)
            assert got.dtype == net.dtype
            np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype])


@every_network
def test_jacobians_add_up_to_the_gradient_of_a_loss(target, layers):
    """Of the squared error, by the chain rule: for inputs and parameters, with weights, many samples and few."""
    for dtype, n_rows in itertools.product(TOLERANCE, ROWS):
        net = network(layers, dtype)
        X, y, w = samples(net, n_rows), make.targets("numbers", n_rows, net.n_out), make.weights(n_rows)
        d = 2 * (net.predict(X) - y) / net._target_deviation() ** 2 * (w / w.sum() / net.n_out)[:, None]
        by_inputs = net.input_gradient(X, y, fastbp.SquaredError(), w)
        expected = np.einsum("sj,sji->si", d, net.jacobian(X).astype(float))
        np.testing.assert_allclose(by_inputs, expected, rtol=0, atol=TOLERANCE[dtype])
        if net.n_params:
            expected = np.einsum("sj,sjp->p", d, net.jacobian(X, wrt="params").astype(float))
            got = net.loss_and_grad(X, y, fastbp.SquaredError(), w)[1]
            assert make.furthest(got, expected) < TOLERANCE[dtype]


@pytest.mark.parametrize(("loss", "output", "kind"), make.EVERY_LOSS, ids=repr)
def test_the_gradient_of_every_loss(loss, output, kind):
    net = make.network([3, 5, 4], "tanh", output)
    X, y, w = make.samples(7, 3), make.targets(kind, 7, 4), make.weights(7)
    expected = np.zeros_like(X)
    for row in range(7):
        expected[row] = differences(lambda: np.array(net.loss_and_grad(X, y, loss, w)[0]), X[row])
    assert np.abs(expected).max() > 1e-3
    assert np.abs(net.input_gradient(X, y, loss, w) - expected).max() < 1e-6


def test_the_gradient_of_a_loss_of_ones_own():
    class Cubed:
        def value_and_grad(self, outputs, targets):
            return np.abs(outputs - targets).sum(axis=1) ** 3 / 3, (
                np.abs(outputs - targets).sum(axis=1, keepdims=True) ** 2 * np.sign(outputs - targets)
            )

    net = make.network([3, 5, 2])
    X, y, w = make.samples(300, 3), make.samples(300, 2, 5), make.weights(300)
    p = net.predict(X)
    d = Cubed().value_and_grad(p, y)[1] * (w / w.sum())[:, None]
    expected = np.einsum("sj,sji->si", d, net.jacobian(X))
    assert make.furthest(net.input_gradient(X, y, Cubed(), w), expected) < 1e-12


@every_network
def test_a_jacobian_is_the_same_bits_for_any_number_of_rows_and_on_fused_targets(restored_target, layers):
    taken = {}
    for target, dtype in itertools.product(FUSED, TOLERANCE):
        fastbp.set_target(target)
        net = network(layers, dtype)
        X = samples(net, 70)
        for wrt in ("inputs", "params"):
            jacobian = net.jacobian(X, wrt)
            assert make.same_bits(jacobian, taken.setdefault((dtype, wrt), jacobian))
            for rows in (slice(3, 4), slice(20, 31)):
                assert make.same_bits(net.jacobian(X[rows], wrt), jacobian[rows])


@every_network
def test_activations_are_what_the_first_layers_predict(dtype, layers):
    net = network(layers, dtype)
    X = samples(net, 300)
    outs = net.activations(X)
    assert len(outs) == len(net.layers)
    assert make.same_bits(outs[-1], net.predict(X))
    for n, out in enumerate(outs, start=1):
        part = fastbp.Network(6, layers[:n], dtype)
        part.params[...], part.buffers[...] = net.params[: part.n_params], net.buffers[: part.buffers.size]
        assert make.same_bits(out, part.predict(X))


def hessian_problem(name):
    """Return network, X, y and vector."""
    widths, hidden, output, kind, n_samples = HESSIANS[name]
    net = make.network(widths, hidden, output)
    X, y = make.samples(n_samples, widths[0]), make.targets(kind, n_samples, widths[-1])
    return net, X, y, make.samples(1, net.n_params, seed=7)[0]


@pytest.mark.parametrize("name", HESSIANS)
def test_hessian_products_of_pytorch(name):
    """Exact ones, which kinks are no trouble for."""
    net, X, y, vector = hessian_problem(name)
    loss = fastbp.losses.default_loss(net.layers[-1].activation)
    expected = json.loads((Path(__file__).parent / "data" / "hessians.json").read_text(encoding="utf-8"))[name]
    for scale in (1, 1e-6, 1e3):
        got = net.hessian_vector_product(X, y, loss, scale * vector)
        assert got.dtype == np.float64
        assert make.furthest(got, scale * np.array(expected)) < 1e-6


@every_network
def test_hessian_products_against_differences(layers):
    """The whole Hessian, in steps of another length, for every layer."""
    net = network(layers)
    if not net.n_params:
        assert net.hessian_vector_product(samples(net, 5), samples(net, 5), fastbp.SquaredError(), []).size == 0
        return
    X, y, w = samples(net, 5), make.targets("numbers", 5, net.n_out), make.weights(5)
    before = net.params.copy()
    chosen = np.random.default_rng(0).choice(net.n_params, 2)
    vector = np.zeros(net.n_params)
    vector[chosen] = 1.0, -2.0
    expected = np.zeros(net.n_params)
    for i, v in zip(chosen, (1.0, -2.0), strict=True):
        for side in (1, -1):
            net.params[i] = before[i] + side * 1e-5
            expected += side * v * net.loss_and_grad(X, y, fastbp.SquaredError(), w)[1] / 2e-5
            net.params[i] = before[i]
    got = net.hessian_vector_product(X, y, fastbp.SquaredError(), vector, w)
    assert np.abs(expected).max() > 1e-3
    assert np.abs(got - expected).max() < 1e-6 * max(1, np.abs(expected).max())
    assert make.same_bits(net.params, before)


class Sharp:
    """A loss of one's own: nobody knows whether it has kinks."""

    def value_and_grad(self, outputs, targets):
        return ((outputs - targets) ** 2).sum(axis=1), 2 * (outputs - targets)


SMOOTH = {
    "tanh": ([Dense(4, "tanh"), Dense(3)], fastbp.SquaredError(), True),
    "softmax": ([Dense(4, "gelu"), fastbp.LayerNorm(), Dense(3, "softmax")], fastbp.CrossEntropy(), True),
    "sigmoid": ([Dense(4, "silu"), fastbp.Activation("softplus"), Dense(3, "sigmoid", l2=0.1)],
                fastbp.BinaryCrossEntropy(), True),
    "relu": ([Dense(4, "relu"), Dense(3)], fastbp.SquaredError(), False),
    "elu inside": ([Dense(4), Residual([fastbp.Activation("elu"), Dense(4)]), Dense(3)], fastbp.SquaredError(), False),
    "prelu": ([Dense(4), fastbp.PReLU(), Dense(3)], fastbp.SquaredError(), False),
    "l1": ([Dense(4, "tanh", l1=0.1), Dense(3)], fastbp.SquaredError(), False),
    "huber": ([Dense(4, "tanh"), Dense(3)], fastbp.Huber(), False),
    "own": ([Dense(4, "tanh"), Dense(3)], Sharp(), False),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "loss", "is_smooth"), SMOOTH.values(), ids=SMOOTH)
def test_a_hessian_product_without_kinks_needs_two_gradients(monkeypatch, layers, loss, is_smooth):
    calls = []
    counted = Objective.loss_and_grad
    monkeypatch.setattr(Objective, "loss_and_grad", lambda self: calls.append(1) or counted(self))
    net = fastbp.Network(6, layers, dtype="float64", seed=2)
    y = np.arange(9) % 3 if net.layers[-1].activation == "softmax" else make.targets("shares", 9, 3)
    net.hessian_vector_product(make.samples(9, 6), y, loss, np.ones(net.n_params))
    assert len(calls) == 2 if is_smooth else len(calls) >= 3


def test_a_hessian_is_symmetric_and_of_float64_for_float32_too():
    net = make.network([4, 6, 3], output="softmax", dtype="float32")
    X, y = make.samples(30, 4), make.targets("labels", 30, 3)
    hessian = np.stack([net.hessian_vector_product(X, y, fastbp.CrossEntropy(), row) for row in np.eye(net.n_params)])
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-8)
    with pytest.raises(ValueError, match=rf"vector must have shape \({net.n_params},\), as params has, got \(2,\)"):
        net.hessian_vector_product(X, y, fastbp.CrossEntropy(), [1, 2])
    assert not net.hessian_vector_product(X, y, fastbp.CrossEntropy(), np.zeros(net.n_params)).any()


def test_a_hessian_product_is_of_what_the_network_is_now():
    net = network(NETWORKS["batch_norm"])
    X, y, vector = samples(net, 9), make.targets("numbers", 9, 3), np.ones(net.n_params)
    first = net.hessian_vector_product(X, y, fastbp.SquaredError(), vector)
    assert make.same_bits(net.hessian_vector_product(X, y, fastbp.SquaredError(), vector), first)
    for changed in (net.params, net.buffers):
        changed[...] *= 1.25
        new = net.hessian_vector_product(X, y, fastbp.SquaredError(), vector)
        assert make.furthest(new, first) > 1e-3
        assert make.same_bits(copy.deepcopy(net).hessian_vector_product(X, y, fastbp.SquaredError(), vector), new)
        first = new


def test_nothing_is_changed():
    net = network(NETWORKS["batch_norm"])
    before = net.params.copy(), net.buffers.copy()
    X, y = samples(net, 9), make.targets("numbers", 9, 3)
    kept = X.copy()
    first = net.jacobian(X)
    net.activations(X), net.input_gradient(X, y, fastbp.SquaredError()), net.jacobian(X, "params")
    assert make.same_bits(first, net.jacobian(X))
    assert make.same_bits(X, kept)
    assert make.same_bits(net.params, before[0])
    assert make.same_bits(net.buffers, before[1])


def test_training_after_a_jacobian_is_the_same():
    X, y = make.samples(64, 5), make.samples(64, 2, 7)
    nets = [make.network([5, 7, 2]) for _ in range(2)]
    nets[1].jacobian(X)
    for net in nets:
        fastbp.Trainer(net).fit(X, y, epochs=2)
    assert make.same_bits(nets[0].params, nets[1].params)


def test_frozen_layers_have_derivatives_too():
    net, frozen = (
        fastbp.Network(4, [Dense(5, "tanh", trainable=trainable), Dense(2)], seed=3) for trainable in (True, False)
    )
    X = make.samples(9, 4)
    for wrt in ("inputs", "params"):
        assert make.same_bits(net.jacobian(X, wrt), frozen.jacobian(X, wrt))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "output must say which of the 3 outputs"),
        ({"output": 3}, ValueError, "output must be at most 2, got 3"),
        ({"output": 1.0}, TypeError, "output must be an integer"),
        ({"output": [0, 1]}, ValueError, r"one number, or have shape \(4,\), got \(2,\)"),
        ({"output": [0, 1, 2, 3]}, ValueError, "in 0 ... 2, got 0 to 3"),
        ({"output": [0, 1, 2, 0.5]}, TypeError, "hold integers, got dtype float64"),
        ({"y": [0, 1, 2, 0]}, ValueError, "y and loss go together"),
        ({"loss": fastbp.CrossEntropy()}, ValueError, "y and loss go together"),
        ({"y": [0, 1, 2, 0], "loss": fastbp.CrossEntropy(), "output": 1}, ValueError, "give one of them"),
        ({"y": [0, 1, 2, 3], "loss": fastbp.CrossEntropy()}, ValueError, r"labels .* 0 \.\.\. 2"),
        ({"y": [0, 1, 2, 0], "loss": "mse"}, TypeError, "loss must be a fastbp loss"),
        ({"output": 1, "sample_weight": [1, 1, 1, 1]}, ValueError, "sample_weight is for the mean of a loss"),
    ],
    ids=repr,
)
def test_bad_input_gradients(arguments, error, message):
    net = make.network([2, 3], output="softmax")
    with pytest.raises(error, match=message):
        net.input_gradient(make.samples(4, 2), **arguments)


def test_bad_input():
    net = make.network([2, 3])
    with pytest.raises(ValueError, match="wrt must be one of inputs, params, got 'weights'"):
        net.jacobian(make.samples(4, 2), wrt="weights")
    for call in (net.jacobian, net.activations, lambda X: net.input_gradient(X, output=1)):
        with pytest.raises(ValueError, match="X must have 2 features"):
            call(make.samples(4, 3))
        with pytest.raises(ValueError, match="X must be finite"):
            call([[1.0, np.nan]])


def test_what_is_too_large_for_memory(monkeypatch):
    net = fastbp.Network.mlp([1000, 1000, 1000])
    X = np.ones((10_000, 1000), np.float32)
    shape = r"\(10000, 1000, 2002000\)"
    with pytest.raises(MemoryError, match=rf"Jacobian of shape {shape} would take 80,080\.0 GB, .*: give X in parts"):
        net.jacobian(X, wrt="params")
    monkeypatch.setattr("fastbp._memory._available", lambda: 79e6)
    with pytest.raises(MemoryError, match=r"outputs of all layers would take 0\.1 GB, 0\.1 GB are available"):
        net.activations(X)
