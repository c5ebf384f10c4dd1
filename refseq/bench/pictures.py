"""Pictures of results, as SVG and PNG: rooflines and scaling curves. They need matplotlib (``refseq[bench]``)."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from refseq.bench.curves import Line, lines
from refseq.bench.measure import Event
from refseq.bench.results import Results

COLOURS = {
    "refseq": "#c0392b",
    "torch": "#2c6fbb",
    "torch-loop": "#8fb8de",
    "onnxruntime": "#2e8b57",
    "jax": "#8e5ea2",
    "jax-scan": "#c39bd3",
}
OTHER = "#7f7f7f"
MARKERS = "os^DvP*X"


def missing() -> str | None:
    """None if matplotlib is installed, else the command that installs it."""
    return None if importlib.util.find_spec("matplotlib") else "matplotlib not installed: pip install 'refseq[bench]'"


def draw(results: Results, folder: Path) -> list[Path]:
    """Write all pictures that the results are enough for into the folder; returns the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(
        {"svg.hashsalt": "refseq", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    written: list[Path] = []
    grid = [one for one in results.timed() if not one["curve"] and not one["hostile"] and one["flops"].get("both")]
    for dtype in dict.fromkeys(one["case"]["dtype"] for one in grid):
        chosen = [one for one in grid if one["case"]["dtype"] == dtype]
        written += _saved(_roofline(results, dtype, chosen), folder / f"roofline-{dtype}")
    found = lines(results, "both")
    if found:
        written += _saved(_curves(found), folder / "scaling")
    return written


def _saved(figure: Any, stem: Path) -> list[Path]:
    import matplotlib.pyplot as plt

    files = [stem.with_name(f"{stem.name}.{kind}") for kind in ("svg", "png")]
    for file in files:
        figure.savefig(file, bbox_inches="tight", dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)
    return files


def _roofline(results: Results, dtype: str, measured: list[Event]) -> Any:
    """Forward + backward: GFLOP/s over operations per byte, under the roof of the machine."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    figure, axes = plt.subplots(figsize=(7.5, 4.8))
    threads = results.threads
    peak = results.peak(threads, dtype)
    bandwidth = results.ceilings[str(threads)]["memory"]["bytes_per_second"] / 1e9
    intensities = [one["flops"]["both"] / one["bytes"]["both"] for one in measured]
    ridge = peak / bandwidth
    x = np.geomspace(min([*intensities, ridge / 4]) / 2, max([*intensities, ridge]) * 2, 200)
    axes.plot(x, np.minimum(peak, bandwidth * x), color="black", linewidth=1.2)
    axes.text(x[-1], peak * 1.08, f"matrix product {peak:.0f} GFLOP/s", ha="right", va="bottom")
    middle = (x[0] * ridge) ** 0.5
    axes.text(middle * 1.15, bandwidth * middle, f"memory {bandwidth:.1f} GB/s", ha="left", va="top")
    cells = list(dict.fromkeys(one["label"] for one in measured))
    for one in measured:
        if "both" not in one["passes"]:
            continue
        rate = one["flops"]["both"] / one["passes"]["both"]["median"] / 1e9
        marker = MARKERS[cells.index(one["label"]) % len(MARKERS)]
        at = one["flops"]["both"] / one["bytes"]["both"]
        colour = COLOURS.get(one["library"], OTHER)
        axes.plot(at, rate, marker, color=colour, markersize=6, alpha=0.8, markeredgewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="operations of matrix products per byte in and out", ylabel="GFLOP/s")
    axes.set_title(f"Forward and backward, {dtype}, {threads} threads", loc="left")
    handles = [Line2D([], [], marker="o", linestyle="", color=c, label=n) for n, c in _used(measured)]
    handles += [
        Line2D([], [], marker=MARKERS[k % len(MARKERS)], linestyle="", color="black", label=cell)
        for k, cell in enumerate(cells)
    ]
    axes.legend(handles=handles, frameon=False, loc="lower right", ncols=2, fontsize=8)
    return figure


def _used(measured: Iterable[Event]) -> list[tuple[str, str]]:
    """The libraries that a picture shows, and their colours."""
    names = dict.fromkeys(one["library"] for one in measured if "both" in one["passes"])
    return [(name, COLOURS.get(name, OTHER)) for name in names]


def _curves(found: list[Line]) -> Any:
    """Forward + backward: one panel for each curve, one line for each library and case."""
    import matplotlib.pyplot as plt

    panels = list(dict.fromkeys((line.curve, line.case) for line in found))
    width = min(len(panels), 4)
    height = -(-len(panels) // width)
    figure, grid = plt.subplots(height, width, figsize=(3.6 * width, 3.4 * height), squeeze=False, sharey=True)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (curve, case) in zip(grid.flat, panels, strict=False):
        for line in (line for line in found if (line.curve, line.case) == (curve, case)):
            milliseconds = [1000 * times["median"] for times in line.times]
            low, high = ([1000 * times[name] for times in line.times] for name in ("q1", "q3"))
            colour = COLOURS.get(line.library, OTHER)
            axes.plot(line.sizes, milliseconds, "o-", color=colour, label=line.library, markersize=3.5, linewidth=1.2)
            axes.fill_between(line.sizes, low, high, color=colour, alpha=0.2, linewidth=0)
            if line.library == "refseq":  # from its largest time on the power law that one hopes for
                power = -1 if curve == "threads" else 2 if curve == "H" else 1
                hoped = [milliseconds[-1] * (size / line.sizes[-1]) ** power for size in line.sizes]
                axes.plot(line.sizes, hoped, ":", color="black", linewidth=0.8, label=f"slope {power}")
        sizes = sorted({size for line in found if line.curve == curve for size in line.sizes})
        axes.set(xscale="log", yscale="log", xlabel="threads" if curve == "threads" else curve)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_title(case, loc="left", fontsize=8)
    for row in grid:
        row[0].set_ylabel("ms, forward and backward")
        for axes in row:
            axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
