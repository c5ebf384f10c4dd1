"""Is f <= 0 on a whole box? By running f over intervals; where that is too coarse, by monotonicity, then by halving.

An interval operation does not know that two of its operands depend on one another: z h + (1 - z) n is less than
max(h, n), but intervals find the sum of both. So the derivative by every variable is enclosed as well, by forward mode
over the box. A variable in which f cannot decrease is put on its upper end, which f's largest value needs, and so on
until nothing moves; what is left is halved. (Monotonicity test: R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction
to interval analysis, SIAM 2009, section 11.)

Only the sign matters. So where a variable enters through one activation alone, f is differentiated by the activation's
value instead: the derivative is the same but for a factor that is not negative, and h z' - n z' becomes h - n, which
knows its sign.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flint import arb

from proofs.intervals.interval import INFINITE, MINUS_INFINITE, Interval, Slope, interval
from proofs.theorem import Answer, Proved, Refuted, Undecided
from refseq.fields.differential import Dual

MOST_BOXES = 500
REAL = (MINUS_INFINITE, INFINITE)
FAR = 50
"""Where a counterexample is looked for in place of infinity."""

Box = Mapping[str, Interval]
Function = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Bound:
    """``function`` (of numbers by name) is at most 0 for all values in the box."""

    what: str
    function: Function
    box: Box = field(default_factory=dict)


def decide(bound: Bound) -> Answer:
    """Whether the bound holds, and on how many boxes it had to be looked at; or a point where it does not."""
    waiting, seen = [dict(bound.box)], 0
    while waiting:
        box = _settled(bound.function, waiting.pop())
        seen += 1
        value = _value(bound.function, box)
        if value.high <= 0:
            continue
        for point in _points(box):
            excess = _value(bound.function, point)
            if excess.low > 0:
                return Refuted(bound.what, f"at {_words(point)} it is exceeded by {excess}")
        halves = _halved(box)
        if not halves or seen >= MOST_BOXES:
            return Undecided(f"{bound.what}: not decided on {_words(box)}, where the excess is in {value}")
        waiting += halves
    return Proved(f"{seen} box{'es' * (seen > 1)}")


def _value(function: Function, box: Box) -> Interval:
    return interval(function({name: Dual(x, 0) for name, x in box.items()}).value)


class Seed:
    """The tangent 1 of the variable by which is differentiated, until something takes it. An activation gives 1 in
    return, and not its slope; which is right if nothing else takes it as well."""

    def __init__(self) -> None:
        self.taken = 0

    def _take(self, result: Any) -> Any:
        self.taken += 1
        return result

    def __add__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else self._take(other + 1)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self._take(-1)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, int) and other == 0:
            return 0
        return self._take(1 if isinstance(other, Slope) else other)

    __rmul__ = __mul__


def slope(function: Function, box: Box, variable: str) -> Interval:
    """An interval whose sign is that of the derivative by a variable, everywhere in the box."""
    for seed in (Seed(), 1):
        tangent = function({name: Dual(x, seed if name == variable else 0) for name, x in box.items()}).tangent
        if not isinstance(seed, Seed) or seed.taken <= 1:
            return interval(1 if isinstance(tangent, Seed) else tangent)
    raise AssertionError  # the second tangent is an integer


def _settled(function: Function, box: dict[str, Interval]) -> dict[str, Interval]:
    """The part of the box in which the function's largest value is approached."""
    moving = True
    while moving:
        moving = False
        for name, x in box.items():
            if not x.is_point:
                d = slope(function, box, name)
                if d.low >= 0 or d.high <= 0:
                    up = d.high > 0 or (
                        d.low >= 0 and not x.low.is_finite()
                    )  # where it does not matter, not to infinity
                    box = {**box, name: Interval(x.high if up else x.low)}
                    moving = True
    return box


def _points(box: Box) -> list[dict[str, Interval]]:
    """The middle of a box and two corners, where a counterexample may be."""
    finite = {name: (_finite(x.low), _finite(x.high)) for name, x in box.items()}
    middle = {name: Interval(((low + high) / 2).mid()) for name, (low, high) in finite.items()}
    return [middle, *({name: Interval(ends[k]) for name, ends in finite.items()} for k in (1, 0))]


def _finite(end: arb) -> arb:
    if end.is_finite():
        return end
    return arb(FAR) if end > 0 else arb(-FAR)


def _halved(box: dict[str, Interval]) -> list[dict[str, Interval]]:
    """The two halves along the widest side; an infinite one is divided at 0, then at twice its finite end."""
    sides = [(x.high - x.low, name) for name, x in box.items() if not x.is_point]
    if not sides:
        return []
    width, name = sides[0]
    for other, candidate in sides[1:]:
        width, name = (other, candidate) if other > width else (width, name)
    x = box[name]
    if x.low.is_finite() and x.high.is_finite():
        at = ((x.low + x.high) / 2).mid()
    elif x.low < 0 < x.high:
        at = arb(0)
    else:
        at = 2 * x.low + 1 if x.low.is_finite() else 2 * x.high - 1
    return [{**box, name: Interval(x.low, at)}, {**box, name: Interval(at, x.high)}]


def _words(box: Box) -> str:
    return ", ".join(f"{name} = {_text(x)}" for name, x in box.items())


def _text(x: Interval) -> str:
    return f"{float(x.low):.6g}" if x.is_point else str(x)
