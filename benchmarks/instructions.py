"""Did a change make training or prediction execute more instructions than before?

    python -m benchmarks.instructions                  compare with instructions.json beside this file
    python -m benchmarks.instructions --update         count anew and write it
    python -m benchmarks.instructions --file COUNTS    either, with another file

The time of a step says little on a busy machine; the number of its instructions is the same to a fraction of a per
cent. Callgrind (https://valgrind.org) counts them, in one run of a program that does some work of each kind, and then
more of it: the difference, divided by how much more, is what one step or call costs. The kernels are those for AVX2,
the widest vectors that Callgrind knows.

Another compiler makes other instructions, and a call from Python goes through another CPython and NumPy. So the file
keeps the counts by these three; the compiler is the one that left its name in the installed kernels. Where the file has
none for what is here, there is nothing to compare with, and that is an error: a guard that has compared nothing has not
passed. With --if-known it only says so, and counts nothing: for machines that may have any compiler. CI makes a file of
its own with the fastbp of the commit before, so that any will do there.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_suffix(".json")
TARGET = "avx2"
TOLERANCE = 0.03

BASELINE = 2  # epochs or calls of each case, which cancel out
MARK = "getppid"  # Callgrind writes down what it has counted, and begins anew, when the program calls this


class Case(NamedTuple):
    """What is called, on which network, and how many epochs or calls are counted."""

    call: str
    widths: list
    output: str
    more: int
    batch_size: int = 1
    n_batches: int = 1
    optimizer: str = "SGD"


CASES = {
    "fit 2-16-1, batch 32": Case("fit", [2, 16, 1], "identity", 400, 32, 8),
    "fit 10-32-32-1, batch 32, Adam": Case("fit", [10, 32, 32, 1], "identity", 100, 32, 8, "Adam"),
    "fit 64-64-10, batch 64": Case("fit", [64, 64, 10], "softmax", 50, 64, 4),
    "fit 784-128-10, batch 128": Case("fit", [784, 128, 10], "softmax", 8, 128, 2),
    "fit 784-128-10, batch 1": Case("fit", [784, 128, 10], "softmax", 8, 1, 32),
    "predict 784-128-10, batch 32": Case("predict", [784, 128, 10], "softmax", 60, 32),
    "predict_one 24-64-64-10": Case("predict_one", [24, 64, 64, 10], "softmax", 4000),
    "learn_one 4-16-1": Case("learn_one", [4, 16, 1], "identity", 4000),
}


def work():
    """Do the baseline of every case twice, for the first time is not like the others, and then more: the program that
    is counted, with a mark before and after the last two."""
    import time

    # `fit` asks the engine for as many batches at once as take it some milliseconds. With a clock that stands still it
    # asks for the same number in every run.
    time.perf_counter = time.monotonic = lambda: 0.0

    import numpy as np

    import fastbp

    for case in CASES.values():
        rng = np.random.default_rng(0)
        X = rng.normal(size=(case.batch_size * case.n_batches, case.widths[0])).astype(np.float32)
        y = rng.integers(0, case.widths[-1], len(X))
        if case.output == "identity":
            y = y[:, None].astype(np.float32)
        net = fastbp.Network.mlp(case.widths, activation="relu", output=case.output, seed=0)
        optimizer = getattr(fastbp, case.optimizer)(learning_rate=0.001)
        trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=case.batch_size)
        function, arguments = {
            "fit": (trainer.fit, (X, y)),
            "predict": (net.predict, (X,)),
            "predict_one": (net.predict_one, (X[0], np.empty(net.n_out, np.float32))),
            "learn_one": (trainer.learn_one, (X[0], y[0])),
        }[case.call]
        mark = getattr(os, MARK)
        for n in (BASELINE, BASELINE, BASELINE + case.more):
            if case.call == "fit":
                function(*arguments, epochs=n, shuffle=False)
            else:
                for _ in range(n):
                    function(*arguments)
            mark()


def count_all():
    """Return the instructions of one step or call of each case."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FASTBP_TARGET": TARGET, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", f"--dump-before={MARK}"]
        command += [sys.executable, "-m", "benchmarks.instructions", "--work"]
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr}")
        files = [Path(folder, f"out.{number}") for number in range(1, 3 * len(CASES) + 1)]
        totals = [instructions_in(file.read_text(encoding="utf-8")) for file in files]
    return {
        name: round((more - baseline) / (case.more * case.n_batches))
        for (name, case), baseline, more in zip(CASES.items(), totals[1::3], totals[2::3], strict=True)
    }


