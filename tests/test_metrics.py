"""Metrics: values of scikit-learn, ties and weights, what they need of the targets, functions of the user's own."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import _scoring, metrics
from tests import makers as make

KNOWN = json.loads((Path(__file__).parent / "data" / "metrics.json").read_text())["problems"]
LOSS_OF = {"classes": fastbp.CrossEntropy(), "flags": fastbp.BinaryCrossEntropy(), "numbers": fastbp.SquaredError()}


def scores(names, loss, outputs, targets, weights=None):
    outputs = np.asarray(outputs)
    return _scoring.Scores(_scoring.as_metrics(names), loss, targets, weights, outputs.shape[1])(outputs)


def drawn(kind, n=40, n_out=3, seed=0):
    """Outputs and targets of the named kind, with ties among the outputs."""
    rng = np.random.default_rng(seed)
    outputs = rng.integers(0, 11, (n, n_out)) / 10
    targets = {
        "classes": lambda: rng.integers(0, n_out, n),
        "flags": lambda: rng.integers(0, 2, (n, n_out)).astype(float),
        "numbers": lambda: rng.normal(size=(n, n_out)),
    }[kind]()
    return outputs, targets


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", KNOWN, ids=lambda problem: problem["name"])
def test_values_of_scikit_learn(problem):
    outputs, targets = np.array(problem["outputs"]), np.array(problem["targets"])
    weights = None if problem["weights"] is None else np.array(problem["weights"])
    loss = next(loss for kind, loss in LOSS_OF.items() if kind in problem["name"])
    got = scores(list(problem["scores"]), loss, outputs, targets, weights)
    assert got == pytest.approx(problem["scores"], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", LOSS_OF)
def test_weights_are_copies(kind):
    outputs, targets = drawn(kind)
    names = {"classes": ["accuracy", "top_2"], "flags": ["accuracy"], "numbers": ["mae", "rmse", "r2"]}[kind]
    names += ["balanced_accuracy", "f1", "auc"] if kind != "numbers" else []
    counts = np.arange(40) % 3
    weighted = scores(names, LOSS_OF[kind], outputs, targets, counts.astype(float))
    copied = scores(names, LOSS_OF[kind], outputs.repeat(counts, 0), targets.repeat(counts, 0))
    assert weighted == pytest.approx(copied, rel=1e-12)
    assert weighted != pytest.approx(scores(names, LOSS_OF[kind], outputs, targets), rel=1e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_auc_is_the_share_of_pairs_in_order(weighted):
    outputs, targets = drawn("flags", n_out=1)
    weights = make.weights(40) if weighted else np.ones(40)
    up, down = targets[:, 0] == 1, targets[:, 0] == 0
    better = outputs[up] > outputs[down].T
    ties = outputs[up] == outputs[down].T
    assert ties.any()
    pairs = weights[up][:, None] * weights[down]
    expected = (pairs * (better + ties / 2)).sum() / pairs.sum()
    assert metrics.auc(outputs, targets, weights if weighted else None) == pytest.approx(expected, rel=1e-13)


def test_auc_of_many_samples():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(200_000, 1)).astype("float32")
    targets = (outputs + rng.normal(size=outputs.shape) > 0).astype("float32")
    began = time.perf_counter()
    assert metrics.auc(outputs, targets) == pytest.approx(5 / 6, abs=0.005)  # of two normals, correlated 1 / sqrt(2)
    assert time.perf_counter() - began < 5  # pairs would take minutes


def test_equal_outputs_prefer_the_first_class():
    outputs = np.array([[0.4, 0.4, 0.2], [0.3, 0.4, 0.3], [1 / 3, 1 / 3, 1 / 3]])
    for labels in ([0, 0, 0], [1, 1, 1], [2, 2, 2]):
        targets = np.array(labels)
        assert metrics.top_k(outputs, targets, k=1) == metrics.accuracy(outputs, targets)
    assert metrics.top_k(outputs, np.array([1, 0, 2]), k=2) == pytest.approx(2 / 3)
    assert metrics.top_k(outputs, np.eye(3)[[1, 0, 2]], k=2) == pytest.approx(2 / 3)


def test_nothing_to_find_and_nothing_found():
    nothing = np.zeros((4, 2))
    assert metrics.f1(nothing, nothing) == 0
    assert metrics.f1(np.eye(2)[[0, 0]], np.array([0, 0])) == 0
    assert metrics.balanced_accuracy(nothing, nothing) == 1
    assert np.isnan(metrics.auc(nothing, nothing))


# What they need -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "targets", "names", "message"),
    [
        ("CrossEntropy", [0, 1, 2], ["mae"], "mae needs targets that are rows of numbers, these are labels of classes: "
         "take accuracy, balanced_accuracy, top_k, f1, auc"),
        ("SquaredError", np.ones((3, 3)) / 7, ["r2", "auc"], "auc needs targets that are labels of classes or 0 and 1, "
         "these are rows of numbers: take mae, rmse, r2"),
        ("BinaryCrossEntropy", np.eye(3), ["top_2"], "top_2 needs targets that are labels of classes"),
        ("CrossEntropy", [0, 1, 2], ["top_3"], "top_3 is always 1 with 3 classes: take a smaller k"),
        ("SquaredError", np.ones((3, 3)), ["d2"], "d2 is that of Quantile and Poisson"),
        ("CrossEntropy", [0, 1, 2], ["top_k"], "top_k is always 1 with 3 classes"),
        ("CrossEntropy", [0, 1, 1], ["auc"], "these targets lack class 2"),
        ("BinaryCrossEntropy", np.eye(3)[[0, 1, 0]], ["auc"], "these targets lack both values for output 2"),
    ],
)  # fmt: skip
def test_metrics_that_cannot_be_computed(loss, targets, names, message):
    output = {"CrossEntropy": "softmax", "BinaryCrossEntropy": "sigmoid"}.get(loss, "identity")
    net = make.network([5, 3], output=output)
    before = net.params.copy()
    trainer = fastbp.Trainer(net, make.loss(loss))
    X = make.samples(3, 5)
    with pytest.raises(ValueError, match=message):
        trainer.evaluate(X, targets, metrics=names)
    with pytest.raises(ValueError, match=message):
        trainer.fit(X, targets, validation_data=(X, targets), metrics=names)
    assert make.same_bits(net.params, before)


def test_auc_looks_at_rows_with_a_weight():
    trainer = fastbp.Trainer(make.network([5, 3], output="softmax"))
    X, y = make.samples(4, 5), [0, 1, 2, 2]
    assert 0 <= trainer.evaluate(X, y, [1, 1, 0, 1], metrics="auc")["auc"] <= 1
    with pytest.raises(ValueError, match="lack class 1"):
        trainer.evaluate(X, y, [1, 0, 1, 1], metrics=["auc"])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (["acuracy"], ValueError, r"metrics must be among accuracy, .*, d2 \(top_3 .* got 'acuracy'"),
        (["top_0"], ValueError, "got 'top_0'"),
        (["f1_0"], ValueError, "got 'f1_0'"),
        (["top_-1"], ValueError, "got 'top_-1'"),
        ([3], TypeError, "names or functions of .*, got 3"),
        (["f1", "f1"], ValueError, "different names, got f1, f1"),
        ([lambda *a: 0], ValueError, "needs a name of its own"),
    ],
    ids=str,
)
def test_wrong_metrics(wrong, error, message):
    trainer = fastbp.Trainer(make.network([5, 3], output="softmax"))
    X, y = make.samples(3, 5), [0, 1, 2]
    with pytest.raises(error, match=message):
        trainer.evaluate(X, y, metrics=wrong)
    with pytest.raises(error, match=message):
        trainer.fit(X, y, validation_data=(X, y), metrics=wrong)


def test_targets_of_a_squared_error_are_read_by_their_values():
    outputs, _ = drawn("numbers")
    labels = outputs.argmax(axis=1)
    squared = fastbp.SquaredError()
    assert scores(["accuracy", "mae"], squared, outputs, np.eye(3)[labels])["accuracy"] == 1  # one-hot: classes
    flags = (outputs > 0.5).astype(float)
    assert scores(["accuracy", "f1"], squared, outputs, flags) == {"accuracy": 1, "f1": 1}
    one = scores(["accuracy"], squared, outputs[:, :1], flags[:, :1])
    assert one == {"accuracy": 1}
    soft = np.full((40, 3), [0.1, 0.7, 0.2])
    assert scores("accuracy", fastbp.CrossEntropy(), soft, soft) == {"accuracy": 1}


def test_outputs_are_read_as_the_loss_means_them():
    """Outputs of Poisson are logarithms."""
    outputs, counts = np.log([[1.0], [2.0]]), np.array([[1.0], [4.0]])
    assert scores(["mae", "d2"], fastbp.Poisson(), outputs, counts)["mae"] == pytest.approx(1)


# In fit and evaluate --------------------------------------------------------------------------------------------------


def mine(outputs, targets, sample_weight):
    """How many numbers there were."""
    return outputs.size + targets.size + (0 if sample_weight is None else 1000)


def test_metrics_in_fit_and_evaluate():
    X, y, weights = make.samples(30, 5), make.targets("labels", 30, 3), make.weights(30) + 0.1
    trainer = fastbp.Trainer(make.network([5, 3], output="softmax"))
    names = ["auc", "top_2", mine]
    history = trainer.fit(X, y, epochs=3, validation_data=(X, y, weights), metrics=names)
    assert list(history.metrics) == ["val_auc", "val_top_2", "val_mine"]
    assert history.metrics["val_mine"] == [30 * 4 + 1000] * 3
    last = trainer.evaluate(X, y, weights, metrics=names)
    assert last == {"loss": history.val_loss[-1], **{name[4:]: v[-1] for name, v in history.metrics.items()}}
    assert list(trainer.evaluate(X, y, metrics=[])) == ["loss"]
    assert list(trainer.evaluate(X, y, metrics="f1")) == ["loss", "f1"]
    assert list(trainer.fit(X, y, epochs=1, validation_data=(X, y), metrics=()).metrics) == []


def test_a_metric_returns_a_number():
    def words(outputs, targets, sample_weight):
        return "many"

    trainer = fastbp.Trainer(make.network([5, 3]))
    with pytest.raises(TypeError, match="the metric words must return a number, got 'many'"):
        trainer.evaluate(make.samples(9, 5), make.samples(9, 3), metrics=words)


def test_metrics_of_fit_need_validation_data():
    trainer = fastbp.Trainer(make.network([5, 3]))
    with pytest.raises(ValueError, match="metrics are computed of validation data: give validation_data or"):
        trainer.fit(make.samples(9, 5), make.samples(9, 3), metrics=["mae"])
