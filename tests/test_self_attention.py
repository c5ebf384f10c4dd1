"""Self-attention with several heads: numpy and torch, heads apart, causality, padding, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

import refseq
from refseq.checks.structures import of_self_attention
from tests.conftest import framework

T, B, INPUTS, UNITS = 5, 3, 4, 6
LAYER = refseq.self_attention(INPUTS, UNITS, heads=2)
LENGTHS = np.array([5, 0, 3])
CLOSE = {"rtol": 1e-10, "atol": 1e-13}
both_forms = pytest.mark.parametrize("streaming", [False, True], ids=["plain", "streaming"])


def drawn(layer, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    shapes = dict(layer.shapes) | {"x": (T, B, layer.inputs)}
    values = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    cotangents = {"y": rng.normal(size=(T, B, layer.inputs)).astype(dtype)}
    if not layer.streaming:
        cotangents["weights"] = rng.normal(size=(T, B, layer.heads, T)).astype(dtype)
    return values, cotangents


def results(layer, values, cotangents, target="cpu", lengths=None):
    return of_self_attention(layer, lengths).everything(values, {}, cotangents, target)


@both_forms
@pytest.mark.parametrize("causal", [False, True])
def test_torch(causal, streaming):
    torch = framework("torch")
    layer = replace(LAYER, causal=causal, streaming=streaming)
    values, cotangents = drawn(layer)
    given = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    q, k, v = ((given["x"] @ given[name].T).reshape(T, B, 2, 3).permute(1, 2, 0, 3) for name in ("W_q", "W_k", "W_v"))
    s = q @ k.transpose(2, 3) / 3**0.5
    if causal:
        s = s.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
    weights = torch.softmax(s, dim=-1)
    y = (weights @ v).permute(2, 0, 1, 3).reshape(T, B, UNITS) @ given["W_o"].T
    weights = weights.permute(2, 0, 1, 3)
    total = (y * torch.tensor(cotangents["y"])).sum()
    if not streaming:
        total = total + (weights * torch.tensor(cotangents["weights"])).sum()
    total.backward()
    want = {"y": y, "weights": weights} | {f"d{name}": value.grad for name, value in given.items()}
    for name, value in results(layer, values, cotangents).items():
        np.testing.assert_allclose(value, want[name].detach().numpy(), **CLOSE, err_msg=name)


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_one_head_is_attention_between_its_matrices(target):
    layer = refseq.self_attention(INPUTS, UNITS)
    values, cotangents = drawn(layer)
    q, k, v = (values["x"] @ values[name].T for name in ("W_q", "W_k", "W_v"))
    own = refseq.attention("scaled_dot", UNITS, UNITS, causal=True).forward({}, q, k, v, target=target)
    got = results(layer, values, cotangents, target)
    np.testing.assert_allclose(got["y"], own.y @ values["W_o"].T, **CLOSE)
    np.testing.assert_allclose(got["weights"][:, :, 0], own.weights, **CLOSE)


def test_heads_are_apart():
    """The sum of two layers, each with the rows and columns of a head."""
    values, cotangents = drawn(LAYER)
    whole = results(LAYER, values, cotangents)
    single, total = refseq.self_attention(INPUTS, 3), 0
    for head in range(2):
        rows = slice(3 * head, 3 * head + 3)
        own = {name: values[name][rows] for name in ("W_q", "W_k", "W_v")} | {
            "W_o": values["W_o"][:, rows],
            "x": values["x"],
        }
        got = results(single, own, {"y": cotangents["y"], "weights": cotangents["weights"][:, :, [head]]})
        np.testing.assert_allclose(got["weights"], whole["weights"][:, :, [head]], **CLOSE)
        np.testing.assert_allclose(got["dW_k"], whole["dW_k"][rows], **CLOSE)
        total = total + got["y"]
    np.testing.assert_allclose(total, whole["y"], **CLOSE)


@both_forms
@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
def test_targets_agree(dtype, streaming):
    layer = replace(LAYER, streaming=streaming)
    values, cotangents = drawn(layer, dtype)
    got, want = (results(layer, values, cotangents, target, LENGTHS) for target in ("cpu", "reference"))
    for name, value in want.items():
        assert got[name].dtype == dtype
        np.testing.assert_allclose(got[name], value, rtol=2e-4 if dtype == "float32" else 1e-10, atol=1e-5)


@both_forms
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_padding_is_not_read(target, streaming):
    layer = replace(LAYER, streaming=streaming)
    values, cotangents = drawn(layer)
    want = results(layer, values, cotangents, target, LENGTHS)
    silent = np.arange(T)[:, None] >= LENGTHS
    values["x"][silent] = np.nan
    got = results(layer, values, cotangents, target, LENGTHS)
    for name, value in want.items():
        assert got[name].tobytes() == value.tobytes(), name
    assert not got["dx"][silent].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: refseq.self_attention(4, 6, heads=4), "heads: expected a divisor of units = 6, got 4"),
        (lambda: refseq.self_attention(4, 0), "units: expected at least 1, got 0"),
        (
            lambda: LAYER.forward(LAYER.initialise(), np.zeros((2, 1, 5))),
            r"x: expected shape \(T, B, 4\), got \(2, 1, 5\)",
        ),
        (lambda: LAYER.backward(3), "run: expected a run of self-attention \\(2 heads, causal\\) 4->6, got int"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
