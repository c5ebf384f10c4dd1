"""Real-valued frames in the place of tokens: the auto-encoder of frames, its vector and reconstruction."""

import numpy as np
import pytest

import refseq
from refseq import losses
from refseq.optimisers import Adam
from refseq.seq2seq import Embedding, Frames, Seq2Seq, frame_autoencoder, generate, written, written_frames
from tests.conftest import framework
from tests.seq2seq.cases import FED, LENGTHS, MODELS, SOURCE, TARGET_LENGTHS, params_of

T, B, F = 5, 4, 3
BOTH_WAYS = refseq.layer("gru", F, 4, bidirectional=True)
FRAMES = {
    "bridge": frame_autoencoder(BOTH_WAYS, refseq.layer("lstm", F, 5), F, reverse_source=True),
    "same": frame_autoencoder(refseq.layer("elman", F, 6), refseq.layer("elman", F, 6), F),
    "attention": Seq2Seq(refseq.layer("gru", F, 6), FED, Frames(F), Frames(4), None, None),
}
every_model = pytest.mark.parametrize("name", FRAMES)


def frames_of(model, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(T, B, F)), rng.normal(size=(4, B, model.target.features))


WHO = {"lengths": LENGTHS, "target_lengths": TARGET_LENGTHS}


@every_model
def test_gradients_against_differences(name):
    """In one direction through all parameters."""
    model = FRAMES[name]
    params, way = params_of(model), params_of(model, seed=1)
    given = frames_of(model)
    _, grads = model.loss(params, *given, **WHO)

    def value(step):
        return model.loss({n: p + step * way[n] for n, p in params.items()}, *given, **WHO)[0].value

    numeric = (value(1e-5) - value(-1e-5)) / 2e-5
    assert sum((grads[n] * way[n]).sum() for n in grads) == pytest.approx(numeric, rel=1e-7)


def test_torch():
    """An Elman encoder and decoder by hand, and the squared error."""
    torch = framework("torch")
    model = FRAMES["same"]
    params, (x, _) = params_of(model), frames_of(FRAMES["same"])
    loss, grads = model.loss(params, x, x)
    given = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}

    def step(part, now, h):
        made = now @ given[f"{part}.W_hx"][0].T + h @ given[f"{part}.W_hh"][0].T + given[f"{part}.b_h"][0]
        return torch.tanh(made)

    h, frames = torch.zeros(B, 6, dtype=torch.float64), torch.tensor(x)
    for now in frames:
        h = step("encoder", now, h)
    before, total = torch.zeros(B, F, dtype=torch.float64), 0
    for now in frames:
        h = step("decoder", before, h)
        total = total + ((h @ given["output.W_yh"][0].T + given["output.b_y"][0] - now) ** 2).sum()
        before = now
    total = total / (T * B)
    total.backward()
    assert loss.value == pytest.approx(total.item(), rel=1e-12)
    for name, value in grads.items():
        np.testing.assert_allclose(value, given[name].grad, rtol=1e-9, atol=1e-12, err_msg=name)


@every_model
def test_frames_beyond_their_lengths_are_not_read(name):
    model = FRAMES[name]
    params, (x, wanted) = params_of(model), frames_of(model)
    want, grads = model.loss(params, x, wanted, **WHO)
    x[np.arange(T)[:, None] >= LENGTHS], wanted[np.arange(4)[:, None] >= TARGET_LENGTHS] = np.nan, np.nan
    got, others = model.loss(params, x, wanted, **WHO)
    assert got.value == want.value
    assert all(others[n].tobytes() == grads[n].tobytes() for n in grads)
    run = model.forward(params, x, wanted, **WHO)
    assert not run.logits[np.arange(4)[:, None] >= TARGET_LENGTHS].any()


@every_model
def test_a_reconstruction_is_teacher_forcing_with_its_own_frames(name):
    model = FRAMES[name]
    params, (x, _) = params_of(model), frames_of(model)
    encoded = model.encode(params, x, lengths=LENGTHS)
    made = written_frames(model, params, encoded, TARGET_LENGTHS)
    assert made.shape == (4, B, model.target.features)
    inputs = np.concatenate([np.zeros((1, B, model.target.features)), made[:-1]])
    run = model.forward(params, x, made, inputs=inputs, **WHO)
    np.testing.assert_allclose(run.logits, made, rtol=1e-12, atol=1e-14)
    assert written_frames(model, params, encoded, [0] * B).shape == (0, B, model.target.features)


