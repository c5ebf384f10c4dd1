"""sympy expressions: for symbolic proofs about a cell and for writing its formulas."""

import sympy
from sympy import Expr

from refseq.primitives import register_field


def _sigmoid(x: Expr) -> Expr:
    return 1 / (1 + sympy.exp(-x))


register_field(
    Expr,
    {
        "tanh": sympy.tanh,
        "sigmoid": _sigmoid,
        "relu": lambda x: sympy.Max(0, x),
        "exp": sympy.exp,
        "log": sympy.log,
        "sqrt": sympy.sqrt,
    },
    step=lambda y: sympy.Piecewise((1, y > 0), (0, True)),
    clipped=lambda x, bound: sympy.Min(bound, sympy.Max(-bound, x)),
    inside=lambda y, bound: sympy.Piecewise((1, sympy.And(-bound < y, y < bound)), (0, True)),
    number=lambda x, value: sympy.Rational(value),
)
