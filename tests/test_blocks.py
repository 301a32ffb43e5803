"""Data that come in blocks: the same training as on arrays, whatever the blocks."""

import os
import signal
import time
import weakref

import numpy as np
import pytest

import fastbp
from tests import makers as make

X, Y, W = make.samples(50, 5), make.targets("labels", 50, 3), make.weights(50)
HELD_OUT = make.samples(20, 5, seed=7), make.targets("labels", 20, 3, seed=8)
CUTS = {
    "one block": [],
    "whole batches": [16, 32],
    "anywhere": [3, 20, 21, 47],
    "batches": [8, 16, 24, 32, 40, 48],
    "rows": list(range(1, 50)),
}


def trainer(optimizer=None, batch_size=8, dtype="float64", seed=0):
    net = make.network([5, 7, 3], "tanh", "softmax", dtype)
    return fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size, seed=seed)


def blocks(cuts, *arrays):
    """The arrays in blocks; those that are None are left out."""
    parts = [np.split(array, cuts) for array in arrays if array is not None]
    return list(zip(*parts, strict=True))


# The same as on arrays ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.Adam(0.01)], ids=["SGD", "Adam"])
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_in_order_blocks_do_not_show(dtype, cuts, optimizer, weighted):
    weights = W + 0.1 if weighted else None
    whole, parts = (trainer(optimizer, dtype=dtype) for _ in range(2))
    expected = whole.fit(X, Y, 3, weights, HELD_OUT, shuffle=False)
    history = parts.fit(blocks(cuts, X, Y, weights), epochs=3, validation_data=HELD_OUT, shuffle=False)
    assert make.same_bits(parts.network.params, whole.network.params)
    assert history.loss == pytest.approx(expected.loss, rel=1e-14 if dtype == "float64" else 1e-7)
    assert (history.val_loss, history.metrics) == (expected.val_loss, expected.metrics)
    assert parts.epoch == whole.epoch == 3
    # Going on, on arrays: the optimiser's state and count of steps are those of the blocks.
    assert parts.fit(X, Y, epochs=2).loss == whole.fit(X, Y, epochs=2).loss


def test_one_block_is_shuffled_as_arrays_are():
    whole, part, other = trainer(), trainer(), trainer()
    whole_batches = X[:48], Y[:48]
    assert part.fit([whole_batches], epochs=3).loss == whole.fit(*whole_batches, epochs=3).loss
    other.fit([whole_batches], epochs=3, shuffle=False)
    assert not make.same_bits(part.network.params, other.network.params)


class Note(fastbp.Callback):
    def __init__(self, seen):
        self.seen = seen

    def on_batch_end(self, trainer, batch, logs):
        self.seen.append(float(trainer.network.params[1]))


def test_each_block_is_shuffled_in_its_own_way():
    """Rows of two equal blocks come in different orders, and in others again in the next epoch."""
    zeros = np.zeros((64, 1))
    orders = []
    for n_blocks, epochs in ((1, 1), (2, 1), (1, 2)):
        net = fastbp.Network(1, [fastbp.Dense(1, initializer="zeros")], dtype="float64")
        t = fastbp.Trainer(net, optimizer=fastbp.SGD(0.5), batch_size=1)  # the bias becomes the last target
        seen = []
        t.fit([(zeros, np.arange(64.0))] * n_blocks, epochs=epochs, callbacks=[Note(seen)])
        assert sorted(seen[:64]) == list(range(64))
        orders += [seen[i : i + 64] for i in range(0, len(seen), 64)]
    first, again, second_block, once_more, second_epoch = orders
    assert first == again == once_more
    assert len({tuple(first), tuple(second_block), tuple(second_epoch)}) == 3
    assert first != sorted(first)


def test_a_generator_is_one_epoch():
    t, twin = trainer(), trainer()
    history = t.fit((block for block in blocks([20], X, Y)), epochs=1, shuffle=False)
    assert history.loss == pytest.approx(twin.fit(X, Y, epochs=1, shuffle=False).loss, rel=1e-14)


def test_blocks_with_and_without_weights_and_without_any_weight():
    t, twin = trainer(), trainer()
    mixed = [(X[:5], Y[:5]), (X[5:30], Y[5:30], np.r_[np.zeros(20), np.ones(5)]), (X[30:], Y[30:], None)]
    history = t.fit(mixed, epochs=2, shuffle=False)
    weights = np.r_[np.ones(5), np.zeros(20), np.ones(25)]
    expected = twin.fit(X, Y, 2, weights, shuffle=False)
    assert make.same_bits(t.network.params, twin.network.params)
    assert history.loss == pytest.approx(expected.loss, rel=1e-14)


