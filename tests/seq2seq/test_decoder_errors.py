"""Decoders that look at a memory: errors planted in their gradients are seen, and what does not fit is refused."""

import pytest

import refseq
from refseq.arrays import zeros
from refseq.checks.finite_field import not_transposed
from refseq.checks.structures.seq2seq import examples, problems
from refseq.networks.attention import softmax_rows
from refseq.networks.attention.memory import MemoryGradients
from refseq.seq2seq import attention_decoder
from tests.seq2seq.cases import FED
from tests.seq2seq.decoder_cases import MEMORY_LENGTHS, drawn


def test_a_memory_that_does_not_fit():
    params, x, memory, _ = drawn(FED)
    ready = FED.ready(params, memory)
    with pytest.raises(ValueError, match="memory_lengths, mask: expected none"):
        FED.forward(params, x, ready, memory_lengths=MEMORY_LENGTHS)
    with pytest.raises(ValueError, match="memory: expected one of 2 rows, got 3"):
        FED.forward(params, x[:, :2], ready)


def test_queries_of_one_look_only_are_seen_by_the_finite_field(monkeypatch):
    """Planted: the gradient of W_q takes the queries of the first step alone, the last one that goes back."""
    model = list(examples(2, 3))[2]
    problem = next(iter(problems(model, "float64")))
    assert not_transposed(problem) == []
    right = MemoryGradients.add

    def wrong(self, look, dy, dweights):
        total = self._sums["sum_W_q"]
        total[...] = zeros(total.shape, dy)
        return right(self, look, dy, dweights)

    monkeypatch.setattr(MemoryGradients, "add", wrong)
    assert not_transposed(problem) == ["decoder.attention.W_q"]


def test_a_wrong_softmax_is_seen_by_the_finite_field(monkeypatch):
    """Planted: the adjoint of the softmax without its sum, seen through decoder and encoder."""
    model = list(examples(2, 3))[1]
    problem = next(iter(problems(model, "float64")))
    assert not_transposed(problem) == []
    right = softmax_rows.build

    def wrong(lanes):
        def backward(drow, p):
            for j in range(len(p)):
                drow[j] = p[j] * drow[j]

        return right(lanes)[0], backward

    monkeypatch.setattr(softmax_rows, "build", wrong)
    refseq.rowwise._loop.cache_clear()
    try:
        found = not_transposed(problem)
    finally:
        refseq.rowwise._loop.cache_clear()
    assert "attention.W_qk" in " ".join(found)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: attention_decoder(3, FED.attention, 3), "cell: expected a refseq layer or stack, got int"),
        (
            lambda: attention_decoder(refseq.layer("gru", 7, 2, bidirectional=True), FED.attention, 3),
            "cell: expected one that runs forward only",
        ),
        (lambda: attention_decoder(FED.cell, None, 3), "attention: expected a refseq attention, got NoneType"),
        (
            lambda: attention_decoder(FED.cell, refseq.attention("dot", 6, 6), 3),
            "attention: expected queries as long as the cell's outputs; the cell has 4 outputs and dot attention 6, 6",
        ),
        (
            lambda: attention_decoder(FED.cell, refseq.attention("dot", 4, 4, causal=True), 3),
            "attention: expected one that is neither causal nor streaming",
        ),
        (
            lambda: attention_decoder(FED.cell, FED.attention, 7),
            "cell: expected more than the 7 inputs that are fed, got 7",
        ),
        (
            lambda: attention_decoder(FED.cell, FED.attention, 3, query="next"),
            "query: expected one of current, previous",
        ),
        (lambda: FED.backward(None), "run: expected a run of lstm"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
