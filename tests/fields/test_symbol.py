"""sympy numbers: a cell writes its own formula."""

import sympy

import refseq
import refseq.fields.symbol
from tests.every_primitive import PRIMITIVES


def test_the_formula_of_an_lstm_unit():
    ai, af, ag, ao, h, c = sympy.symbols("ai af ag ao h c")
    (c1, h1), _ = refseq.catalogue()["lstm"].cell().stages[0].forward((ai, af, ag, ao), (h, c), ())

    def logistic(z):
        return 1 / (1 + sympy.exp(-z))

    memory = logistic(af) * c + logistic(ai) * sympy.tanh(ag)
    assert sympy.simplify(c1 - memory) == 0
    assert sympy.simplify(h1 - logistic(ao) * sympy.tanh(memory)) == 0


def test_constants_stay_exact():
    x = sympy.Symbol("x", real=True)
    assert PRIMITIVES["zero"](x) == 0
    assert PRIMITIVES["complement"](x) == 1 - x
    assert PRIMITIVES["sigmoid"](sympy.Integer(0)) == sympy.Rational(1, 2)
    assert PRIMITIVES["relu"](sympy.Integer(-3)) == 0
    assert not PRIMITIVES["sigmoid_slope"](x).has(sympy.Float)


def test_the_slope_of_relu_knows_both_sides():
    x = sympy.Symbol("x", real=True)
    slope = PRIMITIVES["relu_slope"](PRIMITIVES["relu"](x))
    assert [slope.subs(x, value) for value in (-2, 0, 2)] == [0, 0, 1]
