"""Layers on arrays that are on the device already: the bits of the numpy path, in the caller's kind, nothing copied to
the host; and clear errors. Run by test_target.py."""

from types import SimpleNamespace

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu, places
from cuda_kernels.interop import choices, guest, guest_machine, kinds, library_products, on_stream, own_products
from cuda_kernels.machine import Machine
from cuda_kernels.tiled_products import NOTHING, PRESENT
from refseq.checks.problem import draw
from refseq.targets import target
from tests.cuda_kernels.callers import KINDS, Capsule, Interface, host, mapped
from tests.variants import layer

simulated = pytest.mark.skipif(not gpu.SIMULATOR, reason="the simulator's memory is the host's")
every_kind = pytest.mark.parametrize("kind", KINDS)
LAYERS = [
    layer(("lstm", {"projection": 2}), 2, 3, layers=2, bidirectional=True),
    layer(("gru", {"dropout": True, "zoneout": True}), 2, 3, bidirectional=True, merge="mean"),
    layer(("leaky", {"learn": "layer"}), 2, 3, bidirectional=True, merge="sum"),
    layer(("jordan", {"outputs": 2}), 2, 3, bias=False),
]
STEPS, ROWS = 4, 3


def solved(problem, to=lambda array: array, **more):
    """Run and gradients by name, of arrays that ``to`` makes; and the run."""
    params, state, dstate, masks = (
        mapped(to, dict(getattr(problem, name))) for name in ("params", "state", "dstate", "masks")
    )
    run = problem.layer.forward(params, to(problem.x), state, problem.lengths, "cuda", masks=masks or None, **more)
    grads = problem.layer.backward(run, to(problem.dy), dstate)
    found = {"y": run.y, "dx": grads.x, **{f"d{name}": array for name, array in grads.params.items()}}
    found |= {f"state[{name}]": array for name, array in run.state.items()}
    return found | {f"dstate[{name}]": array for name, array in grads.state.items()}, run


def assert_bitwise(got, want):
    assert got.keys() == want.keys()
    different = [name for name, array in want.items() if host(got[name]).tobytes() != array.tobytes()]
    assert not different, f"differ in at least one bit: {different}"


@pytest.mark.parametrize("given", LAYERS, ids=str)
def test_a_layer_has_the_bits_of_the_numpy_path(given):
    problem = draw(given, "float32", STEPS, ROWS)
    want, _ = solved(problem)
    got, _ = solved(problem, KINDS["numba"])
    assert_bitwise(got, want)
    again, _ = solved(problem, KINDS["numba"], checkpoint=2)
    assert_bitwise(again, want)


@every_kind
def test_results_are_of_the_caller_s_kind(kind):
    problem = draw(LAYERS[1], "float64", STEPS, ROWS)
    got, run = solved(problem, KINDS[kind])
    assert_bitwise(got, solved(problem)[0])
    own = type(KINDS["torch" if kind == "torch" else "numba"](problem.x))
    assert {type(array) for array in got.values()} == {own}
    assert all(tuple(got[name].shape) == array.shape for name, array in solved(problem)[0].items())
    assert run.info["target"] == "cuda"


@pytest.mark.parametrize("given", [LAYERS[0], LAYERS[3]], ids=str)
@pytest.mark.parametrize(("steps", "rows"), [(0, ROWS), (STEPS, 0)])
def test_no_steps_and_no_rows(steps, rows, given):
    problem = draw(given, "float32", steps, rows)
    got, want = solved(problem, KINDS["numba"])[0], solved(problem)[0]
    assert {name: tuple(array.shape) for name, array in got.items()} == {n: a.shape for n, a in want.items()}
    assert_bitwise({n: a for n, a in got.items() if want[n].size}, {n: a for n, a in want.items() if a.size})


def test_what_may_be_left_out():
    problem, to = draw(LAYERS[2], "float32", STEPS, ROWS), KINDS["numba"]
    runs = [
        problem.layer.forward(mapped(make, dict(problem.params)), make(problem.x), target="cuda")
        for make in (to, np.copy)
    ]
    grads = [problem.layer.backward(run, dstate={"h": None}) for run in runs]
    assert_bitwise({"y": runs[0].y, **grads[0].params}, {"y": runs[1].y, **grads[1].params})
    inference = problem.layer.forward(mapped(to, dict(problem.params)), to(problem.x), target="cuda", gradient=False)
    assert_bitwise({"y": inference.y}, {"y": runs[1].y})
    with pytest.raises(ValueError, match="kept what backward needs"):
        problem.layer.backward(inference)


