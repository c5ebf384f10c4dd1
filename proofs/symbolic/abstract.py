"""A cell of which nothing is known: every stage makes opaque functions of what it is given.

The partial derivatives of an opaque function F are opaque functions too, and backward is written with them. So whatever
a scan makes of this cell's gradients holds for every cell of its shape.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from sympy import Function

from proofs.symbolic.opaque import Opaque, Term, expression
from refseq.cell import Bias, Cell, Parameter, Source
from refseq.stage import Product, Stage
from refseq.tree_cell import EdgeCell, TreeCell, positions

SOURCE = Source("an arbitrary cell", ())


@cache
def function(name: str) -> Any:
    """The opaque function of this name; its k-th partial derivative is the opaque function ``name_k``."""

    def fdiff(self: Any, argindex: int = 1) -> Term:
        return function(f"{name}_{argindex}")(*self.args)

    return type(name, (Function,), {"fdiff": fdiff})


def stage_of(
    name: str, slots: tuple[str, ...], products: tuple, makes: tuple[str, ...], learned: int, **rest: Any
) -> Stage:
    """A stage that makes ``name_1(a, s, p)`` and so on. It keeps its pre-activations."""

    def apply(which: str, a: tuple, s: tuple, p: tuple) -> Any:
        values = (*a, *s, *p)
        if not all(isinstance(value, Opaque) for value in values):
            return 0.0  # a description is tried out on floats when it is made
        return Opaque(function(which)(*map(expression, values)))

    def forward(a: tuple, s: tuple, p: tuple) -> tuple:
        return tuple(apply(f"{name}{k}", a, s, p) for k in range(len(makes))), a

    def backward(kept: tuple, s: tuple, made: tuple, p: tuple, dmade: tuple) -> tuple:
        def pulled(argument: int) -> Any:
            terms = [d * apply(f"{name}{k}_{argument + 1}", kept, s, p) for k, d in enumerate(dmade)]
            return sum(terms[1:], terms[0])

        n, m = len(kept), len(kept) + len(s)
        return (
            tuple(pulled(k) for k in range(n)),
            tuple(pulled(k) for k in range(n, m)),
            tuple(pulled(k) for k in range(m, m + learned)),
        )

    return Stage(slots, products, makes, forward, backward, tuple(f"{name}_{slot}" for slot in slots), **rest)


def _cell(kind: Callable, stages: tuple[Stage, ...], learned: tuple[Parameter, ...], **rest: Any) -> Any:
    gates = tuple(slot for stage in stages for slot in stage.slots)
    return kind(
        name="abstract",
        options={},
        gates=gates,
        state=rest.pop("state", ("h",)),
        stages=stages,
        biases=(Bias(rest.pop("bias", "b_h"), gates),),
        parameters=learned,
        source=SOURCE,
        **rest,
    )


def one_stage() -> Cell:
    """Two gates, two states, a parameter of each unit: h' = F0(a_u, a_v, h, c, w), c' = F1(...)."""
    products = (Product("W_hx", "x", ("u", "v")), Product("W_hh", "h", ("u", "v")))
    stage = stage_of("F", ("u", "v"), products, ("h1", "c1"), 1)
    return _cell(Cell, (stage,), (Parameter("w"),), state=("h", "c"))


def two_stages() -> Cell:
    """r = F0(a_r, h); h' = G0(a_u, h, r) with a_u of a product with r: the shape of a GRU with the reset gate first."""
    first = stage_of("F", ("r",), (Product("W_hx", "x", ("r",)), Product("W_hh", "h", ("r",))), ("q",), 0)
    products = (Product("W_hx", "x", ("u",)), Product("W_hh", "q", ("u",)))
    return _cell(Cell, (first, stage_of("G", ("u",), products, ("h1",), 0, sees=("q",))), ())


def tree_by_position() -> TreeCell:
    """h = F0(a_u, h_left, h_right)."""
    children = positions(2)
    products = (Product("W_hx", "x", ("u",)), *(Product(f"W_hh{child}", f"h{child}", ("u",)) for child in children))
    return _cell(TreeCell, (stage_of("F", ("u",), products, ("h1",), 0),), (), children=children)


def tree_by_sum() -> TreeCell:
    """h = F0(a_u, sum of E0(a_f, h_child) over the children)."""
    edge_products = (Product("W_fx", "x", ("f",)), Product("W_fh", "h", ("f",)))
    edge = _cell(EdgeCell, (stage_of("E", ("f",), edge_products, ("h1",), 0),), (), bias="b_f")
    products = (Product("W_hx", "x", ("u",)), Product("W_hh", "h", ("u",)))
    return _cell(TreeCell, (stage_of("F", ("u",), products, ("h1",), 0),), (), edge=edge)


def planted(cell: Any, lost: int) -> Any:
    """The cell whose last stage forgets the cotangent number ``lost`` of its old states."""
    stage = cell.stages[-1]
    right = stage.backward
    assert right is not None

    def wrong(*arguments: Any) -> tuple:
        da, ds, dp = right(*arguments)
        return da, tuple(d * 0 if k == lost else d for k, d in enumerate(ds)), dp

    return replace(cell, stages=(*cell.stages[:-1], replace(stage, backward=wrong)))
