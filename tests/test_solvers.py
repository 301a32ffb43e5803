"""Solvers of all samples at once: against closed forms, SciPy's own least squares, and as a Trainer runs them."""

import sys

import numpy as np
import pytest

import fastbp
from fastbp import (
    LBFGS,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    LayerNorm,
    LevenbergMarquardt,
    PReLU,
    Residual,
    ScipyMinimize,
)
from fastbp import _least_squares as least_squares
from tests import makers as make
from tests.test_layer_kinds import network, samples

SOLVERS = [LevenbergMarquardt(), LBFGS(), ScipyMinimize("BFGS")]
METHODS = fastbp.solvers.SCIPY_METHODS
every_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)


def sine(n_samples=60):
    X = np.linspace(-3, 3, n_samples)[:, None]
    return X, np.sin(X) + np.random.default_rng(0).normal(scale=0.1, size=X.shape)


def linear(n_samples=40, n_out=2):
    """Inputs, targets, and weights with zeros among them."""
    X = make.samples(n_samples, 3)
    return X, make.samples(n_samples, n_out, 5), make.weights(n_samples)


def fitted(net, solver, X, y, epochs=100, sample_weight=None, **settings):
    return fastbp.Trainer(net, optimizer=solver).fit(X, y, epochs, sample_weight, **settings)


def ridge(X, y, weights, weight_penalty, bias_penalty):
    """The minimum of the weighted mean of squares (over samples and outputs) plus penalties times sums of squares."""
    design = np.column_stack([X, np.ones(len(X))])
    share = weights / weights.sum() / y.shape[1]
    penalties = np.diag([weight_penalty] * X.shape[1] + [bias_penalty])
    return np.linalg.solve(design.T * share @ design + penalties, design.T * share @ y)


@pytest.mark.parametrize(
    "solver", [LevenbergMarquardt(), LBFGS(gtol=1e-10, ftol=1e-15), ScipyMinimize("BFGS")], ids=repr
)
def test_a_linear_network_comes_to_the_least_squares_solution(dtype, solver):
    X, y, w = linear()
    net = make.network([3, 2], dtype=dtype)
    history = fitted(net, solver, X, y, sample_weight=w)
    assert history.solver["converged"], history.solver
    tolerance = 1e-5 if dtype == "float32" or isinstance(solver, ScipyMinimize) else 1e-7
    np.testing.assert_allclose(net.params.reshape(4, 2), ridge(X, y, w, 0, 0), atol=tolerance)
    assert history.loss[-1] == pytest.approx(net.loss_and_grad(X, y, fastbp.SquaredError(), w)[0], rel=1e-5)


@pytest.mark.parametrize("l2", [0, 0.3])
def test_penalties_are_squares_too(l2):
    X, y, w = linear()
    net = fastbp.Network(3, [Dense(2, l2=l2)], dtype="float64")
    history = fitted(net, LevenbergMarquardt(weight_decay=0.2), X, y, sample_weight=w)
    expected = ridge(X, y, w, l2 + 0.1, 0.1)
    np.testing.assert_allclose(net.params.reshape(4, 2), expected, atol=1e-8)
    # as with other optimisers, the loss has the layers' penalties, not the weight decay
    assert history.loss[-1] == pytest.approx(net.loss_and_grad(X, y, fastbp.SquaredError(), w)[0], rel=1e-12)


def test_bayesian_regularization_of_a_linear_network():
    """Against MacKay's fixed point, by the eigenvalues of the Hessian."""
    X, y, w = linear(30, 1)
    net = fastbp.Network(3, [Dense(1)], dtype="float64", seed=2)
    history = fitted(net, LevenbergMarquardt(weight_decay="bayesian"), X, y, sample_weight=w)
    design, share, n = np.column_stack([X, np.ones(30)]), w / w.sum(), np.count_nonzero(w)
    eigenvalues = np.linalg.eigvalsh(design.T * share @ design)
    c = 1.0
    for _ in range(200):
        p = ridge(X, y, w, c, c)
        gamma = (eigenvalues / (eigenvalues + c)).sum()
        c = gamma / (p**2).sum() * (share @ (design @ p - y) ** 2)[0] / (n - gamma)
    assert history.solver["converged"]
    assert history.solver["weight_decay"] == pytest.approx(2 * c, rel=1e-3)
    assert history.solver["n_effective_params"] == pytest.approx(gamma, rel=1e-3)
    np.testing.assert_allclose(net.params, p.ravel(), rtol=1e-3)


