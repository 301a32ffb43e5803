"""How well and how fast is a stream learnt that changes, beside River?

    python -m benchmarks.streams

Each sample is predicted, then learnt from; the accuracy is that of these predictions, over the whole stream. Streams
are drawn with fixed seeds, two classes each, and change in ways that are known:

- SEA concepts (Street & Kim 2001): the sum of two of three features against a threshold, which jumps three times; a
  tenth of the labels is wrong. A line divides the classes.
- a rotating hyperplane (Hulten, Spencer & Domingos 2001): ten features whose weights drift all the time; a twentieth of
  the labels is wrong. A plane divides the classes.
- circles (Gama, Medas, Castillo & Rodrigues 2004): inside or outside of a circle, which jumps three times. No plane
  divides the classes. The features are of scales 1000 and 0.001, which the learners are not told.

fastbp's network is the same for all three: a running standardiser that forgets, 16 relu units, and Adam at 0.01.
River's models have its own defaults, but for one that takes Adam at 0.01 too; logistic regression cannot learn circles.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import statistics
import time

import numpy as np

import fastbp
from benchmarks.report import begin

N_SAMPLES = 20_000
METHOD = (
    "{n:,} samples a stream, mean over {seeds} seeds of the stream; microseconds a sample for predicting and learning, "
    "median over streams and seeds; one core, one thread, fastbp in float32, River in Python and Cython in float64."
)


# Each returns X (n_samples, n_features) and labels, (n_samples,) of 0 and 1.


def sea(rng, n):
    X = rng.uniform(0, 10, size=(n, 3))
    threshold = np.repeat([8.0, 9.0, 7.0, 9.5], -(-n // 4))[:n]
    return X, flipped(rng, X[:, 0] + X[:, 1] <= threshold, 0.1)


def hyperplane(rng, n):
    X = rng.uniform(0, 1, size=(n, 10))
    angle = np.linspace(0, np.pi, n)[:, None]
    first, second = rng.normal(size=(2, 10))
    w = np.cos(angle) * first + np.sin(angle) * second
    return X, flipped(rng, ((X - 0.5) * w).sum(axis=1) > 0, 0.05)


def circles(rng, n):
    X = rng.uniform(0, 1, size=(n, 2))
    part = np.arange(n) * 4 // n
    center = np.array([[0.2, 0.5], [0.4, 0.5], [0.6, 0.5], [0.8, 0.5]])[part]
    radius = np.array([0.15, 0.2, 0.25, 0.3])[part]
    inside = np.hypot(*(X - center).T) < radius
    return X * [1000, 0.001], inside


def flipped(rng, labels, share):
    return labels ^ (rng.uniform(size=len(labels)) < share)


STREAMS = {"SEA concepts": sea, "rotating hyperplane": hyperplane, "circles": circles}


def make_trainer(n_in, seed):
    layers = [
        fastbp.Standardize(running=True, forgetting_factor=0.999),
        fastbp.Dense(16, "relu"),
        fastbp.Dense(1, "sigmoid"),
    ]
    return fastbp.Trainer(fastbp.Network(n_in, layers, seed=seed), optimizer=fastbp.Adam(0.01), seed=seed)


def one_by_one(trainer, X, y):
    """The accuracy of predict_one, before learn_one, in a loop of Python."""
    right = 0
    out = np.empty(1, np.float32)
    predict, learn = trainer.network.predict_one, trainer.learn_one
    for x, label in zip(X, y, strict=True):
        right += (predict(x, out).item() > 0.5) == label
        learn(x, label)
    return right / len(y)


def runs_of(modules, X, y, seed):
    """Yield (name, a function that runs a learner over the stream and returns its accuracy)."""
    X32, labels = X.astype(np.float32), y.astype(np.int64)
    alone, many = make_trainer(X.shape[1], seed), make_trainer(X.shape[1], seed)
    yield "fastbp, `predict_one` and `learn_one`", lambda: one_by_one(alone, X32, labels.tolist())
    yield "fastbp, `progressive_validation`", lambda: many.progressive_validation(X32, labels).scores["accuracy"]
    if "River" in modules:
        river = modules["River"]
        rows = river.rows_of(X, y)
        for name, model in river.make_models(seed).items():
            yield name, lambda model=model: river.progressive_accuracy(model, rows)


def main(arguments=None):
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, help="of each stream, 3 by default; 1 in a quick run")
    options = common.parse(parser, arguments)
    n, n_seeds = (500, 1) if options.quick else (N_SAMPLES, 3)
    n_seeds = options.seeds or n_seeds
    report, modules = begin("streams", __doc__, METHOD.format(n=n, seeds=n_seeds), options, only=["fastbp", "River"])
    accuracies, seconds = {}, {}
    for stream, draw in STREAMS.items():
        for seed in range(n_seeds):
            X, y = draw(np.random.default_rng(seed), n)
            for name, run in runs_of(modules, X, y, seed):
                with common.no_garbage_collection():
                    began = time.perf_counter()
                    accuracy = run()
                    took = (time.perf_counter() - began) / n
                accuracies.setdefault((name, stream), []).append(accuracy)
                seconds.setdefault(name, []).append(took)
                report.add(stream=stream, seed=seed, learner=name, accuracy=accuracy, seconds_a_sample=took)
    lines = [
        [
            name,
            *(f"{statistics.mean(accuracies[name, stream]):.4f}" for stream in STREAMS),
            common.three_digits(1e6 * statistics.median(taken)),
        ]
        for name, taken in seconds.items()
    ]
    report.table("Progressive accuracy", ["learner", *STREAMS, "us a sample"], lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
