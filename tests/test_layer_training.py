"""What layers do to a training: masks and noise, running statistics, freezing, penalties and limits of weights."""

import copy
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import Activation, BatchNorm, Dense, Dropout, Embedding, GaussianNoise, LayerNorm, PReLU, Residual
from tests import exact, reference_layers
from tests import makers as make
from tests.test_layer_kinds import network

ANSWERS = json.loads((Path(__file__).parent / "data" / "layers.json").read_text())
OPTIMIZERS = [fastbp.SGD(0.01), fastbp.SGD(0.01, momentum=0.9, weight_decay=0.1), fastbp.Adam(0.01, weight_decay=0.1)]


def data(n_samples, n_out=3):
    return make.samples(n_samples, 6), make.targets("numbers", n_samples, n_out)


def fitted(net, epochs=2, optimizer=None, batch_size=8, **settings):
    trainer = fastbp.Trainer(net, fastbp.SquaredError(), optimizer or fastbp.SGD(0.01), batch_size, **settings)
    trainer.fit(*data(34, net.n_out), epochs=epochs)
    return trainer


# Against PyTorch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_known_answers_of_pytorch(target, name):
    """The layer behind a Dense of known weights, whose gradient shows dx: the loss is sum(y * direction)."""
    layer = eval(name, vars(fastbp))
    answer = ANSWERS[name]
    net = fastbp.Network(4, [Dense(4, bias=False), layer], dtype="float64")
    params = net.named_parameters()
    params["0.weight"][...] = np.eye(4)
    for got, values in zip(list(params.values())[1:], answer["params"], strict=True):
        got[...] = values
    for step in answer["steps"]:
        x, direction = np.array(step["x"]), np.array(step["direction"])
        # d/dy of the mean squared error is 2 (y - t) / y.size
        t = np.array(step["y"]) - direction * direction.size / 2
        _, grad = net.loss_and_grad(x, t, fastbp.SquaredError(), training=step["training"])
        expected = [x.T @ np.array(step["dx"]), *(np.array(values) for values in step["grads"])]
        np.testing.assert_allclose(
            grad, np.concatenate([values.ravel() for values in expected]), rtol=1e-10, atol=1e-12
        )
        for got, values in zip(net.named_buffers().values(), step["buffers"], strict=True):
            np.testing.assert_allclose(got, values, rtol=1e-13)
    np.testing.assert_allclose(net.predict(x), step["y"], rtol=1e-12, atol=1e-14)


# Dropout and noise ---------------------------------------------------------------------------------------------------


def drawn(layer, n_samples, n_features, seed=0, dtype="float64", x=1.0):
    """What the layer makes of x in training, (n_samples, n_features): the gradient of the weights behind it tells."""
    net = fastbp.Network(n_features, [layer, Dense(n_samples, bias=False)], dtype=dtype)
    net.params[...] = 0
    targets = -np.eye(n_samples) * n_samples**2 / 2  # d loss / d output of sample i is 1 at output i
    _, grad = net.loss_and_grad(np.full((n_samples, n_features), x), targets, fastbp.SquaredError(), None, True, seed)
    return grad.reshape(n_features, n_samples).T


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate):
    values = drawn(Dropout(rate), 400, 300, dtype="float32")
    kept = values != 0
    assert np.abs(values[kept] * (1 - rate) - 1).max() < 1e-5
    # Standard deviations of the shares dropped in all, of a sample, of a feature
    assert abs(kept.mean() - (1 - rate)) <= 4 * np.sqrt(rate * (1 - rate) / kept.size)
    for axis in (0, 1):
        spread = (kept.mean(axis) - (1 - rate)) / (np.sqrt(rate * (1 - rate) / kept.shape[axis]) or 1)
        assert np.abs(spread).max() < 5
        assert rate == 0 or 0.85 < spread.std() < 1.15
    # neighbours, in samples and in features, are independent
    if rate:
        for one, other in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(kept.size)


