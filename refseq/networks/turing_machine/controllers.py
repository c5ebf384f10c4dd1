"""The controllers of a Turing machine: cells whose first state, h, drives the heads and the output."""

from collections.abc import Callable
from functools import cache

from refseq.cell import Bias, Cell, Source
from refseq.cells import catalogue
from refseq.cells.activated import activated
from refseq.scan import build_scan
from refseq.stage import Product


@cache
def _feedforward() -> Cell:
    """h = tanh(W_hx x + b_h): no memory but that of the machine."""
    products = (Product("W_hx", "x", ("h",)),)
    return Cell(
        name="feedforward",
        options={},
        gates=("h",),
        state=("h",),
        stages=(activated("h", products, "h1", "tanh"),),
        biases=(Bias("b_h", ("h",)),),
        source=Source("A. Graves, G. Wayne, I. Danihelka, arXiv:1410.5401, section 3.4", ("L4.16",)),
    )


def _lstm() -> Cell:
    return catalogue()["lstm"].cell()


CONTROLLERS: dict[str, Callable[[], Cell]] = {"feedforward": _feedforward, "lstm": _lstm}
"""By name."""

REMEMBERED: dict[str, tuple[str, ...]] = {"feedforward": (), "lstm": ("h", "c")}
"""The states that a controller starts from."""

SOURCES = (build_scan, activated)
"""Functions whose packages hold the source of step, scan and cells: options of every row, so that a change of that
source is a change of the row."""
