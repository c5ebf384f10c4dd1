"""Steps in shares of the units: every column once, the same bits as by slices, with threads and without."""

import threading

import numpy as np
import pytest

from refseq.checks.problem import draw
from refseq.engine import setup, threads, vector
from refseq.engine.job import INSTRUCTION, PRODUCT, STAGE, Instruction
from refseq.engine.plan import Sizes
from refseq.engine.programs import backward_programs, forward_programs
from refseq.engine.setup import Setup
from refseq.engine.shares import shareable, shared, worth_sharing_steps
from refseq.engine.target import forget
from refseq.engine.threads import borrowed
from tests.engine.problems import different, everything, shared_between
from tests.variants import KINDS, label, layer

UNITWISE = [variant for variant in KINDS if not variant[1].get("normalise")]


def columns(line: Instruction, lanes: int) -> set[int]:
    count = line.vectors * lanes if line.does == PRODUCT else line.count
    return set(range(line.begin, line.begin + count))


def about(line: Instruction) -> tuple[int, ...]:
    """What an instruction and its shares have in common."""
    return line.does, line.slot, line.kind, line.row, line.address if line.does == STAGE else 0


def of(variant, units: int, dtype: str = "float64"):
    """The cell of a layer, and its sizes."""
    part = layer(variant, 5, units).parts[0]
    matrices = [part.shapes()[name] for name in part.matrix_names]
    return part.cell, Sizes(tuple((k, g, h) for g, h, k in matrices), dtype)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("units", [1, 8, 17, 100])
@pytest.mark.parametrize("variant", UNITWISE, ids=label)
def test_every_column_is_in_one_share(variant, units, parts):
    cell, sizes = of(variant, units)
    lanes, size = vector.lanes("float64"), 8
    for programs, first, steps in (
        (forward_programs(cell, sizes, apart=True), "ahead", "program"),
        (backward_programs(cell, sizes), "after", "back"),
    ):
        made = shared(programs[first], programs[steps], parts, lanes, size)
        lines = [Instruction(*line) for line in made.lines.reshape(-1, len(INSTRUCTION)).tolist()]
        found = [lines[at : at + many] for at, many in made.spans.reshape(-1, 2).tolist()]
        assert sum(map(len, found)) == len(lines)
        whole = [Instruction(*line) for name in (first, steps) for line in programs[name].reshape(-1, 8).tolist()]
        for line in whole:
            mine = [
                each
                for each in lines
                if (each.does, each.slot, each.kind, each.row) == (line.does, line.slot, line.kind, line.row)
            ]
            mine = [each for each in mine if line.does != STAGE or each.address == line.address]
            taken = [columns(each, lanes) for each in mine]
            assert set().union(*taken) == columns(line, lanes)
            assert sum(map(len, taken)) == len(columns(line, lanes))  # none twice
            for each in mine:
                if each.does == PRODUCT:
                    assert each.address == line.address + each.begin * line.count * size
                    assert each.begin % (2 * lanes) == 0


@pytest.mark.parametrize(("vectors", "phases"), [(5, 1), (4, 2), (6, 2)])
def test_a_stage_waits_for_products_of_other_columns(vectors, phases):
    """Of the same number of columns a part has the same ones; else they may be another's."""
    lanes = vector.lanes("float64")
    product = Instruction(PRODUCT, 0, 0, 7, 0, vectors, 0, 0)
    stage = Instruction(STAGE, 0, 0, 5 * lanes, 0, 0, 0, 0)
    made = shared(np.array([], np.int64), np.array([*product, *stage]), 2, lanes, 8)
    assert len(made.spans) == (1 + phases) * 2 * 2


def test_whole_vectors_are_not_shared():
    cell, sizes = of(("lstm", {"normalise": True}), 400)
    assert not worth_sharing_steps(cell, sizes, 1, 2)
    programs = forward_programs(cell, sizes, tilted=True, apart=True)
    with pytest.raises(ValueError, match="line: expected an instruction about columns"):
        shared(programs["ahead"], programs["program"], 2, vector.lanes("float64"), 8)


@pytest.fixture(params=[2, 3])
def always(request, monkeypatch):
    """So many threads share every step."""
    monkeypatch.setattr(setup, "worth_sharing_steps", lambda cell, *_: shareable(cell))
    with shared_between(request.param, monkeypatch):
        yield


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("variant", [*UNITWISE, ("lstm", {"projection": 3})], ids=label)
def test_no_bit_depends_on_it(variant, bidirectional, always, monkeypatch):
    given = draw(layer(variant, 5, 37, bidirectional=bidirectional), "float64", 9, 3)
    ours = everything(given)
    pieces = everything(given, checkpoint=4)
    monkeypatch.setattr(threads, "count", lambda: 1)
    forget()
    alone = everything(given)
    assert different(ours, alone) == []
    assert different(pieces, alone) == []


def test_the_engine_does_share_steps(always):
    """Or the test above compares a thing with itself."""
    given = draw(layer(("lstm", {}), 5, 37), "float32", 9, 3)
    everything(given)
    part = given.layer.parts[0]
    shapes = tuple((k, g, h) for g, h, k in (part.shapes()[name] for name in part.matrix_names))
    strides = tuple((4, h * k * 4, k * 4) for k, _, h in shapes)
    made = Setup(part.cell, np.dtype("float32"), shapes, strides, ((9, 3, 5), 37, 37, False), threads.count())
    assert made.split
    assert (made.slices, made.parts) == (1, threads.count())


def test_while_others_have_the_threads(always):
    """Shares are done one after another by the caller; nobody waits for anybody."""
    given = draw(layer(("gru", {"reset": "before"}), 5, 37), "float64", 9, 3)
    expected = everything(given)
    with borrowed(2) as hands:
        assert all(hands[:2])
        with borrowed(2) as others:
            assert others == (0, 0, 0)
            assert different(everything(given), expected) == []


def test_several_python_threads_at_once(always):
    given = [draw(layer(("lstm", {}), 5, 20 + k), "float64", 30, 3) for k in range(4)]
    expected, wrong = [everything(each) for each in given], []

    def work(k):
        for _ in range(20):
            wrong.extend(different(everything(given[k]), expected[k]))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_a_wide_row_is_shared_and_two_rows_are_not():
    cell, sizes = of(("lstm", {}), 256, "float32")
    assert worth_sharing_steps(cell, sizes, 1, 2)
    assert not worth_sharing_steps(cell, sizes, 2, 2)
    assert worth_sharing_steps(cell, sizes, 3, 8)
    small_cell, small = of(("lstm", {}), 16, "float32")
    assert not worth_sharing_steps(small_cell, small, 1, 2)


def test_few_rows_of_a_large_layer_are_shared():
    """Slices of few rows would read all weights for each of them."""
    cell, sizes = of(("lstm", {}), 1024, "float32")
    assert worth_sharing_steps(cell, sizes, 8, 2)
    assert not worth_sharing_steps(cell, sizes, 9, 2)
    assert not worth_sharing_steps(*of(("lstm", {}), 256, "float32"), 4, 2)
