"""How far does Levenberg and Marquardt's method come, beside Adam with 50 times its time?

    python -m benchmarks.least_squares

Small regressions, all inputs and targets standardised, tanh, float64, the same first weights for all: a sine with
noise (200 points, 1-10-1), Friedman's first problem (1991; 500 points, 10-12-1) without noise and with it, and the
table diabetes that is bundled with scikit-learn (442 rows, 10-10-1). `LevenbergMarquardt(ftol=1e-7)` has restarts,
more of them where noise makes more poor minima, and runs until it stops by itself, or for 500 iterations and 350 more
for each restart. Then Adam has 50 times as long as all of that took, in each of some settings; its best loss counts,
looked at after every fiftieth of its time. The loss is that of what is learnt from: what is asked is who minimises,
not who generalises. `--problems` takes some of them: all take an hour.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import statistics
import time

import numpy as np

import fastbp
from benchmarks.report import begin

MOST_ITERATIONS = 500
FOR_A_RESTART = 350
RESTARTS = {"sin(x) + noise": 7, "Friedman 1": 1, "diabetes": 3, "Friedman 1 + noise": 7}
FTOL = 1e-7  # the relative gain of an iteration that is held to be none
TIMES_AS_LONG = 50
ADAMS = {
    f"Adam({rate}), batch {batch_size or 'all'}": (rate, batch_size)
    for rate, batch_size in ((0.001, 32), (0.01, 32), (0.01, None))
}
METHOD = (
    "Median over {seeds} choices of the first weights; one core, one thread, the time that the processor has spent "
    "on it. `Adam` is called for as many epochs at a time as fill a fiftieth of what it is given."
)


def load_problems():
    """Return {name: (widths, X, y)}."""
    from sklearn import datasets

    rng = np.random.default_rng(0)
    x = np.linspace(-np.pi, np.pi, 200)
    problems = {
        "sin(x) + noise": ((1, 10, 1), x[:, None], np.sin(x) + rng.normal(scale=0.1, size=200)),
        "Friedman 1": ((10, 12, 1), *datasets.make_friedman1(500, random_state=0)),
        "diabetes": ((10, 10, 1), *datasets.load_diabetes(return_X_y=True)),
        "Friedman 1 + noise": ((10, 12, 1), *datasets.make_friedman1(500, noise=1.0, random_state=0)),
    }
    return {
        name: (widths, (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std())
        for name, (widths, X, y) in problems.items()
    }


def make_trainer(widths, seed, optimizer, batch_size=32):
    net = fastbp.Network.mlp(widths, "tanh", dtype="float64", seed=seed)
    return fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size, seed=seed)


def solve(widths, X, y, seed, most_iterations, restarts):
    """Return (seconds, iterations, loss) of Levenberg and Marquardt's method, all of its starts together."""
    trainer = make_trainer(widths, seed, fastbp.LevenbergMarquardt(ftol=FTOL, restarts=restarts))
    began = time.process_time()
    history = trainer.fit(X, y, epochs=most_iterations)
    return time.process_time() - began, len(history.loss), history.loss[-1]


def descend(widths, X, y, seed, rate, batch_size, seconds):
    """Return (epochs, best loss) of Adam within so many seconds."""
    trainer = make_trainer(widths, seed, fastbp.Adam(rate), batch_size or len(X))
    best, spent, epochs = np.inf, 0.0, 1
    while spent < seconds:
        began = time.process_time()
        trainer.fit(X, y, epochs=epochs)
        took = time.process_time() - began
        spent += took
        epochs = max(1, int(epochs * seconds / TIMES_AS_LONG / max(took, 1e-6)))
        best = min(best, trainer.evaluate(X, y)["loss"])
    return trainer.epoch, best


def main(arguments=None):
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, help="repetitions, 3 by default; 1 in a quick run")
    parser.add_argument("--problems", help="some of them by a part of their names, commas between: sin,diabetes")
    options = common.parse(parser, arguments)
    n_seeds = options.seeds or (1 if options.quick else 3)
    report, _ = begin("least_squares", __doc__, METHOD.format(seeds=n_seeds), options, only=["fastbp"])
    fit_lines, loss_lines = [], []
    for name, (widths, X, y) in load_problems().items():
        if options.problems and not any(part in name for part in options.problems.split(",")):
            continue
        runs = []
        restarts = RESTARTS[name]
        most_iterations = 20 if options.quick else MOST_ITERATIONS + FOR_A_RESTART * restarts
        for seed in range(n_seeds):
            seconds, iterations, loss = solve(widths, X, y, seed, most_iterations, restarts)
            adams = {
                adam: descend(widths, X, y, seed, *settings, TIMES_AS_LONG * seconds)
                for adam, settings in ADAMS.items()
            }
            runs.append([seconds, iterations, loss, *(best for _, best in adams.values())])
            report.add(problem=name, seed=seed, seconds=seconds, iterations=iterations, loss=loss, adams=adams)
        seconds, iterations, loss, *others = (statistics.median(column) for column in zip(*runs, strict=True))
        lower = sum(min(run[3:]) <= run[2] for run in runs)
        network = "-".join(map(str, widths))
        fit_lines.append(
            [
                name,
                network,
                f"{len(X)}",
                f"{restarts}",
                f"{seconds:.2f}",
                f"{iterations:g}",
                f"{1e3 * seconds / iterations:.2f}",
            ]
        )
        losses = [f"{value:.2e}" if loss < 1e-3 else f"{value:.5f}" for value in (loss, *others)]
        loss_lines.append([name, *losses, f"{lower} of {n_seeds}"])
        report.tables.clear()  # what there is already is not lost if the run is ended
        headings = ["problem", "network", "rows", "restarts", "seconds", "iterations", "ms each"]
        report.table("LevenbergMarquardt", headings, fit_lines)
        headings = ["problem", "LevenbergMarquardt", *ADAMS, "times an Adam was lower"]
        report.table(f"Loss; Adam has {TIMES_AS_LONG} times as long in each setting", headings, loss_lines)
        report.write(options.output)


if __name__ == "__main__":
    main()
