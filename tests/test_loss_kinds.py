"""Every loss against the oracle, central differences, PyTorch and numbers by hand; what each refuses."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastbp
from tests import makers as make
from tests import reference
from tests.test_gradients import TOLERANCE

KNOWN = json.loads(Path(__file__).with_name("data").joinpath("losses.json").read_text())

CASES = [case for case in make.EVERY_LOSS if case[0] != fastbp.SquaredError()]
IDS = [f"{loss}-{output}-{kind}" for loss, output, kind in CASES]
LOSSES = list({repr(loss): (loss, output, kind) for loss, output, kind in CASES}.values())
LOSS_IDS = [repr(loss) for loss, _, _ in LOSSES]


def problem(kind, n_samples=33, n_out=4):
    return make.samples(n_samples, 5), make.targets(kind, n_samples, n_out)


def from_output(output, values, dtype="float64"):
    """A network whose output's input, for the rows of an identity matrix, are the rows of values."""
    values = np.asarray(values, dtype)
    net = fastbp.Network(len(values), [fastbp.Dense(values.shape[1], output, bias=False)], dtype=dtype)
    net.params[...] = values.ravel()
    return net, np.eye(len(values))


def each_loss(loss, output, values, y, dtype="float64"):
    """The loss of each row of values, and its gradient by it."""
    net, X = from_output(output, values, dtype)
    y = np.asarray(y)
    losses = [net.loss_and_grad(X[i : i + 1], y[i : i + 1], loss)[0] for i in range(len(X))]
    value, grad = net.loss_and_grad(X, y, loss)
    assert value == pytest.approx(np.mean(losses), rel=1e-6)
    return np.array(losses), grad.reshape(np.shape(values)) * len(X)


@pytest.mark.parametrize(("loss", "output", "kind"), CASES, ids=IDS)
def test_against_the_oracle(target, dtype, loss, output, kind):
    net = make.network([5, 7, 4], "tanh", output, dtype)
    X, y = problem(kind)
    weights = make.weights(33)
    parameters, activations = make.oracle(net)
    X = X.astype(dtype)
    expected, gradient = reference.loss_and_grad(
        parameters, activations, X, y, type(loss).__name__, weights, **vars(loss)
    )
    value, grad = net.loss_and_grad(X, y, loss, weights)
    assert value == pytest.approx(expected, rel=TOLERANCE[dtype])
    assert make.furthest(grad, make.flat(net, gradient)) < TOLERANCE[dtype]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("loss", "output", "kind"), CASES, ids=IDS)
def test_against_differences(loss, output, kind, weighted):
    for n_samples in [1, 33]:
        net = make.network([5, 4, 4], "tanh", output, seed=9)
        X, y = problem(kind, n_samples)
        weights = make.weights(n_samples) if weighted else None
        assert np.abs(net.loss_and_grad(X, y, loss, weights)[1]).max() > 1e-3
        assert fastbp.check_gradients(net, X, y, loss, weights) < 1e-6


