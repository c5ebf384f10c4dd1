"""The catalogue is complete, in the lectures' order, and says where everything comes from."""

import importlib
import pkgutil

import pytest

import refseq
from refseq import cells
from refseq.recurrence import Recurrence
from tests.variants import CELLS


def test_the_order_is_that_of_the_lectures():
    known = ["elman", "jordan", "lstm", "gru", "skip", "additive", "leaky"]
    assert [name for name in refseq.catalogue() if name in known] == known
    assert all(name == recurrence.name for name, recurrence in refseq.catalogue().items())


def test_every_file_of_cells_is_in_the_catalogue():
    described = {
        value.name
        for module in pkgutil.iter_modules(cells.__path__)
        for value in vars(importlib.import_module(f"refseq.cells.{module.name}")).values()
        if isinstance(value, Recurrence)
    }
    assert {*refseq.catalogue(), *refseq.trees.catalogue()} == described


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        refseq.catalogue()["mine"] = None  # type: ignore[index]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_a_cell_documents_itself(cell):
    assert cell.equations
    assert all(cell.equations)
    assert any(f"{cell.state[0]}_t" in equation for equation in cell.equations)
    assert cell.source.paper.strip()


@pytest.mark.parametrize("recurrence", refseq.catalogue().values(), ids=lambda recurrence: recurrence.name)
def test_a_recurrence_explains_itself(recurrence):
    assert recurrence.title
    for option in recurrence.options.values():
        assert option.meaning
        assert option.examples
    assert recurrence.cell().source.lectures


def test_the_same_options_give_the_same_cell():
    """Layers compare by their cell, and compiled loops are kept by it."""
    gru = refseq.catalogue()["gru"]
    assert gru.cell() is gru.cell(reset="before")
    assert gru.cell() is not gru.cell(reset="after")
