"""What every benchmark shares: one core, one thread a library, interleaved rounds, medians, tables, options.

Import this module before NumPy and before anything that imports it: an OpenBLAS that is loaded has started its threads.
"""

import argparse
import contextlib
import gc
import importlib
import importlib.metadata
import os
import platform
import statistics
import sys
import time
from pathlib import Path

THREADS_ARE_LIMITED = "numpy" not in sys.modules
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"


def pin_to_one_core():
    """Keep this process on the last core it may use (the first one serves the most interrupts); return its number.

    Returns None where the operating system offers no such call (macOS, Windows).
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def header(packages=("fastbp", "numpy"), core=None):
    """Return the lines that belong above every table: machine, core, Python, and the version of each package."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    pinned = "not pinned" if core is None else f"pinned to core {core}"
    limited = "1 BLAS thread" if THREADS_ARE_LIMITED else "BLAS threads not limited: NumPy was imported first"
    return "\n".join(
        [
            f"{cpu_name()}, {os.cpu_count()} cores, {pinned}, {limited}",
            f"{platform.system()} {platform.release().split('-')[0]}, "
            f"{platform.python_implementation()} {platform.python_version()}",
            versions,
        ]
    )


def version(package):
    """Return a package's version as it was installed, or what it says itself where it runs from a source tree."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return importlib.import_module(package).__version__


def cpu_name():
    """Return the processor's own name where Linux tells it, else what `platform` knows."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def interleave(callables, rounds=9, seconds=0.05):
    """Time callables in turn, round after round, and return the median seconds of one call of each.

    What disturbs a machine (a neighbour, a change of clock) lasts longer than a round, so it falls on all of them
    alike. A sample of a callable is as many calls as fill `seconds`, and at least one. The order is turned round from
    one round to the next, so that no callable always runs behind the same neighbour and in the cache that it leaves.

    Parameters
    ----------
    callables : dict of name to callable
        Each is called without arguments. They should do the same work.
    rounds : int
        Number of samples of each.
    seconds : float
        The least length of a sample.

    Returns
    -------
    dict of name to float
        Median seconds a call, in the order of `callables`.
    """
    with no_garbage_collection():
        n_calls = {name: _calls_to_fill(seconds, function) for name, function in callables.items()}
        samples = {name: [] for name in callables}
        names = list(callables)
        for _ in range(rounds):
            for name in names:
                samples[name].append(_seconds_of(callables[name], n_calls[name]) / n_calls[name])
            names.reverse()
    return {name: statistics.median(samples[name]) for name in callables}


@contextlib.contextmanager
def no_garbage_collection():
    """Keep the cyclic collector from running in the middle of a sample."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _seconds_of(function, n_calls):
    start = time.perf_counter()
    for _ in range(n_calls):
        function()
    return time.perf_counter() - start


def _calls_to_fill(seconds, function):
    function()  # warms caches, allocates buffers and compiles, where that is done late
    n_calls = 1
    while _seconds_of(function, n_calls) < seconds:
        n_calls *= 2
    return n_calls


def table(headings, rows):
    """Return rows of strings as aligned text: the first column to the left, the others to the right."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown_table(headings, rows):
    """Return rows of strings as a Markdown table: the first column to the left, the others to the right."""
    rule = [":--", *["--:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [headings, rule, *rows])


def three_digits(value):
    """Return a number above zero with three significant digits, or all of them before the point."""
    decimals = next((n for n, limit in ((0, 99.95), (1, 9.995), (2, 0.9995)) if value >= limit), 3)
    return f"{value:,.{decimals}f}"


def percent(fraction):
    """Return a fraction in per cent, with no more digits than can be measured."""
    if fraction < 1e-4:
        return "< 0.01 %"
    return f"{100 * fraction:.{2 if fraction < 0.01 else 1}f} %"


def parser(description):
    """Return a parser of the options that all questions have.

    Parsed, they are `quick`, `rounds`, `seconds` (a sample's least length), `without` (names of peers) and `output`, a
    folder: a quick run writes to one of its own.
    """
    options = argparse.ArgumentParser(description=description.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="less of everything: to see that it runs, not to measure")
    options.add_argument("--rounds", type=int, help="samples of each candidate, 9 by default")
    options.add_argument("--without", default="", metavar="NAMES", help="peers to leave out: torch.compile,JAX say")
    options.add_argument("--output", type=Path, help="folder for the results, benchmarks/results by default")
    return options


def parse(options, arguments=None):
    """Return what `parser` has parsed, with what follows from it filled in."""
    parsed = options.parse_args(arguments)
    parsed.rounds = parsed.rounds or (3 if parsed.quick else 9)
    parsed.seconds = 0.002 if parsed.quick else 0.05
    parsed.without = [name for name in parsed.without.split(",") if name]
    results = Path(__file__).parent / "results"
    parsed.output = parsed.output or (results / "quick" if parsed.quick else results)
    return parsed
