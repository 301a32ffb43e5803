"""fastbp itself: `Trainer.fit`, `learn_one`, `predict` and `predict_one`, as a user calls them."""

import numpy as np

import fastbp
from benchmarks.peers import Candidate, Predictor
from benchmarks.work import LEARNING_RATE, LOSSES

PACKAGES = ("fastbp",)


def make_trainer(work, start=None, optimizer=None, activation="relu", n_threads=1, seed=0):
    """Return a trainer for the work, of a network that begins with the weights `start` if they are given."""
    net = fastbp.Network.mlp(list(work.widths), activation=activation, output=work.output, dtype=work.dtype, seed=0)
    if start is not None:
        _set(net, start)
    optimizer = optimizer or fastbp.SGD(learning_rate=LEARNING_RATE)
    return fastbp.Trainer(net, LOSSES[work.output](), optimizer, work.batch_size, n_threads=n_threads, seed=seed)


def training(work, start, X, y):
    trainer = make_trainer(work, start)
    yield Candidate(
        "fastbp",
        "epoch",
        lambda: trainer.fit(X, y, epochs=1, shuffle=False),
        len(X) // work.batch_size,
        trainer.network.named_parameters().values,
    )
    alone = make_trainer(work, start)
    batches = work.first_batches(X, y)

    def fit_each():
        for Xb, yb in batches:
            alone.fit(Xb, yb, epochs=1, shuffle=False)

    def learn_each():
        for Xb, yb in batches:
            alone.learn_one(Xb[0], yb[0])

    run = learn_each if work.batch_size == 1 else fit_each
    yield Candidate("fastbp", "step", run, len(batches), alone.network.named_parameters().values)


def inference(work, start, X):
    net = fastbp.Network.mlp(list(work.widths), output=work.output, dtype=work.dtype)
    _set(net, start)
    yield Predictor("fastbp", lambda: net.predict(X))
    if len(X) == 1:
        x, out = X[0], np.empty(net.n_out, net.dtype)
        yield Predictor("fastbp predict_one", lambda: net.predict_one(x, out))


def _set(net, start):
    for array, value in zip(net.named_parameters().values(), (a for pair in start for a in pair), strict=True):
        array[...] = value
