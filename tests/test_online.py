"""Many samples learnt one after another, and predicted before: a loop of learn_one and predict_one is the oracle."""

import copy

import numpy as np
import pytest

import fastbp
from fastbp import metrics
from tests import makers as make

LAYERS = {
    "dense": [fastbp.Dense(7, "tanh"), fastbp.Dense(3, "softmax")],
    "wide": [fastbp.Dense(150, "relu"), fastbp.Dense(150, "relu"), fastbp.Dense(3, "softmax")],
    "noisy": [fastbp.Dropout(0.3), fastbp.Dense(9, "gelu"), fastbp.LayerNorm(), fastbp.Dense(3, "softmax", l2=0.01)],
    "limited": [fastbp.Dense(9, "relu", max_norm=0.5), fastbp.PReLU(), fastbp.Dense(3, "softmax")],
    "running": [fastbp.Standardize(True, 0.98, columns=(0, 2)), fastbp.Dense(9, "tanh"), fastbp.Dense(3, "softmax")],
    "categories": [fastbp.Embedding(4, 3, 1), fastbp.Dense(3, "softmax")],
}
SETTINGS = {
    "SGD": {"optimizer": fastbp.SGD(0.1)},
    "SGD, averaged": {"optimizer": fastbp.SGD(0.1), "ema": 0.9},
    "Adam, scheduled": {"optimizer": fastbp.Adam(fastbp.InverseTimeDecay(0.01, 0.1))},
    "clipped": {"optimizer": fastbp.NAdam(0.01, clip_norm=0.1)},
}
N = 150  # more than a learner has learning rates for


