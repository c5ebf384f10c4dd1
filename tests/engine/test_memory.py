"""The engine writes into its results and nowhere else: arrays cut out of memory full of a canary.

At the level of the target, because a layer copies what it is given.
"""

from dataclasses import replace

import numpy as np
import pytest

import refseq.engine.target as engine
from refseq.checks.problem import draw
from refseq.targets import Feed, Weights
from tests.variants import label, layer

CANARY = -4
AROUND = 1024
"""Entries before and after every array: more than a panel of vectors."""

VARIANTS = [("lstm_peephole_coupled", {"peephole": "full", "output_sees": "new"}), ("elman", {"activation": "relu"})]


class Guards:
    """Cuts arrays out of guarded memory and looks at what is around them."""

    def __init__(self) -> None:
        self._held: list[tuple[np.ndarray, int]] = []

    def cut(self, shape, dtype) -> np.ndarray:
        count = int(np.prod(shape))
        memory = np.full(2 * AROUND + count, CANARY, dtype)
        self._held.append((memory, count))
        return memory[AROUND : AROUND + count].reshape(shape)

    def copy(self, array: np.ndarray) -> np.ndarray:
        result = self.cut(array.shape, array.dtype)
        result[...] = array
        return result

    @property
    def intact(self) -> bool:
        return all((m[:AROUND] == CANARY).all() and (m[AROUND + n :] == CANARY).all() for m, n in self._held)

    def __len__(self) -> int:
        return len(self._held)


class Numpy:
    """numpy whose new arrays are guarded; empty ones hold NaN, which must not come out of a result."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype):
        result = self._guards.cut(shape, dtype)
        result.fill(np.nan)
        return result

    def zeros(self, shape, dtype):
        result = self._guards.cut(shape, dtype)
        result.fill(0)
        return result

    def empty_like(self, array):
        return self.empty(array.shape, array.dtype)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("every", [None, 2])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("units", [1, 17, 33])
@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_nothing_else_is_written(variant, units, reverse, every, padded, monkeypatch):
    """Without padding the last row of every array is written to its end."""
    problem = draw(layer(variant, 5, units, bidirectional=True), "float64", 5, 4, padded=padded)
    part = problem.layer.parts[int(reverse)]
    guards = Guards()
    monkeypatch.setattr(engine, "np", Numpy(guards))
    packed = part.pack(problem.params)
    weights = Weights(
        tuple(guards.copy(matrix.transpose(1, 2, 0)).transpose(2, 0, 1) for matrix in packed.matrices),
        tuple(map(guards.copy, packed.biases)),
        guards.copy(packed.p),
    )
    sample = packed.matrices[0]
    feed = Feed(
        guards.copy(problem.x), guards.cut((5, 4, 0, part.wide), sample.dtype), guards.copy(problem.counts), reverse
    )
    state, ds = (guards.copy(part.gather(part.cell.state, each, sample)) for each in (problem.state, problem.dstate))
    dy = guards.copy(problem.dy[..., : part.width(part.cell.state[0])])
    given = [weights.p, *weights.matrices, *weights.biases, feed.x, feed.lengths, state, ds, dy]
    before = [each.copy() for each in given]
    count = len(guards)

    def pulled(tape):
        found = engine.CPU.backward(part.cell, weights, tape, dy, ds)
        return [found.x, found.s0, found.weights.p, *found.weights.matrices, *found.weights.biases]

    tape = engine.CPU.forward(part.cell, weights, feed, state, every)
    first, again = pulled(tape), pulled(tape)
    assert len(guards) > count + 4  # results are guarded too
    assert guards.intact
    assert all(np.array_equal(one, other) for one, other in zip(given, before, strict=True))
    results = [tape.y, tape.final, *first]
    assert not any(np.isnan(each).any() for each in results)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(first, again, strict=True))


def test_the_guards_notice(monkeypatch):
    """One entry more than there is."""
    guards = Guards()
    array = guards.cut((3, 4), "float64")
    assert guards.intact
    np.lib.stride_tricks.as_strided(array, (13,), (8,))[12] = 1.0
    assert not guards.intact


def test_backward_does_not_need_the_inputs_of_another_run():
    """Memory that is used again between forward and backward of a run is not the run's."""
    problem = draw(layer(("elman", {"activation": "relu"}), 5, 17, bidirectional=True), "float64", 5, 4)
    arguments = (problem.params, problem.x, problem.state, problem.lengths)
    run = problem.layer.forward(*arguments)
    expected = problem.layer.backward(run, problem.dy, problem.dstate)
    run = problem.layer.forward(*arguments)
    other = replace(problem, x=problem.x + 1)
    for _ in range(5):
        problem.layer.forward(other.params, other.x, other.state, other.lengths)
    found = problem.layer.backward(run, problem.dy, problem.dstate)
    assert found.x.tobytes() == expected.x.tobytes()
    assert all(found.params[name].tobytes() == value.tobytes() for name, value in expected.params.items())


def test_long_sequences():
    """10,000 steps: chunks, checkpoints and the whole have the same bits; memory of inference does not grow with T."""
    stack = layer(("elman", {"activation": "relu"}), 2, 3)
    problem = draw(stack, "float64", 10_000, 2, weaker=4)
    arguments = (problem.params, problem.x, problem.state, problem.lengths)
    kept = stack.forward(*arguments)
    pieces, inference = stack.forward(*arguments, checkpoint=True), stack.forward(*arguments, gradient=False)
    assert np.isfinite(kept.y).all()
    assert kept.y.tobytes() == pieces.y.tobytes() == inference.y.tobytes()
    ours, theirs = (stack.backward(run, problem.dy, problem.dstate) for run in (kept, pieces))
    assert ours.x.tobytes() == theirs.x.tobytes()
    assert ours.params["W_hh"].tobytes() == theirs.params["W_hh"].tobytes()
