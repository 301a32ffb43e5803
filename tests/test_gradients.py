"""Gradients against central differences, against the oracle, and float32 against float64."""

import itertools

import numpy as np
import pytest

import fastbp
from tests import makers as make
from tests import reference

# Sums run over the inputs, the outputs and the samples; each is cut into blocks, panels and tiles of some size.
SHAPES = {
    "7-19-13-3": [7, 19, 13, 3],
    "1-1-1": [1, 1, 1],
    "1-5-1": [1, 5, 1],
    "33-17-16-2": [33, 17, 16, 2],
    "300-270-3": [300, 270, 3],  # more terms than a block of a sum has, in either dtype
    "20-300-260": [20, 300, 260],
    "520-1": [520, 1],
}
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def problem(pair, n_samples, n_in, n_out, weighted):
    loss, _, kind = pair
    y = make.targets(kind, n_samples, n_out)
    return make.samples(n_samples, n_in), y, make.loss(loss), make.weights(n_samples) if weighted else None


def check_against_oracle(net, X, y, loss, weights):
    X = X.astype(net.dtype)
    parameters, activations = make.oracle(net)
    expected_loss, gradient = reference.loss_and_grad(parameters, activations, X, y, type(loss).__name__, weights)
    got_loss, got = net.loss_and_grad(X, y, loss, weights)
    expected = make.flat(net, gradient)
    assert np.abs(expected).max() > 1e-4
    assert isinstance(got_loss, float)
    assert got_loss == pytest.approx(expected_loss, rel=TOLERANCE[net.dtype.name])
    assert got.dtype == net.dtype
    assert got.shape == net.params.shape
    assert make.furthest(got, expected) < TOLERANCE[net.dtype.name]


@pytest.mark.parametrize("pair", make.PAIRS, ids="-".join)
@pytest.mark.parametrize("hidden", make.HIDDEN)
def test_against_differences(hidden, pair):
    net = make.network([3, 5, 4, 3], hidden, pair[1], seed=9)
    for n_samples, weighted in itertools.product([1, 5, 33], [False, True]):
        X, y, loss, weights = problem(pair, n_samples, 3, 3, weighted)
        assert np.abs(net.loss_and_grad(X, y, loss, weights)[1]).max() > 1e-3
        assert fastbp.check_gradients(net, X, y, loss, weights) < 1e-6, (n_samples, weighted)


@pytest.mark.parametrize("pair", make.PAIRS, ids="-".join)
@pytest.mark.parametrize("widths", [[7, 19, 13, 3], [31, 2], [2, 17, 1, 4]], ids=str)
def test_against_differences_in_other_shapes(widths, pair):
    net = make.network(widths, "silu", pair[1])
    X, y, loss, weights = problem(pair, 33, widths[0], widths[-1], True)
    assert fastbp.check_gradients(net, X, y, loss, weights) < 1e-6


@pytest.mark.parametrize("wrong_by", [0.03, -0.03, np.nan, np.inf])
@pytest.mark.parametrize("where", [0, 11, -1])
def test_a_wrong_gradient_is_found(monkeypatch, where, wrong_by):
    net = make.network([3, 7, 2])
    X, y, loss, _ = problem(make.LOSSES[0], 5, 3, 2, False)
    right = fastbp.Network.loss_and_grad

    def wrong(*args):
        value, grad = right(*args)
        grad[where] += wrong_by * np.abs(grad).max()
        return value, grad

    monkeypatch.setattr(fastbp.Network, "loss_and_grad", wrong)
    assert not fastbp.check_gradients(net, X, y, loss) < 1e-2


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_at_a_kink_one_side_counts(activation):
    """All outputs of the first layer are 0: exactly at the kink, the differences of the two sides differ."""
    net = make.network([3, 7, 2], activation)
    net.named_parameters()["0.bias"][...] = 0
    X, y, loss, _ = problem(make.LOSSES[0], 5, 3, 2, False)
    assert fastbp.check_gradients(net, 0 * X, y, loss) < 1e-6


def test_a_check_leaves_the_network_alone(dtype):
    net = make.network([3, 7, 2], dtype=dtype)
    before = net.params.copy()
    X, y, loss, _ = problem(make.LOSSES[0], 5, 3, 2, False)
    assert fastbp.check_gradients(net, X, y, loss) < 1e-6
    assert make.same_bits(net.params, before)


@pytest.mark.parametrize("hidden", make.HIDDEN)
def test_float32_is_close_to_float64(hidden):
    for pair in make.PAIRS:
        narrow = make.network([7, 19, 13, 3], hidden, pair[1], "float32")
        wide = make.network([7, 19, 13, 3], hidden, pair[1], "float64")
        wide.params[...] = narrow.params
        X, y, loss, weights = problem(pair, 33, 7, 3, True)
        _, expected = wide.loss_and_grad(X, y, loss, weights)
        _, got = narrow.loss_and_grad(X, y, loss, weights)
        assert make.furthest(got, expected) < 1e-4, pair


