"""Text: running a cell over these "numbers" writes down its formula. Sums and products with 0 and 1 are simplified."""

from typing import Any

from refseq.primitives import register_field

_SUM, _PRODUCT, _ATOM = 1, 2, 3


class Formula:
    """An expression as text, with how tightly its outermost operation binds. Mixes with integers."""

    __slots__ = ("binds", "text")

    def __init__(self, text: str, binds: int = _ATOM) -> None:
        self.text, self.binds = text, binds

    def __repr__(self) -> str:
        return self.text

    def within(self, binds: int) -> str:
        """The text, in brackets if its operation binds less than this."""
        return self.text if self.binds >= binds else f"({self.text})"

    def __add__(self, other: Any) -> "Formula":
        other = _formula(other)
        if "0" in (self.text, other.text):
            return other if self.text == "0" else self
        return Formula(f"{self.text} + {other.text}", _SUM)

    def __radd__(self, other: Any) -> "Formula":
        return _formula(other) + self

    def __neg__(self) -> "Formula":
        return Formula(f"-{self.within(_PRODUCT)}", _SUM)

    def __sub__(self, other: Any) -> "Formula":
        other = _formula(other)
        return self if other.text == "0" else Formula(f"{self.text} - {other.within(_PRODUCT)}", _SUM)

    def __rsub__(self, other: Any) -> "Formula":
        return _formula(other) - self

    def __mul__(self, other: Any) -> "Formula":
        other = _formula(other)
        texts = (self.text, other.text)
        if "0" in texts:
            return Formula("0")
        if "1" in texts:
            return other if self.text == "1" else self
        return Formula(f"{self.within(_PRODUCT)} * {other.within(_PRODUCT)}", _PRODUCT)

    def __rmul__(self, other: Any) -> "Formula":
        return _formula(other) * self

    def __truediv__(self, other: Any) -> "Formula":
        return Formula(f"{self.within(_PRODUCT)} / {_formula(other).within(_ATOM)}", _PRODUCT)

    def __rtruediv__(self, other: Any) -> "Formula":
        return _formula(other) / self


def _formula(other: Any) -> Formula:
    return other if isinstance(other, Formula) else Formula(str(other))


def _call(name: str) -> Any:
    return lambda x: Formula(f"{name}({x.text})")


register_field(
    Formula,
    {name: _call(name) for name in ("tanh", "sigmoid", "relu", "exp", "log", "sqrt")},
    step=lambda y: Formula(f"[{y.text} > 0]"),
    clipped=lambda x, bound: Formula(f"clip({x.text}, {bound.text})"),
    inside=lambda y, bound: Formula(f"[|{y.text}| < {bound.text}]"),
    number=lambda x, value: Formula(f"{value:g}"),
)
