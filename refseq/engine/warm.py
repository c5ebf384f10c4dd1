"""Compiling ahead: everything that a cell needs on the engine, kept on disk for processes to come."""

from refseq.cell import Cell
from refseq.engine import threads
from refseq.engine.backward import backward, backward_share
from refseq.engine.forward import forward, forward_share
from refseq.engine.gradient import gradient
from refseq.engine.prepare import prepare
from refseq.engine.products import products
from refseq.engine.stages import stage_functions


def drivers(dtype: str) -> None:
    """Compile what all cells share in a precision, at any size and for any number of threads; what is on disk is only
    loaded."""
    for driver in (prepare, forward, forward_share, backward, backward_share, gradient, products):
        driver(dtype)
    threads.compiled()


def warm(cell: Cell, dtype: str) -> None:
    """Compile the drivers of a precision and the functions of a cell."""
    drivers(dtype)
    for number in range(len(cell.stages)):
        stage_functions(cell, number, dtype)
