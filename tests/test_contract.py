"""What docs/embedding.md promises to a program that fastbp lives in, as far as no other file tests it."""

import asyncio
import contextlib
import copy
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastbp
from tests import c_model
from tests import makers as make

X, LABELS = make.samples(60, 5), make.targets("labels", 60, 3)

pytestmark = pytest.mark.thread_unsafe(reason="is about the whole process")


def trained(n_threads=1):
    net = make.network([5, 7, 3], output="softmax")
    trainer = fastbp.Trainer(net, optimizer=fastbp.Adam(0.01, clip_norm=1.0), n_threads=n_threads, ema=0.9)
    trainer.fit(X, LABELS, epochs=2)
    return trainer


def outcome(_=None):
    """The bits of a training: the same wherever it runs."""
    return trained(2).network.params.tobytes()


def test_each_promise_names_its_tests():
    """Each paragraph of docs/embedding.md names some, and those are there."""
    docs = Path(__file__).parent.parent / "docs"
    promises = (docs / "embedding.md").read_text(encoding="utf-8").split("## Looking closer")[0].split("\n## ")[1:]
    paragraphs = [text for section in promises for text in re.split(r"\n\n|\n- ", section)[1:] if text.strip()]
    assert len(paragraphs) > 20
    for paragraph in paragraphs:
        links = re.findall(r"\[([^]]*)\]\((\.\./tests/\w+\.py)\)", paragraph)
        assert links, paragraph
        for names, path in links:
            text = (docs / path).read_text(encoding="utf-8")
            named = re.findall(r"\btest_\w+\b(?!\.py)", names)
            assert named or names.endswith(".py"), names
            assert [name for name in named if f"def {name}(" not in text] == []


# Where it runs


