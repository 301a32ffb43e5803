"""Weights of samples and of classes, in training, evaluation and online learning."""

import numpy as np
import pytest

import fastbp
from tests import makers as make
from tests.test_custom_loss import OfEach, OfLabels

LOSSES = [
    (fastbp.SquaredError(), "identity", "numbers"),
    (fastbp.Huber(0.5), "identity", "numbers"),
    (fastbp.GaussianNLL(), "identity", "halves"),
    (fastbp.Poisson(), "identity", "counts"),
    (fastbp.SquaredHinge(), "identity", "labels"),
    (fastbp.CrossEntropy(0.1), "softmax", "labels"),
    (fastbp.FocalCrossEntropy(), "softmax", "labels"),
    (fastbp.BinaryFocalCrossEntropy(), "sigmoid", "bits"),
    (OfEach(), "identity", "numbers"),
    (OfLabels(), "softmax", "labels"),
]
IDS = [f"{type(loss).__name__}-{kind}" for loss, _, kind in LOSSES]
X = make.samples(12, 5)
Y = np.array([0, 0, 1, 2, 0, 0, 1, 0, 0, 2, 0, 0])  # 8, 2 and 2
BALANCED = np.array([0.5, 2, 2])[Y]
SETTINGS = {"loss": fastbp.CrossEntropy(), "batch_size": 5}


def trainer(optimizer=None, output="softmax", n_out=3, **settings):
    net = make.network([5, 7, n_out], output=output)
    return fastbp.Trainer(net, optimizer=optimizer or fastbp.SGD(0.1), **settings)


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.05, momentum=0.9), fastbp.Adam(0.01)], ids=repr)
@pytest.mark.parametrize(("loss", "output", "kind"), LOSSES, ids=IDS)
def test_a_weight_of_2_is_a_sample_twice(loss, output, kind, optimizer):
    X, y = make.samples(30, 5), make.targets(kind, 30, 4)
    counts = np.arange(30) % 3  # 0, 1 and 2 times
    weighted, repeated = (
        fastbp.Trainer(make.network([5, 7, 4], output=output), loss, optimizer, batch_size=1000) for _ in range(2)
    )
    history = weighted.fit(X, y, epochs=10, sample_weight=counts)
    expected = repeated.fit(X.repeat(counts, 0), y.repeat(counts, 0), epochs=10)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-12)
    assert make.furthest(weighted.network.params, repeated.network.params) < 1e-12
    scores = weighted.evaluate(X, y, sample_weight=counts)
    for name, value in repeated.evaluate(X.repeat(counts, 0), y.repeat(counts, 0)).items():
        assert scores[name] == pytest.approx(value, rel=1e-12), name


def test_a_class_weight_of_2_is_a_class_twice():
    one, other = (trainer(loss=fastbp.CrossEntropy(), batch_size=100) for _ in range(2))
    one.fit(X, Y, epochs=10, class_weight={1: 2, 2: 3})
    counts = np.array([1, 2, 3])[Y]
    other.fit(X.repeat(counts, 0), Y.repeat(counts), epochs=10)
    assert make.furthest(one.network.params, other.network.params) < 1e-12


# What is given as y with what loss and output, a class weight, and the sample weights that it stands for
SAME = {
    "balanced": (Y, fastbp.CrossEntropy(), "softmax", 3, "balanced", BALANCED),
    "balanced, one class missing": (
        np.minimum(Y, 1),
        fastbp.CrossEntropy(),
        "softmax",
        3,
        "balanced",
        np.array([0.75, 1.5])[np.minimum(Y, 1)],
    ),
    "one-hot rows": (np.eye(3)[Y], fastbp.CrossEntropy(), "softmax", 3, "balanced", BALANCED),
    "a dict": (Y, fastbp.FocalCrossEntropy(), "softmax", 3, {0: 1, 1: 0, 2: 0.5}, np.array([1, 0, 0.5])[Y]),
    "some missing": (Y, fastbp.CrossEntropy(), "softmax", 3, {np.int64(2): 5}, np.array([1, 1, 5])[Y]),
    "margins of labels": (Y, fastbp.Hinge(), "identity", 3, {2: 5, 0: 2}, np.array([2, 1, 5])[Y]),
    "bits": (Y > 0, fastbp.BinaryCrossEntropy(), "sigmoid", 1, "balanced", np.array([0.75, 1.5])[(Y > 0) * 1]),
    "bits of a focal loss": (Y > 0, fastbp.BinaryFocalCrossEntropy(), "sigmoid", 1, {1: 3}, 1 + 2 * (Y > 0)),
    "signs": (np.where(Y > 0, 1, -1), fastbp.Hinge(), "identity", 1, {-1: 3, 1: 2}, np.where(Y > 0, 2, 3)),
    "bits as signs": (Y > 0, fastbp.SquaredHinge(), "tanh", 1, {0: 3, 1: 2}, np.where(Y > 0, 2, 3)),
    "a loss of one's own": (Y, OfLabels(), "softmax", 3, "balanced", BALANCED),
}


