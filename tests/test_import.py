"""Importing fastbp is quick, quiet, and imports nothing but NumPy and the standard library."""

import json
import os
import statistics
import subprocess
import sys

import pytest

import fastbp

SECONDS = 0.06  # of the processor; the aim is half of that

SCRIPT = """
import json
import os
import sys
import threading
import time
import warnings
import numpy

warnings.simplefilter("error")

def threads():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()

is_gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
before, n_threads, gil = set(sys.modules), threads(), is_gil_enabled()
began = time.process_time()
import fastbp
seconds = time.process_time() - began
print(json.dumps({
    "seconds": seconds,
    "modules": sorted(set(sys.modules) - before),
    "threads": [threading.active_count() - 1, threads() - n_threads],
    "gil": [gil, is_gil_enabled()],
}))
"""


@pytest.fixture(scope="module")
def imports(tmp_path_factory):
    """What three fresh processes report that import fastbp, from byte code as an installed package has it."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("cache"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run():
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return json.loads(done.stdout)

    run()  # which writes the byte code
    return [run() for _ in range(3)]


def test_time(imports):
    assert statistics.median(found["seconds"] for found in imports) < SECONDS


def test_modules_and_threads(imports):
    found = imports[0]
    foreign = {
        name
        for name in (module.partition(".")[0] for module in found["modules"])
        if name not in sys.stdlib_module_names and name not in {"fastbp", "numpy", "cython_runtime"}
        and not name.startswith("_cython_")
    }  # fmt: skip
    assert foreign == set()
    assert "fastbp._engine.dispatch" in found["modules"]
    assert found["threads"] == [0, 0]


def test_the_lock_stays_away(imports):
    """Where there is none, importing a module that needs one would bring it back."""
    assert imports[0]["gil"][0] == imports[0]["gil"][1]


def test_what_is_loaded_on_use(imports):
    loaded = set(imports[0]["modules"])
    assert not {name for name in loaded if name.startswith(("fastbp.cli", "fastbp.datasets", "fastbp.progress"))}
    assert fastbp.datasets.__name__ == "fastbp.datasets"


def test_public_names():
    assert sorted(fastbp.__all__) == sorted(set(fastbp.__all__))
    for name in fastbp.__all__:
        assert getattr(fastbp, name) is not None
    expected = """SGD Adadelta Adagrad Adam AdamW Lion NAdam RMSprop Rprop
        BinaryCrossEntropy Callback CrossEntropy Dense DivergedError EarlyStopping History Network
        SquaredError Trainer available_targets check_gradients datasets get_target set_target __version__"""
    assert set(expected.split()) <= set(fastbp.__all__)


def test_unknown_names():
    with pytest.raises(AttributeError, match="module 'fastbp' has no attribute 'nothing'"):
        fastbp.nothing  # noqa: B018