def test_a_stack():
    stack = refseq.stack(refseq.layer("lstm", 2, 3), refseq.layer("output", 3, 2, activation="softmax"))
    params, x = stack.initialise(dtype="float32"), np.ones((STEPS, ROWS, 2), "float32")
    results = []
    for make in (KINDS["numba"], np.copy):
        run = stack.forward(mapped(make, params), make(x), target="cuda")
        grads = stack.backward(run, make(np.ones(run.y.shape, "float32")))
        results.append({"y": run.y, "dx": grads.x, **grads.params})
    assert_bitwise(*results)


@simulated
def test_strides_are_read():
    """A sequence with the batch first, seen with the time first, and cotangents that repeat."""
    torch = pytest.importorskip("torch")
    problem = draw(LAYERS[3], "float32", STEPS, ROWS)
    batch_first = torch.from_numpy(problem.x.transpose(1, 0, 2).copy())
    params = mapped(KINDS["torch"], dict(problem.params))
    turned = {name: array.transpose(0, 1).contiguous().transpose(0, 1) for name, array in params.items()}
    run = problem.layer.forward(turned, batch_first.transpose(0, 1), target="cuda")
    grads = problem.layer.backward(run, torch.ones(1, 1, 1).expand(*run.y.shape))
    want = problem.layer.forward(dict(problem.params), problem.x, target="cuda")
    back = problem.layer.backward(want, np.ones(want.y.shape, "float32"))
    assert_bitwise({"y": run.y, "dx": grads.x, **grads.params}, {"y": want.y, "dx": back.x, **back.params})


@simulated
@pytest.mark.parametrize("given", [LAYERS[0], LAYERS[3]], ids=str)
def test_a_second_call_copies_nothing_and_reads_x_where_it_is(given, monkeypatch):
    """Also dy, where there is one direction."""
    problem = draw(given, "float32", STEPS, ROWS)
    numba = KINDS["numba"]
    given = {name: mapped(numba, dict(getattr(problem, name))) for name in ("params", "state", "dstate")}
    x, dy, addresses = numba(problem.x), numba(problem.dy), []
    for _ in range(2):
        run = problem.layer.forward(given["params"], x, given["state"], problem.lengths, "cuda")
        problem.layer.backward(run, dy, given["dstate"])

        def refuse(*_, **__):
            raise AssertionError("a copy between host and device")

        monkeypatch.setattr(gpu.cuda, "to_device", refuse)
        monkeypatch.setattr(type(x), "copy_to_host", refuse)
        launch = gpu.launch

        def launched(kernel, blocks, threads, arguments, *others, launch=launch, **options):
            addresses.extend(places.address_of(array) for array in arguments if places.is_array(array))
            launch(kernel, blocks, threads, arguments, *others, **options)

        monkeypatch.setattr(gpu, "launch", launched)
    assert places.address_of(x) in addresses
    assert problem.layer.bidirectional or places.address_of(dy) in addresses


def test_results_are_new():
    """Neither the arguments nor the results of another run."""
    problem, numba = draw(layer(("elman", {}), 2, 3), "float32", STEPS, ROWS), KINDS["numba"]
    x, params = numba(problem.x), mapped(numba, dict(problem.params))
    state = mapped(numba, dict(problem.state))
    runs = [problem.layer.forward(params, x, state, target="cuda") for _ in range(2)]
    arrays = [x, *params.values(), *state.values(), *(run.y for run in runs), *(run.state["h"] for run in runs)]
    assert len({places.address_of(array) for array in arrays}) == len(arrays)
    before = host(runs[0].y)
    problem.layer.backward(runs[0], runs[0].y)
    assert host(runs[0].y).tobytes() == before.tobytes()


