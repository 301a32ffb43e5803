"""The oracle is proven here: gradients by central differences, values by closed forms, optimisers by plain sums."""

import itertools
import math

import numpy as np
import pytest

from tests import reference

PAIRS = [("CrossEntropy", "softmax"), ("BinaryCrossEntropy", "sigmoid")] + [
    ("SquaredError", activation) for activation in reference.ACTIVATIONS
]
HIDDEN = [activation for activation in reference.ACTIVATIONS if activation != "softmax"]


def make_network(widths, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    parameters = {}
    for index, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        parameters[f"{index}.weight"] = rng.normal(size=(n_in, n_out)).astype(dtype) / math.sqrt(n_in)
        parameters[f"{index}.bias"] = rng.normal(size=n_out).astype(dtype)
    return parameters


def make_targets(loss, n_samples, n_out, rows=False):
    rng = np.random.default_rng(1)
    if loss == "SquaredError":
        return rng.normal(size=(n_samples, n_out))
    if loss == "BinaryCrossEntropy":
        return rng.integers(0, 2, size=(n_samples, n_out))
    return rng.dirichlet(np.ones(n_out), size=n_samples) if rows else rng.integers(0, n_out, size=n_samples)


def check_gradient(activations, loss, sample_weight=None, rows=False):
    parameters = make_network([4, 6, 5, 3])
    X = np.random.default_rng(2).normal(size=(7, 4))
    y = make_targets(loss, 7, 3, rows)
    _, gradient = reference.loss_and_grad(parameters, activations, X, y, loss, sample_weight)
    expected = reference.central_differences(parameters, activations, X, y, loss, sample_weight)
    assert list(gradient) == list(parameters)
    for name in parameters:
        assert gradient[name].shape == parameters[name].shape
        np.testing.assert_allclose(gradient[name], expected[name], rtol=1e-6, atol=1e-9, err_msg=name)
    assert np.abs(gradient["0.weight"]).max() > 1e-3  # the error did reach the first layer


WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5, 3.0, 1.0, 0.25])


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_gradient_of_every_output_and_loss(loss, output, weights):
    check_gradient(["tanh", "sigmoid", output], loss, weights)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient_of_every_hidden_activation(hidden):
    check_gradient([hidden, hidden, "softmax"], "CrossEntropy")


def test_gradient_with_rows_of_probabilities():
    check_gradient(["tanh", "tanh", "softmax"], "CrossEntropy", WEIGHTS, rows=True)


def test_one_hot_rows_are_labels():
    parameters, activations = make_network([4, 3]), ["softmax"]
    X, y = np.random.default_rng(2).normal(size=(7, 4)), make_targets("CrossEntropy", 7, 3)
    by_label = reference.loss_and_grad(parameters, activations, X, y, "CrossEntropy")
    by_row = reference.loss_and_grad(parameters, activations, X, np.eye(3)[y], "CrossEntropy")
    assert by_label[0] == by_row[0]
    for name in parameters:
        np.testing.assert_array_equal(by_label[1][name], by_row[1][name])


@pytest.mark.parametrize(("loss", "output"), PAIRS[:3])
def test_whole_weights_are_repeated_samples(loss, output):
    parameters = make_network([4, 3])
    X, y = np.random.default_rng(2).normal(size=(7, 4)), make_targets(loss, 7, 3)
    counts = np.array([1, 0, 2, 1, 3, 1, 0])
    weighted = reference.loss_and_grad(parameters, [output], X, y, loss, counts)
    repeated = reference.loss_and_grad(parameters, [output], X.repeat(counts, 0), y.repeat(counts, 0), loss)
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    for name in parameters:
        np.testing.assert_allclose(weighted[1][name], repeated[1][name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("activation", "z", "a"),
    [
        ("identity", -1.5, -1.5),
        ("relu", -1.0, 0.0),
        ("relu", 2.0, 2.0),
        ("leaky_relu", -1.0, -0.01),
        ("elu", -1.0, math.exp(-1) - 1),
        ("elu", 2.0, 2.0),
        ("gelu", 1.0, 0.8413447460685429),  # the normal distribution up to one standard deviation
        ("gelu", -1.0, -0.15865525393145707),
        ("silu", 1.0, 1 / (1 + math.exp(-1))),
        ("sigmoid", math.log(3), 0.75),
        ("tanh", math.log(3), 0.8),
        ("softplus", 0.0, math.log(2)),
    ],
)
def test_known_values_of_activations(activation, z, a):
    f, _ = reference.ACTIVATIONS[activation]
    assert f(np.array([z]))[0] == pytest.approx(a, rel=1e-14)


def test_known_values_of_losses():
    z = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]])
    losses, _ = reference.LOSSES["CrossEntropy"](z, "softmax", np.array([2, 0]))
    np.testing.assert_allclose(losses, -np.log([5 / 8, 3 / 8]), rtol=1e-14)
    losses, _ = reference.LOSSES["BinaryCrossEntropy"](np.log([[3.0, 1.0]]), "sigmoid", np.array([[1, 0]]))
    np.testing.assert_allclose(losses, [-(math.log(3 / 4) + math.log(1 / 2)) / 2], rtol=1e-14)
    losses, _ = reference.LOSSES["SquaredError"](np.array([[1.0, 2.0]]), "identity", np.array([[0.0, 5.0]]))
    np.testing.assert_allclose(losses, [5.0], rtol=1e-14)


