"""torch on trees and graphs, which it has no layers for: level by level, and messages along lists of edges.

This is what a careful user would write: products of x for all nodes at once, children by ``index_select`` from those
whose parents are still to come, nothing multiplied that a leaf has not, ``nn.GRUCell``'s kernel for a graph's rounds.
All indices are made outside the timed part.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refseq.bench.cases import Arrays, Case
from refseq.bench.libraries.library import Pass
from refseq.bench.libraries.torch import Torch
from refseq.bench.structures import TREES, StructureCase, parameters
from refseq.checks.implementation import NotOffered
from refseq.layer import layer as make_layer
from refseq.trees import Forest


class TorchStructures(Torch):
    """torch's operations and autograd; the loop over the levels, or the rounds, in Python."""

    name = "torch-levels"

    def fits(self, case: Case) -> bool:
        """Trees and graphs."""
        return isinstance(case, StructureCase)

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if not isinstance(case, StructureCase):
            raise NotOffered("torch-levels is for trees and graphs")
        return _passes(inputs, *(_tree(case, inputs) if case.name in TREES else _graph(case, inputs)))


def _passes(
    given: Arrays, run: Callable[[Mapping[str, Any]], Any], leaves: Arrays, names: Callable[[Arrays], Arrays]
) -> dict[str, Pass]:
    """The passes of y = run(tensors); ``names`` makes refseq's gradients of those of the tensors."""
    import torch

    fixed = {name: torch.tensor(value) for name, value in leaves.items()}
    learnt = {name: value.clone().requires_grad_(True) for name, value in fixed.items()}
    dy = torch.tensor(given["dy"])

    def forward() -> Any:
        with torch.inference_mode():
            return run(fixed)

    def both() -> Any:
        for tensor in learnt.values():
            tensor.grad = None
        y = run(learnt)
        y.backward(dy)
        return y

    def gradient(tensor: Any) -> Any:
        return tensor.grad.numpy().copy()

    def read_run(y: Any) -> Arrays:
        return {"y": y.detach().numpy()}

    def read(y: Any) -> Arrays:
        return read_run(y) | names({name: gradient(tensor) for name, tensor in learnt.items()})

    return {"forward": Pass(forward, read_run), "both": Pass(both, read)}


def _schedule(forest: Forest) -> tuple[Any, Any, list[tuple[int, Any, Any, Any]]]:
    """The order of the nodes and its inverse; for every level its number of nodes, and where in what waits (nodes whose
    parents are still to come) its children are, whose they are, and what waits on."""
    import torch

    inverse, levels, waiting = np.argsort(forest.order), [], np.array([], np.int64)
    for first, last in zip(forest.bounds[:-1], forest.bounds[1:], strict=True):
        nodes = forest.order[first:last]
        own = [forest.children[forest.offsets[n] : forest.offsets[n + 1]] for n in nodes]
        children, owner = np.concatenate(own), np.repeat(np.arange(len(nodes)), list(map(len, own)))
        place = np.full(forest.nodes, -1)
        place[waiting] = np.arange(len(waiting))
        rest = waiting[~np.isin(waiting, children)]
        levels.append((len(nodes), *(torch.tensor(index) for index in (place[children], owner, place[rest]))))
        waiting = np.concatenate([rest, nodes[forest.parents[nodes] >= 0]])
        assert (
            forest.parents[nodes] >= 0
        ).all() or last == forest.nodes  # balanced trees have their roots on one level
    return torch.tensor(forest.order), torch.tensor(inverse), levels


def _tree(case: StructureCase, given: Arrays) -> tuple:
    import torch

    order, inverse, levels = _schedule(case.forest)
    leaves, inner = levels[0][0], [size for size, *_ in levels[1:]]
    step = {"recursive": _recursive, "tree_lstm": _tree_lstm, "child_sum_tree_lstm": _child_sum}[case.name]

    def run(p: Mapping[str, Any]) -> Any:
        x = p["x"].index_select(0, order)
        first, pre, node = step(p, x[:leaves], x[leaves:])
        waiting, outputs = first, [first]
        for (_, children, owner, rest), now in zip(
            levels[1:], zip(*(a.split(inner) for a in pre), strict=True), strict=True
        ):
            new = node(now, waiting.index_select(0, children), owner)
            outputs.append(new)
            waiting = torch.cat([waiting.index_select(0, rest), new]) if len(rest) else new
        return torch.cat([state[:, : case.units] for state in outputs]).index_select(0, inverse)

    names = {"x": given["x"]} | parameters(case, given)
    return run, names, lambda grads: {f"d{name}": value for name, value in grads.items()}


