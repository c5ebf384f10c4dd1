"""What all pictures share: colours that the colour-blind can tell apart, theory dashed, bands over seeds, files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#000000")
"""M. Okabe, K. Ito, Color universal design, 2008; yellow, which is faint on white, is replaced."""
MAP, DIVERGING = "cividis", "PuOr_r"
THEORY: dict[str, Any] = {"linestyle": (0, (4, 3)), "linewidth": 1.3, "zorder": 3}


STYLE: Any = {
    "svg.hashsalt": "refseq",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.constrained_layout.use": True,
}


def blank(width: float, height: float) -> Any:
    """An empty figure, in inches, in the style of all."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update(STYLE)
    return plt.figure(figsize=(width, height))


def figure(columns: int = 1, rows: int = 1, width: float = 4.6, height: float = 3.6, **options: Any) -> tuple[Any, Any]:
    """A figure and its axes (rows, columns), of this size each."""
    drawn = blank(width * columns, height * rows)
    return drawn, drawn.subplots(rows, columns, squeeze=False, **options)


def band(axes: Any, x: Any, values: Any, colour: str, label: str, log: bool = True, **style: Any) -> None:
    """The median over seeds, the first axis of ``values``, and a band from the 10th to the 90th percentile."""
    low, middle, high = np.nanpercentile(np.asarray(values, float), [10, 50, 90], axis=0)
    axes.plot(x, middle, color=colour, label=label, linewidth=1.5, **style)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    if log:
        axes.set_yscale("log")


def steps(axes: Any, axis: str = "x") -> None:
    """Ticks at whole numbers only, for steps, updates and other counts on a linear axis."""
    from matplotlib.ticker import MaxNLocator

    getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def plain_log(axes: Any, axis: str = "x") -> None:
    """Ticks of a logarithmic axis of counts as 1, 2, 5, 10, 20 ..., written out."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    one = getattr(axes, f"{axis}axis")
    one.set_major_locator(LogLocator(10, (1, 2, 5)))
    one.set_minor_locator(NullLocator())
    one.set_major_formatter(StrMethodFormatter("{x:g}"))


def theory(axes: Any, x: Any, y: Any, colour: str = "black", label: str | None = None) -> None:
    """A dashed line."""
    axes.plot(x, y, color=colour, label=label, **THEORY)


def dashed_legend(axes: Any, words: str = "theory", **options: Any) -> None:
    """The legend, with one entry for all dashed lines."""
    from matplotlib.lines import Line2D

    handles, labels = axes.get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", **THEORY))
    axes.legend(handles, [*labels, words], **options)


def write(drawn: Any, stem: Path) -> list[Path]:
    """Save as PNG and SVG, each renamed into place."""
    import matplotlib.pyplot as plt

    files = [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "svg")]
    for file in files:
        beside = file.with_name(f".{file.name}.part")
        metadata = {"Date": None} if file.suffix == ".svg" else None
        drawn.savefig(beside, format=file.suffix[1:], dpi=150, metadata=metadata)
        beside.replace(file)
    plt.close(drawn)
    return files


def label_lines(values: Iterable[Any]) -> list[tuple[Any, str]]:
    """Each value with its colour; of more values than there are colours, as many from first to last."""
    values = list(values)
    if len(values) > len(COLOURS):
        values = [values[int(k)] for k in np.linspace(0, len(values) - 1, len(COLOURS)).round()]
    return [(value, COLOURS[k % len(COLOURS)]) for k, value in enumerate(values)]