def test_bayesian_regularization_of_noise_leaves_few_parameters():
    rng = np.random.default_rng(3)
    X = np.linspace(-3, 3, 40)[:, None]
    y = np.sin(X) + rng.normal(scale=0.4, size=X.shape)
    errors = []
    for weight_decay in (0, "bayesian"):
        net = fastbp.Network.mlp([1, 20, 1], "tanh", dtype="float64", seed=1)
        history = fitted(net, LevenbergMarquardt(weight_decay=weight_decay), X, y, 200)
        errors.append(np.abs(net.predict(X) - np.sin(X)).mean())
    assert errors[1] < 0.7 * errors[0]
    assert 3 < history.solver["n_effective_params"] < 15


@pytest.mark.parametrize("weighted", [False, True])
def test_levenberg_marquardt_agrees_with_minpack(weighted):
    """From beside the network that the data are of, so that both come to the same of many minima."""
    from scipy.optimize import least_squares as minpack

    net = make.network([2, 3, 1], seed=2)
    net.params[...] *= 3
    X, rng = make.samples(80, 2), np.random.default_rng(1)
    y = net.predict(X) + rng.normal(scale=0.01, size=(80, 1))
    start = net.params + rng.normal(scale=0.1, size=net.n_params)
    w = make.weights(80) if weighted else np.ones(80)

    def residuals(params):
        net.params[...] = params
        return (np.sqrt(w / w.sum())[:, None] * (net.predict(X) - y)).ravel()

    expected = minpack(residuals, start, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12)
    net.params[...] = start
    history = fitted(net, LevenbergMarquardt(), X, y, 200, w if weighted else None)
    assert history.solver["converged"]
    assert history.loss[-1] == pytest.approx(2 * expected.cost, rel=1e-9)
    np.testing.assert_allclose(net.params, expected.x, rtol=1e-3)


def test_restarts_find_a_better_minimum():
    """What is told is the best so far; the network's own start is among them, and its parameters are what is told."""
    X, y = sine()
    losses = {}
    for restarts in (0, 4):
        net = make.network([1, 6, 1], seed=1)
        net.params[...] *= 1000  # all units saturated
        trainer = fastbp.Trainer(net, optimizer=LevenbergMarquardt(restarts=restarts))
        losses[restarts] = trainer.fit(X, y, 1500).loss
        assert losses[restarts] == sorted(losses[restarts], reverse=True)
        assert trainer.evaluate(X, y)["loss"] == pytest.approx(losses[restarts][-1], rel=1e-9)
    n = min(200, len(losses[0]))
    assert losses[4][:n] == losses[0][:n]
    assert losses[4][-1] < 0.5 * losses[0][-1]


def test_restarts_are_drawn_by_the_trainers_seed():
    X, y = sine()
    params = {}
    for seed in (0, 0, 1):
        net = fastbp.Network(
            1, [Dense(5, "tanh", trainable=False), Dense(4, "tanh"), Dense(1)], dtype="float64", seed=3
        )
        frozen = net.params[:10].copy()
        trainer = fastbp.Trainer(net, optimizer=LevenbergMarquardt(restarts=2), seed=seed)
        trainer.fit(X, y, 600)
        assert make.same_bits(net.params[:10], frozen)
        params.setdefault(seed, []).append(net.params)
    assert make.same_bits(*params[0])
    assert not np.array_equal(params[0][0], params[1][0])


def test_restarts_that_are_worse_are_forgotten():
    """From a minimum that no start betters, nothing moves."""
    net = make.network([2, 3, 1], seed=2)
    X = make.samples(80, 2)
    y = net.predict(X)
    before = net.params.copy()
    history = fitted(net, LevenbergMarquardt(restarts=2), X, y, 1000)
    assert history.solver["converged"]
    assert set(history.loss) == {history.loss[0]}
    assert make.same_bits(net.params, before)


