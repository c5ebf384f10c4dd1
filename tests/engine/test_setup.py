"""What comes before the time loop: sorted rows and slices, packed matrices, jobs that are kept."""

import ctypes

import numpy as np
import pytest

import refseq
from refseq.checks.problem import draw
from refseq.engine import setup as setups
from refseq.engine.calling import run_2
from refseq.engine.job import FIELD
from refseq.engine.plan import plan
from refseq.engine.prepare import prepare
from refseq.engine.programs import Packed
from refseq.engine.setup import Setup, sorted_rows
from refseq.engine.target import forget
from refseq.targets import Feed
from tests.engine.test_products import panels
from tests.variants import layer


@pytest.mark.parametrize("slices", [1, 2, 3, 7])
def test_rows_are_sorted_and_slices_share_the_steps(slices):
    rng = np.random.default_rng(slices)
    for lengths in ([4], [0, 0], [5, 5, 5], [0, 3, 0, 9, 3, 1], [100, 1, 1, 1], rng.integers(0, 50, 200).tolist()):
        found, given = sorted_rows(np.array(lengths, np.int64), slices), np.array(lengths)
        assert np.array_equal(given[found.order], found.lengths)
        assert (np.diff(found.lengths) <= 0).all()
        equal = np.diff(found.lengths) == 0
        assert (np.diff(found.order)[equal] > 0).all()  # rows of one length stay in the caller's order
        assert sorted(found.order) == list(range(len(lengths)))
        assert len(found.bounds) == slices + 1
        assert (found.bounds[0], found.bounds[-1]) == (0, len(lengths))
        assert (np.diff(found.bounds) >= 0).all()
        assert found.largest == np.diff(found.bounds).max()
        shares = [found.lengths[a:b].sum() for a, b in zip(found.bounds[:-1], found.bounds[1:], strict=True)]
        assert max(shares) <= given.sum() / slices + given.max()


def prepared(stack: refseq.Layer, parts: int, turned: bool):
    """The setup of a layer, its weights, and the packed region that so many parts have filled."""
    problem, part = draw(stack, "float64", 3, 2, padded=False), stack.parts[0]
    weights = part.pack(problem.params)
    feed = Feed(problem.x, np.zeros((3, 2, 0, part.wide)), problem.counts.astype(np.int64), False)
    shapes, strides = (tuple(getattr(m, what) for m in weights.matrices) for what in ("shape", "strides"))
    made = Setup(part.cell, np.dtype("float64"), shapes, strides, (problem.x.shape, part.wide, part.wide, False), 1)
    targets = [np.zeros(shape) for shape in made.gradient_shapes]
    job = made.backward(made.full) if turned else made.forward(made.full)
    begun = made.begin(job, made.full, weights, feed, targets)
    begun.words[FIELD.parts] = parts
    packed = Packed(part.cell, made.sizes, turned)
    ctypes.memset(int(begun.words[FIELD.packed]), 0xFF, packed.bytes)  # NaN
    for number in range(parts):
        run_2(prepare("float64").address, begun.where, number)
    region = (ctypes.c_double * (packed.bytes // 8)).from_address(int(begun.words[FIELD.packed]))
    return made, weights, packed, np.array(region), begun


@pytest.mark.parametrize("parts", [1, 2, 5])
@pytest.mark.parametrize("units", [1, 7, 8, 17, 40])
def test_matrices_are_packed(units, parts):
    """Column by column in panels, gates padded with zeros to rows of the engine; and transposed."""
    stack = layer(("lstm", {"projection": 2}), 9, units)
    made, weights, packed, region, _ = prepared(stack, parts, turned=False)
    for block in plan(made.cell).blocks:
        assert block.matrix is not None
        matrix = weights.matrices[block.matrix][:, block.first : block.first + block.gates]
        wanted = np.zeros((len(matrix), block.gates, packed.column(block)))
        wanted[:, :, : matrix.shape[2]] = matrix
        wanted, at = panels(wanted.reshape(len(matrix), -1)), packed.at[block] // 8
        assert np.array_equal(region[at : at + wanted.size], wanted)
    made, weights, packed, region, _ = prepared(stack, parts, turned=True)
    for block in plan(made.cell).blocks:
        assert block.matrix is not None
        matrix = weights.matrices[block.matrix][:, block.first : block.first + block.gates].transpose(1, 2, 0)
        gates, outputs, inputs = matrix.shape
        padded = np.zeros((gates, outputs, made.sizes.padded(inputs)))
        padded[..., :inputs] = matrix
        rows = (1, gates * outputs) if packed.together(block) else (gates, outputs)
        together = padded.reshape(*rows, -1)
        wanted, at = np.concatenate([panels(together[k]) for k in range(len(together))]), packed.at[block] // 8
        assert np.array_equal(region[at : at + wanted.size], wanted)


def test_jobs_live_as_long_as_their_setup():
    """However many other layers run in between; and a run keeps its own alive."""
    made, weights, _, _, begun = prepared(layer(("elman", {"activation": "relu"}), 3, 5), 1, turned=False)
    first = made.forward(made.full)
    assert begun.job is first
    for units in range(6, 14):
        prepared(layer(("elman", {"activation": "relu"}), 3, units), 1, turned=False)
    assert made.forward(made.full) is first


def test_a_setup_is_remembered_by_all_that_it_depends_on():
    """Another shape, direction or dtype is another setup; the same again is the same."""
    stack = layer(("elman", {"activation": "relu"}), 3, 5, bidirectional=True)
    forget()
    for dtype, steps in (("float64", 3), ("float64", 4), ("float32", 3), ("float64", 3)):
        problem = draw(stack, dtype, steps, 2)
        stack.forward(problem.params, problem.x, problem.state)
    info = setups.remembered.cache_info()
    assert (info.misses, info.hits) == (6, 2)
