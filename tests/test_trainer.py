"""What a fit does with epochs, weights and validation data, and what it reports."""

import subprocess
import sys

import numpy as np
import pytest

import fastbp
from tests import makers as make
from tests import reference

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])


def accuracy(p, y, w):
    return np.average(p.argmax(axis=1) == (y if y.ndim == 1 else y.argmax(axis=1)), weights=w)


def binary_accuracy(p, y, w):
    return np.average(((p > 0.5) == (y > 0.5)).mean(axis=1), weights=w)


def r2(p, y, w):
    mean = np.average(y, axis=0, weights=w)
    return np.mean(1 - np.average((y - p) ** 2, axis=0, weights=w) / np.average((y - mean) ** 2, axis=0, weights=w))


SCORES = {
    "SquaredError": ("r2", r2),
    "CrossEntropy": ("accuracy", accuracy),
    "BinaryCrossEntropy": ("accuracy", binary_accuracy),
}


def trained(X, y, sample_weight=None, epochs=3, optimizer=None, batch_size=1000, shuffle=False, dtype="float64"):
    """Return a network and the history of its training, without shuffling and on all rows at once unless told."""
    net = make.network([5, 7, 3], "tanh", "softmax", dtype)
    trainer = fastbp.Trainer(net, optimizer=optimizer or fastbp.SGD(0.1), batch_size=batch_size)
    return net, trainer.fit(X, y, epochs=epochs, sample_weight=sample_weight, shuffle=shuffle)


# Learning -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_xor_is_learnt(seed):
    net = fastbp.Network.mlp([2, 8, 1], activation="tanh", output="sigmoid", seed=seed)
    trainer = fastbp.Trainer(net, optimizer=fastbp.Adam(0.1), seed=seed)
    history = trainer.fit(*XOR, epochs=500)
    assert history.loss[0] > 0.1
    assert history.loss[-1] < 1e-3
    assert (net.predict(XOR[0])[:, 0] > 0.5).tolist() == [False, True, True, False]


@pytest.mark.parametrize("seed", range(10))
def test_xor_is_learnt_by_plain_descent(seed):
    net = fastbp.Network.mlp([2, 8, 1], activation="tanh", seed=seed)
    trainer = fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(0.1), batch_size=1, seed=seed)
    assert trainer.fit(*XOR, epochs=1500).loss[-1] < 1e-3


# Sample weights -------------------------------------------------------------------------------------------------------


def test_a_weight_of_two_is_a_second_copy():
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    counts = 1 + np.arange(30) % 2
    weighted, history = trained(X, y, counts)
    repeated, expected = trained(X.repeat(counts, 0), y.repeat(counts))
    assert make.furthest(weighted.params, repeated.params) < 1e-13
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-13)
    plain, _ = trained(X, y)
    assert make.furthest(weighted.params, plain.params) > 1e-3


def test_rows_of_weight_zero_do_not_matter(dtype):
    X, y, weights = make.samples(30, 5), make.targets("labels", 30, 3), make.weights(30)
    assert (weights == 0).any()
    without, expected = trained(X[weights > 0], y[weights > 0], weights[weights > 0], dtype=dtype)
    changed = np.where(weights == 0, 1e6, X.T).T
    for rows in (X, changed):
        net, history = trained(rows, y, weights, dtype=dtype)
        assert make.furthest(net.params, without.params) < {"float32": 1e-6, "float64": 1e-13}[dtype]
        np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-6 if dtype == "float32" else 1e-13)


def test_rows_of_weight_zero_may_overflow():
    net = make.network([2, 1], dtype="float32")
    X, y = np.ones((2, 2)), np.array([1.0, 1e38])
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.1))
    alone = net.loss_and_grad(X[:1], y[:1], trainer.loss)
    both = net.loss_and_grad(X, y, trainer.loss, [1, 0])
    assert both[0] == alone[0]
    assert make.same_bits(both[1], alone[1])
    assert trainer.evaluate(X, y, [1, 0])["loss"] == trainer.evaluate(X[:1], y[:1])["loss"]
    assert trainer.fit(X, y, epochs=1, sample_weight=[1, 0]).loss == pytest.approx([alone[0]])


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.SGD(0.1, momentum=0.9), fastbp.Adam(0.01)], ids=repr)
@pytest.mark.parametrize("silent", [slice(0, 4), slice(4, 8), slice(8, 14)], ids=["first", "middle", "last"])
def test_a_batch_of_weight_zero_is_passed_over(optimizer, silent):
    X, y, weights = make.samples(14, 5), make.targets("labels", 14, 3), np.linspace(1, 2, 14)
    weights[silent] = 0
    kept = weights > 0
    net, history = trained(X, y, weights, optimizer=optimizer, batch_size=4)
    twin, expected = trained(X[kept], y[kept], weights[kept], optimizer=optimizer, batch_size=4)
    assert make.same_bits(net.params, twin.params)
    assert history.loss == expected.loss


