"""Zoneout and variational dropout, for any cell: a stage more in its description, and masks that the caller gives.

The masks are arguments, so that a pass is deterministic and can be checked; in evaluation give their expected values.
"""

from collections.abc import Callable
from dataclasses import replace

from numba.extending import register_jitable

from refseq.cell import Cell, new
from refseq.stage import Product, Stage
from refseq.tuples import add_products, complements, multiply, zeros_like


def zoneout(cell: Cell) -> Cell:
    """s_t = z * s_{t-1} + (1 - z) * s~_t for every state s, with s~_t what the cell makes and z the mask
    ``zoneout_h``, ``zoneout_c``, ...: 1 keeps the old value.

    D. Krueger et al., Zoneout: regularizing RNNs by randomly preserving hidden activations, ICLR 2017, eqs. 3-5.
    """
    if cell.history:
        raise ValueError(f"zoneout: {cell.label} keeps older values of its states, {', '.join(cell.history)}")
    made = new(cell.state)
    drafts = {name: f"{name}_draft" for name in made}
    states = len(cell.state)
    first = len(cell.own) + len(cell.constants) + len(cell.masks)
    last, learned = first + states, len(cell.own)

    @register_jitable
    def forward(a, s, p):
        z = p[first:last]
        return add_products(multiply(z, s[:states]), complements(z), s[states:]), ()

    @register_jitable
    def backward(kept, s, made, p, dmade):
        z = p[first:last]
        return (), multiply(dmade, z) + multiply(dmade, complements(z)), zeros_like(p[:learned])

    stages = [_renamed(stage, drafts) for stage in cell.stages]
    size = cell.layout.size(cell.state[0])
    if any(cell.layout.size(name) != size for name in cell.state):
        raise ValueError(f"zoneout: the states of {cell.label} have several sizes")
    stages.append(Stage((), (), made, forward, backward, sees=tuple(drafts.values()), size=size))
    return replace(
        cell,
        options={**cell.options, "zoneout": True},
        stages=tuple(stages),
        masks=(*cell.masks, *(f"zoneout_{name}" for name in cell.state)),
    )


def dropout(cell: Cell) -> Cell:
    """Every vector that a recurrent matrix (one that is applied to an old state) is applied to is first multiplied by
    the mask ``dropout_h``.

    Y. Gal, Z. Ghahramani, A theoretically grounded application of dropout in recurrent neural networks, NeurIPS 2016:
    one mask for all time steps, of zeros and of 1/(1 - rate). For the mask of the inputs multiply x by it.
    """
    place, learned = len(cell.own) + len(cell.constants) + len(cell.masks), len(cell.own)
    olds, stages, done = len(cell.state), [], set()
    recurrent = {name for name, matrix in cell.layout.matrices.items() if matrix.recurrent}
    for stage in cell.stages:
        operands = [product.operand for product in stage.products if product.matrix in recurrent]
        for operand in dict.fromkeys(operands):
            if operand not in done:
                at = cell.state.index(operand) if operand in cell.state else olds
                seen = () if operand in cell.state else (operand,)
                if cell.layout.size(operand) != "units":
                    raise ValueError(f"dropout: {operand} of {cell.label} does not have one entry for each unit")
                functions = _masked(at, olds + len(seen), place, learned)
                stages.append(Stage((), (), (f"{operand}_dropped",), *functions, sees=seen))
                done.add(operand)
        products = (replace(p, operand=f"{p.operand}_dropped") if p.matrix in recurrent else p for p in stage.products)
        stages.append(replace(stage, products=tuple(products)))
    if not done:
        raise ValueError(f"dropout: {cell.label} has no recurrent matrix")
    return replace(
        cell,
        options={**cell.options, "dropout": True},
        stages=tuple(stages),
        masks=(*cell.masks, "dropout_h"),
    )


def _masked(at: int, known: int, place: int, learned: int) -> tuple[Callable, Callable]:
    """mask * s[at], with its adjoint."""
    after = at + 1  # numba slices a tuple by numbers that it need not compute

    @register_jitable
    def forward(a, s, p):
        return (s[at] * p[place],), ()

    @register_jitable
    def backward(kept, s, made, p, dmade):
        (d,) = dmade
        return (), zeros_like(s[:at]) + (d * p[place],) + zeros_like(s[after:known]), zeros_like(p[:learned])  # noqa: RUF005 - numba has no star

    return forward, backward


def _renamed(stage: Stage, names: dict[str, str]) -> Stage:
    """The stage with other names for the vectors that it makes and uses."""

    def rename(vectors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in vectors)

    products = tuple(Product(p.matrix, names.get(p.operand, p.operand), p.gates, p.slots) for p in stage.products)
    return replace(stage, products=products, makes=rename(stage.makes), sees=rename(stage.sees))


REGULARISERS: dict[str, tuple[Callable[[Cell], Cell], str]] = {
    "dropout": (dropout, "the recurrent operand is multiplied by the mask dropout_h"),
    "zoneout": (zoneout, "states are kept where the masks zoneout_h, ... are 1"),
}
"""Options that every recurrence has, in the order in which they are applied: what they do to a cell, what they mean."""
