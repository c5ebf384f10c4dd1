"""Recall by content."""

import numpy as np
import pytest

from refseq import recall

SONGS = {
    "row": (
        "row row row your boat",
        "gently down the stream",
        "merrily merrily merrily merrily",
        "life is but a dream",
    ),
    "star": (
        "twinkle twinkle little star",
        "how i wonder what you are",
        "up above the world so high",
        "like a diamond",
    ),
    "lamb": (
        "mary had a little lamb",
        "its fleece was white as snow",
        "everywhere that mary went",
        "lamb was sure to go",
    ),
}
REFRAINS = {
    "row": "merrily merrily merrily merrily",
    "star": "twinkle twinkle little star",
    "lamb": "mary had a little lamb",
}
LINES = [(song, line) for song, lines in SONGS.items() for line in lines]
WORDS = sorted({word for _, line in LINES for word in line.split()})


def bag(line):
    """How often each word stands in a line."""
    return np.array([float(line.split().count(word)) for word in WORDS])


def test_a_refrain_from_one_line_of_its_song():
    """L4.16: lines are keys, and the refrain of a line's song its value; a line that is half forgotten will do."""
    keys = np.stack([bag(line) for _, line in LINES])
    values = np.stack([bag(REFRAINS[song]) for song, _ in LINES])
    for query, song in [("down the stream", "row"), ("wonder what you", "star"), ("fleece white snow", "lamb")]:
        found = recall(keys, values, bag(query)[None], 50.0)
        np.testing.assert_allclose(found.values[0], bag(REFRAINS[song]), atol=0.02)
        assert LINES[found.weights[0].argmax()][0] == song
    asked = np.stack([bag(line) for _, line in LINES])
    np.testing.assert_allclose(recall(keys, values, asked, 400.0).values, values, atol=1e-9)


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_formula(target, dtype):
    rng = np.random.default_rng(0)
    keys, values, queries = (rng.normal(size=shape).astype(dtype) for shape in ((5, 3), (5, 2), (4, 3)))
    found = recall(keys, values, queries, 3.0, target=target)
    cosines = queries @ keys.T / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(keys, axis=1)
    weights = np.exp(3 * cosines)
    weights /= weights.sum(axis=1, keepdims=True)
    assert found.values.dtype == dtype
    np.testing.assert_allclose(found.weights, weights, rtol=1e-6)
    np.testing.assert_allclose(found.values, weights @ values, rtol=1e-5, atol=1e-6)


def test_without_strength_all_are_alike():
    keys, values = np.random.default_rng(0).normal(size=(2, 4, 3))
    np.testing.assert_allclose(recall(keys, values, keys[:1], 0.0).values[0], values.mean(axis=0), rtol=1e-14)


def test_wrong_arguments():
    keys = np.ones((4, 3))
    with pytest.raises(ValueError, match="strength: expected a number >= 0, got -1"):
        recall(keys, keys, keys, -1)
    with pytest.raises(ValueError, match=r"values: expected shape \(4, V\), got \(3, 3\)"):
        recall(keys, keys[:3], keys, 1)
    with pytest.raises(TypeError, match="queries: expected dtype float64 like the other arrays, got float32"):
        recall(keys, keys, keys.astype("float32"), 1)
    with pytest.raises(ValueError, match="keys: expected at least one number"):
        recall(keys[:0], keys[:0], keys, 1)
