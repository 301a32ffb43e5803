"""NumPy: `benchmarks.numpy_mlp` for training, four lines for inference."""

from benchmarks.peers import Candidate, Predictor, forward
from benchmarks.work import LEARNING_RATE, numpy_network

PACKAGES = ("numpy",)


def training(work, start, X, y):
    net = numpy_network(work, start)
    batches = work.first_batches(X, y)

    def run():
        for Xb, yb in batches:
            net.step(Xb, yb, LEARNING_RATE)

    yield Candidate(
        "NumPy",
        "step",
        run,
        len(batches),
        lambda: [a for pair in zip(net.weights, net.biases, strict=True) for a in pair],
    )


def inference(work, start, X):
    yield Predictor("NumPy", lambda: forward(start, X, work.output))
