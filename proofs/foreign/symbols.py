"""Formal exponential, logarithm, root and sign over GF(p), p = 2^61 - 1: fixed, random-looking elements.

Known of them, and nothing else:

    exp(0) = 1    exp(-x) = 1/exp(x)    exp(2x) = exp(x)^2    exp(log x) = x    log(exp x) = x    sign(-x) = -sign(x)

tanh and sigmoid are rational in exp, as in every textbook, and so 1/(1 + exp(-x)) is sigmoid(x), and 2 sigmoid(2x) - 1
is tanh(x). p = 3 (mod 4): every square has one root that is a square, so that an exponential, drawn as a square, can be
halved as well as doubled; and e^2 + 1 is never 0. The root of x is that root where x is a square; elsewhere GF(p) has
none, and it is a free symbol. Not known: exp(a + b) = exp(a) exp(b), which no function on GF(p) satisfies.
"""

import hashlib

from refseq.fields.residue import MODULUS

DOUBLINGS = 8
"""exp(2^k x) = exp(x)^(2^k) for |k| up to this."""

MANY = 4000
"""Arguments of exp between which a relation is looked for."""

_EXPONENTIALS: dict[int, int] = {}
_LOGARITHMS: dict[int, int] = {}
_unknown: set[str] = set()
signs: set[int] = set()
"""Elements whose sign was asked for."""


def _drawn(name: str, x: int) -> int:
    digest = hashlib.blake2b(f"{name} {x}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % MODULUS


def _is_square(x: int) -> bool:
    return pow(x, (MODULUS - 1) // 2, MODULUS) == 1


def exp(x: int) -> int:
    """The exponential of x."""
    if x == 0:
        return 1
    if x not in _EXPONENTIALS:
        y = _by_doubling(x)
        if y is None:
            y = pow(_drawn("exp", x), 2, MODULUS)
        _remember(x, y)
    return _EXPONENTIALS[x]


def _remember(x: int, y: int) -> None:
    for argument, value in ((x, y), (MODULUS - x, pow(y, -1, MODULUS))):
        _EXPONENTIALS[argument], _LOGARITHMS[value] = value, argument


def _by_doubling(x: int) -> int | None:
    """From the exponential of x/2^k or 2^k x, where that is known."""
    for k in range(1, DOUBLINGS + 1):
        below = _EXPONENTIALS.get(x * pow(2, -k, MODULUS) % MODULUS)
        if below is not None:
            return pow(below, 2**k, MODULUS)
        above = _EXPONENTIALS.get(x * 2**k % MODULUS)
        if above is not None and _is_square(above):
            return pow(above, pow((MODULUS + 1) // 4, k, (MODULUS - 1) // 2), MODULUS)
    return None


def log(x: int) -> int:
    """The logarithm of x."""
    if x == 1:
        return 0
    if x not in _LOGARITHMS:
        _unknown.add("log(a b) = log(a) + log(b)")
        _remember(_drawn("log", x), x)
    return _LOGARITHMS[x]


def sqrt(x: int) -> int:
    """The root of x that is a square, or a free symbol."""
    if x == 0 or _is_square(x):
        return pow(x, (MODULUS + 1) // 4, MODULUS)
    _unknown.add("sqrt(x)^2 = x, as not every element has a root")
    return _drawn("sqrt", x)


def sign(x: int) -> int:
    """A free sign of x, 1 or -1, opposite to that of -x; 0 for 0."""
    if x == 0:
        return 0
    signs.add(x)
    low = min(x, MODULUS - x)
    drawn = 1 if _drawn("sign", low) & 1 else -1
    return drawn if x == low else -drawn


def forget() -> None:
    """Begin anew: what is asked next has nothing to do with what was asked before."""
    for table in (_EXPONENTIALS, _LOGARITHMS, _unknown, signs):
        table.clear()


def unknown() -> list[str]:
    """Laws that the code may have used and that are not known here: where there are any, two formulas that differ may
    still be the same function."""
    arguments = list(_EXPONENTIALS)[:MANY]
    found = sorted(_unknown)
    if any(_is_sum(a, b) for i, a in enumerate(arguments) for b in arguments[:i]):
        found.append("exp(a + b) = exp(a) exp(b)")
    return found + ["ties between the signs of different numbers"] * bool(signs)


_FAMILY = {sign * pow(2, k, MODULUS) % MODULUS for k in range(-2 * DOUBLINGS, 2 * DOUBLINGS + 1) for sign in (1, -1)}


def _is_sum(a: int, b: int) -> bool:
    """Whether exp(a + b) was asked for as well, and no doubling relates the three: x + x = 2x is no news."""
    both = (a + b) % MODULUS
    if both not in _EXPONENTIALS or both == 0:
        return False
    inverse = pow(a, -1, MODULUS)
    return not {b * inverse % MODULUS, both * inverse % MODULUS} <= _FAMILY
