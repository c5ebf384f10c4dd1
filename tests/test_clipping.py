"""Clipping: direction and norm to rounding at every size of number, torch side by side, and what is not finite."""

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from refseq.clipping import clip_by_norm, clip_by_value, global_norm
from refseq.fields.ball import precision
from refseq.fields.noise import UNIT_ROUNDOFF
from tests.conftest import framework

SIZES = {
    "float32": [1e-44, 1e-38, 1e-20, 1.0, 1e20, 1e30, 1e38],
    "float64": [5e-323, 1e-308, 1e-200, 1.0, 1e200, 1e308],
}
CASES = [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes]


def gradients(dtype, size, seed=4):
    rng = np.random.default_rng(seed)
    return {
        name: (size * rng.uniform(-1, 1, shape)).astype(dtype)
        for name, shape in [("W", (3, 4)), ("b", (5,)), ("e", (0,))]
    }


def flat(grads):
    return np.concatenate([g.reshape(-1) for g in grads.values()])


def exact_norm(grads):
    return sum((arb(x) ** 2 for x in flat(grads).tolist()), arb(0)).sqrt()


@pytest.mark.parametrize(("dtype", "size"), CASES)
@pytest.mark.parametrize("part", [1e-3, 0.7, 0.999999, 1.5])
def test_norm_and_direction_against_balls(dtype, size, part):
    """Double precision throughout: squares and a sum of 17 (pairwise in blocks: at most 17 + 2 roundings, halved by the
    root), two quotients and the product; then one rounding to the dtype, or to the nearest denormal number."""
    grads = gradients(dtype, size)
    with precision(200):
        norm = exact_norm(grads)
        threshold = float(norm) * part if float(norm) * part < 1.7e308 else 1.7e308
        if threshold == 0:
            threshold = 5e-324
        clipped, found = clip_by_norm(grads, threshold)
        u = UNIT_ROUNDOFF["float64"]
        if norm > arb(float(np.finfo(float).max)):
            assert found == np.inf
        else:
            assert abs(arb(found) - norm) <= norm * (12 * u) + arb(5e-324)
        factor = arb(1) if norm <= threshold else arb(threshold) / norm
        bound = 16 * u + UNIT_ROUNDOFF[dtype]
        smallest = float(np.finfo(dtype).smallest_subnormal)
        for name, g in grads.items():
            assert clipped[name].dtype == dtype
            for mine, x in zip(clipped[name].reshape(-1).tolist(), g.reshape(-1).tolist(), strict=True):
                expected = arb(x) * factor
                assert abs(arb(mine) - expected) <= abs(expected) * bound + arb(1.01 * smallest)
        if size < 1e-300:  # factor below 2: a denormal's rounding is no longer relative
            return
        assert exact_norm(clipped) <= arb(threshold) * (1 + 2 * bound) + arb(20 * smallest)


def test_within_the_threshold_nothing_changes():
    for dtype in SIZES:
        grads = gradients(dtype, 1.0)
        for clipped, norm in (
            clip_by_norm(grads, 100.0),
            clip_by_norm(grads, global_norm(grads)),
            clip_by_value(grads, 1.0),
        ):
            assert norm == global_norm(grads)
            for name, g in grads.items():
                assert clipped[name].tobytes() == g.tobytes()
                assert not np.shares_memory(clipped[name], g)


@pytest.mark.parametrize(("dtype", "size"), [("float64", 1e200), ("float32", 1e20), ("float32", 1e30)])
def test_torch_turns_large_gradients_to_zero(dtype, size):
    """Finite gradients (3, 4) 1e200: the direction (0.6, 0.8) here; torch's norm overflows, and 1/inf is 0."""
    torch = framework("torch")
    grads = {"a": np.array([3 * size], dtype), "b": np.array([4 * size], dtype)}
    clipped, norm = clip_by_norm(grads, 1.0)
    assert norm == pytest.approx(5 * size, rel=1e-6)
    assert [float(g[0]) for g in clipped.values()] == pytest.approx([0.6, 0.8], rel=2 * UNIT_ROUNDOFF[dtype])
    theirs = [torch.nn.Parameter(torch.zeros(1, dtype=getattr(torch, dtype))) for _ in grads]
    for parameter, g in zip(theirs, grads.values(), strict=True):
        parameter.grad = torch.tensor(g)
    assert torch.nn.utils.clip_grad_norm_(theirs, 1.0) == np.inf
    assert [parameter.grad.item() for parameter in theirs] == [0, 0]


def test_torch_at_ordinary_sizes():
    """The same, but for the 1e-6 that torch adds to the norm."""
    torch = framework("torch")
    grads = gradients("float64", 7.0)
    theirs = {name: torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for name, g in grads.items()}
    for name, parameter in theirs.items():
        parameter.grad = torch.tensor(grads[name])
    norm = torch.nn.utils.clip_grad_norm_(theirs.values(), 0.5).item()
    clipped, found = clip_by_norm(grads, 0.5)
    assert found == pytest.approx(norm, rel=1e-15)
    for name, parameter in theirs.items():
        expected = clipped[name] * found / (found + 1e-6)
        np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=1e-14)
    assert np.linalg.norm(flat(clipped)) == pytest.approx(0.5, rel=1e-15)


