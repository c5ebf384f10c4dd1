"""Losses, clipping and optimisers on the target "cuda" against "reference"; run by test_target.py."""

import numpy as np
import pytest

from cuda_kernels import gpu, norms
from cuda_kernels.machine import Machine
from refseq import clipping, losses, optimisers
from refseq.arrays import lift
from refseq.targets import target
from tests import test_rowwise
from tests.cuda_kernels.callers import floats, mapped, plain
from tests.losses import test_ctc

both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])
LENGTHS = [3, 0, 2, 1]
T, B, V = 3, 4, 5


def drawn(dtype):
    """Predictions with padding that must not be read, indices, distributions, parameters of the classes."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(T, B, V)).astype(dtype), rng.random((T, B, V)).astype(dtype)
    for row, length in enumerate(LENGTHS):
        x[length:, row] = np.nan
    return x, rng.integers(0, V, (T, B)), y, rng.random(V).astype(dtype)


SHARED = {"lengths": LENGTHS}
LOSSES = {
    "index": lambda x, k, y, w, where: losses.cross_entropy(x, k, class_weights=w, target=where, **SHARED),
    "smoothed": lambda x, k, y, w, where: losses.cross_entropy(x, k, label_smoothing=0.1, target=where, **SHARED),
    "distribution": lambda x, k, y, w, where: losses.cross_entropy(x, y, target=where, **SHARED),
    "binary": lambda x, k, y, w, where: losses.binary_cross_entropy(x, y, pos_weight=w, target=where, **SHARED),
    "squared": lambda x, k, y, w, where: losses.squared_error(x, y, target=where, **SHARED),
}
SMALL, LARGE = {"float32": 1e-30, "float64": 1e-200}, {"float32": 1e30, "float64": 1e200}


def roundoff(dtype):
    return float(np.finfo(dtype).eps)


@both_precisions
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_agrees_with_the_reference(name, dtype):
    x, k, y, w = given = drawn(dtype)
    got = LOSSES[name](*given, "cuda")
    x = np.where(np.isnan(x), 0, x)  # beyond a length objects are judged
    want = LOSSES[name](plain(x), k, plain(y), plain(w), "reference")
    bound = 8 * roundoff(dtype)
    for field in ("gradient", "tokens", "scale"):
        ours, theirs = getattr(got, field), floats(getattr(want, field))
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=bound, atol=bound / 8, err_msg=field)
    np.testing.assert_allclose(got.value, want.value, rtol=bound)
    for row, length in enumerate(LENGTHS):
        assert not got.gradient[length:, row].any()


@pytest.mark.skipif(not gpu.SIMULATOR, reason="the simulator runs the interpreted functions")
@pytest.mark.parametrize("name", ["index", "distribution", "squared"])
def test_a_loss_has_the_bits_of_the_interpreted_reference(name):
    """In float64; objects of float32 are not rounded where an array of it would round them."""
    x, k, y, w = drawn("float64")
    x[np.isnan(x)] = 0  # beyond a length objects are judged
    got = LOSSES[name](x, k, y, w, "cuda")
    want = LOSSES[name](lift(x, np.float64), k, lift(y, np.float64), lift(w, np.float64), "reference")
    assert got.gradient.tobytes() == want.gradient.astype(float).tobytes()
    assert got.tokens.tobytes() == want.tokens.astype(float).tobytes()


def launches(monkeypatch):
    """The target with several grids, one block of one thread among them."""
    for blocks, threads in [(1, 1), (2, 3), (40, 7)]:
        monkeypatch.setattr(target("cuda"), "machine", Machine(blocks, threads))
        yield


@pytest.mark.parametrize("name", LOSSES)
def test_a_launch_does_not_change_a_bit_of_a_loss(name, monkeypatch):
    given = drawn("float32")
    want = LOSSES[name](*given, "cuda")
    for _ in launches(monkeypatch):
        assert LOSSES[name](*given, "cuda").gradient.tobytes() == want.gradient.tobytes()


CTC = {"logits": losses.ctc_of_logits, "log_probs": losses.ctc_of_log_probs}


def ctc(form, dtype, where, count=5):
    """Rows of every kind; a class of probability 0, NaN in the padding."""
    x, targets, options = test_ctc.problem(dtype, 1.0)
    x[2, 0, 3] = -np.inf
    for row, length in enumerate(options["lengths"]):
        x[length:, row] = np.nan
    options = {name: value if name == "reduction" else value[:count] for name, value in options.items()}
    to = plain if where == "reference" else np.copy
    return CTC[form](to(x[:, :count]), targets[:count], **mapped(to, options), target=where)


@both_precisions
@pytest.mark.parametrize("form", CTC)
def test_ctc_agrees_with_the_reference(form, dtype):
    got, want = (ctc(form, dtype, where, 6) for where in ("cuda", "reference"))
    assert got.gradient.dtype == got.sequences.dtype == dtype
    np.testing.assert_allclose(got.sequences, floats(want.sequences), rtol=16 * roundoff(dtype))
    np.testing.assert_allclose(got.gradient, floats(want.gradient), atol=16 * roundoff(dtype))
    assert np.isinf(got.sequences[3])
    assert np.isfinite(got.gradient).all()


@pytest.mark.parametrize("form", CTC)
def test_a_launch_does_not_change_a_bit_of_ctc(form, monkeypatch):
    want = ctc(form, "float32", "cuda", 3)
    for _ in launches(monkeypatch):
        got = ctc(form, "float32", "cuda", 3)
        assert got.gradient.tobytes() == want.gradient.tobytes()
        assert got.sequences.tobytes() == want.sequences.tobytes()


@both_precisions
def test_no_tokens(dtype):
    x, k, *_ = drawn(dtype)
    loss = losses.cross_entropy(x[:, :0], k[:, :0], target="cuda")
    assert loss.gradient.shape == (T, 0, V)
    assert loss.value == 0


def gradients(dtype, scale=1.0):
    rng = np.random.default_rng(2)
    shapes = {"W": (12, 31), "b": (7,), "none": (0, 3)}
    return {name: (scale * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


@both_precisions
@pytest.mark.parametrize("scales", [None, LARGE, SMALL], ids=["1", "large", "small"])
def test_clipping_agrees_with_the_reference(dtype, scales):
    """Also where squares overflow or vanish; the norm of the result is the threshold. The norms are sums in another
    order: of 1247 terms, in double precision."""
    threshold = scales[dtype] if scales else 1.0
    given, order = gradients(dtype, threshold), 1e-14
    for clip in (clipping.clip_by_norm, clipping.clip_by_value):
        (got, norm), (want, known) = (clip(given, threshold, target=where) for where in ("cuda", "reference"))
        assert norm == pytest.approx(known, rel=order)
        for name, array in want.items():
            np.testing.assert_allclose(got[name], array, rtol=order + roundoff(dtype), atol=0, err_msg=name)
    clipped, _ = clipping.clip_by_norm(given, threshold, target="cuda")
    assert clipping.global_norm(clipped) == pytest.approx(threshold, rel=order + roundoff(dtype))


@both_precisions
def test_a_launch_does_not_change_a_bit_of_the_norm(dtype, monkeypatch):
    given = gradients(dtype)
    want = clipping.global_norm(given, target="cuda")
    for _ in launches(monkeypatch):
        assert clipping.global_norm(given, target="cuda") == want


def test_many_sums_are_added_up_on_the_device(monkeypatch):
    monkeypatch.setattr(norms, "FEW", 40)
    x = np.arange(3000.0)
    assert target("cuda").sum_of_squares([x], 1.0, 0.5) == float(np.sum(x * x) / 4)


@both_precisions
def test_what_is_not_finite(dtype):
    given = gradients(dtype)
    given["b"][3] = np.inf
    with pytest.raises(ValueError, match=r"grads\['b'\]: expected finite numbers, got inf at \(3,\)"):
        clipping.clip_by_norm(given, 1.0, target="cuda")
    zeros, norm = clipping.clip_by_norm(given, 1.0, "zero", target="cuda")
    assert norm == np.inf
    assert not any(array.any() for array in zeros.values())
    kept, _ = clipping.clip_by_value(given, 1.0, "keep", target="cuda")
    assert kept["b"][3] == 1


RULES = [
    optimisers.SGD(0.1, weight_decay=0.01),
    optimisers.SGD(0.1, momentum=0.9, dampening=0.1),
    optimisers.SGD(0.1, momentum=0.9, nesterov=True),
    optimisers.Adam(weight_decay=0.01, decoupled=True),
    optimisers.Adam(amsgrad=True),
    optimisers.RMSprop(momentum=0.5),
    optimisers.RMSprop(centred=True),
]


@both_precisions
@pytest.mark.parametrize("optimiser", RULES, ids=lambda optimiser: optimiser.rule.__name__)
def test_steps_of_an_optimiser_agree_with_the_reference(optimiser, dtype, monkeypatch):
    """Three steps, the last in place; the reference is the rule itself, in double precision."""
    bound, grads = 16 * roundoff(dtype), [gradients(dtype, 0.3), gradients(dtype, 0.3), gradients(dtype)]
    want = {name: by_the_rule(optimiser, p, [g[name] for g in grads]) for name, p in gradients(dtype).items()}
    for _ in [None, *launches(monkeypatch)] if optimiser.rule.__name__ == "adam" else [None]:
        params = gradients(dtype)
        state = optimiser.initialise(params)
        for g in grads[:2]:
            params, state = optimiser.step(params, g, state, target="cuda")
        params, state = optimiser.step(params, grads[2], state, out=(params, state), target="cuda")
        for name, (p, s) in want.items():
            assert params[name].dtype == dtype
            np.testing.assert_allclose(params[name], p, rtol=bound, atol=bound / 4, err_msg=name)
            np.testing.assert_allclose(state[f"buffers/{name}"], s, rtol=bound, atol=bound / 4, err_msg=name)


def by_the_rule(optimiser, p, grads):
    """Parameters and buffers, an entry after another."""
    p1, s1 = np.zeros(p.shape), np.zeros((len(optimiser.buffers), *p.shape))
    for at in np.ndindex(p.shape):
        new, kept = float(p[at]), (0.0,) * len(s1)
        for step, g in enumerate(grads, 1):
            new, kept = optimiser.rule(new, float(g[at]), kept, optimiser.rates(step, optimiser.default_rate))
        p1[at] = new
        s1[(slice(None), *at)] = kept
    return p1, s1


def test_other_numbers_are_refused():
    x, k, *_ = drawn("float64")
    with pytest.raises(TypeError, match="target 'cuda' takes float32, float64; got complex128"):
        losses.cross_entropy(x.astype(complex), k, target="cuda")


def test_rows_on_any_launch(monkeypatch):
    """A function of one row (``refseq.rowwise``)."""
    want = test_rowwise.results("reference", object)
    for _ in launches(monkeypatch):
        got = test_rowwise.results("cuda")
        for ours, theirs in zip(got[2:3], want[2:3], strict=True):
            assert ours.tobytes() == floats(theirs).tobytes()