def test_a_loss_is_the_squared_error():
    model = FRAMES["bridge"]
    params, (x, _) = params_of(model), frames_of(model := FRAMES["bridge"])
    run = model.forward(params, x, x, lengths=LENGTHS, target_lengths=LENGTHS)
    want = losses.squared_error(run.logits, x, lengths=LENGTHS, reduction="sum")
    got, grads = model.loss(params, x, x, lengths=LENGTHS, target_lengths=LENGTHS, reduction="sum")
    assert got.value == want.value
    assert all(np.array_equal(value, grads[n]) for n, value in model.backward(run, want.gradient).items())
    assert not any("E" in name.split(".") for name in model.shapes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Frames(0), "features: expected at least 1, got 0"),
        (
            lambda: frame_autoencoder(refseq.layer("gru", 2, 3), refseq.layer("gru", 3, 3), 3),
            "source: expected as many features as gru.* has inputs, 2, got 3",
        ),
        (
            lambda: Seq2Seq(BOTH_WAYS, refseq.layer("gru", F, 3), Frames(F), Frames(F), 0, 1),
            "start, stop: frames have none, got 0 and 1",
        ),
        (
            lambda: Seq2Seq(BOTH_WAYS, refseq.layer("gru", F, 3), Frames(F), Embedding(7, F), None, 1),
            "start: expected an integer, got None",
        ),
        (lambda: call(x=np.zeros((T, B, F), "float32")), "source: expected dtype float64 like the other arrays"),
        (lambda: call(x=np.zeros((T, B))), r"source: expected shape \(T, B, 3\), got \(5, 4\)"),
        (lambda: call(wanted=np.zeros((4, 2, F))), r"targets: expected shape \(T, 4, 3\), got \(4, 2, 3\)"),
        (lambda: call(inputs=np.zeros((3, B, F))), r"inputs: expected shape \(4, 4, 3\) like targets, got \(3, 4, 3\)"),
        (lambda: generate(FRAMES["same"], params_of(FRAMES["same"]), np.zeros((T, B, F)), 3), "see written_frames"),
        (lambda: written_frames(MODELS["same"], {}, None, LENGTHS), "model: expected one that writes frames"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def call(x=None, wanted=None, **options):
    model = FRAMES["bridge"]
    own, others = frames_of(model)
    return model.forward(params_of(model), own if x is None else x, others if wanted is None else wanted, **options)


def test_frames_to_tokens():
    """Frames on one side only: what a recogniser has."""
    model = Seq2Seq(BOTH_WAYS, refseq.layer("gru", 2, 3), Frames(F), Embedding(7, 2), 0, 1)
    params, (x, _) = params_of(model), frames_of(FRAMES["bridge"])
    loss, grads = model.loss(params, x, SOURCE[:4], lengths=LENGTHS, target_lengths=TARGET_LENGTHS)
    assert np.isfinite(loss.value)
    assert set(grads) == set(model.shapes)
    encoded = model.encode(params, x, lengths=LENGTHS)
    assert written(model, params, encoded, 3).tokens.shape[1] == B


@pytest.mark.slow
def test_vectors_of_frames_are_searched_by_similarity():
    """Noisy words, each a curve at a speed of its own: what is nearest to a word's vector is the same word (L1.24)."""
    rng, words, rows = np.random.default_rng(0), 6, 48
    shapes = rng.normal(size=(words, 6, F)).cumsum(axis=1) / 2

    def batch(rows=rows):
        which, lengths = rng.integers(0, words, rows), rng.integers(6, 13, rows)
        x = np.zeros((12, rows, F))
        for b, (word, length) in enumerate(zip(which, lengths, strict=True)):
            at = np.linspace(0, 5, length)
            x[:length, b] = [[np.interp(t, np.arange(6), shapes[word, :, f]) for f in range(F)] for t in at]
        return x + 0.1 * rng.normal(size=x.shape), lengths, which

    model = frame_autoencoder(refseq.layer("gru", F, 24), refseq.layer("gru", F, 24), F)
    params, adam = model.initialise(seed=0), Adam(0.01)
    state, start = adam.initialise(params), None
    for _ in range(250):
        x, lengths, _ = batch()
        loss, grads = model.loss(params, x, x, lengths=lengths, target_lengths=lengths)
        start = start or loss.value
        params, state = adam.step(params, grads, state)
    assert loss.value < start / 5
    x, lengths, which = batch(200)
    vectors = model.encode(params, x, lengths=lengths).vector
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=2) + 1e9 * np.eye(200)
    assert (which[distance.argmin(axis=1)] == which).mean() > 0.9
