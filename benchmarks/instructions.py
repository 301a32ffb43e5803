"""Did a change make training or prediction execute more instructions than before?

    python -m benchmarks.instructions              compare with instructions.json beside this file
    python -m benchmarks.instructions --update     count anew and write it

The time of a step says little on a busy machine; the number of its instructions is the same to a fraction of a per cent.
Callgrind (https://valgrind.org) counts them: a program that does some work of each kind, and for each kind the same
program with more of it. The difference, divided by how much more, is what one step or call costs: start-up and import
cancel out. The kernels are those for AVX2, the widest vectors that Callgrind knows.

Another compiler makes other instructions, so the file keeps the counts by compiler: those that compiled the installed
kernels, as they wrote it into them. What is not in the file is counted and shown, but not compared.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
TARGET = "avx2"
TOLERANCE = 0.03

# name: (widths, output, optimiser, batch size, batches of an epoch; or "predict", "predict_one", "learn_one",
# epochs or calls in the baseline, how many more are counted)
CASES = {
    "train 2-16-1, batch 32": ([2, 16, 1], "identity", "SGD", 32, 8, 2, 500),
    "train 10-32-32-1, batch 32, Adam": ([10, 32, 32, 1], "identity", "Adam", 32, 8, 2, 100),
    "train 64-64-10, batch 64": ([64, 64, 10], "softmax", "SGD", 64, 4, 2, 100),
    "train 784-128-10, batch 128": ([784, 128, 10], "softmax", "SGD", 128, 2, 2, 20),
    "train 784-128-10, batch 1": ([784, 128, 10], "softmax", "SGD", 1, 32, 2, 60),
    "predict 784-128-10, batch 32": ([784, 128, 10], "softmax", "predict", 32, 1, 2, 200),
    "predict_one 24-64-64-10": ([24, 64, 64, 10], "softmax", "predict_one", 1, 1, 2, 4000),
    "learn_one 4-16-1": ([4, 16, 1], "identity", "learn_one", 1, 1, 2, 2000),
}


def work(more):
    """Do the baseline of every case, and of the case `more`, if it is named, all of it; this is what is counted."""
    import time

    # `fit` asks the engine for as many batches at once as take it some milliseconds. With a clock that stands still it
    # asks for the same number in every run.
    time.perf_counter = time.monotonic = lambda: 0.0

    import numpy as np

    import fastbp

    for name, (widths, output, what, batch_size, n_batches, base, extra) in CASES.items():
        rng = np.random.default_rng(0)
        X = rng.normal(size=(batch_size * n_batches, widths[0])).astype(np.float32)
        y = rng.integers(0, widths[-1], len(X)) if output == "softmax" else rng.normal(size=(len(X), widths[-1]))
        net = fastbp.Network.mlp(widths, activation="relu", output=output, seed=0)
        optimizer = fastbp.Adam() if what == "Adam" else fastbp.SGD(learning_rate=0.01)
        trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size)
        n = base + (extra if name == more else 0)
        if what == "predict":
            for _ in range(n):
                net.predict(X)
        elif what == "predict_one":
            x, out = X[0], np.empty(net.n_out, np.float32)
            for _ in range(n):
                net.predict_one(x, out)
        elif what == "learn_one":
            x, target = X[0], y[0].astype(np.float32)
            for _ in range(n):
                trainer.learn_one(x, target)
        else:
            trainer.fit(X, y, epochs=n, shuffle=False)


def count(more):
    """Return the instructions of `work(more)`, interpreter and imports included."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FASTBP_TARGET": TARGET, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, "-m", "benchmarks.instructions", "--work", more]
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr}")
        return instructions_in(Path(folder, "out").read_text(encoding="utf-8"))


def instructions_in(profile):
    """Return the total of a Callgrind profile."""
    return int(re.search(r"^totals: (\d+)", profile, re.MULTILINE)[1])


def count_all():
    """Return the instructions of one step or call of each case."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        baseline, *totals = pool.map(count, ["", *CASES])
    counts = {}
    for (name, (_, _, what, _, n_batches, _, extra)), total in zip(CASES.items(), totals, strict=True):
        counts[name] = round((total - baseline) / (extra * (n_batches if name.startswith("train") else 1)))
    return counts


def compilers():
    """Return the compilers' own names for themselves, from the kernels that they made."""
    from importlib.util import find_spec

    origin = find_spec(f"fastbp._engine.kernels_{TARGET}_f32").origin
    return compilers_in(Path(origin).read_bytes())


def compilers_in(binary):
    """Return what GCC and Clang write into the .comment section of all they compile."""
    found = {match.decode() for match in re.findall(rb"GCC: \([^)\0]*\) [\d.]+|[\w ]*clang version [\d.]+", binary)}
    return ", ".join(sorted(found)) or "unknown"


def compare(counts, expected):
    """Return a table of counts beside what is expected, and the names of those that are further off than they may be."""
    from benchmarks.common import table

    lines, off = [], []
    for name, n in counts.items():
        change = n / expected[name] - 1 if name in expected else None
        if change is not None and abs(change) > TOLERANCE:
            off.append(name)
        then, by = (f"{expected[name]:,}", f"{change:+.1%}") if name in expected else ("-", "new")
        lines.append([name, then, f"{n:,}", by + " !" * (name in off)])
    return table(["instructions of one step or call", "expected", "counted", "change"], lines), off


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help=f"write the counts to {FILE.name}")
    parser.add_argument("--work", metavar="CASE", help=argparse.SUPPRESS)  # the process that is counted
    options = parser.parse_args(arguments)
    if options.work is not None:
        return work(options.work)
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed: nothing was counted")
    compiler = compilers()
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    counts = count_all()
    text, off = compare(counts, known.get(compiler, {}))
    print(f"compiler: {compiler}; target: {TARGET}\n\n{text}\n")
    if options.update:
        FILE.write_text(json.dumps({**known, compiler: counts}, indent=2) + "\n", encoding="utf-8")
        print(f"written: {FILE.name}")
    elif compiler not in known:
        print(f"Not compared: {FILE.name} has counts of {', '.join(known) or 'no compiler'}. --update adds this one.")
    elif off:
        sys.exit(
            f"more than {TOLERANCE:.0%} off: {'; '.join(off)}. If that is meant, or an improvement to be kept, "
            "`python -m benchmarks.instructions --update` writes the new counts"
        )
    else:
        print(f"All within {TOLERANCE:.0%}.")


if __name__ == "__main__":
    main()