def test_the_better_half_of_several_starts_goes_on(monkeypatch):
    descents = []

    class Watched(least_squares._Descent):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            descents.append(self)

    monkeypatch.setattr(least_squares, "_Descent", Watched)
    X, y = sine()
    net = fastbp.Network.mlp([1, 6, 1], "tanh", dtype="float64", seed=1)
    history = fitted(net, LevenbergMarquardt(restarts=5, ftol=0, gtol=0), X, y, 2500)
    assert len(history.loss) == 2500
    counts = [descent.n_iterations for descent in descents]
    assert sorted(counts) == [200, 200, 200, 400, 400, 2500 - 3 * 200 - 2 * 400]
    leader = max(descents, key=lambda descent: descent.n_iterations)
    assert leader.loss == history.loss[-1] == min(descent.loss for descent in descents)


def test_a_start_that_leads_goes_on_as_if_there_were_no_others():
    X, y = sine()
    losses = {}
    for restarts in (0, 2):
        net = fastbp.Network.mlp([1, 3, 1], "tanh", dtype="float64", seed=3)
        losses[restarts] = fitted(net, LevenbergMarquardt(restarts=restarts, ftol=0, gtol=0), X, y, 700).loss
    assert losses[2][:200] == losses[0][:200]
    assert losses[2][199] == losses[2][599], "another start was better"
    assert losses[2][600:] == losses[0][200:300]


def test_short_steps_at_first_are_not_taken_for_the_end():
    """Large damping makes gains small, far from the minimum."""
    X, y, _ = linear()
    net = make.network([3, 2])
    begin = net.loss_and_grad(X, y, fastbp.SquaredError())[0]
    history = fitted(net, LevenbergMarquardt(damping=1e3, ftol=0.005), X, y, 200)
    assert history.loss[0] > 0.995 * begin
    expected = ridge(X, y, np.ones(len(X)), 0, 0)
    np.testing.assert_allclose(net.params.reshape(4, 2), expected, atol=1e-6)


def test_levenberg_marquardt_beats_adam():
    X, y = sine(100)
    losses = {}
    for optimizer, epochs in ((LevenbergMarquardt(), 50), (fastbp.Adam(0.01), 2500)):
        net = fastbp.Network.mlp([1, 10, 1], "tanh", seed=1)
        trainer = fastbp.Trainer(net, optimizer=optimizer)
        trainer.fit(X, y, epochs)
        losses[type(optimizer)] = trainer.evaluate(X, y)["loss"]
    assert losses[LevenbergMarquardt] < losses[fastbp.Adam]


