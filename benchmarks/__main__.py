"""All benchmarks, one after the other, each in a process of its own.

    python -m benchmarks                            everything
    python -m benchmarks --only step,inference      some questions
    python -m benchmarks --quick                    to see that all of it runs; the numbers mean little

Each writes its answer, in Markdown and in JSON, to benchmarks/results/ (a quick run: to benchmarks/results/quick/).
`python -m benchmarks.step --help` and so on tell the options of one question.
"""

import argparse
import subprocess
import sys
import time

# in the order of a README: the question that most readers have comes first
QUESTIONS = ["step", "widths", "inference", "batch_one", "gemm", "options", "threads", "accuracy", "tables"]
QUESTIONS += ["first_weights", "estimators", "least_squares", "lbfgs", "derivatives", "streams"]
ON_IMAGES = ("accuracy", "estimators")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(QUESTIONS), metavar="NAMES", help=f"of {', '.join(QUESTIONS)}")
    parser.add_argument("--data", help=f"folder of Fashion-MNIST, for {' and '.join(ON_IMAGES)}")
    options, common_options = parser.parse_known_args(arguments)  # the latter are for every question, which checks them
    names = options.only.split(",")
    unknown = [name for name in names if name not in QUESTIONS]
    if unknown:
        parser.error(f"the questions are {', '.join(QUESTIONS)}; got {', '.join(unknown)}")
    failed = []
    for name in names:
        own_options = ["--data", options.data] if name in ON_IMAGES and options.data else []
        print(f"\n##### {name}", flush=True)
        began = time.perf_counter()
        code = subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *common_options, *own_options])
        print(f"##### {name}: {time.perf_counter() - began:.0f} s", flush=True)
        if code:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
