"""The examples run."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "examples"


def load(name):
    specification = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_regularisation(monkeypatch, capsys):
    example = load("regularisation")
    monkeypatch.setattr(example, "ALPHAS", (0.01, 100.0))
    moons = {"moons": example.points()["moons"]}
    monkeypatch.setattr(example, "points", lambda: moons)
    models = example.main([])["moons"][2]
    sizes = [np.abs(model[-1].network_.params).max() for model in models.values()]
    assert sizes[0] > 10 * sizes[1]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_learning_strategies(capsys):
    found = load("learning_strategies").main(["--epochs", "3"])
    assert [len(classifiers) for classifiers in found.values()] == [10] * 4
    assert all(classifier.n_iter_ == 3 for classifiers in found.values() for classifier in classifiers.values())
    assert "Nesterov, adaptive" in capsys.readouterr().out


def test_weights_as_pictures(capsys):
    classifier = load("weights_as_pictures").main(["--epochs", "2"])
    assert classifier.coefs_[0].shape == (64, 16)
    pictures = capsys.readouterr().out.split("\n\n", 1)[1].splitlines()
    assert len(pictures) == 4 * 9
    assert {len(line) for line in pictures} == {0, 4 * 16 + 9}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_each_is_named_in_the_readme(path):
    assert f"python examples/{path.name}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
