"""A function and all that it calls, compiled as a whole: the same results, errors and environments as numba's own."""

import ctypes

import numba
import numpy as np
import pytest
from numba.core.codegen import JITCodeLibrary
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from refseq.wholes import KNOWN, OPTIONS, Part, Whole

pytestmark = pytest.mark.skipif(numba.version_info.short not in KNOWN, reason="this numba compiles as it always does")

TABLE = np.array([0.5, 2.0, 8.0])


@register_jitable
def looked_up(k):
    if k >= len(TABLE):
        raise ValueError("beyond the table")
    return TABLE[k]


@register_jitable
def squared(k):
    return looked_up(k) * looked_up(k)


def summed(n, out):
    for k in range(n):
        out[0] = out[0] + squared(k) * looked_up(n - 1 - k)


def usual():
    return numba.njit(summed)


def whole():
    return numba.njit(**OPTIONS)(summed)


def result(function, n=3):
    out = np.zeros(1)
    function(n, out)
    return out[0]


def test_results_are_those_of_numba():
    assert result(whole()) == result(usual()) == 0.25 * 8 + 4 * 2 + 64 * 0.5


@pytest.mark.parametrize("order", [(usual, whole, usual), (whole, usual, whole)])
def test_what_others_compile_goes_its_usual_way(order):
    """Both use the same helpers, in one process."""
    functions = [make() for make in order]
    assert {result(function) for function in functions} == {42.0}
    for make, function in zip(order, functions, strict=True):
        (compiled,) = function.overloads.values()
        assert type(compiled.library) is (Whole if make is whole else JITCodeLibrary)


def test_parts_are_linked_once_and_have_no_machine_code():
    function = whole()
    result(function)
    (compiled,) = function.overloads.values()
    parts = compiled.library.parts
    assert len(parts) == len(set(parts)) >= 2
    assert all(type(part) is Part and not part._finalized for part in parts)
    engine = cpu_target.target_context.codegen()._engine
    for part in parts:
        name, environment = part.environment
        assert ctypes.c_void_p.from_address(engine.get_global_value_address(name)).value == id(environment)


def test_errors_of_a_part_arrive():
    with pytest.raises(ValueError, match="beyond the table"):
        result(whole(), 4)


def test_afterwards_numba_is_as_it_was():
    context = cpu_target.target_context

    @numba.njit(**OPTIONS)
    def wrong(x):
        return squared(x) + x.no_such_thing

    result(whole())
    with pytest.raises(TypingError, match="no_such_thing"):
        wrong(1)
    assert "create_library" not in vars(context.codegen())
    assert "create_cfunc_wrapper" not in vars(context)


def test_a_part_of_an_array_is_not_returned():
    """Whose memory nobody would count."""

    @register_jitable
    def half(x):
        return x[: len(x) // 2]

    @numba.njit(**OPTIONS)
    def first(x):
        return half(x)[0]

    with pytest.raises(TypingError, match="passed into the function as argument"):
        first(np.zeros(4))
