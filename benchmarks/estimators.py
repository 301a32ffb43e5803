"""What does it bring to import MLPClassifier and MLPRegressor from fastbp.sklearn instead of scikit-learn?

    python -m benchmarks.estimators

`fastbp.sklearn` against `sklearn.neural_network`, both with default settings: one hidden layer of 100, relu, Adam at
0.001, batches of 200, until the loss stops falling or for 200 epochs. Both begin with the same weights, for they draw
them alike; fastbp computes in float32, scikit-learn in float64, as their defaults are, on the same float64 arrays.

Tables are those of `benchmarks.tables`, standardised, and Fashion-MNIST: 20,000 of its training images, tested on its
10,000 test images. Their folder is found as `benchmarks.accuracy` does, or given by --data.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import statistics
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.accuracy import find_folder
from benchmarks.report import begin
from benchmarks.tables import divide, is_classes, load_tables
from fastbp.datasets import load_idx

TABLES = ("digits", "breast cancer", "wine", "diabetes", "Friedman 1")
FASHION = "Fashion-MNIST"
N_IMAGES = 20_000
MOST_SEEDS_OF_IMAGES = 2  # for scikit-learn takes up to 200 epochs for each
LIBRARIES = ("fastbp", "scikit-learn")
METHOD = (
    "{seeds} seeds ({image_seeds} for Fashion-MNIST), which divide the rows, three quarters to learn from, and draw "
    "first weights and orders: the score, accuracy or r2, is of the others, mean and standard error over seeds; the "
    "time is that of `fit`, median over seeds, the libraries in turn; `predict` is of one row, as often as fills a "
    "sample; one core, one thread."
)


def estimators(y, seed):
    """Return {library: estimator} for targets."""
    from sklearn import neural_network

    import fastbp.sklearn

    name = "MLPClassifier" if is_classes(y) else "MLPRegressor"
    modules = zip(LIBRARIES, (fastbp.sklearn, neural_network), strict=True)
    return {library: getattr(module, name)(random_state=seed) for library, module in modules}


def images(folder, seed):
    """Return images to learn from, drawn by the seed, and those to test on."""
    (X, y), (X_test, y_test) = load_idx(folder)
    rows = np.random.default_rng(seed).permutation(len(X))[:N_IMAGES]
    return (X[rows] / 255.0, y[rows].astype(int)), (X_test / 255.0, y_test.astype(int))


def measure(name, split, n_seeds, options, report):
    """Fit and score both, seed by seed, and time the prediction of one row; return a row for the report."""
    seconds, scores = ({library: [] for library in LIBRARIES} for _ in range(2))
    epochs = {library: [] for library in LIBRARIES}
    for seed in range(n_seeds):
        (X, y), unknown = split(seed)
        fitted = estimators(y, seed)
        for library, estimator in fitted.items():
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that 200 epochs may be too few
                estimator.fit(X, y)
            seconds[library].append(time.perf_counter() - began)
            scores[library].append(float(estimator.score(*unknown)))
            epochs[library].append(estimator.n_iter_)
    row = unknown[0][:1]
    calls = {library: lambda estimator=estimator: estimator.predict(row) for library, estimator in fitted.items()}
    one_row = common.interleave(calls, options.rounds, options.seconds)
    return report.add(table=name, n_rows=len(X), seconds=seconds, scores=scores, epochs=epochs, predict_one_row=one_row)


def line(row):
    """Return a line of the table."""
    cells = [row["table"], f"{row['n_rows']:,}"]
    for values in row["scores"].values():
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        cells.append(f"{statistics.fmean(values):.4f} +- {error:.4f}")
    for times, unit in (
        ({k: statistics.median(v) for k, v in row["seconds"].items()}, 1e3),
        (row["predict_one_row"], 1e6),
    ):
        fast, slow = times.values()
        cells += [common.three_digits(unit * fast), common.three_digits(unit * slow), f"{slow / fast:.1f}x"]
    return cells


def main(arguments=None):
    parser = common.parser(__doc__)
    parser.add_argument("--data", type=Path, default=find_folder(), help="folder of Fashion-MNIST's four IDX files")
    parser.add_argument("--seeds", type=int, help="5 by default; 1 in a quick run, which leaves the larger tables out")
    options = common.parse(parser, arguments)
    n_seeds = options.seeds or (1 if options.quick else 5)
    image_seeds = min(n_seeds, MOST_SEEDS_OF_IMAGES)
    method = METHOD.format(seeds=n_seeds, image_seeds=image_seeds)
    report, modules = begin("estimators", __doc__, method, options, only=LIBRARIES)
    if len(modules) < len(LIBRARIES):
        raise SystemExit("this question is about scikit-learn: pip install scikit-learn")
    known = load_tables()
    splits = {name: lambda seed, name=name: as_float64(divide(*known[name], seed)) for name in TABLES}
    if options.quick:
        splits = {name: splits[name] for name in ("wine", "diabetes")}
    elif options.data is None:
        report.note(f"{FASHION} is left out: pass --data FOLDER, or set FASTBP_FASHION_MNIST.")
    else:
        splits[FASHION] = lambda seed: images(options.data, seed)
    lines = [
        line(measure(name, split, image_seeds if name == FASHION else n_seeds, options, report))
        for name, split in splits.items()
    ]
    headings = ["table", "rows", "score, fastbp", "score, scikit-learn"]
    headings += ["fit, ms", "scikit-learn", "fastbp = 1", "predict, us", "scikit-learn", "fastbp = 1"]
    report.table("Default settings", headings, lines)
    report.write(options.output)


def as_float64(parts):
    return [(X.astype(np.float64), y if is_classes(y) else y.astype(np.float64)) for X, y in parts]


if __name__ == "__main__":
    main()
