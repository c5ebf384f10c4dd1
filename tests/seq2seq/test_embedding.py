"""Embeddings: a gather, and its adjoint."""

import numpy as np
import pytest

from refseq.arrays import lift
from refseq.fields.residue import Residue
from refseq.seq2seq import embedding

TOKENS = np.array([[1, 4, 1], [1, 2, 0], [3, 1, 1]])
LENGTHS = np.array([3, 1, 2])
EMBEDDING = embedding(5, 4, pad=3)


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_and_their_gradients(dtype, target):
    rng = np.random.default_rng(0)
    E, dx = rng.normal(size=(5, 4)).astype(dtype), rng.normal(size=(3, 3, 4)).astype(dtype)
    run = EMBEDDING.forward({"E": E}, TOKENS, LENGTHS, target)
    inside = (np.arange(3)[:, None] < LENGTHS) & (TOKENS != 3)
    want, gradient = np.where(inside[..., None], E[TOKENS], 0), np.zeros((5, 4))
    np.add.at(gradient, TOKENS[inside], dx[inside])
    assert run.x.dtype == dtype
    assert np.array_equal(run.x, want)
    dx[~inside] = np.nan
    found = EMBEDDING.backward(run, dx)["E"]
    np.testing.assert_allclose(found, gradient, rtol=1e-5)
    assert not found[[3, 4 if not inside[0, 1] else 3]].any()


def test_repeated_tokens_add_up_in_any_field():
    E = lift(np.arange(8).reshape(4, 2), Residue)
    layer = embedding(4, 2)
    run = layer.forward({"E": E}, np.array([[1, 1], [1, 0]]), target="reference")
    found = layer.backward(run, lift(np.arange(1, 9).reshape(2, 2, 2), Residue))["E"]
    assert found.tolist() == [[7, 8], [9, 12], [0, 0], [0, 0]]


def test_the_row_of_the_padding_token_is_not_read():
    E = EMBEDDING.initialise(seed=1)["E"]
    assert not E[3].any()
    assert (E[:3] != 0).all()
    run = EMBEDDING.forward({"E": E + np.where(np.arange(5) == 3, 7.0, 0.0)[:, None]}, np.array([[3]]))
    assert not run.x.any()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_no_tokens(shape):
    run = EMBEDDING.forward(EMBEDDING.initialise(), np.zeros(shape, int))
    assert run.x.shape == (*shape, 4)
    assert not EMBEDDING.backward(run, run.x)["E"].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: embedding(0, 4), "tokens: expected at least 1, got 0"),
        (lambda: embedding(5, 4, pad=5), "pad: expected 0 <= pad < tokens = 5, got 5"),
        (lambda: EMBEDDING.forward({"E": np.ones((4, 4))}, TOKENS), r"params\['E'\]: expected shape \(5, 4\)"),
        (
            lambda: EMBEDDING.forward({"E": np.ones((5, 4))}, TOKENS + 1),
            r"tokens: expected 0 <= token < 5, got 5 at \(0, 1",
        ),
        (lambda: EMBEDDING.forward({"E": np.ones((5, 4))}, TOKENS[0]), r"tokens: expected shape \(T, B\), got \(3,\)"),
        (
            lambda: EMBEDDING.forward({"E": np.ones((5, 4))}, TOKENS * 1.0),
            "tokens: expected integers, got dtype float64",
        ),
        (lambda: EMBEDDING.backward(None, TOKENS), "run: expected a run of Embedding"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