@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_other_processes(all_threads, method):
    outcome()  # before the fork, so that what it needed could be left behind in a bad state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork of a process with threads: pytest's plugins'
        with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
            assert list(pool.map(outcome, range(3))) == [outcome()] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_during_a_fit():
    """The child has the network, free, and none of the threads that trained it."""
    forked = []

    class Forks(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            if epoch == 3:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    child = os.fork()
                if child == 0:
                    try:
                        right = np.isfinite(trainer.network.predict(X)).all() and outcome() == expected
                        os._exit(0 if right else 1)
                    finally:  # not into the rest of the tests
                        os._exit(2)
                forked.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    expected = outcome()
    trained(2).fit(X, LABELS, epochs=3, callbacks=[Forks()])
    assert forked == [0]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(all_threads, backend):
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_backend(backend, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(outcome)(i) for i in range(3)) == [outcome()] * 3


BESIDE_OPENMP = """
import os
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
import fastbp, fastbp._threads

try:
    import torch
except ImportError:
    torch = None
fastbp._threads.n_workers = lambda n_threads, *work: n_threads
X = np.random.default_rng(0).normal(size=(2000, 5))
y = (X[:, 0] > 0).astype(int)

def theirs():
    if torch is not None:
        torch.nn.Linear(200, 200)(torch.ones(500, 200)).sum().backward()
    return HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(X, y).score(X, y)

def ours():
    net = fastbp.Network.mlp([5, 7, 2], output="softmax")
    fastbp.Trainer(net, n_threads=2).fit(X, y, epochs=2)
    return net.params.tobytes()

first, score = ours(), theirs()
assert (ours(), theirs(), ours()) == (first, score, first)
child = os.fork()
if child == 0:
    os._exit(0 if ours() == first else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_beside_openmp():
    """With scikit-learn's OpenMP threads, and PyTorch's if it is installed; in a fork they are gone, and hang whoever
    waits for them."""
    pytest.importorskip("sklearn")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BESIDE_OPENMP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_asyncio():
    async def both():
        return await asyncio.gather(asyncio.to_thread(outcome), asyncio.to_thread(outcome))

    assert asyncio.run(both()) == [outcome()] * 2


SUBINTERPRETER = """
import fastbp
try:
    import _interpreters as interpreters
    run = lambda i, code: interpreters.exec(i, code)
except ImportError:
    import _xxsubinterpreters as interpreters
    run = lambda i, code: interpreters.run_string(i, code)
code = '''
try:
    import fastbp
    fastbp.Network.mlp([2, 1]).predict([[1, 2]])
except ImportError as error:
    print("ImportError:", error)
else:
    print("works")
'''
print(run(interpreters.create(), code) or "", flush=True)
assert fastbp.Network.mlp([2, 1]).predict([[1, 2]]).shape == (1, 1)
print("main goes on")
"""


def test_a_subinterpreter():
    """It works there, or says that it does not; NumPy, as of 2.4, does not."""
    done = subprocess.run([sys.executable, "-c", SUBINTERPRETER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ImportError: " in done.stdout or "works" in done.stdout
    assert "main goes on" in done.stdout


# What it leaves alone


def test_nothing_global_changes(capfd, all_threads):
    def state():
        return (
            pickle.dumps(np.random.mtrand._rand.get_state()),
            np.geterr(),
            np.get_printoptions(),
            list(warnings.filters),
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGFPE)],
            sys.getswitchinterval(),
            dict(os.environ),
            os.getcwd(),
            threading.active_count(),
        )

    before = state()
    trainer = trained(2)
    trainer.evaluate(X, LABELS)
    trainer.learn_one(X[0], LABELS[0])
    trainer.network.predict(X, n_threads=2)
    trainer.find_learning_rate(X, LABELS)
    fastbp.check_gradients(make.network([5, 3], dtype="float64"), X, X[:, :3], fastbp.SquaredError())
    with pytest.raises(fastbp.DivergedError):
        fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(1e30)).fit(X, X[:, :3])
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_nothing_flushes_the_callers_denormals(all_threads):
    """After each kind of call, and in what the caller has called in the middle of one."""
    looks = []

    def look(*_):
        looks.append((np.array([2.0**-1070]) / 2)[0] == 2.0**-1071)
        return 0.0

    class Looks:
        def value_and_grad(self, outputs, targets):
            look()
            return np.square(outputs).mean(axis=1), outputs

    trainer, labels = trained(2), LABELS.astype(np.intp)
    net, narrow = trainer.network, fastbp.Network.mlp([5, 2, 1], seed=0)
    model, out = c_model.Model(trainer.capsule()), np.empty((60, 3))
    calls = [
        lambda: net.predict(X, n_threads=2),
        lambda: net.predict_one(X[0]),
        lambda: net.loss_and_grad(X, LABELS, trainer.loss),
        lambda: net.jacobian(X),
        lambda: net.input_gradient(X, output=0),
        lambda: net.activations(X),
        lambda: model.predict(X, out),
        lambda: model.train(X, labels),
        lambda: model.learn_label(X[0], 1),
        lambda: trainer.evaluate(X, LABELS, metrics=[look]),
        lambda: trainer.fit(X, LABELS, epochs=2, callbacks=[fastbp.LambdaCallback(on_epoch_end=look)]),
        lambda: trainer.learn_one(X[0], 1),
        lambda: trainer.learn_many(X, LABELS),
        lambda: trainer.find_learning_rate(X, LABELS),
        lambda: fastbp.Trainer(narrow, Looks()).fit(X, X[:, :1], epochs=1),
        lambda: fastbp.Trainer(narrow, optimizer=fastbp.LevenbergMarquardt()).fit(X, X[:, :1], epochs=2),
        lambda: fastbp.Trainer(narrow, optimizer=fastbp.SGD(1e30)).fit(X, X[:, :1], epochs=9),
    ]
    for call in calls:
        with contextlib.suppress(fastbp.DivergedError):
            call()
        look()
    assert len(looks) > len(calls) + 4
    assert all(looks), looks


WATCHED = """
import sys
import numpy as np
import fastbp

opened = []
trainer = fastbp.Trainer(fastbp.Network.mlp([5, 7, 3]), n_threads=2)
X = np.ones((60, 5))
trainer.fit(X, X[:, :3], epochs=1)  # imports what is imported on use
sys.addaudithook(lambda event, arguments: opened.append((event, arguments)))
trainer.fit(X, X[:, :3], epochs=1)
trainer.evaluate(X, X[:, :3])
trainer.network.predict(X, n_threads=2)
print([event for event in opened if event[0].startswith(("open", "os.", "socket.", "subprocess.", "shutil."))])
"""


def test_no_file_is_touched():
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# Copies


COPIES = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("n_learnt", [0, 3])
@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_a_copied_trainer_goes_on_alike(make_copy, n_learnt):
    """After a fit, and after samples that it has learnt one by one; and so does one that was never copied."""
    trainer, alone = trained(), trained()
    for i in range(n_learnt):
        assert trainer.learn_one(X[i], LABELS[i]) == alone.learn_one(X[i], LABELS[i])
    twin = make_copy(trainer)
    assert twin.network is not trainer.network
    expected = alone.fit(X, LABELS, epochs=2).loss
    assert trainer.fit(X, LABELS, epochs=2).loss == twin.fit(X, LABELS, epochs=2).loss == expected
    assert make.same_bits(trainer.network.params, twin.network.params)
    assert trainer.learn_one(X[0], 1) == twin.learn_one(X[0], 1)
    with trainer.use_average(), twin.use_average():
        assert make.same_bits(trainer.network.params, twin.network.params)


CALLBACKS = [
    fastbp.EarlyStopping(patience=3),
    fastbp.ModelCheckpoint("net.npz"),
    fastbp.CSVLogger("log.csv"),
    fastbp.TerminateOnNaN(),
    fastbp.RetryOnDivergence(),
    fastbp.Timer(),
    fastbp.LambdaCallback(on_fit_end=print),
]


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("callback", CALLBACKS, ids=lambda callback: type(callback).__name__)
def test_callbacks_copy(make_copy, callback, tmp_path, monkeypatch):
    """With what they have remembered of a fit."""
    monkeypatch.chdir(tmp_path)
    trained().fit(X, LABELS, epochs=3, validation_data=(X, LABELS), callbacks=[callback])
    copied = make_copy(callback)
    assert copied is not callback
    assert type(copied) is type(callback)
    np.testing.assert_equal(vars(copied), vars(callback))


DESCRIPTIONS = [
    *make.OPTIMIZERS,
    *make.FULL_BATCH,
    *(loss for loss, _, _ in make.EVERY_LOSS),
    fastbp.SGD(fastbp.LinearWarmup(0.1, 10) | fastbp.CosineDecay(0.1, 100), clip_norm=0.5),
    fastbp.LevenbergMarquardt(),
    fastbp.Residual([fastbp.Dense(5, "relu", l2=0.1)]),
]


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("thing", DESCRIPTIONS, ids=repr)
def test_copies_are_exact(make_copy, thing):
    copied = make_copy(thing)
    assert copied is not thing
    assert copied == thing
    assert repr(copied) == repr(thing)


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_a_copied_network_is_exact(make_copy, dtype):
    layers = [fastbp.Standardize(), fastbp.Dense(7, "gelu"), fastbp.BatchNorm(), fastbp.Dense(3, "softmax")]
    net = fastbp.Network(5, layers, dtype=dtype)
    net.metadata["unit"] = "m"
    fastbp.Trainer(net).fit(X, LABELS, epochs=1)
    twin = make_copy(net)
    assert make.same_bits(twin.params, net.params)
    assert make.same_bits(twin.buffers, net.buffers)
    assert (twin.layers, twin.metadata) == (net.layers, net.metadata)
    assert make.same_bits(twin.predict(X), net.predict(X))
    twin.params[...] = 0
    twin.metadata["unit"] = "s"
    assert net.params.any()
    assert net.metadata["unit"] == "m"


# Odd input


def test_masked_values_are_refused():
    net = make.network([5, 7, 3], output="softmax")
    masked = np.ma.masked_greater(X, 0.5)
    no_label = np.ma.masked_equal(LABELS, 1)
    trainer, numbers = trained(), fastbp.Trainer(make.network([5, 5]))
    numbers.learn_one(X[0], X[0])
    before = net.params.copy()
    for call in (
        lambda: net.predict(masked),
        lambda: net.predict_one(masked[0]),
        lambda: net.loss_and_grad(X, no_label, fastbp.CrossEntropy()),
        lambda: trainer.fit(masked, LABELS),
        lambda: trainer.fit(X, no_label),
        lambda: trainer.fit(X, LABELS, sample_weight=masked[:, 0]),
        lambda: trainer.evaluate(X, no_label),
        lambda: trainer.learn_one(masked[0], 1),
        lambda: trainer.learn_one(X[0], np.ma.masked),
        lambda: trainer.learn_many(X, no_label),
        lambda: numbers.fit(X, masked),
        lambda: numbers.learn_one(X[0], masked[0]),
        lambda: numbers.learn_one(masked[0], X[0]),
    ):
        with pytest.raises(
            ValueError, match=r"(\w+) has masked values, which say nothing: fill them, \1.filled\(0\) say"
        ):
            call()
    assert make.same_bits(net.params, before)
    assert make.same_bits(net.predict(np.ma.array(X)), net.predict(X))


# Interrupts


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupts_at_any_moment():
    """Each ends a fit cleanly: with its history, the network free and finite."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(0)
    trainer = trained()
    clean = 0
    n = int(os.environ.get("FASTBP_INTERRUPTS", "10"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(n):
                epoch = trainer.epoch
                timer = threading.Timer(rng.uniform(0.005, 0.06), os.kill, (os.getpid(), signal.SIGINT))
                try:
                    timer.start()
                    clean += trainer.fit(X, LABELS, epochs=10**8).interrupted
                except KeyboardInterrupt:  # on a busy machine, before the training had begun
                    clean += trainer.epoch == epoch
                timer.join()
                assert np.isfinite(trainer.network.params).all()
    finally:
        signal.signal(signal.SIGINT, before)
    assert clean == n
    assert len(trainer.fit(X, LABELS, epochs=2).loss) == 2
