"""The order of an epoch: every row once, decided by the seed and the epoch alone."""

import numpy as np
import pytest

import fastbp

MASK = 2**64 - 1


def mix(x):
    """SplitMix64's finaliser (Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def expected_order(n, seed, epoch):
    """Fisher & Yates inside out, over the stream of this epoch: the upper half of a word, then the lower one."""
    stream = mix((mix(seed) + epoch) & MASK)
    order = []
    for i in range(n):
        word = mix((stream + (i - i % 2 + 1) * 0x9E3779B97F4A7C15) & MASK)
        half = word >> 32 if i % 2 == 0 else word & 0xFFFFFFFF
        j = half * (i + 1) >> 32
        order.insert(i, order[j] if j < i else i)
        order[j] = i
    return order


def orders(n, seed=0, epochs=1, shuffle=True):
    """The orders in which a trainer takes n rows.

    Row i alone moves parameter i, which momentum then carries on: who began earlier gets further.
    """
    found = []
    for epoch in range(epochs):
        net = fastbp.Network(n, [fastbp.Dense(1, initializer="zeros", bias=False)], dtype="float64")
        trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(1e-9, momentum=0.5), batch_size=1, seed=seed)
        trainer.epoch = epoch
        trainer.fit(np.eye(n), np.ones(n), epochs=1, shuffle=shuffle)
        assert len(set(net.params)) == n
        assert (net.params > 0).all()
        found.append(np.argsort(-net.params).tolist())
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 20, 40])
@pytest.mark.parametrize("seed", [0, 1, 12345, 2**64 - 1])
def test_known_orders(n, seed):
    assert orders(n, seed, epochs=3) == [expected_order(n, seed, epoch) for epoch in range(3)]


def test_without_shuffling_rows_come_as_they_are():
    assert orders(30, epochs=2, shuffle=False) == [list(range(30))] * 2


def test_every_row_comes_first_now_and_then():
    firsts = [expected_order(5, seed, 0)[0] for seed in range(200)]
    assert all(25 <= firsts.count(row) <= 55 for row in range(5))


@pytest.mark.parametrize("n_samples", [1, 32, 33, 50])
@pytest.mark.parametrize("batch_size", [1, 7, 32, 1000])
def test_every_row_counts_once_an_epoch(n_samples, batch_size):
    # Row i costs 4^i, so the sum of an epoch tells which rows there were; a tiny step changes none of it.
    net = fastbp.Network(1, [fastbp.Dense(1, initializer="zeros", bias=False)], dtype="float64")
    y = 2.0 ** np.arange(n_samples) if n_samples < 26 else 2.0 ** (np.arange(n_samples) % 26)
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(1e-300), batch_size=batch_size)
    history = trainer.fit(np.ones((n_samples, 1)), y, epochs=4)
    assert history.loss == [float(np.sum(y * y)) / n_samples] * 4