def test_noise_is_normal(target):
    values = (drawn(GaussianNoise(0.5), 400, 300, dtype="float32", x=3.0) - 3) / 0.5
    assert abs(values.mean()) < 4 / np.sqrt(values.size)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / values.size)
    assert abs((values**4).mean() - 3) < 0.1
    assert 4 < np.abs(values).max() < 5.5
    for level, share in ((1, 0.682689), (2, 0.954500), (3, 0.997300)):
        assert abs((np.abs(values) < level).mean() - share) < 4 * np.sqrt(share * (1 - share) / values.size)


@pytest.mark.parametrize("layer", [Dropout(0.5), GaussianNoise(1.0)], ids=repr)
def test_what_is_drawn(layer):
    """The same on every target and in both dtypes; other with another seed, and in another layer."""
    results = [drawn(layer, 33, 37, dtype=dtype) for dtype in ("float32", "float64")]
    np.testing.assert_allclose(results[0], results[1], rtol=2e-5, atol=1e-5)
    assert (drawn(layer, 33, 37, seed=1) != results[1]).mean() > 0.4
    net = fastbp.Network(37, [layer, layer], dtype="float64")
    once = fastbp.Network(37, [layer], dtype="float64")
    X, zeros = np.ones((33, 37)), np.zeros((33, 37))
    squares = [each.loss_and_grad(X, zeros, fastbp.SquaredError(), training=True)[0] for each in (once, net)]
    assert 1.2 < squares[1] / squares[0] < 2.2


@pytest.mark.parametrize("layers", [[Dropout(0.5), Dense(3)], [Dense(9), GaussianNoise(0.1), Dense(3)]], ids=str)
def test_two_fits_are_one(dtype, layers):
    nets = [network(layers, dtype) for _ in range(4)]
    fitted(nets[0], epochs=4)
    trainer = fitted(nets[1], epochs=1)
    trainer.fit(*data(34), epochs=3)
    assert make.same_bits(nets[0].params, nets[1].params)
    fitted(nets[2], epochs=1)
    fitted(nets[3], epochs=1, seed=1)
    assert not make.same_bits(nets[2].params, nets[3].params)


def test_masks_differ_from_batch_to_batch():
    net = fastbp.Network(1, [Dropout(0.5), Dense(1, bias=False)], dtype="float64")
    net.params[...] = 0
    trainer = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(0.5), batch_size=1)
    kept = []
    for _ in range(200):
        before = net.params[0]
        trainer.fit([[1.0]], [[before * 2 + 1]], epochs=1)
        kept.append(net.params[0] != before)
        trainer.learn_one([1.0], [net.params[0] * 2 + 1])
    assert 70 < sum(kept) < 130
    assert 30 < sum(a != b for a, b in itertools.pairwise(kept)) < 160


def test_predictions_draw_nothing():
    plain = network([Dense(9, "tanh"), Dense(3)])
    for layers in (
        [Dense(9, "tanh"), Dropout(0.5), Dense(3)],
        [GaussianNoise(1), Dense(9, "tanh"), GaussianNoise(2), Dense(3)],
    ):
        net = network(layers)
        net.params[...] = plain.params
        X, y = data(33)
        assert make.same_bits(net.predict(X), plain.predict(X))
        assert net.loss_and_grad(X, y, fastbp.SquaredError())[0] == plain.loss_and_grad(X, y, fastbp.SquaredError())[0]
        trainers = [fastbp.Trainer(each, fastbp.SquaredError()) for each in (net, plain)]
        assert trainers[0].evaluate(X, y) == trainers[1].evaluate(X, y)


# BatchNorm -----------------------------------------------------------------------------------------------------------


