"""Mini-batches accumulated into one update, and the moving average of the parameters."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastbp
from tests import makers as make

KNOWN = dict(np.load(Path(__file__).with_name("data") / "trajectories.npz"))
CASES = [case for case in json.loads(str(KNOWN["cases"])) if "ema" in case["settings"]]
X, Y = make.samples(45, 5), make.targets("labels", 45, 3)


def network(dtype="float64"):
    return make.network([5, 7, 3], "tanh", "softmax", dtype)


def trained(optimizer, dtype="float64", epochs=2, n_samples=45, **settings):
    net = network(dtype)
    trainer = fastbp.Trainer(net, optimizer=optimizer, **settings)
    history = trainer.fit(X[:n_samples], Y[:n_samples], epochs=epochs, sample_weight=make.weights(n_samples))
    return net.params.copy(), history, trainer


# Accumulation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [*make.OPTIMIZERS, *make.FULL_BATCH], ids=repr)
@pytest.mark.parametrize(("batch_size", "accumulate"), [(8, 2), (3, 5), (1, 4), (16, 7), (45, 3)])
def test_accumulated_batches_are_one_batch(all_threads, dtype, optimizer, batch_size, accumulate):
    """The same bits, weighted too, and what is left at the end of an epoch makes an update."""
    if optimizer.full_batch:
        accumulate = 45
    got, history, _ = trained(optimizer, dtype, batch_size=batch_size, accumulate=accumulate, n_threads=2)
    expected, joined, _ = trained(optimizer, dtype, batch_size=batch_size * accumulate)
    assert make.same_bits(got, expected)
    assert history.loss == pytest.approx(joined.loss, rel=1e-13)


def test_a_mean_of_means_where_batches_are_equal(dtype):
    net = network(dtype)
    before = net.params.copy()
    grads = [net.loss_and_grad(X[i : i + 15], Y[i : i + 15], fastbp.CrossEntropy())[1] for i in (0, 15, 30)]
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(1.0), batch_size=15, accumulate=3)
    trainer.fit(X, Y, epochs=1, shuffle=False)
    mean = np.mean(grads, axis=0)
    assert make.furthest(before - net.params, mean) < {"float32": 1e-5, "float64": 1e-12}[dtype]


def test_mini_batches_of_more_rows_than_there_are():
    assert make.same_bits(
        trained(fastbp.SGD(), batch_size=2**62, accumulate=2**62)[0], trained(fastbp.SGD(), batch_size=45)[0]
    )


def test_rprop_may_accumulate():
    with pytest.raises(ValueError, match=r"batch_size \(times accumulate\) must be at least 45, .* got 32"):
        trained(fastbp.Rprop(), batch_size=8, accumulate=4)
    trained(fastbp.Rprop(), batch_size=8, accumulate=6)


def test_penalties_count_once_an_update(dtype):
    def run(**settings):
        layers = [fastbp.Dense(7, "tanh", l1=0.01, l2=0.02, max_norm=0.9), fastbp.Dense(3, "softmax")]
        net = fastbp.Network(5, layers, dtype=dtype, seed=0)
        history = fastbp.Trainer(net, optimizer=fastbp.Adam(0.01), **settings).fit(X, Y, epochs=3)
        return net.params, history.loss

    (got, losses), (expected, joined) = run(batch_size=6, accumulate=3), run(batch_size=18)
    assert make.same_bits(got, expected)
    assert losses == pytest.approx(joined, rel=1e-13)


def test_batch_norm_looks_at_mini_batches():
    def moved(rows, **settings):
        net = fastbp.Network(5, [fastbp.Dense(7, "tanh"), fastbp.BatchNorm(), fastbp.Dense(3, "softmax")], "float64", 0)
        before = net.params.copy()
        fastbp.Trainer(net, optimizer=fastbp.SGD(0.5), **settings).fit(X[rows], Y[rows], epochs=1, shuffle=False)
        return net.params - before

    parts = [moved(slice(i, i + 15), batch_size=15) for i in (0, 15, 30)]
    accumulated = moved(slice(45), batch_size=15, accumulate=3)
    np.testing.assert_allclose(accumulated, np.mean(parts, axis=0), rtol=1e-9, atol=1e-12)
    assert np.abs(accumulated - moved(slice(45), batch_size=45)).max() > 1e-6


def test_the_norm_is_of_what_is_trained(dtype):
    net = network(dtype)
    net.layers[0].trainable = False
    before = net.params.copy()
    grad = net.loss_and_grad(X, Y, fastbp.CrossEntropy())[1].astype(np.float64)
    trained_ones = slice(5 * 7 + 7, None)
    norm = np.linalg.norm(grad[trained_ones])
    assert norm < 0.99 * np.linalg.norm(grad)
    fastbp.Trainer(net, optimizer=fastbp.SGD(1.0, clip_norm=0.01), batch_size=45).fit(X, Y, epochs=1, shuffle=False)
    assert make.same_bits(net.params[:42], before[:42])
    moved = net.params.astype(np.float64)[trained_ones] - before[trained_ones]
    tolerance = {"float32": 1e-6, "float64": 1e-7}[dtype]  # PyTorch's factor is off by 1e-6 / norm
    np.testing.assert_allclose(moved, -0.01 * grad[trained_ones] / norm, atol=tolerance)


# The average ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_known_averages(all_threads, target, dtype, case, n_threads):
    settings = dict(case["settings"])
    ema = settings.pop("ema")
    net = fastbp.Network.mlp([4, 5, 3], activation="tanh", output="softmax", dtype=dtype)
    net.params[...] = KNOWN["start"]
    optimizer = getattr(fastbp, case["kind"])(**settings)
    trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=8, n_threads=n_threads, ema=ema)
    tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype]
    for i, epochs in enumerate((1, 1, 8)):
        trainer.fit(KNOWN["X"], KNOWN["y"], epochs=epochs, shuffle=False)
        assert np.abs(trainer.averaged_params - KNOWN[f"{case['name']}/average"][i]).max() < tolerance
        assert np.abs(net.params - KNOWN[f"{case['name']}/params"][i]).max() < tolerance
    assert np.abs(trainer.averaged_params - net.params).max() > 1e-3


@pytest.mark.parametrize("optimizer", make.OPTIMIZERS, ids=repr)
def test_the_average_does_not_change_training(dtype, optimizer):
    assert make.same_bits(trained(optimizer, dtype)[0], trained(optimizer, dtype, ema=0.9)[0])


@pytest.mark.parametrize("optimizer", make.OPTIMIZERS, ids=repr)
def test_learn_one_averages_too(dtype, optimizer):
    trainers = [fastbp.Trainer(network(dtype), optimizer=optimizer, batch_size=1, ema=0.9) for _ in range(2)]
    for x, y in zip(X, Y, strict=True):
        trainers[0].learn_one(x, y)
    trainers[1].fit(X, Y, epochs=1, shuffle=False)
    assert make.same_bits(*(np.array(trainer.averaged_params) for trainer in trainers))
    assert make.same_bits(*(trainer.network.params for trainer in trainers))


def test_the_average_goes_on_with_another_optimizer():
    trainer = trained(fastbp.Adam(), ema=0.5, batch_size=45)[2]
    average = trainer.averaged_params.copy()
    trainer.optimizer = fastbp.SGD()
    trainer.fit(X, Y, epochs=1)
    np.testing.assert_allclose(trainer.averaged_params, (average + trainer.network.params) / 2, rtol=1e-12)
    trainer.ema = None
    trainer.fit(X, Y, epochs=1)
    assert trainer.averaged_params is None


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.5), fastbp.Adam(0.5)], ids=repr)
def test_the_average_is_of_limited_weights(optimizer):
    for learn in (False, True):
        net = fastbp.Network(5, [fastbp.Dense(7, "tanh", max_norm=0.1), fastbp.Dense(3, "softmax")], seed=0)
        trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=45, ema=0.9)
        trainer.learn_one(X[0], Y[0]) if learn else trainer.fit(X, Y, epochs=1)
        assert np.linalg.norm(net.named_parameters()["0.weight"], axis=0) == pytest.approx(0.1, rel=1e-5)
        assert make.same_bits(net.params, np.array(trainer.averaged_params))


def test_use_average():
    _, _, trainer = trained(fastbp.SGD(0.5), ema=0.9)
    net = trainer.network
    params, average = net.params.copy(), trainer.averaged_params.copy()
    with trainer.use_average() as averaged:
        assert averaged is net
        assert make.same_bits(net.params, average)
        score = trainer.evaluate(X, Y)
        with pytest.raises(RuntimeError, match="leave use_average before you train"):
            trainer.fit(X, Y)
        with pytest.raises(RuntimeError, match="leave use_average before you train"):
            trainer.learn_one(X[0], Y[0])
        with pytest.raises(RuntimeError, match="has its averaged parameters already"), trainer.use_average():
            pass
    assert make.same_bits(net.params, params)
    assert score != trainer.evaluate(X, Y)
    with pytest.raises(KeyError), trainer.use_average():
        raise KeyError
    assert make.same_bits(net.params, params)
    with pytest.raises(ValueError, match="read-only"):
        trainer.averaged_params[0] = 1
    trainer.fit(X, Y, epochs=1)
    with trainer.use_average():
        np.testing.assert_array_equal(net.params, trainer.averaged_params)


def test_the_average_in_a_callback():
    class Validate(fastbp.Callback):
        def __init__(self):
            self.losses = []

        def on_epoch_end(self, trainer, epoch, logs):
            with trainer.use_average():
                self.losses.append(trainer.evaluate(X, Y)["loss"])

    watch = Validate()
    net, twin = network(), network()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.1), ema=0.9)
    trainer.fit(X, Y, epochs=3, callbacks=[watch])
    other = fastbp.Trainer(twin, optimizer=fastbp.SGD(0.1), ema=0.9)
    for loss in watch.losses:
        other.fit(X, Y, epochs=1)
        with other.use_average():
            assert other.evaluate(X, Y)["loss"] == loss
    assert make.same_bits(net.params, twin.params)


def test_no_average():
    for trainer in (fastbp.Trainer(network()), fastbp.Trainer(network(), ema=0.9)):
        assert trainer.averaged_params is None
        with pytest.raises(RuntimeError, match=r"no average of the parameters yet: give the Trainer ema=0\.999"):
            trainer.use_average().__enter__()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"ema": 0}, ValueError, "ema must be greater than 0 and less than 1, got 0"),
        ({"ema": 1.0}, ValueError, "ema must be greater than 0 and less than 1"),
        ({"ema": "0.9"}, TypeError, "ema must be a number"),
        ({"accumulate": 0}, ValueError, "accumulate must be at least 1, got 0"),
        ({"accumulate": 2.0}, TypeError, "accumulate must be an integer"),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        fastbp.Trainer(network(), **settings)
    trainer = fastbp.Trainer(network())
    with pytest.raises(error, match=message):
        setattr(trainer, *next(iter(settings.items())))
    assert (trainer.ema, trainer.accumulate) == (None, 1)


# The range test ---------------------------------------------------------------------------------------------------


def state(trainer):
    return pickle.dumps([trainer.network.params, trainer._states, trainer._n_steps, trainer.epoch, trainer._average])


@pytest.mark.parametrize("optimizer", [*make.OPTIMIZERS, fastbp.SGD(fastbp.CosineDecay(0.1, 3))], ids=repr)
def test_the_range_test_leaves_no_trace(dtype, optimizer):
    trainers = [fastbp.Trainer(network(dtype), optimizer=optimizer, batch_size=8, ema=0.9) for _ in range(2)]
    for trainer in trainers:
        trainer.learn_one(X[0], Y[0])
        trainer.fit(X, Y, epochs=2)
        trainer.learn_one(X[0], Y[0])
    assert trainers[0].averaged_params is not None
    before = state(trainers[0])
    curve = trainers[0].find_learning_rate(X, Y, n_steps=30)
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed) <= 30
    assert state(trainers[0]) == before
    assert (trainers[0].optimizer, trainers[0].ema) == (optimizer, 0.9)
    for trainer in trainers:
        trainer.fit(X, Y, epochs=1)
        trainer.learn_one(X[0], Y[0])
    assert make.same_bits(*(trainer.network.params for trainer in trainers))


def test_the_curve():
    net = network()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(), batch_size=16)
    first, _ = net.loss_and_grad(X, Y, trainer.loss)
    curve = trainer.find_learning_rate(X, Y, lowest=1e-5, highest=1e4, n_steps=80)
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-5, 1e4, 80)[: len(curve.rates)])
    assert len(curve.rates) < 80  # it blew up
    assert curve.losses[0] == pytest.approx(first, rel=0.5)
    mean, weight = 0.0, 0.0
    for i, loss in enumerate(curve.losses):
        mean, weight = 0.9 * mean + 0.1 * loss, 0.9 * weight + 0.1
        assert curve.smoothed[i] == pytest.approx(mean / weight)
    assert curve.smoothed[-1] > 4 * curve.smoothed.min() or not np.isfinite(curve.smoothed[-1])
    assert (curve.smoothed[:-1] <= 4 * np.minimum.accumulate(curve.smoothed)[:-1]).all()
    settled = len(curve.smoothed) // 10
    assert 1e-4 < curve.suggestion < curve.rates[settled + curve.smoothed[settled:].argmin()]
    assert repr(curve) == f"LearningRateCurve({len(curve.rates)} rates, suggestion={curve.suggestion:.3g})"


def test_the_first_batches_are_learnt_at_their_rates():
    net, twin = network(), network()
    curve = fastbp.Trainer(net, optimizer=fastbp.SGD(), batch_size=45).find_learning_rate(
        X, Y, lowest=0.01, highest=1, n_steps=3
    )
    for rate, loss in zip((0.01, 0.1, 1.0), curve.losses, strict=True):
        assert twin.loss_and_grad(X, Y, fastbp.CrossEntropy())[0] == pytest.approx(loss)
        fastbp.Trainer(twin, optimizer=fastbp.SGD(rate), batch_size=45).fit(X, Y, epochs=1)


@pytest.mark.parametrize("seed", [0, 1, 6, 7])
def test_a_suggestion_is_a_good_rate(seed):
    """Whatever the first mini-batch is: by chance it has the lowest loss of all for two of these seeds."""
    trainer = fastbp.Trainer(network(), optimizer=fastbp.SGD(), batch_size=16, seed=seed)
    trainer.optimizer.learning_rate = trainer.find_learning_rate(X, Y).suggestion
    history = trainer.fit(X, Y, epochs=30)
    assert history.loss[-1] < 0.7 * history.loss[0]


def test_no_suggestion():
    """Where every rate is too large."""
    trainer = fastbp.Trainer(make.network([5, 2]), optimizer=fastbp.SGD())
    curve = trainer.find_learning_rate(X, make.targets("numbers", 45, 2), lowest=1e3, highest=1e9, n_steps=10)
    assert curve.suggestion is None
    assert repr(curve).endswith("suggestion=none)")


def test_a_range_test_of_what_is_trained_already():
    class Test(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            with pytest.raises(RuntimeError, match="trained already"):
                trainer.find_learning_rate(X, Y)

    params, _, _ = trained(fastbp.SGD(), epochs=3)
    net = network()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD())
    trainer.fit(X, Y, epochs=3, sample_weight=make.weights(45), callbacks=[Test()])
    assert make.same_bits(net.params, params)


def test_an_interrupted_range_test(monkeypatch):
    trainer = fastbp.Trainer(network(), optimizer=fastbp.Adam(), batch_size=8)
    trainer.fit(X, Y, epochs=1)
    before = state(trainer)
    calls = []

    class Training(fastbp.trainer.Training):
        def train(self, *arguments):
            if len(calls) == 5:
                raise KeyboardInterrupt
            calls.append(arguments)
            return super().train(*arguments)

    monkeypatch.setattr("fastbp.trainer.Training", Training)
    with pytest.raises(KeyboardInterrupt):
        trainer.find_learning_rate(X, Y)
    assert len(calls) == 5
    assert state(trainer) == before
    monkeypatch.undo()
    trainer.fit(X, Y, epochs=1)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lowest": 0}, ValueError, "lowest must be greater than 0"),
        ({"lowest": 1.0, "highest": 0.5}, ValueError, "highest must be greater than 1 and finite, got 0.5"),
        ({"n_steps": 2}, ValueError, "n_steps must be at least 3"),
        ({"smoothing": 1}, ValueError, "smoothing must be at least 0 and less than 1"),
        ({"blow_up": 1}, ValueError, "blow_up must be greater than 1"),
    ],
)
def test_bad_settings_of_a_range_test(settings, error, message):
    with pytest.raises(error, match=message):
        fastbp.Trainer(network()).find_learning_rate(X, Y, **settings)
