"""What fraction of the peak does a step reach as layers grow, and is there a cliff between neighbouring sizes?

    python -m benchmarks.gemm

fastbp alone. The network is w-w-w-10, so that nearly all of a step is matrix products, in all three of their forms:
forward, weight gradient, error of the layer before. The peak is that of the same rounds.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
from benchmarks import peak
from benchmarks.peers.with_fastbp import make_trainer
from benchmarks.report import begin
from benchmarks.work import Work

METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread; a step within an epoch of plain gradient descent. "
    "The peak is that of a loop of multiply-adds on registers, in the same rounds."
)
WIDTHS = [128, 192, 256, 384, 512, 768, 1024]
BATCHES = [128, 256]
# Sizes that differ by one: the time of a multiply-add is to change little. (widths, batches), one of them of one size
NEIGHBOURS = [
    ((45, 46), (128,)),
    ((63, 64, 65), (128,)),
    ((127, 128, 129), (128,)),
    ((255, 256, 257), (128,)),
    ((1023, 1024, 1025), (128,)),
    ((64,), (31, 32, 33)),
    ((256,), (31, 32, 33)),
]
MOST_JUMP = 1.3


def work_of(width, batch_size, dtype="float32"):
    return Work((width, width, width, 10), "softmax", batch_size, dtype)


def measure(works, options, report):
    """Time a step of each piece of work, all in the same rounds; return a row for each."""
    callables, n_steps = {}, {}
    for work in works:
        n_steps[work] = work.n_steps(2e7, 50) if options.quick else work.n_steps()
        X, y = work.data(n_steps[work] * work.batch_size)
        trainer = make_trainer(work)
        callables[work] = lambda trainer=trainer, X=X, y=y: trainer.fit(X, y, epochs=1, shuffle=False)
    spin, spin_flops = peak.loop(works[0].dtype)
    medians = common.interleave({**callables, "peak": spin}, options.rounds, options.seconds)
    rows = []
    for work in works:
        seconds = medians[work] / n_steps[work]
        peak_rate = spin_flops / medians["peak"]
        rows.append(
            report.add(
                network=work.name,
                batch_size=work.batch_size,
                dtype=work.dtype,
                step_flops=work.step_flops,
                peak_flops_per_second=peak_rate,
                seconds_of_a_step=seconds,
                fraction_of_peak=work.step_flops / (seconds * peak_rate),
                seconds_of_a_multiplication=seconds / work.n_multiplications,
            )
        )
    return rows


def peak_table(report, options, dtype):
    lines = []
    for width in WIDTHS[:2] if options.quick else WIDTHS:
        rows = measure([work_of(width, batch_size, dtype) for batch_size in BATCHES], options, report)
        lines.append(
            [
                str(width),
                *(common.three_digits(1e6 * row["seconds_of_a_step"]) for row in rows),
                *(common.percent(row["fraction_of_peak"]) for row in rows),
                f"{rows[0]['peak_flops_per_second'] / 1e9:.1f}",
            ]
        )
    headings = [
        "width",
        *(f"batch {b}, us" for b in BATCHES),
        *(f"batch {b}, of peak" for b in BATCHES),
        "peak, GFLOP/s",
    ]
    report.table(f"Step of w-w-w-10, {dtype}", headings, lines)


def neighbour_table(report, options):
    lines = []
    for widths, batches in NEIGHBOURS[:2] if options.quick else NEIGHBOURS:
        works = [work_of(width, batch_size) for width in widths for batch_size in batches]
        rows = measure(works, options, report)
        before = None
        for work, row in zip(works, rows, strict=True):
            each = row["seconds_of_a_multiplication"]
            ratio = row["jump"] = jump(before, each) if before else None
            lines.append(
                [
                    str(work.widths[0]),
                    str(work.batch_size),
                    common.three_digits(1e6 * row["seconds_of_a_step"]),
                    common.three_digits(1e12 * each),
                    common.percent(row["fraction_of_peak"]),
                    "" if ratio is None else f"{ratio:.2f}{' (a cliff)' * (ratio > MOST_JUMP)}",
                ]
            )
            before = each
    headings = ["width", "batch", "step, us", "multiply-add, ps", "of peak", "jump from the line above"]
    report.table(f"Neighbours: a jump is to stay below {MOST_JUMP}", headings, lines)


def jump(before, after):
    """Return how many times the one time is the other, whichever is the longer."""
    return max(before, after) / min(before, after)


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, _ = begin("gemm", __doc__, METHOD.format(rounds=options.rounds), options, only=["fastbp"])
    for dtype in ("float32", "float64"):
        peak_table(report, options, dtype)
    neighbour_table(report, options)
    report.write(options.output)


if __name__ == "__main__":
    main()
