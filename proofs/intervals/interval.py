"""Intervals of real numbers with rigorous ends, which may be infinite: a number field for claims about whole boxes.

Ends are exact numbers of python-flint, rounded outwards. An interval [a, inf] stands for all x >= a *and* for the limit
x -> inf, so that a bound that is only approached, as 1 by tanh, is found exactly. Wherever a limit is not determined,
as of inf - inf or 0 * inf, the result is [-inf, inf]: it encloses whatever the values approach (the containment sets of
G. W. Walster, E. R. Hansen, Global optimization using interval analysis, 2nd ed., 2003, chapter 4).

tanh, sigmoid, exp, log and sqrt are increasing, and take the values of their ends.
"""

from collections.abc import Callable
from typing import Any

from flint import arb

from refseq.fields.differential import register_derivatives
from refseq.primitives import register_field

INFINITE, MINUS_INFINITE = arb.pos_inf(), arb.neg_inf()


class Interval:
    """[low, high]. Mixes with integers, which are exact: 0 * x is the integer 0 for every x."""

    __slots__ = ("high", "low")

    def __init__(self, low: Any, high: Any = None) -> None:
        low, high = arb(low), arb(low if high is None else high)
        self.low, self.high = low.lower(), high.upper()
        if low.is_nan() or high.is_nan():
            self.low, self.high = MINUS_INFINITE, INFINITE

    @property
    def is_point(self) -> bool:
        """Whether it is one number, or one infinity."""
        return bool(self.low == self.high)

    def __add__(self, other: Any) -> "Interval":
        if not isinstance(other, (Interval, int)):
            return NotImplemented
        other = interval(other)
        return Interval(self.low + other.low, self.high + other.high)

    __radd__ = __add__

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Any) -> "Interval":
        return self + (-interval(other))

    def __rsub__(self, other: Any) -> "Interval":
        return interval(other) + (-self)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (Interval, int)):
            return NotImplemented
        if isinstance(other, int) and other in (0, 1):
            return self if other else 0
        other = interval(other)
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        if any(end.is_nan() for end in ends):
            return Interval(MINUS_INFINITE, INFINITE)
        unbounded = any(not end.is_finite() for x in (self, other) for end in (x.low, x.high))
        if unbounded and (self.has_zero() or other.has_zero()):
            return Interval(MINUS_INFINITE, INFINITE)
        return hull(ends)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Interval":
        other = interval(other)
        if other.has_zero():
            return Interval(MINUS_INFINITE, INFINITE)
        return self * Interval(1 / other.high, 1 / other.low)

    def __rtruediv__(self, other: Any) -> "Interval":
        return interval(other) / self

    def has_zero(self) -> bool:
        """Whether 0 is in it."""
        return bool(self.low <= 0) and bool(self.high >= 0)

    def __repr__(self) -> str:
        return f"[{_text(self.low)}, {_text(self.high)}]"


def _text(end: arb) -> str:
    return f"{float(end.mid()):.9g}"


def interval(value: Any) -> Interval:
    """An Interval or an integer as an Interval; anything else has to be made one by who knows its error."""
    if isinstance(value, (Interval, int)):
        return value if isinstance(value, Interval) else Interval(value)
    raise TypeError(f"an interval cannot be combined with {type(value).__name__} {value!r}")


def hull(ends: list[arb]) -> Interval:
    """The smallest interval with all of these; each may be a ball."""
    low, high = ends[0].lower(), ends[0].upper()
    for end in ends[1:]:
        low = end.lower() if end.lower() < low else low
        high = end.upper() if end.upper() > high else high
    return Interval(low, high)


def _increasing(function: Callable[[arb], arb]) -> Callable[[Interval], Interval]:
    return lambda x: Interval(function(x.low), function(x.high))


def _sigmoid(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def _log(x: arb) -> arb:
    return x.log() if x > 0 else MINUS_INFINITE


def _sqrt(x: arb) -> arb:
    return x.sqrt() if x > 0 else arb(0)


def _relu(x: arb) -> arb:
    return x if x > 0 else arb(0)


class Slope(Interval):
    """The derivative of an increasing function: not negative."""

    __slots__ = ()


def _step(x: Interval) -> Interval:
    """[x > 0], of both sides of a kink that is inside."""
    return Interval(int(bool(x.low > 0)), int(bool(x.high > 0)))


def _clip(x: Interval, bound: Interval) -> Interval:
    low, high = bound.low, bound.high
    return Interval(_within(x.low, high if x.low < 0 else low), _within(x.high, high if x.high > 0 else low))


def _within(x: arb, bound: arb) -> arb:
    if x >= bound:
        return bound
    return -bound if x <= -bound else x


def _inside(x: Interval, bound: Interval) -> Interval:
    if x.low > -bound.low and x.high < bound.low:
        return Interval(1)
    return Interval(0) if x.low >= bound.high or x.high <= -bound.high else Interval(0, 1)


def _slope(law: Callable[[Interval, Interval], Interval]) -> Callable[[Interval, Interval], Slope]:
    def rule(x: Interval, y: Interval) -> Slope:
        found = law(x, y)
        return Slope(found.low if found.low > 0 else arb(0), found.high)

    return rule


register_field(
    Interval,
    {
        "tanh": _increasing(arb.tanh),
        "sigmoid": _increasing(_sigmoid),
        "relu": _increasing(_relu),
        "exp": _increasing(arb.exp),
        "log": _increasing(_log),
        "sqrt": _increasing(_sqrt),
    },
    step=_step,
    clipped=_clip,
    inside=_inside,
    number=lambda x, value: Interval(value),
)
register_derivatives(
    Interval,
    {
        "tanh": _slope(lambda x, y: (1 - y) * (1 + y)),
        "sigmoid": _slope(lambda x, y: y * (1 - y)),
        "relu": _slope(lambda x, y: _step(x)),
        "exp": _slope(lambda x, y: y),
        "log": _slope(lambda x, y: 1 / x),
        "sqrt": _slope(lambda x, y: 1 / (2 * y)),
        "clip": _slope(_inside),
    },
)