def test_running_statistics_find_the_data():
    net = fastbp.Network(6, [BatchNorm(), Dense(3)], dtype="float64")
    X = make.samples(64, 6) * [1, 2, 3, 4, 5, 6] + 7
    trainer = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(1e-6), batch_size=64)
    trainer.fit(X, make.targets("numbers", 64, 3), epochs=300)
    np.testing.assert_allclose(net.named_buffers()["0.running_mean"], X.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(net.named_buffers()["0.running_var"], X.var(axis=0, ddof=1), rtol=1e-10)


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "got"), [(33, 8, "33 in batches of 8"), (9, 1, "9 in batches of 1"), (1, 5, "got 1")]
)
def test_a_batch_of_one_has_no_variance(n_samples, batch_size, got):
    net = network([Dense(9), BatchNorm(), Dense(3)])
    before = net.params.copy(), net.buffers.copy()
    trainer = fastbp.Trainer(net, fastbp.SquaredError(), batch_size=batch_size)
    with pytest.raises(ValueError, match=f"BatchNorm needs at least 2 samples a batch in training, {got}.*batch_size"):
        trainer.fit(*data(n_samples))
    with pytest.raises(ValueError, match="at least 2 samples a batch in training, got 1"):
        net.loss_and_grad(*data(1), fastbp.SquaredError(), training=True)
    with pytest.raises(ValueError, match="at least 2 samples a batch in training, got 1"):
        trainer.learn_one(np.ones(6), np.ones(3))
    assert make.same_bits(net.params, before[0])
    assert make.same_bits(net.buffers, before[1])
    net.layers[1].trainable = False
    trainer.fit(*data(n_samples))
    trainer.learn_one(np.ones(6), np.ones(3))
    assert make.same_bits(net.buffers, before[1])


def test_a_batch_that_diverges_leaves_no_trace():
    """Parameters and statistics are those before it, found by repeating what was drawn."""
    layers = [Dense(9), BatchNorm(), Dropout(0.3), Dense(3)]
    net, kept = network(layers, "float32"), network(layers, "float32")
    X, y = data(32)
    X[20] *= 1e38
    trainers = [fastbp.Trainer(each, fastbp.SquaredError(), fastbp.SGD(0.01), batch_size=8) for each in (net, kept)]
    with pytest.raises(fastbp.DivergedError) as caught:
        trainers[0].fit(X, y, shuffle=False)
    assert (caught.value.epoch, caught.value.batch) == (0, 2)
    trainers[1].fit(X[:16], y[:16], 1, shuffle=False)
    assert make.same_bits(net.params, kept.params)
    assert make.same_bits(net.buffers, kept.buffers)


def test_the_best_statistics_come_back():
    net = network([Dense(9), BatchNorm(), Dense(3)])
    X, y = data(32)
    seen = []

    class Watch(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            seen.append((logs["val_loss"], net.buffers.copy()))

    trainer = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(0.5))
    stopping = fastbp.EarlyStopping(patience=3)
    trainer.fit(X, y, 30, validation_data=(X[:7] + 1, y[:7]), callbacks=[stopping, Watch()])
    assert make.same_bits(net.buffers, min(seen, key=lambda each: each[0])[1])


# Freezing ------------------------------------------------------------------------------------------------------------

FROZEN = {
    "dense first": ([Dense(9, "tanh", trainable=False), Dense(3)], ["0.weight", "0.bias"]),
    "dense in the middle": ([Dense(9), Dense(9, trainable=False), Dense(3)], ["1.weight", "1.bias"]),
    "dense last": ([Dense(9, "tanh"), Dense(3, trainable=False)], ["1.weight", "1.bias"]),
    "layer_norm": ([Dense(9), LayerNorm(trainable=False), Dense(3)], ["1.weight", "1.bias"]),
    "batch_norm": (
        [Dense(9), BatchNorm(trainable=False), Dense(3)],
        ["1.weight", "1.bias", "1.running_mean", "1.running_var"],
    ),
    "prelu": ([Dense(9), PReLU(trainable=False), Dense(3)], ["1.slope"]),
    "residual": (
        [Residual([Dense(6, l2=0.1), BatchNorm()], trainable=False), Dense(3)],
        ["0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias", "0.1.running_mean", "0.1.running_var"],
    ),
    "in a residual": (
        [Residual([Dense(9), Dense(6, trainable=False)]), Dense(3, max_norm=0.5)],
        ["0.1.weight", "0.1.bias"],
    ),
    "limited": ([Dense(9, max_norm=0.01, l1=0.1, trainable=False), Dense(3)], ["0.weight", "0.bias"]),
    "all": ([Dense(3, trainable=False)], ["0.weight", "0.bias"]),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "momentum", "adam"])
