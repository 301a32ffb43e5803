"""Write what was measured into README.md and benchmarks/README.md.

    python -m benchmarks && python -m benchmarks.readme

It replaces what is between `<!-- benchmarks.readme: NAME -->` and `<!-- end -->`. So no figure there is typed: each is
one of those in results/, and a test has it that they are.
"""

import json
import re
from pathlib import Path

from benchmarks import common, goals, step
from benchmarks.__main__ import QUESTIONS
from benchmarks.goals import RESULTS, Results

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md"]
BLOCK = re.compile(r"(<!-- benchmarks\.readme: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def training(folder):
    """The time of a step beside all libraries, and where it was measured."""
    rows = read(folder, "step")["rows"]
    peers = [name for name in step.LIBRARIES if name != "fastbp" and any(name in step.best_way(row) for row in rows)]

    def line(row):
        seconds = step.best_way(row)
        ours = seconds["fastbp"]
        return [
            *name_and_time(row, ours),
            common.percent(step.fraction_of_peak(row, ours)),
            *(times(seconds[name] / ours) if name in seconds else "-" for name in peers),
        ]

    return "\n\n".join(
        [
            common.markdown_table(["network, batch", "fastbp", "of the peak", *peers], map(line, rows)),
            "Of the peak: which part it is of what the core's multiply-adds can do at most. The others: how many times "
            "as long they take.",
            f"Measured by `python -m benchmarks` on {machine(folder, 'step')}.",
        ]
    )


def inference(folder):
    """The time of a prediction beside all libraries."""
    rows = read(folder, "inference")["rows"]
    peers = [name for name in rows[0]["seconds_of_a_call"] if not name.startswith("fastbp")]

    def line(row):
        seconds = row["seconds_of_a_call"]
        ours = seconds.get("fastbp predict_one", seconds["fastbp"])
        return [*name_and_time(row, ours), *(times(seconds[name] / ours) for name in peers)]

    table = common.markdown_table(["network, batch", "fastbp", *peers], map(line, rows))
    return f"A prediction, of one sample by `predict_one`, of more by `predict`, likewise:\n\n{table}"


def run(folder):
    """The first table of each question, the picture, and what has become of the goals."""
    parts = [f"On {machine(folder, 'step')}."]
    for name in QUESTIONS:
        file = folder / f"{name}.md"
        if file.exists():
            title, table = file.read_text(encoding="utf-8").split("\n## ")[1].strip().split("\n\n", 1)
            question = read(folder, name)["question"]
            elsewhere = "" if kernels(folder, name) == kernels(folder, "step") else f"On {machine(folder, name)}.\n\n"
            heading = f"### {question}\n\n{elsewhere}{title} ([all of it](results/{name}.md)):"
            parts.append(f"{heading}\n\n{table.strip()}")
    if (folder / "widths.png").exists():
        parts.insert(1, "![Time of a training step against the width of the layers](results/widths.png)")
    lines, missed = goals.judge(Results(folder))
    parts.append(f"### Goals\n\n`python -m benchmarks.goals`:\n\n{common.markdown_table(goals.HEADINGS, lines)}")
    if missed:
        parts.append(f"Each case that is missed:\n\n{common.markdown_table(goals.HEADINGS_OF_MISSED, missed)}")
    return "\n\n".join(parts)


CONTENTS = {content.__name__: content for content in (training, inference, run)}


def machine(folder, question):
    return "; ".join(read(folder, question)["machine"])


def kernels(folder, question):
    """For which instructions they are: those of another machine, if others."""
    return read(folder, question)["machine"][-1]


def name_and_time(row, seconds):
    return [f"{row['network']}, {row['batch_size']}", f"{common.three_digits(1e6 * seconds)} us"]


def times(ratio):
    return f"{common.three_digits(ratio)}x"


def read(folder, question):
    return json.loads((folder / f"{question}.json").read_text(encoding="utf-8"))


def rewritten(text, folder=RESULTS):
    """Return the text with what the folder's results say between its marks, or as it is where they say nothing."""

    def replace(block):
        write = CONTENTS[block[2]]
        try:
            return f"{block[1]}{write(folder)}\n{block[3]}"
        except FileNotFoundError:
            return block[0]

    return BLOCK.sub(replace, text)


def main():
    for file in FILES:
        file.write_text(rewritten(file.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
