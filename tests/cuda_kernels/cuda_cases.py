"""The target "cuda" against "reference" and against exact values: every cell, state, gradient and precision.

numba-cuda decides at import between the device and its simulator, so test_target.py runs this file in a process of its
own. On a machine with a GPU: pytest tests/cuda_kernels/cuda_cases.py
"""

from dataclasses import replace

import numba
import numpy as np
import pytest

from cuda_kernels import gpu, machine
from cuda_kernels.target import CudaTarget
from cuda_kernels.tiles import Tiles
from refseq.arrays import lift
from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.problem import draw
from refseq.checks.subject import Subject
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.targets import Direction, Feed
from tests.variants import KINDS, label, layer

every_cell = pytest.mark.parametrize("cell", KINDS, ids=label)
two_cells = pytest.mark.parametrize("cell", [("elman", {}), ("gru", {"reset": "after"})], ids=label)
both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])
INPUTS, UNITS, STEPS, ROWS = 2, 3, 5, 4


def problem(cell, dtype, steps=STEPS, rows=ROWS):
    """A stacked bidirectional layer with everything it takes, nothing of it zero; lengths 5, 0, 2, 4."""
    return draw(layer(cell, INPUTS, UNITS, layers=2, bidirectional=True), dtype, steps, rows)


class Solved:
    """What a target returned for a problem: to be judged like a foreign implementation, and by name."""

    name = "solved"

    def __init__(self, problem, target, **more):
        layer = problem.layer
        arguments = (problem.params, problem.x, problem.state, problem.lengths, target)
        self.run = layer.forward(*arguments, masks=problem.masks, **more)
        self.grads = layer.backward(self.run, problem.dy, problem.dstate)
        forward = forward_tensors(self.run.y, self.run.state)
        self.tensors = forward | gradient_tensors(self.grads.params, self.grads.x, self.grads.state)

    def forward(self, *_, masks=None):
        return self.run.y, self.run.state

    def vjp(self, *_, masks=None):
        return self.grads.params, self.grads.x, self.grads.state


def interpreted(given):
    """The same problem for the reference target in plain Python: objects of numpy's scalar type."""
    number = np.dtype(given.dtype).type
    names = ("params", "state", "dstate", "masks")
    lifted = {name: {key: lift(array, number) for key, array in getattr(given, name).items()} for name in names}
    return replace(given, **lifted, x=lift(given.x, number), dy=lift(given.dy, number))


def assert_bitwise(got, want, dtype):
    assert got.keys() == want.keys()
    different = [name for name in want if got[name].tobytes() != want[name].astype(dtype).tobytes()]
    assert not different, f"differ in at least one bit: {different}"


@both_precisions
@every_cell
def test_agrees_with_the_reference(cell, dtype):
    given = problem(cell, dtype)
    got = Solved(given, "cuda")

    # On any device, whatever contracts a*b+c and whosever exp it calls: within the budget of the exact values.
    for check in (VALUES, GRADIENTS):
        outcome = check.run(Subject(got, given.layer), given)
        assert outcome.verdict == "pass", (outcome.reason, outcome.findings)

    if gpu.SIMULATOR:
        # The simulator runs the interpreted reference's own Python functions in the same order: not a bit differs.
        assert_bitwise(got.tensors, Solved(interpreted(given), "reference").tensors, dtype)
        # Compiled in float64 (test_target.py leaves that out, as it takes most of the time), the same operations and
        # the same libm: again not a bit, unless numba uses Intel's SVML for exp and tanh. In float32 libm's expf and
        # tanhf are not the rounded double functions that Python has.
        if dtype == "float64" and not (numba.config.USING_SVML or numba.config.DISABLE_JIT):
            assert_bitwise(got.tensors, Solved(given, "reference").tensors, dtype)


@both_precisions
@pytest.mark.parametrize(("steps", "rows"), [(0, ROWS), (STEPS, 0), (0, 0)])
@two_cells
def test_no_steps_and_no_rows(cell, steps, rows, dtype):
    given = problem(cell, dtype, steps, rows)
    got, want = (Solved(given, target).tensors for target in ("cuda", "reference"))
    assert [(name, array.shape, array.dtype) for name, array in got.items()] == [
        (name, array.shape, np.dtype(dtype)) for name, array in want.items()
    ]
    assert_bitwise(got, want, dtype)


@pytest.mark.parametrize("cell", [("lstm", {}), ("gru", {}), ("jordan", {"output": "softmax"})], ids=label)
def test_launch_does_not_change_a_bit(cell):
    """One block and one thread are legal; so are more threads than units, more blocks than pieces, and odd numbers."""
    given = problem(cell, "float32")
    part = given.layer.parts[1]  # the reverse direction
    weights = part.pack(given.params)
    s0, ds = (part.gather(part.cell.state, arrays, weights.p) for arrays in (given.state, given.dstate))
    feed = Feed(given.x, np.zeros((STEPS, ROWS, 0, part.wide), "float32"), given.counts, part.reverse)
    results = []
    for blocks, threads in [(1, 1), (1, 2), (3, 3), (INPUTS + UNITS + 2, UNITS + 2)]:
        target = CudaTarget(blocks, threads)
        tape = target.forward(part.cell, weights, feed, s0)
        pulled = target.backward(part.cell, weights, tape, np.ascontiguousarray(given.dy[:, :, UNITS:]), ds)
        named = {"final": tape.final, "y": tape.y, "dx": pulled.x, "ds": pulled.s0, "dp": pulled.weights.p}
        arrays = (*pulled.weights.matrices, *pulled.weights.biases)
        results.append(named | {f"gradient {number}": array for number, array in enumerate(arrays)})
    for other in results[1:]:
        assert_bitwise(other, results[0], "float32")


