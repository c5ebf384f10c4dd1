"""Sequence to sequence: teacher forcing against a model by hand, bridges, padding, embeddings, what is refused."""

import numpy as np
import pytest

import refseq
from refseq import losses
from refseq.seq2seq import seq2seq
from tests.conftest import framework
from tests.seq2seq.cases import BOTH_WAYS, FED, MODELS, SOURCE, SPECIAL, TARGET_LENGTHS, TARGETS, WHO, params_of

every_model = pytest.mark.parametrize("name", MODELS)


def test_torch():
    """An Elman encoder and decoder by hand, with a bridge, and the loss."""
    torch = framework("torch")
    model = seq2seq(refseq.layer("elman", 3, 4), refseq.layer("elman", 2, 5), 6, 7, **SPECIAL)
    params = params_of(model)
    loss, grads = model.loss(params, SOURCE, TARGETS)
    given = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}

    def step(part, x, h):
        made = x @ given[f"{part}.W_hx"][0].T + h @ given[f"{part}.W_hh"][0].T + given[f"{part}.b_h"][0]
        return torch.tanh(made)

    h = torch.zeros(4, 4, dtype=torch.float64)
    for tokens in SOURCE:
        h = step("encoder", given["source.E"][tokens], h)
    h, total = h @ given["bridge.W_yh"][0].T + given["bridge.b_y"][0], 0
    before = np.concatenate([np.zeros((1, 4), int), TARGETS[:-1]])
    for tokens, wanted in zip(before, TARGETS, strict=True):
        h = step("decoder", given["target.E"][tokens], h)
        logits = h @ given["output.W_yh"][0].T + given["output.b_y"][0]
        total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(wanted), reduction="sum")
    total = total / TARGETS.size
    total.backward()
    assert loss.value == pytest.approx(total.item(), rel=1e-12)
    for name, value in grads.items():
        np.testing.assert_allclose(value, given[name].grad, rtol=1e-9, atol=1e-12, err_msg=name)


@every_model
def test_gradients_against_differences(name):
    """In one direction through all parameters."""
    model = MODELS[name]
    params, way = params_of(model), params_of(model, seed=1)
    _, grads = model.loss(params, SOURCE, TARGETS, **WHO)

    def value(step):
        return model.loss({n: p + step * way[n] for n, p in params.items()}, SOURCE, TARGETS, **WHO)[0].value

    numeric = (value(1e-5) - value(-1e-5)) / 2e-5
    assert sum((grads[n] * way[n]).sum() for n in grads) == pytest.approx(numeric, rel=1e-7)


@every_model
def test_tokens_beyond_their_lengths_are_not_looked_at(name):
    model = MODELS[name]
    params = params_of(model)
    want, grads = model.loss(params, SOURCE, TARGETS, **WHO)
    source, targets = SOURCE.copy(), TARGETS.copy()
    source[np.arange(5)[:, None] >= WHO["lengths"]] = -7
    targets[np.arange(4)[:, None] >= TARGET_LENGTHS] = 99
    run = model.forward(params, source, targets, **WHO)
    assert not run.logits[np.arange(4)[:, None] >= TARGET_LENGTHS].any()
    targets[targets == 99] = 0
    got, others = model.loss(params, source, targets, **WHO)
    assert got.value == want.value
    assert all(others[n].tobytes() == grads[n].tobytes() for n in grads)


@every_model
def test_more_padding_changes_nothing(name):
    model = MODELS[name]
    params = params_of(model)
    want = model.forward(params, SOURCE, TARGETS, **WHO)
    longer = np.concatenate([SOURCE, SOURCE[:2]])
    got = model.forward(params, longer, np.concatenate([TARGETS, TARGETS[:1]]), **WHO)
    np.testing.assert_allclose(got.logits[:4], want.logits, rtol=1e-12, atol=1e-14)
    assert not got.logits[4:].any()


@every_model
def test_rows_do_not_know_one_another(name):
    model = MODELS[name]
    params = params_of(model)
    whole = model.forward(params, SOURCE, TARGETS)
    for b in range(4):
        alone = model.forward(params, SOURCE[:, [b]], TARGETS[:, [b]])
        np.testing.assert_allclose(alone.logits, whole.logits[:, [b]], rtol=1e-12, atol=1e-14)


def test_reductions_of_the_loss():
    model = MODELS["fed"]
    params = params_of(model)
    total, _ = model.loss(params, SOURCE, TARGETS, **WHO, reduction="sum")
    mean, grads = model.loss(params, SOURCE, TARGETS, **WHO)
    assert total.value == pytest.approx(mean.value * TARGET_LENGTHS.sum(), rel=1e-13)
    run = model.forward(params, SOURCE, TARGETS, **WHO)
    loss = losses.cross_entropy(run.logits, TARGETS, lengths=TARGET_LENGTHS)
    assert all(np.array_equal(value, grads[n]) for n, value in model.backward(run, loss.gradient).items())


def test_equal_states_pass_without_a_bridge():
    model = MODELS["same"]
    assert model.bridge is None
    params = params_of(model)
    encoded = model.encode(params, SOURCE)
    run = model.encoder.forward(
        {n.removeprefix("encoder."): v for n, v in params.items() if n.startswith("encoder.")},
        params["source.E"][SOURCE],
    )
    state = model.first_state(encoded)
    assert all(np.array_equal(state[n], value) for n, value in run.state.items())
    assert encoded.vector.shape == (4, 8)
    assert MODELS["bridge"].shapes["bridge.W_yh"] == (1, 16, 6)


