"""Which kernels run: by the machine, by the environment, by hand."""

import os
import re
import subprocess
import sys

import pytest

import fastbp
from tests import makers as make

KNOWN = ("baseline", "avx2", "avx512")
SCRIPT = """
import sys
import fastbp
before = [name for name in sys.modules if ".kernels_" in name]
fastbp.Network.mlp([2, 2]).predict([[1, 2]])
print(fastbp.get_target(), before, sorted({name.split("_")[2] for name in sys.modules if "._engine.kernels_" in name}))
"""


def run(target, script=SCRIPT):
    environment = {name: value for name, value in os.environ.items() if name != "FASTBP_TARGET"}
    if target is not None:
        environment["FASTBP_TARGET"] = target
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_available_targets():
    targets = fastbp.available_targets()
    assert isinstance(targets, tuple)
    assert targets[0] == "baseline"
    assert targets == tuple(name for name in KNOWN if name in targets)


@pytest.mark.parametrize("chosen", [None, "", *fastbp.available_targets()])
def test_the_environment_chooses(chosen):
    """And only what was chosen is loaded, on first use: other kernels may not be able to run here."""
    done = run(chosen)
    expected = chosen or fastbp.available_targets()[-1]
    assert done.stdout == f"{expected} [] {[expected]}\n", done.stderr


@pytest.mark.parametrize("wrong", ["sse9", " AVX2"])
def test_a_wrong_environment(wrong):
    done = run(wrong)
    assert done.returncode == 1
    expected = f"ValueError: (target|FASTBP_TARGET) must be one of baseline.* on this machine, got {wrong!r}.*"
    assert re.fullmatch(expected, done.stderr.splitlines()[-1])


def test_set_and_get(target):
    assert fastbp.get_target() == target


@pytest.mark.parametrize("wrong", ["sse9", "", "AVX2", None, 2, b"avx2", ["avx2"]], ids=repr)
def test_a_wrong_target(wrong):
    before = fastbp.get_target()
    with pytest.raises((TypeError, ValueError), match="target must be one of baseline") as caught:
        fastbp.set_target(wrong)
    assert ", ".join(fastbp.available_targets()) in str(caught.value)
    assert f"got {wrong!r}" in str(caught.value)
    assert fastbp.get_target() == before


def test_targets_that_this_machine_lacks():
    lacking = [name for name in KNOWN if name not in fastbp.available_targets()]
    for name in lacking:
        with pytest.raises(ValueError, match=f"on this machine, got '{name}'"):
            fastbp.set_target(name)
    assert set(lacking) | set(fastbp.available_targets()) == set(KNOWN)


def test_a_network_follows(restored_target, dtype):
    """Networks are not bound to the target they were made or used under."""
    X, y = make.samples(50, 5), make.targets("labels", 50, 3)
    net = make.network([5, 7, 3], output="softmax", dtype=dtype)
    results = {}
    for _ in range(2):
        for name in fastbp.available_targets():
            fastbp.set_target(name)
            fresh = make.network([5, 7, 3], output="softmax", dtype=dtype)
            for each in (net, fresh):
                _, grad = each.loss_and_grad(X, y, fastbp.CrossEntropy())
                got = each.predict(X).tobytes(), each.predict_one(X[0]).tobytes(), grad.tobytes()
                assert got == results.setdefault(name, got)


def test_targets_round_differently(restored_target):
    """The choice has an effect: without fused multiply-add other bits come out."""
    if fastbp.available_targets() == ("baseline",):
        pytest.skip("this machine runs one target alone")
    net = make.network([30, 30])
    X = make.samples(20, 30)
    results = []
    for name in fastbp.available_targets()[:2]:
        fastbp.set_target(name)
        results.append(net.predict(X))
    assert make.furthest(*results) < 1e-14
    assert not make.same_bits(*results)
