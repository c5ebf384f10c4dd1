"""End-to-end memory networks: against numpy and torch, and their symmetries."""

import numpy as np
import pytest

import refseq
from refseq.checks.structures.memory_networks import QUERY, STORY
from tests.conftest import framework

V, D = 6, 4
NETWORKS = [
    refseq.memory_network(V, D, hops=3, ages=4),
    refseq.memory_network(V, D, hops=3, encoding="bag"),
    refseq.memory_network(V, D, hops=2, tying="layerwise", ages=5),
    refseq.memory_network(V, D, hops=2, tying="layerwise", encoding="bag"),
]


def drawn(network, seed=0, dtype="float64"):
    return network.initialise(seed, dtype, deviation=0.7)


def softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def position_encoding(words, width):
    j, c = np.arange(1, words + 1)[:, None] / words, np.arange(1, width + 1) / width
    return (1 - j) - c * (1 - 2 * j)


def test_one_hop_is_attention():
    """Without encodings: softmax over dot products of the question with sums of embeddings."""
    network = refseq.memory_network(V, D, hops=1, encoding="bag")
    params = drawn(network)
    A, C = params["E"]
    story, query = np.array([[0, 1], [2, 4], [4, 5]]), np.array([1, 3])
    run = network.forward(params, story[None], query[None])
    keys, values, u = A[story].sum(axis=1), C[story].sum(axis=1), A[query].sum(axis=0)
    p = softmax(keys @ u)
    np.testing.assert_allclose(run.attention[0, 0], p, rtol=1e-13)
    np.testing.assert_allclose(run.logits[0], C @ (u + p @ values), rtol=1e-12, atol=1e-14)


def by_torch(network, params, story, query, dlogits):
    """Logits and gradients, one story at a time."""
    torch = framework("torch")
    p = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    adjacent, outputs = network.tying == "adjacent", []

    def encoded(table, tokens):
        tokens = tokens[tokens >= 0]
        vectors = p["E"][table][torch.tensor(tokens)]
        if network.encoding == "position":
            vectors = vectors * torch.tensor(position_encoding(len(tokens), network.width))
        return vectors.sum(0)

    for sentences, question in zip(story, query, strict=True):
        filled = [sentence for sentence in sentences if (sentence >= 0).any()]

        def memory(table, filled=filled):
            rows = [encoded(table, sentence) for sentence in filled]
            if network.ages:
                rows = [row + p["T"][table, len(rows) - 1 - i] for i, row in enumerate(rows)]
            return torch.stack(rows)

        u = encoded(0 if adjacent else 2, question)
        for k in range(network.hops):
            keys, values = (memory(k), memory(k + 1)) if adjacent else (memory(0), memory(1))
            o = torch.softmax(keys @ u, 0) @ values
            u = o + (u if adjacent else p["W_uu"][0] @ u)
        outputs.append(p["E"][-1] @ u)
    logits = torch.stack(outputs)
    (logits * torch.tensor(dlogits)).sum().backward()
    return logits.detach().numpy(), {name: value.grad.numpy() for name, value in p.items()}


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_values_and_gradients_are_those_of_autograd(network, target):
    params, dlogits = drawn(network), np.random.default_rng(1).normal(size=(2, V))
    run = network.forward(params, STORY, QUERY, target)
    logits, gradients = by_torch(network, params, STORY, QUERY, dlogits)
    np.testing.assert_allclose(run.logits, logits, rtol=1e-11, atol=1e-13)
    got = network.backward(run, dlogits)
    assert got.keys() == gradients.keys()
    for name, value in gradients.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_attention_is_a_distribution_over_filled_slots(network):
    attention = network.forward(drawn(network), STORY, QUERY).attention
    np.testing.assert_allclose(attention.sum(axis=2), 1, rtol=1e-14)
    empty = ~(STORY >= 0).any(axis=2)
    assert not attention[np.broadcast_to(empty[:, None], attention.shape)].any()


def test_order_counts_only_where_it_is_encoded():
    swapped = STORY.copy()
    swapped[0, [0, 1]] = swapped[0, [1, 0]]
    turned = STORY.copy()
    turned[0, 0] = turned[0, 0, ::-1]
    for network in NETWORKS:
        params = drawn(network)
        plain, moved, reversed_ = (network.forward(params, s, QUERY).logits for s in (STORY, swapped, turned))
        assert np.allclose(plain, moved, rtol=1e-12) == (network.ages == 0)
        assert np.allclose(plain, reversed_, rtol=1e-12) == (network.encoding == "bag")


