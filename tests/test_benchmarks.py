"""The benchmarks compare like with like: every peer takes the same steps, and the clock is fair."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import common, numpy_mlp, pure_python

ROOT = Path(common.__file__).parents[1]


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_numpy_takes_the_steps_of_pure_python(output):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 4))
    y = {
        "softmax": rng.integers(0, 3, size=12),
        "sigmoid": rng.integers(0, 2, size=(12, 3)).astype(float),
        "identity": rng.normal(size=(12, 3)),
    }[output]
    net = numpy_mlp.NumpyMLP([4, 7, 5, 3], output, batch_size=4, dtype=np.float64)
    layers = [
        pure_python.Layer(w.tolist(), b.tolist(), name)
        for w, b, name in zip(net.weights, net.biases, ["relu", "relu", output], strict=True)
    ]
    expected = pure_python.train(layers, X.tolist(), y.tolist(), epochs=5, batch_size=4, learning_rate=0.3)
    losses = [net.step(X[i : i + 4], y[i : i + 4], 0.3) for _ in range(5) for i in range(0, 12, 4)]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for w, b, layer in zip(net.weights, net.biases, layers, strict=True):
        np.testing.assert_allclose(w, layer.weights, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(b, layer.biases, rtol=1e-10, atol=1e-13)


def test_numpy_keeps_its_dtype():
    net = numpy_mlp.NumpyMLP([4, 7, 3], "softmax", batch_size=4)
    net.step(np.ones((4, 4), np.float32), np.zeros(4, int), 0.1)
    assert {array.dtype for array in net.weights + net.biases + net.a + net.dz} == {np.dtype(np.float32)}


def test_interleave_turns_the_order_round_and_takes_the_median(monkeypatch):
    calls, clock = [], [0.0]
    durations = {"fast": iter([1.0, 1.0, 1.0, 7.0, 2.0]), "slow": iter([3.0, 3.0, 3.0, 5.0, 4.0])}

    def run(name):
        calls.append(name)
        clock[0] += next(durations[name])

    monkeypatch.setattr(common.time, "perf_counter", lambda: clock[0])
    medians = common.interleave({name: lambda name=name: run(name) for name in durations}, rounds=3, seconds=0.5)
    assert medians == {"fast": 2.0, "slow": 4.0}
    assert calls[4:] == ["fast", "slow", "slow", "fast", "fast", "slow"]


def test_interleave_fills_a_sample_with_calls(monkeypatch):
    clock, n_calls = [0.0], [0]

    def tick():
        n_calls[0] += 1
        clock[0] += 0.25

    monkeypatch.setattr(common.time, "perf_counter", lambda: clock[0])
    assert common.interleave({"tick": tick}, rounds=2, seconds=1.0) == {"tick": 0.25}
    assert n_calls[0] == 1 + (1 + 2 + 4) + 2 * 4


def test_table_aligns_its_columns():
    text = common.table(["net", "us"], [["2-16-1", "1.5"], ["4", "10.25"]])
    assert text == "net        us\n2-16-1    1.5\n4       10.25"


def test_quick_run_prints_a_line_for_every_small_network():
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert "1 BLAS thread" in run.stdout
    for network in ("2-16-1", "4-32-3", "10-32-32-1", "64-64-10"):
        line = next(line for line in run.stdout.splitlines() if line.startswith(network + " "))
        assert re.fullmatch(rf"{network} +\d+ +[\d,.]+ us +[\d,.]+x +[\d,.]+x", line)
