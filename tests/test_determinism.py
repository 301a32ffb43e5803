"""Same seed, same bits: from run to run, for every number of threads, on every target with fused multiply-add."""

import itertools

import numpy as np
import pytest

import fastbp
from tests import makers as make

WIDTHS = (6, 40, 17, 5)
THREADS = [1, 2, 3, 4, 7]
OPTIMIZERS = [fastbp.SGD(0.1), fastbp.SGD(0.05, momentum=0.9), fastbp.Adam(0.01)]
FUSED = [name for name in fastbp.available_targets() if name != "baseline"]


def train(pair=make.LOSSES[1], optimizer=OPTIMIZERS[0], dtype="float32", n_samples=61, widths=WIDTHS, **settings):
    """Return the bytes of the trained parameters and of the history."""
    loss, output, kind = pair
    net = make.network(list(widths), "gelu", output, dtype)
    X, y = make.samples(n_samples, widths[0]), make.targets(kind, n_samples, widths[-1])
    fit = {name: settings.pop(name) for name in ("epochs", "shuffle") if name in settings}
    trainer = fastbp.Trainer(net, make.loss(loss), optimizer, **settings)
    history = trainer.fit(X, y, sample_weight=make.weights(n_samples), **{"epochs": 3, **fit})
    return net.params.tobytes(), tuple(history.loss)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_two_runs(target, dtype, optimizer):
    assert train(dtype=dtype, optimizer=optimizer) == train(dtype=dtype, optimizer=optimizer)


@pytest.mark.parametrize("pair", make.LOSSES, ids="-".join)
@pytest.mark.parametrize("batch_size", [1, 16, 61])
def test_number_of_threads(all_threads, dtype, pair, batch_size):
    results = [train(pair, dtype=dtype, batch_size=batch_size, n_threads=n) for n in THREADS]
    assert results.count(results[0]) == len(THREADS)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize(
    ("n_samples", "widths"), [(300, WIDTHS), (1100, (3, 5, 2)), (64, (300, 270, 3)), (9, (1, 1, 2))]
)
def test_number_of_threads_in_other_shapes(all_threads, target, optimizer, n_samples, widths):
    settings = {"optimizer": optimizer, "n_samples": n_samples, "widths": widths, "batch_size": 1100, "epochs": 2}
    results = [train(n_threads=n, **settings) for n in THREADS]
    assert results.count(results[0]) == len(THREADS)


def test_targets_with_fused_multiply_add(dtype, restored_target):
    if len(FUSED) < 2:
        pytest.skip(f"needs two targets with fused multiply-add, this machine runs {fastbp.available_targets()}")
    results = []
    for target in FUSED:
        fastbp.set_target(target)
        results.append([])
        for pair, optimizer in itertools.product(make.PAIRS, OPTIMIZERS):
            results[-1].append(train(pair, optimizer, dtype))
        for widths, n_samples in [((300, 270, 3), 64), ((1, 1, 2), 9), ((7, 33, 20), 1100)]:
            results[-1].append(train(dtype=dtype, widths=widths, n_samples=n_samples, batch_size=1100))
        net = make.network([9, 33, 70], "silu", "softmax", dtype)
        X = make.samples(300, 9).astype(dtype)
        results[-1].append((net.predict(X).tobytes(), net.predict_one(X[0]).tobytes()))
    assert results[0] == results[1]


def test_batches_are_all_that_shuffling_changes():
    whole = [train(batch_size=61, shuffle=False, seed=seed) for seed in (0, 1)]
    assert whole[0] == whole[1]
    parts = [train(batch_size=16, shuffle=shuffle) for shuffle in (False, True)]
    assert parts[0] != parts[1]


def test_another_seed_is_another_order():
    results = {train(batch_size=16, seed=seed) for seed in range(5)}
    assert len(results) == 5


def test_large_seeds_differ():
    assert len({train(batch_size=16, seed=seed) for seed in (1, 1 + 2**32, 2**64 - 1)}) == 3


def test_blocks_do_not_show():
    """A callback makes every epoch a block of its own; without one many go in one."""
    X, y = make.samples(61, 6), make.targets("labels", 61, 5)
    results = []
    for callbacks in ((), [fastbp.Callback()]):
        net = make.network([6, 40, 5], "tanh", "softmax", "float32")
        history = fastbp.Trainer(net, batch_size=7).fit(X, y, epochs=30, callbacks=callbacks)
        results.append((net.params.tobytes(), history.loss))
    assert results[0] == results[1]


def test_predictions_meanwhile_do_not_show():
    class Nosy(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            trainer.network.predict(make.samples(2000, 6))
            trainer.network.loss_and_grad(X, y, trainer.loss)

    X, y = make.samples(61, 6), make.targets("labels", 61, 5)
    results = []
    for callbacks in ([fastbp.Callback()], [Nosy()]):
        net = make.network([6, 40, 5], "tanh", "softmax", "float32")
        fastbp.Trainer(net, batch_size=7).fit(X, y, epochs=5, callbacks=callbacks)
        results.append(net.params.tobytes())
    assert results[0] == results[1]


def test_global_random_state_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    train()
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
