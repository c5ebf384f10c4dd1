"""Attention, self-attention and embeddings on the target "cuda" against "reference"; run by test_target.py."""

from dataclasses import replace

import numpy as np
import pytest

import refseq
from cuda_kernels.machine import Machine
from refseq.checks.structures import of_self_attention
from refseq.seq2seq import embedding
from refseq.targets import target
from tests.cuda_kernels.callers import floats, plain
from tests.networks.attention.cases import ATTENTIONS, WHO, drawn, results
from tests.seq2seq.cases import MODELS, SOURCE, TARGETS, params_of
from tests.seq2seq.cases import WHO as TOKENS

CHOSEN = [ATTENTIONS[0], ATTENTIONS[5], replace(ATTENTIONS[0], streaming=True), replace(ATTENTIONS[3], streaming=True)]
every_attention = pytest.mark.parametrize("attention", CHOSEN, ids=str)


def compared(got, want, dtype):
    for name, value in want.items():
        assert got[name].dtype == dtype
        bound = 1e-5 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(got[name], floats(value), rtol=bound, atol=bound, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_attention
def test_agreement_with_the_reference(attention, dtype):
    values, cotangents = drawn(attention, dtype)
    got = results(attention, values, cotangents, "cuda", **WHO["everything"])
    compared(got, results(attention, plain(values), plain(cotangents), "reference", **WHO["everything"]), dtype)


@pytest.mark.parametrize("attention", CHOSEN[1:3], ids=str)
def test_a_launch_changes_no_bit(attention, monkeypatch):
    values, cotangents = drawn(attention, "float32")
    want = results(attention, values, cotangents, "cuda", **WHO["lengths"])
    for blocks, threads in [(1, 1), (2, 3), (40, 7)]:
        monkeypatch.setattr(target("cuda"), "machine", Machine(blocks, threads))
        got = results(attention, values, cotangents, "cuda", **WHO["lengths"])
        assert all(got[name].tobytes() == value.tobytes() for name, value in want.items())


@pytest.mark.parametrize("streaming", [False, True])
def test_self_attention(streaming):
    layer, rng = refseq.self_attention(4, 6, heads=2, streaming=streaming), np.random.default_rng(0)
    values = {name: rng.normal(size=shape) for name, shape in layer.shapes.items()} | {"x": rng.normal(size=(5, 3, 4))}
    cotangents, function = {"y": rng.normal(size=(5, 3, 4))}, of_self_attention(layer, np.array([5, 0, 3]))
    got = function.everything(values, {}, cotangents, "cuda")
    compared(got, function.everything(plain(values), {}, plain(cotangents), "reference"), "float64")


def test_an_embedding():
    layer, tokens = embedding(5, 3, pad=2), np.array([[1, 2, 4], [1, 0, 1]])
    params, dx = layer.initialise(dtype="float32"), np.ones((2, 3, 3), "float32")
    got = layer.forward(params, tokens, [2, 2, 1], "cuda")
    want = layer.forward(plain(params), tokens, [2, 2, 1], "reference")
    assert np.array_equal(got.x, floats(want.x))
    assert np.array_equal(layer.backward(got, dx)["E"], floats(layer.backward(want, plain(dx))["E"]))


@pytest.mark.parametrize("name", ["fed", "looking"])
def test_a_decoder_that_looks_at_a_memory(name):
    """The gradients of the memory add up over the looks of all steps, which are launches of their own."""
    model, params = MODELS[name], params_of(MODELS[name])
    got = model.forward(params, SOURCE, TARGETS, target="cuda", **TOKENS)
    want = model.forward(plain(params), SOURCE, TARGETS, target="reference", **TOKENS)
    dlogits = np.random.default_rng(0).normal(size=got.logits.shape)
    compared({"logits": got.logits}, {"logits": want.logits}, "float64")
    compared(model.backward(got, dlogits), model.backward(want, plain(dlogits)), "float64")