WEIGHTLESS = """
import sys
import numpy as np
import fastbp, fastbp._threads

fastbp._threads.n_workers = lambda n_threads, *work: n_threads
n_threads, shuffle = int(sys.argv[1]), sys.argv[2] == "True"
X, y, weights = np.random.default_rng(0).normal(size=(30, 5)), np.arange(30) % 3, np.zeros(30)
weights[[11, 29]] = 1

def train(n_threads):
    net = fastbp.Network.mlp([5, 7, 3], output="softmax")
    trainer = fastbp.Trainer(net, batch_size=1, n_threads=n_threads)
    trainer.fit(X, y, epochs=3, sample_weight=weights, shuffle=shuffle)
    return net.params.tobytes()

assert {train(n_threads) for _ in range(50)} == {train(1)}
"""


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_threads_agree_on_batches_of_weight_zero(n_threads, shuffle):
    """Threads that do not wait for each other at such a batch run apart, and may then wait for ever."""
    command = [sys.executable, "-c", WEIGHTLESS, str(n_threads), str(shuffle)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# Going on -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.SGD(0.05, momentum=0.9), fastbp.Adam(0.01)], ids=repr)
def test_two_fits_are_one_of_twice_the_epochs(dtype, optimizer):
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    results = []
    for parts in ([6], [3, 3], [1, 4, 1]):
        net = make.network([5, 7, 3], "tanh", "softmax", dtype)
        trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=8)
        losses = [value for epochs in parts for value in trainer.fit(X, y, epochs=epochs).loss]
        assert trainer.epoch == 6
        results.append((net.params.tobytes(), losses))
    assert results[0] == results[1] == results[2]


def test_another_optimizer_starts_anew():
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    net, twin = (make.network([5, 7, 3], "tanh", "softmax") for _ in range(2))
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.1, momentum=0.9))
    trainer.fit(X, y, epochs=2, shuffle=False)
    twin.params[...] = net.params
    trainer.optimizer = fastbp.Adam(0.01)
    trainer.fit(X, y, epochs=2, shuffle=False)
    fastbp.Trainer(twin, optimizer=fastbp.Adam(0.01)).fit(X, y, epochs=2, shuffle=False)
    assert make.same_bits(net.params, twin.params)


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.05, momentum=0.9), fastbp.Adam(0.01)], ids=repr)
def test_reset(optimizer):
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    net = fastbp.Network.mlp([5, 7, 3], output="softmax", dtype="float64", seed=4)
    trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=8)
    first = trainer.fit(X, y, epochs=3).loss
    learnt = net.params.copy()
    trainer.learn_one(X[0], 1)
    trainer.reset(seed=4)
    assert trainer.epoch == 0
    assert trainer.fit(X, y, epochs=3).loss == first
    trainer.reset()
    assert make.same_bits(net.params, learnt)
    again = trainer.fit(X, y, epochs=3).loss
    net.params[...] = learnt
    twin = fastbp.Trainer(net, optimizer=optimizer, batch_size=8)
    assert twin.fit(X, y, epochs=3).loss == again
    with pytest.raises(ValueError, match="seed must be at least 0"):
        trainer.reset(seed=-1)


def test_parameters_written_between_fits_count():
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    net, _ = trained(X, y)
    expected = net.params.copy()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.1))
    net.params[...] = make.network([5, 7, 3], "tanh", "softmax").params
    trainer.fit(X, y, epochs=3, shuffle=False)
    assert make.same_bits(net.params, expected)