@pytest.mark.parametrize(("y", "loss", "output", "n_out", "class_weight", "weights"), SAME.values(), ids=SAME)
def test_class_weights_are_sample_weights(y, loss, output, n_out, class_weight, weights):
    one, other = (trainer(output=output, n_out=n_out, loss=loss, batch_size=5) for _ in range(2))
    own = np.linspace(1, 2, 12)
    for w in [None, own]:
        combined = weights if w is None else w * weights
        one.fit(X, y, epochs=2, sample_weight=w, class_weight=class_weight)
        other.fit(X, y, epochs=2, sample_weight=combined)
        assert make.same_bits(one.network.params, other.network.params)
        assert one.evaluate(X, y, w, class_weight=class_weight) == other.evaluate(X, y, combined)


def test_only_what_is_trained_on_is_weighted():
    one, other = (trainer(**SETTINGS) for _ in range(2))
    history = one.fit(X, Y, validation_data=(X, Y), class_weight="balanced")
    expected = other.fit(X, Y, validation_data=(X, Y), sample_weight=BALANCED)
    assert history.val_loss == expected.val_loss
    assert history.val_loss[-1] == one.evaluate(X, Y)["loss"] != one.evaluate(X, Y, class_weight="balanced")["loss"]


def test_rows_held_back_do_not_count():
    one, other = (trainer(**SETTINGS) for _ in range(2))
    one.fit(X, Y, validation_split=0.25, split="tail", class_weight="balanced")
    other.fit(X[:9], Y[:9], class_weight="balanced")
    assert make.same_bits(one.network.params, other.network.params)


@pytest.mark.parametrize(("loss", "output", "kind"), LOSSES, ids=IDS)
def test_a_weight_scales_an_online_step(loss, output, kind):
    x, y = make.samples(1, 5)[0], make.targets(kind, 1, 4)[0]
    steps = []
    for weight in [None, 1, 2, 0.25, 0]:
        net = make.network([5, 7, 4], output=output)
        before = net.params.copy()
        learner = fastbp.Trainer(net, loss, fastbp.SGD(0.1))
        for _ in range(2):  # the first learner is made, the second is there
            net.params[...] = before
            value = learner.learn_one(x, y, sample_weight=weight)
            steps.append((value, net.params - before))
    for (value, step), share in zip(steps, np.repeat([1, 1, 2, 0.25, 0], 2), strict=True):
        assert value == pytest.approx(steps[0][0], rel=1e-14)
        np.testing.assert_allclose(step, share * steps[0][1], rtol=1e-9, atol=1e-15)
        assert share or not step.any()


def test_weights_of_an_online_step():
    weighted, other = (trainer(**SETTINGS) for _ in range(2))
    for i in range(12):
        weighted.learn_one(X[i], Y[i], sample_weight=0.5, class_weight={0: 2, 1: 3})
        other.learn_one(X[i], Y[i], [1.0, 1.5, 0.5][Y[i]])
    assert make.same_bits(weighted.network.params, other.network.params)


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.05, momentum=0.9), fastbp.Adam(0.01)], ids=repr)
def test_an_online_step_of_weight_0_is_none(optimizer):
    one, other = (trainer(optimizer, **SETTINGS) for _ in range(2))
    for i in range(12):
        for each in (one, other):
            each.learn_one(X[i], Y[i])
        expected = one.evaluate(X[:1], Y[:1])["loss"]
        assert one.learn_one(X[0], Y[0], sample_weight=0) == pytest.approx(expected, rel=1e-14)
    assert make.same_bits(one.network.params, other.network.params)


def test_a_weighted_step_that_grows_too_large():
    learner = trainer(output="identity")
    for _ in range(2):
        learner.learn_one(X[0], [1.0, 2.0, 3.0])
        before = learner.network.params.copy()
        with pytest.raises(fastbp.DivergedError, match="an update is not finite"):
            learner.learn_one(X[0], [1e100, 0, 0], sample_weight=1e300)
        assert make.same_bits(learner.network.params, before)