@pytest.mark.parametrize(("layers", "names"), FROZEN.values(), ids=FROZEN)
def test_frozen_layers_stay(layers, names, optimizer):
    net = network(layers, "float32")
    before = copy.deepcopy({**net.named_parameters(), **net.named_buffers()})
    trainer = fitted(net, optimizer=optimizer, n_threads=2)
    trainer.learn_one(*(rows[0] for rows in data(1)))
    after = {**net.named_parameters(), **net.named_buffers()}
    for name, values in after.items():
        assert make.same_bits(values, before[name]) == (name in names), name
    # The gradient of what is frozen is computed all the same.
    grad = net.loss_and_grad(*data(8), fastbp.SquaredError())[1]
    assert fastbp.check_gradients(net, *data(8), fastbp.SquaredError()) < 1e-6
    begin = 0
    for name, values in net.named_parameters().items():
        assert np.abs(grad[begin : begin + values.size]).max() > 0, name
        begin += values.size


def test_freezing_and_thawing():
    net = network([Dense(9, "tanh"), Dense(3)])
    trainer = fitted(net, optimizer=fastbp.Adam(0.01))
    for trainable in (False, True, False):
        net.layers[0].trainable = trainable
        before = net.named_parameters()["0.weight"].copy()
        trainer.fit(*data(34), epochs=1)
        assert make.same_bits(net.named_parameters()["0.weight"], before) != trainable
        before = net.named_parameters()["0.weight"].copy()
        trainer.learn_one(*(rows[0] for rows in data(1)))
        trainer.learn_one(*(rows[0] for rows in data(1)))
        assert make.same_bits(net.named_parameters()["0.weight"], before) != trainable
    assert "0 dense, frozen" in str(net)
    assert not copy.deepcopy(net).layers[0].trainable


def test_freezing_meanwhile_is_refused():
    net = network([Dense(9, "tanh"), Dense(3)])

    class Freeze(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            net.layers[0].trainable = False
            trainer.evaluate(*data(5))

    with pytest.raises(RuntimeError, match="freeze layers between two calls of fit"):
        fastbp.Trainer(net, fastbp.SquaredError()).fit(*data(34), callbacks=[Freeze()])


# Penalties and limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.01), (0.02, 0.0), (0.02, 0.01)])
def test_penalties_are_part_of_the_loss(target, dtype, l1, l2):
    plain = network([Dense(33, "tanh"), Dense(3)], dtype)
    net = network([Dense(33, "tanh", l1=l1, l2=l2), Dense(3, l2=2 * l2)], dtype)
    w, v = (net.named_parameters()[name].astype(float) for name in ("0.weight", "1.weight"))
    X, y = data(33)
    weights = make.weights(33)
    expected = l1 * np.abs(w).sum() + l2 * (w**2).sum() + 2 * l2 * (v**2).sum()
    slopes = [l1 * np.sign(w) + 2 * l2 * w, np.zeros(33), 4 * l2 * v, np.zeros(3)]
    losses, grads = zip(
        *(each.loss_and_grad(X, y, fastbp.SquaredError(), weights) for each in (net, plain)), strict=True
    )
    assert losses[0] - losses[1] == pytest.approx(expected, rel=1e-4)
    difference = np.concatenate([values.ravel() for values in slopes])
    np.testing.assert_allclose(grads[0] - grads[1], difference, atol=1e-5 if dtype == "float32" else 1e-14)
    evaluated = [fastbp.Trainer(each, fastbp.SquaredError()).evaluate(X, y)["loss"] for each in (net, plain)]
    assert evaluated[0] - evaluated[1] == pytest.approx(expected, rel=1e-4)
    history = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(1e-30), batch_size=8).fit(X, y, 1)
    assert history.loss[0] == pytest.approx(evaluated[0], rel=1e-5)
    assert fastbp.check_gradients(net, X, y, fastbp.SquaredError(), weights) < 1e-6


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "momentum", "adam"])
def test_a_penalty_is_a_gradient_like_any_other(all_threads, dtype, optimizer):
    """Fits, of one sample too, are steps along the gradient of loss_and_grad, for any number of threads."""
    layers = [Dense(33, "tanh", l1=0.01, l2=0.02), Dense(3, max_norm=0.7)]
    results = []
    for n_threads in (1, 2, 3):
        net = network(layers, dtype)
        fitted(net, optimizer=optimizer, n_threads=n_threads)
        results.append(net.params.tobytes())
    assert results.count(results[0]) == 3
    one, other = (fastbp.Trainer(network(layers, dtype), fastbp.SquaredError(), optimizer) for _ in range(2))
    X, y = data(6)
    for i in range(6):
        assert one.learn_one(X[i], y[i]) == other.fit(X[i : i + 1], y[i : i + 1], 1).loss[0]
        assert make.same_bits(one.network.params, other.network.params)


