"""How does the time of a step grow with the width of the layers, beside other libraries?

    python -m benchmarks.widths

A line is a network of two hidden layers of one width, as many inputs, ten classes, batch 64; measured as in
`benchmarks.step`. With matplotlib the answer is also a picture: width against time per step, one line a library.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import importlib.util
import math

from benchmarks import step
from benchmarks.report import begin
from benchmarks.work import Work

WIDTHS = [8, 16, 32, 64, 128, 256, 512, 1024]
BATCH_SIZE = 64
# (colour, marker): told apart by both, also by those who see red and green alike, and on paper
STYLES = {
    "fastbp": ("#000000", "o"),
    "JAX": ("#0072b2", "s"),
    "NumPy": ("#009e73", "^"),
    "torch.compile": ("#cc79a7", "D"),
    "PyTorch": ("#d55e00", "v"),
    "scikit-learn": ("#e69f00", "P"),
    "pure Python": ("#7f7f7f", "X"),
}


def work_of(width):
    return Work((width, width, width, 10), "softmax", BATCH_SIZE)


def plot(rows, header, path):
    """Draw width against time per step, log-log, and the time that the multiplications alone would take at the peak."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    widths = {row["network"]: int(row["network"].split("-")[0]) for row in rows}
    figure, axes = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    ends = []
    for name, (colour, marker) in STYLES.items():
        points = [
            (widths[row["network"]], 1e6 * step.best_way(row)[name]) for row in rows if name in step.best_way(row)
        ]
        if not points:
            continue
        is_ours = name == "fastbp"
        axes.plot(
            *zip(*points, strict=True),
            color=colour,
            marker=marker,
            linewidth=2.6 if is_ours else 1.4,
            markersize=7 if is_ours else 5,
            zorder=3 if is_ours else 2,
        )
        ends.append((points[0], name, colour))
    floor = [(widths[row["network"]], 1e6 * row["step_flops"] / row["peak_flops_per_second"]) for row in rows]
    axes.plot(*zip(*floor, strict=True), color="#999999", linestyle="--", linewidth=1.2, zorder=1)
    ends.append((floor[0], "at the peak", "#777777"))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    ticks = [width for width in WIDTHS if min(widths.values()) <= width <= max(widths.values())]
    axes.set_xticks(ticks, [str(width) for width in ticks])
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: _time(value)))
    axes.grid(True, which="major", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"width w of the network w-w-w-10, batch {BATCH_SIZE}")
    axes.set_title("Time of one training step, one core, float32", loc="left", fontweight="bold")
    _label_lines(axes, ends, min(ticks))
    figure.text(0.01, -0.035, header, fontsize=6.5, color="#777777", va="top", wrap=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")
    pyplot.close(figure)


def _label_lines(axes, ends, left):
    """Write each line's name to the left of its first point, apart enough to be read, and join it to the point."""
    axes.set_xlim(left=left / 4.4)
    bottom, top = axes.get_ylim()
    gap = (top / bottom) ** 0.038
    ends = sorted(ends)
    heights = _spread([y for (_, y), _, _ in ends], gap)
    for ((x, y), name, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (x / 1.1, y),
            (x / 1.7, height),
            ha="right",
            va="center",
            color=colour,
            fontsize=9.5,
            fontweight="bold" if name == "fastbp" else "normal",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 2, "shrinkB": 0},
        )


def _spread(heights, gap):
    """Return rising heights, at least a factor `gap` apart: labels that would touch spread around their middle."""
    heaps = []  # (heights of its labels)
    for height in heights:
        heaps.append([height])
        while len(heaps) > 1 and _lowest(heaps[-1], gap) < _lowest(heaps[-2], gap) * gap ** len(heaps[-2]):
            last = heaps.pop()
            heaps[-1] += last
    return [_lowest(heap, gap) * gap**number for heap in heaps for number in range(len(heap))]


def _lowest(heap, gap):
    """Return where the lowest label of a heap stands if the heap's middle is that of its points."""
    return math.exp(sum(map(math.log, heap)) / len(heap)) / gap ** ((len(heap) - 1) / 2)


def _time(microseconds):
    for unit, factor in (("µs", 1), ("ms", 1e3), ("s", 1e6)):
        if microseconds < 1e3 * factor or unit == "s":
            return f"{microseconds / factor:g} {unit}"
    raise AssertionError("unreachable")


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    method = step.METHOD.format(rounds=options.rounds)
    report, modules = begin("widths", __doc__, method, options, only=step.LIBRARIES)
    widths = WIDTHS[:4] if options.quick else WIDTHS
    rows = [step.measure(work_of(width), modules, options, report) for width in widths]
    step.tables(report, rows)
    if importlib.util.find_spec("matplotlib"):
        options.output.mkdir(parents=True, exist_ok=True)
        plot(rows, report.header, options.output / "widths.png")
        report.picture("widths.png")
    else:
        report.note("There is no picture: matplotlib is not installed.")
    report.write(options.output)


if __name__ == "__main__":
    main()
