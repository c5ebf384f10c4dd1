"""The tables and the memory of one direction of a tree's run."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.engine import threads
from refseq.engine.job import FIELD
from refseq.engine.plan import sums
from refseq.engine.prepare import prepare
from refseq.engine.products import products
from refseq.engine.results import cleared, result
from refseq.engine.tree_job import TREE
from refseq.engine.tree_pieces import Order, Pieces
from refseq.engine.tree_setup import Memory, begun, sizes_of, want_sides
from refseq.engine.workspace import address
from refseq.targets import Weights


@dataclass(frozen=True)
class TreeTape:
    """A forward pass as backward needs it. ``y`` and ``states`` (N, H) by number of the node; by place, or by edge:
    ``s`` and ``kept`` of every part of the cell, (., S, width) and (., stored, width)."""

    cell: Any
    weights: tuple[Weights, ...]
    order: Order
    given: int
    x: np.ndarray
    y: np.ndarray
    states: tuple[np.ndarray, ...]
    s: tuple[np.ndarray, ...]
    kept: tuple[np.ndarray, ...]
    pieces: Pieces


class Run:
    """The tables of one direction of a run."""

    def __init__(self, tape: TreeTape, turned: bool) -> None:
        self.tape, self.turned, cell, self.threads = tape, turned, tape.cell, threads.count()
        self.dtype = tape.weights[0].matrices[0].dtype
        sizes, cut, order = sizes_of(tape.weights[0]), tape.pieces, tape.order
        self.targets = [self._targets(part, weights) for part, weights in zip(cell.parts, tape.weights, strict=True)]
        made = products(sizes.dtype)
        pairs = zip(cell.parts, tape.weights, self.targets, strict=True)
        self.jobs, self.parts = zip(
            *(begun(part, weights, turned, targets) for part, weights, targets in pairs), strict=True
        )
        self.words = np.zeros(len(TREE) + 2 * len(cell.state), np.int64)
        self.where, words = address(self.words), self.words
        words[TREE.node] = address(self.parts[0])
        words[TREE.edge] = address(self.parts[1]) if self.parts[1:] else 0
        words[TREE.product], words[TREE.turned] = made.add_product.address, made.add_turned.address
        for name, array in (*order._asdict().items(), ("cuts", cut.cuts), ("x", tape.x), ("y", tape.y)):
            words[getattr(TREE, name)] = address(array)
        words[TREE.leaves] = order.bounds[1] if len(order.bounds) > 1 else 0
        words[TREE.olds] = len(cell.olds)
        words[TREE.chunk], words[TREE.edge_chunk] = cut.shares
        words[TREE.inputs], words[TREE.outputs] = tape.x.shape[1], tape.y.shape[1]
        words[TREE.targets] = self.where + 8 * len(TREE)
        words[TREE.cotangents] = words[TREE.targets] + 8 * len(cell.state)
        words[len(TREE) : len(TREE) + len(cell.state)] = [address(state) for state in tape.states]
        for words, s, kept in zip(self.parts, tape.s, tape.kept, strict=True):
            words[FIELD.s], words[FIELD.tape] = address(s), address(kept)

    def _targets(self, part: Any, weights: Weights) -> tuple[np.ndarray, ...]:
        """Where the gradients of a part's matrices (G, H, padded K) and biases are summed, and further sums."""
        if not self.turned:
            return ()
        padded, dtype = sizes_of(weights).padded, self.dtype
        shapes = [matrix.shape for matrix in weights.matrices]
        named = [cleared((gates, units, padded(inputs)), dtype) for inputs, gates, units in shapes]
        named += [np.zeros(bias.shape, dtype) for bias in weights.biases]
        return (*named, *(np.zeros_like(named[to]) for to in sums(part).more))

    def take(self, dy: np.ndarray | None, dstates: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The cotangents of the outputs. Returns dx and what leaves that were given have of it."""
        tape, words = self.tape, self.words
        states, units, dtype = len(tape.cell.state), tape.y.shape[1], self.dtype
        self.ds = result(tape.s[0].shape, dtype)
        self.parts[0][FIELD.ds] = address(self.ds)
        self.dy, self.dstates, dx = dy, dstates, result(tape.x.shape, dtype)
        words[TREE.dy], words[TREE.dx] = 0 if dy is None else address(dy), address(dx)
        words[len(TREE) + states :] = [0 if d is None else address(d) for d in dstates]
        given, leaves = np.zeros((tape.given, states, units), dtype), tape.order.order[: tape.given]
        for k, part in ((0, dy), *enumerate(dstates)):
            if part is not None:
                given[:, k] += part[leaves]
        return dx, given

    def begin(self) -> Any:
        """Scratch, which must outlive the run; matrices packed."""
        tape, cell, words = self.tape, self.tape.cell, self.words
        memory, sizes = Memory(self.dtype.itemsize), sizes_of(tape.weights[0])
        width, padded = sizes.width, int(self.parts[0][FIELD.padded_inputs])
        nodes, edges = (share * tape.pieces.most for share in tape.pieces.shares)
        for job, part in zip(self.jobs, self.parts, strict=True):
            for name, entries in job.fixed.items():
                memory.want(part, getattr(FIELD, name), entries)
        for k, (part, rows, own) in enumerate(zip(cell.parts, (nodes, edges), self.parts, strict=False)):
            olds, layout = len(part.olds), part.layout
            memory.want(own, FIELD.a, rows * len(layout.slots) * width)
            memory.want(words, (TREE.old, TREE.edge_old)[k], rows * olds * width)
            if self.turned:
                memory.want(own, FIELD.d0, rows * olds * width)
                memory.want(own, FIELD.dv, rows * len(layout.vectors) * width)
                want_sides(memory, own, sizes_of(tape.weights[k]), max(rows, nodes), self.threads)
            if k == 0:
                memory.want(own, FIELD.x_rows, rows * padded)
                memory.want(own, FIELD.dx_rows, rows * padded * self.turned)
            else:
                memory.want(words, TREE.sent, nodes * len(layout.slots) * width)
                memory.want(own, FIELD.ds, rows * olds * width * self.turned)
        buffer = memory.place()
        for part in self.parts:
            threads.share(prepare(sizes.dtype), 1, address(part))
        return buffer

    def gradients(self) -> tuple[Weights, ...]:
        """The gradients of the parameters in the caller's sizes."""
        found = []
        for part, weights, targets in zip(self.tape.cell.parts, self.tape.weights, self.targets, strict=True):
            named = len(weights.matrices) + len(weights.biases)
            for to, further in zip(sums(part).more, targets[named:], strict=True):
                targets[to][...] += further
            pairs = zip(targets, weights.matrices, strict=False)
            matrices = tuple(dM[..., : len(matrix)].transpose(2, 0, 1) for dM, matrix in pairs)
            none = np.zeros((0, weights.p.shape[1]), self.dtype)
            found.append(Weights(matrices, tuple(targets[len(matrices) : named]), none))
        return tuple(found)