def test_weights_of_classes():
    weights = {0: 2.5, 2: 0}
    t, twin = trainer(), trainer()
    apart = np.argsort(Y, kind="stable")  # a block of a class of weight 0 is passed over
    cuts = np.flatnonzero(np.diff(Y[apart])) + 1
    history = t.fit(blocks(cuts, X[apart], Y[apart]), epochs=2, class_weight=weights, shuffle=False)
    expected = twin.fit(X[apart], Y[apart], epochs=2, class_weight=weights, shuffle=False)
    assert make.same_bits(t.network.params, twin.network.params)
    assert history.loss == pytest.approx(expected.loss, rel=1e-14)


class Squared:
    """A loss that is called once a batch, with targets that fastbp does not look into."""

    def value_and_grad(self, outputs, targets):
        error = outputs - np.array([target["y"] for target in targets])
        return (error**2).sum(axis=1), 2 * error


def test_a_loss_of_the_callers_own():
    targets = np.array([{"y": row} for row in X[:, :3]])
    results = []
    for data in ((X, targets), (blocks([3, 20, 21, 47], X, targets),)):
        t = fastbp.Trainer(make.network([5, 3]), Squared(), fastbp.SGD(0.01), batch_size=8)
        t.fit(*data, epochs=2, shuffle=False)
        results.append(t.network.params)
    assert make.same_bits(*results)


@pytest.mark.parametrize("cuts", [[], [3, 20, 21, 47]], ids=["one block", "anywhere"])
def test_batches_are_counted_through(cuts):
    calls = [[], []]
    for seen, data in zip(calls, [(X, Y), (blocks(cuts, X, Y),)], strict=True):
        note = fastbp.LambdaCallback(on_batch_end=lambda t, batch, logs, seen=seen: seen.append((batch, logs["loss"])))
        note.every = 2
        trainer().fit(*data, epochs=3, callbacks=[note], shuffle=False)
    assert [batch for batch, _ in calls[1]] == [batch for batch, _ in calls[0]] == list(range(1, 21, 2))
    assert [loss for _, loss in calls[1]] == pytest.approx([loss for _, loss in calls[0]], rel=1e-13)


def test_callbacks_and_changes():
    logs, ends = [], []
    results = []
    for data in ((X, Y), (blocks([3, 20, 21, 47], X, Y),)):
        t = trainer(fastbp.SGD(0.1, momentum=0.5))

        def change(trainer, epoch):
            trainer.optimizer.learning_rate = 0.1 / (1 + epoch)

        hooks = fastbp.LambdaCallback(
            on_epoch_begin=change, on_epoch_end=lambda t, epoch, log: logs.append(epoch), on_fit_end=ends.append
        )
        t.fit(*data, epochs=4, callbacks=[hooks], shuffle=False)
        results.append(t.network.params)
    assert make.same_bits(*results)
    assert logs == [0, 1, 2, 3] * 2
    assert len(ends) == 2


def test_threads_agree(all_threads):
    results = []
    for n_threads in (1, 2, 3):
        t = trainer()
        t.n_threads = n_threads
        t.fit(blocks([3, 20, 21, 47], X, Y), epochs=3)
        results.append(t.network.params.tobytes())
    assert results[0] == results[1] == results[2]


# What is held, and when it ends ---------------------------------------------------------------------------------------


def test_blocks_are_let_go():
    alive = []

    class Rows(np.ndarray):
        """An array that can be watched."""

    def generate():
        for _ in range(20):
            assert sum(watched() is not None for watched in alive) <= 1
            rows = make.samples(1001, 5).view(Rows)
            alive.append(weakref.ref(rows))
            yield rows, np.zeros(1001, int)
            del rows

    trainer().fit(generate(), epochs=1)
    assert len(alive) == 20


@pytest.mark.parametrize("where", ["training", "waiting"])
def test_interrupts(where):
    """Ctrl-C while the engine works on an endless row of blocks, and while the next block is waited for."""

    def endless():
        yield from blocks([3, 20], X, Y)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        while where == "training":
            yield X, Y
        time.sleep(60)

    sent = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        t = trainer()
        with pytest.warns(UserWarning, match="interrupted in epoch 0"):
            history = t.fit(endless(), epochs=1)
        assert time.monotonic() - sent[0] < 0.5
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.interrupted
    assert history.loss == []
    assert t.epoch == 1
    assert np.isfinite(t.network.params).all()
    assert len(t.fit([(X, Y)], epochs=2).loss) == 2


