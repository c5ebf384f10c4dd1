"""Every recurrence with every option against a textbook's formula.

Over balls both sides enclose what their formula says: formulas that differ do not overlap, and no tolerance
is needed. In floats the two differ by the rounding errors that both may show.
"""

import numpy as np
import pytest
from flint import arb

from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.compare import against_exact
from refseq.checks.problem import draw
from refseq.checks.tensors import forward_tensors
from refseq.fields.ball import precision
from tests.cells import textbook, textbook_layers
from tests.interpreted import agree, floats, raised, values
from tests.variants import EVERY, KINDS, label, layer

STACK = {"layers": 2, "bidirectional": True}
SHAPES = [{}, STACK, STACK | {"merge": "mean", "bias": False}]
TOGETHER = [
    (
        "lstm",
        {"gate_activation": "tanh", "cell_activation": "identity", "hidden_activation": "sigmoid"}
        | {"clip": 1.5, "projection": 2, "normalise": True},
    ),
    ("lstm_no_forget", {"clip": 1.5, "normalise": True, "zoneout": True, "dropout": True}),
    ("lstm_coupled", {"projection": 5, "normalise": True}),
    ("lstm_peephole", {"peephole": "full", "output_sees": "new", "clip": 0.5, "zoneout": True, "dropout": True}),
    ("lstm_peephole_coupled", {"output_sees": "new", "clip": 0.5, "projection": 2}),
    ("jordan", {"activation": "sigmoid", "output": "softmax", "outputs": 6}),
    ("gru", {"reset": "after", "zoneout": True, "dropout": True}),
    ("jordan", {"outputs": 6, "zoneout": True}),
]
"""Options that meet one another."""

BITS = 192
FLOATS = {"float32": np.float32, "float64": np.float64}
every = pytest.mark.parametrize("variant", EVERY + TOGETHER, ids=label)
kinds = pytest.mark.parametrize("variant", KINDS, ids=label)


def names(shape):
    return " ".join(f"{key}={value}" for key, value in shape.items()) or "plain"


def by_the_book(variant, given, shape):
    return forward_tensors(
        *textbook_layers.forward(variant, given, **{key: value for key, value in shape.items() if key != "bias"})
    )


def differing(variant, shape, regime="generic"):
    """The tensors in which the layer and the textbook do not enclose the same values."""
    subject = layer(variant, **shape)
    with precision(BITS):
        given = raised(draw(subject, "float64", 4, 5, regime), arb)
        ours, theirs = values(subject, given), by_the_book(variant, given, shape)
        return [name for name, value in theirs.items() if not agree(value, ours[name])]


def in_floats(variant, shape, dtype, regime):
    """The problem, the textbook's values and the layer's, in floats."""
    subject = layer(variant, **shape)
    problem = draw(subject, dtype, 6, 5, regime)
    plain = {name: getattr(problem, name) for name in ("params", "x", "state", "lengths", "masks")}
    ours = floats(values(subject, raised(problem, FLOATS[dtype])), dtype)
    return problem, by_the_book(variant, plain, shape), ours


@every
@pytest.mark.parametrize("shape", SHAPES, ids=names)
def test_the_recurrence_is_what_the_textbook_says(variant, shape):
    assert differing(variant, shape) == []


@kinds
def test_outputs_of_two_directions_are_added(variant):
    assert differing(variant, {"bidirectional": True, "merge": "sum"}) == []


@kinds
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("regime", ["generic", "saturated"])
def test_in_floats_they_differ_by_rounding(variant, regime, dtype):
    problem, theirs, ours = in_floats(variant, STACK, dtype, regime)
    for tensor, value in theirs.items():
        bound = np.sqrt(2) * THRESHOLD * sigma(problem)[tensor]
        assert value.dtype == ours[tensor].dtype == dtype
        assert np.all(np.abs(value.astype(float) - ours[tensor]) <= bound), tensor


@kinds
def test_the_oracle_agrees_with_the_textbook(variant):
    problem, theirs, _ = in_floats(variant, STACK, "float64", "generic")
    findings, _ = against_exact("values", problem, theirs)
    assert findings == []


def gates_exchanged(right):
    """A GRU whose update gate is its reset gate."""

    def wrong(w, x, h, **options):
        return right(w | {kind: w[kind][[1, 0, 2]] for kind in ("W_hx", "W_hh", "b_h")}, x, h, **options)

    return wrong


def other_memory(right):
    """An output gate that sees the other of the two memories."""

    def wrong(*arguments, output_sees="old", **options):
        return right(*arguments, output_sees={"old": "new", "new": "old"}[output_sees], **options)

    return wrong


def unclipped(right):
    """A memory that is not clipped."""

    def wrong(*arguments, clip=None, **options):
        return right(*arguments, clip=None, **options)

    return wrong


def undropped(right):
    """A mask that is forgotten."""

    def wrong(*arguments, drop, **options):
        return right(*arguments, drop=1, **options)

    return wrong


@pytest.mark.parametrize(
    ("variant", "mistake"),
    [
        (("gru", {}), gates_exchanged),
        (("lstm_peephole", {}), other_memory),
        (("lstm_peephole_coupled", {"peephole": "full", "output_sees": "new"}), other_memory),
        (("lstm_no_forget", {"clip": 0.5}), unclipped),
        (("jordan", {"dropout": True}), undropped),
    ],
)
def test_a_textbook_with_a_mistake_is_found(variant, mistake, monkeypatch):
    monkeypatch.setattr(textbook, variant[0], mistake(getattr(textbook, variant[0])))
    assert "y" in differing(variant, {})
    problem, theirs, _ = in_floats(variant, {}, "float32", "generic")
    assert against_exact("values", problem, theirs)[0]