def stream(n=N, dtype="float64", seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(dtype)
    X[:, 1] = rng.integers(0, 4, n)
    return X, (X[:, 0] > 0).astype(int) + (X[:, 2] > 0.5)


def trainer(layers="dense", dtype="float64", loss=None, **settings):
    return fastbp.Trainer(fastbp.Network(5, copy.deepcopy(LAYERS[layers]), dtype), loss, **settings)


def one_by_one(trainer, X, y, **weights):
    """Return losses, and predictions before each step."""
    rows = [(trainer.network.predict_one(x), trainer.learn_one(x, t, **weights)) for x, t in zip(X, y, strict=True)]
    return np.array([loss for _, loss in rows]), np.array([outputs for outputs, _ in rows])


@pytest.mark.parametrize("layers", LAYERS)
def test_networks(target, dtype, layers):
    X, y = stream(dtype=dtype)
    one, many, both = (trainer(layers, dtype, seed=3) for _ in range(3))
    losses, outputs = one_by_one(one, X, y)
    assert make.same_bits(many.learn_many(X, y), losses)
    progress = both.progressive_validation(X, y)
    assert make.same_bits(progress.losses, losses)
    assert make.same_bits(progress.outputs, outputs)
    for other in (many, both):
        assert make.same_bits(other.network.params, one.network.params)
        assert np.any(other.network.params != trainer(layers, dtype).network.params)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_trainers_go_on(settings):
    X, y = stream()
    one, many = trainer(**settings), trainer(**settings)
    one_by_one(one, X, y)
    many.learn_many(X[:70], y[:70])
    for i in range(70, 75):
        many.learn_one(X[i], y[i])
    many.progressive_validation(X[75:90], y[75:90])
    many.learn_many(X[90:], y[90:])
    for each in (one, many):
        each.fit(X, y, epochs=1)
    assert make.same_bits(one.network.params, many.network.params)
    if one.ema:
        assert make.same_bits(one.averaged_params, many.averaged_params)


def test_hyper_parameters_and_freezing_between_calls():
    X, y = stream()
    one, many = trainer(), trainer()
    for part, change in enumerate(
        (
            lambda trainer: None,
            lambda trainer: setattr(trainer.optimizer, "learning_rate", 0.02),
            lambda trainer: setattr(trainer, "optimizer", fastbp.SGD(0.3)),
            lambda trainer: setattr(trainer, "ema", 0.5),
            lambda trainer: setattr(trainer.network.layers[0], "trainable", False),
            lambda trainer: trainer.reset(seed=5),
        )
    ):
        rows = slice(20 * part, 20 * part + 20)
        for each in (one, many):
            change(each)
        before = many.network.named_parameters()["0.weight"].copy()
        losses, _ = one_by_one(one, X[rows], y[rows])
        assert make.same_bits(many.learn_many(X[rows], y[rows]), losses)
        assert make.same_bits(one.network.params, many.network.params)
        assert np.array_equal(before, many.network.named_parameters()["0.weight"]) == (part >= 4)
    for each in (one, many):
        each.network.layers[0].trainable = True


def test_weights():
    X, y = stream()
    weights = make.weights(N)
    one, many, both = trainer(), trainer(), trainer()
    losses = [one.learn_one(x, t, w, {2: 3.0}) for x, t, w in zip(X, y, weights.tolist(), strict=True)]
    assert many.learn_many(X, y, weights, class_weight={2: 3.0}).tolist() == losses
    assert make.same_bits(one.network.params, many.network.params)
    progress = both.progressive_validation(X, y, weights, class_weight={2: 3.0}, window=60)
    weights = weights * np.where(y == 2, 3.0, 1.0)
    assert progress.losses.tolist() == losses
    assert progress.scores["loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-14)
    right = progress.outputs.argmax(axis=1) == y
    assert progress.windows["accuracy"][1] == pytest.approx(np.average(right[60:120], weights=weights[60:120]))


class Distance:
    def value_and_grad(self, outputs, targets):
        error = outputs - targets
        return (error**2).sum(axis=1), 2 * error


LOSSES = [
    (fastbp.SquaredError(), "identity", lambda X: X[:, 1:4] / 3),
    (fastbp.BinaryCrossEntropy(), "sigmoid", lambda X: (X[:, 1:4] > 0) * 1.0),
    (fastbp.GaussianNLL(), "identity", lambda X: X[:, :2]),
    (fastbp.MultiTask([(fastbp.CrossEntropy(), 3), (fastbp.SquaredError(), 1)]), "identity", None),
    (Distance(), "tanh", lambda X: X[:, 1:4] / 3),
]


@pytest.mark.parametrize(("loss", "output", "targets"), LOSSES, ids=lambda value: type(value).__name__)
def test_losses(loss, output, targets):
    X, labels = stream(40)
    n_out = 3 if loss is not LOSSES[2][0] and targets else 4
    y = [labels, X[:, :1]] if targets is None else targets(X)
    rows = list(zip(*y, strict=True)) if targets is None else y
    one, many = (fastbp.Trainer(make.network([5, 6, n_out], output=output), loss) for _ in range(2))
    losses, outputs = one_by_one(one, X, rows)
    progress = many.progressive_validation(X, y)
    assert make.same_bits(progress.losses, losses)
    assert make.same_bits(progress.outputs, outputs)
    assert make.same_bits(one.network.params, many.network.params)


def test_scores():
    X, y = stream(100)
    progress = trainer().progressive_validation(X, y, metrics=["accuracy", "top_2", mean_of_first], window=30)
    assert list(progress.scores) == list(progress.windows) == ["loss", "accuracy", "top_2", "mean_of_first"]
    for values, score, expected in (
        (progress.windows["loss"], progress.scores["loss"], lambda rows: progress.losses[rows].mean()),
        (
            progress.windows["accuracy"],
            progress.scores["accuracy"],
            lambda rows: metrics.accuracy(progress.outputs[rows], y[rows]),
        ),
    ):
        assert score == pytest.approx(expected(slice(100)), rel=1e-14)
        parts = [expected(slice(begin, begin + 30)) for begin in range(0, 100, 30)]
        np.testing.assert_allclose(values, parts, rtol=1e-14)
    assert repr(progress).startswith("<ProgressiveValidation of 100 samples: loss=")
    assert trainer().progressive_validation(X, y).windows == {}


def mean_of_first(outputs, targets, sample_weight):
    return outputs[:, 0].mean()


def test_it_learns_what_it_is_validated_on():
    X, y = stream(2000)
    progress = trainer(optimizer=fastbp.Adam(0.01)).progressive_validation(X, y, window=500)
    assert progress.windows["accuracy"][0] < progress.windows["accuracy"][-1] > 0.9


def test_divergence_keeps_what_was_learnt():
    X, y = stream(30)
    X[20] = 1e308
    learner, twin = trainer("wide", optimizer=fastbp.SGD(0.1)), trainer("wide", optimizer=fastbp.SGD(0.1))
    one_by_one(twin, X[:20], y[:20])
    with pytest.raises(fastbp.DivergedError, match="not finite"):
        learner.learn_many(X, y)
    assert make.same_bits(learner.network.params, twin.network.params)


BAD = {
    "rows": (lambda t, X, y: t.learn_many(X[:, :4], y), "X must have 5 features"),
    "one sample": (lambda t, X, y: t.learn_many(X[0], y[:1]), r"X must have 2 dimensions.*got 1"),
    "no sample": (lambda t, X, y: t.learn_many(X[:0], y[:0]), "at least one sample"),
    "lengths": (lambda t, X, y: t.learn_many(X, y[1:]), "y must have as many rows as X"),
    "labels": (lambda t, X, y: t.learn_many(X, y + 1), "labels must be in 0 ... 2"),
    "NaN": (lambda t, X, y: t.learn_many(np.where(X > 2, np.nan, X), y), "X must be finite"),
    "weights": (lambda t, X, y: t.learn_many(X, y, -np.ones(N)), "sample_weight must not be negative"),
    "balanced": (lambda t, X, y: t.learn_many(X, y, class_weight="balanced"), "means nothing for a stream"),
    "metric": (lambda t, X, y: t.progressive_validation(X, y, metrics=["r3"]), "metrics must be among"),
    "window": (lambda t, X, y: t.progressive_validation(X, y, window=0), "window must be at least 1, got 0"),
    "auc of a window": (
        lambda t, X, y: t.progressive_validation(X, y, metrics=["auc"], window=2),
        r"in samples 0 ... 1, the metric auc .*lack class",
    ),
    "weight of a window": (
        lambda t, X, y: t.progressive_validation(X, y, np.arange(N) // 100, window=50),
        r"in samples 0 ... 49, sample_weight must not be zero for every sample",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_input(call, message):
    X, y = stream()
    learner = trainer()
    before = learner.network.params.copy()
    with pytest.raises((TypeError, ValueError), match=message):
        call(learner, X, y)
    assert make.same_bits(learner.network.params, before)


def test_batch_norm_is_refused():
    net = fastbp.Network(5, [fastbp.BatchNorm(), fastbp.Dense(3, "softmax")])
    with pytest.raises(ValueError, match="at least 2 samples a batch in training, got 1"):
        fastbp.Trainer(net).learn_many(*stream(10))


def test_the_average_in_its_place():
    X, y = stream(10)
    learner = trainer(ema=0.9)
    learner.learn_many(X, y)
    with learner.use_average(), pytest.raises(RuntimeError, match="leave use_average before you train"):
        learner.learn_many(X, y)


def test_ctrl_c_keeps_what_was_learnt(monkeypatch):
    X, y = stream()
    learner, twin = trainer(), trainer()
    learner.learn_many(X[:10], y[:10])
    calls = []

    class Clock:
        @staticmethod
        def perf_counter():
            calls.append(None)
            if len(calls) == 5:  # before the third piece
                raise KeyboardInterrupt
            return 0.0

    monkeypatch.setattr("fastbp._online.time", Clock)
    with pytest.raises(KeyboardInterrupt):
        learner.learn_many(X[10:], y[10:])
    monkeypatch.undo()
    n_learnt = learner._learner.n_batches_done
    assert 10 < n_learnt < N
    one_by_one(twin, X[:n_learnt], y[:n_learnt])
    assert make.same_bits(learner.network.params, twin.network.params)