def test_stop_training_within_an_epoch():
    stop = fastbp.LambdaCallback(on_batch_end=lambda t, batch, logs: setattr(t, "stop_training", True), every=9)
    t = trainer()
    assert len(t.fit(blocks([20, 40], X, Y), epochs=5, callbacks=[stop]).loss) == 1
    assert t.epoch == 2


def test_an_error_of_the_source_comes_through():
    def generate():
        yield X, Y
        raise OSError("the disk is gone")

    ended = []
    t = trainer()
    with pytest.raises(OSError, match="the disk is gone"):
        t.fit(generate(), epochs=1, callbacks=[fastbp.LambdaCallback(on_fit_end=ended.append)])
    assert ended == [t]
    assert len(t.fit(X, Y, epochs=1).loss) == 1


def linear(rate):
    return fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(rate), batch_size=8)


def test_divergence():
    t, twin = linear(0.1), linear(0.1)
    data = X.copy()
    data[33] = 1e300
    for each, given in ((t, (blocks([3, 20, 21, 47], data, X[:, :3]),)), (twin, (data, X[:, :3]))):
        with pytest.raises(fastbp.DivergedError, match=r"in epoch 0, batch 4") as caught:
            each.fit(*given, epochs=3, shuffle=False)
        assert (caught.value.epoch, caught.value.batch) == (0, 4)
    assert make.same_bits(t.network.params, twin.network.params)


def test_an_epoch_of_blocks_is_repeated():
    class Rate(fastbp.Callback):
        is_done = False

        def on_epoch_begin(self, trainer, epoch):
            if epoch == 1 and not self.is_done:
                self.is_done = True
                trainer.optimizer.learning_rate = 1e300

    results = []
    for data in ((X, X[:, :3]), (blocks([3, 20, 21, 47], X, X[:, :3]),)):
        t = linear(0.1)
        with pytest.warns(UserWarning, match="epoch 1 diverged and is repeated"):
            history = t.fit(*data, epochs=3, shuffle=False, callbacks=[Rate(), fastbp.RetryOnDivergence(factor=1e-302)])
        assert len(history.loss) == 3
        results.append(t.network.params)
    assert make.same_bits(*results)
    with pytest.warns(UserWarning, match="is repeated"), pytest.raises(fastbp.DivergedError):
        linear(1e300).fit(iter([(X, X[:, :3])]), epochs=1, callbacks=[fastbp.RetryOnDivergence()])


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "settings", "error", "message"),
    [
        (X, {}, TypeError, r"y must be given, got None: call fit\(X, y\), or fit\(blocks\) .*, for ndarray is none"),
        (None, {}, TypeError, "y must be given, got None"),
        ([X], {}, TypeError, r"block 0 must be \(X, y\) or \(X, y, sample_weight\), got ndarray"),
        ([(X,)], {}, TypeError, "block 0 must be"),
        ([(X, Y), (X[:, 1:], Y)], {}, ValueError, "block 1: X must have 5 features"),
        ([(X, Y), (X, Y + 1)], {}, ValueError, "block 1: labels must be in 0 ... 2"),
        ([(X[:5], Y[:5]), (X, np.eye(3)[Y])], {}, ValueError, "block 1: y must be labels in all blocks or rows in all"),
        ([(X, Y, W - 1)], {}, ValueError, "block 0: sample_weight must not be negative"),
        ([], {}, ValueError, "there are no blocks to learn from: if they come from a generator"),
        (iter([]), {"epochs": 1}, ValueError, "there are no blocks"),
        (iter([(X, Y)]), {"epochs": 2}, ValueError, "can be gone through once, got epochs=2: take epochs=1, or a list"),
        ([(X, Y)], {"sample_weight": W}, ValueError, "sample_weight goes into the blocks"),
        ([(X, Y)], {"validation_split": 0.2}, ValueError, "validation_split needs all rows at once"),
        ([(X, Y)], {"class_weight": "balanced"}, ValueError, 'class_weight="balanced" needs all rows at once'),
        ([(X, Y)], {"class_weight": {3: 1}}, ValueError, "block 0: class_weight must name classes, 0 ... 2"),
    ],
    ids=range(15),
)
def test_what_cannot_be(given, settings, error, message):
    with pytest.raises(error, match=message):
        trainer().fit(given, **settings)


def test_wrong_arguments_leave_the_network_alone():
    t = trainer()
    before = t.network.params.copy()
    for given, settings in [(X, {}), (iter([(X, Y)]), {}), ([(X, Y)], {"validation_data": (X, Y + 3)})]:
        with pytest.raises((TypeError, ValueError)):
            t.fit(given, **settings)
    assert make.same_bits(t.network.params, before)