def test_plain_sgd_with_a_penalty(dtype):
    net = network([Dense(9, "tanh"), Dense(9, "tanh", l1=0.1, l2=0.1), Dense(3)], dtype)
    twin = copy.deepcopy(net)
    X, y = data(32)
    fastbp.Trainer(twin, fastbp.SquaredError(), fastbp.SGD(1 / 64), batch_size=8).fit(X, y, 1, shuffle=False)
    for i in range(0, 32, 8):
        _, grad = net.loss_and_grad(X[i : i + 8], y[i : i + 8], fastbp.SquaredError())
        net.params[...] = exact.sgd_step(net.params, grad, 1 / 64)
    assert make.same_bits(twin.params, net.params)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["sgd", "momentum", "adam"])
def test_norms_are_limited(target, dtype, optimizer):
    net = network([Dense(21, "tanh", max_norm=0.6), Dense(3)], dtype)
    free = network([Dense(21, "tanh"), Dense(3)], dtype)
    X, y = data(8)
    for each in (net, free):
        fastbp.Trainer(each, fastbp.SquaredError(), optimizer, batch_size=8).fit(X, y, 1)
    got, expected = (each.named_parameters()["0.weight"] for each in (net, free))
    norms = np.linalg.norm(expected.astype(float), axis=0)
    assert (norms > 0.6).any()
    assert (norms < 0.6).any()
    np.testing.assert_allclose(got, expected * np.minimum(1, 0.6 / norms), rtol=1e-5)
    assert make.same_bits(got[:, norms < 0.6], expected[:, norms < 0.6])
    np.testing.assert_allclose(net.params[6 * 21 :], free.params[6 * 21 :])


# Embeddings ----------------------------------------------------------------------------------------------------------