BAD = {
    "a name": ("balance", TypeError, "\"balanced\" or a dict of labels and weights, got 'balance'"),
    "a list": ([1, 2, 3], TypeError, '"balanced" or a dict of labels and weights, got'),
    "a number": (2.0, TypeError, '"balanced" or a dict'),
    "a class too many": ({3: 1.0}, ValueError, r"must name classes, 0 \.\.\. 2 here, got 3"),
    "a class that is a name": ({"cat": 1.0}, ValueError, r"must name classes, 0 \.\.\. 2 here, got 'cat'"),
    "a class that is no integer": ({1.0: 1.0}, ValueError, r"must name classes, 0 \.\.\. 2 here, got 1\.0"),
    "a negative weight": ({1: -1.0}, ValueError, "the weight of class 1 must be at least 0 and finite, got -1"),
    "NaN": ({1: np.nan}, ValueError, "the weight of class 1 must be at least 0 and finite, got nan"),
    "text": ({1: "2"}, TypeError, "the weight of class 1 must be a number, got '2'"),
    "no weight at all": ({0: 0, 1: 0, 2: 0}, ValueError, "class_weight must not be zero for every sample"),
}


@pytest.mark.parametrize(("class_weight", "error", "message"), BAD.values(), ids=BAD)
def test_bad_class_weights(class_weight, error, message):
    t = trainer(**SETTINGS)
    before = t.network.params.copy()
    for use in (t.fit, t.evaluate):
        with pytest.raises(error, match=message):
            use(X, Y, class_weight=class_weight)
    if "every" not in message:
        with pytest.raises(error, match=message):
            t.learn_one(X[0], Y[0], class_weight=class_weight)
    assert make.same_bits(t.network.params, before)


NO_CLASSES = {
    "numbers": (fastbp.SquaredError(), "identity", make.targets("numbers", 12, 3), "takes numbers, not classes"),
    "one-hot numbers": (fastbp.Huber(), "identity", np.eye(3)[Y], "takes numbers, not classes"),
    "probabilities": (
        fastbp.CrossEntropy(),
        "softmax",
        make.targets("probabilities", 12, 3),
        "was given probabilities, not classes",
    ),
    "several answers": (
        fastbp.BinaryCrossEntropy(),
        "sigmoid",
        make.targets("bits", 12, 3),
        "given 3 answers for each",
    ),
    "several signs": (fastbp.Hinge(), "identity", make.targets("signs", 12, 3), "given 3 answers for each sample"),
    "one's own": (
        OfEach(),
        "identity",
        make.targets("numbers", 12, 3),
        r"float64 targets of shape \(12, 3\), not labels",
    ),
}


@pytest.mark.parametrize(("loss", "output", "y", "message"), NO_CLASSES.values(), ids=NO_CLASSES)
def test_targets_that_are_no_classes(loss, output, y, message):
    t = trainer(output=output, loss=loss)
    for use in (t.fit, t.evaluate):
        with pytest.raises(ValueError, match=f"^class_weight is for .*{message}.*give each sample its weight"):
            use(X, y, class_weight="balanced")


def test_shares_are_no_classes():
    t = trainer(output="sigmoid", n_out=1)
    with pytest.raises(ValueError, match="was given probabilities, not classes"):
        t.fit(X, np.full(12, 0.5), class_weight="balanced")


def test_one_sample_has_no_balance():
    with pytest.raises(ValueError, match=r'class_weight="balanced" means nothing for one sample: give the weights'):
        trainer(**SETTINGS).learn_one(X[0], Y[0], class_weight="balanced")


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (-1, ValueError, "at least 0 and finite, got -1"),
        (np.nan, ValueError, "at least 0 and finite, got nan"),
        (np.inf, ValueError, "at least 0 and finite, got inf"),
        ("2", TypeError, "a number, got '2'"),
        ([2], TypeError, r"a number, got \[2\]"),
    ],
)
def test_bad_weights_of_an_online_step(weight, error, message):
    t = trainer(**SETTINGS)
    for _ in range(2):
        with pytest.raises(error, match=f"^sample_weight must be {message}"):
            t.learn_one(X[0], Y[0], sample_weight=weight)
        t.learn_one(X[0], Y[0])
