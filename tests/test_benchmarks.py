"""The benchmarks compare like with like: every peer takes the same steps, and the clock is fair."""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastbp
from benchmarks import (
    accuracy,
    common,
    derivatives,
    estimators,
    first_weights,
    gemm,
    goals,
    instructions,
    lbfgs,
    least_squares,
    numpy_mlp,
    peers,
    pure_python,
    readme,
    step,
    tables,
    threads,
    widths,
    work,
)
from benchmarks.peers import with_fastbp, with_numpy, with_pure_python
from benchmarks.report import Report

ROOT = Path(common.__file__).parents[1]

pytestmark = pytest.mark.thread_unsafe(reason="measures time, and starts programs that do")


@pytest.fixture(autouse=True)
def all_cores():
    """Give back the cores that a benchmark has bound this process to: the tests that follow are to have them all."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield
    if before is not None:
        os.sched_setaffinity(0, before)


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


def test_markdown_table():
    text = common.markdown_table(["net", "us"], [["2-16-1", "1.5"], ["4", "10.25"]])
    assert text == "| net | us |\n| :-- | --: |\n| 2-16-1 | 1.5 |\n| 4 | 10.25 |"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.012"), (0.9996, "1.00"), (1.234, "1.23"), (9.996, "10.0"), (99.96, "100"), (12345.6, "12,346")],
)
def test_three_digits(value, text):
    assert common.three_digits(value) == text


def test_percent():
    assert [common.percent(x) for x in (0.8512, 0.00123, 0.00001)] == ["85.1 %", "0.12 %", "< 0.01 %"]


def test_version_of_a_package_that_is_only_on_the_path(monkeypatch):
    def not_installed(name):
        raise common.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(common.importlib.metadata, "version", not_installed)
    assert common.version("fastbp") == fastbp.__version__


def test_a_quick_run_leaves_the_results_alone(tmp_path):
    whole, quick = (common.parse(common.parser("What?"), arguments) for arguments in ([], ["--quick"]))
    assert (whole.rounds, quick.rounds) == (9, 3)
    assert whole.output == ROOT / "benchmarks" / "results"
    assert quick.output == whole.output / "quick"
    chosen = common.parse(common.parser("What?"), ["--quick", "--rounds", "5", "--output", str(tmp_path)])
    assert (chosen.rounds, chosen.output) == (5, tmp_path)


def test_operations_of_a_step():
    images = work.Work((784, 128, 10), "softmax", 128)
    assert images.step_flops == 2 * 128 * (3 * (784 * 128 + 128 * 10) - 784 * 128)
    assert images.prediction_flops == 2 * 128 * (784 * 128 + 128 * 10)
    assert images.name == "784-128-10"


def test_batches_are_the_data_in_order():
    small = work.Work((4, 3, 2), "softmax", 8)
    X, y = small.data(5 * 8)
    assert len(small.batches(X, y)) == 5
    np.testing.assert_array_equal(np.concatenate([Xb for Xb, _ in small.batches(X, y)]), X)
    np.testing.assert_array_equal(np.concatenate([yb for _, yb in small.batches(X, y)]), y)
    assert len(small.first_batches(X, y, most=3)) == 3


WORKS = [work.Work((4, 7, 5, 3), output, batch) for output in ("softmax", "identity") for batch in (1, 8)]


@pytest.mark.parametrize("small", WORKS, ids=lambda small: f"{small.output}-{small.batch_size}")
def test_training_candidates_are_checked(small):
    X, y = small.data(6 * small.batch_size)
    start = small.start()
    modules = {"fastbp": with_fastbp, "NumPy": with_numpy, "pure Python": with_pure_python}
    candidates, notes = peers.gather(modules, "training", small, start, X, y)
    assert notes == []
    assert [(c.name, c.unit, c.n_steps) for c in candidates] == [
        ("fastbp", "epoch", 6),
        ("fastbp", "step", 6),
        ("NumPy", "step", 6),
        ("pure Python", "step", 1),
    ]
    peers.check_training(candidates, small, start, X, y)


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.5, 2.0])
def test_a_candidate_with_another_step_is_refused(factor):
    small = WORKS[1]
    X, y = small.data(3 * small.batch_size)
    start = small.start()
    [right] = with_numpy.training(small, start, X, y)

    def wrong_parameters():
        begin = [a for pair in start for a in pair]
        return [a + factor * (b - a) for a, b in zip(begin, right.parameters(), strict=True)]

    wrong = dataclasses.replace(right, name="wrong", parameters=wrong_parameters)
    with pytest.raises(AssertionError, match=r"wrong \(step\) does not take the steps that NumPy takes"):
        peers.check_training([wrong], small, start, X, y)


@pytest.mark.parametrize("small", WORKS, ids=lambda small: f"{small.output}-{small.batch_size}")
def test_predictors_are_checked(small):
    X, _ = small.data(small.batch_size)
    start = small.start()
    predictors, _ = peers.gather({"fastbp": with_fastbp, "NumPy": with_numpy}, "inference", small, start, X)
    names = ["fastbp", "fastbp predict_one", "NumPy"] if small.batch_size == 1 else ["fastbp", "NumPy"]
    assert [predictor.name for predictor in predictors] == names
    peers.check_inference(predictors, small, start, X)
    wrong = peers.Predictor("wrong", lambda: 1.1 * predictors[0].run())
    with pytest.raises(AssertionError, match="wrong predicts other numbers"):
        peers.check_inference([wrong], small, start, X)


def test_a_peer_that_is_not_installed_is_left_out_with_a_word(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sklearn.")]:  # which other tests have imported
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "benchmarks.peers.with_sklearn", raising=False)
    modules, notes = peers.load(without=["pure Python"], only=["fastbp", "NumPy", "scikit-learn", "pure Python"])
    assert list(modules) == ["fastbp", "NumPy"]
    assert notes == ["scikit-learn is left out: sklearn is not installed.", "pure Python is left out, as asked."]


def test_a_peer_of_another_name_is_an_error():
    with pytest.raises(ValueError, match=r"JAX, NumPy, .*; got Torch, fastbp$"):
        peers.load(without=["fastbp", "Torch"])


def test_a_peer_that_cannot_is_left_out_with_a_word():
    class Broken:
        @staticmethod
        def training():
            raise peers.Unavailable("no compiler")

    assert peers.gather({"Broken": Broken}, "training") == ([], ["Broken is left out: no compiler"])
    assert peers.gather({"Broken": Broken}, "inference") == ([], [])


def test_best_way_is_an_epoch_where_there_is_one():
    row = {"seconds_of_a_step": {"epoch": {"fastbp": 1.0}, "step": {"fastbp": 3.0, "NumPy": 2.0}}}
    assert step.best_way(row) == {"fastbp": 1.0, "NumPy": 2.0}


def test_learning_stops_at_the_accuracy():
    rights = iter([0, 1, 3, 4])
    y_test = np.zeros(4, int)
    seconds, accuracies = accuracy.learn(
        lambda: None, lambda X: np.eye(2)[(np.arange(4) >= next(rights)).astype(int)], None, y_test, 0.7
    )
    assert accuracies == [0.0, 0.25, 0.75]
    assert len(seconds) == 3
    seconds, accuracies = accuracy.learn(lambda: None, lambda X: np.eye(2)[np.ones(4, int)], None, y_test, 0.7)
    assert accuracies == [0.0] * accuracy.MOST_EPOCHS


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_tables_are_scaled_by_what_is_learnt_from(kind):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(5, 3, 40), np.arange(40.0), np.ones(40)])
    y = rng.integers(0, 3, 40) if kind == "labels" else X[:, 1]
    (X_train, y_train), (X_test, y_test) = tables.divide(X, y, seed=3)
    assert (len(X_train), len(X_test)) == (30, 10)
    np.testing.assert_allclose(X_train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(X_train.std(axis=0), [1, 1, 0], atol=1e-6)
    assert np.abs(X_test[:, :2].mean(axis=0)).max() > 1e-3
    if kind == "labels":
        assert sorted([*y_train, *y_test]) == sorted(y)
    else:  # numbers are scaled as the column of X that they are
        np.testing.assert_allclose(np.r_[y_train, y_test], np.r_[X_train, X_test][:, 1], atol=1e-6)


def test_two_minimisers_of_one_loss():
    X = np.linspace(-2, 2, 30)[:, None]
    y = X[:, 0] ** 2
    seconds, iterations, loss = least_squares.solve((1, 4, 1), X, y, 0, most_iterations=100, restarts=0)
    assert seconds > 0
    assert 2 <= iterations <= 100
    epochs, best = least_squares.descend((1, 4, 1), X, y, 0, 0.01, None, seconds=0.02)
    assert epochs > 10
    assert loss < best < (y**2).mean()


def hasty():
    """Options and report of a measurement that is not looked at."""
    return argparse.Namespace(rounds=1, seconds=0), Report("name", "How long?", "a machine", "somehow")


def test_both_fits_by_lbfgs_take_the_same_steps():
    """From scikit-learn's first weights: `measure` compares the losses to 1e-6."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 5)), rng.integers(0, 3, 90)
    row = lbfgs.measure((7, 4), "tanh", X, y, 10, *hasty())
    assert row["losses"]["fastbp float64"] == pytest.approx(row["losses"]["scikit-learn float64"], abs=1e-6)
    start = lbfgs.first_weights((7, 4), "tanh", X, y)
    assert lbfgs.fit_fastbp(start, "tanh", X, y, 10).loss[0] > 1.1 * row["losses"]["fastbp float64"]


