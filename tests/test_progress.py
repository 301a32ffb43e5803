"""The progress display: a bar in a terminal, plain lines elsewhere."""

import io
import sys
import threading

import numpy as np
import pytest

import fastbp
from fastbp.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    pytest.importorskip("tqdm", reason="the bar needs the extra cli")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def run(progress, n_epochs=3, logs=None):
    progress.on_fit_begin(None)
    for epoch in range(n_epochs):
        progress.on_epoch_begin(None, epoch)
        progress.on_epoch_end(None, epoch, logs or {"loss": 0.5 / (epoch + 1), "val_loss": 1.0, "val_accuracy": 0.75})
    progress.on_fit_end(None)


def test_plain_lines():
    out = io.StringIO()
    run(ProgressBar(10, file=out))
    assert out.getvalue() == (
        "epoch  1/10  loss 0.5  val_loss 1  val_accuracy 0.75\n"
        "epoch  2/10  loss 0.25  val_loss 1  val_accuracy 0.75\n"
        "epoch  3/10  loss 0.1667  val_loss 1  val_accuracy 0.75\n"
    )


def test_plain_lines_without_a_known_end():
    out = io.StringIO()
    run(ProgressBar(file=out), n_epochs=1)
    assert out.getvalue() == "epoch 1  loss 0.5  val_loss 1  val_accuracy 0.75\n"


def test_standard_error_is_the_default(capsys):
    run(ProgressBar(1), n_epochs=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("epoch 1/1  loss 0.5")


def test_bar_in_a_terminal(terminal):
    before = threading.active_count()
    run(ProgressBar(3, file=terminal))
    text = terminal.getvalue()
    assert "3/3" in text
    assert "loss 0.1667  val_accuracy 0.75" in text
    assert "\r" in text
    assert "val_loss" not in text
    assert text.endswith("\n")
    assert threading.active_count() == before


def test_bar_shows_the_validation_loss_if_there_is_no_metric(terminal):
    run(ProgressBar(3, file=terminal), logs={"loss": 1.0, "val_loss": 2.5})
    assert "loss 1  val_loss 2.5" in terminal.getvalue()


def test_a_terminal_without_cursor_gets_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    run(ProgressBar(3, file=terminal))
    assert "\r" not in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 3


def test_plain_overrides_the_terminal(terminal):
    run(ProgressBar(3, file=terminal, plain=True))
    assert "\r" not in terminal.getvalue()


def test_an_interrupted_bar_ends_its_line(terminal):
    progress = ProgressBar(3, file=terminal)
    progress.on_fit_begin(None)
    progress.on_epoch_end(None, 0, {"loss": 1.0})
    progress.on_fit_end(None)
    assert "1/3" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_can_be_used_for_another_fit():
    out = io.StringIO()
    progress = ProgressBar(2, file=out)
    run(progress, 2)
    run(progress, 2)
    assert out.getvalue().count("epoch 1/2") == 2


def test_without_tqdm_the_error_names_the_extra_and_the_way_round(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(ImportError, match=r'pip install "fastbp\[cli\]".*plain=True'):
        run(ProgressBar(3, file=Terminal()))
    run(ProgressBar(3, file=io.StringIO()))


def test_fit_with_progress(capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)).astype("float32")
    y = (X[:, 0] > 0).astype(int)
    net = fastbp.Network.mlp([3, 4, 2], output="softmax", seed=0)
    fastbp.Trainer(net).fit(X, y, epochs=3, validation_data=(X, y), progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[:2] for line in lines] == [["epoch", "1/3"], ["epoch", "2/3"], ["epoch", "3/3"]]
    assert all("val_accuracy" in line for line in lines)
