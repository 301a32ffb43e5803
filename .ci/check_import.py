"""Look at the installed wheel: where it is, what it weighs, what it imports and in what time; fail if that is too much.

Usage: python check_import.py WHEEL     (in the environment that the wheel is installed in)
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

MAX_MEGABYTES = 1.5
MAX_MILLISECONDS = 30
MAX_SHARE = 0.3  # of what NumPy takes in the same process: on a machine where that is more than 0.1 s, all takes longer
PROGRAM = """
import sys, time
start = time.perf_counter()
import numpy
of_numpy = 1e3 * (time.perf_counter() - start)
before = set(sys.modules)
start = time.perf_counter()
import fastbp
milliseconds = 1e3 * (time.perf_counter() - start)
print(fastbp.__file__)
print(milliseconds, of_numpy, *sorted(set(sys.modules) - before))
"""


def is_expected(module):
    """Say whether a module belongs to fastbp, NumPy, the standard library, or the run-time that Cython makes up."""
    top = module.partition(".")[0]
    return top in {"fastbp", "numpy", "cython_runtime"} | sys.stdlib_module_names or top.startswith("_cython_")


def import_once():
    """Return where fastbp is, the milliseconds of its import after NumPy in a new interpreter, NumPy's own, and what it
    brought."""
    output = subprocess.run([sys.executable, "-I", "-c", PROGRAM], check=True, capture_output=True, text=True).stdout
    origin, numbers = output.splitlines()
    milliseconds, of_numpy, *modules = numbers.split()
    return origin, float(milliseconds), float(of_numpy), modules


def main(wheel):
    megabytes = os.path.getsize(wheel) / 1e6
    import_once()  # compiles what pip did not, fills the file cache
    runs = [import_once() for _ in range(15)]
    milliseconds = statistics.median(run[1] for run in runs)
    of_numpy = statistics.median(run[2] for run in runs)
    most = max(MAX_MILLISECONDS, MAX_SHARE * of_numpy)
    origin, *_, modules = runs[0]
    strangers = [module for module in modules if not is_expected(module)]
    print(f"fastbp: {origin}, Python {sys.version.split()[0]}")
    print(f"wheel: {megabytes:.2f} MB (at most {MAX_MEGABYTES})")
    print(f"import fastbp, beyond numpy: {milliseconds:.1f} ms (at most {most:.1f}), {len(modules)} modules")
    print(f"import numpy: {of_numpy:.1f} ms")
    if not Path(origin).is_relative_to(sys.prefix):
        sys.exit(f"expected fastbp in {sys.prefix}, found {origin}")
    if strangers:
        sys.exit(f"import fastbp imports more than NumPy and the standard library: {', '.join(strangers)}")
    if megabytes > MAX_MEGABYTES or milliseconds > most:
        sys.exit("too big or too slow: see above")


if __name__ == "__main__":
    main(sys.argv[1])
