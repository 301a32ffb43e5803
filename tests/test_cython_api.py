"""Other people's compiled code: the example of Cython, and plain C, compiled against the installed package and run."""

import ctypes
import datetime
import importlib
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
import pytest

import fastbp
from tests import c_model
from tests import makers as make
from tests.c_model import OK

TESTS = Path(__file__).parent
EXAMPLE = TESTS.parent / "examples" / "cython_embedding"
INCLUDE = Path(fastbp.get_include())

pytestmark = pytest.mark.thread_unsafe(reason="calls compilers, and measures time")


def run(command, folder):
    """Run a command; what it printed is in the error if it fails."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def compiler():
    return shlex.split(sysconfig.get_config_var("CC") or "cc")


# Cython


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example's modules, `feedback_learning` compiled and `demo`."""
    folder = tmp_path_factory.mktemp("example") / "cython_embedding"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("build", "*.c", "*.so", "*.egg-info", "__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    run([*command, "--target", "installed", "."], folder)
    paths = [str(folder / "installed"), str(folder)]
    sys.path[:0] = paths
    try:
        yield importlib.import_module("feedback_learning"), importlib.import_module("demo")
    finally:
        for path in paths:
            sys.path.remove(path)


def control_trainer():
    net = fastbp.Network.mlp([3, 16, 1], activation="tanh", seed=0)
    return fastbp.Trainer(net, optimizer=fastbp.SGD(0.0005))


def test_the_example_learns(example, capsys):
    errors, seconds, seconds_in_python = example[1].main(n_rounds=5)
    assert errors[-1] < 0.2 * errors[0]
    assert statistics.median(seconds) < statistics.median(seconds_in_python)
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_the_example_has_the_bits_of_python(example):
    trainer, twin = control_trainer(), control_trainer()
    loop = example[0].ControlLoop(trainer)
    for _ in range(2):
        inputs, predictions, targets, losses, _ = loop.run(500)
        for x, prediction, target, loss in zip(inputs, predictions, targets, losses, strict=True):
            assert make.same_bits(twin.network.predict_one(x), prediction[None])
            assert twin.learn_one(x, target[None]) == loss
    assert make.same_bits(trainer.network.params, twin.network.params)
    assert make.same_bits(twin.network.predict(inputs), trainer.network.predict(inputs))


def test_the_example_says_what_went_wrong(example):
    trainer = control_trainer()
    loop = example[0].ControlLoop(trainer)
    trainer.reset()
    with pytest.raises(RuntimeError, match="the trainer has gone on without this model: ask it for another capsule"):
        loop.run(1)
    with pytest.raises(ValueError, match="expected 3 inputs and 1 target, got 2 and 1"):
        example[0].ControlLoop(fastbp.Trainer(fastbp.Network.mlp([2, 1])))
    with pytest.raises(ValueError, match="expected a network of dtype float32, got float64"):
        example[0].ControlLoop(fastbp.Trainer(fastbp.Network.mlp([3, 1], dtype="float64")))


@pytest.mark.parametrize("capsule", [None, 3, datetime.datetime_CAPI], ids=["None", "3", "another"])
def test_what_is_no_capsule(example, capsule):
    class Other:
        def capsule(self):
            return capsule

    with pytest.raises(TypeError, match=r"expected what Network.capsule\(\) or Trainer.capsule\(\) returns, got "):
        example[0].ControlLoop(Other())


VERSIONS = {
    "another version": ("#define FASTBP_ABI 1", "#define FASTBP_ABI 2", r"version 2 .*, with a struct of 136 bytes"),
    "a later struct": (
        "const char *(*message)(int status);",
        "const char *(*message)(int status);\n void *more;",
        r"version 1 .*, with a struct of 144 bytes",
    ),
}
IMPORTS = """
#include <Python.h>
#include "fastbp.h"

int bits_of(PyObject *capsule)
{
    fastbp_model *model = fastbp_import_model(capsule, 0);
    return model == NULL ? 0 : model->bits;
}
"""


def compiled_with(header, folder):
    """A function of C that imports a capsule, compiled with this text as fastbp.h."""
    (folder / "fastbp.h").write_text(header)
    (folder / "imports.c").write_text(IMPORTS)
    flags = ["-O1", "-fPIC", "-shared", *(["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else [])]
    run([*compiler(), *flags, "-I.", f"-I{sysconfig.get_path('include')}", "imports.c", "-o", "imports.so"], folder)
    function = ctypes.PyDLL(folder / "imports.so").bits_of
    function.argtypes = [ctypes.py_object]
    return function


@pytest.mark.parametrize(("old", "new", "message"), VERSIONS.values(), ids=VERSIONS)
def test_other_versions(tmp_path, old, new, message):
    header = (INCLUDE / "fastbp.h").read_text(encoding="utf-8")
    assert header.count(old) == 1
    bits_of = compiled_with(header.replace(old, new), tmp_path)
    with pytest.raises(ImportError, match=message + r"; the fastbp that runs has version 1, with 136 bytes: compile"):
        bits_of(make.network([2, 1]).capsule())


def test_earlier_versions(tmp_path):
    """A module that was compiled before the struct got its last members."""
    header = (INCLUDE / "fastbp.h").read_text(encoding="utf-8")
    last = "const char *(*message)(int status);"
    assert header.count(last) == 1
    assert compiled_with(header.replace(last, ""), tmp_path)(make.network([2, 1]).capsule()) == 64


# Plain C


@pytest.fixture(scope="module")
def consumer(tmp_path_factory):
    """The library of consumer.c, whose functions are called without the interpreter's lock."""
    library = tmp_path_factory.mktemp("consumer") / "consumer.so"
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-shared", "-pthread"]
    run([*compiler(), *flags, f"-I{INCLUDE}", str(TESTS / "consumer.c"), "-o", str(library)], TESTS)
    return library


def typed(library):
    library.consumer_time.restype = ctypes.c_double
    library.consumer_two_threads.restype = ctypes.c_ssize_t
    return library


def pointer(value):
    """An argument for a function of C."""
    return ctypes.c_void_p(value.ctypes.data if isinstance(value, np.ndarray) else value)


def test_the_header_is_plain_c(consumer):
    offsets = np.zeros(64, np.uintp)
    n = ctypes.CDLL(consumer).consumer_offsets(pointer(offsets))
    members = [getattr(c_model.Struct, name).offset for name, _ in c_model.Struct._fields_]
    assert offsets[:n].tolist() == [*members, ctypes.sizeof(c_model.Struct)]
    model = c_model.Model(make.network([2, 1]).capsule())
    assert model.struct.size == ctypes.sizeof(c_model.Struct)
    assert ctypes.CDLL(consumer).consumer_is_compatible(pointer(model.address)) == 1
    earlier = type(model.struct).from_buffer_copy(model.struct)
    earlier.size -= 8
    assert ctypes.CDLL(consumer).consumer_is_compatible(pointer(ctypes.addressof(earlier))) == 0


def test_the_header_is_cpp(tmp_path):
    (tmp_path / "includes.cpp").write_text('#include "fastbp.h"\nint size = sizeof(fastbp_model);\n')
    flags = ["-x", "c++", "-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    run([*compiler(), *flags, f"-I{INCLUDE}", "includes.cpp"], tmp_path)


def test_c_has_the_bits_of_python(consumer, dtype):
    one, other = (fastbp.Trainer(make.network([4, 16, 2], dtype=dtype)) for _ in range(2))
    x, y = make.samples(200, 4).astype(dtype), make.targets("numbers", 200, 2).astype(dtype)
    model, out, losses = c_model.Model(one.capsule()), np.empty((200, 2), dtype), np.empty(200)
    arguments = pointer(x), pointer(y), ctypes.c_ssize_t(200), pointer(out), pointer(losses)
    assert ctypes.CDLL(consumer).consumer_learn(pointer(model.address), *arguments) == OK
    for i in range(200):
        assert make.same_bits(out[i], other.network.predict_one(x[i]))
        assert losses[i] == other.learn_one(x[i], y[i])
    assert make.same_bits(one.network.params, other.network.params)


def test_a_call_from_c_is_cheap(consumer):
    """Less than half of what the same call takes from Python, which has no array to make either."""
    net = make.network([4, 16, 1], dtype="float32")
    x, out, model = make.samples(1, 4)[0].astype(np.float32), np.empty(1, np.float32), c_model.Model(net.capsule())
    time_in_c = typed(ctypes.CDLL(consumer)).consumer_time
    n, of_c, of_python = 5000, [], []
    for _ in range(15):
        of_c.append(time_in_c(pointer(model.address), pointer(x), pointer(out), ctypes.c_ssize_t(n)))
        began = time.thread_time()  # of this thread's processor, as there
        for _ in range(n):
            net.predict_one(x, out)
        of_python.append(time.thread_time() - began)
    assert 0 < 2 * min(of_c) < min(of_python)


@pytest.mark.parametrize("learns", [False, True], ids=["predict_one", "and learn_one"])
def test_no_lock_is_needed(consumer, learns):
    """Two threads of C, that Python never heard of, work while this one holds the interpreter's lock."""
    x, y = make.samples(1, 4)[0].astype(np.float32), np.zeros(1, np.float32)
    trainers = [fastbp.Trainer(make.network([4, 16, 1], dtype="float32")) for _ in range(2)]
    models = [c_model.Model(trainer.capsule()) for trainer in trainers]
    library = typed(ctypes.PyDLL(consumer))  # keeps the lock while it runs
    n, took = 20_000, np.empty(2)
    arguments = pointer(x), pointer(y if learns else 0), ctypes.c_ssize_t(n), pointer(took)
    assert library.consumer_two_threads(*(pointer(model.address) for model in models), *arguments) == 2 * n
    assert (took > 0).all()
    assert make.same_bits(trainers[0].network.params, trainers[1].network.params)
    assert trainers[0].network.params.any()
    assert [trainer._learner.n_steps for trainer in trainers] == [n * learns] * 2


COUNTS = """
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);

static long n_allocations;

void *malloc(size_t size) { n_allocations++; return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { n_allocations++; return __libc_calloc(n, size); }
void *realloc(void *memory, size_t size) { n_allocations++; return __libc_realloc(memory, size); }

long allocations(void) { return n_allocations; }
"""
COUNTED = """
import ctypes
import sys

import numpy as np

import fastbp
from tests import c_model

layers = [fastbp.Standardize(running=True), fastbp.Dense(40, "tanh"), fastbp.Dropout(0.2), fastbp.Dense(2)]
net = fastbp.Network(4, layers)
trainer = fastbp.Trainer(net, optimizer=fastbp.Adam(clip_norm=1.0), ema=0.9)
model = c_model.Model(trainer.capsule(64))
x, y = np.ones((1000, 4), np.float32), np.ones((1000, 2), np.float32)
out, losses, grad = np.empty((1000, 2), np.float32), np.empty(1000), np.empty(net.n_params, np.float32)
learn = ctypes.CDLL(sys.argv[1]).consumer_learn
pointers = [ctypes.c_void_p(each) for each in (model.address, x.ctypes.data, y.ctypes.data)]
results = [ctypes.c_void_p(each) for each in (out.ctypes.data, losses.ctypes.data)]
allocations = ctypes.CDLL(None).allocations


def counted(call, n):
    before = allocations()
    assert call(n) == 0
    return allocations() - before


for call in (
    lambda n: learn(*pointers, ctypes.c_ssize_t(n), *results),
    lambda n: model.predict(x[:n], out),
    lambda n: model.train(x[:n], y[:n], loss=losses),
    lambda n: model.loss_and_grad(x[:n], y[:n], loss=losses, grad=grad),
):
    counted(call, 100)  # with what Python and ctypes keep of a first call
    print(counted(call, 100), counted(call, 1000))
print(counted(lambda n: len(bytearray(n)) - n, 100), 0)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the names of glibc's own functions")
def test_nothing_is_allocated(consumer, tmp_path):
    """But for the arguments that ctypes makes, which are as many for 1000 samples as for 100."""
    (tmp_path / "counts.c").write_text(COUNTS)
    run([*compiler(), "-O1", "-fPIC", "-shared", "counts.c", "-o", "counts.so"], tmp_path)
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "counts.so"), "PYTHONMALLOC": "malloc"}
    command = [sys.executable, "-c", COUNTED, str(consumer)]
    done = subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *counts, (of_an_array, _) = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(counts) == 4
    assert all(few <= many < few + 5 for few, many in counts), counts  # pieces would be 14 more, mini-batches 28
    assert of_an_array > 0
