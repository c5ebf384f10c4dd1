"""Where an operand is read from, and where its cotangent is added to."""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.layout import Place


def value_of(place: Place) -> Callable:
    """f(x, s0, s1, tape), the vector at this place."""
    kind, row = place.kind, place.row
    if kind == "x":

        @register_jitable
        def get(x, s0, s1, tape):
            return x
    elif kind == "old":

        @register_jitable
        def get(x, s0, s1, tape):
            return s0[row]
    elif kind == "new":

        @register_jitable
        def get(x, s0, s1, tape):
            return s1[row]
    else:

        @register_jitable
        def get(x, s0, s1, tape):
            return tape[row]

    return get


def cotangent_of(place: Place) -> Callable:
    """f(dx, d0, ds, dv), the cotangent of the vector at this place: its arrays stand in the order of ``value_of``."""
    return value_of(place)
