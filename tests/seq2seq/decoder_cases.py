"""Decoders that look at a memory, and what they are given, that the tests share."""

import numpy as np
import pytest

from tests.seq2seq.cases import FED, LOOKING

T, B, TK = 4, 3, 5
LENGTHS, MEMORY_LENGTHS = np.array([4, 1, 3]), np.array([5, 2, 0])
DECODERS = {"current": FED, "previous": LOOKING}
every_decoder = pytest.mark.parametrize("query", DECODERS)


def drawn(decoder, seed=0):
    rng = np.random.default_rng(seed)
    params = {name: 0.7 * rng.normal(size=shape) for name, shape in decoder.shapes.items()}
    x, memory = rng.normal(size=(T, B, decoder.inputs)), rng.normal(size=(TK, B, decoder.attention.keys))
    state = {name: rng.normal(size=decoder.state_shape(B, name)) for name in decoder.states}
    return params, x, memory, state
