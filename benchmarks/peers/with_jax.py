"""JAX: `jit` of one step with donated parameters, and an epoch as `lax.scan` over the mini-batches."""

import functools
import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

# ruff: isort: split
import jax
import jax.numpy as jnp

from benchmarks.peers import Candidate, Predictor
from benchmarks.work import LEARNING_RATE

PACKAGES = ("jax", "jaxlib")

# On one core a second thread to dispatch to is in the way: a small step takes a half longer with it.
jax.config.update("jax_cpu_enable_async_dispatch", False)


def _logits(parameters, x):
    *hidden, (w_last, b_last) = parameters
    for w, b in hidden:
        x = jnp.maximum(x @ w + b, 0)
    return x @ w_last + b_last


def _squared_error(parameters, X, y):
    return jnp.mean((_logits(parameters, X) - y) ** 2)


def _cross_entropy(parameters, X, y):
    log_p = jax.nn.log_softmax(_logits(parameters, X))
    return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))


LOSSES = {"identity": _squared_error, "softmax": _cross_entropy}


def _step(parameters, Xb, yb, output):
    value, gradients = jax.value_and_grad(LOSSES[output])(parameters, Xb, yb)
    return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, parameters, gradients), value


@functools.partial(jax.jit, donate_argnums=0, static_argnums=3)
def _jit_step(parameters, Xb, yb, output):
    return _step(parameters, Xb, yb, output)


@functools.partial(jax.jit, donate_argnums=0, static_argnums=3)
def _scan_epoch(parameters, X, y, output):
    return jax.lax.scan(lambda p, batch: _step(p, *batch, output), parameters, (X, y))


class _Network:
    """Holds the parameters, which a jitted function that is given them to reuse makes invalid."""

    def __init__(self, start):
        self.parameters = [(jnp.array(w), jnp.array(b)) for w, b in start]

    def arrays(self):
        return [a for pair in self.parameters for a in pair]


def training(work, start, X, y):
    scanned, stepped = _Network(start), _Network(start)
    n_steps = len(X) // work.batch_size
    X_scan = jnp.asarray(X.reshape(n_steps, work.batch_size, -1))
    y_scan = jnp.asarray(y.reshape(n_steps, work.batch_size, *y.shape[1:]))
    batches = [(jnp.asarray(Xb), jnp.asarray(yb)) for Xb, yb in work.first_batches(X, y)]

    def run_epoch():
        scanned.parameters, _ = _scan_epoch(scanned.parameters, X_scan, y_scan, work.output)
        jax.block_until_ready(scanned.parameters)

    def run_steps():
        for Xb, yb in batches:
            stepped.parameters, _ = _jit_step(stepped.parameters, Xb, yb, work.output)
        jax.block_until_ready(stepped.parameters)

    yield Candidate("JAX", "epoch", run_epoch, n_steps, scanned.arrays)
    yield Candidate("JAX", "step", run_steps, len(batches), stepped.arrays)


def inference(work, start, X):
    parameters = _Network(start).parameters
    x = jnp.asarray(X)

    @jax.jit
    def predict(parameters, x):
        z = _logits(parameters, x)
        return jax.nn.softmax(z) if work.output == "softmax" else z

    yield Predictor("JAX", lambda: predict(parameters, x).block_until_ready())
