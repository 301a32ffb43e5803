"""The libraries beside fastbp: one file each, all with the same two functions.

``training(work, start, X, y)`` yields a `Candidate` for each way in which the library trains: "step", where Python
calls it once for each mini-batch, and "epoch", where one call goes through all of them. ``inference(work, start, X)``
yields a `Predictor` or more. A file may have only one of the two; it raises `Unavailable` where the library cannot do
the work here.

`check_training` and `check_inference` run each candidate once, which warms it up, and refuse to time one that does not
do what the others do.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.work import LEARNING_RATE, numpy_network

MODULES = {
    "fastbp": "with_fastbp",
    "ONNX Runtime": "with_onnxruntime",
    "JAX": "with_jax",
    "NumPy": "with_numpy",
    "PyTorch": "with_torch",
    "torch.compile": "with_torch_compile",
    "scikit-learn": "with_sklearn",
    "pure Python": "with_pure_python",
    "River": "with_river",
}
# Rounding in float32 moves the parameters by some 1e-5 of the way they have gone; an error in a factor, by a half.
TOLERANCE = 1e-2


class Unavailable(Exception):
    """A library is installed, but cannot do this work here; the message says why."""


@dataclass(frozen=True)
class Candidate:
    """One way to train: `run` takes `n_steps` steps, on the first mini-batches of the data, each time it is called."""

    name: str
    unit: str
    run: Callable
    n_steps: int
    parameters: Callable  # returns the weights and biases as they are now: w0, b0, w1, b1, ...


@dataclass(frozen=True)
class Predictor:
    """One way to predict: `run` returns the output of the last layer for all samples."""

    name: str
    run: Callable


def load(without=(), only=None):
    """Import the peers that are installed.

    Parameters
    ----------
    without : sequence of str
        Names to leave out.
    only : sequence of str, optional
        Names to choose from; all by default.

    Returns
    -------
    dict of str to module
    list of str
        A line for each peer that is not there.
    """
    others = [name for name in MODULES if name != "fastbp"]
    unknown = sorted(set(without) - set(others))
    if unknown:
        raise ValueError(f"the peers that can be left out are {', '.join(others)}; got {', '.join(unknown)}")
    modules, notes = {}, []
    for name in only or MODULES:
        if name in without:
            notes.append(f"{name} is left out, as asked.")
            continue
        try:
            modules[name] = importlib.import_module(f"benchmarks.peers.{MODULES[name]}")
        except ModuleNotFoundError as error:
            package = error.name.partition(".")[0]
            if package in {"benchmarks", "fastbp", "numpy"}:
                raise
            notes.append(f"{name} is left out: {package} is not installed.")
    return modules, notes


def packages(modules):
    """Return the names of the packages behind the peers, for `common.header`."""
    return list(dict.fromkeys(package for module in modules.values() for package in module.PACKAGES))


def gather(modules, kind, *arguments):
    """Return the candidates of all peers.

    Parameters
    ----------
    modules : dict of str to module
    kind : {"training", "inference"}
    *arguments
        What the function of this name takes.

    Returns
    -------
    list of Candidate or Predictor
    list of str
        A line for each peer that cannot do it here.
    """
    found, notes = [], []
    for name, module in modules.items():
        if hasattr(module, kind):
            try:
                found += getattr(module, kind)(*arguments)
            except Unavailable as error:
                notes.append(f"{name} is left out: {error}")
    return found, notes


def check_training(candidates, work, start, X, y):
    """Run each candidate once and compare its parameters with those of NumPy, in float64, after as many steps.

    Where rounding grows from step to step, NumPy in the dtype of the work shows how much of a deviation is due to it.
    """
    steps = {candidate.n_steps for candidate in candidates}
    expected, rounded = (_after_steps(work, start, X, y, steps, dtype) for dtype in (np.float64, work.dtype))
    begin = _flat([array for pair in start for array in pair])
    for candidate in candidates:
        candidate.run()
        reached = expected[candidate.n_steps]
        distance = np.linalg.norm(reached - begin)
        deviation = np.linalg.norm(_flat(candidate.parameters()) - reached) / distance
        by_rounding = np.linalg.norm(rounded[candidate.n_steps] - reached) / distance
        if not deviation <= max(TOLERANCE, 10 * by_rounding):
            raise AssertionError(
                f"{candidate.name} ({candidate.unit}) does not take the steps that NumPy takes: after "
                f"{candidate.n_steps} steps of {work.name} its parameters are {deviation:.1e} of the way off, where "
                f"rounding explains {by_rounding:.1e}"
            )


def _after_steps(work, start, X, y, steps, dtype):
    """Return NumPy's parameters, (n_params,), after each of these numbers of steps."""
    net = numpy_network(work, start, dtype)
    found = {}
    for n_done, (Xb, yb) in enumerate(work.batches(X, y), 1):
        net.step(Xb, yb, LEARNING_RATE)
        if n_done in steps:
            found[n_done] = _flat([a for pair in zip(net.weights, net.biases, strict=True) for a in pair])
    return found


def check_inference(predictors, work, start, X):
    """Run each predictor once and compare what it returns with NumPy in float64."""
    expected = forward(start, X.astype(np.float64), work.output)
    for predictor in predictors:
        output = np.asarray(predictor.run()).reshape(expected.shape)
        deviation = np.abs(output - expected).max() / np.abs(expected).max()
        if not deviation <= TOLERANCE:
            raise AssertionError(f"{predictor.name} predicts other numbers than NumPy for {work.name}: {deviation:.1e}")


def forward(start, x, output):
    """Return the output of the network with the layers `start` = [(w, b), ...], in plain NumPy."""
    *hidden, (w_last, b_last) = start
    for w, b in hidden:
        x = np.maximum(x @ w + b, 0)
    z = x @ w_last + b_last
    if output == "identity":
        return z
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def _flat(arrays):
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])
