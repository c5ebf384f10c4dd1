"""What holds of any attention: weights are probabilities, symmetries, limits, one key, causality, several heads."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

import refseq
from refseq import launches
from refseq.engine.workspace import Buffer
from tests.networks.attention.cases import ATTENTIONS, TK, TQ, WHO, drawn, results, visible

every_attention = pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
FREE = [attention for attention in ATTENTIONS if not attention.causal]
without_order = pytest.mark.parametrize("attention", FREE, ids=str)
CLOSE = {"rtol": 1e-11, "atol": 1e-13}


def moved(values, names, change):
    return {name: change(value) if name in names else value for name, value in values.items()}


@every_attention
@pytest.mark.parametrize("who", WHO)
def test_weights_are_probabilities(attention, who):
    values, cotangents = drawn(attention)
    weights = results(attention, values, cotangents, **WHO[who])["weights"]
    seen = visible(attention.causal, **WHO[who])
    assert (weights >= 0).all()
    assert not weights[~seen].any()
    np.testing.assert_allclose(weights.sum(axis=2), seen.any(axis=2), rtol=1e-14)


@every_attention
def test_outputs_are_between_the_values(attention):
    values, cotangents = drawn(attention)
    y = results(attention, values, cotangents)["y"]
    assert (y <= values["values"].max(axis=0) + 1e-14).all()
    assert (y >= values["values"].min(axis=0) - 1e-14).all()


@without_order
def test_one_key_gives_its_value(attention):
    values, cotangents = drawn(attention, sizes=(3, 1, 2, 4))
    got = results(attention, values, cotangents)
    assert np.array_equal(got["y"], np.broadcast_to(values["values"], got["y"].shape))
    assert not got["dqueries"].any()
    assert not got["dkeys"].any()


@without_order
def test_keys_in_another_order(attention):
    values, cotangents = drawn(attention)
    order = np.random.default_rng(1).permutation(TK)
    want = results(attention, values, cotangents)
    other = {"y": cotangents["y"], "weights": cotangents["weights"][..., order]}
    got = results(attention, moved(values, ("keys", "values"), lambda x: x[order]), other)
    for name, value in want.items():
        expected = value[..., order] if name == "weights" else value[order] if name in ("dkeys", "dvalues") else value
        np.testing.assert_allclose(got[name], expected, **CLOSE, err_msg=name)


@without_order
def test_queries_in_another_order(attention):
    values, cotangents = drawn(attention)
    order = np.random.default_rng(1).permutation(TQ)
    want = results(attention, values, cotangents)
    got = results(
        attention, moved(values, ("queries",), lambda x: x[order]), {n: x[order] for n, x in cotangents.items()}
    )
    for name in ("y", "weights", "dqueries"):
        np.testing.assert_allclose(got[name], want[name][order], **CLOSE)
    np.testing.assert_allclose(got["dkeys"], want["dkeys"], **CLOSE)


@without_order
def test_a_key_given_twice_has_half_its_weight_each_time(attention):
    values, cotangents = drawn(attention, sizes=(3, 1, 2, 4))
    one = moved(values, ("keys", "values"), lambda x: np.repeat(x, 2, axis=0))
    got = results(attention, one, {"y": cotangents["y"], "weights": np.zeros((3, 2, 2))})
    assert (got["weights"] == 0.5).all()


@pytest.mark.parametrize("attention", FREE[1:], ids=str)
def test_equal_scores_give_the_mean(attention):
    values, cotangents = drawn(attention)
    got = results(attention, moved(values, ("queries",), np.zeros_like), cotangents)
    np.testing.assert_allclose(got["y"], np.broadcast_to(values["values"].mean(axis=0), got["y"].shape), rtol=1e-13)


def test_a_constant_added_to_all_scores_of_a_query_changes_nothing():
    """By an entry that all keys have in common."""
    attention, wide = refseq.attention("dot", 4, 4), refseq.attention("dot", 5, 5)
    values, cotangents = drawn(attention)
    want = results(attention, values, cotangents)
    more = moved(values, ("queries",), lambda x: np.concatenate([x, x[..., :1]], axis=2))
    more = moved(more, ("keys",), lambda x: np.concatenate([x, np.full((*x.shape[:2], 1), 2.5)], axis=2))
    got = results(wide, more, cotangents)
    for name in ("y", "weights", "dvalues"):
        np.testing.assert_allclose(got[name], want[name], **CLOSE)
    np.testing.assert_allclose(got["dqueries"][..., -1], 0, atol=1e-12)  # the sum of ds over the keys is 0


@pytest.mark.parametrize("attention", FREE[1:3], ids=str)
def test_a_rotation_of_queries_and_keys_changes_nothing(attention):
    values, cotangents = drawn(attention)
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))
    want = results(attention, values, cotangents)
    got = results(attention, moved(values, ("queries", "keys"), lambda x: x @ rotation), cotangents)
    for name in ("y", "weights", "dvalues"):
        np.testing.assert_allclose(got[name], want[name], **CLOSE)
    for name in ("dqueries", "dkeys"):
        np.testing.assert_allclose(got[name], want[name] @ rotation, **CLOSE)


def test_scores_in_terms_of_one_another():
    values, cotangents = drawn(refseq.attention("dot", 4, 4))
    dot = results(refseq.attention("dot", 4, 4), values, cotangents)
    general = results(refseq.attention("general", 4, 4), values | {"W_qk": np.eye(4)}, cotangents)
    half = results(refseq.attention("scaled_dot", 4, 4), moved(values, ("queries",), lambda x: 2 * x), cotangents)
    for name in ("y", "weights", "dkeys", "dvalues"):
        np.testing.assert_allclose(general[name], dot[name], **CLOSE)
        np.testing.assert_allclose(half[name], dot[name], **CLOSE)
    np.testing.assert_allclose(half["dqueries"], dot["dqueries"] / 2, **CLOSE)


def test_a_cold_softmax_chooses_the_best_key():
    attention = refseq.attention("dot", 4, 4)
    values, cotangents = drawn(attention)
    got = results(attention, moved(values, ("queries",), lambda x: 1e6 * x), cotangents)
    best = np.einsum("qbd,kbd->qbk", values["queries"], values["keys"]).argmax(axis=2)
    assert np.array_equal(got["weights"].argmax(axis=2), best)
    assert np.array_equal(got["weights"].max(axis=2), np.ones(best.shape))
    assert all(np.isfinite(value).all() for value in got.values())


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("attention", ATTENTIONS[4:], ids=str)
def test_causal_outputs_do_not_know_the_future(attention, streaming, target):
    """Not even NaN in it, and cotangents of early outputs do not reach it."""
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own, sizes=(6, 6, 2, 3))
    want = results(own, values, cotangents, target)
    spoilt = {name: value.copy() for name, value in values.items()}
    for name in ("queries", "keys", "values"):
        spoilt[name][3:] = np.nan
    got = results(own, spoilt, cotangents, target)
    assert np.array_equal(got["y"][:3], want["y"][:3])
    assert not np.isfinite(got["y"][3:]).any()
    early = {name: np.where(np.arange(6)[:, None, None] < 3, value, 0) for name, value in cotangents.items()}
    found = results(own, values, early, target)
    for name in ("dkeys", "dvalues", "dqueries"):
        assert found[name][:3].any()
        assert not found[name][3:].any()


def test_threads_change_no_bit():
    import numba

    attention = refseq.attention("additive", 24, 24, units=40)
    values, cotangents = drawn(attention, "float32", sizes=(20, 40, 5, 33))
    want = results(attention, values, cotangents)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        got = results(attention, values, cotangents)
    finally:
        numba.set_num_threads(before)
    assert all(got[name].tobytes() == value.tobytes() for name, value in want.items())


@pytest.mark.parametrize("streaming", [False, True])
def test_backward_is_linear_and_can_be_repeated(streaming):
    attention = refseq.attention("additive", 4, 5, units=6, streaming=streaming)
    values, cotangents = drawn(attention)
    run = attention.forward(
        {n: values[n] for n in attention.shapes}, values["queries"], values["keys"], values["values"]
    )
    one, again = (attention.backward(run, cotangents["y"]) for _ in range(2))
    double, none = attention.backward(run, 2 * cotangents["y"]), attention.backward(run)
    for name in ("queries", "keys", "values"):
        assert np.array_equal(getattr(one, name), getattr(again, name))
        assert np.array_equal(2 * getattr(one, name), getattr(double, name))
        assert not getattr(none, name).any()
    for name, value in one.params.items():
        assert np.array_equal(value, again.params[name])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("who", ["all", "everything"])
@every_attention
def test_memory_is_written_before_it_is_read(attention, who, streaming, monkeypatch):
    """What passes keep, results, and scratch."""
    own = replace(attention, streaming=streaming)
    values, cotangents = drawn(own)
    want = results(own, values, cotangents, **WHO[who])
    poisoned = []

    class Poisoned(Buffer):
        def __init__(self, count):
            super().__init__(count)
            ctypes.memset(self.address, 0xFF, count)  # NaN
            poisoned.append(count)

    monkeypatch.setattr(launches, "Buffer", Poisoned)
    monkeypatch.setattr(launches, "result", lambda shape, dtype: np.full(shape, np.nan, dtype))
    got = results(own, values, cotangents, **WHO[who])
    assert poisoned
    assert all(got[name].tobytes() == value.tobytes() for name, value in want.items())
