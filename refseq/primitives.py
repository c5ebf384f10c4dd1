"""Scalar primitives: the only functions a cell may call, each with its slope.

A primitive is one rule per number field. Plain Python picks the rule by the type of the argument (and other fields
register theirs, see ``refseq.fields``); numba, on the CPU and on CUDA, picks it by the precision. Every slope is
written as a function of the primitive's own *output* ``y``, because that is what a tape stores:

    y = tanh x      dy/dx = 1 - y^2          y = exp x    dy/dx = y
    y = sigmoid x   dy/dx = y (1 - y)        y = log x    dy/dx = exp(-y)
    y = relu x      dy/dx = [y > 0]          y = sqrt x   dy/dx = 1/(2y)
    y = x           dy/dx = 1
    y = log1p x     dy/dx = exp(-y), the slope of log

A rule takes ``(x, one)``, where ``one`` is 1 in the precision of ``x``: cells and rules hold no float literal, which
would silently promote float32 to float64.
"""

import cmath
import math
from functools import singledispatch
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

import refseq.symbols  # noqa: F401 - before anything is compiled
from refseq import rules

_COMPILED: dict[type, dict[str, Any]] = {}
"""Number fields that only compiled code has: numba type -> its functions by the primitive's name."""


def _primitive(name: str, real, complex_=None, python=None) -> Any:
    """Make the dispatched primitive ``name`` from its rules for real and complex numbers.

    ``python`` replaces ``real`` outside numba, where ``math`` raises at overflow instead of returning inf or nan.
    """
    complex_rule = complex_ or real
    python_rule = python or real

    def unknown(x):
        known = "refseq.fields.ball (arb), residue, noise, symbol (sympy), differential"
        raise TypeError(
            f"{name}: numbers of type {type(x).__name__} are no registered field; import the module that registers "
            f"them ({known}), or call refseq.primitives.register_field"
        )

    unknown.__name__ = unknown.__qualname__ = name
    function = singledispatch(unknown)
    function.register(float, lambda x: python_rule(x, 1.0))
    function.register(complex, lambda x: complex_rule(x, 1.0 + 0.0j))
    function.register(np.floating, lambda x: type(x)(python_rule(float(x), 1.0)))
    function.register(np.complexfloating, lambda x: type(x)(complex_rule(complex(x), 1.0 + 0.0j)))

    def typed(x):
        kind = x
        rule = register_jitable(complex_rule if isinstance(kind, types.Complex) else real)
        field = _COMPILED.get(type(kind))
        if field is None:
            return lambda x: kind(rule(x, kind(1)))
        if name in field:
            own = field[name]
            return lambda x: own(x)  # noqa: PLW0108 - numba wants a plain function
        if name not in ARITHMETIC:
            return None
        one = field["one"]
        return lambda x: rule(x, one(x))

    overload(function)(typed)
    return function


def _pairwise(name: str, rule) -> Any:
    """Make the primitive ``name`` of a number and a second one, dispatched by the first."""

    def unknown(x, second):
        raise TypeError(f"{name}: numbers of type {type(x).__name__} are no registered field")

    unknown.__name__ = unknown.__qualname__ = name
    function = singledispatch(unknown)
    for kind in (float, complex, np.floating, np.complexfloating):
        function.register(kind, lambda x, second: type(x)(rule(x, second, type(x)(1))))

    def typed(x, second):
        kind, compiled = x, register_jitable(rule)
        own = _COMPILED.get(type(kind), {}).get(name)
        if own is not None:
            return lambda x, second: own(x, second)  # noqa: PLW0108 - numba wants a plain function
        return lambda x, second: kind(compiled(x, kind(second), kind(1)))

    overload(function)(typed)
    return function


tanh = _primitive("tanh", lambda x, one: math.tanh(x), lambda x, one: cmath.tanh(x))
tanh_slope = _primitive("tanh_slope", lambda y, one: one - y * y)
sigmoid = _primitive("sigmoid", rules.real_sigmoid, rules.complex_sigmoid)
sigmoid_slope = _primitive("sigmoid_slope", lambda y, one: y * (one - y))
relu = _primitive("relu", rules.real_relu, rules.complex_relu)
relu_slope = _primitive("relu_slope", rules.real_relu_slope, rules.complex_relu_slope)
identity = _primitive("identity", lambda x, one: x)
identity_slope = _primitive("identity_slope", lambda y, one: one)
exp = _primitive("exp", lambda x, one: math.exp(x), lambda x, one: cmath.exp(x), rules.python_exp)
exp_slope = _primitive("exp_slope", lambda y, one: y)
log = _primitive("log", lambda x, one: math.log(x), lambda x, one: cmath.log(x), rules.python_log)
log_slope = _primitive(
    "log_slope", lambda y, one: math.exp(-y), lambda y, one: cmath.exp(-y), lambda y, one: rules.python_exp(-y, one)
)

