"""Stacks that are judged and proved."""

import refseq
from refseq.stack import Stack


def stacks(inputs: int) -> list[Stack]:
    """Layers of different recurrences, directions, merges and sizes on one another."""
    first = refseq.layer("lstm", inputs, 4, bidirectional=True, merge="sum")
    second = refseq.layer("gru", 4, 5, bidirectional=True, merge="mean")
    third, fourth = refseq.layer("skip", inputs, 4), refseq.layer("jordan", 4, 5, outputs=2)
    return [refseq.stack(first, second, refseq.layer("elman", 5, 3)), refseq.stack(third, fourth)]
