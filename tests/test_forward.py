"""Predictions: against the oracle, and the same bits however the samples are handed in."""

import numpy as np
import pytest

import fastbp
from tests import makers as make
from tests import reference

OUTPUTS = (*make.HIDDEN, "softmax")
SIZES = [*range(1, 68), 255, 256, 257, 1025]
# As layers: (inputs, outputs).
WIDTHS = [(1, 1), (2, 15), (15, 16), (16, 17), (17, 31), (31, 33), (33, 2), (300, 1), (1, 300), (300, 300), (70, 70)]
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


def check(net, X):
    """Against the oracle."""
    got = net.predict(X)
    assert got.dtype == net.dtype
    assert got.shape == (len(X), net.n_out)
    assert make.furthest(got, reference.predict(*make.oracle(net), X.astype(net.dtype))) < TOLERANCE[net.dtype.name]


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_activation(target, dtype, output):
    hidden = "tanh" if output == "softmax" else output
    check(make.network([7, 19, 13, 5], hidden, output, dtype), make.samples(67, 7))


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_every_width(target, dtype, widths):
    check(make.network(widths, output="tanh", dtype=dtype), make.samples(67, widths[0]))
    check(make.network([*widths, 3], dtype=dtype, output="softmax"), make.samples(33, widths[0]))


@pytest.mark.parametrize("bias", [True, False])
def test_every_number_of_samples(target, dtype, bias):
    net = make.network([5, 17, 3], "relu", "softmax", dtype, bias=bias)
    X = make.samples(max(SIZES), 5)
    check(net, X)
    whole = net.predict(X)
    for n_samples in SIZES:
        assert make.same_bits(net.predict(X[:n_samples]), whole[:n_samples]), n_samples
        assert make.same_bits(net.predict(X[-n_samples:]), whole[-n_samples:]), n_samples


@pytest.mark.parametrize("output", OUTPUTS)
def test_one_sample_has_the_same_bits(target, dtype, output):
    hidden = "gelu" if output == "softmax" else output
    net = make.network([7, 19, 33, 5], hidden, output, dtype)
    X = make.samples(40, 7).astype(dtype)
    whole = net.predict(X)
    for i in range(40):
        assert make.same_bits(net.predict(X[i : i + 1]), whole[i : i + 1])
        assert make.same_bits(net.predict_one(X[i]), whole[i])


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_one_sample_has_the_same_bits_at_every_width(target, dtype, widths):
    X = make.samples(3, widths[0]).astype(dtype)
    for net in (
        make.network(widths, output="softmax", dtype=dtype),
        make.network([*widths, 40], "softplus", dtype=dtype, bias=False),
    ):
        whole = net.predict(X)
        for x, expected in zip(X, whole, strict=True):
            assert make.same_bits(net.predict_one(x), expected)


# A first layer of as many inputs as outputs, or more, takes rows of samples as they lie if its outputs fill panels.
TURNED = [(32, 32), (40, 32), (300, 64), (70, 64), (1100, 32)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("hidden", ["relu", "tanh", "identity"])
@pytest.mark.parametrize("widths", TURNED, ids=str)
def test_rows_as_they_lie_have_the_bits_of_one(target, dtype, widths, hidden, bias):
    net = make.network([*widths, 3], hidden, dtype=dtype, bias=bias)
    alone = make.network(widths, output=hidden, dtype=dtype, bias=bias)
    X = make.samples(75, widths[0]).astype(dtype)
    for each in (net, alone):
        check(each, X)
        expected = np.array([each.predict_one(x) for x in X])
        for n_samples in (9, 33, 64, 75):
            assert make.same_bits(each.predict(X[:n_samples]), expected[:n_samples])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("widths", [(32, 32), (33, 32), (5, 7), (300, 64)], ids=str)
def test_what_is_not_finite_is_found_anywhere(target, dtype, widths, bad):
    net = make.network([*widths, 3], dtype=dtype)
    net.params[: widths[0] * widths[1]] *= make.samples(1, widths[0] * widths[1])[0] > 0  # half the weights are zero
    X = make.samples(75, widths[0]).astype(dtype)
    for row, column in [(0, 0), (74, widths[0] - 1), (31, 1), (40, widths[0] // 2), (74, 0)]:
        value, X[row, column] = X[row, column], bad
        with pytest.raises(ValueError, match=rf"X must be finite, got {bad} at \[{row}, {column}\]"):
            net.predict(X)
        assert net.predict(X, check_finite=False).shape == (75, 3)
        X[row, column] = value
    net.predict(X)


@pytest.mark.parametrize("widths", [(32, 32), (5, 7)], ids=str)
def test_finite_inputs_may_have_sums_that_are_not(target, dtype, widths):
    net = make.network(widths, output="identity", dtype=dtype)
    net.params[:] = 1
    X = np.full((75, widths[0]), np.finfo(dtype).max / 2, dtype)
    assert np.isposinf(net.predict(X)).all()


def test_predict_one_fills_out(dtype):
    net = make.network([4, 6, 3], dtype=dtype)
    x, out = make.samples(1, 4)[0].astype(dtype), np.full(3, np.nan, dtype)
    assert net.predict_one(x, out=out) is out
    assert make.same_bits(out, net.predict_one(x))


@pytest.mark.parametrize("n_features", [3, 16, 70, 300])
def test_predict_one_may_overwrite_its_input(target, dtype, n_features):
    net = make.network([n_features, n_features], dtype=dtype)
    x = make.samples(1, n_features)[0].astype(dtype)
    expected = net.predict_one(x)
    net.predict_one(x, out=x)
    assert make.same_bits(x, expected)


def test_predictions_are_the_callers_own():
    net = make.network([4, 6, 3])
    X = make.samples(9, 4)
    first, one = net.predict(X), net.predict_one(X[0])
    kept = first.copy()
    net.predict(2 * X)
    other = net.predict_one(3 * X[0])
    assert make.same_bits(first, kept)
    assert make.same_bits(one, kept[0])
    other[:] = np.nan
    assert make.same_bits(net.predict_one(X[0]), kept[0])


def test_probabilities(target, dtype):
    X = 30 * make.samples(100, 4)
    p = make.network([4, 9, 7], "relu", "softmax", dtype).predict(X)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5 if dtype == "float32" else 1e-13)
    p = make.network([4, 9, 7], "relu", "sigmoid", dtype).predict(X)
    assert ((p >= 0) & (p <= 1)).all()


@pytest.mark.parametrize("output", OUTPUTS)
def test_far_out_values(target, dtype, output):
    net = fastbp.Network.mlp([1, 5], output=output, dtype=dtype)
    net.params[...] = [-1e4, -800, 0, 800, 1e4, 0, 0, 0, 0, 0]
    check(net, np.ones((1, 1)))


def test_written_parameters_are_used():
    net = fastbp.Network.mlp([2, 3, 1], output="identity", dtype="float64")
    named = net.named_parameters()
    assert {name: values.shape for name, values in named.items()} == {
        "0.weight": (2, 3),
        "0.bias": (3,),
        "1.weight": (3, 1),
        "1.bias": (1,),
    }
    named["0.weight"][...] = [[1, 0, -1], [0, 2, 0]]
    named["0.bias"][...] = [0, 1, 0]
    named["1.weight"][...] = [[1], [10], [100]]
    named["1.bias"][...] = 1000
    assert net.params.tolist() == [1, 0, -1, 0, 2, 0, 0, 1, 0, 1, 10, 100, 1000]
    assert net.predict([[3, 4], [-3, -4]]).tolist() == [[1000 + 3 + 90], [1000 + 300]]
