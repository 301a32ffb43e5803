"""Memory that cannot be had, whichever piece of it: the call fails, and network and trainer are as good as before.

Solvers are left out: NumPy's `cholesky`, as of 2.4, crashes if it is the one that asks for it.
"""

import json
import platform
import shutil
import subprocess
import sys

import pytest

SHIM = r"""
#include <errno.h>
#include <stddef.h>

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static long until = -1; /* so many allocations more, then one fails */
static long n_failed;

void fail_after(long n) { __atomic_store_n(&until, n, __ATOMIC_SEQ_CST); }
long failed(void) { return __atomic_exchange_n(&n_failed, 0, __ATOMIC_SEQ_CST); }

static int fails(void)
{
    if (__atomic_load_n(&until, __ATOMIC_SEQ_CST) < 0 || __atomic_fetch_sub(&until, 1, __ATOMIC_SEQ_CST) != 0)
        return 0;
    errno = ENOMEM;
    return (int)__atomic_add_fetch(&n_failed, 1, __ATOMIC_SEQ_CST);
}
void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
"""

SCRIPT = """
import copy, ctypes, json, os, sys, traceback
import numpy as np
import fastbp, fastbp._threads

fastbp._threads.n_workers = lambda n_threads, *work: n_threads
memory = ctypes.CDLL(None)
memory.fail_after.argtypes, memory.failed.restype = [ctypes.c_long], ctypes.c_long
rng = np.random.default_rng(0)
X, y = rng.normal(size=(300, 40)), rng.integers(0, 3, 300)
LAYERS = [fastbp.Standardize(running=True), fastbp.Dense(70, "gelu"), fastbp.LayerNorm(), fastbp.Dense(3, "softmax")]


def make(n_threads=1, optimizer=None, **settings):
    net = fastbp.Network(40, LAYERS, seed=1)
    return fastbp.Trainer(net, optimizer=optimizer or fastbp.Adam(clip_norm=1.0), n_threads=n_threads, **settings)


def grow(trainer):  # what a smaller call has left does not do
    trainer.network.predict(X[:40])
    trainer.network.predict(X)


CHANGES = {
    "fit": lambda t: t.fit(X, y, epochs=2, validation_data=(X, y)),
    "fit to blocks": lambda t: t.fit([(X[:200], y[:200]), (X[200:], y[200:])], epochs=2),
    "learn_many": lambda t: t.learn_many(X, y),
}
LEAVES = {
    "predict": lambda t: t.network.predict(X),
    "predict with threads": lambda t: t.network.predict(X, n_threads=3),
    "predict more": grow,
    "predict_one": lambda t: t.network.predict_one(X[0]),
    "loss_and_grad": lambda t: t.network.loss_and_grad(X, y, fastbp.CrossEntropy()),
    "evaluate": lambda t: t.evaluate(X, y),
    "input_gradient": lambda t: t.network.input_gradient(X, y, fastbp.CrossEntropy()),
    "jacobian": lambda t: t.network.jacobian(X[:5]),
    "find_learning_rate": lambda t: t.find_learning_rate(X, y, n_steps=3),
    "copy": copy.deepcopy,
    "save": lambda t: t.network.save(sys.argv[1]),
    "another network": lambda t: fastbp.Network(40, LAYERS),
}


def is_lack_of_memory(error):
    '''MemoryError, or what NumPy, CPython's json and its locks raise in its place; no others.'''
    where = traceback.extract_tb(error.__traceback__)[-1].filename
    theirs = isinstance(error, SystemError) and any(name in where + str(error) for name in ("numpy", "ufunc", "_json"))
    locks = isinstance(error, RuntimeError) and str(error).startswith(("can't allocate", "can't start new thread"))
    return isinstance(error, MemoryError) or theirs or locks


def strike(call, trainer, changes):
    '''Every piece of memory in turn that a call asks for: how many there are.'''
    call(trainer())  # imports what is imported on use
    for n in range(10_000):
        t = trainer()
        before = t.network.params.tobytes(), t.network.buffers.tobytes()
        memory.failed()
        memory.fail_after(n)
        try:
            call(t)
            error = None
        except BaseException as caught:
            error = caught
        finally:
            memory.fail_after(-1)
        struck = memory.failed()
        assert error is None or struck and is_lack_of_memory(error), (n, repr(error))
        if not changes:
            assert (t.network.params.tobytes(), t.network.buffers.tobytes()) == before, n
        outputs = t.network.predict(X)
        assert np.isfinite(outputs).all(), n
        assert np.array_equal(outputs[7], t.network.predict_one(X[7].astype("float32"))), n
        assert len(t.fit(X, y, epochs=1).loss) == 1, n
        if not struck:
            return n


def fresh(trainer):
    state = copy.deepcopy(trainer)
    return lambda: copy.deepcopy(state)


new, used = fresh(make()), make(ema=0.9)
used.fit(X, y, epochs=1)
with_threads = fresh(make(3))
found = {}
for name, call in {**CHANGES, **LEAVES}.items():
    for kind, trainer in {"new": new, "used": fresh(used), "threads": with_threads}.items():
        if kind == "new" or name in CHANGES:
            found[f"{name}, {kind}"] = strike(call, trainer, name in CHANGES)
print(json.dumps(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="takes the place of glibc's malloc")
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_every_piece_of_memory(tmp_path):
    library = tmp_path / "shim.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=SHIM, text=True, check=True)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "net.npz")],
        env={"LD_PRELOAD": str(library), "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert min(found.values()) > 0  # each has asked for some
    assert sum(found.values()) > 100
