"""What optimisers do: PyTorch's trajectories, the same bits on every way there, limits of the gradient."""

import json
from pathlib import Path

import numpy as np
import pytest

import fastbp
from tests import makers as make

KNOWN = dict(np.load(Path(__file__).with_name("data") / "trajectories.npz"))
CASES = {case["name"]: case for case in json.loads(str(KNOWN.pop("cases")))}
EPOCHS = (1, 1, 8)  # of 5 steps; for Rprop times 5, of one step


def known_network(dtype="float64"):
    net = fastbp.Network.mlp([4, 5, 3], activation="tanh", output="softmax", dtype=dtype)
    net.params[...] = KNOWN["start"]
    return net


@pytest.mark.parametrize("name", [name for name in CASES if "average" not in name])
def test_trajectories(all_threads, target, dtype, name):
    case = CASES[name]
    optimizer = getattr(fastbp, case["kind"])(**case["settings"])
    net = known_network(dtype)
    full = case["kind"] == "Rprop"
    trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=40 if full else 8, n_threads=2)
    got = []
    for epochs in EPOCHS:
        trainer.fit(KNOWN["X"], KNOWN["y"], epochs=5 * epochs if full else epochs, shuffle=False)
        got.append(net.params.copy())
    expected = KNOWN[f"{name}/params"]
    assert np.abs(expected[-1] - KNOWN["start"]).max() > 1e-3
    assert np.abs(np.array(got) - expected).max() < {"float64": 1e-13, "float32": 3e-5}[dtype]


def fit_rows(optimizer, net, X, y):
    """The rows one after another, by fits of one row each."""
    trainer = fastbp.Trainer(net, optimizer=optimizer)
    for i in range(len(X)):
        trainer.fit(X[i : i + 1], y[i : i + 1], epochs=1)


@pytest.mark.parametrize("optimizer", make.OPTIMIZERS + make.FULL_BATCH, ids=repr)
def test_learn_one_is_a_batch_of_one(target, dtype, optimizer):
    X, y = make.samples(9, 5), make.targets("labels", 9, 3)
    nets = [make.network([5, 7, 3], "relu", "softmax", dtype) for _ in range(3)]
    online = fastbp.Trainer(nets[0], optimizer=optimizer)
    for x, label in zip(X, y, strict=True):
        online.learn_one(x, label)
    fit_rows(optimizer, nets[1], X, y)
    assert make.same_bits(nets[0].params, nets[1].params)
    if not optimizer.full_batch:
        fastbp.Trainer(nets[2], optimizer=optimizer, batch_size=1).fit(X, y, epochs=1, shuffle=False)
        assert make.same_bits(nets[0].params, nets[2].params)


def trained(optimizer, dtype, widths=(6, 40, 150, 5), **settings):
    """Parameters enough for two blocks of the norm."""
    net = make.network(list(widths), "gelu", "softmax", dtype)
    X, y = make.samples(61, widths[0]), make.targets("labels", 61, widths[-1])
    batch_size = 61 if optimizer.full_batch else 16
    fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size, **settings).fit(X, y, epochs=2)
    return net.params


@pytest.mark.parametrize("optimizer", make.OPTIMIZERS + make.FULL_BATCH, ids=repr)
def test_threads_and_targets(all_threads, restored_target, dtype, optimizer):
    for target in fastbp.available_targets():
        fastbp.set_target(target)
        one = trained(optimizer, dtype)
        assert np.isfinite(one).all()
        assert make.same_bits(one, trained(optimizer, dtype, n_threads=3))
        if target == "avx2":
            avx2 = one
        elif target == "avx512":
            assert make.same_bits(one, avx2)