@pytest.mark.parametrize(("loss", "output", "kind"), CASES, ids=IDS)
def test_the_oracle_against_differences(loss, output, kind):
    parameters, activations = make.oracle(make.network([5, 4], "tanh", output, seed=9))
    X, y = problem(kind, 7)
    arguments = parameters, activations, X, y, type(loss).__name__, make.weights(7)
    _, gradient = reference.loss_and_grad(*arguments, **vars(loss))
    expected = reference.central_differences(*arguments, **vars(loss))
    for name in parameters:
        np.testing.assert_allclose(gradient[name], expected[name], rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("name", KNOWN["cases"])
def test_against_pytorch(dtype, name):
    case = KNOWN["cases"][name]
    loss = eval(name.partition(" of ")[0], vars(fastbp))
    losses, gradient = each_loss(loss, case["output"], KNOWN["outputs"], case["targets"], dtype)
    tolerance = 1e-14 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(losses, case["losses"], rtol=10 * tolerance, atol=tolerance)
    np.testing.assert_allclose(gradient, case["gradient"], rtol=10 * tolerance, atol=tolerance)


def test_pytorch_knows_every_loss():
    known = {name.partition("(")[0] for name in KNOWN["cases"]}
    assert known == set(reference.LOSSES) - {"SquaredError"}


BY_HAND = {
    "absolute": (fastbp.AbsoluteError(), [1.0, -2.0, 3.0], [3.0, -3.0, 3.0], [2, 1, 0], [-1, 1, 0]),
    "huber": (fastbp.Huber(2), [1.0, 0.0, 2.0, 7.0], [0.0, 2.0, 5.0, 7.0], [0.5, 2, 4, 0], [1, -2, -2, 0]),
    "log cosh": (fastbp.LogCosh(), [0.0, math.log(3)], [0.0, 0.0], [0, math.log(5 / 3)], [0, 0.8]),
    "quantile": (fastbp.Quantile(0.75), [1.0, 1.0, 1.0], [3.0, 0.0, 1.0], [1.5, 0.25, 0], [-0.75, 0.25, 0]),
    "poisson": (fastbp.Poisson(), [0.0, math.log(2)], [3, 0], [1, 2], [-2, 2]),
    "hinge": (fastbp.Hinge(), [0.5, 0.5, 1.0, 3.0, -2.0], [1, -1, 1, 1, -1], [0.5, 1.5, 0, 0, 0], [-1, 1, 0, 0, 0]),
    "hinge of bits": (fastbp.Hinge(), [0.5, 0.5], [1, 0], [0.5, 1.5], [-1, 1]),
    "squared hinge": (fastbp.SquaredHinge(), [0.5, 0.5, 3.0], [1, -1, 1], [0.25, 2.25, 0], [-1, 3, 0]),
}


@pytest.mark.parametrize(("loss", "z", "y", "losses", "gradient"), BY_HAND.values(), ids=BY_HAND)
def test_by_hand(target, dtype, loss, z, y, losses, gradient):
    got, grad = each_loss(loss, "identity", np.transpose([z]), y, dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(got, losses, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(grad[:, 0], gradient, rtol=tolerance, atol=tolerance)


LOG_2, LOG_3 = math.log(2), math.log(3)
ROWS_BY_HAND = {
    "one rival": (fastbp.Hinge(), "identity", [[1.0, 0.5, 3.0]], [2], [0], [[0, 0, 0]]),
    "a near rival": (fastbp.Hinge(), "identity", [[1.0, 2.5, 3.0]], [2], [0.5], [[0, 1, -1]]),
    "two rivals": (fastbp.SquaredHinge(), "identity", [[2.0, 0.0, 2.0]], [1], [9], [[6, -6, 0]]),
    "a rival as high": (fastbp.Hinge(), "identity", [[2.0, 2.0, 0.0]], [1], [1], [[1, -1, 0]]),
    "smoothing": (
        fastbp.CrossEntropy(0.5),
        "softmax",
        [[0.0, LOG_3]],
        [1],
        [0.25 * math.log(4) + 0.75 * math.log(4 / 3)],
        [[0, 0]],
    ),
    "gaussian": (fastbp.GaussianNLL(), "identity", [[3.0, LOG_2]], [[1]], [LOG_2 / 2 + 1], [[1, -0.5]]),
    "gaussian, no variance": (fastbp.GaussianNLL(0.5), "identity", [[3.0, -1.0]], [[2]], [1 - LOG_2 / 2], [[2, 0]]),
    "focal": (
        fastbp.FocalCrossEntropy(1),
        "softmax",
        [[0.0, 0.0]],
        [0],
        [LOG_2 / 2],
        [[-(LOG_2 + 1) / 4, (LOG_2 + 1) / 4]],
    ),
    "binary focal": (
        fastbp.BinaryFocalCrossEntropy(1, 0.25),
        "sigmoid",
        [[0.0], [0.0]],
        [1, 0],
        [LOG_2 / 8, 3 * LOG_2 / 8],
        [[-(LOG_2 + 1) / 16], [3 * (LOG_2 + 1) / 16]],
    ),
}


@pytest.mark.parametrize(("loss", "output", "z", "y", "losses", "gradient"), ROWS_BY_HAND.values(), ids=ROWS_BY_HAND)
def test_rows_by_hand(target, dtype, loss, output, z, y, losses, gradient):
    got, grad = each_loss(loss, output, z, y, dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(got, losses, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(grad, gradient, rtol=tolerance, atol=tolerance)


def focal_tail(z, gamma):
    """Focal loss (e / (1 + e))^gamma log(1 + e), e = exp(-z), of a class with the logit z, and its derivative."""
    e = math.exp(-z)
    u = e / (1 + e)
    return u**gamma * math.log1p(e), -(u**gamma) * (gamma * math.log1p(e) / (1 + e) + u)


# Far out and near to 0, where a plain formula overflows or cancels: what goes in, target, loss, gradient
EXTREMES = {
    "log cosh, huge": (fastbp.LogCosh(), 1e4, 0, 1e4 - math.log(2), 1),
    "log cosh, tiny": (fastbp.LogCosh(), 1e-4, 0, 0.5e-8 - 1e-16 / 12, math.tanh(1e-4)),
    "log cosh, below 1": (fastbp.LogCosh(), 0.99999, 0, math.log(math.cosh(0.99999)), math.tanh(0.99999)),
    "log cosh, 1": (fastbp.LogCosh(), 1, 0, math.log(math.cosh(1)), math.tanh(1)),
    "huber, huge": (fastbp.Huber(0.5), -1e30, 0, 0.5e30, -0.5),
    "huber, tiny": (fastbp.Huber(), 1e-15, 0, 0.5e-30, 1e-15),
    "absolute, huge": (fastbp.AbsoluteError(), 1e30, -1e30, 2e30, 1),
    "poisson, few": (fastbp.Poisson(), -1e4, 3, 3e4, -3),
    "poisson, none": (fastbp.Poisson(), -40, 0, math.exp(-40), math.exp(-40)),
    "poisson of counts, few": (fastbp.Poisson(False), -1e4, 3, 3e4, -3),
    "poisson of counts, none": (fastbp.Poisson(False), -40, 0, math.exp(-40), math.exp(-40)),
    "poisson of counts, many": (fastbp.Poisson(False), 1e4, 3, 1e4 - 3 * math.log(1e4), 1 - 3e-4),
    "squared hinge, huge": (fastbp.SquaredHinge(), -1e4, 1, 1.0001**2 * 1e8, -2.0002e4),
    "focal, wrong": (fastbp.BinaryFocalCrossEntropy(), -1e4, 1, 1e4, -1),
    "focal, right": (fastbp.BinaryFocalCrossEntropy(), 12, 1, *focal_tail(12, 2)),
    "focal, far out": (fastbp.BinaryFocalCrossEntropy(), 1e4, 1, 0, 0),
    "focal of no power": (fastbp.BinaryFocalCrossEntropy(0), 40, 1, math.exp(-40), -math.exp(-40)),
    "focal, no": (fastbp.BinaryFocalCrossEntropy(), -12, 0, focal_tail(12, 2)[0], -focal_tail(12, 2)[1]),
}


@pytest.mark.parametrize(("loss", "z", "y", "value", "gradient"), EXTREMES.values(), ids=EXTREMES)
def test_extremes(target, dtype, loss, z, y, value, gradient):
    losses, grad = each_loss(loss, loss.fused or "identity", [[z]], [y], dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-13
    assert losses[0] == pytest.approx(value, rel=tolerance, abs=0)
    assert grad[0, 0] == pytest.approx(gradient, rel=tolerance, abs=0)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_focal_of_two_classes_is_that_of_their_difference(target, dtype, gamma):
    """A softmax of (z, 0) is the sigmoid of z: also where a probability comes as close to 1 as can be."""
    z = np.array([[-1e4, -30.0, -5.0, 0.0, 5.0, 12.0, 30.0, 80.0, 1e4]]).T
    expected, slope = each_loss(fastbp.BinaryFocalCrossEntropy(gamma), "sigmoid", z, np.ones(len(z)), dtype)
    tolerance = 3e-5 if dtype == "float32" else 1e-12
    for pair in (np.hstack([z, 0 * z]), np.hstack([0 * z, -z])):
        loss, grad = each_loss(fastbp.FocalCrossEntropy(gamma), "softmax", pair, np.zeros(len(z), int), dtype)
        np.testing.assert_allclose(loss, expected, rtol=tolerance)
        np.testing.assert_allclose(grad, np.hstack([slope, -slope]), rtol=tolerance)


def test_focal_of_no_power_is_cross_entropy(dtype):
    net = make.network([5, 7, 4], output="softmax", dtype=dtype)
    for kind in ["labels", "probabilities"]:
        X, y = problem(kind)
        value, grad = net.loss_and_grad(X, y, fastbp.FocalCrossEntropy(0))
        expected, gradient = net.loss_and_grad(X, y, fastbp.CrossEntropy())
        assert value == pytest.approx(expected, rel=1e-6)
        assert make.furthest(grad, gradient) < TOLERANCE[dtype]


def test_the_two_ways_to_write_a_sign():
    net = make.network([5, 7, 4])
    X, y = problem("bits")
    for loss in [fastbp.Hinge(), fastbp.SquaredHinge()]:
        value, grad = net.loss_and_grad(X, y, loss)
        other, gradient = net.loss_and_grad(X, 2 * y - 1, loss)
        assert value == other
        assert make.same_bits(grad, gradient)


def test_variances_are_learnt():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(2000, 1))
    spread = np.exp(x)
    y = 2 * x + spread * rng.normal(size=x.shape)
    net = fastbp.Network.mlp([1, 16, 2], activation="tanh")
    trainer = fastbp.Trainer(net, fastbp.GaussianNLL(), fastbp.Adam(0.01))
    trainer.fit(x, y, epochs=60)
    mean, log_variance = net.predict(x).T
    assert np.abs(mean - 2 * x[:, 0]).mean() < 0.15
    assert np.abs(log_variance / 2 - x[:, 0]).mean() < 0.15


def test_quantiles_are_learnt():
    y = np.random.default_rng(0).exponential(size=4001)
    for q in [0.1, 0.8]:
        net = fastbp.Network.mlp([1, 1], seed=1)
        trainer = fastbp.Trainer(net, fastbp.Quantile(q), fastbp.SGD(0.2), batch_size=4001)
        trainer.fit(np.zeros((4001, 1)), y, epochs=300)
        assert np.mean(y < net.predict([[0.0]])[0, 0]) == pytest.approx(q, abs=0.02)


@pytest.mark.parametrize(("loss", "output", "kind"), LOSSES, ids=LOSS_IDS)
def test_online_learning_is_a_fit_of_one_row(dtype, loss, output, kind):
    for n_out in [4] if kind in {"labels", "probabilities"} else [2, 4] if kind == "halves" else [1, 4]:
        X, y = problem(kind, 6, n_out)
        X, y = X.astype(dtype), y if kind == "labels" else y.astype(dtype)
        one, other = (
            fastbp.Trainer(make.network([5, 4, n_out], output=output, dtype=dtype), loss, fastbp.SGD(0.1))
            for _ in range(2)
        )
        for i in range(6):
            value = one.learn_one(X[i], y[i].item() if y[i].size == 1 else y[i])
            assert [value] == other.fit(X[i : i + 1], y[i : i + 1], epochs=1).loss
        assert make.same_bits(one.network.params, other.network.params)


@pytest.mark.parametrize(("loss", "output", "kind"), LOSSES, ids=LOSS_IDS)
def test_training_makes_it_smaller(loss, output, kind):
    X, y = problem(kind)
    trainer = fastbp.Trainer(make.network([5, 8, 4], output=output), loss, fastbp.Adam(0.01), n_threads=2)
    history = trainer.fit(X, y, epochs=20, validation_data=(X, y))
    assert history.loss[-1] < history.loss[0]
    scores = trainer.evaluate(X, y)
    assert list(scores) == ["loss", loss.metric]
    assert scores["loss"] == history.val_loss[-1]
    assert scores[loss.metric] == history.metrics[f"val_{loss.metric}"][-1]
    assert scores["loss"] == pytest.approx(trainer.network.loss_and_grad(X, y, loss)[0], rel=1e-12)


@pytest.mark.parametrize(("loss", "output", "kind"), CASES, ids=IDS)
def test_the_same_bits_everywhere(all_threads, restored_target, dtype, loss, output, kind):
    """On every target with fused multiply-add, for any number of threads; 1 sample goes another way than 40."""
    X, y = problem(kind, 40)
    for batch_size in [1, 40]:
        results = set()
        for name in fastbp.available_targets()[1:] or fastbp.available_targets():
            fastbp.set_target(name)
            for n_threads in [1, 3]:
                net = make.network([5, 7, 4], output=output, dtype=dtype)
                trainer = fastbp.Trainer(net, loss, fastbp.SGD(0.05), batch_size, n_threads)
                history = trainer.fit(X, y, epochs=1, sample_weight=make.weights(40))
                results.add((net.params.tobytes(), *history.loss))
        assert len(results) == 1


@pytest.mark.parametrize(("loss", "output", "kind"), LOSSES, ids=LOSS_IDS)
def test_losses_are_values(loss, output, kind):
    same = pickle.loads(pickle.dumps(loss))
    assert same == loss == eval(repr(loss), vars(fastbp))
    assert hash(same) == hash(loss)
    assert [loss == other for other, _, _ in LOSSES].count(True) == 1
    with pytest.raises(AttributeError, match=r"has no parameter 'margin'"):
        loss.margin = 1
    for name, value in vars(loss).items():
        if isinstance(value, float) and value > 0:
            setattr(same, name, value / 2)
            assert same != loss


def test_parameters_may_change_between_steps():
    X, y = problem("numbers")
    one, other = (fastbp.Trainer(make.network([5, 4]), fastbp.Huber(1), fastbp.SGD(0.1)) for _ in range(2))
    for delta in [1, 0.1, 10]:
        one.loss.delta = other.loss.delta = delta
        assert one.evaluate(X, y)["loss"] == one.network.loss_and_grad(X, y, fastbp.Huber(delta))[0]
        for i in range(3):
            assert [one.learn_one(X[i], y[i])] == other.fit(X[i : i + 1], y[i : i + 1], epochs=1).loss
    assert make.same_bits(one.network.params, other.network.params)


BAD_PARAMETERS = [
    (fastbp.Huber, "delta", 0, ValueError, "greater than 0"),
    (fastbp.Huber, "delta", -1.0, ValueError, "greater than 0"),
    (fastbp.Huber, "delta", math.inf, ValueError, "finite"),
    (fastbp.Huber, "delta", math.nan, ValueError, "greater than 0"),
    (fastbp.Huber, "delta", "1", TypeError, "a number"),
    (fastbp.Huber, "delta", None, TypeError, "a number"),
    (fastbp.Quantile, "q", 0, ValueError, "greater than 0 and less than 1"),
    (fastbp.Quantile, "q", 1, ValueError, "greater than 0 and less than 1"),
    (fastbp.Quantile, "q", 90, ValueError, "less than 1"),
    (fastbp.Quantile, "q", [0.1, 0.9], TypeError, "a number"),
    (fastbp.Poisson, "log_input", 1, TypeError, "True or False"),
    (fastbp.GaussianNLL, "epsilon", 0, ValueError, "greater than 0"),
    (fastbp.CrossEntropy, "label_smoothing", 1, ValueError, "at least 0 and less than 1"),
    (fastbp.CrossEntropy, "label_smoothing", -0.1, ValueError, "at least 0 and less than 1"),
    (fastbp.FocalCrossEntropy, "gamma", -1, ValueError, "at least 0"),
    (fastbp.FocalCrossEntropy, "alpha", 0.25, TypeError, "a sequence with a number for each class"),
    (fastbp.BinaryFocalCrossEntropy, "gamma", math.nan, ValueError, "at least 0"),
    (fastbp.BinaryFocalCrossEntropy, "alpha", 1, ValueError, "less than 1"),
    (fastbp.BinaryFocalCrossEntropy, "alpha", (0.5, 0.5), TypeError, "a number"),
]


@pytest.mark.parametrize(("kind", "name", "value", "error", "words"), BAD_PARAMETERS)
def test_bad_parameters(kind, name, value, error, words):
    with pytest.raises(error, match=f"^{name} must be {words}|^{name} must be .*{words}.*got"):
        kind(**{name: value})
    loss = kind()
    before = vars(loss).copy()
    with pytest.raises(error, match=f"^{name} must be"):
        setattr(loss, name, value)
    assert vars(loss) == before


BAD_OUTPUTS = [
    (fastbp.Poisson(), "softplus", ["Poisson(log_input=True)", "an identity output", "got softplus", "SquaredError()"]),
    (fastbp.Poisson(False), "identity", ["Poisson(log_input=False)", "a softplus output", 'output="softplus"']),
    (fastbp.GaussianNLL(), "tanh", ["an identity output", "got tanh"]),
    (fastbp.GaussianNLL(), "identity", ["2 outputs for each target", "got a network with 3 outputs"]),
    (fastbp.Hinge(), "sigmoid", ["an identity or tanh output", "got sigmoid", "BinaryCrossEntropy()"]),
    (fastbp.SquaredHinge(), "softmax", ["SquaredHinge()", "got softmax", "take CrossEntropy()"]),
    (fastbp.FocalCrossEntropy(), "sigmoid", ["a softmax output", "got sigmoid"]),
    (fastbp.BinaryFocalCrossEntropy(), "softmax", ["a sigmoid output", "got softmax"]),
    (fastbp.FocalCrossEntropy(alpha=[1, 2]), "softmax", ["alpha", "each of the 3 classes", "got 2"]),
    (fastbp.Poisson(), "softmax", ["an identity output", "got softmax", "CrossEntropy() or SquaredError()"]),
]


@pytest.mark.parametrize(("loss", "output", "words"), BAD_OUTPUTS)
def test_outputs_that_do_not_fit(loss, output, words):
    with pytest.raises(ValueError, match=r"needs|must have") as caught:
        fastbp.Trainer(make.network([5, 3], output=output), loss)
    for word in words:
        assert word in str(caught.value)


BAD_TARGETS = {
    "a negative count": (fastbp.Poisson(), [[1, 2, -3]], r"y must be at least 0 for Poisson\(.*\), got .* -3 to 2"),
    "half a sign": (fastbp.Hinge(), [[1, 0.5, 0]], r"y must be 1 and -1, or 1 and 0, for Hinge\(\), got .* 0 to 1"),
    "signs and bits": (fastbp.Hinge(), [[1, -1, 0]], r"y must be 1 and -1, or 1 and 0"),
    "no label": (fastbp.Hinge(), [3], r"labels must be in 0 ... 2.*got labels from 3 to 3"),
    "a real label": (fastbp.FocalCrossEntropy(), [1.0], r"labels must be integers 0 ... 2, got dtype float64"),
    "a share too many": (fastbp.BinaryFocalCrossEntropy(), [[0, 1, 2]], r"y must be in \[0, 1\] for .*got .* 0 to 2"),
    "no row of probabilities": (fastbp.CrossEntropy(0.1), [[0, 1, 1]], r"y must have rows of probabilities"),
    "too many columns": (fastbp.Huber(), [[1, 2, 3, 4]], r"y must have shape \(1, 3\)"),
    "labels for numbers": (fastbp.Quantile(), [1], r"y must have shape \(1, 3\), as the network has 3 outputs"),
    "NaN": (fastbp.LogCosh(), [[1, math.nan, 3]], r"y must be finite, got nan at \[0, 1\]"),
}


@pytest.mark.parametrize(("loss", "y", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets(loss, y, message):
    net = make.network([5, 3], output=loss.fused or "identity")
    before = net.params.copy()
    trainer = fastbp.Trainer(net, loss)
    for use in (trainer.fit, trainer.evaluate, lambda X, y: trainer.learn_one(X[0], y[0])):
        with pytest.raises((TypeError, ValueError), match=f"^{message}"):
            use(np.ones((1, 5)), y)
    assert make.same_bits(net.params, before)


def test_a_count_below_zero_is_refused_online_too():
    trainer = fastbp.Trainer(make.network([5, 1]), fastbp.Poisson())
    for _ in range(2):
        with pytest.raises(ValueError, match=r"y must be at least 0"):
            trainer.learn_one(np.ones(5), -1.0)
        trainer.learn_one(np.ones(5), 2.0)


def test_signs_are_checked_online_too():
    trainer = fastbp.Trainer(make.network([5, 1]), fastbp.Hinge())
    for _ in range(2):
        for y in [0.5, 2, -3]:
            with pytest.raises(ValueError, match="y must be 1 and -1"):
                trainer.learn_one(np.ones(5), y)
        for y in [1, -1, 0, 1.0]:
            trainer.learn_one(np.ones(5), y)


def test_a_gaussian_takes_half_as_many_targets():
    net = make.network([5, 4])
    with pytest.raises(ValueError, match=r"y must have shape \(3, 2\).*got \(3, 4\)"):
        net.loss_and_grad(np.ones((3, 5)), np.ones((3, 4)), fastbp.GaussianNLL())


def test_scores_against_scikit_learn():
    """Numbers from sklearn.metrics 1.9: d2_pinball_score(alpha=0.8), d2_tweedie_score(power=1) of exp(outputs)."""
    y = np.array([[1.0], [2.0], [4.0], [0.0], [7.0]])
    z = np.array([[0.5], [0.75], [1.0], [0.25], [2.0]])
    w = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    assert fastbp.Quantile(0.8).score(z, y) == pytest.approx(-0.8690476190476191, rel=1e-12)
    assert fastbp.Poisson().score(z, y, None) == pytest.approx(0.7214272007047662, rel=1e-12)
    assert fastbp.Poisson().score(z, y, w) == pytest.approx(0.8317719757026838, rel=1e-12)
    assert fastbp.Poisson(False).score(np.exp(z), y, w) == pytest.approx(0.8317719757026838, rel=1e-12)
    assert fastbp.Poisson().score(np.log([[0.5]]), np.array([[0.0]]), None) == 0
    assert fastbp.Quantile().score(y, y) == 1


def test_metrics_by_name_are_of_predictions():
    X = np.eye(2)
    for loss, values, y, metric, expected in [
        (fastbp.Poisson(), np.log([[2.0], [4.0]]), [[2], [5]], "mae", 0.5),
        (fastbp.Poisson(False), np.log(np.expm1([[2.0], [4.0]])), [[2], [5]], "mae", 0.5),
        (fastbp.GaussianNLL(), [[1.0, 7.0], [2.0, 7.0]], [[1], [3]], "mae", 0.5),
        (fastbp.Hinge(), [[0.25], [-0.25]], [[1], [0]], "f1", 1.0),
    ]:
        net, _ = from_output(loss.fused or "identity", values)
        scores = fastbp.Trainer(net, loss).evaluate(X, y, metrics=[metric])
        assert scores[metric] == pytest.approx(expected, rel=1e-12)