@pytest.mark.skipif(not gpu.SIMULATOR, reason="a device has one tile")
@two_cells
def test_the_tile_does_not_change_a_bit(cell, monkeypatch):
    """Neither its sides nor how many terms of a sum it takes at a time; nor what of a tile lies outside."""
    given = draw(layer(cell, 5, 6, bidirectional=True), "float32", STEPS, ROWS)
    want = Solved(interpreted(given), "reference").tensors
    for tiles in (Tiles(1, 1, 1), Tiles(3, 2, 4), Tiles(1, 8, 16)):
        monkeypatch.setattr(machine, "SIMULATED", tiles)
        assert_bitwise(Solved(given, "cuda").tensors, want, "float32")


@both_precisions
@two_cells
def test_checkpoints_do_not_change_a_bit(cell, dtype):
    given = problem(cell, dtype)
    whole = Solved(given, "cuda").tensors
    for every in (1, 2, STEPS):
        assert_bitwise(Solved(given, "cuda", checkpoint=every).tensors, whole, dtype)


@two_cells
def test_a_direction_alone_has_the_bits_that_it_has_beside_the_other(cell):
    given = problem(cell, "float64")
    target, parts = CudaTarget(), given.layer.parts[:2]
    weights = [part.pack(given.params) for part in parts]
    s0, ds = (
        [part.gather(part.cell.state, arrays, own.p) for part, own in zip(parts, weights, strict=True)]
        for arrays in (given.state, given.dstate)
    )
    masks = np.zeros((STEPS, ROWS, 0, parts[0].wide))
    feeds = [Feed(given.x, masks, given.counts, part.reverse) for part in parts]
    dys = [np.ascontiguousarray(half) for half in np.split(given.dy, 2, axis=2)]
    together = target.forward_together(parts[0].cell, list(map(Direction, weights, feeds, s0)))
    both = target.backward_together(parts[0].cell, list(zip(weights, together, dys, ds, strict=True)))
    for d, part in enumerate(parts):
        alone = target.forward(part.cell, weights[d], feeds[d], s0[d])
        for own in (alone, together[d]):  # also of a tape that was made beside the other
            assert own.y.tobytes() == together[d].y.tobytes()
            pulled = target.backward(part.cell, weights[d], own, dys[d], ds[d])
            for name in ("x", "s0"):
                assert getattr(pulled, name).tobytes() == getattr(both[d], name).tobytes(), name
            for one, other in zip(pulled.weights.matrices, both[d].weights.matrices, strict=True):
                assert one.tobytes() == other.tobytes()


@two_cells
def test_rows_do_not_meet_and_padding_is_not_read(cell):
    given = problem(cell, "float64")
    want = Solved(given, "cuda").tensors
    x, dy = given.x.copy(), given.dy.copy()
    for row, length in enumerate(given.counts):
        x[length:, row] = dy[length:, row] = np.nan
    assert_bitwise(Solved(replace(given, x=x, dy=dy), "cuda").tensors, want, "float64")
    x[0, 0] = np.nan  # a valid step of row 0
    got = Solved(replace(given, x=x, dy=dy), "cuda").tensors
    for name, axis in (("y", 1), ("dx", 1), ("state[h]", 1), ("dstate[h]", 1)):
        assert np.isnan(got[name].take(0, axis)).any(), name
        others = range(1, ROWS)
        assert got[name].take(others, axis).tobytes() == want[name].take(others, axis).tobytes(), name


def test_inputs_may_be_read_only():
    given = problem(("gru", {"reset": "after"}), "float32")
    frozen = replace(
        given, **{name: frozen_copy(getattr(given, name)) for name in ("params", "x", "state", "dy", "dstate")}
    )
    assert_bitwise(Solved(frozen, "cuda").tensors, Solved(given, "cuda").tensors, "float32")


def frozen_copy(thing):
    if isinstance(thing, dict):
        return {name: frozen_copy(array) for name, array in thing.items()}
    copy = thing.copy()
    copy.flags.writeable = False
    return copy


def test_says_where_it_ran():
    info = Solved(problem(("elman", {}), "float32"), "cuda").run.info
    assert info["target"] == "cuda"
    assert ("simulator" in info["device"]) == gpu.SIMULATOR


def test_complex_numbers_are_refused():
    given = problem(("elman", {}), "float64")
    params = {name: array.astype(complex) for name, array in given.params.items()}
    with pytest.raises(TypeError, match="target 'cuda' takes float32, float64; got complex128"):
        given.layer.forward(params, given.x.astype(complex), target="cuda")
