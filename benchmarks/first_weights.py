"""What do the first weights and biases bring, beside the default?

    python -m benchmarks.first_weights

The default, `glorot_uniform` for weights and biases (as scikit-learn begins), against He's weights (2015) with biases
of 0 and drawn alike, Glorot & Bengio's (2010) with biases of 0, and PyTorch's: both within 1 / sqrt(n_in). Networks
of relu:

- the two tables of `tests/raw_tables.py`, with features of scales from 1e-6 to 1e6, as they come: `Standardize`, 32,
  32, Adam at 0.005 for 40 epochs; beside them a pipeline of scikit-learn with `StandardScaler`, whose network that is;
- the tables of `benchmarks.tables`, standardised, with one hidden layer of 100, and six of 64: Adam for 60 epochs.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import numpy as np

import fastbp
from benchmarks.report import begin
from benchmarks.tables import divide, is_classes, load_tables
from tests import raw_tables

# name: the limits of a layer's first weights and biases
BEGINNINGS = {
    "default": lambda n_in, n_out: (np.sqrt(6 / (n_in + n_out)), np.sqrt(6 / (n_in + n_out))),
    "Glorot, 0": lambda n_in, n_out: (np.sqrt(6 / (n_in + n_out)), 0),
    "He, He": lambda n_in, n_out: (np.sqrt(6 / n_in), np.sqrt(6 / n_in)),
    "He, 0": lambda n_in, n_out: (np.sqrt(6 / n_in), 0),
    "PyTorch": lambda n_in, n_out: (1 / np.sqrt(n_in), 1 / np.sqrt(n_in)),
}
DEPTHS = {"100": (100,), "64, six times": (64,) * 6}
EPOCHS = 60
METHOD = (
    "Scores on rows held back, accuracy or r2: mean and standard error over {seeds} seeds, which draw first weights "
    "and orders; for the tables of `benchmarks.tables` over {splits}, which divide the rows too. He's are for layers "
    "of relu; the last has Glorot's."
)


def begin_as(name, net, seed):
    """Draw the parameters of a network of dense layers, uniformly within limits."""
    if name == "default":
        return
    rng = np.random.default_rng(seed)
    named = net.named_parameters()
    weights = [parameter for parameter in named if parameter.endswith("weight")]
    for weight in weights:
        limits = BEGINNINGS["default" if weight == weights[-1] and name.startswith("He") else name]
        limit, bias_limit = limits(*named[weight].shape)
        named[weight][...] = rng.uniform(-limit, limit, named[weight].shape)
        bias = named[weight.replace("weight", "bias")]
        bias[...] = 0 if name.endswith("0") else rng.uniform(-bias_limit, bias_limit, bias.shape)


def score(name, seed, layers, known, unknown, learning_rate, epochs):
    """Return what a network reaches on rows that it has not learnt from."""
    net = fastbp.Network(known[0].shape[1], layers, seed=seed)
    begin_as(name, net, seed)
    trainer = fastbp.Trainer(net, optimizer=fastbp.Adam(learning_rate), seed=seed)
    trainer.fit(*known, epochs=epochs)
    return trainer.evaluate(*unknown)[trainer.loss.metric]


def layers_for(y, widths, *, raw=False):
    """Return hidden layers of relu and the output that targets need."""
    hidden = [fastbp.Dense(width, "relu") for width in widths]
    if is_classes(y):
        layers = [*hidden, fastbp.Dense(int(y.max()) + 1, "softmax")]
    else:
        layers = [*hidden, fastbp.Dense(1), *[fastbp.Unstandardize()][: int(raw)]]
    return [fastbp.Standardize(), *layers] if raw else layers


def main(arguments=None):
    parser = common.parser(__doc__)
    parser.add_argument("--seeds", type=int, help="for the raw tables, 200; 2 in a quick run; of others a twentieth")
    options = common.parse(parser, arguments)
    n_seeds = options.seeds or (2 if options.quick else 200)
    n_splits = -(-n_seeds // 20)
    method = METHOD.format(seeds=n_seeds, splits=n_splits)
    report, modules = begin("first_weights", __doc__, method, options, only=["fastbp", "scikit-learn"])

    def line(table, columns, scores):
        """Of {beginning: scores}; those of the report are rounded, those of the file are not."""
        report.add(table=table, scores={name: list(map(float, values)) for name, values in scores.items()})
        cells = [f"{np.mean(v):.4f} ± {np.std(v) / np.sqrt(len(v)):.4f}" for v in scores.values()]
        return [*columns, *cells]

    lines = []
    for case in raw_tables.CASES:
        known, unknown = raw_tables.table(case)
        layers = layers_for(known[1], raw_tables.WIDTHS, raw=True)
        scores = {
            name: [score(name, seed, layers, known, unknown, 0.005, raw_tables.EPOCHS) for seed in range(n_seeds)]
            for name in BEGINNINGS
        }
        if "scikit-learn" in modules:
            scores["scikit-learn"] = [raw_tables.score_of_pipeline(case, seed) for seed in range(n_seeds)]
        lines.append(line(f"raw {case}", [case], scores))
    report.table("Raw tables", ["table", *scores], lines)
    for depth, widths in DEPTHS.items():
        lines = []
        for table, (X, y) in load_tables().items():
            if options.quick and table in ("digits", "Friedman 1", "Friedman 3", "moons"):
                continue
            scores = {
                name: [
                    score(name, seed, layers_for(y, widths), *divide(X, y, seed), 0.001, EPOCHS)
                    for seed in range(n_splits)
                ]
                for name in BEGINNINGS
            }
            lines.append(line(f"{table}, hidden {depth}", [table], scores))
        report.table(f"Standardised tables, hidden layers: {depth}", ["table", *BEGINNINGS], lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
