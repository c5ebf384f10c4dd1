"""Models and tokens that the tests of seq2seq share."""

import numpy as np

import refseq
from refseq.seq2seq import attention_decoder, autoencoder, seq2seq

SOURCE = np.array([[1, 3, 2, 5], [4, 0, 2, 5], [1, 2, 0, 1], [3, 1, 4, 1], [2, 2, 2, 0]])
TARGETS = np.array([[2, 6, 3, 4], [3, 0, 2, 1], [6, 2, 0, 2], [1, 5, 5, 1]])
LENGTHS, TARGET_LENGTHS = np.array([5, 0, 3, 1]), np.array([4, 3, 1, 0])
WHO = {"lengths": LENGTHS, "target_lengths": TARGET_LENGTHS}
SPECIAL = {"start": 0, "stop": 1}
FED = attention_decoder(refseq.layer("lstm", 7, 4), refseq.attention("general", 4, 6), 3)
LOOKING = attention_decoder(refseq.layer("gru", 9, 4), refseq.attention("additive", 4, 6, units=5), 3, query="previous")
BOTH_WAYS = refseq.layer("gru", 3, 3, bidirectional=True)
DEEP = refseq.stack(refseq.layer("elman", 3, 4), refseq.layer("gru", 4, 4, layers=2))
MODELS = {
    "same": seq2seq(refseq.layer("lstm", 3, 4), refseq.layer("lstm", 3, 4), 6, 7, **SPECIAL),
    "bridge": seq2seq(BOTH_WAYS, refseq.layer("lstm", 3, 4, layers=2), 6, 7, **SPECIAL, source_pad=2, target_pad=3),
    "stacks": seq2seq(DEEP, refseq.stack(refseq.layer("jordan", 2, 3, outputs=2)), 6, 7, **SPECIAL),
    "fed": seq2seq(BOTH_WAYS, FED, 6, 7, **SPECIAL),
    "looking": seq2seq(BOTH_WAYS, LOOKING, 6, 7, **SPECIAL),
    "backwards": seq2seq(refseq.layer("gru", 3, 6), LOOKING, 6, 7, **SPECIAL, reverse_source=True),
    "autoencoder": autoencoder(refseq.layer("gru", 3, 4), refseq.layer("gru", 3, 4), 7, **SPECIAL),
}


def params_of(model, seed=0, dtype="float64"):
    """Nothing zero or uniform."""
    rng = np.random.default_rng(seed)
    return {name: (0.7 * rng.normal(size=shape)).astype(dtype) for name, shape in model.shapes.items()}
