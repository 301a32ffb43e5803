"""Which goals do the measured results reach, and by how much are the others missed?

    python -m benchmarks.goals
    python -m benchmarks.goals --results FOLDER

Nothing is timed here: `python -m benchmarks` has written what is read. Three goals are not among these but tests: the
wheel's size and the time of its import (.ci/check_import.py), and that activations are right to 3 ulp
(tests/test_vmath.py).
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import common, step

RESULTS = Path(__file__).parent / "results"

TINY = ["2-16-1, 32", "4-32-3, 32", "10-32-32-1, 32"]
IMAGES = "784-128-10"
LARGE = ["784-512-512-10, 128", "256-1024-1024-1024-10, 256"]


class Results:
    """The rows that questions have left in a folder, by question, then by "network, batch"."""

    def __init__(self, folder=RESULTS):
        self.folder = folder

    def rows(self, question):
        """Return a question's rows; none if it was not asked."""
        file = self.folder / f"{question}.json"
        return json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []

    def by_case(self, question, has):
        """Return {"network, batch": row} of the rows that have a key."""
        return {f"{row['network']}, {row['batch_size']}": row for row in self.rows(question) if has in row}


@dataclass(frozen=True)
class Goal:
    """What is to hold for each of some cases: at least, or at most, a limit.

    `values` takes `Results` and returns {case: value}.
    """

    what: str
    limit: float
    values: Callable
    at_least: bool = True

    def is_reached(self, value):
        return value >= self.limit if self.at_least else value <= self.limit

    def shortfall(self, value):
        """Return the part of the limit that a value is short of it, or beyond it; below zero if it is better."""
        return (self.limit - value if self.at_least else value - self.limit) / self.limit


def at_most(what, limit, values):
    return Goal(what, limit, values, at_least=False)


# Each returns a function of the results that returns {case: value}.


def of_cases(question, has, value, cases):
    def values(results):
        rows = results.by_case(question, has)
        return {case: value(row) for case, row in rows.items() if case in cases}

    return values


def fraction_of_step(*cases):
    return of_cases("step", "step_flops", lambda row: step.fraction_of_peak(row, step.best_way(row)["fastbp"]), cases)


def microseconds_of_a_step(question, unit, *cases):
    return of_cases(question, "step_flops", lambda row: 1e6 * row["seconds_of_a_step"][unit]["fastbp"], cases)


def microseconds_of_predict_one(*cases):
    return of_cases(
        "batch_one", "seconds_of_a_call", lambda row: 1e6 * row["seconds_of_a_call"]["fastbp predict_one"], cases
    )


def fraction_of_gemm(dtype):
    def values(results):
        return {
            f"{row['network']}, {row['batch_size']}": row["fraction_of_peak"]
            for row in results.rows("gemm")
            if row["dtype"] == dtype and "jump" not in row and int(row["network"].split("-")[0]) >= 256
        }

    return values


def peer_in_steps(peers, cases=None):
    """How many of fastbp's steps the fastest of some peers takes for one of its own."""

    def values(results):
        found = {}
        for case, row in results.by_case("step", "step_flops").items():
            seconds = step.best_way(row)
            others = [seconds[peer] for peer in seconds if peer != "fastbp" and (peers is None or peer in peers)]
            if others and (cases is None or case in cases):
                found[case] = min(others) / seconds["fastbp"]
        return found

    return values


def batches_of_inference(results):
    """Rows of layers of 128 and more, but for the last, and of 32 samples and more."""
    rows = results.by_case("inference", "prediction_flops")
    return {
        case: row
        for case, row in rows.items()
        if row["batch_size"] >= 32 and min(map(int, row["network"].split("-")[:-1])) >= 128
    }


def fraction_of_inference(results):
    return {
        case: row["prediction_flops"] / (row["seconds_of_a_call"]["fastbp"] * row["peak_flops_per_second"])
        for case, row in batches_of_inference(results).items()
    }


def onnx_in_calls(results):
    found = {}
    for case, row in results.by_case("inference", "prediction_flops").items():
        seconds = row["seconds_of_a_call"]
        if "ONNX Runtime" in seconds:
            fast = min(value for name, value in seconds.items() if name.startswith("fastbp"))
            found[case] = seconds["ONNX Runtime"] / fast
    return found


def cost_of_option(variant, is_meant):
    def values(results):
        found = {}
        for row in results.rows("options"):
            widths = list(map(int, row["network"].split("-")))
            if is_meant(widths, row["batch_size"]):
                seconds = row["seconds_of_a_step"]
                case = f"{row['network']}, {row['batch_size']}, {row['n_samples']:,} samples"
                found[case] = seconds[variant] / seconds["plain"]
        return found

    return values


def speed_up(longer_than):
    def values(results):
        return {
            f"{row['network']}, {row['batch_size']}": row["speed_up"]
            for row in results.rows("threads")
            if row["kind"] == "one network" and row["seconds_of_a_step"]["1"] > longer_than
        }

    return values


