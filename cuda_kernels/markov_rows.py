"""Launches of the functions of one row of ``refseq.markov`` and ``refseq.decoding``, without a device
(``cuda_kernels.recorder``)."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cuda_kernels import rowwise
from cuda_kernels.recorder import Launch, Recorder
from refseq.decoding import select_rows
from refseq.markov import autoregressive_rows, chain_rows, emission_rows, normal_rows, posterior_rows, viterbi_rows
from refseq.markov.views import entry_by_entry

T, B, S, D = 3, 2, 4, 5
SEQUENCES, PAIRS, TABLE, LENGTHS = (T, B, S), (B, S, S), (S, S), (-B,)
LINE, X = (1, S), (T, B, D)


def of_markov(dtype: str) -> Iterator[Launch]:
    """Every one of them: shapes of inputs, outputs, scratch, those of integers negated."""
    views = (entry_by_entry, dtype)
    kept = (SEQUENCES, SEQUENCES, SEQUENCES, (-T, -B))
    yield from _recorded(normal_rows.build, (), dtype, (TABLE,), (TABLE,))
    yield from _recorded(normal_rows.build_backward, (), dtype, (TABLE, TABLE), (TABLE,))
    yield from _recorded(chain_rows.build_weights, (), dtype, (TABLE,), (TABLE, TABLE, LINE))
    given = (LINE, TABLE, SEQUENCES, LENGTHS, (-2,), TABLE, LINE)
    yield from _recorded(chain_rows.build_forward, views, dtype, given, ((B,), *kept), ((1, B, S),))
    given = (TABLE, LENGTHS, (-2,), TABLE, TABLE, (B,), *kept, (B,))
    room = ((1, B, S), PAIRS)
    yield from _recorded(posterior_rows.build_backward, views, dtype, given, (SEQUENCES, PAIRS), room)
    given = (LINE, TABLE, SEQUENCES, LENGTHS)
    room = ((-T, -B, -S), (2, B, S))
    yield from _recorded(viterbi_rows.build, (), dtype, given, ((B,), (-T, -B)), room)
    yield from _recorded(emission_rows.build_discrete, (), dtype, (TABLE, (-T, -B), LENGTHS), (SEQUENCES,))
    given = ((-T, -B), LENGTHS, SEQUENCES)
    yield from _recorded(emission_rows.build_discrete_backward, (), dtype, given, (TABLE,))
    states, turned = (S, D), (D, S)
    given = (states, states, (1,))
    yield from _recorded(emission_rows.build_precisions, (), dtype, given, (turned, turned, LINE))
    yield from _recorded(emission_rows.build_gaussian, views, dtype, (X, LENGTHS, turned, turned, LINE), (SEQUENCES,))
    given = (X, LENGTHS, turned, turned, SEQUENCES)
    yield from _recorded(emission_rows.build_gaussian_backward, (), dtype, given, (states, states))
    yield from _recorded(emission_rows.build_gaussian_inputs, (), dtype, given, (X,))
    given = ((2, D, D), (D,), (D,), (1,), X, LENGTHS)
    yield from _recorded(autoregressive_rows.build_forward, (), dtype, given, ((B,), X))
    given = ((2, D, D), (D,), LENGTHS, X, (B,))
    yield from _recorded(autoregressive_rows.build_inputs, (), dtype, given, (X, X))
    given = (X, LENGTHS, (D,), X, (B,), X)
    yield from _recorded(autoregressive_rows.build_parameters, (), dtype, given, ((D, 2, D), (D,), (D,)))
    beams = (-B, -3)
    given = ((B, 3), beams, beams, (B, 3, S), (T,), (-1,), (-3,))
    room = ((B, 2, 3), (-B, -2, -3), (-B, -2), (B, 3))
    yield from _recorded(select_rows.build, (), dtype, given, ((B, 3), *(beams,) * 4), room)


def _recorded(build: Callable, options: tuple, dtype: str, given: Any, made: Any, room: Any = ()) -> Iterator[Launch]:
    def arrays(shapes: Any) -> list[np.ndarray]:
        return [np.zeros([abs(n) for n in shape], np.int64 if shape[0] < 0 else dtype) for shape in shapes]

    recorder = Recorder()
    rowwise.run_rows(recorder, build, options, 1, arrays(given), arrays(made), arrays(room), 1)
    return recorder.labelled(build.__name__)
