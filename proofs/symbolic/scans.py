"""The loops: what BPTT makes of an arbitrary cell is the gradient, for every parameter, input and initial state.

The layer's public functions run on symbols, with the cells of ``proofs.symbolic.abstract``; the loss is a sum of all
outputs and final states with symbols for weights. Three steps, so that there is a first, a last and one between. That
the loop over T steps is T loops over one follows from ``pieces``: BPTT from checkpoints of one step each takes the
steps one by one, and gives the same expressions.

``layer_of`` does the same with a cell of the catalogue, at a smaller size: its matrices, biases and stages as they are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

import refseq.trees
from proofs.symbolic import abstract
from proofs.symbolic.backward import spoiled
from proofs.symbolic.identity import every, gradient
from proofs.symbolic.opaque import Opaque
from proofs.symbolic.products import array, dot, pairs
from proofs.theorem import Answer
from refseq.cell import Cell
from refseq.layer import Layer
from refseq.tree_cell import TreeCell
from refseq.tree_layer import TreeLayer

STEPS, INPUTS, UNITS = 3, 2, 2


def _named(prefix: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {name: array(f"{prefix}{name}", *shape) for name, shape in shapes.items()}


def _loss(y: np.ndarray, dy: np.ndarray, state: Mapping[str, Any], dstate: Mapping[str, Any]) -> Opaque:
    return dot(y, dy) + sum((dot(state[name], dstate[name]) for name in state), Opaque(0))


def _judged(loss: Opaque, parts: list[tuple[np.ndarray, np.ndarray]]) -> Answer:
    return every(gradient(loss, pairs(variables, claimed)) for variables, claimed in parts if variables.size)


def scan(cell: Cell, steps: int = STEPS, lengths: Any = None, checkpoint: bool | int = False, **layer: Any) -> Answer:
    """Every gradient of a layer of this cell, by differentiating its own outputs."""
    sizes: dict[str, Any] = {"inputs": INPUTS, "units": UNITS} | layer
    over = Layer(cell, **sizes)
    rows = 1 if lengths is None else len(lengths)
    states = {name: over.state_shape(rows, name) for name in cell.state}
    params, state, dstate = _named("", over.shapes), _named("s_", states), _named("ds_", states)
    x, dy = array("x", steps, rows, over.inputs), array("dy", steps, rows, over.outputs)
    masks = _named("", over.mask_shapes(steps, rows))
    run = over.forward(params, x, state, lengths, "reference", masks=masks, checkpoint=checkpoint)
    grads = over.backward(run, dy, dstate)
    parts = [(params[name], grads.params[name]) for name in params]
    parts += [(x, grads.x), *((state[name], grads.state[name]) for name in state)]
    return _judged(_loss(run.y, dy, run.state, dstate), parts)


def tree(cell: TreeCell) -> Answer:
    """Every gradient of a layer over a tree whose nodes have as many children as the cell takes, one, and none."""
    text = {1: "(r (p (q a)))", 3: "(r (p a b) (q c) e)"}.get(cell.arity or 2, "(r (p a b) (q c))")
    forest, inputs = refseq.trees.from_brackets(text), int(bool(cell.options.get("x", True)))
    over = TreeLayer(cell, inputs, UNITS)
    params, dy = _named("", over.shapes), array("dy", forest.nodes, UNITS)
    x = array("x", forest.nodes, 1) if inputs else None
    leaves = _named("s_", {name: (len(forest.leaves), UNITS) for name in cell.state})
    dstate = _named("ds_", dict.fromkeys(cell.state, (forest.nodes, UNITS)))
    run = over.forward(params, x, forest, leaves, "reference")
    grads = over.backward(run, dy, dstate)
    assert grads.state is not None
    parts = [(params[name], grads.params[name]) for name in params]
    parts += [(leaves[name], grads.state[name]) for name in leaves]
    parts += [(x, grads.x)] if x is not None and grads.x is not None else []
    return _judged(_loss(run.y, dy, run.state, dstate), parts)


def layer_of(cell: Cell) -> Answer:
    """A layer of this cell: T = 2, one input, two units; of a tree's cell over a tree."""
    if isinstance(cell, TreeCell):
        return tree(cell)
    own = tuple((size, UNITS) for size in dict.fromkeys(cell.sizes.values()) if size != "units")
    return scan(cell, 2, inputs=1, own_sizes=own)


def planted_layer(cell: Cell) -> Answer:
    """Planted: a spoiled cell."""
    return layer_of(spoiled(cell))


def one_direction() -> Answer:
    """T = 3."""
    return scan(abstract.one_stage())


def several_stages() -> Answer:
    """T = 3, with a product of what the first stage makes."""
    return scan(abstract.two_stages())


def unequal_lengths() -> Answer:
    """Rows of 2, 0 and 3 steps."""
    return scan(abstract.two_stages(), 3, [2, 0, 3])


def both_directions() -> Answer:
    """Lengths 3 and 2."""
    return scan(abstract.two_stages(), 3, [3, 2], bidirectional=True)


def stacked() -> Answer:
    """Two layers, T = 2."""
    return scan(abstract.one_stage(), 2, layers=2)


def pieces() -> Answer:
    """T = 3 from checkpoints of one step each."""
    return scan(abstract.one_stage(), checkpoint=1)


def tree_by_position() -> Answer:
    """Children side by side."""
    return tree(abstract.tree_by_position())


def tree_by_sum() -> Answer:
    """Children summed behind an edge cell."""
    return tree(abstract.tree_by_sum())


def planted(name: str) -> Answer:
    """Planted: the last stage of the theorem's cell forgets the cotangent of its first old state."""
    cells = {"stacked": abstract.one_stage, "pieces": abstract.one_stage, "tree_by_sum": abstract.tree_by_sum}
    wrong = abstract.planted(cells.get(name, abstract.two_stages)(), 0)
    if name == "tree_by_sum":
        return tree(wrong)
    sizes = {"unequal_lengths": {"lengths": [2, 0, 3]}, "both_directions": {"lengths": [3, 2], "bidirectional": True}}
    more = {"stacked": {"steps": 2, "layers": 2}, "pieces": {"checkpoint": 1}}
    return scan(wrong, **(sizes | more)[name])


def without_memory() -> Answer:
    """Planted: the cotangent of the second state does not reach the step before."""
    return scan(abstract.planted(abstract.one_stage(), 1))


def without_vector() -> Answer:
    """Planted: the second stage does not hand the first its cotangent."""
    return scan(abstract.planted(abstract.two_stages(), 1))


def without_child() -> Answer:
    """Planted: the right child gets no cotangent."""
    return tree(abstract.planted(abstract.tree_by_position(), 1))
