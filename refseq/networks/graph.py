"""Gated graph network: nodes send messages along the edges, and a recurrent cell renews every node's state.

m_v = sum over edge types r, and edges u -> v of type r with weight w:  w (W_mh[r] h_u + b_m[r])
h_v = cell(x = m_v, h_v)                                                for all nodes at once, ``steps`` times

A message is what the output layer of the catalogue makes of h, and the cell is any other of the catalogue: both run on
the scan of the recurrent layers, the nodes being the rows of a batch and every step a sequence of length 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseq.arrays import contiguous, zeros
from refseq.cell import Cell
from refseq.cells import catalogue
from refseq.networks.edges import Edges, add_messages, messages_backward
from refseq.targets import Feed, Pulled, Tape, Target, Weights


@dataclass(frozen=True)
class Network:
    """The cell with its weights, and the weights of the messages for every type of edges."""

    cell: Cell
    weights: Weights
    messages: tuple[Weights, ...]


@dataclass(frozen=True)
class Recording:
    """A forward pass as backward needs it: for every step the tapes of the messages, type by type, and of the cell."""

    target: Target
    network: Network
    edges: tuple[Edges, ...]
    steps: tuple[tuple[tuple[Tape, ...], Tape], ...]
    final: np.ndarray


def message_cell() -> Cell:
    """The affine map of a message."""
    return catalogue()["output"].cell(activation="identity")


def forward(target: Target, network: Network, edges: tuple[Edges, ...], s: np.ndarray, steps: int) -> Recording:
    """Propagate from the states s (N, S, H)."""
    record = []
    for _ in range(steps):
        sent = tuple(_step(target, message_cell(), weights, s[:, 0]) for weights in network.messages)
        received = zeros(s[:, 0].shape, network.weights.matrices[0])
        for along, tape in zip(edges, sent, strict=True):
            add_messages(received, along, tape.y[0], target.name)
        tape = _step(target, network.cell, network.weights, received, s)
        record.append((sent, tape))
        s = tape.final
    return Recording(target, network, edges, tuple(record), s)


def backward(
    recording: Recording, ds: np.ndarray
) -> tuple[Weights, tuple[Weights, ...], np.ndarray, tuple[np.ndarray, ...]]:
    """The adjoint: gradients of the cell's weights, of the messages' weights for every type, of the states s before the
    first step, and of the edges' weights."""
    target, network, like = recording.target, recording.network, recording.network.weights.matrices[0]
    own, messages = _zeros(network.weights), [_zeros(weights) for weights in network.messages]
    dweights = tuple(zeros(along.weights.shape, like) for along in recording.edges)
    for sent, tape in reversed(recording.steps):
        pulled = _pull(target, network.cell, network.weights, tape, zeros(tape.y.shape, like), ds)
        own, ds = _sum(own, pulled.weights), pulled.s0
        for r, (along, message) in enumerate(zip(recording.edges, sent, strict=True)):
            dy = messages_backward(along, message.y[0], pulled.x[0], dweights[r], target.name)
            back = _pull(
                target, message_cell(), network.messages[r], message, dy[None], zeros(message.final.shape, like)
            )
            messages[r] = _sum(messages[r], back.weights)
            ds[:, 0] += back.x[0]
    return own, tuple(messages), ds, dweights


def _step(target: Target, cell: Cell, weights: Weights, x: np.ndarray, s: np.ndarray | None = None) -> Tape:
    """One step of every node by itself: x (N, K)."""
    rows, like, width = len(x), weights.matrices[0], weights.p.shape[1]
    feed = Feed(contiguous(x[None]), zeros((1, rows, 0, width), like), np.ones(rows, np.int64), False)
    return target.forward(cell, weights, feed, zeros((rows, len(cell.state), width), like) if s is None else s)


def _pull(target: Target, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
    return target.backward(cell, weights, tape, contiguous(dy), ds)


def _zeros(weights: Weights) -> Weights:
    like = weights.matrices[0]
    matrices, biases = (
        tuple(zeros(part.shape, like) for part in parts) for parts in (weights.matrices, weights.biases)
    )
    return Weights(matrices, biases, zeros(weights.p.shape, like))


def _sum(a: Weights, b: Weights) -> Weights:
    def added(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return tuple(x + y for x, y in zip(ours, theirs, strict=True))

    return Weights(added(a.matrices, b.matrices), added(a.biases, b.biases), a.p[: len(b.p)] + b.p)
