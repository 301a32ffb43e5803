"""What do momentum, Adam, tanh, shuffling and float64 cost?

    python -m benchmarks.options

fastbp alone: the same epoch with one thing changed, as a multiple of plain gradient descent with relu in float32 and the
samples in order. Both run in the same rounds.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import dataclasses

import fastbp
from benchmarks.peers.with_fastbp import make_trainer
from benchmarks.report import begin
from benchmarks.work import LEARNING_RATE, NETWORKS, Work

METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread; an epoch by one call of `fit`. The last line has as many "
    "samples as Fashion-MNIST, more than caches hold."
)
_IMAGES = Work((784, 128, 10), "softmax", 32)
# (work, samples of an epoch)
EPOCHS = [(work, work.batch_size * work.n_steps(1e9)) for work in NETWORKS if work.batch_size > 1] + [(_IMAGES, 60_000)]

# what is changed: (of the trainer, of the call, of the work)
VARIANTS = {
    "plain": ({}, {}, {}),
    "momentum": ({"optimizer": lambda: fastbp.SGD(learning_rate=LEARNING_RATE, momentum=0.9)}, {}, {}),
    "Adam": ({"optimizer": lambda: fastbp.Adam(learning_rate=LEARNING_RATE / 10)}, {}, {}),
    "tanh": ({"activation": "tanh"}, {}, {}),
    "shuffled": ({}, {"shuffle": True}, {}),
    "float64": ({}, {}, {"dtype": "float64"}),
}


def epoch_of(work, variant, n_samples):
    """Return a callable that trains for one epoch with one thing changed."""
    of_trainer, of_call, of_work = VARIANTS[variant]
    work = dataclasses.replace(work, **of_work)
    of_trainer = {name: value() if callable(value) else value for name, value in of_trainer.items()}
    trainer = make_trainer(work, **of_trainer)
    X, y = work.data(n_samples)
    return lambda: trainer.fit(X, y, epochs=1, **{"shuffle": False, **of_call})


def measure(work, n_samples, options, report):
    """Time all variants of one network; return a row for the report."""
    callables = {variant: epoch_of(work, variant, n_samples) for variant in VARIANTS}
    medians = common.interleave(callables, options.rounds, options.seconds)
    n_steps = -(-n_samples // work.batch_size)
    return report.add(
        network=work.name,
        batch_size=work.batch_size,
        n_samples=n_samples,
        seconds_of_a_step={variant: seconds / n_steps for variant, seconds in medians.items()},
    )


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, _ = begin("options", __doc__, METHOD.format(rounds=options.rounds), options, only=["fastbp"])
    rows = [measure(work, n_samples, options, report) for work, n_samples in (EPOCHS[:4] if options.quick else EPOCHS)]
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
