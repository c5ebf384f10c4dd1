"""Implementations that are odd but legal pass; things that are no implementation are refused by name."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import refseq
from refseq import layer
from refseq.checks import OwnImplementation, verify
from refseq.checks.problem import draw
from refseq.checks.subject import Subject

LAYER = layer("lstm", 3, 4)


class ReadOnly(OwnImplementation):
    """Results that nobody may write to, as JAX's are."""

    def forward(self, *arguments):
        y, state = super().forward(*arguments)
        for array in (y, *state.values()):
            array.flags.writeable = False
        return y, state

    def vjp(self, *arguments):
        params, x, state = super().vjp(*arguments)
        for array in (x, *params.values(), *state.values()):
            array.flags.writeable = False
        return params, x, state


class Huge(OwnImplementation):
    """Results beyond all bounds, at which numpy warns."""

    def forward(self, *arguments):
        y, state = super().forward(*arguments)
        return y * 1e308, state


class Reusing(OwnImplementation):
    """The same buffer for every output of one shape."""

    buffers: dict

    def forward(self, *arguments):
        y, state = super().forward(*arguments)
        buffer = self.__dict__.setdefault("buffers", {}).setdefault(y.shape, np.empty_like(y))
        buffer[...] = y
        return buffer, state


def test_read_only_results_are_judged():
    assert verify(ReadOnly(LAYER), LAYER).verdict == "pass"


def test_huge_results_fail_without_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert verify(Huge(LAYER), LAYER).verdict == "fail"


def test_a_reused_buffer_is_still_noticed():
    report = verify(Reusing(LAYER), LAYER)
    assert {finding.check for finding in report.findings} == {"results are kept"}


@pytest.mark.parametrize("wrong", [OwnImplementation, None, 3, object()], ids=["class", "None", "number", "object"])
def test_what_is_no_implementation_is_refused(wrong):
    with pytest.raises(TypeError, match="implementation: expected an object with the methods forward and vjp"):
        verify(wrong, LAYER)


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match="layer: expected a refseq Layer or Stack, got str 'lstm'"):
        verify(OwnImplementation(LAYER), "lstm")


def test_an_implementation_needs_no_name():
    class Nameless:
        forward, vjp = OwnImplementation(LAYER).forward, OwnImplementation(LAYER).vjp

    assert verify(Nameless(), LAYER, np.dtype("float32"), quick=True).implementation == "Nameless"


def test_layers_are_pickled_and_copied():
    made = refseq.layer("gru", 3, 4, layers=2, bidirectional=True, bias=False, reset="after")
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert again == made
        assert again.cell is made.cell


def test_raw_results_are_the_implementations_own():
    subject = Subject(Reusing(LAYER), LAYER)
    problem = draw(LAYER, "float64", 3, 2)
    copied = subject.forward(problem)["y"]
    assert subject.raw["y"] is next(iter(subject.implementation.buffers.values()))
    assert not np.shares_memory(copied, subject.raw["y"])


def test_a_kink_within_the_simulated_roundoff_is_no_noise():
    """A relu that is nearer to its kink than 2^-40, but not than 2^-53, has an ordinary budget."""
    made = refseq.layer("elman", 2, 6, activation="relu", bidirectional=True, bias=False)
    for seed in range(8):
        assert verify(OwnImplementation(made), made, seed=seed).verdict == "pass"
