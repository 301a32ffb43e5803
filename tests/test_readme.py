"""What the README tells the newcomer to type is what works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastbp

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_there_are_two_commands():
    assert blocks("sh") == ['pip install ".[cli]" && fastbp train\n', 'pip install ".[test]" && python -m pytest\n']


def test_the_introduction_is_ten_lines():
    introduction = README.split("## ")[0].removeprefix("# fastbp\n")
    assert 5 <= len([line for line in introduction.splitlines() if line.strip()]) <= 10


def test_the_example_trains_saves_and_loads(tmp_path):
    (example,) = blocks("python")
    assert len([line for line in example.splitlines() if line.strip()]) == 10
    run = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    evaluation, digits = run.stdout.strip().splitlines()
    accuracy = float(re.search(r"'accuracy': (?:np\.float\d+\()?([0-9.]+)", evaluation)[1])
    assert accuracy >= 0.95
    assert re.fullmatch(r"\[\d( \d){4}\]", digits)
    assert fastbp.Network.load(tmp_path / "digits.npz").n_in == 64


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_links_lead_somewhere(target):
    assert (Path(__file__).parents[1] / target).exists()
