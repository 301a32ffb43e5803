"""How long does a prediction take, beside other libraries?

    python -m benchmarks.inference

A line is one network and number of samples in a call: relu inside, float32, the same weights and samples for all. Every
candidate is checked against NumPy before it is timed. What a user calls is timed, with the checks that it makes.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
from benchmarks import peak, peers
from benchmarks.report import begin
from benchmarks.work import Work

LIBRARIES = ["fastbp", "ONNX Runtime", "JAX", "NumPy", "PyTorch", "scikit-learn"]
METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread, float32; a call predicts one batch. JAX's and "
    "PyTorch's samples are where they want them before the clock starts. The peak is that of a loop of multiply-adds "
    "on registers, in the same rounds."
)
BATCHES = [
    Work((4, 16, 1), "identity", 1),
    Work((24, 64, 64, 10), "softmax", 1),
    Work((24, 64, 64, 10), "softmax", 32),
    Work((24, 64, 64, 10), "softmax", 1024),
    Work((784, 128, 10), "softmax", 1),
    Work((784, 128, 10), "softmax", 32),
    Work((784, 128, 10), "softmax", 1024),
    Work((784, 512, 512, 10), "softmax", 1),
    Work((784, 512, 512, 10), "softmax", 32),
    Work((784, 512, 512, 10), "softmax", 1024),
]


def measure(work, modules, options, report):
    """Time all libraries on one batch; return a row for the report, with the seconds of a call by library."""
    X, _ = work.data(work.batch_size)
    start = work.start()
    predictors, notes = peers.gather(modules, "inference", work, start, X)
    for note in notes:
        report.note(note)
    peers.check_inference(predictors, work, start, X)
    spin, spin_flops = peak.loop(work.dtype)
    callables = {predictor.name: predictor.run for predictor in predictors}
    medians = common.interleave({**callables, "peak": spin}, options.rounds, options.seconds)
    return report.add(
        network=work.name,
        batch_size=work.batch_size,
        dtype=work.dtype,
        prediction_flops=work.prediction_flops,
        peak_flops_per_second=spin_flops / medians.pop("peak"),
        seconds_of_a_call=medians,
    )


def tables(report, rows):
    """Add the tables: times, ratios to fastbp's `predict`, fraction of the peak that `predict` reaches."""
    names = [*LIBRARIES[:1], "fastbp predict_one", *LIBRARIES[1:]]
    shown = [name for name in names if any(name in row["seconds_of_a_call"] for row in rows)]
    headings = ["network", "batch", *("fastbp predict" if name == "fastbp" else name for name in shown)]

    def table(title, cell, extra=(), more=lambda row: ()):
        lines = [
            [
                row["network"],
                str(row["batch_size"]),
                *(cell(row, row["seconds_of_a_call"][n]) if n in row["seconds_of_a_call"] else "-" for n in shown),
                *more(row),
            ]
            for row in rows
        ]
        report.table(title, [*headings, *extra], lines)

    def at_peak(row):
        return row["prediction_flops"] / row["peak_flops_per_second"]

    table(
        "A call, microseconds",
        lambda row, seconds: common.three_digits(1e6 * seconds),
        ["at peak"],
        lambda row: [common.three_digits(1e6 * at_peak(row))],
    )
    table(
        "The same, in calls of fastbp predict",
        lambda row, seconds: common.three_digits(seconds / row["seconds_of_a_call"]["fastbp"]) + "x",
    )
    table("The same, as a fraction of the peak", lambda row, seconds: common.percent(at_peak(row) / seconds))


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, modules = begin("inference", __doc__, METHOD.format(rounds=options.rounds), options, only=LIBRARIES)
    tables(report, [measure(work, modules, options, report) for work in BATCHES])
    report.write(options.output)


if __name__ == "__main__":
    main()
