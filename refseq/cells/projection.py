"""A projection layer: what the cell gives out is a matrix times what it would give out without.

h_t = W_hm m_t,    m_t what the cell itself makes; h_t has ``projection`` entries.

H. Sak, A. Senior, F. Beaufays, Long short-term memory recurrent neural network architectures for large scale acoustic
modeling, Interspeech 2014, eqs. 6-7. For cells whose units do not use their own old h.
"""

from dataclasses import replace

from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.stage import Product, Stage
from refseq.tuples import zeros_like


def project(cell: Cell) -> Cell:
    """The cell with a projection of its output."""
    learned = len(cell.own)

    @register_jitable
    def forward(a, s, p):
        return a, ()

    @register_jitable
    def backward(kept, s, made, p, dmade):
        return dmade, zeros_like(s), zeros_like(p[:learned])

    def renamed(stage: Stage) -> Stage:
        """The output becomes the vector m."""
        if "h1" not in stage.makes:
            return stage
        if stage.makes[-1] != "h1":
            raise ValueError(f"cell {cell.name}: a stage with a projection makes its output last, got {stage.makes}")
        return replace(stage, makes=(*stage.makes[:-1], "m"))

    last = Stage(("h",), (Product("W_hm", "m", ("h",)),), ("h1",), forward, backward, size="projection")
    return replace(
        cell,
        stages=(*map(renamed, cell.stages), last),
        sizes={**cell.sizes, "h": "projection"},
    )
