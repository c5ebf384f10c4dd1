import numpy as np
import pytest

import refseq
from refseq.checks.implementation import NotOffered
from tests.adapters.problems import LENGTHS, TOLERANCE, distance, forward_distance, gradient_distance, problem


@pytest.fixture
def adapter(jax):
    import refseq.adapters.jax

    return refseq.adapters.jax


@pytest.mark.parametrize(
    ("sizes", "dtype", "lengths"),
    [
        ({"layers": 2, "bidirectional": True}, "float64", LENGTHS),
        ({"layers": 3}, "float32", LENGTHS),
        ({"bias": False}, "float64", None),
        ({"bidirectional": True}, "float32", None),
    ],
)
def test_agrees_with_the_reference(jax, adapter, sizes, dtype, lengths):
    layer = refseq.layer("lstm", 4, 3, **sizes)
    implementation, given = adapter.JaxImplementation(layer), problem(layer, dtype, lengths)
    before, wide = given.bytes(), jax.config.jax_enable_x64
    assert forward_distance(implementation, layer, given) <= TOLERANCE[dtype]
    assert gradient_distance(implementation, layer, given) <= TOLERANCE[dtype]
    assert given.bytes() == before
    assert jax.config.jax_enable_x64 == wide
    assert implementation.name == f"jax {jax.__version__} lstm_ref"


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (2, 0)])
def test_no_steps_and_no_rows(adapter, steps, rows):
    layer = refseq.layer("lstm", 4, 3)
    given = problem(layer, steps=steps, rows=rows)
    assert forward_distance(adapter.JaxImplementation(layer), layer, given) == 0
    assert gradient_distance(adapter.JaxImplementation(layer), layer, given) == 0


def test_jax_runs_on_through_the_padding_of_an_empty_row(adapter):
    """Why the adapter holds such rows: JAX's final state of a row of length 0 is that after T steps."""
    layer = refseq.layer("lstm", 4, 3)
    given, implementation = problem(layer), adapter.JaxImplementation(layer)
    _, empty = implementation.run(given.params, given.x, given.state, np.zeros(4, int))
    _, full = implementation.run(given.params, given.x, given.state, np.full(4, 5))
    assert distance(empty, full) == 0


def test_gates_in_the_wrong_order_are_noticed(adapter, monkeypatch):
    right = adapter.stack
    monkeypatch.setattr(adapter, "stack", lambda layer, part, p, order: right(layer, part, p, order[1:] + order[:1]))
    layer = refseq.layer("lstm", 4, 3, bias=False)
    assert forward_distance(adapter.JaxImplementation(layer), layer, problem(layer)) > 0.01


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("elman", {}),
        ("gru", {}),
        ("lstm", {"projection": 2}),
        ("lstm", {"clip": 0.5}),
        ("lstm", {"normalise": True}),
        ("lstm", {"gate_activation": "tanh"}),
        ("lstm_coupled", {}),
    ],
)
def test_the_plain_lstm_is_all_that_jax_has(adapter, name, options):
    with pytest.raises(NotOffered, match=rf"JAX has no {name}.*; jax.experimental.rnn has the plain LSTM alone"):
        adapter.JaxImplementation(refseq.layer(name, 4, 3, **options))


def test_what_no_framework_has(adapter):
    with pytest.raises(NotOffered, match="no merge='sum'"):
        adapter.JaxImplementation(refseq.layer("lstm", 4, 3, bidirectional=True, merge="sum"))
    with pytest.raises(NotOffered, match="none of dropout_h"):
        adapter.JaxImplementation(refseq.layer("lstm", 4, 3, dropout=True))
