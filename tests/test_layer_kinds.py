"""Every kind of layer: against the oracle and differences, on every target, for a batch and for one sample."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import fastbp
from fastbp import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    LayerNorm,
    PReLU,
    Residual,
    Standardize,
    Unstandardize,
)
from fastbp._engine import derivatives
from tests import exact, reference_layers
from tests import makers as make

THREADS = [1, 2, 3]
FUSED = [name for name in fastbp.available_targets() if name != "baseline"]
TOLERANCE = {"float32": 3e-5, "float64": 1e-11}

# One or more networks of 6 inputs for each kind. The last layer has no softmax, so that every loss of numbers fits.
NETWORKS = {
    "activation": [Dense(9), Activation("silu"), Dense(3)],
    "activation first": [Activation("tanh"), Dense(3)],
    "activation last": [Dense(3), Activation("sigmoid")],
    "softmax last": [Dense(3), Activation("softmax")],
    "no parameters": [Activation("tanh")],
    "layer_norm": [Dense(37, "tanh"), LayerNorm(), Dense(3)],
    "layer_norm first": [LayerNorm(1e-3), Dense(3)],
    "layer_norm without weights": [Dense(9), LayerNorm(affine=False), Activation("gelu"), Dense(3)],
    "layer_norm last": [Dense(3, "tanh"), LayerNorm()],
    "residual": [Dense(9, "tanh"), Residual([Dense(5, "tanh"), Dense(9)]), Dense(3)],
    "residual first": [Residual([Dense(6, "softplus")]), Dense(3)],
    "residual last": [Dense(3), Residual([Dense(3, "tanh")])],
    "residual without parameters": [Residual([Activation("tanh")]), Dense(3)],
    "residual of a rectifier with a projection": [Dense(9, "relu"), Residual([Dense(3)], projection=True), Dense(2)],
    "residual with a projection": [Dense(9, "tanh"), Residual([LayerNorm(), Dense(3, "tanh")], projection=True)],
    "residual in a residual": [
        Dense(9),
        Residual([Dense(9, "tanh"), Residual([Dense(4, "relu"), Dense(9)]), LayerNorm()]),
        Residual([Residual([Activation("tanh")])]),
        Dense(3),
    ],
    "prelu": [Dense(37), PReLU(), Dense(3)],
    "prelu shared, first": [PReLU(0.1, shared=True), Dense(3), PReLU(shared=True)],
    "dropout": [Dense(37, "tanh"), Dropout(0.4), Dense(19, "tanh"), Dropout(0.2), Dense(3)],
    "dropout first and last": [Dropout(0.3), Dense(3), Dropout(0.5)],
    "noise": [GaussianNoise(0.5), Dense(37, "tanh"), GaussianNoise(0.3), Dense(3)],
    "noise in a residual": [Residual([Dropout(0.5), Dense(6, "relu"), GaussianNoise(0.2)]), Dense(3)],
    "batch_norm": [Dense(37), BatchNorm(), Activation("tanh"), Dense(3)],
    "batch_norm first and last": [BatchNorm(0.5, affine=False), Dense(3, "tanh"), BatchNorm(0.25, 1e-3)],
    "batch_norm frozen": [Dense(9, "tanh"), BatchNorm(trainable=False), Residual([BatchNorm(), Dense(9)]), Dense(3)],
    "batch_norm all frozen": [Dense(9), BatchNorm(trainable=False), Activation("tanh"), Dense(3)],
    "embedding": [Embedding((5, 3), (4, 2), columns=(4, 1)), Dense(9, "tanh"), Dense(3)],
    "embedding of all": [Embedding(5, 2, columns=range(6)), LayerNorm(), Dense(3)],
    "standardize": [Standardize(), Dense(9, "tanh"), Dense(3)],
    "standardize, running": [Standardize(True, 0.9, columns=(0, 2, 3)), Dense(9, "tanh"), Dense(3)],
    "standardize, frozen": [Standardize(True, trainable=False), BatchNorm(affine=False), Dense(9, "tanh"), Dense(3)],
    "standardize before categories": [Standardize(True, columns=(0, 2, 3)), Embedding(3, 4, (4, 1)), Dense(3)],
    "unstandardize": [Standardize(running=True), Dense(9, "tanh"), Dense(3), Unstandardize()],
    "unstandardize behind dropout": [Dense(9, "tanh"), Dropout(0.4), Unstandardize()],
    "no bias": [Dense(9, "tanh", bias=False), Dense(3, bias=False)],
}


def network(layers, dtype="float64", seed=0):
    """A network of parameters that no initialiser has a say in."""
    net = fastbp.Network(6, layers, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for values in net.named_parameters().values():
        scale = 1 / np.sqrt(len(values)) if values.ndim == 2 else 0.5
        values[...] = rng.normal(scale=scale, size=values.shape) + (0 if values.ndim == 2 else 0.7)
    for name, values in net.named_buffers().items():
        values[...] = rng.normal(size=values.shape) if "mean" in name else rng.uniform(0.5, 2, size=values.shape)
        if name in ("0.mean", "0.std"):
            values[~net.layers[0].chosen(6)] = 0
    return net


def samples(net, n_samples, seed=1):
    """Inputs; integers in 0 ... 2 if the network takes categories."""
    if any(isinstance(layer, Embedding) for layer in net.layers):
        return np.random.default_rng(seed).integers(0, 3, size=(n_samples, 6)).astype(float)
    return make.samples(n_samples, 6, seed)


def data(net, n_samples):
    return samples(net, n_samples), make.targets("numbers", n_samples, net.n_out)


def takes_statistics(layers):
    return any(isinstance(layer, BatchNorm) and layer.trainable for layer in layers) or any(
        takes_statistics(layer.layers) for layer in layers if isinstance(layer, Residual)
    )


@pytest.fixture
def kernels(restored_target):
    """Every target with every dtype, set one after another: (target, dtype) once each."""

    def each():
        for target, dtype in itertools.product(fastbp.available_targets(), TOLERANCE):
            fastbp.set_target(target)
            yield target, dtype

    return each


every_network = pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)


@every_network
def test_predictions_against_the_oracle(kernels, layers):
    for (target, dtype), n_samples in itertools.product(kernels(), (7, 300)):
        net = network(layers, dtype)
        X = samples(net, n_samples)
        expected = reference_layers.predict(net, X.astype(dtype))
        assert make.furthest(net.predict(X), expected) < TOLERANCE[dtype], (target, dtype, n_samples)


@every_network
def test_gradients_against_the_oracle(kernels, layers):
    for (target, dtype), n_samples, training in itertools.product(kernels(), (1, 2, 33), (False, True)):
        if training and n_samples == 1 and takes_statistics(layers):
            continue
        tolerance = 10 * TOLERANCE[dtype]
        if "GaussianNoise" in str(layers):  # its numbers are normal to 1 part in 10^6
            tolerance = max(tolerance, 2e-6)
        net = network(layers, dtype)
        X, y = data(net, n_samples)
        loss, expected, buffers = reference_layers.squared_error_and_grad(net, X.astype(dtype), y, training, seed=5)
        got_loss, got = net.loss_and_grad(X, y, fastbp.SquaredError(), training=training, seed=5)
        assert got_loss == pytest.approx(loss, rel=tolerance)
        assert got.shape == net.params.shape
        if net.n_params:
            assert np.abs(expected).max() > 1e-4
            assert make.furthest(got, expected) < tolerance, (target, dtype, n_samples, training)
        np.testing.assert_allclose(net.buffers, buffers, rtol=1e-5, atol=1e-6)


@every_network
@pytest.mark.parametrize("training", [False, True])
def test_gradients_against_differences(layers, training):
    net = network(layers)
    before = net.buffers.copy()
    X, y = data(net, 5)
    assert fastbp.check_gradients(net, X, y, fastbp.SquaredError(), training=training, seed=3) < 1e-6
    assert make.same_bits(net.buffers, before)


@pytest.mark.parametrize("name", ["residual with a projection", "dropout", "batch_norm", "prelu", "embedding"])
def test_batches_too_large_for_one_piece(kernels, name):
    for _, dtype in kernels():
        net = network(NETWORKS[name], dtype)
        X, y = data(net, 2500)
        _, expected, _ = reference_layers.squared_error_and_grad(net, X.astype(dtype), y, training=True)
        _, got = net.loss_and_grad(X, y, fastbp.SquaredError(), training=True)
        assert make.furthest(got, expected) < 10 * TOLERANCE[dtype]


@every_network
def test_one_sample_is_a_batch_of_one(kernels, layers):
    for _, dtype in kernels():
        net = network(layers, dtype)
        X = samples(net, 20).astype(dtype)
        for x, expected in zip(X, net.predict(X), strict=True):
            assert make.same_bits(net.predict_one(x), expected)
        assert make.same_bits(net.predict(X[3:4])[0], net.predict_one(X[3]))


@every_network
def test_learning_one_is_fitting_one(kernels, layers):
    optimizers = [fastbp.SGD(0.01), fastbp.Adam(0.01)]
    X, y = data(network(layers), 4)
    if takes_statistics(layers):
        with pytest.raises(ValueError, match=r"at least 2 samples a batch in training, got 1: .*trainable = False"):
            fastbp.Trainer(network(layers), fastbp.SquaredError()).learn_one(X[0], y[0])
        return
    for (_, dtype), optimizer in itertools.product(kernels(), optimizers):
        one, other = (fastbp.Trainer(network(layers, dtype), fastbp.SquaredError(), optimizer) for _ in range(2))
        for i in range(4):
            loss = one.learn_one(X[i], y[i])
            assert loss == other.fit(X[i : i + 1], y[i : i + 1], epochs=1).loss[0]
            assert make.same_bits(one.network.params, other.network.params)


def trained(layers, dtype="float32", optimizer=None, n_samples=61, batch_size=16, epochs=2, **settings):
    """Return the bytes of the trained parameters and buffers, and the history."""
    net = network(layers, dtype)
    X, y = data(net, n_samples)
    trainer = fastbp.Trainer(
        net, fastbp.SquaredError(), optimizer or fastbp.Adam(0.01), batch_size=batch_size, **settings
    )
    history = trainer.fit(X, y, epochs=epochs)
    return net.params.tobytes(), net.buffers.tobytes(), tuple(history.loss)


@every_network
def test_number_of_threads(all_threads, layers):
    for n_samples, batch_size in ((4, 1), (62, 16), (62, 62)):
        settings = {"n_samples": n_samples, "batch_size": batch_size}
        if batch_size == 1 and takes_statistics(layers):
            continue
        results = [trained(layers, n_threads=n, **settings) for n in THREADS]
        assert results.count(results[0]) == len(THREADS), settings


def test_targets_with_fused_multiply_add(restored_target, dtype):
    if len(FUSED) < 2:
        pytest.skip(f"needs two targets with fused multiply-add, this machine runs {fastbp.available_targets()}")
    results = []
    for target in FUSED:
        fastbp.set_target(target)
        results.append([trained(layers, dtype) for layers in NETWORKS.values()])
    assert results[0] == results[1]


@every_network
def test_training_is_gradients_and_updates(layers):
    """A fit by plain SGD, part of which happens inside the backward pass, is a loop of gradients and steps."""
    net = network(layers, "float32")
    X, y = data(net, 34)
    trained = copy.deepcopy(net)
    trainer = fastbp.Trainer(trained, fastbp.SquaredError(), fastbp.SGD(1 / 64), batch_size=8, seed=7)
    trainer.fit(X, y, 1, shuffle=False)
    trainer.fit(X, y, 1, shuffle=False)
    grad = np.empty_like(net.params)
    for batch in range(10):
        rows = slice(batch % 5 * 8, batch % 5 * 8 + 8)
        part, _, _ = net._data(X[rows], y[rows], fastbp.SquaredError())
        derivatives.loss_and_grad(net._program, part, grad, True, 7, batch)
        frozen = [name for name, _ in net.named_parameters().items() if not net.layers[int(name[0])].trainable]
        kept = {name: net.named_parameters()[name].copy() for name in frozen}
        net.params[...] = exact.sgd_step(net.params, grad, 1 / 64)
        for name, values in kept.items():
            net.named_parameters()[name][...] = values
    assert make.same_bits(trained.params, net.params)
    assert make.same_bits(trained.buffers, net.buffers)


@every_network
def test_networks_survive(tmp_path, layers):
    net = network(layers, "float32")
    net.save(tmp_path / "net.npz")
    X = samples(net, 5)
    for twin in (
        fastbp.Network.load(tmp_path / "net.npz"), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)
    ):  # fmt: skip
        assert twin.layers == net.layers
        assert make.same_bits(twin.params, net.params)
        assert make.same_bits(twin.buffers, net.buffers)
        assert make.same_bits(twin.predict(X), net.predict(X))
        assert str(twin) == str(net)
    assert eval(repr(net), {"Network": fastbp.Network, **vars(fastbp)}).layers == net.layers


def test_names_and_shapes():
    net = fastbp.Network(6, NETWORKS["residual in a residual"])
    assert {name: values.shape for name, values in net.named_parameters().items()} == {
        "0.weight": (6, 9),
        "0.bias": (9,),
        "1.0.weight": (9, 9),
        "1.0.bias": (9,),
        "1.1.0.weight": (9, 4),
        "1.1.0.bias": (4,),
        "1.1.1.weight": (4, 9),
        "1.1.1.bias": (9,),
        "1.2.weight": (9,),
        "1.2.bias": (9,),
        "3.weight": (9, 3),
        "3.bias": (3,),
    }
    assert str(net).splitlines()[2:7] == [
        "0 dense           identity    6 -> 9          63",
        "1 residual                    9 -> 9         193",
        "1.0 dense         tanh        9 -> 9          90",
        "1.1 residual                  9 -> 9          85",
        "1.1.0 dense       relu        9 -> 4          40",
    ]
    for name, values in net.named_parameters().items():
        assert values.any() != (name == "1.2.bias"), name  # of the LayerNorm


@pytest.mark.parametrize(
    ("make_network", "error", "message"),
    [
        (lambda: Residual([Dense(3, "softmax")]), ValueError, "softmax is for the last layer of a network alone"),
        (lambda: Residual([]), ValueError, "layers must name at least one layer, got none"),
        (lambda: Residual(LayerNorm()), TypeError, r"layers must be a sequence of layers, got one: write \[LayerNorm"),
        (lambda: fastbp.Network(6, Dense(3)), TypeError, "layers must be a sequence of layers, got one: write "),
        (lambda: Residual([3]), TypeError, r"layers must be fastbp layers, .*, got 3"),
        (lambda: Residual([Dense(3)], projection=1), TypeError, "projection must be True or False, got 1"),
        (
            lambda: fastbp.Network(6, [Dense(4), Residual([Dense(5)])]),
            ValueError,
            r"layer 1: a Residual adds its 4 inputs to the 5 outputs .*end them with Dense\(4\), or .*projection=True",
        ),
        (lambda: Activation("Relu"), ValueError, "activation must be one of identity, .*, got 'Relu'"),
        (lambda: fastbp.Network(6, [Activation("softmax"), Dense(3)]), ValueError, "softmax is for the last layer"),
        (lambda: LayerNorm(0), ValueError, "epsilon must be greater than 0 and finite, got 0"),
        (lambda: LayerNorm(affine=None), TypeError, "affine must be True or False, got None"),
        (lambda: Dense(3, trainable="no"), TypeError, "trainable must be True or False, got 'no'"),
        (lambda: setattr(Dense(3), "trainable", 0), TypeError, "trainable must be True or False, got 0"),
        (lambda: setattr(Dense(3), "n_out", 4), AttributeError, "n_out of a layer cannot be changed: make a new Dense"),
        (
            lambda: fastbp.Trainer(fastbp.Network(6, [Dense(3, "softmax"), LayerNorm()]), fastbp.CrossEntropy()),
            ValueError,
            "softmax is for the last layer alone",
        ),
    ],
    ids=str,
)
def test_bad_arguments(make_network, error, message):
    with pytest.raises(error, match=message):
        make_network()
