"""`train` is a loop of `loss_and_grad` and an update: bit for bit with SGD, closely with the oracle's optimisers."""

import numpy as np
import pytest

import fastbp
from tests import exact, reference
from tests import makers as make

# (samples, batch size): all at once, batches of some, with a smaller last one, of one, more than there are samples;
# batches that go through in pieces.
BATCHES = [(27, 27), (32, 8), (27, 8), (7, 1), (27, 1000), (1500, 1500), (2600, 1300)]
OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {"learning_rate": 0.001}),
    ("Adam", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"learning_rate": 0.01, "beta_1": 0.0, "beta_2": 0.0}),
]
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def slices(n_samples, batch_size):
    return [slice(begin, begin + batch_size) for begin in range(0, n_samples, batch_size)]


def replay(net, X, y, loss, weights, batch_size, epochs, learning_rate, weight_decay):
    """What plain SGD without shuffling does to the network; returns the losses of the epochs."""
    history = []
    for _ in range(epochs):
        losses, masses = [], []
        for rows in slices(len(X), batch_size):
            w = None if weights is None else weights[rows]
            value, grad = net.loss_and_grad(X[rows], y[rows], loss, w)
            net.params[...] = exact.sgd_step(net.params, grad, learning_rate, weight_decay)
            losses.append(value)
            masses.append(len(y[rows]) if weights is None else w.sum())
        history.append(np.average(losses, weights=masses))
    return history


def check_bits(net, twin, pair, n_samples, batch_size, weight_decay=0.0, weighted=False, n_threads=1, epochs=2):
    loss, _, kind = pair
    X, y = make.samples(n_samples, net.n_in), make.targets(kind, n_samples, net.n_out)
    weights = make.weights(n_samples) if weighted else None
    optimizer = fastbp.SGD(0.1, weight_decay=weight_decay)
    before = net.params.copy()
    trainer = fastbp.Trainer(net, make.loss(loss), optimizer, batch_size=batch_size, n_threads=n_threads)
    history = trainer.fit(X, y, epochs=epochs, sample_weight=weights, shuffle=False)
    expected = replay(twin, X, y, make.loss(loss), weights, batch_size, epochs, 0.1, weight_decay)
    assert np.abs(net.params - before).max() > 1e-3
    assert make.same_bits(net.params, twin.params)
    assert history.loss == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("n_samples", "batch_size"), BATCHES)
def test_plain_sgd(target, dtype, n_samples, batch_size):
    net, twin = (make.network([5, 7, 3], dtype=dtype) for _ in range(2))
    check_bits(net, twin, make.LOSSES[0], n_samples, batch_size, epochs=3)


@pytest.mark.parametrize("weight_decay", [0.0, 0.125, 0.1])
@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
def test_plain_sgd_with_everything(all_threads, target, dtype, pair, weight_decay):
    net, twin = (make.network([5, 7, 3], "gelu", pair[1], dtype) for _ in range(2))
    check_bits(net, twin, pair, 45, 10, weight_decay, weighted=True)
    net, twin = (make.network([5, 7, 3], "gelu", pair[1], dtype, bias=False) for _ in range(2))
    check_bits(net, twin, pair, 45, 45, weight_decay, n_threads=2)


@pytest.mark.parametrize("widths", [[3, 19, 17, 2], [30, 35, 1], [1, 1, 1], [260, 2]], ids=str)
def test_plain_sgd_in_other_shapes(dtype, widths):
    net, twin = (make.network(widths, dtype=dtype) for _ in range(2))
    check_bits(net, twin, make.LOSSES[0], 37, 16)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [[3, 1], [4, 107, 10, 2], [9, 67, 3], [2, 16, 5]], ids=str)
def test_plain_sgd_on_one_sample_after_another(target, dtype, widths, bias):
    net, twin = (make.network(widths, dtype=dtype, bias=bias) for _ in range(2))
    check_bits(net, twin, make.LOSSES[0], 11, 1)
    assert make.same_bits(net.predict(make.samples(3, widths[0])), twin.predict(make.samples(3, widths[0])))


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS, ids=str)
@pytest.mark.parametrize("batch_size", [27, 8])
def test_optimizers_against_the_oracle(target, dtype, name, settings, batch_size):
    net = make.network([5, 7, 3], "tanh", "softmax", dtype)
    X, y = make.samples(27, 5).astype(dtype), make.targets("labels", 27, 3)
    parameters, activations = make.oracle(net)
    optimizer = getattr(reference, name)(**settings)
    history = []
    for _ in range(5):
        losses = []
        for rows in slices(27, batch_size):
            value, gradient = reference.loss_and_grad(parameters, activations, X[rows], y[rows], "CrossEntropy")
            optimizer.update(parameters, gradient)
            losses.append(value)
        history.append(np.average(losses, weights=[len(y[rows]) for rows in slices(27, batch_size)]))
    trainer = fastbp.Trainer(net, optimizer=getattr(fastbp, name)(**settings), batch_size=batch_size)
    got = trainer.fit(X, y, epochs=5, shuffle=False)
    np.testing.assert_allclose(got.loss, history, rtol=TOLERANCE[dtype])
    assert make.furthest(net.params, make.flat(net, parameters)) < TOLERANCE[dtype]


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS, ids=str)
def test_learn_one_is_a_batch_of_one(target, dtype, name, settings):
    X, y = make.samples(9, 5), make.targets("labels", 9, 3)
    one, many = (make.network([5, 7, 3], "relu", "softmax", dtype) for _ in range(2))
    online = fastbp.Trainer(one, optimizer=getattr(fastbp, name)(**settings))
    losses = [online.learn_one(x, label) for x, label in zip(X, y, strict=True)]
    batched = fastbp.Trainer(many, optimizer=getattr(fastbp, name)(**settings), batch_size=1)
    history = batched.fit(X, y, epochs=1, shuffle=False)
    assert make.same_bits(one.params, many.params)
    assert history.loss == pytest.approx([np.mean(losses)], rel=1e-13)


@pytest.mark.parametrize(
    ("output", "y"),
    [
        ("softmax", 2),
        ("softmax", np.int8(1)),
        ("softmax", [0.25, 0.5, 0.25]),
        ("sigmoid", (0, 1, 1)),
        ("identity", [1.5, 0, -3]),
    ],
)
def test_learn_one_takes_what_a_row_holds(output, y):
    net = make.network([5, 7, 3], output=output)
    twin = make.network([5, 7, 3], output=output)
    x = make.samples(1, 5)[0]
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.1))
    expected, grad = twin.loss_and_grad([x], np.array([y]), trainer.loss)
    assert trainer.learn_one(x, y) == expected
    assert make.same_bits(net.params, exact.sgd_step(twin.params, grad, 0.1))


def test_learn_one_takes_a_number_for_one_output():
    net = make.network([5, 7, 1])
    x = make.samples(1, 5)[0]
    p = float(net.predict_one(x)[0])
    assert fastbp.Trainer(net).learn_one(x, 2.5) == pytest.approx((p - 2.5) ** 2, rel=1e-13)


def test_learning_one_after_another_learns():
    net = make.network([3, 8, 1])
    X = make.samples(400, 3)
    y = X @ [1.0, -2.0, 0.5]
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.02))
    for _ in range(5):
        losses = [trainer.learn_one(x, t) for x, t in zip(X, y, strict=True)]
    assert np.mean(losses) < 0.05
    assert trainer.evaluate(X, y)["r2"] > 0.95