def test_a_source_is_read_backwards_within_its_lengths():
    """As turning the tokens by hand; what attention sees stays in the source's order."""
    model = MODELS["backwards"]
    plain = seq2seq(model.encoder, model.decoder, 6, 7, **SPECIAL)
    params, by_hand = params_of(model), SOURCE.copy()
    for b, length in enumerate(WHO["lengths"]):
        by_hand[:length, b] = SOURCE[:length, b][::-1]
    got, want = model.forward(params, SOURCE, TARGETS, **WHO), plain.forward(params, by_hand, TARGETS, **WHO)
    np.testing.assert_array_equal(got.encoded.vector, want.encoded.vector)
    np.testing.assert_allclose(got.logits, want.logits, rtol=1e-12, atol=1e-14)
    for b, length in enumerate(WHO["lengths"]):
        np.testing.assert_allclose(got.weights[:, b, :length], want.weights[:, b, :length][:, ::-1], rtol=1e-12)
    dweights = np.random.default_rng(2).normal(size=got.weights.shape)
    turned = dweights.copy()
    for b, length in enumerate(WHO["lengths"]):
        turned[:, b, :length] = dweights[:, b, :length][:, ::-1]
    grads, others = model.backward(got, got.logits, dweights), plain.backward(want, got.logits, turned)
    for name, value in others.items():
        np.testing.assert_allclose(grads[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


def test_a_bridge_takes_all_states():
    model = MODELS["bridge"]
    params = params_of(model)
    encoded = model.encode(params, SOURCE)
    final = encoded._runs["encoder"].state["h"]
    both = np.concatenate([final[0], final[1]], axis=1)
    want = both @ params["bridge.W_yh"][0].T + params["bridge.b_y"][0]
    np.testing.assert_allclose(encoded.vector, want, rtol=1e-12)
    state = model.first_state(encoded)
    assert {n: v.shape for n, v in state.items()} == {"h": (2, 4, 4), "c": (2, 4, 4)}
    assert np.array_equal(state["c"][1], encoded.vector[:, 12:])


def test_rows_of_padding_tokens_have_no_gradient():
    _, grads = MODELS["bridge"].loss(params_of(MODELS["bridge"]), SOURCE, TARGETS)
    assert not grads["source.E"][2].any()
    assert not grads["target.E"][3].any()
    assert grads["source.E"][[0, 1, 3, 4, 5]].any(axis=1).all()


def test_a_tied_embedding_has_the_sum_of_both_gradients():
    model = MODELS["autoencoder"]
    apart = seq2seq(model.encoder, model.decoder, 7, 7, **SPECIAL)
    params = params_of(model)
    loose = {n: v for n, v in params.items() if n != "embedding.E"}
    loose |= {f"{side}.E": params["embedding.E"] for side in ("source", "target")}
    want, grads = apart.loss(loose, SOURCE, SOURCE)
    got, tied = model.loss(params, SOURCE, SOURCE)
    assert got.value == want.value
    np.testing.assert_allclose(tied["embedding.E"], grads["source.E"] + grads["target.E"], rtol=1e-13)


def test_one_target_step_and_none():
    model = MODELS["looking"]
    params = params_of(model)
    run = model.forward(params, SOURCE, TARGETS[:1])
    whole = model.forward(params, SOURCE, TARGETS)
    assert np.array_equal(run.logits[0], whole.logits[0])
    empty = model.forward(params, SOURCE, TARGETS[:0])
    assert empty.logits.shape == (0, 4, 7)
    assert not any(value.any() for value in model.backward(empty, empty.logits).values())


def refused(**changed):
    model = MODELS["fed"]
    given = {"params": params_of(model), "source": SOURCE, "targets": TARGETS} | changed
    return model.forward(**given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: seq2seq(3, FED, 6, 7, **SPECIAL), "encoder: expected a refseq layer or stack, got int"),
        (lambda: seq2seq(BOTH_WAYS, BOTH_WAYS, 6, 7, **SPECIAL), "decoder: expected one that runs forward only"),
        (
            lambda: seq2seq(refseq.layer("gru", 3, 3), FED, 6, 7, **SPECIAL),
            "decoder: expected keys of the encoder's 3 outputs, got 6",
        ),
        (lambda: seq2seq(BOTH_WAYS, FED, 6, 7, start=7, stop=1), "start: expected a token < 7, got 7"),
        (lambda: refused(source=SOURCE + 1), r"source: expected 0 <= token < 6, got 6 at \(0, 3\)"),
        (lambda: refused(targets=TARGETS - 1), r"targets: expected 0 <= token < 7, got -1 at \(1, 1\)"),
        (lambda: refused(targets=TARGETS[:, :2]), r"targets: expected shape \(T, 4\), got \(4, 2\)"),
        (lambda: refused(inputs=TARGETS[:2]), r"inputs: expected shape \(4, 4\) like targets, got \(2, 4\)"),
        (lambda: refused(params={}), "params: expected the keys"),
        (lambda: MODELS["fed"].backward(None, SOURCE), r"run: expected a run of gru\(reset=before\) to lstm"),
        (lambda: MODELS["same"].backward(refused(), SOURCE), "run: expected a run of lstm to lstm"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_weights_need_an_attention():
    model = MODELS["same"]
    run = model.forward(params_of(model), SOURCE, TARGETS)
    with pytest.raises(ValueError, match="dweights: the decoder has no attention"):
        model.backward(run, run.logits, run.logits)