def test_derivatives_are_compared():
    rows = derivatives.measure((4, 7, 3), 5, [("fastbp", derivatives.fastbp_calls)], *hasty())
    assert len(rows) == 4
    with pytest.raises(AssertionError, match="wrong has other derivatives"):
        derivatives.check({"fastbp": lambda: np.ones(3), "wrong": lambda: np.full(3, 1.1)})


def test_fastbp_learns_a_table():
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    score = tables.learn_with_fastbp(X, (X[:, 0] > 0).astype(int), seed=0)
    assert score(X, (X[:, 0] > 0).astype(int)) > 0.95
    score = tables.learn_with_fastbp(X, X[:, 0], seed=0)
    assert score(X, X[:, 0]) > 0.95


def test_first_weights_are_within_their_limits():
    net = fastbp.Network(40, first_weights.layers_for(np.zeros(3), (30, 20), raw=True), dtype="float64")
    shapes = {"1": (40, 30), "2": (30, 20), "3": (20, 1)}
    for name in first_weights.BEGINNINGS:
        if name == "default":
            continue
        first_weights.begin_as(name, net, 0)
        for parameter, values in net.named_parameters().items():
            number, kind = parameter.split(".")
            limits = first_weights.BEGINNINGS["default" if name.startswith("He") and number == "3" else name]
            limit = limits(*shapes[number])[kind == "bias"]
            if kind == "bias" and name.endswith("0"):
                assert not values.any(), (name, parameter)
            else:
                assert 0 < np.abs(values).max() <= limit, (name, parameter)
                assert values.size < 100 or np.abs(values).max() > 0.95 * limit


