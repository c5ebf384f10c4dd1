"""The products with matrices in ``refseq.linear``: each adjoint is the derivative, at explicit small sizes.

Sizes: an operand of 3 entries, blocks 1 and 2 of a matrix of 3, in slots 2 and 0 of 3 pre-activations, 2 units (and a
column more than the matrix has units). All loops run over indices alone, the same for every entry.
"""

from collections.abc import Callable, Sequence

import numpy as np

from proofs.symbolic.identity import every, gradient
from proofs.symbolic.opaque import Opaque, Variable, symbol
from proofs.theorem import Answer
from refseq import linear

INPUTS, GATES, UNITS, SLOTS = 3, 3, 2, (2, 0)
FIRST, LAST = 1, 3
ALONE = (0, 1)
"""Lane 0 of 1."""


def array(name: str, *shape: int) -> np.ndarray:
    """An array of symbols."""
    result = np.empty(shape, object)
    for index in np.ndindex(*shape):
        result[index] = symbol(name + "".join(f"_{i}" for i in index))
    return result


def zeros(*shape: int) -> np.ndarray:
    """An array of zeros."""
    result = np.empty(shape, object)
    result.fill(Opaque(0))
    return result


def pairs(variables: np.ndarray, claimed: np.ndarray) -> list[tuple[Variable, Opaque]]:
    """Entry by entry a variable and its claimed derivative."""
    return [(v.expression, c) for v, c in zip(variables.flat, claimed.flat, strict=True)]


def dot(a: np.ndarray, b: np.ndarray) -> Opaque:
    """sum_k a_k b_k."""
    return sum((x * y for x, y in zip(a.flat, b.flat, strict=True)), Opaque(0))


def product(transposed: Callable = linear.add_transposed_product) -> Answer:
    """add_product against its adjoints in the operand and in the matrix; each adds to what is there already."""
    U, v = array("U", INPUTS, GATES, UNITS), array("v", INPUTS)
    a, da = array("a", 3, UNITS + 1), array("d", 3, UNITS + 1)
    dv, dU = array("dv", INPUTS), array("dU", INPUTS, GATES, UNITS)
    out, into, grown = a.copy(), dv.copy(), dU.copy()
    linear.add_product(out, U, v, FIRST, LAST, SLOTS, *ALONE)
    transposed(into, U, da, FIRST, LAST, SLOTS, *ALONE)
    for row in range(INPUTS):  # rows one after another, as the second pass of BPTT takes them
        linear.add_outer_rows(grown, v, da, FIRST, LAST, SLOTS, row, row + 1, *ALONE)
    loss = dot(out, da)
    found = ((v, into - dv), (U, grown - dU), (a, da))
    return every(gradient(loss, pairs(variables, claimed)) for variables, claimed in found)


def planted() -> Answer:
    """The adjoint without the transposition of the slots."""

    def untransposed(dv, U, da, first, last, slots, lane, lanes):
        linear.add_transposed_product(dv, U, da, first, last, slots[::-1], lane, lanes)

    return product(transposed=untransposed)


def lanes(team: Sequence[tuple[int, int]] = ((0, 2), (1, 2))) -> Answer:
    """The lanes of this team together write what one lane of one does."""
    U, v, a = array("U", INPUTS, GATES, UNITS), array("v", INPUTS), array("a", 3, UNITS)
    answers = []
    for function, target, given in ((linear.add_product, a, v), (linear.add_transposed_product, v, a)):
        one, several = target.copy(), target.copy()
        function(one, U, given, FIRST, LAST, SLOTS, *ALONE)
        for lane in team:
            function(several, U, given, FIRST, LAST, SLOTS, *lane)
        weights = array("w", *target.shape)
        answers.append(gradient(dot(one, weights), pairs(weights, several)))
    return every(answers)


def one_lane() -> Answer:
    """Planted: the second lane does nothing."""
    return lanes(((0, 2),))
