"""Rows that a fit holds back to validate with."""

import numpy as np
import pytest

import fastbp
from fastbp import _splitting
from tests import makers as make

LABELS = np.repeat([0, 1, 2], [50, 30, 20])


def split(how, fraction, targets, loss=None, seed=0):
    """The numbers of the rows to train on and to validate on."""
    rows = np.arange(len(targets))
    parts = _splitting.held_back(how, fraction, np.asarray(targets), loss or fastbp.CrossEntropy(), seed)
    return [rows[part] for part in parts]


@pytest.mark.parametrize("how", _splitting.WAYS)
@pytest.mark.parametrize("fraction", [0.1, 0.25, 1 / 3, 0.9])
def test_each_row_is_on_one_side(how, fraction):
    train, held = split(how, fraction, LABELS)
    assert len(held) == round(fraction * 100)
    assert sorted([*train, *held]) == list(range(100))
    assert (np.diff(train) > 0).all()
    assert (np.diff(held) > 0).all()


def test_ways():
    assert split("tail", 0.2, LABELS)[1].tolist() == list(range(80, 100))
    shuffled = split("shuffle", 0.2, LABELS)[1]
    assert shuffled.min() < 50 < shuffled.max()
    counts = np.bincount(LABELS[split("stratify", 0.2, LABELS)[1]])
    assert counts.tolist() == [10, 6, 4]


@pytest.mark.parametrize("how", ["shuffle", "stratify"])
def test_the_seed_decides(how):
    held = [split(how, 0.2, LABELS, seed=seed)[1].tolist() for seed in (0, 0, 1)]
    assert held[0] == held[1] != held[2]


@pytest.mark.parametrize("fraction", np.linspace(0.05, 0.95, 19))
def test_shares_of_uneven_classes(fraction):
    sizes = np.array([97, 53, 11, 2])
    labels = np.random.default_rng(0).permutation(np.repeat(range(4), sizes))
    held = np.bincount(labels[split("stratify", fraction, labels)[1]], minlength=4)
    assert held.sum() == int(fraction * 163 + 0.5)
    assert ((held >= 1) & (held < sizes)).all()
    assert (np.abs(held - fraction * sizes) <= 1.5).all()


def test_what_stratify_takes():
    one_hot = np.eye(3)[LABELS]
    for targets, loss in [
        (one_hot, fastbp.CrossEntropy()),
        (one_hot, fastbp.SquaredError()),
        (LABELS * 7, fastbp.CrossEntropy()),  # labels that leave some out
    ]:
        assert [part.tolist() for part in split("stratify", 0.2, targets, loss)] == [
            part.tolist() for part in split("stratify", 0.2, LABELS)
        ]
    flags = (LABELS == 2).astype(float)[:, None]
    assert flags[split("stratify", 0.2, flags, fastbp.BinaryCrossEntropy())[1]].sum() == 4


@pytest.mark.parametrize("how", _splitting.WAYS)
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_on_one_part_and_validate_on_the_other(how, weighted):
    X, weights = make.samples(100, 5), make.weights(100) if weighted else None
    net, twin = (make.network([5, 7, 3], output="softmax") for _ in range(2))
    trainer, other = fastbp.Trainer(net, seed=3), fastbp.Trainer(twin, seed=3)
    history = trainer.fit(X, LABELS, 3, weights, validation_split=0.2, split=how, metrics=["f1"])
    train, held = split(how, 0.2, LABELS, seed=3)
    some = lambda rows: None if weights is None else weights[rows]  # noqa: E731
    data = X[held], LABELS[held], some(held)
    expected = other.fit(X[train], LABELS[train], 3, some(train), validation_data=data, metrics=["f1"])
    assert make.same_bits(net.params, twin.params)
    assert vars(history) == vars(expected)
    again = trainer.fit(X, LABELS, 1, weights, validation_split=0.2, split=how)  # holds back the same rows
    assert again.val_loss == [trainer.evaluate(*data)["loss"]]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"validation_split": 0}, ValueError, "validation_split must be greater than 0 and less than 1, got 0.0"),
        ({"validation_split": 1.0}, ValueError, "validation_split must be greater than 0"),
        ({"validation_split": "0.2"}, TypeError, "validation_split must be a number"),
        ({"validation_split": 0.01}, ValueError, "0.01 of 20 rows leaves 20 to train on and 0 to validate on"),
        ({"validation_split": 0.99}, ValueError, "0.99 of 20 rows leaves 0 to train on"),
        ({"validation_split": 0.5, "split": "random"}, ValueError, "split must be one of shuffle, stratify, tail"),
        ({"split": "tail"}, ValueError, "split='tail' says .*: give validation_split=0.2 say"),
        ({"validation_split": 0.5, "validation_data": (np.ones((2, 5)), np.ones((2, 3)))}, ValueError,
         "exclude each other: give one of them"),
        ({"validation_split": 0.5, "split": "stratify"}, ValueError, 'targets are numbers: take split="shuffle"'),
        ({"validation_split": 0.5, "split": "tail", "sample_weight": [1] * 10 + [0] * 10}, ValueError,
         "validation_split: in one of the parts, sample_weight must not be zero for every sample"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be(settings, error, message):
    net = make.network([5, 3])
    before = net.params.copy()
    with pytest.raises(error, match=message):
        fastbp.Trainer(net).fit(make.samples(20, 5), make.samples(20, 3), **settings)
    assert make.same_bits(net.params, before)


@pytest.mark.parametrize(
    ("labels", "fraction"),
    [([0, 0, 0, 0, 1], 0.4), ([0, 0, 1, 1, 2, 2], 1 / 3), ([0, 0, 1, 1, 2, 2], 2 / 3)],
    ids=["a class of one", "fewer held back than classes", "fewer left than classes"],
)
def test_too_few_of_a_class(labels, fraction):
    with pytest.raises(ValueError, match=r'row of each class on both sides: there are \d classes.* split="shuffle"'):
        split("stratify", fraction, labels)


def test_several_labels_a_row_have_no_shares():
    with pytest.raises(ValueError, match="targets are several labels a row"):
        split("stratify", 0.5, np.eye(3)[[0, 1, 2, 2]], fastbp.BinaryCrossEntropy())