def test_tables_are_about_scikit_learn():
    with pytest.raises(SystemExit, match="pip install scikit-learn"):
        tables.main(["--quick", "--without", "scikit-learn"])


def test_estimators_are_measured_alike(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 3))
    options = common.parse(common.parser("a question"), ["--quick", "--rounds", "1"])
    rows = []
    report = SimpleNamespace(add=lambda **row: rows.append(row) or row)
    row = estimators.measure("numbers", lambda seed: ((X, X[:, 0]), (X, X[:, 0])), 2, options, report)
    assert rows == [row]
    assert all(len(row[name][library]) == 2 for name in ("seconds", "scores", "epochs") for library in row["scores"])
    np.testing.assert_allclose(*row["scores"].values(), atol=0.05)
    assert len(estimators.line(row)) == 10
    with pytest.raises(SystemExit, match="pip install scikit-learn"):
        estimators.main(["--quick", "--without", "scikit-learn"])


def test_jump_is_the_same_up_and_down():
    assert gemm.jump(1.0, 1.5) == gemm.jump(1.5, 1.0) == 1.5


def test_two_thread_fits_do_the_same_work():
    small = work.Work((4, 7, 3), "softmax", 8)
    (_, n_one), (_, n_two) = (threads.fit_of(small, n, quick=True) for n in (1, 2))
    assert n_one == n_two


