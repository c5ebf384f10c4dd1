"""On which stream a call with arrays on the device runs, what waits for what, and what is kept there. Run by
test_target.py."""

from types import SimpleNamespace

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu, places
from cuda_kernels.interop import choices, guest_machine, kinds, on_stream
from refseq import losses
from tests.cuda_kernels.callers import KINDS, Capsule, Interface
from tests.cuda_kernels.interop_cases import simulated
from tests.cuda_kernels.interop_errors_cases import arguments


class Stream:
    """A stream of cuda.core's protocol."""

    def __cuda_stream__(self):
        return 0, 7


def test_streams_by_handle():
    named = [5, SimpleNamespace(cuda_stream=5), SimpleNamespace(ptr=5), Stream()]
    assert [choices.handle_of(stream) for stream in named] == [5, 5, 5, 7]
    with pytest.raises(TypeError, match="stream: expected a CUDA stream or its handle, got str"), on_stream("5"):
        pass
    with on_stream(5):
        assert kinds.stream_for(kinds.KINDS[-1], None, 0) == 5
    array = Interface(np.ones(3), stream=2)
    assert kinds.stream_for(kinds.KINDS[-1], array, 0) == 2
    assert kinds.stream_for(kinds.KINDS[-1], Interface(np.ones(3)), 0) == 0
    assert kinds.stream_for(kinds.KINDS[-1], None, 0, before=8) == 8


def test_the_stream_of_a_library_is_its_current_one(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=40 + device))
    assert kinds.Torch().stream(None, 2) == 42


@simulated
def test_launches_are_on_the_stream_and_backward_waits_for_forward(monkeypatch):
    given, params, x = arguments(KINDS["numba"])
    used, waits, launch = [], [], gpu.launch
    monkeypatch.setattr(places, "stream_at", lambda handle: handle)
    monkeypatch.setattr(places, "wait", lambda stream, other: waits.append((stream, other)))
    monkeypatch.setattr(gpu, "launch", lambda *given, **options: (used.append(given[4]), launch(*given, **options)))
    monkeypatch.setattr(places, "finish", lambda stream: None)
    with on_stream(5):
        run = given.forward(params, x, target="cuda")
    assert set(used) == {5}
    with on_stream(6):
        given.backward(run)
    assert set(used) == {5, 6}
    assert (waits[0], waits[-1], set(waits)) == ((6, 5), (5, 6), {(6, 5), (5, 6)})
    assert (run.y.stream, run.state["h"].stream) == (5, 5)  # whoever reads them next waits for it
    waits.clear()
    with on_stream(5):
        given.forward(params | {"b_h": Interface(np.ones((1, 3), "float32"), stream=9)}, x, target="cuda")
    assert waits == [(5, 9)]


@simulated
def test_losses_and_systems_are_on_the_stream_too(monkeypatch):
    """What follows a run waits for the stream that the run was on."""
    used, waits, launch, numba = [], [], gpu.launch, KINDS["numba"]
    x, looks = numba(np.ones((2, 3, 4), "float32")), refseq.attention("dot", 4, 4)
    monkeypatch.setattr(places, "stream_at", lambda handle: handle)
    monkeypatch.setattr(places, "copying", lambda handle: handle)
    monkeypatch.setattr(places, "wait", lambda stream, other: waits.append((stream, other)))
    monkeypatch.setattr(gpu, "launch", lambda *given, **options: (used.append(given[4]), launch(*given, **options)))
    with on_stream(5):
        loss = losses.cross_entropy(x, np.zeros((2, 3), int), target="cuda")
        run = looks.forward({}, x, x, x, target="cuda")
    assert (set(used), waits, loss.gradient.stream) == ({5}, [], 5)
    with on_stream(6):
        looks.backward(run, loss.gradient)
    assert set(used) == {5, 6}
    assert set(waits) == {(6, 5), (5, 6)}
    assert (waits[0], waits[-1]) == ((6, 5), (5, 6))


@simulated
def test_dlpack_is_told_the_stream(monkeypatch):
    asked = []
    monkeypatch.setattr(kinds.dlpack, "described", lambda array, stream: asked.append(stream) or 1 / 0)
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    for stream, want in ((0, 1), (5, 5)):
        with pytest.raises(ZeroDivisionError):
            kinds._by_dlpack("x", Capsule(np.ones(3), (2, 0)), stream)
        assert asked[-1] == want


def test_tables_on_the_device_are_few(monkeypatch):
    monkeypatch.setattr(guest_machine, "_tables", guest_machine.OrderedDict())
    monkeypatch.setattr(guest_machine, "MOST_TABLES", 3)
    given, params, x = arguments(KINDS["numba"])
    given.backward(given.forward(params, x, target="cuda"))
    assert len(guest_machine._tables) == 3
