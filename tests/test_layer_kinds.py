"""Every kind of layer: against the oracle and differences, on every target, for a batch and for one sample."""

import copy
import pickle

import numpy as np
import pytest

import fastbp
from fastbp import Activation, Dense, LayerNorm, Residual
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
    "residual with a projection": [Dense(9, "tanh"), Residual([LayerNorm(), Dense(3, "tanh")], projection=True)],
    "residual in a residual": [
        Dense(9),
        Residual([Dense(9, "tanh"), Residual([Dense(4, "relu"), Dense(9)]), LayerNorm()]),
        Residual([Residual([Activation("tanh")])]),
        Dense(3),
    ],
    "no bias": [Dense(9, "tanh", bias=False), Dense(3, bias=False)],
}


def network(layers, dtype="float64", seed=0):
    """A network of parameters that no initialiser has a say in."""
    net = fastbp.Network(6, layers, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for values in net.named_parameters().values():
        scale = 1 / np.sqrt(len(values)) if values.ndim == 2 else 0.5
        values[...] = rng.normal(scale=scale, size=values.shape) + (0 if values.ndim == 2 else 0.7)
    return net


def data(net, n_samples):
    return make.samples(n_samples, 6), make.targets("numbers", n_samples, net.n_out)


every_network = pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)


@every_network
def test_predictions_against_the_oracle(target, dtype, layers):
    net = network(layers, dtype)
    for n_samples in (1, 7, 33, 300):
        X = make.samples(n_samples, 6)
        expected = reference_layers.predict(net, X.astype(dtype))
        assert make.furthest(net.predict(X), expected) < TOLERANCE[dtype]


@every_network
def test_gradients_against_the_oracle(target, dtype, layers):
    net = network(layers, dtype)
    for n_samples in (1, 7, 33):
        X, y = data(net, n_samples)
        loss, expected = reference_layers.squared_error_and_grad(net, X.astype(dtype), y)
        got_loss, got = net.loss_and_grad(X, y, fastbp.SquaredError())
        assert got_loss == pytest.approx(loss, rel=TOLERANCE[dtype])
        assert got.shape == net.params.shape
        if net.n_params:
            assert np.abs(expected).max() > 1e-4
            assert make.furthest(got, expected) < TOLERANCE[dtype]


@every_network
def test_gradients_against_differences(layers):
    net = network(layers)
    X, y = data(net, 5)
    assert fastbp.check_gradients(net, X, y, fastbp.SquaredError()) < 1e-6


def test_batches_too_large_for_one_piece(target, dtype):
    net = network(NETWORKS["residual with a projection"], dtype)
    X, y = data(net, 2500)
    _, expected = reference_layers.squared_error_and_grad(net, X.astype(dtype), y)
    assert make.furthest(net.loss_and_grad(X, y, fastbp.SquaredError())[1], expected) < 10 * TOLERANCE[dtype]


@every_network
def test_one_sample_is_a_batch_of_one(target, dtype, layers):
    net = network(layers, dtype)
    X = make.samples(20, 6).astype(dtype)
    together = net.predict(X)
    for x, expected in zip(X, together, strict=True):
        assert make.same_bits(net.predict_one(x), expected)
        assert make.same_bits(net.predict(x[None, :])[0], expected)


@every_network
@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.01), fastbp.Adam(0.01)], ids=repr)
def test_learning_one_is_fitting_one(target, dtype, layers, optimizer):
    X, y = data(network(layers), 6)
    one, other = (fastbp.Trainer(network(layers, dtype), fastbp.SquaredError(), optimizer) for _ in range(2))
    for i in range(6):
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
@pytest.mark.parametrize("batch_size", [1, 16, 61])
def test_number_of_threads(all_threads, layers, batch_size):
    results = [trained(layers, batch_size=batch_size, n_threads=n) for n in THREADS]
    assert results.count(results[0]) == len(THREADS)


def test_targets_with_fused_multiply_add(restored_target, dtype):
    if len(FUSED) < 2:
        pytest.skip(f"needs two targets with fused multiply-add, this machine runs {fastbp.available_targets()}")
    results = []
    for target in FUSED:
        fastbp.set_target(target)
        results.append([trained(layers, dtype) for layers in NETWORKS.values()])
    assert results[0] == results[1]


@every_network
def test_training_is_gradients_and_updates(dtype, layers):
    """A fit by plain SGD, part of which happens inside the backward pass, is a loop of gradients and steps."""
    net = network(layers, dtype)
    X, y = data(net, 33)
    trained = copy.deepcopy(net)
    fastbp.Trainer(trained, fastbp.SquaredError(), fastbp.SGD(1 / 64), batch_size=8).fit(X, y, 1, shuffle=False)
    for i in range(0, 33, 8):
        _, grad = net.loss_and_grad(X[i : i + 8], y[i : i + 8], fastbp.SquaredError(), training=True)
        net.params[...] = exact.sgd_step(net.params, grad, 1 / 64)
    assert make.same_bits(trained.params, net.params)


@every_network
def test_networks_survive(tmp_path, layers):
    net = network(layers, "float32")
    net.save(tmp_path / "net.npz")
    X = make.samples(5, 6)
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
        "1 residual        identity    9 -> 9         193",
        "1.0 dense         tanh        9 -> 9          90",
        "1.1 residual      identity    9 -> 9          85",
        "1.1.0 dense       relu        9 -> 4          40",
    ]
    for name, values in net.named_parameters().items():
        assert values.any() != name.endswith("bias"), name


@pytest.mark.parametrize(
    ("make_network", "error", "message"),
    [
        (lambda: Residual([Dense(3, "softmax")]), ValueError, "softmax is for the last layer of a network alone"),
        (lambda: Residual([]), ValueError, "layers must name at least one layer, got none"),
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