def jumps(results):
    return {f"{row['network']}, {row['batch_size']}": row["jump"] for row in results.rows("gemm") if row.get("jump")}


GOALS = [
    Goal("step of w-w-w-10, w >= 256, batch >= 128, float32: of the peak", 0.85, fraction_of_gemm("float32")),
    Goal("the same, float64: of the peak", 0.85, fraction_of_gemm("float64")),
    Goal("step of large networks: of the peak", 0.85, fraction_of_step(*LARGE)),
    Goal(f"step of {LARGE[0]}: of the peak, at the least", 0.75, fraction_of_step(LARGE[0])),
    Goal(f"step of {LARGE[1]}: of the peak, at the least", 0.78, fraction_of_step(LARGE[1])),
    Goal(f"step of {IMAGES}, 128: of the peak", 0.80, fraction_of_step(f"{IMAGES}, 128")),
    Goal(f"step of {IMAGES}, 32: of the peak", 0.70, fraction_of_step(f"{IMAGES}, 32")),
    Goal("step of 64-64-10, 64: of the peak", 0.65, fraction_of_step("64-64-10, 64")),
    Goal("step of tiny networks: JAX's, of ours", 5, peer_in_steps(["JAX"], TINY)),
    Goal("step of tiny networks: PyTorch's, of ours", 100, peer_in_steps(["PyTorch"], TINY)),
    Goal("step of tiny networks: scikit-learn's, of ours", 50, peer_in_steps(["scikit-learn"], TINY)),
    at_most("step of 2-16-1, 32: microseconds", 1.5, microseconds_of_a_step("step", "epoch", "2-16-1, 32")),
    Goal(f"step of {LARGE[0]}: PyTorch's, of ours", 1.25, peer_in_steps(["PyTorch"], LARGE[:1])),
    Goal(f"step of {IMAGES}, 32: PyTorch's, of ours", 3.5, peer_in_steps(["PyTorch"], [f"{IMAGES}, 32"])),
    Goal(f"step of {IMAGES}, 32: JAX's, of ours", 1.25, peer_in_steps(["JAX"], [f"{IMAGES}, 32"])),
    Goal("any step: the fastest peer's, of ours", 1, peer_in_steps(None)),
    at_most(f"step of {IMAGES}, 1: microseconds", 15, microseconds_of_a_step("batch_one", "epoch", f"{IMAGES}, 1")),
    at_most("learn_one of 4-16-1: microseconds", 2, microseconds_of_a_step("batch_one", "step", "4-16-1, 1")),
    at_most("predict_one of 4-16-1: microseconds", 1, microseconds_of_predict_one("4-16-1, 1")),
    Goal("inference, widths >= 128, batch >= 32: of the peak", 0.88, fraction_of_inference),
    Goal("inference: ONNX Runtime's call, of ours", 1, onnx_in_calls),
    at_most("Adam, batch >= 64: of plain", 1.25, cost_of_option("Adam", lambda widths, batch: batch >= 64)),
    at_most("tanh, widths >= 128: of relu", 1.1, cost_of_option("tanh", lambda widths, batch: min(widths[:-1]) >= 128)),
    at_most("shuffled: of in order", 1.05, cost_of_option("shuffled", lambda widths, batch: True)),
    Goal("two threads, steps over 200 us: speed-up", 1.8, speed_up(200e-6)),
    Goal("two threads, any step: speed-up", 0.97, speed_up(0)),
    at_most("neighbouring sizes: jump of the time of a multiply-add", 1.3, jumps),
]


def judge(results, goals=GOALS):
    """Return a line of the table for each goal, and one for each case that misses its goal."""
    lines, missed = [], []
    for goal in goals:
        values = goal.values(results)
        limit = f"{'>=' if goal.at_least else '<='} {goal.limit:g}"
        if not values:
            lines.append([goal.what, limit, "", "", "0", "not measured"])
            continue
        worst = max(values, key=lambda case: goal.shortfall(values[case]))
        short = {case: value for case, value in values.items() if not goal.is_reached(value)}
        verdict = f"missed by {goal.shortfall(values[worst]):.1%}" if short else "reached"
        share = f"{len(values) - len(short)} of {len(values)}"
        lines.append([goal.what, limit, common.three_digits(values[worst]), worst, share, verdict])
        missed += [
            [goal.what, limit, common.three_digits(value), case, f"{goal.shortfall(value):.1%}"]
            for case, value in short.items()
        ]
    return lines, missed


HEADINGS = ["goal", "limit", "worst", "of", "cases", "verdict"]
HEADINGS_OF_MISSED = ["goal", "limit", "measured", "of", "missed by"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="benchmarks/results by default")
    lines, missed = judge(Results(parser.parse_args(arguments).results))
    print(common.table(HEADINGS, lines))
    if missed:
        print(f"\nEach case that is missed\n{common.table(HEADINGS_OF_MISSED, missed)}")
    reached = sum(line[-1] == "reached" for line in lines)
    print(f"\n{reached} of {len(lines)} goals are reached")


if __name__ == "__main__":
    main()