@pytest.mark.parametrize("activation", reference.ACTIVATIONS)
def test_far_out_values_are_finite_and_silent(activation):
    f, backward = reference.ACTIVATIONS[activation]
    z = np.array([[-1e4, -800.0, 0.0, 800.0, 1e4]])
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(f(z)).all()
        assert np.isfinite(backward(z, np.ones_like(z))).all()


def test_a_confident_mistake_costs_its_logit():
    losses, _ = reference.LOSSES["CrossEntropy"](np.array([[-800.0, 0.0]]), "softmax", np.array([0]))
    assert losses[0] == 800.0
    losses, _ = reference.LOSSES["BinaryCrossEntropy"](np.array([[-800.0]]), "sigmoid", np.array([1]))
    assert losses[0] == 800.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_dtype_is_that_of_the_parameters(hidden, dtype):
    parameters = make_network([4, 5, 3], dtype=dtype)
    X = np.random.default_rng(2).normal(size=(7, 4))
    assert reference.predict(parameters, [hidden, "softmax"], X).dtype == dtype
    for loss, output in PAIRS:
        y = make_targets(loss, 7, 3)
        _, gradient = reference.loss_and_grad(parameters, [hidden, output], X, y, loss, WEIGHTS)
        assert {values.dtype for values in gradient.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize(("loss", "output"), [("CrossEntropy", "relu"), ("BinaryCrossEntropy", "softmax")])
def test_senseless_pairs_are_refused(loss, output):
    with pytest.raises(ValueError, match="is for a"):
        reference.LOSSES[loss](np.zeros((1, 2)), output, np.array([0]))


# Optimisers: what they do to one number, written out without their recursions ----------------------------------------

GRADIENTS = [0.5, -1.0, 2.0, 0.25, -0.75]


def path(optimizer, gradients, start=1.0):
    """Return where `optimizer` takes one parameter, step by step."""
    parameters, where = {"0.weight": np.array([start])}, []
    for g in gradients:
        optimizer.update(parameters, {"0.weight": np.array([g])})
        where.append(float(parameters["0.weight"][0]))
    return where


def test_plain_sgd_adds_up_the_gradients():
    expected = 1.0 - 0.1 * np.cumsum(GRADIENTS)
    np.testing.assert_allclose(path(reference.SGD(0.1), GRADIENTS), expected, rtol=1e-14)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_a_geometric_sum(nesterov):
    mu = 0.9
    n = len(GRADIENTS)
    velocity = [sum(mu ** (t - i) * GRADIENTS[i] for i in range(t + 1)) for t in range(n)]
    moves = [GRADIENTS[t] + mu * velocity[t] if nesterov else velocity[t] for t in range(n)]
    got = path(reference.SGD(0.1, momentum=mu, nesterov=nesterov), GRADIENTS)
    np.testing.assert_allclose(got, 1.0 - 0.1 * np.cumsum(moves), rtol=1e-13)


def test_weight_decay_alone_shrinks_the_weights():
    got = path(reference.SGD(0.1, weight_decay=0.5), [0.0] * 4, start=2.0)
    np.testing.assert_allclose(got, 2.0 * 0.95 ** np.arange(1, 5), rtol=1e-14)


def test_adam_is_a_ratio_of_weighted_means():
    beta_1, beta_2, epsilon = 0.8, 0.95, 1e-3
    expected, w = [], 1.0
    for t in range(1, len(GRADIENTS) + 1):
        g = np.array(GRADIENTS[:t])
        age = np.arange(t - 1, -1, -1)
        mean = np.average(g, weights=beta_1**age)
        mean_square = np.average(g * g, weights=beta_2**age)
        w -= 0.1 * mean / (math.sqrt(mean_square) + epsilon)
        expected.append(w)
    got = path(reference.Adam(0.1, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon), GRADIENTS)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_adam_weight_decay_is_part_of_the_gradient():
    decayed = path(reference.Adam(0.1, weight_decay=0.5), [0.25], start=2.0)
    assert decayed == path(reference.Adam(0.1), [1.25], start=2.0)
