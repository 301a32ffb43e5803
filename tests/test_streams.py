"""The example of a stream that changes runs and shows what it says; so does the benchmark of such streams."""

import json
import runpy
from pathlib import Path

import numpy as np

from benchmarks import streams

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_concept_drift(capsys):
    example = runpy.run_path(str(EXAMPLES / "concept_drift.py"))
    example["main"]()
    lines = capsys.readouterr().out.splitlines()
    windows = [[float(share) for share in line.rpartition(": ")[2].split()] for line in lines]
    follows, decays, fixed = windows
    assert len(follows) == 10
    assert min(follows[4], follows[-1]) > 0.96  # before the change, and long after it
    assert follows[5] < follows[4] - 0.05  # which shows
    assert max(decays[6], fixed[6]) < follows[6] - 0.1  # once it has been learnt


def test_streams_change():
    """A rule that is right in the first quarter is less so in the last."""
    rng = np.random.default_rng(0)
    X, y = streams.sea(rng, 4000)
    right = (X[:, 0] + X[:, 1] <= 8) == y
    assert 0.87 < right[:1000].mean() < 0.93  # a tenth of the labels is wrong
    assert right[3000:].mean() < 0.85
    X, y = streams.circles(rng, 4000)
    right = (np.hypot(X[:, 0] / 1000 - 0.2, X[:, 1] / 0.001 - 0.5) < 0.15) == y
    assert right[:1000].all()
    assert right[3000:].mean() < 0.75
    X, y = streams.hyperplane(rng, 4000)
    w = np.linalg.lstsq(X[:500] - 0.5, y[:500] * 2.0 - 1, rcond=None)[0]
    right = ((X - 0.5) @ w > 0) == y
    assert right[:500].mean() > 0.85
    assert right[-500:].mean() < 0.2  # by then it has turned to its contrary


def test_the_benchmark_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.common.pin_to_one_core", lambda: None)  # the tests behind this want all cores
    streams.main(["--quick", "--without", "River", "--output", str(tmp_path)])
    rows = json.loads((tmp_path / "streams.json").read_text(encoding="utf-8"))["rows"]
    assert len(rows) == 6
    for alone, together in zip(rows[::2], rows[1::2], strict=True):
        assert alone["accuracy"] == together["accuracy"] > 0.7
