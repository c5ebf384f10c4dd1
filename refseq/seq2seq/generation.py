"""A decoder that is given its own outputs: greedy inference, frames, and scheduled sampling.

All run the decoder step by step from the state that it left, which is what it computes when all tokens are given.

S. Bengio et al., Scheduled sampling for sequence prediction with recurrent neural networks, NeurIPS 2015.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import read, zeros
from refseq.seq2seq.embedding import Embedding
from refseq.seq2seq.frames import Frames
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


@guests("params", "source")
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
    alphabet, stop = _of_tokens(model), model.stop
    given = arguments.parameters(params, model.shapes, available(encoded.target).dtypes, encoded.target)
    rows, state, memory = len(encoded.vector), model.first_state(encoded), model._memory(given, encoded)
    token: Any = np.full(rows, model.start, np.int64)
    running = np.full(rows, True)
    tokens, logits = [], []
    while len(tokens) < longest and running.any():
        z, _, _, state = model._decode(given, encoded, memory, token[None], state, running.astype(np.int64))
        token = np.where(running, np.argmax(read(z[0]), axis=1), stop)
        tokens.append(np.where(running, token, -1))
        logits.append(z[0])
        running = running & (token != stop)
    made = np.stack(tokens) if tokens else np.zeros((0, rows), np.int64)
    found = zeros((len(logits), rows, alphabet.tokens), encoded.vector)
    for t, z in enumerate(logits):
        found[t] = z
    return Written(made, (made >= 0).sum(axis=0), found)


def written_frames(model: Seq2Seq, params: Mapping[str, np.ndarray], encoded: Encoded, lengths: Any) -> np.ndarray:
    """Frames (T, B, F) that a decoder of frames writes, each given to it next, as many as ``lengths`` (B,) say, as
    nothing stops it; 0 beyond. From an auto-encoder's vector: its reconstruction. Raises TypeError or ValueError naming
    the argument."""
    if not isinstance(model.target, Frames):
        raise TypeError(f"model: expected one that writes frames, got {model}; see written")
    given = arguments.parameters(params, model.shapes, available(encoded.target).dtypes, encoded.target)
    wanted = arguments.integers("lengths", np.asarray(lengths))
    longest = int(wanted.max(initial=0))
    counts = arguments.lengths(wanted, longest, len(encoded.vector))
    frame = zeros((1, len(counts), model.target.features), next(iter(given.values())))
    state, memory = model.first_state(encoded), model._memory(given, encoded)
    found = zeros((longest, *frame.shape[1:]), frame)
    for t in range(longest):
        frame, _, _, state = model._decode(given, encoded, memory, frame, state, (counts > t).astype(np.int64))
        found[t] = frame[0]
    return found


def _of_tokens(model: Seq2Seq) -> Embedding:
    """The tokens that a model writes."""
    if isinstance(model.target, Frames):
        raise TypeError(f"model: expected one that writes tokens, got {model}; see written_frames")
    return model.target


@guests("params", "source")
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
    tokens = _of_tokens(model)
    given = arguments.parameters(params, model.shapes, available(target).dtypes, target)
    checked = tokens.checked("targets", targets, target_lengths)
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
    token: Any = np.full(targets.shape[1], model.start, np.int64)
    state, memory = model.first_state(encoded), model._memory(params, encoded)
    for t in range(len(targets)):
        yield token
        z, _, _, state = model._decode(params, encoded, memory, token[None], state, (counts > t).astype(np.int64))
        if t + 1 < len(targets):
            token = np.where(draws[t + 1], np.argmax(read(z[0]), axis=1), np.maximum(targets[t], 0))