def test_main_runs_the_questions_and_writes_them(tmp_path):
    peers_of_others = "JAX,ONNX Runtime,PyTorch,torch.compile,scikit-learn"
    names = ["batch_one", "gemm", "options", "threads"]
    run = subprocess.run(
        [
            *[sys.executable, "-m", "benchmarks", "--quick", "--only", ",".join(names)],
            *["--without", peers_of_others, "--output", str(tmp_path)],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert "JAX is left out, as asked." in run.stdout
    for name in names:
        answer = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert answer["question"].endswith("?")
        assert f"fastbp {fastbp.__version__}" in answer["machine"][2]
        assert answer["rows"]
        assert (tmp_path / f"{name}.md").read_text(encoding="utf-8").startswith(f"# {answer['question']}\n")
    rows = json.loads((tmp_path / "batch_one.json").read_text(encoding="utf-8"))["rows"]
    assert set(rows[0]["seconds_of_a_call"]) == {"fastbp", "fastbp predict_one", "NumPy"}
    assert set(rows[1]["seconds_of_a_step"]["step"]) == {"fastbp", "NumPy", "pure Python"}
    assert set(rows[1]["seconds_of_a_step"]["epoch"]) == {"fastbp"}


def test_main_knows_its_questions():
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "step,speed"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "got speed" in run.stderr


def test_total_of_a_callgrind_profile():
    assert instructions.instructions_in("version: 1\nsummary: 12\nfn=(1) a\n1 5\ntotals: 1234567\n") == 1234567


def test_compilers_are_found_in_what_they_compiled():
    binary = b"\0GCC: (Debian 12.2.0-14) 12.2.0\0GCC: (Debian 12.2.0-14) 12.2.0\0\x7f"
    assert instructions.compilers_in(binary) == "GCC: (Debian 12.2.0-14) 12.2.0"
    assert instructions.compilers_in(b"\0Debian clang version 14.0.6\0") == "Debian clang version 14.0.6"
    assert instructions.compilers_in(b"\0") == "unknown"


def test_instructions_may_be_a_little_more():
    expected = {"same": 1000, "less": 1000, "more": 1000}
    text, more, less = instructions.compare({"same": 1029, "less": 969, "more": 1031, "new": 5}, expected)
    assert (more, less) == (["more"], ["less"])
    assert re.search(r"same +1,000 +1,029 +\+2.9%$", text, re.MULTILINE)
    assert re.search(r"more +1,000 +1,031 +\+3.1% !$", text, re.MULTILINE)
    assert re.search(r"new +- +5 +new$", text, re.MULTILINE)


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """A function that runs the program with counts that nobody has counted, and the file it compares with."""
    file = tmp_path / "counts.json"
    monkeypatch.setattr(instructions.shutil, "which", lambda command: command)
    monkeypatch.setattr(instructions, "environment", lambda: "GCC 12; CPython 3.11; NumPy 2.4")

    def run(counts, *arguments):
        monkeypatch.setattr(instructions, "count_all", lambda: counts)
        instructions.main([*arguments, "--file", str(file)])

    return run, file


def test_more_instructions_fail_and_the_message_says_what_to_do(counted, capsys):
    run, file = counted
    run({"step": 1000, "call": 1000}, "--update")
    run({"step": 1029, "call": 900})
    assert re.search(r"Fewer: call\. .*--update --file ", capsys.readouterr().out)
    with pytest.raises(SystemExit, match=rf"3% more: step\. If .*--update --file {re.escape(str(file))}` writes"):
        run({"step": 1031, "call": 1000})
    run({"step": 1031, "call": 1000}, "--update")
    run({"step": 1031, "call": 1000})


def test_instructions_of_another_compiler_are_not_compared(counted, monkeypatch):
    run, file = counted
    run({"step": 1000}, "--update")
    monkeypatch.setattr(instructions, "environment", lambda: "GCC 14; CPython 3.11; NumPy 2.4")
    with pytest.raises(SystemExit, match=r"has counts for GCC 12.*, here is GCC 14.*--update"):
        run({"step": 1000})
    run({"step": 2000}, "--update")
    run({"step": 2000})
    assert json.loads(file.read_text()).keys() == {f"GCC {n}; CPython 3.11; NumPy 2.4" for n in (12, 14)}


def test_machines_with_any_compiler_may_have_nothing_to_compare_with(counted, monkeypatch, capsys):
    run, file = counted
    run({"step": 1000}, "--if-known")
    assert "nothing to compare with" in capsys.readouterr().out
    assert not file.exists()
    run({"step": 1000}, "--update")
    with pytest.raises(SystemExit, match=r"3% more: step"):
        run({"step": 2000}, "--if-known")


MARKED = """
import os
from benchmarks import instructions
marks = []
os.getppid = lambda: marks.append(1)
instructions.CASES = {name: case._replace(more=1) for name, case in instructions.CASES.items()}
instructions.work()
print(len(marks) / len(instructions.CASES))
"""


def test_what_is_counted_is_marked():
    done = subprocess.run([sys.executable, "-c", MARKED], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == 3


def test_instructions_of_more_are_divided_by_how_much_more(monkeypatch):
    """Three profiles a case: its first calls, which are not looked at, then as many again, then more."""
    case = instructions.Case("fit", [2, 3, 1], "identity", more=10, n_batches=4)

    def callgrind(command, **kwargs):
        folder = Path(
            next(word for word in command if word.startswith("--callgrind-out-file=")).partition("=")[2]
        ).parent
        for number, total in enumerate((9999, 200, 1000), 1):
            (folder / f"out.{number}").write_text(f"totals: {total}\n", encoding="utf-8")
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(instructions, "CASES", {"step": case})
    monkeypatch.setattr(instructions.subprocess, "run", callgrind)
    assert instructions.count_all() == {"step": 20}


def test_labels_spread_around_their_middle():
    spread = widths._spread
    assert spread([1.0, 8.0, 64.0], 2.0) == pytest.approx([1.0, 8.0, 64.0])
    assert spread([4.0, 4.0], 4.0) == pytest.approx([2.0, 8.0])
    # the two upper ones would come down on the lowest, so all three share a middle, at 8
    assert spread([4.0, 8.0, 16.0], 4.0) == pytest.approx([2.0, 8.0, 32.0])


def results_of(folder, **rows):
    """A folder with the answers of some questions: their rows, and one table each."""
    for name, of_question in rows.items():
        answer = {"question": f"How much is {name}?", "machine": ["a machine", "fastbp 1"], "rows": of_question}
        (folder / f"{name}.json").write_text(json.dumps(answer), encoding="utf-8")
        (folder / f"{name}.md").write_text("# How?\n\n- a note\n\n## First\n\n| a |\n| :-- |\n\n## Second\n", "utf-8")
    return goals.Results(folder)


TINY_STEP = {
    "network": "2-16-1",
    "batch_size": 32,
    "step_flops": 4000,
    "peak_flops_per_second": 1e10,
    "seconds_of_a_step": {
        "epoch": {"fastbp": 1.6e-6, "JAX": 8.8e-6},
        "step": {"fastbp": 30e-6, "PyTorch": 1e-6, "NumPy": 80e-6},
    },
}


def test_goals_are_reached_or_missed_by_so_much(tmp_path):
    results = results_of(tmp_path, step=[TINY_STEP])
    lines, missed = goals.judge(results)
    verdicts = {line[0]: line[1:] for line in lines}
    assert verdicts["step of tiny networks: JAX's, of ours"] == [">= 5", "5.50", "2-16-1, 32", "1 of 1", "reached"]
    assert verdicts["step of 2-16-1, 32: microseconds"][-1] == "missed by 6.7%"
    assert verdicts["any step: the fastest peer's, of ours"][1:] == ["0.625", "2-16-1, 32", "0 of 1", "missed by 37.5%"]
    assert verdicts["two threads, any step: speed-up"][-1] == "not measured"
    assert ["step of 2-16-1, 32: microseconds", "<= 1.5", "1.60", "2-16-1, 32", "6.7%"] in missed
    assert len(missed) == 3


def test_a_goal_is_judged_by_its_worst_case():
    goal = goals.at_most("cost", 2.0, lambda results: {"low": 1.0, "high": 3.0, "higher": 2.5})
    assert goals.judge(None, [goal]) == (
        [["cost", "<= 2", "3.00", "high", "1 of 3", "missed by 50.0%"]],
        [["cost", "<= 2", "3.00", "high", "50.0%"], ["cost", "<= 2", "2.50", "higher", "25.0%"]],
    )


def test_a_readme_tells_the_results(tmp_path):
    results_of(tmp_path, step=[TINY_STEP], lbfgs=[])
    text = "before\n<!-- benchmarks.readme: {} -->\n1.5 us, of old\n<!-- end -->\nafter\n"
    training = readme.rewritten(text.format("training"), tmp_path)
    assert training.startswith(
        "before\n<!-- benchmarks.readme: training -->\n"
        "| network, batch | fastbp | of the peak | JAX | NumPy | PyTorch |\n| :-- | --: | --: | --: | --: | --: |\n"
        "| 2-16-1, 32 | 1.60 us | 25.0 % | 5.50x | 50.0x | 0.625x |\n\n"
    )
    assert training.endswith("on a machine; fastbp 1.\n<!-- end -->\nafter\n")
    assert readme.rewritten(training, tmp_path) == training
    run = readme.rewritten(text.format("run"), tmp_path)
    assert "### How much is lbfgs?\n\nFirst ([all of it](results/lbfgs.md)):\n\n| a |" in run
    assert "| step of 2-16-1, 32: microseconds | <= 1.5 | 1.60 |" in run
    file = tmp_path / "lbfgs.json"
    file.write_text(file.read_text().replace("fastbp 1", "fastbp 2"))
    run = readme.rewritten(text.format("run"), tmp_path)
    assert "### How much is lbfgs?\n\nOn a machine; fastbp 2.\n\nFirst (" in run
    unmeasured = text.format("inference")
    assert readme.rewritten(unmeasured, tmp_path) == unmeasured
    with pytest.raises(KeyError, match="speed"):
        readme.rewritten(text.format("speed"), tmp_path)


@pytest.mark.parametrize("file", readme.FILES, ids=lambda file: file.parent.name)
def test_the_readmes_tell_what_was_measured(file):
    text = file.read_text(encoding="utf-8")
    assert readme.BLOCK.search(text)
    assert readme.rewritten(text) == text, "results have changed: python -m benchmarks.readme"
