"""Shapes (T, B, I, H) of benchmarks: written 64x8x32x32, named groups of them, and curves along one of them."""

from dataclasses import astuple, dataclass, replace


@dataclass(frozen=True, order=True)
class Shape:
    """Steps T, rows B, inputs I, units H of a layer."""

    T: int
    B: int
    I: int  # noqa: E741 - the field's name
    H: int

    def __str__(self) -> str:
        return "x".join(map(str, astuple(self)))


STANDARD = (
    Shape(16, 1, 16, 16),
    Shape(64, 8, 32, 32),
    Shape(128, 16, 128, 128),
    Shape(128, 64, 256, 256),
    Shape(64, 64, 512, 512),
)
"""From so small that calling costs most to so large that matrix products do."""

ODD = (
    Shape(50, 3, 17, 23),
    Shape(33, 5, 100, 96),
    Shape(200, 1, 256, 256),
    Shape(20, 130, 64, 200),
    Shape(40, 7, 300, 700),
)
"""Sizes that no vector width divides, one row, more rows than units."""

GROUPS = {"small": STANDARD[:3], "standard": STANDARD, "odd": ODD, "all": STANDARD + ODD}

BASE = Shape(64, 16, 128, 128)
"""Where the curves start from: one size varies, the others stay; I = H on the curve of H."""

CURVES: dict[str, tuple[int, ...]] = {
    "T": (16, 32, 64, 128, 256, 512),
    "B": (1, 4, 16, 64, 128, 256),
    "H": (32, 64, 128, 256, 512),
    "threads": (),
}
"""What a curve varies, and its values; threads go from 1 to the number asked for."""


def parse(text: str) -> tuple[Shape, ...]:
    """The shapes that a word stands for: TxBxIxH, or the name of a group. Raises ValueError."""
    if text in GROUPS:
        return GROUPS[text]
    sizes = text.split("x")
    if len(sizes) != 4 or not all(size.isascii() and size.isdigit() and int(size) for size in sizes):
        raise ValueError(
            f"expected TxBxIxH, four positive integers like 64x8x32x32, or {', '.join(GROUPS)}; got {text!r}"
        )
    return (Shape(*map(int, sizes)),)


def along(curve: str) -> tuple[Shape, ...]:
    """The shapes of a curve; of the curve of threads, its one shape."""
    if curve == "threads":
        return (BASE,)
    if curve == "H":
        return tuple(replace(BASE, I=size, H=size) for size in CURVES["H"])
    return tuple(replace(BASE, **{curve: size}) for size in CURVES[curve])
