"""Launches of systems beyond layers (``cuda_kernels.recorder``): each runs as its users run it, on a recorder."""

from collections.abc import Iterator

import numpy as np

import refseq
from cuda_kernels import rowwise
from cuda_kernels.recorder import Launch, recorded
from refseq import decoding, losses, markov, seq2seq


def of_systems(dtype: str) -> Iterator[Launch]:
    """The functions of one row of all of them, labelled by the system; what layers and losses launch is theirs."""
    for run in (ctc, attention, embedding, hmm, autoregressive, beam, turing_machine, memory_network, recall, graph):
        with recorded() as recorder:
            run(dtype)
        for launch in recorder.labelled(run.__name__.replace("_", " ")):
            if launch[1].py_func.__module__ == rowwise.__name__:
                yield launch


def zeros(dtype: str, *shape: int) -> np.ndarray:
    """Of this precision."""
    return np.zeros(shape, dtype)


def ctc(dtype: str) -> None:
    """Two sequences, a label each."""
    losses.ctc_of_logits(zeros(dtype, 2, 2, 3), np.ones((2, 1), np.int64), target="cuda")


def attention(dtype: str) -> None:
    """Every kind of score, plain and streaming, forward and backward, of outputs alone and with weights."""
    x = zeros(dtype, 3, 2, 4)
    for score, options in [("scaled_dot", {}), ("general", {}), ("additive", {"units": 4})]:
        for streaming in (False, True):
            network = refseq.attention(score, 4, 4, streaming=streaming, **options)
            run = network.forward(network.initialise(dtype=dtype), x, x, x, target="cuda")
            network.backward(run, run.y)
            if not streaming:
                network.backward(run, run.y, run.weights)


def embedding(dtype: str) -> None:
    """The gather of a sequence to sequence model, and its adjoint."""
    cell = refseq.layer("elman", 2, 2)
    model = seq2seq.seq2seq(cell, cell, 3, 3, start=0, stop=1)
    tokens = np.ones((2, 2), np.int64)
    model.loss(model.initialise(dtype=dtype), tokens, tokens, target="cuda")


def hmm(dtype: str) -> None:
    """Discrete and Gaussian emissions, forward, backward, and the best path."""
    for features, x in [({"symbols": 3}, np.zeros((3, 2), np.int64)), ({"features": 2}, zeros(dtype, 3, 2, 2))]:
        model = markov.hmm(4, **features)
        params = model.initialise(dtype=dtype)
        model.backward(model.forward(params, x, target="cuda"))
        model.viterbi(params, x, target="cuda")


def autoregressive(dtype: str) -> None:
    """Forward and backward."""
    model = markov.autoregressive(2, 3)
    params = {name: np.ones(shape, dtype) for name, shape in model.shapes.items()}
    model.backward(model.forward(params, zeros(dtype, 4, 2, 3), target="cuda"))


def beam(dtype: str) -> None:
    """The selection of a beam."""

    def step(state: None, tokens: np.ndarray) -> tuple[np.ndarray, None]:
        return zeros(dtype, len(tokens), 4), state

    decoding.beam_search(step, None, np.zeros(2, np.int64), width=2, cap=1, stop=3, target="cuda")


def turing_machine(dtype: str) -> None:
    """With each controller, forward and backward."""
    for controller in ("feedforward", "lstm"):
        machine = refseq.turing_machine(2, 2, 3, 4, 3, controller=controller)
        run = machine.forward(machine.initialise(dtype=dtype), zeros(dtype, 2, 2, 2), target="cuda")
        machine.backward(run)


def memory_network(dtype: str) -> None:
    """End to end, and with supporting facts; forward and backward."""
    story, query, facts = np.zeros((2, 3, 2), np.int64), np.zeros((2, 1), np.int64), np.zeros((2, 1), np.int64)
    soft, hard = refseq.memory_network(2, 2, hops=1, tying="layerwise", ages=3), refseq.hard_memory_network(2, 2)
    soft.backward(soft.forward(soft.initialise(dtype=dtype), story, query, "cuda"), zeros(dtype, 2, 2))
    run = hard.forward(hard.initialise(dtype=dtype), story, query, target="cuda")
    for kind in ("margin", "cross_entropy"):
        hard.fact_loss(run, facts, kind)
    hard.backward(run, run.scores, run.logits)


def recall(dtype: str) -> None:
    """By content."""
    ones = np.ones((2, 2), dtype)
    refseq.recall(ones, ones, ones, 1.0, target="cuda")


def graph(dtype: str) -> None:
    """Sums along the edges, and their adjoint."""
    from scipy import sparse  # slow to import

    layer = refseq.graph_layer(2, 2, 1, cell="elman")
    adjacency = sparse.csr_array(zeros(dtype, 2, 2) + 1)
    run = layer.forward(layer.initialise(dtype=dtype), zeros(dtype, 2, 2), adjacency, target="cuda")
    layer.backward(run, run.y)
