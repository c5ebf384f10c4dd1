"""Problems made from a problem: fewer rows, a piece of the time, other inputs. Arrays are new and contiguous."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem, inputs, with_inputs
from refseq.layer import Layer

Arrays = dict[str, np.ndarray]


def per_row(tensor: str) -> bool:
    """Whether axis 1 of a tensor counts batch rows: outputs, states and their gradients, not those of parameters."""
    return tensor in ("y", "dx") or "state[" in tensor


def rows(problem: Problem, chosen: Sequence[int] | np.ndarray) -> Problem:
    """These batch rows, in this order."""
    index = np.asarray(chosen, np.intp)

    def pick(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array[:, index])

    return replace(
        problem,
        x=pick(problem.x),
        state={name: pick(value) for name, value in problem.state.items()},
        lengths=None if problem.lengths is None else problem.lengths[index],
        dy=pick(problem.dy),
        dstate={name: pick(value) for name, value in problem.dstate.items()},
        masks={name: np.ascontiguousarray(value[:, :, index]) for name, value in problem.masks.items()},
    )


def few(problem: Problem) -> Problem:
    """The two longest rows: enough for a closed form, and a budget of its own costs less."""
    return rows(problem, np.argsort(-problem.counts, kind="stable")[:2])


def cut(problem: Problem, first: int, last: int) -> Problem:
    """The steps first <= t < last; a row that has ended before has length 0."""
    lengths = None if problem.lengths is None else np.clip(problem.lengths - first, 0, last - first)
    masks = {name: value[:, first:last].copy() for name, value in problem.masks.items()}
    x, dy = problem.x[first:last].copy(), problem.dy[first:last].copy()
    return replace(problem, x=x, dy=dy, lengths=lengths, masks=masks)


def readers_of_x(layer: Layer) -> set[str]:
    """The matrices of the first layer that are applied to x."""
    parts = [part for part in layer.parts if part.layer == 0]
    return {
        name + part.suffix
        for part in parts
        for name, matrix in part.cell.layout.matrices.items()
        if matrix.inputs == "inputs"
    }


def padding(problem: Problem) -> np.ndarray:
    """(T, B): True beyond the end of a row."""
    return np.arange(problem.x.shape[0])[:, None] >= problem.counts


def live(problem: Problem) -> np.ndarray:
    """The rows that have a step."""
    return np.flatnonzero(problem.counts > 0)


def cotangents(
    problem: Problem, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray] | None = None
) -> Problem:
    """The problem with these cotangents and no others."""
    silent = {name: np.zeros_like(value) for name, value in problem.dstate.items()}
    return replace(problem, dy=np.zeros_like(problem.dy) if dy is None else dy, dstate=silent | dict(dstate or {}))


def named(problem: Problem) -> Arrays:
    """Everything that goes in, by tensor: an input by its gradient's name, a cotangent by its output's, masks."""
    cotangents = {"y": problem.dy} | {f"state[{name}]": value for name, value in problem.dstate.items()}
    return inputs(problem) | cotangents | {f"mask[{name}]": value for name, value in problem.masks.items()}


def with_named(problem: Problem, tensors: Mapping[str, np.ndarray]) -> Problem:
    """The inverse of ``named``."""
    dstate = {name: tensors[f"state[{name}]"] for name in problem.dstate}
    masks = {name: tensors[f"mask[{name}]"] for name in problem.masks}
    return replace(with_inputs(problem, tensors), dy=tensors["y"], dstate=dstate, masks=masks)


def forward_only(tensors: Mapping[str, np.ndarray]) -> Arrays:
    """Outputs and final states."""
    return {name: value for name, value in tensors.items() if not name.startswith("d")}


def by_row(tensors: Mapping[str, np.ndarray], chosen: Sequence[int] | np.ndarray | slice = slice(None)) -> Arrays:
    """The tensors that have batch rows, with the chosen ones."""
    return {name: value[:, chosen] for name, value in tensors.items() if per_row(name)}