def test_large_categories_are_exact():
    n = 2**24
    layers = [Embedding(n, 1).config()]
    net = fastbp.Network._from_config({"n_in": 1, "layers": layers, "dtype": "float32", "metadata": {}})
    net.params[...] = np.arange(n)
    rows = np.array([[0], [1], [n // 2 + 1], [n - 2], [n - 1]])
    assert net.predict(rows).tolist() == rows.tolist()
    assert net.predict_one([n - 1]).tolist() == [n - 1]


def test_repeated_categories_add_up(all_threads, dtype):
    results = []
    for n_threads in (1, 2, 3):
        net = fastbp.Network(2, [Embedding(3, 5), Dense(1)], dtype=dtype)
        X = np.random.default_rng(0).integers(0, 3, size=(200, 2))
        trainer = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(0.1), 64, n_threads)
        trainer.fit(X, X.sum(axis=1), epochs=3)
        results.append(net.params.tobytes())
    assert results.count(results[0]) == 3


@pytest.mark.parametrize("value", [-1, 3, 0.5, 1e20])
def test_what_is_no_category(value):
    net = fastbp.Network(2, [Embedding(3, 5, columns=1), Dense(1)])
    before = net.params.copy()
    X = np.ones((4, 2))
    X[2, 1] = value
    trainer = fastbp.Trainer(net, fastbp.SquaredError())
    trainer.learn_one(X[0], 1.0)
    net.params[...] = before
    message = re.escape(f"column 1 of X must hold categories, integers in 0 ... 2, got {value:g} in row")
    for use in (
        lambda: net.predict(X),
        lambda: net.predict(X, check_finite=False),
        lambda: net.predict_one(X[2]),
        lambda: net.predict_one(X[2].astype("f4")),
        lambda: net.loss_and_grad(X, np.ones(4), fastbp.SquaredError()),
        lambda: trainer.fit(X, np.ones(4)),
        lambda: trainer.evaluate(X, np.ones(4)),
        lambda: trainer.learn_one(X[2], 1.0),
        lambda: trainer.learn_one(X[2].astype("f4"), 1.0),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    assert make.same_bits(net.params, before)
    with pytest.raises(ValueError, match="got nan in row 0"):
        net.predict_one([1, np.nan])


# Arguments -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_network", "error", "message"),
    [
        (lambda: Dropout(1), ValueError, "rate must be at least 0 and less than 1, got 1"),
        (lambda: Dropout(-0.1), ValueError, "rate must be at least 0 and less than 1, got -0.1"),
        (lambda: Dropout("0.1"), TypeError, "rate must be a number, got '0.1'"),
        (lambda: GaussianNoise(-1), ValueError, "std must be at least 0 and finite, got -1"),
        (lambda: GaussianNoise(np.inf), ValueError, "std must be at least 0 and finite, got inf"),
        (lambda: BatchNorm(1.0), ValueError, "momentum must be at least 0 and less than 1, got 1"),
        (lambda: BatchNorm(epsilon=0), ValueError, "epsilon must be greater than 0 and finite, got 0"),
        (lambda: BatchNorm(affine=1), TypeError, "affine must be True or False, got 1"),
        (lambda: PReLU(np.nan), ValueError, "slope must be .*finite, got nan"),
        (lambda: PReLU(shared=1), TypeError, "shared must be True or False, got 1"),
        (lambda: Dense(3, l1=-1), ValueError, "l1 must be at least 0 and finite, got -1"),
        (lambda: Dense(3, l2="1"), TypeError, "l2 must be a number, got '1'"),
        (lambda: Dense(3, max_norm=0), ValueError, "max_norm must be greater than 0 and finite, got 0"),
        (lambda: Embedding(0, 2), ValueError, "n_categories must be at least 1, got 0"),
        (lambda: Embedding(2**24 + 1, 2), ValueError, "n_categories must be at most 16777216, got 16777217"),
        (lambda: Embedding(5, 0), ValueError, "n_dim must be at least 1, got 0"),
        (lambda: Embedding(5, 2.0), TypeError, "n_dim must be an integer, got 2.0"),
        (lambda: Embedding(5, 2, -1), ValueError, "columns must be at least 0, got -1"),
        (lambda: Embedding(5, 2, (1, 1)), ValueError, r"columns must differ, got \(1, 1\)"),
        (lambda: Embedding((5, 6), 2, 1), ValueError, r"n_categories must be .* one for each column, 1, got \(5, 6\)"),
        (lambda: Embedding(5, 2, ()), ValueError, r"columns must be an integer or one for each column"),
        (lambda: Embedding(5, 2, "0"), TypeError, "columns must be an integer, got '0'"),
        (
            lambda: fastbp.Network(2, [Embedding(5, 2, 2)]),
            ValueError,
            "layer 0: an Embedding of column 2 needs more inputs than 2: count from 0",
        ),
        (lambda: fastbp.Network(2, [Dense(2), Embedding(5, 2)]), ValueError, "Embedding must be the first .*layer 1"),
        (lambda: Residual([Embedding(5, 2)]), ValueError, "Embedding must be the first layer .* got it in a Residual"),
        (
            lambda: fastbp.Trainer(fastbp.Network(2, [Dense(3), Dropout(0.5)]), fastbp.CrossEntropy()),
            ValueError,
            "softmax",
        ),
        (
            lambda: fastbp.Network(2, [Activation("tanh")]).loss_and_grad(
                [[1, 2]], [[1, 2]], fastbp.SquaredError(), training="yes"
            ),
            TypeError,
            "training must be True or False, got 'yes'",
        ),
    ],
    ids=str,
)
def test_bad_arguments(make_network, error, message):
    with pytest.raises(error, match=message):
        make_network()


def test_the_numbers_drawn_are_splitmix():
    """Known answers of SplitMix64 with seed 0 (Vigna's splitmix64.c)."""
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [int(reference_layers.random_bits(np.uint64(0), n)) for n in range(3)] == expected
