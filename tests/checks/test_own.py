"""The reference that a target is held against: compiled, or in plain Python beside a simulator."""

import numpy as np
import pytest

import refseq
from refseq.checks import own
from refseq.checks.implementation import OwnImplementation
from refseq.checks.problem import draw
from refseq.checks.structures.kinds import problems
from refseq.checks.subject import Subject
from refseq.checks.verdict import PASS
from refseq.markov.autoregressive import autoregressive
from refseq.targets import host, runs_in_python

LAYER = refseq.layer("elman", 3, 4, bidirectional=True)
ROWS = autoregressive(2, 3)
ROUNDOFFS = 64
"""By which the two may differ: tanh and exp come from two libraries."""


def of_layer(dtype):
    return draw(LAYER, dtype, 5, 4)


def of_rows(dtype):
    return next(iter(problems(ROWS, dtype)))


@pytest.mark.parametrize(("make", "dtype"), [(of_layer, "float32"), (of_rows, "float32"), (of_rows, "float64")])
def test_in_python_it_has_the_same_roundings(make, dtype):
    posed = make(dtype)
    compiled, plain = own.reference(posed, False), own.reference(posed, True)
    assert compiled.keys() == plain.keys()
    for name, value in compiled.items():
        assert (plain[name].dtype, plain[name].shape) == (value.dtype, value.shape)
        limit = ROUNDOFFS * np.finfo(dtype).eps * np.max(np.abs(value), initial=0.0)
        assert np.max(np.abs(plain[name] - value), initial=0.0) <= limit, name


def test_beside_a_simulator_nothing_is_compiled(monkeypatch):
    asked, kernels = [], host.kernels
    monkeypatch.setattr(host, "kernels", lambda cell, dtype: asked.append(dtype) or kernels(cell, dtype))
    posed, subject = draw(LAYER, "float32", 3, 2), Subject(OwnImplementation(LAYER, "cpu"), LAYER)
    for simulated, dtype in ((True, "object"), (False, "float32")):
        monkeypatch.setattr(own, "runs_in_python", lambda target, simulated=simulated: simulated)
        asked.clear()
        assert own.AGREEMENT.run(subject, posed).verdict == PASS
        assert set(asked) == {dtype}


def test_no_target_of_the_host_is_a_simulator():
    assert not runs_in_python("cpu")
    assert not runs_in_python("reference")
