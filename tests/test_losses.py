"""Losses as objects: values by hand, what they do with targets, how they compare and read."""

import math
import pickle

import numpy as np
import pytest

import fastbp
from tests import makers as make

ALL = [fastbp.SquaredError(), fastbp.CrossEntropy(), fastbp.BinaryCrossEntropy()]
THIRD = math.log(3)

# loss, output, what goes into the output, y: loss and its gradient by that (of one sample)
BY_HAND = {
    "squared error": ("SquaredError", "identity", [1.0, 2.0], [[0.0, 5.0]], 5.0, [1.0, -3.0]),
    "squared error of none": ("SquaredError", "identity", [1.0, 2.0], [[1.0, 2.0]], 0.0, [0.0, 0.0]),
    "squared error, relu": ("SquaredError", "relu", [-1.0, 2.0], [[3.0, 5.0]], 9.0, [0.0, -3.0]),
    "squared error, sigmoid": ("SquaredError", "sigmoid", [0.0, THIRD], [[0.5, 0.25]], 0.125, [0.0, 0.5 * 3 / 16]),
    "a label": ("CrossEntropy", "softmax", [0.0, math.log(3)], [1], math.log(4 / 3), [0.25, -0.25]),
    "another label": ("CrossEntropy", "softmax", [0.0, math.log(3)], [0], math.log(4), [-0.75, 0.75]),
    "a row": ("CrossEntropy", "softmax", [0.0, 0.0], [[0.25, 0.75]], math.log(2), [0.25, -0.25]),
    "the row itself": ("CrossEntropy", "softmax", [0.0, THIRD], [[0.25, 0.75]], None, [0.0, 0.0]),
    "a bit": ("BinaryCrossEntropy", "sigmoid", [0.0, THIRD], [[1, 0]], (math.log(2) + math.log(4)) / 2, [-0.25, 0.375]),
    "a share": ("BinaryCrossEntropy", "sigmoid", [0.0, 0.0], [[0.25, 0.5]], math.log(2), [0.125, 0.0]),
}


@pytest.mark.parametrize(("loss", "output", "z", "y", "value", "gradient"), BY_HAND.values(), ids=BY_HAND)
def test_values_by_hand(target, dtype, loss, output, z, y, value, gradient):
    net = fastbp.Network(1, [fastbp.Dense(2, output, "zeros")], dtype=dtype)
    net.named_parameters()["0.bias"][...] = z
    if value is None:
        value = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    got, grad = net.loss_and_grad([[0.0]], y, make.loss(loss))
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    assert got == pytest.approx(value, rel=tolerance, abs=tolerance)
    np.testing.assert_allclose(grad, [0, 0, *gradient], rtol=tolerance, atol=tolerance)


def test_the_mean_is_weighted():
    net = fastbp.Network(1, [fastbp.Dense(1, initializer="zeros")], dtype="float64")
    X, y = [[1.0], [1.0], [1.0]], [[1.0], [2.0], [3.0]]
    assert net.loss_and_grad(X, y, fastbp.SquaredError())[0] == pytest.approx(14 / 3, rel=1e-15)
    value, grad = net.loss_and_grad(X, y, fastbp.SquaredError(), [1, 2, 5])
    assert value == pytest.approx((1 + 8 + 45) / 8, rel=1e-15)
    np.testing.assert_allclose(grad, [-2 * (1 + 4 + 15) / 8] * 2, rtol=1e-15)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_far_out_outputs_have_finite_losses(target, dtype, output):
    net = fastbp.Network(1, [fastbp.Dense(3, output, "zeros")], dtype=dtype)
    net.named_parameters()["0.bias"][...] = [-1e4, 0, 1e4]
    y = [0] if output == "softmax" else [[1, 0.5, 1]]
    value, grad = net.loss_and_grad([[1.0]], y, fastbp.Trainer(net).loss)
    assert value == pytest.approx(2e4 if output == "softmax" else (1e4 + math.log(2)) / 3, rel=1e-6)
    assert np.isfinite(grad).all()


def test_rows_may_be_rounded():
    net = make.network([4, 3], output="softmax")
    y = np.array([[0.333, 0.333, 0.333]])
    assert fastbp.check_gradients(net, np.ones((1, 4)), y, fastbp.CrossEntropy()) < 1e-6
    with pytest.raises(ValueError, match=r"summing to 1.*got a smallest value of 0.33 .*0.99"):
        net.loss_and_grad(np.ones((1, 4)), y - 0.003, fastbp.CrossEntropy())


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_losses_are_values(loss):
    assert loss == type(loss)()
    assert hash(loss) == hash(type(loss)())
    assert [loss == other for other in ALL].count(True) == 1
    assert loss != repr(loss)
    assert eval(repr(loss), vars(fastbp)) == loss
    assert pickle.loads(pickle.dumps(loss)) == loss
