"""A decoder that is given its own outputs: greedy inference, and scheduled sampling.

Both run the decoder step by step from the state that it left, which is what it computes when all tokens are given.

S. Bengio et al., Scheduled sampling for sequence prediction with recurrent neural networks, NeurIPS 2015.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import read, zeros
from refseq.seq2seq.model import Encoded, Seq2Seq
from refseq.seq2seq.states import Arrays
from refseq.targets import available
from refseq.targets.visiting import guests


@dataclass(frozen=True, eq=False)
class Written:
    """Tokens (T, B) that a decoder chose, -1 after a row's stop symbol; ``lengths`` (B,) with the stop symbol, where it
    came; logits (T, B, V)."""

    tokens: np.ndarray
    lengths: np.ndarray
    logits: np.ndarray


@guests("params")
def generate(
    model: Seq2Seq,
    params: Mapping[str, np.ndarray],
    source: np.ndarray,
    longest: int,
    *,
    lengths: Any = None,
    target: str = "cpu",
) -> Written:
    """The tokens with the largest logits (the first of equal ones), each given to the decoder next, until ``stop`` or
    ``longest`` tokens. Raises TypeError or ValueError naming the argument."""
    arguments.integer("longest", longest, 0)
    encoded = model.encode(params, source, lengths=lengths, target=target)
    return written(model, params, encoded, longest)


def written(model: Seq2Seq, params: Mapping[str, np.ndarray], encoded: Encoded, longest: int) -> Written:
    """As ``generate``, from a source that was read: the reconstruction of an auto-encoder from its vector."""
    given = arguments.parameters(params, model.shapes, available(encoded.target).dtypes, encoded.target)
    rows, state = len(encoded.vector), model.first_state(encoded)
    token, running = np.full(rows, model.start), np.full(rows, True)
    tokens, logits = [], []
    while len(tokens) < longest and running.any():
        z, _, _, state = model._decode(given, encoded, token[None], state, running.astype(np.int64))
        token = np.where(running, np.argmax(read(z[0]), axis=1), model.stop)
        tokens.append(np.where(running, token, -1))
        logits.append(z[0])
        running = running & (token != model.stop)
    classes = model.target.tokens
    made = np.stack(tokens) if tokens else np.zeros((0, rows), np.int64)
    found = zeros((len(logits), rows, classes), encoded.vector)
    for t, z in enumerate(logits):
        found[t] = z
    return Written(made, (made >= 0).sum(axis=0), found)


@guests("params")
def scheduled(
    model: Seq2Seq,
    params: Mapping[str, np.ndarray],
    source: np.ndarray,
    targets: np.ndarray,
    draws: np.ndarray,
    *,
    lengths: Any = None,
    target_lengths: Any = None,
    target: str = "cpu",
) -> np.ndarray:
    """The inputs (T, B) of scheduled sampling, for ``Seq2Seq.forward``: where draws (T, B) is True, the decoder's own
    choice at the step before in place of the target; draws[0] means nothing, as ``start`` comes first. No gradient
    goes through a choice. Raises TypeError or ValueError naming the argument."""
    given = arguments.parameters(params, model.shapes, available(target).dtypes, target)
    checked = model.target.checked("targets", targets, target_lengths)
    draws = arguments.array("draws", draws, checked.shape, np.dtype(bool))
    encoded = model.encode(params, source, lengths=lengths, target=target)
    if checked.shape[1] != len(encoded.vector):
        raise ValueError(f"targets: expected shape (T, {len(encoded.vector)}), got {checked.shape}")
    counts = arguments.lengths(target_lengths, len(checked), checked.shape[1], "target_lengths")
    inputs = np.array(checked)
    for t, token in enumerate(_chosen(model, given, encoded, checked, draws, counts)):
        inputs[t] = token
    return inputs


def _chosen(
    model: Seq2Seq, params: Arrays, encoded: Encoded, targets: np.ndarray, draws: np.ndarray, counts: np.ndarray
) -> Iterator[np.ndarray]:
    """The input of every step."""
    token, state = np.full(targets.shape[1], model.start), model.first_state(encoded)
    for t in range(len(targets)):
        yield token
        z, _, _, state = model._decode(params, encoded, token[None], state, (counts > t).astype(np.int64))
        if t + 1 < len(targets):
            token = np.where(draws[t + 1], np.argmax(read(z[0]), axis=1), np.maximum(targets[t], 0))
