"""Statistics of parameters and gradients in the history, on request."""

import numpy as np
import pytest

import fastbp
from tests import makers as make

X, LABELS, WEIGHTS = make.samples(600, 5), make.targets("labels", 600, 3), make.weights(600)
TOLERANCE = {"float32": {"rtol": 1e-4, "atol": 1e-6}, "float64": {"rtol": 1e-9, "atol": 1e-12}}
COLUMNS = ["mean", "std", "norm", "gradient_mean", "gradient_std", "gradient_norm"]


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.Adam(), fastbp.LBFGS()], ids=repr)
def test_what_is_recorded(monkeypatch, dtype, optimizer):
    monkeypatch.setattr("fastbp._objective._FEWEST_ROWS", 70)  # the last of 600 are 40
    monkeypatch.setattr("fastbp._objective._PIECE", 1)
    net = make.network([5, 7, 3], output="softmax", dtype=dtype)
    expected = {name: {column: [] for column in COLUMNS} for name in ("0.weight", "0.bias", "1.weight", "1.bias")}

    def look(trainer, epoch, logs):
        _, gradient = net.loss_and_grad(X, LABELS, trainer.loss, WEIGHTS)
        named = net.named_parameters()
        begin = 0
        for name, values in named.items():
            parts = {"": values, "gradient_": gradient[begin : begin + values.size]}
            begin += values.size
            for prefix, part in parts.items():
                part = part.astype(float)
                expected[name][f"{prefix}mean"].append(part.mean())
                expected[name][f"{prefix}std"].append(np.sqrt(((part - part.mean()) ** 2).mean()))
                expected[name][f"{prefix}norm"].append(np.sqrt((part**2).sum()))

    trainer = fastbp.Trainer(net, optimizer=optimizer)
    history = trainer.fit(X, LABELS, 3, WEIGHTS, callbacks=[fastbp.LambdaCallback(on_epoch_end=look)], statistics=True)
    assert history.statistics.keys() == expected.keys()
    for name, columns in expected.items():
        assert list(history.statistics[name]) == COLUMNS
        for column, values in columns.items():
            got = history.statistics[name][column]
            assert len(got) == 3
            np.testing.assert_allclose(got, values, **TOLERANCE[dtype])


def test_training_is_the_same_with_and_without():
    nets = [make.network([5, 7, 3], output="softmax") for _ in range(2)]
    histories = [
        fastbp.Trainer(net).fit(X, LABELS, 3, statistics=on) for net, on in zip(nets, (False, True), strict=True)
    ]
    assert make.same_bits(nets[0].params, nets[1].params)
    assert histories[0].loss == histories[1].loss
    assert histories[0].statistics == {}
    assert len(histories[1].statistics["0.bias"]["gradient_norm"]) == 3


def test_bad_input():
    trainer = fastbp.Trainer(make.network([5, 7, 3], output="softmax"))
    with pytest.raises(TypeError, match="statistics must be True or False, got 'weights'"):
        trainer.fit(X, LABELS, statistics="weights")
    with pytest.raises(ValueError, match="statistics are of all samples: give them as arrays"):
        trainer.fit([(X, LABELS)], epochs=1, statistics=True)
