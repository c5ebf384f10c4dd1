"""Many arrays in blocks: every entry once, the same bits for any number of threads and in place, sums to rounding."""

import math

import numba
import numpy as np
import pytest

from refseq import clipping
from refseq.clipping import clip_by_norm, clip_by_value, global_norm
from refseq.engine import blocks, norms
from refseq.engine.results import LARGE, result
from refseq.optimisers import SGD, Adam, RMSprop

SIZES = [0, 1, 7, blocks.BLOCK - 1, blocks.BLOCK, blocks.BLOCK + 1, 3 * blocks.BLOCK + 5, 21 * blocks.BLOCK]
OPTIMISERS = [
    SGD(0.1),
    SGD(0.1, momentum=0.9, nesterov=True),
    RMSprop(centred=True, momentum=0.5),
    Adam(),
    Adam(amsgrad=True, decoupled=True, weight_decay=0.1),
]


def arrays(dtype, seed=0, size=1.0):
    rng = np.random.default_rng(seed)
    return {str(k): (size * rng.normal(size=(n,))).astype(dtype) for k, n in enumerate(SIZES)}


def each_number_of_threads(work):
    """The results for one thread and for all."""
    before, found = numba.get_num_threads(), []
    try:
        for count in (1, before):
            numba.set_num_threads(count)
            found.append(work())
    finally:
        numba.set_num_threads(before)
    return found


def bits(named):
    return {name: array.tobytes() for name, array in named.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_sum_of_squares(dtype):
    """Roundings: a product each, the entries of a lane, and the trees of lanes and blocks."""
    given = list(arrays(dtype).values())
    alone, shared = each_number_of_threads(lambda: norms.sum_of_squares(given, 1.0, 1.0))
    exact = math.fsum(x * x for array in given for x in array.astype(float).tolist())
    roundings = blocks.BLOCK / 8 + 8 + math.log2(sum(map(blocks.blocks_of, SIZES)) + 1) + 2
    assert alone == shared
    assert abs(alone - exact) <= roundings * 2.0**-53 * exact
    assert norms.sum_of_squares(given, 2.0, 0.25) == alone / 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1.0, 1e30, 1e200])
@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_clipping(clip, size, dtype):
    """Threads and memory change no bit; every entry is the formula's."""
    size = min(size, 1e30) if dtype == "float32" else size
    given, limit = arrays(dtype, size=size), 0.25 * size
    (alone, norm), (shared, same) = each_number_of_threads(lambda: clip(given, limit))
    assert bits(alone) == bits(shared)
    assert norm == same == global_norm(given)
    place = {name: g.copy() for name, g in given.items()}
    found, _ = clip(place, limit, out=place)
    assert all(found[name] is g for name, g in place.items())
    assert bits(place) == bits(alone)
    for name, g in given.items():
        low = np.dtype(dtype).type(limit)
        expected = g.astype(float) * (limit / norm) if clip is clip_by_norm else np.clip(g, -low, low)
        np.testing.assert_allclose(alone[name], expected, rtol=4 * float(np.finfo(dtype).eps))


def test_within_the_threshold_in_place():
    given = arrays("float32")
    before = bits(given)
    clip_by_norm(given, 1e9, out=given)
    assert bits(given) == before
    other = {name: np.empty_like(g) for name, g in given.items()}
    assert bits(clip_by_norm(given, 1e9, out=other)[0]) == bits(other) == before


def test_nothing_is_written_when_it_raises():
    given = arrays("float64")
    given["1"][0] = np.inf
    before = bits(given)
    with pytest.raises(ValueError, match=r"grads\['1'\]: expected finite numbers, got inf at \(0,\)"):
        clip_by_norm(given, 1.0, out=given)
    assert bits(given) == before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
def test_optimisers(optimiser, dtype):
    """Threads, memory and the place in an array change no bit."""
    params, grads = arrays(dtype, 1), arrays(dtype, 2)
    _, state = optimiser.step(params, grads, optimiser.initialise(params))
    alone, shared = each_number_of_threads(lambda: optimiser.step(params, grads, state))
    assert [bits(part) for part in alone] == [bits(part) for part in shared]
    name, last = "6", slice(SIZES[6] - 3, None)
    mine = {"step": state["step"], f"buffers/{name}": state[f"buffers/{name}"][:, last]}
    part = optimiser.step({name: params[name][last]}, {name: grads[name][last]}, mine)[0][name]
    assert part.tobytes() == alone[0][name][last].tobytes()
    found = optimiser.step(params, grads, state, out=(params, state))
    assert [bits(part) for part in found] == [bits(part) for part in alone]
    assert all(found[0][name] is p for name, p in params.items())


@pytest.mark.parametrize(
    ("error", "message", "change"),
    [
        (ValueError, r"out\['a'\]: expected shape \(4\), got \(3,\)", lambda g: np.ones(3)),
        (TypeError, r"out\['a'\]: expected dtype float64", lambda g: np.ones(4, "f4")),
        (ValueError, r"out\['a'\]: expected a native, contiguous and writable array", lambda g: np.ones(8)[::2]),
    ],
)
def test_wrong_places_for_results(error, message, change):
    g = {"a": np.ones(4)}
    with pytest.raises(error, match=message):
        clip_by_norm(g, 1.0, out={"a": change(g)})
    p, state = {"a": np.ones(4)}, SGD(0.1).initialise(g)
    with pytest.raises(error, match=message.replace("out", r"out\[0\]")):
        SGD(0.1).step(p, g, state, out=({"a": change(g)}, state))
    with pytest.raises(ValueError, match=r"out: expected the keys \['a'\]: missing \['a'\]"):
        clip_by_norm(g, 1.0, out={})


def test_large_results_outlive_what_they_were_made_in():
    first = result((LARGE // 8, 2), np.dtype(float))
    first[:] = 1
    view = first[5:]
    del first
    second = result((LARGE // 8, 2), np.dtype(float))
    second[:] = 2
    assert (view == 1).all()
    assert second.ctypes.data % 64 == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-40, 1.0, 1e30, 1e200])
@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_clipping_without_a_compiler(clip, size, dtype, monkeypatch):
    """numpy's arithmetic, which serves where numba compiles nothing, is the same to rounding, also in place."""
    size = min(size, 1e30) if dtype == "float32" else size
    given = arrays(dtype, size=size)
    for limit in (0.25 * size, 1e4 * size):
        fast, norm = clip(given, limit)
        with monkeypatch.context() as patch:
            patch.setattr(clipping, "on_vectors", lambda dtype, target: False)
            slow, same = clip(given, limit)
            place = {name: g.copy() for name, g in given.items()}
            clip(place, limit, out=place)
        assert norm == pytest.approx(same, rel=1e-13)
        assert bits(place) == bits(slow)
        for name, g in slow.items():
            tiny = float(np.finfo(dtype).smallest_subnormal)
            np.testing.assert_allclose(fast[name], g, rtol=float(np.finfo(dtype).eps) + 1e-13, atol=tiny)