def _recursive(p: Mapping[str, Any], x: Any, above: Any) -> tuple:
    import torch

    W, b = p["W_hx"][0].T, p["b_h"][0]
    U = torch.cat([p["W_hh_left"][0], p["W_hh_right"][0]], 1).T

    def node(pre: Any, children: Any, owner: Any) -> Any:
        return torch.tanh(torch.addmm(pre[0], children.view(len(pre[0]), -1), U))

    return torch.tanh(torch.addmm(b, x, W)), (torch.addmm(b, above, W),), node


def _tree_lstm(p: Mapping[str, Any], x: Any, above: Any) -> tuple:
    import torch

    units = p["b_h"].shape[1]
    U = torch.cat([p["W_hh_left"].flatten(0, 1), p["W_hh_right"].flatten(0, 1)], 1).T
    W, b = p["W_hx"], p["b_h"]
    few, all_ = [0, 2, 3], [0, 1, 1, 2, 3]
    i, g, o = torch.addmm(b[few].flatten(), x, W[few].flatten(0, 1).T).chunk(3, 1)
    c = torch.sigmoid(i) * torch.tanh(g)
    first = torch.cat([torch.sigmoid(o) * torch.tanh(c), c], 1)
    pre = torch.addmm(b[all_].flatten(), above, W[all_].flatten(0, 1).T)

    def node(pre: Any, children: Any, owner: Any) -> Any:
        both = children.view(len(pre[0]), 2, 2, units)  # child, h or c
        i, left, right, g, o = torch.addmm(pre[0], both[:, :, 0].reshape(len(pre[0]), -1), U).chunk(5, 1)
        c = torch.sigmoid(i) * torch.tanh(g)
        c = c + torch.sigmoid(left) * both[:, 0, 1] + torch.sigmoid(right) * both[:, 1, 1]
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], 1)

    return first, (pre,), node


def _child_sum(p: Mapping[str, Any], x: Any, above: Any) -> tuple:
    import torch

    units = p["b_h"].shape[1]
    W, U, b = p["W_hx"].flatten(0, 1).T, p["W_hh"].flatten(0, 1).T, p["b_h"].flatten()
    V = p["W_fh"][0].T

    def made(a: Any, kept: Any) -> Any:
        i, g, o = a.chunk(3, 1)
        c = torch.sigmoid(i) * torch.tanh(g) + kept
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], 1)

    def node(pre: Any, children: Any, owner: Any) -> Any:
        h, c = children.split(units, 1)
        f = torch.sigmoid(torch.addmm(pre[1].index_select(0, owner), h, V))
        sums = torch.zeros(len(pre[0]), 2 * units, dtype=c.dtype).index_add(0, owner, torch.cat([h, f * c], 1))
        return made(torch.addmm(pre[0], sums[:, :units], U), sums[:, units:])

    pre = (torch.addmm(b, above, W), torch.addmm(p["b_f"][0], above, p["W_fx"][0].T))
    return made(torch.addmm(b, x, W), 0), pre, node


def _graph(case: StructureCase, given: Arrays) -> tuple:
    import torch

    from refseq.adapters.torch import implementation

    adapter = implementation(make_layer("gru", case.units, case.units, reset="after"))
    own = {
        name: value for name, value in parameters(case, given).items() if not name.endswith("_m") and "_mh" not in name
    }
    cell = {name: tensor.detach().numpy() for name, tensor in adapter.loaded(own).named_parameters()}
    source, target = (torch.tensor(end) for end in case.ends)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    kernel: Any = torch.gru_cell  # that of nn.GRUCell

    def run(p: Mapping[str, Any]) -> Any:
        h = p["x"]
        for _ in range(case.sizes[3]):
            sent = torch.addmm(p["b_m"][0], h, p["W_mh"][0].T)
            along = sent.index_select(0, source) * p["weights"][:, None]
            received = torch.zeros_like(h).index_add(0, target, along)
            h = kernel(received, h, *(p[name] for name in names))
        return h

    leaves = {name: given[name] for name in ("x", "weights", "W_mh", "b_m")} | cell

    def found(grads: Arrays) -> Arrays:
        mine = adapter.gradients({name: grads.pop(name) for name in cell})
        return {f"d{name}": value for name, value in (grads | dict(mine)).items()}

    return run, leaves, found
