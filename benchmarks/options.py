"""What do momentum, Adam, tanh, shuffling and float64 cost?

    python -m benchmarks.options

fastbp alone: the same epoch with one thing changed, as a multiple of plain gradient descent with relu in float32 and
the samples in order. Both run in the same rounds.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import dataclasses

import fastbp
from benchmarks.peers.with_fastbp import make_trainer
from benchmarks.report import begin
from benchmarks.work import LEARNING_RATE, NETWORKS, SMALL, Work

METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread; an epoch by one call of `fit`. The last line has as "
    "many samples as Fashion-MNIST, more than caches hold."
)
# (work, steps of an epoch)
EPOCHS = [(work, work.n_steps()) for work in NETWORKS if work.batch_size > 1]
EPOCHS.append((Work((784, 128, 10), "softmax", 32), 60_000 // 32))
QUICK_EPOCHS = [(work, work.n_steps(2e7, 50)) for work in SMALL]

# what is changed: (of the trainer, of the call, of the work)
VARIANTS = {
    "plain": ({}, {}, {}),
    "momentum": ({"optimizer": fastbp.SGD(learning_rate=LEARNING_RATE, momentum=0.9)}, {}, {}),
    "Adam": ({"optimizer": fastbp.Adam(learning_rate=LEARNING_RATE / 10)}, {}, {}),
    "tanh": ({"activation": "tanh"}, {}, {}),
    "shuffled": ({}, {"shuffle": True}, {}),
    "float64": ({}, {}, {"dtype": "float64"}),
}


def epoch_of(work, variant, X, y):
    """Return a callable that trains for one epoch with one thing changed."""
    of_trainer, of_call, of_work = VARIANTS[variant]
    work = dataclasses.replace(work, **of_work)
    trainer = make_trainer(work, **of_trainer)
    X = X.astype(work.dtype, copy=False)
    return lambda: trainer.fit(X, y, epochs=1, **{"shuffle": False, **of_call})


def measure(work, n_steps, options, report):
    """Time all variants of one network; return a row for the report."""
    X, y = work.data(n_steps * work.batch_size)
    callables = {variant: epoch_of(work, variant, X, y) for variant in VARIANTS}
    medians = common.interleave(callables, options.rounds, options.seconds)
    return report.add(
        network=work.name,
        batch_size=work.batch_size,
        n_samples=len(X),
        seconds_of_a_step={variant: seconds / n_steps for variant, seconds in medians.items()},
    )


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, _ = begin("options", __doc__, METHOD.format(rounds=options.rounds), options, only=["fastbp"])
    epochs = QUICK_EPOCHS if options.quick else EPOCHS
    rows = [measure(work, n_steps, options, report) for work, n_steps in epochs]
    lines = []
    for row in rows:
        seconds = row["seconds_of_a_step"]
        ratios = [f"{seconds[variant] / seconds['plain']:.2f}x" for variant in VARIANTS if variant != "plain"]
        sizes = [f"{row['batch_size']}", f"{row['n_samples']:,}"]
        lines.append([row["network"], *sizes, common.three_digits(1e6 * seconds["plain"]), *ratios])
    headings = ["network", "batch", "samples", "plain step, us", *list(VARIANTS)[1:]]
    report.table("A step, as a multiple of the plain one", headings, lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
