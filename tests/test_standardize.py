"""Standardised inputs and targets: moments against NumPy, from data and from streams, and what they are good for.

Outputs, gradients, threads, targets and files are tested with all other layers, in test_layer_kinds.py.
"""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import Dense, Embedding, Residual, Standardize, Unstandardize
from tests import makers as make
from tests import raw_tables

SCORES = json.loads((Path(__file__).parent / "data" / "standardized.json").read_text(encoding="utf-8"))
SCALES = 10.0 ** np.array([-6, -3, 0, 3, 6])


def rows(n=300, seed=1):
    """Five features of all scales, and a constant one."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.normal(rng.uniform(-3, 3, 5), 1, size=(n, 5)) * SCALES, np.full(n, 0.1)])


def network(*layers, dtype="float64", n_in=6, seed=0):
    return fastbp.Network(n_in, layers, dtype, seed)


def moments(net, number=0):
    return [net.named_buffers()[f"{number}.{name}"] for name in ("mean", "std", "weight")]


def assert_moments(net, X, weights=None, number=0, rtol=1e-12):
    mean = np.average(X, axis=0, weights=weights)
    std = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
    got = moments(net, number)
    np.testing.assert_allclose(got[0], mean, rtol=rtol, atol=rtol * std.max(initial=0, where=std < 1e-5))
    constant = X.max(0) == X.min(0)
    np.testing.assert_allclose(got[1][~constant], std[~constant], rtol=rtol)
    assert np.all(got[1][constant] <= 1e-16)
    assert got[2] == pytest.approx(len(X) if weights is None else np.sum(weights), rel=rtol)


@pytest.mark.parametrize("n", [1, 2, 300, 70_000])  # more than are taken at once
def test_moments_of_data(dtype, n):
    X = rows(n)
    net = network(Standardize(), Dense(1), dtype=dtype)
    net.adapt(X)
    assert_moments(net, X.astype(dtype).astype(float), rtol=1e-10 if dtype == "float64" else 2e-6)


def test_block_after_block():
    X = rows()
    net, other = network(Standardize(), Dense(1)), network(Standardize(), Dense(1))
    net.adapt(X[:7] * 5)
    net.adapt(X[:50])  # forgets the rows before
    net.adapt(X[50:51], reset=False)
    net.adapt(X[51:], reset=False)
    other.adapt(X)
    np.testing.assert_allclose(net.buffers, other.buffers, rtol=1e-12, atol=1e-18)


def test_outputs_have_mean_0_and_deviation_1(dtype):
    X = rows()
    net = network(Standardize(), dtype=dtype)
    net.adapt(X)
    a = net.predict(X).astype(float)
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(a.mean(axis=0), 0, atol=tolerance)
    np.testing.assert_allclose(a.std(axis=0), [1, 1, 1, 1, 1, 0], atol=tolerance)


@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, 1e6 / 3, -1e-30])
def test_constant_columns(dtype, value):
    X = np.column_stack([np.full(1000, value), np.arange(1000)])
    net = network(Standardize(), dtype=dtype, n_in=2)
    net.adapt(X)
    assert not net.predict(X)[:, 0].any()
    other = np.array([[np.array(value, dtype) + 0.5, 3]])
    assert net.predict(other)[0, 0] == pytest.approx(0.5, rel=0.1)  # divided by 1, not by next to nothing


def test_columns_that_differ_by_rounding_alone_are_constant(dtype):
    value = np.array(0.3, dtype)
    X = np.column_stack([np.where(np.arange(100) % 3, value, np.nextafter(value, np.array(1, dtype))), np.arange(100)])
    net = network(Standardize(), dtype=dtype, n_in=2)
    net.adapt(X)
    assert np.abs(net.predict(X)[:, 0]).max() < 1e-6
    stream = fastbp.Trainer(network(Standardize(running=True), Dense(1), dtype=dtype, n_in=2))
    stream.learn_many(X, np.zeros(100))
    stream.network.layers[0].trainable = False
    assert np.abs(stream.network.activations(X)[0][:, 0]).max() < 1e-6


@pytest.mark.parametrize("factor", [1.0, 0.97, 0.5])
def test_moments_of_a_stream(target, dtype, factor):
    X = rows(200)
    net = network(Standardize(True, factor), Dense(3, "tanh"), Dense(1), dtype=dtype)
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.01))
    for i, x in enumerate(X):
        trainer.learn_one(x, 0.5)
        if i in (0, 1, 2, 50, 199):
            assert_moments(
                net,
                X[: i + 1].astype(dtype).astype(float),
                factor ** np.arange(i, -1, -1.0),
                rtol=1e-9 if dtype == "float64" else 1e-4,
            )
    before = net.buffers.copy()
    net.predict(X), net.predict_one(X[0]), trainer.evaluate(X, X[:, 0]), net.loss_and_grad(X, X[:, 0], trainer.loss)
    trainer.learn_one(X[0], 1.0, sample_weight=0)
    assert make.same_bits(net.buffers, before)


def test_moments_of_batches(all_threads):
    """Rows of a batch have a weight of 1, those before it one that falls with each row; pieces are batches."""
    X, y = rows(2100), np.zeros(2100)
    factor = 0.999
    for batch_size, n_threads, settings in ((50, 1, {}), (50, 3, {}), (2000, 2, {}), (25, 1, {"accumulate": 2})):
        net = network(Standardize(True, factor), Dense(1))
        trainer = fastbp.Trainer(net, batch_size=batch_size, n_threads=n_threads, **settings)
        trainer.fit(X, y, epochs=1, shuffle=False)
        weights = np.zeros(0)
        unit = 25 if settings else min(batch_size, 1024)
        batches = [slice(begin, min(begin + batch_size, 2100)) for begin in range(0, 2100, batch_size)]
        for batch in batches:
            for begin in range(batch.start, batch.stop, unit):
                n = min(unit, batch.stop - begin)
                weights = np.concatenate([weights * factor**n, np.ones(n)])
        assert_moments(net, X, weights, rtol=1e-9)


def test_the_first_sample_is_no_shock():
    """It is the mean of all that there is: 0, whatever its size."""
    net = network(Standardize(running=True), Dense(4, "relu"), Dense(1), dtype="float32")
    for name in ("1.bias", "2.bias"):
        net.named_parameters()[name][...] = 0
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.01))
    assert trainer.learn_one(np.full(6, 1e12), 0.5) == 0.25
    assert trainer.learn_one(np.full(6, -1e12), 0.5) < 100
    outlier = np.full(6, 1e18)
    trainer.learn_one(outlier, 0.5)
    assert np.abs(net.activations(outlier[None])[0]).max() == pytest.approx(2**0.5)


def test_freezing_a_stream():
    X = rows()
    net = network(Standardize(running=True), Dense(1))
    trainer = fastbp.Trainer(net)
    trainer.learn_many(X[:100], X[:100, 2])
    net.layers[0].trainable = False
    before = net.buffers.copy()
    trainer.learn_many(X[100:], X[100:, 2])
    trainer.learn_one(X[0], 0.0)
    trainer.fit(X, X[:, 2], epochs=1)
    assert make.same_bits(net.buffers, before)


def test_columns():
    X = rows()
    for running in (False, True):
        net = network(Standardize(running, columns=(4, 1)))
        if running:
            fastbp.Trainer(net, fastbp.SquaredError(), fastbp.SGD(1e-9)).learn_many(X, X)
        else:
            net.adapt(X)
        got = net.predict(X)
        assert np.array_equal(got[:, [0, 2, 3, 5]], X[:, [0, 2, 3, 5]])
        np.testing.assert_allclose(got[:, [4, 1]].std(axis=0), 1, rtol=1e-9)


def test_categories_beside_standardised_columns():
    X = rows()
    X[:, 5] = np.arange(300) % 3
    net = network(Standardize(columns=range(5)), Embedding(3, 2, 5), Dense(8, "relu"), Dense(1), Unstandardize())
    y = 1e5 * (X[:, 5] == 1) + X[:, 4] / 10
    trainer = fastbp.Trainer(net, optimizer=fastbp.Adam(0.01))
    trainer.fit(X, y, epochs=60)
    assert trainer.evaluate(X, y)["r2"] > 0.98
    bad = np.where(X == 2, 7, X)
    with pytest.raises(ValueError, match="column 5 of X must hold categories"):
        net.predict(bad)
    with pytest.raises(ValueError, match="column 5 of X must hold categories"):
        net.predict_one(bad[2])


def test_the_first_fit_adapts_to_what_it_trains_on():
    X = rows()
    y = X[:, 3:4] + 5
    net = network(Standardize(), Dense(4, "tanh"), Dense(1), Unstandardize())
    trainer = fastbp.Trainer(net)
    trainer.fit(X, y, epochs=1, validation_split=0.2, split="tail")
    assert_moments(net, X[:240])
    assert_moments(net, y[:240], number=3)
    before = net.buffers.copy()
    trainer.fit(X[100:], y[100:], epochs=1)
    assert make.same_bits(net.buffers, before)
    trainer.reset()
    assert make.same_bits(net.buffers, before)
    trainer.reset(seed=1)
    assert not net.buffers.any()
    net.adapt(X[:50], y[:50])
    trainer.fit(X, y, epochs=1)
    assert_moments(net, X[:50])


def test_a_running_one_takes_nothing_beforehand():
    X = rows(100)
    net = network(Standardize(running=True), Dense(2), Unstandardize())
    fastbp.Trainer(net, batch_size=100).fit(X, X[:, :2] * 3, epochs=2)
    assert moments(net)[2] == 200
    assert moments(net, 2)[2] == 100


def test_the_range_test_leaves_no_moments():
    X = rows()
    net = network(Standardize(), Dense(1), Unstandardize())
    curve = fastbp.Trainer(net).find_learning_rate(X, X[:, 2], n_steps=20)
    assert curve.losses[0] < 10
    assert not net.buffers.any()


SCALED_LOSSES = [
    fastbp.SquaredError(), fastbp.AbsoluteError(), fastbp.Huber(0.5), fastbp.LogCosh(), fastbp.Quantile(0.8)
]  # fmt: skip


@pytest.mark.parametrize("loss", SCALED_LOSSES, ids=repr)
def test_targets_on_a_scale_of_their_own(dtype, loss):
    """A network learns raw targets as one without the last layer learns standardised ones."""
    X = rows().astype(dtype)
    y = np.column_stack([1e6 * X[:, 2] + 1e7, 1e-5 * X[:, 1]]).astype(dtype)
    net = network(Standardize(), Dense(8, "tanh", l2=1e-3), Dense(2), Unstandardize(), dtype=dtype)
    other = network(Dense(8, "tanh", l2=1e-3), Dense(2), dtype=dtype)
    net.adapt(X, y)
    other.params[...] = net.params
    mean, std, _ = moments(net, 3)
    z, scaled = net.activations(X)[0], (y - mean) / std
    weights = make.weights(300)
    tolerance = {"rtol": 1e-10 if dtype == "float64" else 2e-3, "atol": 1e-13 if dtype == "float64" else 1e-5}
    for got, expected in zip(net.loss_and_grad(X, y, loss, weights), other.loss_and_grad(z, scaled, loss, weights),
                             strict=True):  # fmt: skip
        np.testing.assert_allclose(got, expected, **tolerance)
    trainers = [fastbp.Trainer(each, loss, fastbp.Adam(0.01)) for each in (net, other)]
    histories = [
        trainer.fit(*data, epochs=3, validation_data=data, metrics=["r2", "rmse"])
        for trainer, data in zip(trainers, ((X, y), (z, scaled)), strict=True)
    ]
    np.testing.assert_allclose(histories[0].loss, histories[1].loss, **tolerance)
    np.testing.assert_allclose(histories[0].val_loss, histories[1].val_loss, **tolerance)
    np.testing.assert_allclose(histories[0].metrics["val_r2"], histories[1].metrics["val_r2"], **tolerance)
    np.testing.assert_allclose(net.predict(X), other.predict(z) * std + mean, **tolerance)
    rmse = np.sqrt(((net.predict(X) - y.astype(float)) ** 2).mean(axis=0)).mean()
    assert histories[0].metrics["val_rmse"][-1] == pytest.approx(rmse, rel=1e-3)
    assert trainers[0].learn_one(X[0], y[0]) == pytest.approx(trainers[1].learn_one(z[0], scaled[0]), rel=1e-2)
    progress = trainers[0].progressive_validation(X[:50], y[:50])
    assert progress.scores[loss.metric] == pytest.approx(
        loss.score(progress.outputs.astype(float), y[:50].astype(float), None), rel=1e-4
    )


@pytest.mark.parametrize("solver", ["LevenbergMarquardt", "LBFGS"])
def test_solvers(solver):
    X = rows(120)
    y = np.column_stack([1e6 * np.sin(X[:, 2]) + 1e7, 1e-5 * X[:, 2] ** 2])
    pytest.importorskip("scipy") if solver == "LBFGS" else None
    z, scaled = (X - X.mean(0)) / np.where(X.std(0) > 1e-9, X.std(0), 1), (y - y.mean(0)) / y.std(0)
    layers = [Dense(5, "tanh"), Dense(2)]
    net, other = network(Standardize(), *layers, Unstandardize()), network(*layers)
    trainers = [fastbp.Trainer(each, optimizer=getattr(fastbp, solver)()) for each in (net, other)]
    losses = [trainer.fit(*data, epochs=6).loss for trainer, data in zip(trainers, ((X, y), (z, scaled)), strict=True)]
    np.testing.assert_allclose(*losses, rtol=1e-6)
    assert losses[0][-1] < 0.5 * losses[0][0]
    assert trainers[0].evaluate(X, y)["loss"] == pytest.approx(losses[0][-1], rel=1e-9)
    with pytest.raises(ValueError, match=r"Standardize\(running=True\) follows them: take Standardize\(\), or freeze"):
        fastbp.Trainer(network(Standardize(True), Dense(1)), optimizer=getattr(fastbp, solver)()).fit(X, y[:, 0])


def test_a_refused_fit_leaves_no_moments():
    net = network(Standardize(), fastbp.Dropout(0.5), Dense(1))
    with pytest.raises(ValueError, match="Dropout draws anew"):
        fastbp.Trainer(net, optimizer=fastbp.LevenbergMarquardt()).fit(rows(), rows()[:, 2])
    assert not net.buffers.any()


def test_derivatives_are_in_the_units_of_the_data():
    X = rows(20)
    y = 1e6 * X[:, 2:3]
    net = network(Standardize(), Dense(5, "tanh"), Dense(1), Unstandardize())
    net.adapt(X, y)
    for dtype_step, jacobian in ((1e-4, net.jacobian(X)[:, 0]), (1e-4, net.input_gradient(X))):
        steps = dtype_step * np.append(SCALES, 1)
        for j, step in enumerate(steps):
            move = step * np.eye(6)[j]
            quotient = (net.predict(X + move) - net.predict(X - move))[:, 0] / (2 * step)
            np.testing.assert_allclose(jacobian[:, j], quotient, rtol=1e-5, atol=1e-6 * np.abs(jacobian[:, j]).max())


@pytest.mark.parametrize("case", raw_tables.CASES)
def test_raw_tables_reach_the_score_of_a_pipeline(case):
    (X, y), (X_test, y_test) = raw_tables.table(case)
    n_out, output = (1, "identity") if case == "regression" else (3, "softmax")
    scores = {True: [], False: []}
    for scaled in scores:
        for seed in range(6 if scaled else 2):
            layers = [*(Dense(width, "relu") for width in raw_tables.WIDTHS), Dense(n_out, output)]
            if scaled:
                layers = [Standardize(), *layers, *[Unstandardize()][: case == "regression"]]
            net = fastbp.Network(8, layers, seed=seed)
            trainer = fastbp.Trainer(net, optimizer=fastbp.Adam(0.005), seed=seed)
            trainer.fit(X, y, epochs=raw_tables.EPOCHS)
            scores[scaled].append(list(trainer.evaluate(X_test, y_test).values())[1])
    assert np.mean(scores[True]) > SCORES[case] - 0.015  # one standard error of each mean is 0.002 to 0.007
    assert np.mean(scores[False]) < SCORES[case] - 0.2


def test_a_saved_network_predicts_the_same_in_a_new_process(tmp_path):
    (X, y), (X_test, _) = raw_tables.table("regression")
    net = network(Standardize(), Dense(5, "relu"), Dense(1), Unstandardize(), dtype="float32", n_in=8)
    fastbp.Trainer(net).fit(X, y, epochs=1)
    net.save(tmp_path / "net.npz")
    np.save(tmp_path / "X.npy", X_test)
    program = (
        "import sys, numpy, fastbp\n"
        "net = fastbp.Network.load(sys.argv[1])\n"
        "numpy.save(sys.argv[3], net.predict(numpy.load(sys.argv[2])))\n"
    )
    paths = [str(tmp_path / name) for name in ("net.npz", "X.npy", "out.npy")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
    assert make.same_bits(np.load(paths[2]), net.predict(X_test))
    assert copy.deepcopy(net).layers == net.layers


@pytest.mark.parametrize("batch", [False, True])
def test_a_step_that_diverges_leaves_the_moments(batch):
    X = rows(50)
    net = network(Standardize(running=True), Dense(8, "relu"), Dense(1), dtype="float32")
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.01))
    trainer.learn_many(X, X[:, 2])
    params, buffers = net.params.copy(), net.buffers.copy()
    learn = trainer.learn_one if not batch else lambda x, y: trainer.fit(X, np.full(50, y), epochs=1)
    with pytest.raises(fastbp.DivergedError):
        learn(X[1], 1e30)
    assert make.same_bits(net.params, params)
    assert make.same_bits(net.buffers, buffers)


def stream_of(layers, *data):
    return fastbp.Trainer(network(*layers)).learn_one(*data)


BLOCKS = [(np.ones((3, 6)), np.ones(3))]
BAD = {
    "running": (lambda: Standardize(running=1), "running must be True or False, got 1"),
    "factor": (lambda: Standardize(True, 1.01), "forgetting_factor must be greater than 0 and at most 1, got 1.01"),
    "no factor": (lambda: Standardize(True, 0), "forgetting_factor must be greater than 0"),
    "factor without stream": (lambda: Standardize(forgetting_factor=0.9), "give running=True with it"),
    "columns twice": (lambda: Standardize(columns=(1, 1)), r"columns must be different integers.*\(1, 1\)"),
    "no columns": (lambda: Standardize(columns=()), "columns must be different integers, one at least"),
    "column": (lambda: Standardize(columns="a"), "a column must be an integer, got 'a'"),
    "no such column": (lambda: network(Standardize(columns=6)), "column 6 needs more inputs than 6: count from 0"),
    "not first": (
        lambda: network(Dense(6), Standardize()),
        r"Standardize\(\) must be the first layer, got it as layer 1",
    ),
    "not last": (lambda: network(Unstandardize(), Dense(6)), r"Unstandardize\(\) must be the last layer"),
    "in a residual": (lambda: Residual([Standardize()]), "must be the first layer of a network, got it in a Residual"),
    "categories": (
        lambda: network(Standardize(), Embedding(3, 2, (0, 5))),
        r"bring categories to another scale.*write Standardize\(columns=\(1, 2, 3, 4\)\)",
    ),
    "only categories": (lambda: network(Standardize(columns=2), Embedding(3, 2, 2)), "leave it out"),
    "a late embedding": (lambda: network(Dense(6), Embedding(3, 2)), "an Embedding must be the first layer"),
    "learn_one": (lambda: stream_of([Standardize(), Dense(1)], rows()[0], 1.0), r"call net.adapt\(X, y\) first"),
    "learn_one of targets": (
        lambda: stream_of([Standardize(True), Dense(1), Unstandardize()], rows()[0], 1.0),
        r"Unstandardize\(\) knows no data to scale by yet: call net.adapt",
    ),
    "learn_many": (
        lambda: fastbp.Trainer(network(Standardize(), Dense(1))).learn_many(rows(), np.ones(300)),
        r"Standardize\(\) knows no data to scale by yet: .*running=True",
    ),
    "blocks": (
        lambda: fastbp.Trainer(network(Standardize(), Dense(1))).fit(BLOCKS, epochs=1),
        r"with data in blocks, call net.adapt\(X, y\)",
    ),
    "loss": (
        lambda: fastbp.Trainer(network(Dense(1), Unstandardize()), fastbp.Poisson()),
        r"Poisson\(log_input=True\) has targets that mean nothing on another scale.*take SquaredError",
    ),
    "loss of gradients": (
        lambda: network(Dense(2), Unstandardize()).loss_and_grad(rows(), rows()[:, :1], fastbp.GaussianNLL()),
        "mean nothing on another scale",
    ),
    "nothing to adapt": (lambda: network(Dense(1)).adapt(rows()), "adapt is for networks with a Standardize"),
    "no targets": (lambda: network(Dense(1), Unstandardize()).adapt(rows()), r"y must be given.*adapt\(X, y\)"),
    "targets": (lambda: network(Dense(1), Unstandardize()).adapt(rows(), rows()), r"y must have shape \(300, 1\)"),
    "width": (lambda: network(Standardize()).adapt(rows()[:, :5]), "X must have 6 features"),
    "NaN": (lambda: network(Standardize()).adapt(rows() * np.nan), "X must be finite"),
    "reset": (lambda: network(Standardize()).adapt(rows(), reset=0), "reset must be True or False, got 0"),
    "too large": (
        lambda: network(Standardize()).adapt(rows() * np.where(np.arange(6) == 3, 1e300, 1)),
        "column 3 of X has numbers too large for its moments in float64: scale it",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_input(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_refused_call_changes_nothing():
    X = rows()
    net = network(Standardize(), Dense(1), Unstandardize())
    net.adapt(X, X[:, 0])
    before = net.buffers.copy()
    with pytest.raises(ValueError, match="column 0 of y has numbers too large"):
        net.adapt(2 * X, 1e200 * X[:, 4])
    with pytest.raises(ValueError, match="x must have shape"):
        fastbp.Trainer(net).learn_one(X[0, :4], 1.0)
    assert make.same_bits(net.buffers, before)
