"""The registry of targets: a name stands for one target, and a missing device raises."""

import pytest

from refseq import targets


def test_the_names():
    assert targets.TARGETS == ("reference", "cpu", "cuda")
    for name in ("reference", "cpu"):
        assert targets.target(name).name == name
        assert targets.available(name) is targets.target(name)


@pytest.mark.parametrize("name", ["gpu", "CPU", "", None])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(ValueError, match=r"target: expected one of reference, cpu, cuda; got"):
        targets.target(name)


def test_a_missing_device_raises_with_its_reason(monkeypatch):
    """And never runs elsewhere."""
    monkeypatch.setattr(type(targets.target("cpu")), "missing", lambda self: "no such device; buy one")
    with pytest.raises(RuntimeError, match="target 'cpu' cannot run here: no such device; buy one"):
        targets.available("cpu")
