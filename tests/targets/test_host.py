"""The target "reference": the loops of ``refseq.scan`` as they are written, on one thread."""

import threading

import pytest

from refseq.arrays import lift
from refseq.targets import host, target
from tests.examples import LAYERS, everything, example, same

STILL = ("lengths",)
"""What is no number of the problem's field."""


def interpreted(problem):
    """The same problem over Python's floats, which numba does not compile."""

    def lifted(value):
        return (
            {name: lift(each, float) for name, each in value.items()} if isinstance(value, dict) else lift(value, float)
        )

    given = {name: lifted(getattr(problem, name)) for name in ("params", "x", "state", "dy", "dstate")}
    return everything(problem, "reference", **given)


@pytest.mark.parametrize("layer", LAYERS[2:4], ids=str)
def test_compiled_loops_are_the_interpreted_ones(layer):
    """Up to the last bits of tanh and exp, which come from two libraries."""
    problem = example(layer)
    compiled, plain = everything(problem, "reference"), interpreted(problem)
    assert compiled.keys() == plain.keys()
    for name, value in plain.items():
        assert compiled[name] == pytest.approx(value.astype(float), rel=1e-12, abs=1e-14)


def test_runs_have_the_same_bits():
    problem = example(LAYERS[3])
    assert same(everything(problem, "reference"), everything(problem, "reference"))


def test_the_reference_starts_no_threads():
    before = threading.active_count()
    everything(example(LAYERS[0], steps=50, rows=20), "reference")
    assert threading.active_count() == before
    assert target("reference").describe() == "1 thread"


def test_an_exception_in_a_loop_reaches_the_caller(monkeypatch):
    def broken(*_):
        raise MemoryError

    monkeypatch.setattr(host, "kernels", lambda cell, compiled: host.Kernels(broken, broken, broken))
    with pytest.raises(MemoryError):
        everything(example(LAYERS[0]), "reference")