def test_a_sentence_of_one_word():
    """l_1[c] = c/d."""
    network = refseq.memory_network(V, D, hops=1)
    params = drawn(network)
    run = network.forward(params, np.full((1, 1, 1), -1), np.array([[2]]))
    u = params["E"][0, 2] * np.arange(1, D + 1) / D
    np.testing.assert_allclose(run.logits[0], params["E"][1] @ u, rtol=1e-13)


def test_hops_compose():
    """Two hops over layer-wise tables are one hop whose question is what the first left."""
    two = refseq.memory_network(V, D, hops=2, tying="layerwise", encoding="bag")
    one = refseq.memory_network(V, D, hops=1, tying="layerwise", encoding="bag")
    params = drawn(two)
    A, C, B, W = params["E"]
    story, query = STORY[:1, :2], np.array([[1, 3]])

    def hop(u):
        rows = [[token for token in sentence if token >= 0] for sentence in story[0]]
        keys, values = (np.stack([table[row].sum(axis=0) for row in rows]) for table in (A, C))
        return params["W_uu"][0] @ u + softmax(keys @ u) @ values

    u = hop(B[query[0]].sum(axis=0))
    np.testing.assert_allclose(one.forward(params, story, query).logits[0], W @ u, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(two.forward(params, story, query).logits[0], W @ hop(u), rtol=1e-12, atol=1e-14)


def test_repeated_tokens_add_up_and_padding_is_not_read():
    network = refseq.memory_network(V, D, hops=1, encoding="bag")
    params = drawn(network)
    once, twice = ((np.full((1, 1, 3), -1), np.array([[2] * n + [-1] * (3 - n)])) for n in (1, 2))
    dlogits = np.zeros((1, V))
    dlogits[0, 5] = 1
    single, double = (network.backward(network.forward(params, *given), dlogits)["E"][0] for given in (once, twice))
    np.testing.assert_array_equal(double[2], 2 * single[2])
    assert not np.delete(double, 2, 0).any()


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_row_is_by_itself(network):
    params, dlogits = drawn(network), np.random.default_rng(1).normal(size=(2, V))
    both = network.forward(params, STORY, QUERY)
    alone = network.forward(params, STORY[1:], QUERY[1:])
    assert both.logits[1].tobytes() == alone.logits[0].tobytes()
    wider = np.full((2, 5, 4), -1)
    wider[:, :4, :3] = STORY
    padded = network.forward(params, wider, np.pad(QUERY, ((0, 0), (0, 2)), constant_values=-1))
    np.testing.assert_array_equal(padded.logits, both.logits)
    for name, value in network.backward(both, dlogits).items():
        np.testing.assert_array_equal(network.backward(padded, dlogits)[name], value)


def test_no_rows():
    network = NETWORKS[0]
    run = network.forward(drawn(network), STORY[:0], QUERY[:0])
    assert run.logits.shape == (0, V)
    assert not network.backward(run, run.logits)["E"].any()


@pytest.mark.slow
def test_single_precision():
    for network in NETWORKS:
        single = network.forward(drawn(network, dtype="float32"), STORY, QUERY)
        assert single.logits.dtype == np.float32
        np.testing.assert_allclose(
            single.logits, network.forward(drawn(network), STORY, QUERY).logits, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("story", "query", "message"),
    [
        ([[[6]]], [[0]], r"story: expected tokens 0 to 5, or -1 as padding; got 6 at \(0, 0, 0\)"),
        ([[[-1, 2]]], [[0]], r"story: expected no word after padding"),
        ([[[1]]], [[0], [1]], r"query: expected 1 rows like the story, got 2"),
        (np.zeros((1, 0, 2), int), [[0]], r"story: expected at least one slot, which may be empty"),
        ([[1]], [[0]], r"story: expected 3 axes, got shape \(1, 1\)"),
        ([[[1]] * 5], [[0]], r"story: expected at most 4 filled slots, one for each age; got 5"),
    ],
)
def test_wrong_arguments(story, query, message):
    with pytest.raises(ValueError, match=message):
        NETWORKS[0].forward(drawn(NETWORKS[0]), np.array(story), np.array(query))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tying": "random"}, "tying: expected one of adjacent, layerwise; got 'random'"),
        ({"encoding": "time"}, "encoding: expected one of bag, position; got 'time'"),
        ({"hops": 0}, "hops: expected at least 1, got 0"),
    ],
)
def test_wrong_options(change, message):
    with pytest.raises(ValueError, match=message):
        refseq.memory_network(V, D, **change)
