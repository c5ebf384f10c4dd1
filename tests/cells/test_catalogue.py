"""The catalogue is complete, in the lectures' order, and says where everything comes from."""

import importlib
import pkgutil

import pytest

import refseq
from refseq import cells
from refseq.cell import Recurrence

VARIANTS = [cell for recurrence in refseq.catalogue().values() for cell in recurrence.variants()]


def test_the_order_is_that_of_the_lectures():
    known = ["elman", "lstm", "gru"]
    assert [name for name in refseq.catalogue() if name in known] == known
    assert all(name == recurrence.name for name, recurrence in refseq.catalogue().items())


def test_every_file_of_cells_is_in_the_catalogue():
    described = {
        value.name
        for module in pkgutil.iter_modules(cells.__path__)
        for value in vars(importlib.import_module(f"refseq.cells.{module.name}")).values()
        if isinstance(value, Recurrence)
    }
    assert set(refseq.catalogue()) == described


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        refseq.catalogue()["mine"] = None  # type: ignore[index]


@pytest.mark.parametrize("cell", VARIANTS, ids=lambda cell: cell.label)
def test_a_cell_documents_itself(cell):
    assert cell.equations
    assert all(cell.equations)
    assert any("h_t" in equation for equation in cell.equations)
    assert cell.source.paper.strip()


@pytest.mark.parametrize("recurrence", refseq.catalogue().values(), ids=lambda recurrence: recurrence.name)
def test_a_recurrence_explains_itself(recurrence):
    assert recurrence.title
    for option in recurrence.options.values():
        assert option.meaning
        assert option.default in option.choices
    assert any(cell.source.lectures for cell in recurrence.variants())


def test_the_same_options_give_the_same_cell():
    """Layers compare by their cell, and compiled loops are kept by it."""
    gru = refseq.catalogue()["gru"]
    assert gru.cell() is gru.cell(reset="before")
    assert gru.cell() is not gru.cell(reset="after")
