"""How long does one step of gradient descent take, and an epoch of them, beside other libraries?

    python -m benchmarks.step

A line is one network and batch size: relu inside, float32, plain gradient descent, the same random data in the same
order, the same weights to begin with. Every candidate is checked against NumPy before it is timed.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
from benchmarks import peak, peers
from benchmarks.report import begin
from benchmarks.work import NETWORKS, SMALL

LIBRARIES = ["fastbp", "JAX", "NumPy", "torch.compile", "PyTorch", "scikit-learn", "pure Python"]
METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread, float32; a step is forward, loss, backward and "
    "update of one mini-batch. All start from the same weights and were checked to take the same steps. The peak is "
    "that of a loop of multiply-adds on registers, in the same rounds."
)


def measure(work, modules, options, report):
    """Time all libraries on one piece of work.

    Returns
    -------
    dict
        A row for the report: seconds of a step by unit and library, operations of a step, operations a second at peak.
    """
    n_steps = work.n_steps(2e7, 50) if options.quick else work.n_steps()
    X, y = work.data(n_steps * work.batch_size)
    start = work.start()
    candidates, notes = peers.gather(modules, "training", work, start, X, y)
    for note in notes:
        report.note(note)
    peers.check_training(candidates, work, start, X, y)
    spin, spin_flops = peak.loop(work.dtype)
    callables = {(candidate.unit, candidate.name): candidate.run for candidate in candidates}
    medians = common.interleave({**callables, "peak": spin}, options.rounds, options.seconds)
    seconds = {"epoch": {}, "step": {}}
    for candidate in candidates:
        seconds[candidate.unit][candidate.name] = medians[candidate.unit, candidate.name] / candidate.n_steps
    return report.add(
        network=work.name,
        batch_size=work.batch_size,
        dtype=work.dtype,
        n_steps=n_steps,
        step_flops=work.step_flops,
        peak_flops_per_second=spin_flops / medians["peak"],
        seconds_of_a_step=seconds,
    )


def best_way(row):
    """Return the seconds of a step of each library, in an epoch: a call for all of it where the library has one."""
    return {**row["seconds_of_a_step"]["step"], **row["seconds_of_a_step"]["epoch"]}


def fraction_of_peak(row, seconds):
    return row["step_flops"] / (seconds * row["peak_flops_per_second"])


def tables(report, rows):
    """Add the tables that compare libraries: an epoch, a call a step, ratios, fractions of the peak."""
    shown = [name for name in LIBRARIES if any(name in best_way(row) for row in rows)]
    headings = ["network", "batch", *shown]

    def table(title, cell, seconds_of):
        report.table(
            title,
            headings,
            [
                [
                    row["network"],
                    str(row["batch_size"]),
                    *(cell(row, seconds_of(row)[name]) if name in seconds_of(row) else "-" for name in shown),
                ]
                for row in rows
            ],
        )

    table("A step within an epoch, microseconds", lambda row, seconds: common.three_digits(1e6 * seconds), best_way)
    table(
        "The same, in steps of fastbp",
        lambda row, seconds: common.three_digits(seconds / best_way(row)["fastbp"]) + "x",
        best_way,
    )
    table(
        "The same, as a fraction of the peak",
        lambda row, seconds: common.percent(fraction_of_peak(row, seconds)),
        best_way,
    )
    table(
        "A step that Python calls by itself, microseconds",
        lambda row, seconds: common.three_digits(1e6 * seconds),
        lambda row: row["seconds_of_a_step"]["step"],
    )


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, modules = begin("step", __doc__, METHOD.format(rounds=options.rounds), options, only=LIBRARIES)
    tables(report, [measure(work, modules, options, report) for work in (SMALL if options.quick else NETWORKS)])
    report.write(options.output)


if __name__ == "__main__":
    main()
