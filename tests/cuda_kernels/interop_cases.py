"""Layers on arrays that are on the device already: the bits of the numpy path, in the caller's kind, nothing copied to
the host. Run by test_target.py."""

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu, places
from cuda_kernels.interop import guest
from refseq.checks.problem import draw
from refseq.targets import target
from tests.cuda_kernels.callers import KINDS, host, mapped
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


def test_what_leaves_is_a_whole_array():
    """A view of all entries in another order is copied; a view of all of them in order is not."""
    visitor = guest.guest(target("cuda"), "x", KINDS["numba"](np.zeros((2, 3), "float32")))
    with visitor:
        made = visitor.machine.zeros((2, 3), np.dtype("float32"))
        made[...] = visitor.enter("x", KINDS["numba"](np.arange(6, dtype="float32").reshape(2, 3)))
        turned, flat, row = (visitor.leave(view) for view in (made.transpose(1, 0), made.reshape(6), made[1]))
    assert host(turned).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (host(flat).tolist(), host(row).tolist()) == ([0, 1, 2, 3, 4, 5], [3, 4, 5])
    assert places.address_of(flat) == made.address
    assert places.address_of(row) != made[1].address
