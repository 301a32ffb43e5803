"""What do two threads bring: to one network, and to two networks in one program?

    python -m benchmarks.threads

fastbp alone, on two cores. First the steps of one `fit` with `n_threads=2` beside `n_threads=1`; then two networks that
two Python threads train at the same time, beside the same two one after the other.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import os
from concurrent.futures import ThreadPoolExecutor

from benchmarks.peers.with_fastbp import make_trainer
from benchmarks.report import begin
from benchmarks.work import NETWORKS

METHOD = (
    "Median of {rounds} interleaved rounds, not pinned, float32; a `fit` is long enough that starting a thread does "
    "not matter."
)
_FLOPS_OF_A_FIT = 5e9  # some 0.05 s
_MOST_EPOCHS = 200


def fit_of(work, n_threads, quick):
    """Return a callable that trains for some epochs, and its number of steps."""
    n_steps = work.n_steps(2e7, 50) if quick else work.n_steps()
    epochs = 1 if quick else max(1, min(_MOST_EPOCHS, round(_FLOPS_OF_A_FIT / (work.step_flops * n_steps))))
    X, y = work.data(n_steps * work.batch_size)
    trainer = make_trainer(work, n_threads=n_threads)
    return lambda: trainer.fit(X, y, epochs=epochs, shuffle=False), n_steps * epochs


def measure_one_network(work, options, report):
    """Time the same `fit` with one thread and with two."""
    fits = {n_threads: fit_of(work, n_threads, options.quick) for n_threads in (1, 2)}
    callables = {n_threads: run for n_threads, (run, _) in fits.items()}
    medians = common.interleave(callables, options.rounds, options.seconds)
    seconds = {n_threads: medians[n_threads] / n_steps for n_threads, (_, n_steps) in fits.items()}
    return report.add(
        kind="one network",
        network=work.name,
        batch_size=work.batch_size,
        seconds_of_a_step=seconds,
        speed_up=seconds[1] / seconds[2],
    )


def measure_two_networks(work, options, report, pool):
    """Time two networks trained at the same time, each by its own Python thread, and one after the other."""
    (first, n_steps), (second, _) = (fit_of(work, 1, options.quick) for _ in range(2))

    def in_turn():
        first()
        second()

    def together():
        for future in [pool.submit(first), pool.submit(second)]:
            future.result()

    medians = common.interleave({"in turn": in_turn, "together": together}, options.rounds, options.seconds)
    return report.add(
        kind="two networks",
        network=work.name,
        batch_size=work.batch_size,
        seconds_of_a_step={name: seconds / (2 * n_steps) for name, seconds in medians.items()},
        speed_up=medians["in turn"] / medians["together"],
    )


def table(report, title, headings, rows):
    lines = []
    for row in rows:
        times = [common.three_digits(1e6 * seconds) for seconds in row["seconds_of_a_step"].values()]
        lines.append([row["network"], str(row["batch_size"]), *times, f"{row['speed_up']:.2f}x"])
    report.table(title, ["network", "batch", *headings, "faster by"], lines)


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    report, _ = begin(
        "threads", __doc__, METHOD.format(rounds=options.rounds), options, only=["fastbp"], one_core=False
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores < 2:
        report.note(
            f"This process may use {cores} core: two threads have nothing to run on, and this shows their cost."
        )
    works = NETWORKS[:4] if options.quick else NETWORKS
    rows = [measure_one_network(work, options, report) for work in works]
    table(report, "One network: microseconds of a step", ["1 thread", "2 threads"], rows)
    with ThreadPoolExecutor(2) as pool:
        rows = [measure_two_networks(work, options, report, pool) for work in works]
    table(report, "Two networks: microseconds of a step of either", ["in turn", "together"], rows)
    report.write(options.output)


if __name__ == "__main__":
    main()
