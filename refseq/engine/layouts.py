"""Which arrays the two directions of the short way (``refseq.engine.direct``) have, and what is copied when."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from refseq.engine.moves import ADD, CLEAR, COPY, LOOK, Move
from refseq.engine.plan import sums
from refseq.engine.ready import Direction, Line, Place
from refseq.engine.setup import Setup, remembered

if TYPE_CHECKING:
    from refseq.networks.packing import Part


def setup_of_plain(part: "Part", dtype: np.dtype, steps: int, rows: int, workers: int) -> Setup:
    """The setup of a run whose matrices (G, H, K) are contiguous and whose rows have full length."""
    matrices = [part.shapes()[name] for name in part.matrix_names]
    shapes = tuple((inputs, gates, units) for gates, units, inputs in matrices)
    size = dtype.itemsize
    strides = tuple((size, units * inputs * size, inputs * size) for _, units, inputs in matrices)
    batch = ((steps, rows, part.inputs), part.wide, part.wide, part.reverse)
    return remembered(part.cell, dtype, shapes, strides, batch, workers)


def _own(part: "Part") -> dict[str, int]:
    """The per-unit parameters that the caller gives, each with its row of p."""
    names = [name + part.suffix for name in part.cell.own]
    return {name: row for row, name in enumerate(names) if name in part.shapes()}


def _entries(part: "Part") -> dict[str, int]:
    """Entries of every matrix and bias; without biases, these are zeros of the engine's own."""
    own = _own(part)
    given = {name: int(np.prod(shape)) for name, shape in part.shapes().items() if name not in own}
    return given | {
        name: len(bias.rows) * part.wide
        for name, bias in zip(part.bias_names, part.cell.biases, strict=True)
        if name not in given
    }


def _whole(does: int, read: str, write: str, count: int) -> Line:
    """A copy of a whole array."""
    return (read, 0), (write, 0), Move(does, 1, count, 0, 0)


def _theirs(name: str) -> Place:
    """The caller's array of this name."""
    return f"their {name}", 0


def _states(part: "Part", setup: Setup, array: str, to_engine: bool) -> list[Line]:
    """Copies between the caller's states, each (B, H), and an array (B, S, wide)."""
    lines: list[Line] = []
    for k, name in enumerate(part.cell.state):
        own, all_states = part.width(name), len(part.cell.state) * part.wide
        mine, place = _theirs(name), (array, k * part.wide)
        if to_engine:
            lines.append((mine, place, Move(COPY, setup.rows, own, own, all_states)))
        else:
            lines.append((place, mine, Move(COPY, setup.rows, own, all_states, own)))
    return lines


def forward_direction(part: "Part", setup: Setup, record: bool) -> Direction:
    """Copies of the parameters, which may not be NaN; of the states before, and of x if backward will need it; the
    states after."""
    given, entries, own = part.shapes(), _entries(part), _own(part)
    x, kept = setup.steps * setup.rows * part.inputs, setup.steps if record else 1
    states = setup.rows * len(part.cell.state) * part.wide
    arrays = entries | {"x": x if record else 0, "s0": states, "final": states, "p": setup.numbers * part.wide}
    arrays |= {"s": (kept + 1) * setup.rows * setup.state_row, "tape": kept * setup.rows * setup.tape_row}
    parameters = [
        (_theirs(name), ("p", own[name] * part.wide), Move(LOOK, 1, given[name][0], 0, 0))
        if name in own
        else _whole(LOOK, f"their {name}", name, entries[name])
        for name in given
    ]
    inputs = _states(part, setup, "s0", True)
    if record:
        inputs.append(_whole(COPY, "their x", "x", x))
    return Direction(
        setup.forward(setup.full),
        {"start": 0, "stop": setup.steps, "keep": int(record)},
        setup.size,
        arrays,
        {"matrices": part.matrix_names, "biases": part.bias_names},
        [parameters, inputs, _states(part, setup, "final", False)],
        setup.parts,
        ["s0", "p", *(name for name in entries if name not in given)],
        {"p": _constants(part, setup)},
    )


def _constants(part: "Part", setup: Setup) -> tuple[int, np.ndarray]:
    """The rows of p that hold constants: where they begin, and their entries."""
    values = np.array([*part.cell.constants.values()], setup.dtype)
    return setup.own * part.wide, np.repeat(values, part.wide)


def backward_direction(part: "Part", setup: Setup) -> Direction:
    """The cotangents of the states after, and gradients of zero; sums of gradients; the gradients, and the cotangents
    before. The gradient of a per-unit parameter is the sum of dp over the rows, from the first to the last."""
    states = setup.rows * len(part.cell.state) * part.wide
    padded = {name: int(np.prod(shape)) for name, shape in zip(part.matrix_names, setup.gradient_shapes, strict=True)}
    targets = _entries(part) | padded
    named, more = list(targets), sums(part.cell).more
    further = {f"further {k}": targets[named[to]] for k, to in enumerate(more)}
    of_rows, own = setup.own * setup.width, {name: part.shapes()[name][0] for name in _own(part)}
    dp, cleared = {"dp": setup.rows * of_rows}, targets | further | own
    inward = _states(part, setup, "ds_in", True)
    inward += [_whole(CLEAR, "nothing", name, count) for name, count in (cleared | dp).items()]
    summed = [
        (("dp", row * setup.width), (name, 0), Move(ADD, setup.rows, own[name], of_rows, 0))
        for name, row in _own(part).items()
    ]
    summed += [_whole(ADD, f"further {k}", named[to], targets[named[to]]) for k, to in enumerate(more)]
    outward = _gradients(part, padded) + _states(part, setup, "ds_out", False)
    return Direction(
        setup.backward(setup.full),
        {"start": 0, "stop": setup.steps, "keep": 1},
        setup.size,
        cleared | dp | {"ds_in": states, "ds_out": states},
        {"targets": [*named, *further]},
        [inward, summed, outward],
        setup.parts,
        ["ds_in"],
    )


def _gradients(part: "Part", padded: Mapping[str, int]) -> list[Line]:
    """Copies of the gradients to the caller's arrays: of matrices without their padding."""
    lines: list[Line] = []
    for name, shape in part.shapes().items():
        if name in padded:
            *outer, inputs = shape
            rows = int(np.prod(outer))
            lines.append(((name, 0), _theirs(name), Move(COPY, rows, inputs, padded[name] // rows, inputs)))
        else:
            lines.append(_whole(COPY, name, f"their {name}", int(np.prod(shape))))
    return lines
