"""What mutants of single functions are run on: vector operations and losses over GF(2^61 - 1), and what only floats can
show, branches and extreme numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import linear, softmax
from refseq.arrays import lift, zeros
from refseq.fields.differential import Dual
from refseq.fields.residue import MODULUS, Residue
from refseq.mutation.numbers import every_primitive

Tensors = dict[str, Any]


@dataclass(frozen=True)
class Calls:
    """Calls of functions. ``results`` are compared with recorded ones, number by number; ``identities`` are pairs that
    must be equal whatever was recorded: an adjoint's defining identity."""

    results: Callable[[], Tensors]
    identities: Callable[[], Iterator[tuple[str, Any, Any]]]


def plain(value: Any) -> Any:
    """Results as what can be compared by ==: residues as integers, floats bit for bit, balls as they are."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, (np.ndarray, list, tuple)):
        return [plain(entry) for entry in np.asarray(value, object).reshape(-1)] if len(value) else []
    if isinstance(value, Residue):
        return value.value
    if isinstance(value, (float, complex, np.floating)):
        return np.asarray(value).tobytes()
    return value


def residues(seed: int, *shape: int) -> np.ndarray:
    """Random elements of GF(2^61 - 1)."""
    return lift(np.random.default_rng(seed).integers(0, MODULUS, shape), Residue)


def dot(a: np.ndarray, b: np.ndarray) -> Residue:
    """The sum of products."""
    return sum((a * b).reshape(-1), Residue(0))


def nothing() -> Iterator[tuple[str, Any, Any]]:
    """No identities."""
    return iter(())


GATES, SLOTS, UNITS, OPERAND, WIDE = 3, 5, 4, 6, 7
PLACES = (4, 0, 2)
TEAMS = (1, 2, 3)
"""Numbers of lanes; each lane is called by itself, the last one first."""


def _by_lanes(function: Callable, lanes: int, *arguments: Any) -> None:
    for lane in reversed(range(lanes)):
        function(*arguments, lane, lanes)


def _vectors() -> Tensors:
    U, v, w = residues(1, OPERAND, GATES, UNITS), residues(2, OPERAND), residues(3, SLOTS, WIDE)
    found: Tensors = {}
    for lanes in TEAMS:
        for first, last in ((0, 3), (1, 3), (2, 3), (1, 1)):
            name, at = f" {first}:{last} lanes={lanes}", PLACES[first:last] or PLACES
            a, dv, dU = w.copy(), v.copy(), U.copy()
            _by_lanes(linear.add_product, lanes, a, U, v, first, last, at)
            _by_lanes(linear.add_transposed_product, lanes, dv, U, w, first, last, at)
            _by_lanes(linear.add_outer_rows, lanes, dU, v, w, first, last, at, 2, 5)
            found |= {"product" + name: a, "transposed" + name: dv, "outer" + name: dU}
        for function in (linear.copy, linear.add):
            target = residues(4, WIDE)
            _by_lanes(function, lanes, target, residues(5, WIDE), 5)
            found[f"{function.__name__} lanes={lanes}"] = target
        target = residues(4, WIDE)
        _by_lanes(linear.clear, lanes, target, 5)
        found[f"clear lanes={lanes}"] = target
    return found


def _vector_adjoints() -> Iterator[tuple[str, Any, Any]]:
    U, v, w = residues(1, OPERAND, GATES, UNITS), residues(2, OPERAND), residues(3, SLOTS, UNITS)
    image, dv, dU = zeros(w.shape, w), zeros(v.shape, v), zeros(U.shape, U)
    linear.add_product(image, U, v, 1, 3, PLACES[1:], 0, 1)
    linear.add_transposed_product(dv, U, w, 1, 3, PLACES[1:], 0, 1)
    linear.add_outer_rows(dU, v, w, 1, 3, PLACES[1:], 0, OPERAND, 0, 1)
    yield "in the operand", dot(w, image), dot(dv, v)
    yield "in the matrix", dot(w, image), dot(dU, U)


ENTRIES = 5
EXTREMES = (
    [0.5, 3.0, -1.0, 2.5],
    [-1e4, 1e4, 0.0],
    [-np.inf, 2.0, 1.0],
    [np.nan, 1.0],
    [700.0, 710.0, 720.0],
    [2.0, 2.0],
)


def _softmaxes(a: np.ndarray, dv: np.ndarray, name: str = "") -> Tensors:
    found: Tensors = {f"pivot{name}": softmax.pivot(a), f"logsumexp{name}": [softmax.logsumexp(a)]}
    for lanes in TEAMS:
        p, z, da, dz, dl = zeros(a.shape, a), zeros(a.shape, a), zeros(a.shape, a), zeros(a.shape, a), dv.copy()
        _by_lanes(softmax.softmax, lanes, p, a)
        _by_lanes(softmax.log_softmax, lanes, z, a)
        _by_lanes(softmax.softmax_backward, lanes, da, p, dv)
        _by_lanes(softmax.log_softmax_backward, lanes, dz, z, dv)
        _by_lanes(softmax.logsumexp_backward, lanes, dl, p, dv[0])
        words = f"{name} lanes={lanes}"
        found |= {"p" + words: p, "z" + words: z, "da" + words: da, "dz" + words: dz, "dl" + words: dl}
    return found


def _softmax() -> Tensors:
    found = _softmaxes(residues(6, ENTRIES), residues(7, ENTRIES))
    for number, entries in enumerate(EXTREMES):
        a, dv = np.array(entries), np.linspace(0.5, 2.0, len(entries))
        with np.errstate(all="ignore"):
            found |= _softmaxes(a, dv, f" {number}")
    return found


def _softmax_adjoints() -> Iterator[tuple[str, Any, Any]]:
    a, v, w = residues(8, ENTRIES), residues(9, ENTRIES), residues(10, ENTRIES)
    moved = np.array([Dual(x, t) for x, t in zip(a, v, strict=True)])
    p, z, q, da = zeros(a.shape, a), zeros(moved.shape, moved), zeros(moved.shape, moved), zeros(a.shape, a)
    softmax.softmax(p, a, 0, 1)
    softmax.softmax(q, moved, 0, 1)
    softmax.softmax_backward(da, p, w, 0, 1)
    yield "softmax", sum((x * y.tangent for x, y in zip(w, q, strict=True)), Residue(0)), dot(da, v)
    softmax.log_softmax(z, moved, 0, 1)
    value, dl = softmax.logsumexp(moved), zeros(a.shape, a)
    softmax.logsumexp_backward(dl, p, w[0], 0, 1)
    yield "logsumexp", w[0] * value.tangent, dot(dl, v)


CALLS: dict[str, Calls] = {
    "vector operations": Calls(_vectors, _vector_adjoints),
    "softmax and logsumexp": Calls(_softmax, _softmax_adjoints),
    "primitives": Calls(every_primitive, nothing),
}
"""Every case of single functions by name."""