# Limits of the gradient -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.SGD(0.1, momentum=0.9), fastbp.Adam(0.1)], ids=repr)
@pytest.mark.parametrize("limits", [{"clip_value": 1e9}, {"clip_norm": 1e9}, {"clip_value": 1e9, "clip_norm": 1e9}])
def test_limits_that_are_never_met_do_nothing(dtype, optimizer, limits):
    limited = type(optimizer)(**{**vars(optimizer), **limits})
    assert make.same_bits(trained(optimizer, dtype), trained(limited, dtype))


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_norm_is_of_all_parameters(all_threads, target, dtype, n_threads):
    net = make.network([6, 90, 90, 5], dtype=dtype)
    X, y = make.samples(30, 6), 100 * make.targets("numbers", 30, 5)
    before = net.params.copy()
    _, grad = net.loss_and_grad(X, y, fastbp.SquaredError())
    grad = grad.astype(np.float64)
    norm = np.sqrt((grad**2).sum())
    assert norm > 10
    optimizer = fastbp.SGD(1.0, clip_norm=0.25)
    fastbp.Trainer(net, optimizer=optimizer, batch_size=30, n_threads=n_threads).fit(X, y, epochs=1, shuffle=False)
    moved = net.params.astype(np.float64) - before
    np.testing.assert_allclose(moved, -0.25 * grad / norm, atol=1e-6 if dtype == "float32" else 1e-9)


def test_values_before_the_norm():
    net = make.network([3, 2])
    X, y = make.samples(8, 3), 100 * make.targets("numbers", 8, 2)
    before = net.params.copy()
    _, grad = net.loss_and_grad(X, y, fastbp.SquaredError())
    clipped = np.clip(grad, -0.5, 0.5)
    assert (np.abs(grad) > 0.5).sum() > 4
    fastbp.Trainer(net, optimizer=fastbp.SGD(1.0, clip_value=0.5, clip_norm=0.1)).fit(X, y, epochs=1, shuffle=False)
    np.testing.assert_allclose(net.params - before, -0.1 * clipped / np.linalg.norm(clipped), rtol=1e-4)


def test_what_is_not_finite_is_not_clipped_away():
    """A gradient that overflows while its loss does not."""
    net = make.network([3, 2], dtype="float32")
    X, y = make.samples(8, 3) * 1e25, make.targets("numbers", 8, 2) * 1e18
    net.params[:6] *= 1e-8
    before = net.params.copy()
    loss, grad = net.loss_and_grad(X, y, fastbp.SquaredError())
    assert np.isfinite(loss)
    assert not np.isfinite(grad).all()
    with pytest.raises(fastbp.DivergedError):
        fastbp.Trainer(net, optimizer=fastbp.SGD(clip_norm=1.0)).fit(X, y, epochs=1)
    assert make.same_bits(net.params, before)


# Rprop --------------------------------------------------------------------------------------------------------------


def test_rprop_wants_all_samples():
    net = make.network([3, 2])
    X, y = make.samples(33, 3), make.targets("numbers", 33, 2)
    before = net.params.copy()
    with pytest.raises(ValueError, match=r"Rprop needs the gradient of all samples: batch_size .* at least 33"):
        fastbp.Trainer(net, optimizer=fastbp.Rprop()).fit(X, y)
    assert make.same_bits(net.params, before)
    history = fastbp.Trainer(net, optimizer=fastbp.Rprop(), batch_size=33).fit(X, y, epochs=30)
    assert history.loss[-1] < 0.9 * history.loss[0]


@pytest.mark.parametrize("scale", [1e-3, 1e-25])
def test_rprop_goes_by_signs_alone(scale):
    """Also where the product of two gradients would be 0 in float32."""
    nets = [make.network([3, 2], dtype="float32") for _ in range(2)]
    X, y = make.samples(8, 3), make.targets("numbers", 8, 2)
    results = []
    for net, factor in zip(nets, (1.0, scale), strict=True):
        trainer = fastbp.Trainer(net, optimizer=fastbp.Rprop(min_step=1e-35), batch_size=8)
        net.params[...] = 0
        trainer.optimizer.learning_rate = 0.01 * factor
        trainer.fit(X, y * factor, epochs=5)
        results.append(net.params / factor)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4)


def test_a_variance_that_rounding_makes_negative_counts_as_none():
    """RMSprop, centered, with the same gradient again and again."""
    net = make.network([1, 1], dtype="float32")
    X, y = np.ones((1, 1)), np.zeros((1, 1))
    optimizer = fastbp.RMSprop(1e-12, alpha=0.5, epsilon=1e-3, centered=True)
    history = fastbp.Trainer(net, optimizer=optimizer, batch_size=1).fit(X, y, epochs=300)
    assert np.isfinite(net.params).all()
    assert len(history.loss) == 300
