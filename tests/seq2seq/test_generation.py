"""A decoder that is given its own outputs: greedy inference, scheduled sampling, the auto-encoder; a small task."""

import numpy as np
import pytest

import refseq
from refseq.optimisers import Adam
from refseq.seq2seq import generate, scheduled, seq2seq, written
from tests.seq2seq.cases import LENGTHS, MODELS, SOURCE, SPECIAL, TARGET_LENGTHS, TARGETS, params_of

every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_inference_is_teacher_forcing_with_its_own_tokens(name):
    model = MODELS[name]
    params = params_of(model)
    made = generate(model, params, SOURCE, 6, lengths=LENGTHS)
    steps = len(made.tokens)
    assert np.array_equal(made.lengths, (made.tokens >= 0).sum(axis=0))
    inputs = np.concatenate([np.zeros((1, 4), int), made.tokens[:-1]])
    who = {"lengths": LENGTHS, "target_lengths": made.lengths}
    run = model.forward(params, SOURCE, np.maximum(made.tokens, 0), inputs=inputs, **who)
    np.testing.assert_allclose(run.logits, made.logits, rtol=1e-12, atol=1e-14)
    for b in range(4):
        own = made.tokens[: made.lengths[b], b]
        assert np.array_equal(own, made.logits[: made.lengths[b], b].argmax(axis=1))
        assert not (own[:-1] == model.stop).any()
        assert made.lengths[b] == steps == 6 or own[-1] == model.stop


def test_the_stop_symbol_ends_a_row_and_the_cap_all():
    model = MODELS["same"]
    params = params_of(model)
    params["output.b_y"] = np.where(np.arange(7) == 1, 50.0, 0.0)[None]
    made = generate(model, params, SOURCE, 9)
    assert made.tokens.tolist() == [[1, 1, 1, 1]]
    params["output.b_y"] = np.where(np.arange(7) == 4, 50.0, 0.0)[None]
    made = generate(model, params, SOURCE, 3)
    assert made.tokens.tolist() == [[4] * 4] * 3
    assert made.lengths.tolist() == [3] * 4
    assert generate(model, params, SOURCE, 0).tokens.shape == (0, 4)
    with pytest.raises(ValueError, match="longest: expected at least 0, got -1"):
        generate(model, params, SOURCE, -1)


@every_model
def test_scheduled_sampling(name):
    """No draw: teacher forcing. All: inference. Some: each input is the target or the choice before it."""
    model = MODELS[name]
    params, who = params_of(model), {"lengths": LENGTHS, "target_lengths": TARGET_LENGTHS}
    none, some = np.zeros(TARGETS.shape, bool), np.random.default_rng(0).random(TARGETS.shape) < 0.5
    inside = np.arange(4)[:, None] < TARGET_LENGTHS
    forced = model.forward(params, SOURCE, TARGETS, **who)
    assert np.array_equal(scheduled(model, params, SOURCE, TARGETS, none, **who)[inside], forced.inputs[inside])
    inputs = scheduled(model, params, SOURCE, TARGETS, some, **who)
    run = model.forward(params, SOURCE, TARGETS, inputs=inputs, **who)
    chosen = np.where(some[1:], run.logits[:-1].argmax(axis=2), TARGETS[:-1])
    assert np.array_equal(inputs[1:][inside[1:]], chosen[inside[1:]])
    params["output.b_y"][0, model.stop] = -50.0
    made = generate(model, params, SOURCE, 4)
    own = scheduled(model, params, SOURCE, TARGETS, ~none)
    assert np.array_equal(own[1:], made.tokens[:-1])
    assert (own[0] == model.start).all()


def test_draws_are_checked():
    model = MODELS["same"]
    with pytest.raises(TypeError, match="draws: expected dtype bool"):
        scheduled(model, params_of(model), SOURCE, TARGETS, np.zeros(TARGETS.shape))
    with pytest.raises(ValueError, match=r"targets: expected shape \(T, 4\), got \(4, 3\)"):
        scheduled(model, params_of(model), SOURCE, TARGETS[:, :3], np.zeros((4, 3), bool))


def test_the_vector_of_a_sequence_is_all_that_its_reconstruction_needs():
    """Its size does not depend on the length, nor its value on the padding."""
    model = MODELS["autoencoder"]
    params = params_of(model)
    short, long = (model.encode(params, tokens) for tokens in (SOURCE[:2], SOURCE))
    assert short.vector.shape == long.vector.shape == (4, 4)
    padded = model.encode(params, SOURCE, lengths=[2, 2, 2, 2])
    np.testing.assert_allclose(padded.vector, short.vector, rtol=1e-12)
    made, again = written(model, params, short, 5), generate(model, params, SOURCE[:2], 5)
    assert np.array_equal(made.tokens, again.tokens)


@pytest.mark.slow
def test_a_model_learns_to_reverse():
    """Four tokens written backwards."""
    decoder = refseq.seq2seq.attention_decoder(refseq.layer("gru", 24, 16), refseq.attention("dot", 16, 16), 16)
    model = seq2seq(refseq.layer("gru", 8, 8, bidirectional=True), decoder, 8, 8, **SPECIAL)
    params, rng, adam = model.initialise(seed=1), np.random.default_rng(0), Adam(0.01)
    state, start = adam.initialise(params), None

    def batch():
        source = rng.integers(2, 8, (4, 32))
        return source, np.concatenate([source[::-1], np.ones((1, 32), int)])

    for _ in range(400):
        loss, grads = model.loss(params, *batch())
        start = start or loss.value
        params, state = adam.step(params, grads, state)
    source, targets = batch()
    assert (generate(model, params, source, 5).tokens == targets).mean() > 0.95
    assert model.loss(params, source, targets)[0].value < start / 10