def instructions_in(profile):
    """Return the total of a Callgrind profile."""
    return int(re.search(r"^totals: (\d+)", profile, re.MULTILINE)[1])


def environment():
    """Return what the counts depend on, besides fastbp: compiler, CPython and NumPy."""
    from importlib.util import find_spec

    import numpy as np

    spec = find_spec(f"fastbp._engine.kernels_{TARGET}_f32")
    if spec is None:
        sys.exit(f"fastbp has no {TARGET} kernels on this machine: nothing was counted")
    python = "{}.{}".format(*sys.version_info[:2])
    numpy = ".".join(np.__version__.split(".")[:2])
    return f"{compilers_in(Path(spec.origin).read_bytes())}; CPython {python}; NumPy {numpy}"


def compilers_in(binary):
    """Return what GCC and Clang write into the .comment section of all they compile."""
    found = {match.decode() for match in re.findall(rb"GCC: \([^)\0]*\) [\d.]+|[\w ]*clang version [\d.]+", binary)}
    return ", ".join(sorted(found)) or "unknown"


def compare(counts, expected):
    """Return a table of counts beside the expected ones, and the names of those that are many more, or fewer."""
    from benchmarks.common import table

    lines, more, less = [], [], []
    for name, n in counts.items():
        change = n / expected[name] - 1 if name in expected else 0
        if abs(change) > TOLERANCE:
            (more if change > 0 else less).append(name)
        then, by = (f"{expected[name]:,}", f"{change:+.1%}") if name in expected else ("-", "new")
        lines.append([name, then, f"{n:,}", by + " !" * (name in more)])
    return table(["instructions of one step or call", "expected", "counted", "change"], lines), more, less


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the counts to the file")
    parser.add_argument("--file", type=Path, default=FILE, metavar="COUNTS", help=f"default: {FILE.name}")
    parser.add_argument("--if-known", action="store_true", help="do nothing if there is nothing to compare with")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)  # the process that is counted
    options = parser.parse_args(arguments)
    if options.work:
        work()
        return
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed: nothing was counted")
    file, here = options.file, environment()
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    update = "--update" if file == FILE else f"--update --file {file}"
    if here not in known and not options.update:
        nothing = (
            f"nothing to compare with: {file.name} has counts for {' and '.join(known) or 'nothing'}, here is {here}. "
            f"`python -m benchmarks.instructions {update}`, with the fastbp to compare with, adds these"
        )
        if options.if_known:
            print(nothing)
            return
        sys.exit(nothing)
    counts = count_all()
    text, more, less = compare(counts, known.get(here, {}))
    print(f"{here}; kernels for {TARGET}\n\n{text}\n")
    if options.update:
        file.write_text(json.dumps({**known, here: counts}, indent=2) + "\n", encoding="utf-8")
        print(f"written: {file}")
        return
    if less:
        print(f"Fewer: {'; '.join(less)}. `python -m benchmarks.instructions {update}` sees to it that they remain so.")
    if more:
        sys.exit(
            f"more than {TOLERANCE:.0%} more: {'; '.join(more)}. If that is meant, "
            f"`python -m benchmarks.instructions {update}` writes the new counts"
        )
    print(f"None is more than {TOLERANCE:.0%} more.")


if __name__ == "__main__":
    main()