LAYERS = {
    "layer_norm": [Dense(4, "tanh"), LayerNorm(), Dense(2)],
    "residual": [Dense(4), Residual([Dense(4, "tanh"), Residual([Dense(3, "silu"), Dense(4)])]), Dense(2)],
    "projection": [Residual([LayerNorm(), Dense(2, "tanh")], projection=True)],
    "prelu": [Dense(4), PReLU(), Dense(2), PReLU(shared=True)],
    "embedding": [Embedding((5, 3), (2, 1), columns=(4, 1)), Dense(4, "tanh"), Dense(2, "softplus")],
    "batch_norm": [Dense(4), BatchNorm(trainable=False), Activation("tanh"), Dense(2)],
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_every_layer(layers):
    net = network(layers)
    X = samples(net, 40)
    y = make.targets("numbers", 40, 2)
    history = fitted(net, LevenbergMarquardt(), X, y, 20)
    assert history.loss[-1] < 0.7 * history.loss[0]
    assert history.loss == sorted(history.loss, reverse=True)
    assert net.loss_and_grad(X, y, fastbp.SquaredError())[0] == pytest.approx(history.loss[-1], rel=1e-9)


def test_j_t_j_in_blocks(monkeypatch):
    """However few rows, columns and numbers are worked on at once."""
    X, y, w = linear()
    params = []
    for size in (1, 1e-9):
        monkeypatch.setattr(least_squares, "_BLOCK_ROWS", 512 if size == 1 else 7)
        monkeypatch.setattr(least_squares, "_BLOCK_FLOPS", 2e8 * size)
        monkeypatch.setattr(least_squares, "_BLOCK", 256 if size == 1 else 7)
        net = make.network([3, 6, 2])
        fitted(net, LevenbergMarquardt(weight_decay="bayesian"), X, y, 15, sample_weight=w)
        params.append(net.params)
    assert make.furthest(params[1], params[0]) < 1e-6


@pytest.mark.parametrize("n", [1, 5, 64])
@pytest.mark.parametrize("block", [1, 7, 16, 256])
def test_cholesky(monkeypatch, n, block):
    monkeypatch.setattr(least_squares, "_BLOCK", block)
    rows = np.random.default_rng(n).normal(size=(2 * n, n))
    matrix = rows.T @ rows
    b = rows[0].copy()
    factor = least_squares.Cholesky(np.tril(matrix))
    np.testing.assert_allclose(np.tril(factor.lower), np.linalg.cholesky(matrix), atol=1e-12 * matrix.max())
    np.testing.assert_allclose(factor.solve(b), np.linalg.solve(matrix, b), rtol=1e-9)
    assert factor.trace_of_inverse() == pytest.approx(np.trace(np.linalg.inv(matrix)), rel=1e-10)
    with pytest.raises(np.linalg.LinAlgError):
        least_squares.Cholesky(matrix - (np.linalg.eigvalsh(matrix)[0] + 1) * np.eye(n))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", make.LOSSES, ids="-".join)
def test_methods_of_scipy(method, loss):
    net = make.network([3, 5, 3], output=loss[1])
    X, y, w = make.samples(30, 3), make.targets(loss[2], 30, 3), make.weights(30)
    trainer = fastbp.Trainer(net, make.loss(loss[0]), ScipyMinimize(method))
    before = trainer.evaluate(X, y, w)["loss"]
    history = trainer.fit(X, y, 20, w)
    assert 1 <= len(history.loss) <= 20
    assert history.loss[-1] < 0.9 * before
    assert trainer.evaluate(X, y, w)["loss"] == pytest.approx(history.loss[-1], rel=1e-9)
    assert trainer.epoch == len(history.loss)


def test_lbfgs_in_pieces(monkeypatch):
    """In one call of the engine, in a few, and in one for each piece that goes through at once."""
    params = []
    for rows, at_once, piece in ((256, 2e6, 3e7), (7, 1, 20 * 38), (7, 1, 1)):
        monkeypatch.setattr("fastbp._objective._FEWEST_ROWS", rows)
        monkeypatch.setattr("fastbp._objective._AT_ONCE", at_once)
        monkeypatch.setattr("fastbp._objective._PIECE", piece)
        net = make.network([3, 5, 3], output="softmax")
        X, y, w = make.samples(64, 3), make.targets("labels", 64, 3), make.weights(64)
        w[14:28] = 0
        fitted(net, LBFGS(), X, y, 20, w)
        params.append(net.params)
    assert max(make.furthest(other, params[0]) for other in params[1:]) < 1e-9


def test_a_loss_of_ones_own_sees_all_samples():
    class Spread:
        """Couples all samples: the variance of the errors."""

        def value_and_grad(self, outputs, targets):
            error = outputs - targets
            assert len(error) == 700
            centred = error - error.mean()
            return (centred**2).mean(), 2 * centred / centred.size

    net = make.network([3, 1])
    X, y = make.samples(700, 3), make.samples(700, 1, 4)
    trainer = fastbp.Trainer(net, Spread(), LBFGS(gtol=1e-9, ftol=1e-14))
    trainer.fit(X, y, 50)
    np.testing.assert_allclose(net.params[:3], ridge(X, y, np.ones(700), 0, 0).ravel()[:3], atol=1e-6)


@every_solver
def test_frozen_layers_stay(solver):
    net = fastbp.Network(3, [Dense(5, "tanh", trainable=False), Dense(4, "tanh"), Dense(2)], dtype="float64", seed=4)
    before = net.params.copy()
    X, y, _ = linear()
    history = fitted(net, solver, X, y, 20)
    assert make.same_bits(net.params[:20], before[:20])
    assert (net.params[20:] != before[20:]).all()
    assert history.loss[-1] < history.loss[0]
    net.layers[0].trainable = True
    assert fitted(net, solver, X, y, 20).loss[-1] < history.loss[-1]


@every_solver
def test_an_iteration_is_an_epoch(solver):
    X, y = sine()
    net = make.network([1, 7, 1])
    trainer = fastbp.Trainer(net, optimizer=solver)
    seen = []
    watch = fastbp.LambdaCallback(
        on_epoch_begin=lambda trainer, epoch: seen.append(("begin", epoch)),
        on_epoch_end=lambda trainer, epoch, logs: seen.append(("end", epoch, *logs, trainer.evaluate(X, y)["loss"])),
        on_batch_end=lambda trainer, batch, logs: seen.append(("batch", batch, logs["loss"])),
    )
    history = trainer.fit(X, y, 3, validation_data=(X, y), metrics=["mae"], callbacks=[watch])
    assert trainer.epoch == len(history.loss) == len(history.val_loss) == len(history.metrics["val_mae"]) == 3
    assert history.val_loss == pytest.approx(history.loss, rel=1e-12)
    assert history.solver["converged"] is False
    expected = []
    for epoch, loss in enumerate(history.loss):
        expected += [("begin", epoch), ("batch", epoch, loss)]
        expected += [("end", epoch, "loss", "val_loss", "val_mae", pytest.approx(loss, rel=1e-12))]
    assert seen == expected
    more = trainer.fit(X, y, 2)
    assert more.loss[0] < history.loss[-1]
    assert trainer.epoch == 5


@every_solver
def test_callbacks_stop_and_move(solver):
    X, y = sine()
    net = make.network([1, 7, 1], dtype="float32")
    start = net.params.copy()

    def stop(trainer, epoch, logs):
        trainer.stop_training = epoch == 2

    history = fitted(net, solver, X, y, 10, callbacks=[fastbp.LambdaCallback(on_epoch_end=stop)])
    assert len(history.loss) == 3

    def put_back(trainer, epoch, logs):
        if epoch == 1:
            trainer.network.params[...] = start

    net.params[...] = start
    history = fitted(net, solver, X, y, 4, callbacks=[fastbp.LambdaCallback(on_epoch_end=put_back)])
    assert history.loss[2:] == pytest.approx(history.loss[:2], rel=1e-6)

    net.params[...] = start
    early = fastbp.EarlyStopping(patience=2)
    history = fitted(net, solver, X, y, 500, validation_data=(X[::-1], -y), callbacks=[early])
    assert len(history.loss) == early.best_epoch + 3
    got = fastbp.Trainer(net).evaluate(X[::-1], -y)["loss"]
    assert got == pytest.approx(min(history.val_loss), rel=1e-6)


@every_solver
def test_where_there_is_nothing_to_gain(solver):
    net = make.network([3, 2])
    X = make.samples(20, 3)
    history = fitted(net, solver, X, net.predict(X), 10)
    assert history.solver["converged"]
    assert len(history.loss) == 1
    assert history.loss[0] < 1e-20


@every_solver
def test_batches_are_not_looked_at(solver):
    X, y = sine()
    params = []
    for settings in ({}, {"batch_size": 7, "accumulate": 2, "n_threads": 2, "seed": 3}):
        net = make.network([1, 7, 1])
        fastbp.Trainer(net, optimizer=solver, **settings).fit(X, y, 5, shuffle=bool(settings))
        params.append(net.params)
    assert make.same_bits(*params)


@every_solver
def test_threads_change_no_bits(monkeypatch, dtype, solver):
    monkeypatch.setattr("fastbp._threads._n_cores", lambda: 8)
    monkeypatch.setattr("fastbp._threads.FOR_A_STEP", 1)
    X, y = make.samples(700, 5), make.samples(700, 2, 7)
    params = []
    for n_threads in (1, 2, 3):
        net = make.network([5, 9, 7, 2], "tanh", dtype=dtype)
        fastbp.Trainer(net, optimizer=solver, n_threads=n_threads).fit(X, y, 4)
        params.append(net.params)
    assert make.same_bits(params[0], params[1])
    assert make.same_bits(params[0], params[2])


@every_solver
def test_a_loss_that_is_not_finite(solver):
    net = make.network([1, 7, 1], activation="relu")
    net.params[...] = 1e200
    trainer = fastbp.Trainer(net, optimizer=solver)
    with pytest.raises(fastbp.DivergedError, match="loss is not finite, at the parameters that the network has") as got:
        trainer.fit(*sine(), 5)
    assert (got.value.epoch, got.value.batch) == (0, 0)
    assert (net.params == 1e200).all()
    with pytest.warns(UserWarning, match="not finite.* The training ends here"):
        history = trainer.fit(*sine(), 5, callbacks=[fastbp.TerminateOnNaN()])
    assert history.loss == []
    with pytest.raises(fastbp.DivergedError):
        trainer.fit(*sine(), 5, callbacks=[fastbp.RetryOnDivergence()])


def test_a_loss_that_is_not_finite_later_on():
    class Cliff:
        calls = 0

        def value_and_grad(self, outputs, targets):
            self.calls += 1
            error = outputs - targets
            if self.calls > 8:
                return np.full(len(error), 1e308) * 2.0 ** (self.calls % 2), error
            return (error**2).sum(axis=1), 2 * error

    class Steep(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            if epoch == 2:
                trainer.network.params[...] = 1e300

    net = make.network([1, 7, 1], activation="relu")
    before = net.params.copy()
    with pytest.raises(fastbp.DivergedError, match="network is as it was before the fit") as got:
        fitted(net, LBFGS(), *sine(), 9, callbacks=[Steep()])
    assert got.value.epoch == 3
    assert make.same_bits(net.params, before)


def test_an_interrupt(monkeypatch):
    def impatient(trainer, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    for solver in SOLVERS:
        trainer = fastbp.Trainer(make.network([1, 7, 1]), optimizer=solver)
        with pytest.warns(UserWarning, match="interrupted in epoch"):
            history = trainer.fit(*sine(), 10, callbacks=[fastbp.LambdaCallback(on_epoch_end=impatient)])
        assert history.interrupted
        assert len(history.loss) == 3
        assert trainer.evaluate(*sine())["loss"] == pytest.approx(history.loss[-1], rel=1e-9)
        trainer.fit(*sine(), 1)


def test_one_fit_at_a_time():
    def again(trainer, epoch, logs):
        for optimizer in (LBFGS(), fastbp.Adam()):
            with pytest.raises(RuntimeError, match="being trained already"):
                fastbp.Trainer(trainer.network, optimizer=optimizer).fit(*sine(), 1)

    trainer = fastbp.Trainer(make.network([1, 3, 1]), optimizer=LevenbergMarquardt())
    assert len(trainer.fit(*sine(), 2, callbacks=[fastbp.LambdaCallback(on_epoch_end=again)]).loss) == 2


def test_the_solver_stays_for_the_length_of_a_fit():
    def change(trainer, epoch, logs):
        trainer.optimizer = fastbp.Adam()

    trainer = fastbp.Trainer(make.network([1, 3, 1]), optimizer=LevenbergMarquardt())
    with pytest.raises(ValueError, match="the fit is LevenbergMarquardt's: change the optimizer when it has ended"):
        trainer.fit(*sine(), 3, callbacks=[fastbp.LambdaCallback(on_epoch_end=change)])
    trainer.fit(*sine(), 1)


REFUSED = [
    ([Dense(3), Dropout(0.1), Dense(1)], {}, "same whenever it is computed, and Dropout draws anew"),
    ([Residual([GaussianNoise(0.1)]), Dense(1)], {}, "GaussianNoise draws anew"),
    ([Dense(3), BatchNorm(), Dense(1)], {}, r"BatchNorm takes their mean: freeze the layer"),
    ([Dense(3, max_norm=1.0), Dense(1)], {}, "knows no max_norm"),
    ([Dense(3, trainable=False), Dense(1, trainable=False)], {}, "there is nothing to learn"),
    ([Dense(1)], {"ema": 0.9}, "ema averages over the steps of mini-batches"),
]
REFUSED_BY_LM = [
    ([Dense(3), Dense(1, l1=0.1)], {}, "needs penalties that are squares: take l2"),
    (
        [Dense(3), Dense(1)],
        {"loss": fastbp.Huber()},
        r"mean of squares, SquaredError\(\), got Huber\(delta=1.0\): take LBFGS",
    ),
    ([Dense(3), Dense(1, "sigmoid")], {}, r"mean of squares, SquaredError\(\), got BinaryCrossEntropy"),
]


@pytest.mark.parametrize(
    ("solver", "layers", "settings", "message"),
    [(solver, *case) for case in REFUSED for solver in SOLVERS] + [(SOLVERS[0], *case) for case in REFUSED_BY_LM],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_solver_can_train(solver, layers, settings, message):
    net = fastbp.Network(2, layers)
    before = net.params.copy()
    trainer = fastbp.Trainer(net, optimizer=solver, **settings)
    with pytest.raises(ValueError, match=message):
        trainer.fit(make.samples(9, 2), np.ones(9), 1)
    assert make.same_bits(net.params, before)


@every_solver
def test_no_steps_of_mini_batches(solver):
    trainer = fastbp.Trainer(make.network([1, 3, 1]), optimizer=solver)
    message = r"takes all samples at once: call fit\(X, y\), or take an optimiser of mini-batches"
    with pytest.raises(ValueError, match=message):
        trainer.learn_one([1.0], 1.0)
    with pytest.raises(ValueError, match=message):
        trainer.find_learning_rate(*sine())
    with pytest.raises(ValueError, match="give them as arrays"):
        trainer.fit([sine()])


def test_more_parameters_than_memory():
    net = fastbp.Network.mlp([1000, 1000, 1])
    message = r"J\^T J for 1,002,001 parameters, .* would take 24,096\.1 GB, .* GB are available: take LBFGS\(\)"
    with pytest.raises(MemoryError, match=message):
        fitted(net, LevenbergMarquardt(), np.ones((2, 1000)), [1, 2], 1)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    net = make.network([1, 3, 1])
    before = net.params.copy()
    with pytest.raises(ImportError, match=r'needs SciPy: pip install "fastbp\[solvers\]"'):
        fitted(net, ScipyMinimize(), *sine(), 1)
    assert make.same_bits(net.params, before)
    for solver in (LevenbergMarquardt(), LBFGS()):
        fitted(net, solver, *sine(), 1)


@pytest.mark.parametrize(
    ("make_solver", "error", "message"),
    [
        (lambda: LevenbergMarquardt(damping=0), ValueError, "damping must be greater than 0"),
        (lambda: LevenbergMarquardt(damping_increase=1), ValueError, "damping_increase must be greater than 1"),
        (lambda: LevenbergMarquardt(damping_decrease=1), ValueError, "damping_decrease must be .* less than 1"),
        (lambda: LevenbergMarquardt(damping=1, max_damping=0.5), ValueError, "max_damping must be at least damping"),
        (lambda: LevenbergMarquardt(weight_decay=-1), ValueError, "weight_decay must be at least 0"),
        (lambda: LevenbergMarquardt(weight_decay="auto"), ValueError, "must be one of bayesian, got 'auto'"),
        (lambda: LevenbergMarquardt(restarts=-1), ValueError, "restarts must be at least 0"),
        (
            lambda: LevenbergMarquardt(restarts=2, weight_decay="bayesian"),
            ValueError,
            "restarts compare losses, and each start would have a 'bayesian' weight_decay",
        ),
        (lambda: LevenbergMarquardt(ftol="small"), TypeError, "ftol must be a number"),
        (lambda: LBFGS(memory=0), ValueError, "memory must be at least 1"),
        (lambda: LBFGS(max_line_search=2.5), TypeError, "max_line_search must be an integer"),
        (lambda: ScipyMinimize("Powell"), ValueError, "method must be one of CG, BFGS"),
        (lambda: ScipyMinimize(options=3), TypeError, "options must be a dict"),
        (lambda: ScipyMinimize(options={"maxiter": 3}), ValueError, "options must not hold maxiter"),
        (
            lambda: fastbp.Trainer(make.network([1, 1]), optimizer="lbfgs"),
            TypeError,
            r"must be a fastbp optimiser, SGD\(\), Adam\(\) or LBFGS\(\), got 'lbfgs'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_settings(make_solver, error, message):
    with pytest.raises(error, match=message):
        make_solver()
