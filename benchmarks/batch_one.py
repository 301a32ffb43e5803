"""How long do one sample's prediction and one sample's step take?

    python -m benchmarks.batch_one

What control loops and online learners do. `predict_one` and `learn_one` are called from Python for one sample; training
with batch size 1 is an epoch that one call of `fit` goes through, where a library has such a call.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
from benchmarks import inference, step
from benchmarks.report import begin
from benchmarks.work import Work

METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread, float32. A step by itself is `learn_one` for fastbp, "
    "`partial_fit` for scikit-learn, a jitted step for JAX."
)
WORKS = [
    Work((4, 16, 1), "identity", 1),
    Work((24, 64, 64, 10), "softmax", 1),
    Work((784, 128, 10), "softmax", 1),
]


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, modules = begin("batch_one", __doc__, METHOD.format(rounds=options.rounds), options)
    works = WORKS[:1] if options.quick else WORKS
    inference.tables(report, [inference.measure(work, modules, options, report) for work in works])
    step.tables(report, [step.measure(work, modules, options, report) for work in works])
    report.write(options.output)


if __name__ == "__main__":
    main()