def as_numpy(flat, shape, strides, device):
    """numpy's arrays, which index and multiply as cupy's do."""
    steps = [step * flat._ary.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(flat._ary, shape, steps)


@simulated
@pytest.mark.parametrize(("library", "given"), list(zip(["torch", "cupy"] * 2, LAYERS, strict=True)))
def test_products_by_the_caller_s_library(library, given, monkeypatch):
    pytest.importorskip("torch")
    problem = draw(given, "float64", STEPS, ROWS)
    tiles, asked = solved(problem, KINDS["torch"])[0], []
    monkeypatch.setattr(guest_machine, "by_library", lambda kind: not asked.append(kind))
    if library == "cupy":
        monkeypatch.setattr(kinds.Torch, "native", lambda self, *given: as_numpy(*given))
    for more in ({}, {"checkpoint": 2}):
        got = solved(problem, KINDS["torch"], **more)[0]
        for name, array in tiles.items():
            np.testing.assert_allclose(host(got[name]), host(array), rtol=1e-12, atol=1e-13, err_msg=name)
    assert asked


def test_products_by_a_library_are_those_of_the_tiles():
    """Of numbers in all their arguments: two directions, blocks in any order, sums that go on, shifted rows."""
    rng, machine = np.random.default_rng(5), Machine()
    K, G, H, W, A, V = 3, 4, 2, 5, 6, 7
    M, bias, x = (rng.normal(size=shape) for shape in [(2, K, G, H), (2, 3, W), (9, 1, K)])
    da, v = rng.normal(size=(2, 9, A, W)), rng.normal(size=(2, 11, 4, W))
    times, rows = np.array([rng.permutation(9)[:V] for _ in range(2)]), rng.permutation(9)[:V]
    blocks = np.array([[0, 2, 5, 1], [1, 2, 5, NOTHING], [0, 0, 1, PRESENT], [1, 1, 3, 2]])
    gates, slots = np.array([1, 2]), np.array([4, 0])
    calls = [
        ("project", (blocks,), [M, bias, x, times, rows], rng.normal(size=(2, 9, A, W))),
        ("pull", (gates, slots), [M, da, times, rows], rng.normal(size=(2, 9, 1, K))),
        ("outer", (blocks,), [v, 1, 3, times, 2, da, rows], rng.normal(size=(2, K, G, H))),
        ("outer", (blocks,), [v, 0, 3, times, 2, da, rows], rng.normal(size=(2, K, G, H))),
    ]
    for name, tables, given, start in calls:
        placed = [machine.place(array) if isinstance(array, np.ndarray) else array for array in given]
        to, want = machine.place(start), start.copy()
        getattr(machine, name)(*tables, *placed, to)
        getattr(library_products, name)(*tables, *given, want)
        assert not np.array_equal(want, start)
        np.testing.assert_allclose(machine.fetch(to), want, rtol=1e-14, atol=1e-14, err_msg=name)


def test_whose_products_they_are(monkeypatch):
    assert not kinds.by_library(kinds.Torch()) or not gpu.SIMULATOR
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    assert [kinds.by_library(kind) for kind in kinds.KINDS] == [True, True, False]
    with own_products():
        assert not any(map(kinds.by_library, kinds.KINDS))


def test_what_leaves_is_a_whole_array():
    """A view of all entries in another order is copied; a view of all of them in order is not."""
    visitor = guest.guest(target("cuda"), x=KINDS["numba"](np.zeros((2, 3), "float32")))
    with visitor:
        made = visitor.machine.zeros((2, 3), np.dtype("float32"))
        made[...] = visitor.enter("x", KINDS["numba"](np.arange(6, dtype="float32").reshape(2, 3)))
        turned, flat, row = (visitor.leave(view) for view in (made.transpose(1, 0), made.reshape(6), made[1]))
    assert host(turned).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (host(flat).tolist(), host(row).tolist()) == ([0, 1, 2, 3, 4, 5], [3, 4, 5])
    assert places.address_of(flat) == made.address
    assert places.address_of(row) != made[1].address


def arguments(make, **changes):
    """Arguments of a layer by name, with arrays of a kind; a name in changes has this one."""
    given = layer(("elman", {}), 2, 3)
    params = {name: np.ones(shape, "float32") for name, shape in given.shapes.items()}
    found = {"x": np.ones((STEPS, ROWS, 2), "float32"), **params}
    made = {name: changes[name] if name in changes else make(array) for name, array in found.items()}
    return given, {name: made[name] for name in params}, made["x"]


def refused(match, error=TypeError, make=KINDS["numba"], **changes):
    given, params, x = arguments(make, **changes)
    with pytest.raises(error, match=match):
        given.forward(params, x, target="cuda")


def test_errors_name_the_argument():
    numba, bias = KINDS["numba"], np.ones((1, 3), "float32")
    refused(r"params\['b_h'\]: expected an array on a CUDA device like x, got a numpy array, on the host", b_h=bias)
    refused(r"params\['b_h'\]: expected shape \(1, 3\), got \(3,\)", ValueError, b_h=numba(bias[0]))
    refused("params: expected one dtype, got several", b_h=numba(bias.astype("float64")))
    refused("x: expected dtype float32 like the other arrays", x=numba(np.ones((STEPS, ROWS, 2))))
    refused(r"x: expected shape \(T, B, 2\), got \(4, 3, 5\)", ValueError, x=numba(np.ones((4, 3, 5), "float32")))
    refused("target 'cuda' takes float32, float64; got float16", make=lambda array: numba(array.astype("float16")))
    refused(r"params\['b_h'\]: expected .* got a numpy array", make=Interface, b_h=bias)
    masked = Interface(bias, mask=Interface(bias))
    refused(r"params\['b_h'\]: expected an array without a mask", b_h=masked)
    backward = Interface(bias, strides=(12, -4))
    refused(r"params\['b_h'\]: expected strides that are multiples of 4 bytes", ValueError, b_h=backward)
    foreign = Interface(bias, typestr=">f4")
    refused(r"params\['b_h'\]: expected numbers in native byte order, got dtype >f4", b_h=foreign)
    assert kinds.kind_of([1.0]) is None


def test_errors_of_other_arguments():
    given, params, x = arguments(KINDS["numba"])
    with pytest.raises(TypeError, match="lengths: expected integers on the host"):
        given.forward(params, x, lengths=KINDS["numba"](np.full(ROWS, STEPS)), target="cuda")
    with pytest.raises(TypeError, match=r"state\['h'\]: expected an array on a CUDA device like x"):
        given.forward(params, x, {"h": np.zeros((1, ROWS, 3), "float32")}, target="cuda")
    run = given.forward(params, x, target="cuda")
    with pytest.raises(TypeError, match="dy: expected an array on a CUDA device like x, got a numpy array"):
        given.backward(run, np.ones(run.y.shape, "float32"))
    with pytest.raises(TypeError, match="expected a numpy array"):
        given.forward(params, x, target="cpu")


def test_too_large_a_shape(monkeypatch):
    monkeypatch.setattr(places, "memory_size", lambda: 100)
    refused(r"x: expected a run that fits into 100 bytes of the device's memory, got T = 4, B = 3", ValueError)


@simulated
def test_errors_of_dlpack():
    bias = np.ones((1, 3), "float32")
    refused("x: expected an array on a CUDA device, got one on DLPack's device type 10", x=Capsule(bias, (10, 0)))
    refused(r"params\['b_h'\]: expected device 0 like x, got device 1", ValueError, b_h=Capsule(bias, (1, 1)))
    refused(
        r"params\['b_h'\]: target 'cuda' takes float32, float64; got DLPack's type 0", b_h=Capsule(bias.astype(int))
    )


@simulated
def test_errors_of_torch():
    torch = pytest.importorskip("torch")
    bias, make = torch.ones(1, 3), KINDS["torch"]
    refused(r"params\['b_h'\]: expected a tensor without requires_grad", make=make, b_h=bias.clone().requires_grad_())
    refused(r"params\['b_h'\]: .*got torch.bfloat16", make=make, b_h=bias.bfloat16())
    refused(r"params\['b_h'\]: .*got one on meta", make=make, b_h=bias.to("meta"))
    lazy = torch.ones(1, 3, dtype=torch.complex64).conj().imag
    refused(r"params\['b_h'\]: expected a tensor with its numbers in memory", make=make, b_h=lazy)
    other = KINDS["numba"](np.ones((1, 3), "float32"))
    refused(r"params\['b_h'\]: expected a torch tensor .* like x, got FakeCUDAArray", make=make, b_h=other)
    with torch.no_grad():
        given, params, x = arguments(make, b_h=bias.clone().requires_grad_())
        assert type(given.forward(params, x, target="cuda").y) is torch.Tensor


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