log1p = _primitive("log1p", lambda x, one: math.log1p(x), rules.complex_log1p, rules.python_log1p)
"""log(1 + x), also where x is so small that 1 + x is 1."""

sqrt = _primitive("sqrt", lambda x, one: math.sqrt(x), lambda x, one: cmath.sqrt(x), rules.python_sqrt)
sqrt_slope = _primitive("sqrt_slope", lambda y, one: one / (y + y))

clip = _pairwise("clip", rules.real_clip)
"""x within [-bound, bound]: clip(x, bound)."""

clip_slope = _pairwise("clip_slope", rules.real_clip_slope)
"""Slope of clip at its output y: 1 inside, 0 on the bounds: clip_slope(y, bound)."""

count = _pairwise("count", lambda x, n, one: n)
"""The integer n in the number field of x: count(x, n)."""

constant = _pairwise("constant", lambda x, value, one: value)
"""The float ``value`` in the number field of x, exactly where the field is exact: constant(x, value)."""

zero = _primitive("zero", lambda x, one: one - one)
"""0 in the number field of x."""

complement = _primitive("complement", lambda x, one: one - x)
"""1 - x, the other half of a gate."""


@singledispatch
def order(x):
    """The real number by which x is compared with others; 0 in a field that has no order of its own."""
    return 0


order.register(float, lambda x: x)
order.register(np.floating, lambda x: x)
order.register(complex, lambda x: x.real)
order.register(np.complexfloating, lambda x: x.real)


@overload(order)
def _order(x):
    return (lambda x: x.real) if isinstance(x, types.Complex) else (lambda x: x)


def larger(x, second):
    """x where it is at least the second number, else the second; x in a field without an order."""
    return x if order(x) >= order(second) else second


def choose(x, then, other):
    """``then`` where x > 0, else ``other``; ``other`` in a field without an order."""
    return then if order(x) > order(zero(x)) else other


@overload(larger)
def _larger(x, second):
    own = _COMPILED.get(type(x), {}).get("larger")
    return (lambda x, second: own(x, second)) if own else larger  # noqa: PLW0108 - numba wants the names


@overload(choose)
def _choose(x, then, other):
    own = _COMPILED.get(type(x), {}).get("choose")
    return (lambda x, then, other: own(x, then, other)) if own else choose  # noqa: PLW0108 - numba wants the names


ACTIVATIONS = {
    "tanh": (tanh, tanh_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "relu": (relu, relu_slope),
    "identity": (identity, identity_slope),
}
"""The activations a cell may be given by name: value and slope."""

ARITHMETIC = (
    "tanh_slope",
    "sigmoid_slope",
    "identity",
    "identity_slope",
    "exp_slope",
    "sqrt_slope",
    "zero",
    "complement",
)
"""The primitives of one number whose rule is arithmetic alone."""

TRANSCENDENTAL = {"tanh": tanh, "sigmoid": sigmoid, "relu": relu, "exp": exp, "log": log, "sqrt": sqrt}
"""The primitives whose value a number field must define for itself; the rest is arithmetic."""


def register_field(kind: type, values: dict[str, Any], step: Any, *, clipped: Any, inside: Any, number: Any) -> None:
    """Teach every primitive the number field ``kind``.

    ``values`` maps the names in ``TRANSCENDENTAL`` to functions of one number; ``step(y)`` is the slope of relu at its
    output y, 1 on the rising branch and 0 elsewhere; ``clipped(x, bound)`` and ``inside(y, bound)`` are clip and its
    slope; ``number(x, value)`` is a float as a number like x. Arithmetic (+, -, *, /, and mixing with Python integers)
    is the field's own. Among the values may be log1p, where the field knows better than log(1 + x), and ``order``,
    where its numbers can be compared.
    """
    for name, function in TRANSCENDENTAL.items():
        function.register(kind, values[name])
    log1p.register(kind, values.get("log1p", lambda x: values["log"](1 + x)))
    order.register(kind, values.get("order", lambda x: 0))
    tanh_slope.register(kind, lambda y: 1 - y * y)
    sigmoid_slope.register(kind, lambda y: y * (1 - y))
    relu_slope.register(kind, step)
    identity.register(kind, lambda x: x)
    identity_slope.register(kind, lambda y: y * 0 + 1)
    exp_slope.register(kind, lambda y: y)
    log_slope.register(kind, lambda y: values["exp"](-y))
    sqrt_slope.register(kind, lambda y: 1 / (2 * y))
    clip.register(kind, clipped)
    clip_slope.register(kind, inside)
    count.register(kind, lambda x, n: n)
    constant.register(kind, number)
    zero.register(kind, lambda x: x * 0)
    complement.register(kind, lambda x: 1 - x)


def register_compiled_field(kind: type, functions: dict[str, Any]) -> None:
    """Teach every primitive the numbers of a numba type. ``functions`` are compiled ones, by the primitive's name:
    ``one``, which gives 1 like x, and those that are not in ARITHMETIC; what is left out cannot be compiled."""
    _COMPILED[kind] = functions
