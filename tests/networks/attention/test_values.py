"""Outputs, weights and gradients of attention: a textbook, torch's autograd, padding, targets, shapes."""

from dataclasses import replace

import numpy as np
import pytest

import refseq
from refseq import rowwise
from refseq.networks.attention import softmax_rows
from tests.conftest import framework
from tests.networks.attention.cases import (
    ATTENTIONS,
    LENGTHS,
    WHO,
    drawn,
    mask,
    results,
    textbook,
    torch_results,
    visible,
)

every_attention = pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
both_forms = pytest.mark.parametrize("streaming", [False, True], ids=["plain", "streaming"])
SINGLE = pytest.param("float32", marks=pytest.mark.slow)
"""Every kernel compiled once more."""
BOUND = {"float32": 3e-5, "float64": 1e-13}


def without_weights(cotangents):
    return {"y": cotangents["y"]}


@both_forms
@every_attention
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("dtype", [SINGLE, "float64"])
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_textbook(attention, who, dtype, target, streaming):
    values, _ = drawn(attention, dtype)
    y, weights = textbook(attention, values, visible(attention.causal, **WHO[who]))
    own = replace(attention, streaming=streaming)
    params = {name: values[name] for name in attention.shapes}
    run = own.forward(params, values["queries"], values["keys"], values["values"], target=target, **WHO[who])
    assert run.y.dtype == dtype
    np.testing.assert_allclose(run.y, y, atol=BOUND[dtype])
    if not streaming:
        np.testing.assert_allclose(run.weights, weights, atol=BOUND[dtype])


@both_forms
@every_attention
@pytest.mark.parametrize("who", ["all", "mask"])
def test_gradients_are_those_of_torch(attention, who, streaming):
    torch = framework("torch")
    keep = mask()
    keep[0] = True  # or torch has NaN
    given = {"mask": keep} if who == "mask" else {}
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own)
    want = torch_results(torch, attention, values, cotangents, visible(attention.causal, **given))
    got = results(own, values, cotangents, **given)
    for name, value in got.items():
        np.testing.assert_allclose(value, want[name], rtol=1e-9, atol=1e-12, err_msg=name)


@both_forms
@every_attention
@pytest.mark.parametrize("who", WHO)
def test_the_reference_and_the_engine_agree(attention, who, streaming):
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own, sizes=(5, 7, 4, 3))
    got, want = (results(own, values, cotangents, target, **WHO[who]) for target in ("cpu", "reference"))
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-10, atol=1e-13, err_msg=name)


@both_forms
@pytest.mark.parametrize("target", ["cpu", "reference"])
@every_attention
def test_what_does_not_count_is_not_read(attention, target, streaming):
    """NaN there changes no bit, and its gradient is 0."""
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own)
    who = WHO["everything"]
    want = results(own, values, cotangents, target, **who)
    keep = mask() & (np.arange(7)[:, None] < LENGTHS)
    spoilt = {name: value.copy() for name, value in values.items()}
    spoilt["keys"][~keep], spoilt["values"][~keep] = np.nan, np.nan
    silent = np.arange(5)[:, None] >= who["query_lengths"]
    spoilt["queries"][silent] = np.nan
    noisy = {name: value.copy() for name, value in cotangents.items()}
    for value in noisy.values():
        value[silent] = np.nan
    got = results(own, spoilt, noisy, target, **who)
    for name, value in want.items():
        assert got[name].tobytes() == value.tobytes(), name
    for name in ("dkeys", "dvalues"):
        assert not got[name][~keep].any()
    assert not got["dqueries"][silent].any()
    assert not got["y"][silent].any()


@both_forms
@pytest.mark.parametrize("target", ["cpu", "reference"])
@every_attention
def test_a_query_without_keys(attention, target, streaming):
    """Output 0, gradient 0, weights 0; other rows are as they were."""
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own)
    got = results(own, values, cotangents, target, lengths=LENGTHS)
    for name in ("y", "weights", "dqueries", "dkeys", "dvalues"):
        assert name not in got or not got[name][:, 1].any()
    alone = {name: value if name in own.shapes else value[:, :1] for name, value in values.items()}
    one = results(own, alone, {name: value[:, :1] for name, value in cotangents.items()}, target)
    for name in ("y", "dqueries", "dkeys", "dvalues"):
        assert np.array_equal(got[name][:, :1], one[name])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("sizes", [(0, 3, 2, 2), (3, 0, 2, 2), (3, 2, 0, 2), (1, 1, 1, 1), (40, 70, 2, 17)])
@every_attention
def test_sizes(attention, sizes, streaming):
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own, sizes=sizes)
    got, want = (results(own, values, cotangents, target) for target in ("cpu", "reference"))
    for name, value in want.items():
        assert got[name].shape == value.shape
        np.testing.assert_allclose(got[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@every_attention
def test_a_row_is_the_same_alone_and_in_a_batch(attention):
    values, cotangents = drawn(attention)
    values["queries"][:, 2] = np.nan
    got = results(attention, values, cotangents)
    for b in (0, 1, 3):
        own = {name: value if name in attention.shapes else value[:, [b]] for name, value in values.items()}
        alone = results(attention, own, {name: value[:, [b]] for name, value in cotangents.items()})
        for name in ("y", "weights", "dqueries", "dkeys", "dvalues"):
            assert got[name][:, [b]].tobytes() == alone[name].tobytes()


@pytest.mark.slow
def test_complex_numbers():
    """The real inner product of complex numbers is none: the score is bilinear."""
    attention = refseq.attention("additive", 2, 2, units=3)
    values, _ = drawn(attention, "complex128")
    run = attention.forward(
        {n: values[n] for n in attention.shapes},
        values["queries"],
        values["keys"],
        values["values"],
        target="reference",
    )
    assert run.y.dtype == np.complex128
    np.testing.assert_allclose(run.weights.sum(axis=2), 1)


def test_arguments_are_not_changed_nor_kept():
    attention = ATTENTIONS[0]
    values, cotangents = drawn(attention)
    before = {name: value.copy() for name, value in values.items()}
    want = results(attention, values, cotangents)
    params = {name: values[name] for name in attention.shapes}
    run = attention.forward(params, values["queries"], values["keys"], values["values"])
    for name, value in values.items():
        assert np.array_equal(value, before[name])
        value[...] = 0
    assert np.array_equal(attention.backward(run, cotangents["y"], cotangents["weights"]).queries, want["dqueries"])


def test_a_softmax_without_its_mean_is_seen(monkeypatch):
    """Planted: the adjoint p dp, without the term of the sum."""
    torch = framework("torch")
    right = softmax_rows.build

    def wrong(lanes):
        def backward(drow, p):
            for j in range(len(p)):
                drow[j] = p[j] * drow[j]

        return right(lanes)[0], backward

    monkeypatch.setattr(softmax_rows, "build", wrong)
    attention = refseq.attention("dot", 3, 3)
    values, cotangents = drawn(attention)
    lifted = [{n: v.astype(object) for n, v in given.items()} for given in (values, cotangents)]
    rowwise._loop.cache_clear()
    try:
        got = results(attention, *lifted, "reference")
    finally:
        rowwise._loop.cache_clear()
    want = torch_results(torch, attention, values, cotangents, visible(False))
    wrong_ones = {n for n, v in got.items() if not np.allclose(v.astype(float), want[n])}
    assert wrong_ones == {"dqueries", "dkeys"}
