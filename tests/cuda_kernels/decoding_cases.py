"""Decoding of models, frames and states that are on the device already: the bits of the numpy path, the step sees the
caller's own arrays, and no more is copied to the host than is said. Run by test_target.py."""

from functools import partial

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu
from cuda_kernels.interop.guest_machine import GuestMachine
from refseq.decoding import beam_search, ctc, exhaustive, greedy
from tests.cuda_kernels.callers import KINDS, Interface, host, mapped
from tests.cuda_kernels.interop_cases import every_kind, simulated

V, UNITS, ROWS = 4, 3, 3
FIRST = np.array([0, 3, 1])
SEARCHES = {
    "beam": partial(beam_search, width=3, best=2),
    "greedy": greedy,
    "exhaustive": partial(exhaustive, best=3),
}
NUMBA = KINDS["numba"]
every_search = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)


def fixed(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


def same(got, want):
    for name, array in vars(want).items():
        assert type(getattr(got, name)) is np.ndarray
        assert getattr(got, name).tobytes() == array.tobytes(), name


def recurrent(to):
    """A layer as the model, which scores symbols by its units and one more number; and its first state."""
    layer = refseq.layer("elman", V, V)
    params = mapped(to, {name: 2 * fixed(*shape) for name, shape in layer.shapes.items()})

    def step(state, tokens):
        x = to(np.eye(V, dtype="float32")[None, tokens])
        run = layer.forward(params, x, {"h": state.reshape(1, len(tokens), V)}, target="cuda")
        return run.y.reshape(len(tokens), V), run.state["h"].reshape(len(tokens), V)

    return step, to(fixed(ROWS, V))


def nested(to, seen):
    """A model whose scores need every part of a state: arrays with one to three axes, and whole numbers. ``seen``: the
    types of the arrays that the step is given."""

    def look(array):
        seen.add(type(array))
        array = getattr(array, "_array", array)
        return array if isinstance(array, np.ndarray) else host(array)

    def step(state, tokens):
        (line,), (flat, deep), count = state["list"], state["pair"], state["count"]
        line, flat, deep = look(line), look(flat), look(deep)
        scores = np.cos(flat + line[:, None] + deep.sum(axis=(1, 2))[:, None] + (tokens + count)[:, None]) - 2
        line, deep = np.sin(line + tokens), np.tanh(deep - count[:, None, None])
        scores, line, flat, deep = (part.astype("float32") for part in (scores, line, np.roll(flat, 1, 1), deep))
        return to(scores), {"list": [to(line)], "pair": (to(flat), to(deep)), "count": count + 1, "none": None}

    line, flat, deep = fixed(ROWS), fixed(ROWS, V), fixed(ROWS, 2, 2)
    return step, {"list": [to(line)], "pair": (to(flat), to(deep)), "count": np.arange(ROWS), "none": None}


def constant(to):
    """A model that says the same after every token."""
    return lambda state, tokens: (to(np.tile(fixed(V), (len(tokens), 1))), state)


@every_search
def test_a_layer_that_is_on_the_device(search):
    """Its calls within a step are calls of their own."""
    got, want = (search(*recurrent(to), FIRST, cap=3, stop=2, target="cuda") for to in (NUMBA, np.copy))
    same(got, want)
    assert len(np.unique(want.tokens[:, 0], axis=0)) > 1  # rows differ


@every_kind
@every_search
def test_a_state_of_many_parts(search, kind):
    to, given, seen = KINDS[kind], {"cap": 3, "stop": 2, "target": "cuda"}, set()
    same(search(*nested(to, seen), FIRST, **given), search(*nested(np.copy, set()), FIRST, **given))
    if kind in ("numba", "torch"):
        assert seen == {type(to(fixed(1)))}


@every_search
def test_no_rows_no_steps_and_no_numbers(search, monkeypatch):
    """No launch is empty, which a device refuses."""
    launch = gpu.launch

    def checked(kernel, grid, threads, *rest, **more):
        assert min(*grid, threads) > 0
        launch(kernel, grid, threads, *rest, **more)

    monkeypatch.setattr(gpu, "launch", checked)
    for rows, cap in [(0, 2), (2, 0), (2, 2)]:
        runs = []
        for to in (NUMBA, np.copy):
            state = {"empty": to(fixed(rows, 0)), "h": to(fixed(rows, 2))}
            runs.append(search(constant(to), state, FIRST[:rows], cap=cap, target="cuda"))
        same(*runs)


def test_the_scores_may_be_on_the_host_or_of_another_kind():
    """Of a state on the device; and the state may be whole numbers, or none."""
    want = beam_search(constant(np.copy), None, FIRST, width=2, cap=3, target="cuda")
    for to in (np.copy, Interface, NUMBA):
        for state in (NUMBA(fixed(ROWS, 2)), np.arange(ROWS), None):
            same(beam_search(constant(to), state, FIRST, width=2, cap=3, target="cuda"), want)


@simulated
def test_what_is_copied_to_the_host(monkeypatch):
    """Of a beam what is chosen, a number for each sequence; else the scores of all symbols."""
    read, sizes = GuestMachine.read, []
    monkeypatch.setattr(GuestMachine, "read", lambda machine, array: sizes.append(array.size) or read(machine, array))
    for search, most in [(partial(beam_search, width=2), 2 * ROWS), (greedy, ROWS * V)]:
        step, state = recurrent(NUMBA)
        sizes.clear()
        search(step, state, FIRST, cap=2, target="cuda")
        assert max(sizes) == most


@every_kind
def test_frames(kind):
    to, lengths = KINDS[kind], [4, 0, 2]
    frames = fixed(4, ROWS, V)
    frames[3, 1:] = np.nan  # beyond the lengths
    for decode in (ctc.greedy, partial(ctc.beam, width=3, best=2)):
        assert decode(to(frames), lengths=lengths, target="cuda") == decode(frames, lengths=lengths)


def stepped(made):
    """A search of a model that says this of every token."""
    return lambda: beam_search(lambda state, _: (made, state), None, FIRST, width=2, cap=1, target="cuda")


def of_state(state, target="cuda"):
    return lambda: beam_search(recurrent(NUMBA)[0], state, FIRST, width=2, cap=1, target=target)


def of_frames(*frames, **options):
    return lambda: ctc.beam(*frames, **{"target": "cuda", **options})


H, WHOLE = NUMBA(fixed(ROWS, V)), np.zeros((2 * ROWS, V), int)
REFUSED = [
    (of_state({"a": H, "b": fixed(ROWS, V)}), r"state\['b'\]: expected an array on a CUDA device like state"),
    (of_state({"a": fixed(ROWS, V), "b": H}), r"state\['b'\]: expected a numpy array"),
    (of_state([NUMBA(fixed(2, V))]), r"state\[0\]: expected 3 rows, one for each of first, got shape \(2, 4\)"),
    (of_state((H, Interface(WHOLE[:3]))), r"state\[1\]: target 'cuda' takes float32, float64; got int64"),
    (of_state(H, "cpu"), "state: expected a numpy array, a dict, tuple or list of them, got"),
    (stepped(NUMBA(fixed(ROWS, V))), r"step: log-probabilities: expected shape \(6, V\), got \(3, 4\)"),
    (stepped(Interface(WHOLE)), "log_probabilities: target 'cuda' takes float32, float64; got int64"),
    (stepped(NUMBA(fixed(2 * ROWS, 0))), "step: number of symbols: expected at least 1, got 0"),
    (lambda: greedy(lambda *_: None, None, Interface(FIRST), cap=1), "first: expected numbers on the host"),
    (of_frames(NUMBA(fixed(2, 1, V)), lengths=Interface(FIRST[:1])), "lengths: expected numbers on the host"),
    (of_frames(Interface(WHOLE[None])), "log_probs: target 'cuda' takes float32, float64; got int64"),
    (of_frames(NUMBA(fixed(2, 1, V)), target="cpu"), "log_probs: expected a numpy array"),
    (of_frames(H), r"log_probs: expected shape \(T, B, C\), got \(3, 4\)"),
    (of_frames(NUMBA(fixed(2, 1, V) * np.nan)), r"log_probs: expected numbers below inf, got nan at \(0, 0, 0\)"),
]


@pytest.mark.parametrize(("call", "match"), REFUSED, ids=[match for _, match in REFUSED])
def test_errors_name_the_argument(call, match):
    with pytest.raises((TypeError, ValueError), match=match):
        call()
