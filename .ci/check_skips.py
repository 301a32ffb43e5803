"""Fail if a test was skipped in every one of several test runs: it has shown nothing.

Usage: python check_skips.py [--except WORDS] ... REPORT.xml ...     (JUnit reports, as pytest --junitxml writes them)
"""

import argparse
import sys
import xml.etree.ElementTree as ElementTree


def skipped(report):
    """Return {test: reason} of the tests that were skipped in a run."""
    reasons = {}
    for case in ElementTree.parse(report).iter("testcase"):
        for skip in case.iter("skipped"):
            reasons[f"{case.get('classname')}::{case.get('name')}"] = skip.get("message", "").strip()
    return reasons


def main():
    parser = argparse.ArgumentParser(description="Fail if a test was skipped in every run.")
    parser.add_argument("reports", nargs="+", metavar="REPORT.xml")
    parser.add_argument(
        "--except",
        dest="excuses",
        action="append",
        default=[],
        metavar="WORDS",
        help="a test or reason that holds these words may be skipped everywhere",
    )
    arguments = parser.parse_args()
    runs = [skipped(report) for report in arguments.reports]
    everywhere = sorted(set.intersection(*map(set, runs)))
    failed = False
    for test in everywhere:
        reason = runs[0][test]
        excused = any(words.lower() in f"{test} {reason}".lower() for words in arguments.excuses)
        print(f"{'skipped, as it may be' if excused else 'SKIPPED IN EVERY RUN'}: {test}: {reason}")
        failed |= not excused
    print(f"{len(runs)} runs, {len(set().union(*runs))} tests skipped in some, {len(everywhere)} in all of them")
    sys.exit(failed)


if __name__ == "__main__":
    main()
