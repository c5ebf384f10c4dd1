"""What the long-dependency tasks share in looking at results: sentences on success, and the picture of it by length."""

from dataclasses import replace
from typing import Any

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.learning.recipe import CLIPPING
from refseq.experiments.statistics import Statement, often, oftener, seldom

SOURCES = {"relu identity": "L4.8", "leaky": "L4.9", "skip": "L4.7", "gru": "L4.10", "lstm": "L1.15"}
SOURCES |= {"lstm_no_forget": "L1.17", "lstm_peephole": "L1.9", "lstm_coupled": "L4.14"}
LINES = ("elman", "relu identity", "gru", "lstm")


def told(found: Any, task: str, known: dict[str, str]) -> list[Statement]:
    """Where an Elman network ends; who learns over more lengths than that one; what clipping does.

    ``known``: reasons, by cell, "elman" or "clipping", for what is known not to hold."""
    clipping = "norm" if "norm" in found.clipping else str(found.clipping.values[0])
    learned = found.learned.sel(clipping=clipping).transpose("seed", "cell", "length")
    cells, lengths = list(map(str, found.cell.values)), found.length.values
    statements, among = [], f"T = {', '.join(str(int(T)) for T in lengths)}"
    if "elman" in cells:
        simple = learned.sel(cell="elman")
        statements.append(often("L4.5", f"{task}: elman learns T = {int(lengths[0])}", simple.isel(length=0).values))
        fails = seldom("L4.5", f"{task}: elman learns T = {int(lengths[-1])}", simple.isel(length=-1).values)
        statements.append(replace(fails, known=known.get("elman", "")))
        for cell in (cell for cell in cells if cell != "elman"):
            more = learned.sel(cell=cell).sum("length").values - simple.sum("length").values
            one = oftener(SOURCES[cell], f"{task}: {cell} learns more of {among} than elman", more)
            statements.append(replace(one, known=known.get(cell, "")))
    if set(CLIPPING) <= set(map(str, found.clipping.values)):
        count = found.learned.sum(("cell", "length")).transpose("seed", "clipping")
        more = count.sel(clipping="norm").values - count.sel(clipping="none").values
        one = oftener("L1.13", f"{task}: more is learned with clipping than without", more)
        statements.append(replace(one, known=known.get("clipping", "")))
    return statements


def drawn(found: Any, title: str, unit: str) -> Any:
    """Success by length for four cells, and a table of all for each way of clipping; ``unit`` says what T is."""
    ways = list(map(str, found.clipping.values))
    figure, axes = pictures.figure(1 + len(ways), 1, width=4.8, height=3.8)
    share = found.learned.mean("seed")
    _lines(axes[0, 0], share.sel(clipping="norm" if "norm" in ways else ways[0]), unit, found.sizes["seed"])
    axes[0, 0].set_title(title)
    image = None
    for ax, way in zip(axes[0, 1:], ways, strict=True):
        image = _table(ax, share.sel(clipping=way).transpose("cell", "length"), unit)
        ax.set_title(f"by cell, {'no clipping' if way == 'none' else 'gradients clipped by their norm'}")
    figure.colorbar(image, ax=axes[0, -1], label="share of seeds that learn")
    return figure


def _lines(ax: Any, share: Any, unit: str, seeds: int) -> None:
    """Lines, each a little beside the others where they would hide one another."""
    lengths = share.length.values
    cells = [cell for cell in LINES if cell in share.cell]
    for k, (cell, colour) in enumerate(pictures.label_lines(cells)):
        up = 0.012 * (k - (len(cells) - 1) / 2)
        style = {"marker": "os^D"[k], "markersize": 5, "linewidth": 1.6}
        ax.plot(lengths, share.sel(cell=cell).values + up, color=colour, label=cell, **style)
    ax.set(xscale="log", ylim=(-0.05, 1.05), xlabel=unit, ylabel=f"share of {seeds} seeds that learn")
    ax.set_xticks(lengths, [str(int(T)) for T in lengths])
    ax.minorticks_off()
    ax.legend(loc="lower left")


def _table(ax: Any, share: Any, unit: str) -> Any:
    """Shares as colours and numbers."""
    values, cells = share.values, list(map(str, share.cell.values))
    image = ax.imshow(values, cmap=pictures.MAP, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(values.shape):
        number = values[row, column]
        ax.text(column, row, f"{number:.0%}", ha="center", va="center", color="black" if number > 0.5 else "white")
    ax.set_xticks(range(len(share.length)), [str(int(T)) for T in share.length.values])
    ax.set_yticks(range(len(cells)), cells)
    ax.set_xlabel(unit)
    ax.tick_params(length=0)
    return image
