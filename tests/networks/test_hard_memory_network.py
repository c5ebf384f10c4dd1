"""Memory networks that choose: against numpy, the losses of choices, and what is given and what is chosen."""

import numpy as np
import pytest

import refseq
from refseq.checks.structures.memory_networks import FACTS, QUERY, STORY

V, D = 6, 4
NETWORK = refseq.hard_memory_network(V, D, facts=2, ages=4)


def bag(table, tokens):
    return table[tokens[tokens >= 0]].sum(axis=0)


def by_hand(params, story, query, facts=None):
    """Scores of the filled slots, choices and logits of one story."""
    U_q, U_m, U_y, R_q, R_m, R_w = params["E"]
    filled = [i for i, sentence in enumerate(story) if (sentence >= 0).any()]
    y = [bag(U_y, story[i]) + params["T"][len(filled) - 1 - n] for n, i in enumerate(filled)]
    g, r, scores, chosen = bag(U_q, query), bag(R_q, query), [], []
    for f in range(2):
        scores.append(np.array([g @ v for v in y]))
        given = -1 if facts is None else facts[f]
        chosen.append(given if given >= 0 else filled[int(np.argmax(scores[-1]))])
        g, r = g + bag(U_m, story[chosen[-1]]), r + bag(R_m, story[chosen[-1]])
    return filled, np.stack(scores), chosen, R_w @ r


@pytest.mark.parametrize("facts", [None, FACTS], ids=["chosen", "given"])
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_values(target, facts):
    params = NETWORK.initialise(0, deviation=0.7)
    run = NETWORK.forward(params, STORY, QUERY, facts, target)
    for b in range(2):
        filled, scores, chosen, logits = by_hand(params, STORY[b], QUERY[b], None if facts is None else facts[b])
        np.testing.assert_allclose(run.scores[b][:, filled], scores, rtol=1e-12)
        assert not np.delete(run.scores[b], filled, 1).any()
        assert run.chosen[b].tolist() == chosen
        np.testing.assert_allclose(run.logits[b], logits, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["margin", "cross_entropy"])
def test_gradients_by_differences(kind):
    params, rng = NETWORK.initialise(0, deviation=0.7), np.random.default_rng(1)
    dlogits = rng.normal(size=(2, V))

    def loss(params):
        run = NETWORK.forward(params, STORY, QUERY, FACTS)
        found = NETWORK.fact_loss(run, FACTS, kind, margin=0.3)
        return found.value + (run.logits * dlogits).sum(), NETWORK.backward(run, found.gradient, dlogits)

    _, grads = loss(params)
    for name, value in params.items():
        v = rng.normal(size=value.shape)
        up, down = (loss({**params, name: value + step * v})[0] for step in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx((grads[name] * v).sum(), rel=1e-7, abs=1e-8), name


def test_losses_by_hand():
    params = NETWORK.initialise(0, deviation=0.7)
    run = NETWORK.forward(params, STORY, QUERY, FACTS)
    margin, entropy = (NETWORK.fact_loss(run, FACTS, kind, margin=0.3) for kind in ("margin", "cross_entropy"))
    for b, f in ((0, 0), (0, 1), (1, 0)):
        filled = [i for i in range(4) if (STORY[b, i] >= 0).any()]
        s, fact = run.scores[b, f], FACTS[b, f]
        others = [i for i in filled if i != fact]
        assert margin.facts[b, f] == pytest.approx(sum(max(0, 0.3 - s[fact] + s[i]) for i in others), rel=1e-12)
        surprise = np.log(np.exp(s[filled]).sum()) - s[fact]
        assert entropy.facts[b, f] == pytest.approx(surprise, rel=1e-12, abs=1e-15)
    assert margin.facts[1, 1] == 0  # not asked for
    assert margin.value == pytest.approx(margin.facts.sum() / 3, rel=1e-12)
    total = NETWORK.fact_loss(run, FACTS, margin=0.3, reduction="sum")
    assert total.value == pytest.approx(margin.facts.sum(), rel=1e-12)
    for found in (margin, entropy):
        np.testing.assert_allclose(found.gradient.sum(axis=2), 0, atol=1e-15)
        assert not found.gradient[0, :, 2].any()  # an empty slot


def test_nothing_to_choose():
    run = NETWORK.forward(NETWORK.initialise(), np.full((1, 2, 3), -1), np.array([[1, 2]]))
    assert run.chosen.tolist() == [[-1, -1]]
    assert not run.scores.any()
    grads = NETWORK.backward(run, np.ones_like(run.scores), np.ones_like(run.logits))
    assert not grads["E"][[0, 1, 2, 4]].any()


def test_wrong_arguments():
    params = NETWORK.initialise()
    with pytest.raises(ValueError, match=r"facts\[0, 1\]: expected a filled slot or -1, got 2"):
        NETWORK.forward(params, STORY, QUERY, np.array([[0, 2], [0, 0]]))
    with pytest.raises(ValueError, match=r"facts: expected shape \(2, 2\), got \(2,\)"):
        NETWORK.forward(params, STORY, QUERY, np.array([0, 1]))
    run = NETWORK.forward(params, STORY, QUERY)
    with pytest.raises(ValueError, match="kind: expected one of margin, cross_entropy; got 'hinge'"):
        NETWORK.fact_loss(run, FACTS, "hinge")
    with pytest.raises(ValueError, match="margin: expected a number >= 0, got -1"):
        NETWORK.fact_loss(run, FACTS, margin=-1)