@given(
    values=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8),
    threshold=st.floats(1e-6, 1e6),
    power=st.integers(-20, 20),
)
def test_properties(values, threshold, power):
    """Clipping twice is clipping once (to rounding); powers of two pass through; a zero stays one."""
    g = np.array(values)
    clipped, norm = clip_by_norm({"g": g}, threshold)
    again, _ = clip_by_norm(clipped, threshold)
    u = UNIT_ROUNDOFF["float64"]
    np.testing.assert_allclose(again["g"], clipped["g"], rtol=30 * u, atol=1e-323)
    scale = 2.0**power
    if np.all(np.abs(np.concatenate([g, clipped["g"]])[np.tile(g != 0, 2)]) > 1e-290):  # nothing denormal
        larger, larger_norm = clip_by_norm({"g": g * scale}, threshold * scale)
        assert larger["g"].tobytes() == (clipped["g"] * scale).tobytes()
        assert larger_norm == norm * scale
    assert np.all((g == 0) <= (clipped["g"] == 0))
    assert np.all(clipped["g"] * np.sign(g) >= 0)
    by_value, _ = clip_by_value({"g": g}, threshold)
    np.testing.assert_array_equal(by_value["g"], np.minimum(np.maximum(g, -threshold), threshold))


def test_tensors_split_and_ordered_otherwise_give_the_same_norm():
    g = gradients("float32", 1.0)["W"]
    whole, parts = global_norm({"a": g}), global_norm({"c": g[2:], "a": g[:1], "b": g[1:2]})
    assert whole == pytest.approx(parts, rel=1e-15)
    assert global_norm({}) == 0
    assert global_norm({"a": np.zeros(3)}) == 0
    assert not clip_by_norm({"a": np.zeros(3)}, 1.0)[0]["a"].any()


def test_float32_is_summed_in_double_precision():
    """A million entries of 0.1: a sequential float32 sum of squares would be wrong in the third digit."""
    norm = global_norm({"g": np.full(10**6, 0.1, np.float32)})
    assert norm == pytest.approx(float(np.float32(0.1)) * 1000, rel=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_what_is_not_finite(clip, bad):
    grads = gradients("float64", 1.0)
    grads["W"][2, 1] = bad
    with pytest.raises(ValueError, match=rf"grads\['W'\]: expected finite numbers, got {bad} at \(2, 1\), 1 in all"):
        clip(grads, 1.0)
    zeroed, norm = clip(grads, 0.5, nonfinite="zero")
    assert not any(g.any() for g in zeroed.values())
    assert np.isnan(norm) == np.isnan(bad)
    assert not np.isfinite(norm)
    kept, norm = clip(grads, 0.5, nonfinite="keep")
    assert not np.isfinite(norm)
    expected = {name: g if clip is clip_by_norm else np.clip(g, -0.5, 0.5) for name, g in grads.items()}
    for name, g in kept.items():
        np.testing.assert_array_equal(g, expected[name])


@pytest.mark.parametrize(
    ("error", "message", "grads", "threshold", "nonfinite"),
    [
        (TypeError, "grads: expected a dict of arrays, got list", [], 1.0, "raise"),
        (TypeError, r"grads\['a'\]: expected a numpy array, got float", {"a": 1.0}, 1.0, "raise"),
        (
            TypeError,
            r"grads\['a'\]: expected dtype float32 or float64, got int64",
            {"a": np.ones(2, int)},
            1.0,
            "raise",
        ),
        (TypeError, r"grads\['b'\]: .* float64 like", {"a": np.ones(1), "b": np.ones(1, "f4")}, 1.0, "raise"),
        (ValueError, "threshold: expected a positive number, got 0", {}, 0, "raise"),
        (ValueError, "threshold: expected a finite number, got nan", {}, np.nan, "raise"),
        (ValueError, "nonfinite: expected one of raise, zero, keep; got 'skip'", {}, 1.0, "skip"),
    ],
)
def test_wrong_arguments(error, message, grads, threshold, nonfinite):
    for clip in (clip_by_norm, clip_by_value):
        with pytest.raises(error, match=message):
            clip(grads, threshold, nonfinite)


def test_inputs_are_not_changed():
    grads = gradients("float32", 1e30)
    before = {name: g.tobytes() for name, g in grads.items()}
    for g in grads.values():
        g.setflags(write=False)
    clip_by_norm(grads, 1.0)
    clip_by_value(grads, 1.0)
    assert {name: g.tobytes() for name, g in grads.items()} == before
