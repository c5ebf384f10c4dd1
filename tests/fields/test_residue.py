"""GF(2^61 - 1): the field's axioms, the laws of the formal activations, and what is refused."""

import random

import numpy as np
import pytest

from refseq.fields.differential import Dual
from refseq.fields.residue import MODULUS, Residue
from tests.every_primitive import PAIRS, PRIMITIVES

SPECIAL = [0, 1, 2, MODULUS - 1, (MODULUS - 1) // 2, (MODULUS + 1) // 2]


def elements(count=40):
    rng = random.Random(5)
    return [Residue(value) for value in SPECIAL] + [Residue(rng.randrange(MODULUS)) for _ in range(count)]


def test_the_modulus_is_the_ninth_mersenne_prime():
    """Lucas-Lehmer: 2^61 - 1 is prime."""
    s = 4
    for _ in range(61 - 2):
        s = (s * s - 2) % MODULUS
    assert MODULUS == 2**61 - 1
    assert s == 0


def test_the_axioms_of_a_field():
    values = elements()
    for a, b, c in zip(values, values[7:], values[13:], strict=False):
        assert a + b == b + a
        assert a * b == b * a
        assert (a + b) + c == a + (b + c)
        assert (a * b) * c == a * (b * c)
        assert a * (b + c) == a * b + a * c
        assert a - b == a + (-b)
        assert a + 0 == a == a * 1
        assert b == 0 or (a / b) * b == a
        assert 5 - a == -(a - 5)
        assert a == 0 or (3 / a) * a == 3
        assert a / 7 * 7 == a


def test_equality_and_hash_are_modulo_p():
    assert Residue(MODULUS + 3) == Residue(3) == 3
    assert hash(Residue(MODULUS + 3)) == hash(Residue(3))
    assert Residue(3) != Residue(4)
    assert Residue(3) != "3"


def test_division_by_zero_is_an_error():
    with pytest.raises(ValueError, match="not invertible"):
        Residue(1) / Residue(0)


@pytest.mark.parametrize("other", [0.5, 1.0, np.float64(1.0), 1j, "1", None])
@pytest.mark.parametrize("operation", ["__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__truediv__"])
def test_a_float_is_refused(operation, other):
    with pytest.raises(TypeError, match=f"residue modulo .* {type(other).__name__}"):
        getattr(Residue(5), operation)(other)


def test_the_laws_of_exp_and_log():
    exp, log = PRIMITIVES["exp"], PRIMITIVES["log"]
    for x in elements():
        assert exp(-x) * exp(x) == 1
        if x != 0:
            assert exp(log(x)) == x
            assert exp(-log(x)) * x == 1


@pytest.mark.parametrize("name", PAIRS)
def test_an_activation_is_a_function_with_the_slope_that_it_declares(name):
    value, slope = PAIRS[name]
    for x in elements():
        if name == "log" and x == 0:
            continue
        assert value(x) == value(Residue(x.value))
        assert value(Dual(x, Residue(1))).tangent == slope(value(x))


def test_activations_are_independent_of_one_another():
    """No relation beyond the declared ones: values differ from one another and from their arguments."""
    for x in elements()[1:]:
        values = {PRIMITIVES[name](x).value for name in ("tanh", "sigmoid", "exp", "log")}
        assert len(values | {x.value}) == 5


def test_relu_takes_both_branches():
    masks = {PRIMITIVES["relu_slope"](PRIMITIVES["relu"](x)).value for x in elements()}
    assert masks == {0, 1}