@pytest.mark.parametrize("hidden", make.HIDDEN)
def test_against_the_oracle(target, dtype, hidden):
    for pair in make.PAIRS:
        net = make.network([7, 19, 13, 3], hidden, pair[1], dtype)
        check_against_oracle(net, *problem(pair, 33, 7, 3, True))


@pytest.mark.parametrize("widths", SHAPES.values(), ids=SHAPES)
def test_shapes_against_the_oracle(target, dtype, widths):
    pair = make.PAIRS[0]
    net = make.network(widths, "tanh", pair[1], dtype)
    for n_samples in [1, 100]:
        check_against_oracle(net, *problem(pair, n_samples, widths[0], widths[-1], False))


@pytest.mark.parametrize("n_samples", [1024, 1025, 2500])
@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
def test_batches_too_large_for_one_piece(target, dtype, pair, n_samples):
    net = make.network([7, 19, 13, 3], "tanh", pair[1], dtype)
    check_against_oracle(net, *problem(pair, n_samples, 7, 3, True))


@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
def test_without_biases(target, dtype, pair):
    net = make.network([7, 19, 13, 3], "tanh", pair[1], dtype, bias=False)
    assert list(net.named_parameters()) == ["0.weight", "1.weight", "2.weight"]
    X, y, loss, weights = problem(pair, 33, 7, 3, True)
    check_against_oracle(net, X, y, loss, weights)
    assert fastbp.check_gradients(net, X, y, loss, weights) < 1e-6


@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
def test_whole_weights_are_repeated_samples(pair):
    net = make.network([7, 19, 3], "tanh", pair[1])
    X, y, loss, _ = problem(pair, 40, 7, 3, False)
    counts = np.random.default_rng(0).integers(0, 4, size=40)
    weighted = net.loss_and_grad(X, y, loss, counts)
    repeated = net.loss_and_grad(X.repeat(counts, 0), y.repeat(counts, 0), loss)
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    assert make.furthest(weighted[1], repeated[1]) < 1e-13


@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
def test_only_ratios_of_weights_matter(pair):
    net = make.network([7, 19, 3], "tanh", pair[1])
    X, y, loss, weights = problem(pair, 40, 7, 3, True)
    once = net.loss_and_grad(X, y, loss, weights)
    scaled = net.loss_and_grad(X, y, loss, 1024 * weights)  # a power of two rounds nothing
    assert once[0] == scaled[0]
    assert make.same_bits(once[1], scaled[1])
    equal = net.loss_and_grad(X, y, loss, np.full(40, 4.0))
    plain = net.loss_and_grad(X, y, loss)
    assert equal[0] == plain[0]
    assert make.same_bits(equal[1], plain[1])


def test_one_hot_rows_are_labels(target, dtype):
    net = make.network([7, 19, 5], "tanh", "softmax", dtype)
    X, y = make.samples(33, 7), make.targets("labels", 33, 5)
    by_label = net.loss_and_grad(X, y, fastbp.CrossEntropy())
    by_row = net.loss_and_grad(X, np.eye(5)[y], fastbp.CrossEntropy())
    assert by_label[0] == pytest.approx(by_row[0], rel=1e-6)
    assert make.furthest(by_label[1], by_row[1]) < 1e-6


@pytest.mark.parametrize(
    ("output", "loss", "y"), [("softmax", "CrossEntropy", 0), ("sigmoid", "BinaryCrossEntropy", [1, 0])]
)
def test_a_confident_mistake_costs_its_logit(target, dtype, output, loss, y):
    # The wrong answer's probability is rounded to 0, whose logarithm is not finite: the loss must not take it.
    net = fastbp.Network.mlp([1, 2], output=output, dtype=dtype)
    net.params[...] = [-500, 500, 0, 0]
    value, grad = net.loss_and_grad([[1.0]], np.array([y]), make.loss(loss))
    expected, gradient = reference.loss_and_grad(*make.oracle(net), [[1.0]], np.array([y]), loss)
    assert value == expected >= 500
    np.testing.assert_allclose(grad, make.flat(net, gradient), rtol=1e-6)


def test_gradients_are_the_callers_own():
    net = make.network([3, 7, 2])
    X, y, loss, _ = problem(make.LOSSES[0], 5, 3, 2, False)
    _, first = net.loss_and_grad(X, y, loss)
    kept = first.copy()
    net.loss_and_grad(2 * X, -y, loss)
    assert make.same_bits(first, kept)
