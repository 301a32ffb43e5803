"""Plain Python: `benchmarks.pure_python`, where that takes no longer than a second."""

from benchmarks import pure_python
from benchmarks.peers import Candidate
from benchmarks.work import LEARNING_RATE

PACKAGES = ()
MOST_MULTIPLICATIONS = 2e7  # of a step, which then takes about two seconds


def training(work, start, X, y):
    if work.n_multiplications > MOST_MULTIPLICATIONS:
        return
    activations = ["relu"] * (len(start) - 1) + [work.output]
    layers = [pure_python.Layer(w.tolist(), b.tolist(), name) for (w, b), name in zip(start, activations, strict=True)]
    Xb, yb = X[: work.batch_size].tolist(), y[: work.batch_size].tolist()
    yield Candidate(
        "pure Python",
        "step",
        lambda: pure_python.train(layers, Xb, yb, batch_size=work.batch_size, learning_rate=LEARNING_RATE),
        1,
        lambda: [a for layer in layers for a in (layer.weights, layer.biases)],
    )