# Reports --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("pair", make.PAIRS, ids="-".join)
def test_evaluate(dtype, pair, weighted):
    loss, output, kind = pair
    net = make.network([5, 7, 3], "tanh", output, dtype)
    # 700 rows go through in pieces.
    X, y, weights = make.samples(700, 5), make.targets(kind, 700, 3), make.weights(700) if weighted else None
    metric, score = SCORES[loss]
    scores = fastbp.Trainer(net, make.loss(loss)).evaluate(X, y, weights)
    assert list(scores) == ["loss", metric]
    parameters, activations = make.oracle(net)
    costs = reference.sample_losses(parameters, activations, X.astype(dtype), y, loss)
    p = reference.predict(parameters, activations, X.astype(dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert scores["loss"] == pytest.approx(np.average(costs, weights=weights), rel=tolerance)
    assert scores[metric] == pytest.approx(score(p, y, weights), rel=tolerance)
    assert 0 < abs(scores[metric]) < 10


def test_evaluate_of_one_flat_output():
    net = make.network([5, 1])
    X, y = make.samples(40, 5), make.targets("numbers", 40, 1)
    assert fastbp.Trainer(net).evaluate(X, y[:, 0]) == fastbp.Trainer(net).evaluate(X, y)


def test_r2_of_equal_targets():
    net = fastbp.Network(2, [fastbp.Dense(2, initializer="zeros")])
    net.named_parameters()["0.bias"][...] = [3, 7]
    X, y = make.samples(10, 2), np.tile([3.0, 4.0], (10, 1))
    assert fastbp.Trainer(net).evaluate(X, y)["r2"] == 0.5  # the first is predicted exactly, the second is not


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
def test_validation(pair, weighted):
    loss, output, kind = pair
    net, twin = (make.network([5, 7, 3], "tanh", output) for _ in range(2))
    X, y = make.samples(40, 5), make.targets(kind, 40, 3)
    held_out = [make.samples(50, 5, seed=8), make.targets(kind, 50, 3, seed=9)] + [make.weights(50)] * weighted
    trainer, stepwise = (fastbp.Trainer(n, make.loss(loss), fastbp.SGD(0.1), batch_size=16) for n in (net, twin))
    history = trainer.fit(X, y, epochs=4, validation_data=tuple(held_out))
    metric = f"val_{SCORES[loss][0]}"
    assert list(history.metrics) == [metric]
    for epoch in range(4):
        assert stepwise.fit(X, y, epochs=1).loss == [history.loss[epoch]]
        scores = stepwise.evaluate(*held_out)
        assert history.val_loss[epoch] == scores["loss"]
        assert history.metrics[metric][epoch] == scores[metric.removeprefix("val_")]
    assert make.same_bits(net.params, twin.params)


@pytest.mark.parametrize("epochs", [1, 2, 7, 5000])
@pytest.mark.parametrize("validated", [False, True])
def test_lengths_of_a_history(epochs, validated):
    if validated and epochs > 1000:
        epochs = 500
    net = make.network([2, 2], output="softmax")
    X, y = make.samples(4, 2), [0, 1, 1, 0]
    history = fastbp.Trainer(net).fit(X, y, epochs=epochs, validation_data=(X, y) if validated else None)
    assert len(history.loss) == epochs
    assert all(isinstance(value, float) for value in history.loss)
    assert len(history.val_loss) == epochs * validated
    assert [(name, len(values)) for name, values in history.metrics.items()] == [("val_accuracy", epochs)] * validated
    assert history.interrupted is False
    assert f"{epochs} epochs" in repr(history)
    assert f"loss={history.loss[-1]:.4g}" in repr(history)


def test_loss_of_an_epoch_is_the_weighted_mean_of_its_batches():
    X, y, weights = make.samples(14, 5), make.targets("labels", 14, 3), np.linspace(0.5, 3, 14)
    twin = make.network([5, 7, 3], "tanh", "softmax")
    net, history = trained(X, y, weights, epochs=1, batch_size=4)
    trainer = fastbp.Trainer(twin, optimizer=fastbp.SGD(0.1))
    losses = [
        trainer.fit(X[rows], y[rows], epochs=1, sample_weight=weights[rows]).loss[0]
        for rows in (slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 14))
    ]
    assert make.furthest(net.params, twin.params) < 1e-14
    shares = [weights[i : i + 4].sum() for i in range(0, 14, 4)]
    assert history.loss[0] == pytest.approx(np.average(losses, weights=shares), rel=1e-13)


# Defaults and settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", [*make.HIDDEN, "softmax"])
def test_default_loss(output):
    expected = {"softmax": fastbp.CrossEntropy(), "sigmoid": fastbp.BinaryCrossEntropy()}
    assert fastbp.Trainer(make.network([2, 2], output=output)).loss == expected.get(output, fastbp.SquaredError())


def test_defaults():
    net = make.network([2, 2])
    trainer = fastbp.Trainer(net)
    assert trainer.network is net
    assert trainer.optimizer == fastbp.Adam()
    assert (trainer.batch_size, trainer.n_threads, trainer.seed, trainer.epoch) == (32, 1, 0, 0)


def test_numpy_integers_are_settings():
    net = make.network([2, 2])
    trainer = fastbp.Trainer(net, batch_size=np.int64(4), n_threads=np.uint8(1), seed=np.int32(3))
    assert len(trainer.fit(make.samples(9, 2), make.samples(9, 2), epochs=np.int16(3)).loss) == 3


def test_settings_between_fits_count():
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    net, _ = trained(X, y, batch_size=8)
    twin = make.network([5, 7, 3], "tanh", "softmax")
    trainer = fastbp.Trainer(twin, optimizer=fastbp.SGD(0.5), batch_size=30)
    trainer.optimizer.learning_rate = 0.1
    trainer.batch_size = 8
    trainer.fit(X, y, epochs=3, shuffle=False)
    assert make.same_bits(net.params, twin.params)
