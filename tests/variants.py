"""What tests go through: the cells of the catalogue with their options, and layers of them."""

import refseq

REFUSED = {"output": "dropout", "additive": "dropout", "skip": "zoneout"}
"""Without a recurrent matrix there is nothing to drop; what keeps older states cannot hold one of them back."""


def _offered(entry) -> list[dict]:
    """The examples of a recurrence's options that it accepts."""
    return [dict(options) for options in entry.variants() if REFUSED.get(entry.name) not in options]


EVERY = [(name, dict(options)) for name, entry in refseq.catalogue().items() for options in _offered(entry)]
"""Every example of every option of every recurrence, the other options at their defaults."""

CELLS = [refseq.catalogue()[name].cell(**options) for name, options in EVERY]

KINDS: list[tuple[str, dict]] = [
    ("elman", {}),
    ("elman", {"activation": "relu"}),
    ("output", {"activation": "softmax"}),
    ("jordan", {"outputs": 2}),
    ("lstm", {}),
    ("lstm", {"projection": 2, "clip": 0.5}),
    ("lstm", {"normalise": True}),
    ("lstm_peephole", {"output_sees": "new"}),
    ("lstm_peephole_coupled", {"peephole": "full", "output_sees": "new"}),
    ("gru", {}),
    ("gru", {"reset": "after"}),
    ("skip", {"delay": 3}),
    ("leaky", {"learn": "layer"}),
    ("gru", {"dropout": True, "zoneout": True}),
]
"""Options between them that use every part of the machinery, for tests that compile: each costs seconds."""


def label(variant: tuple[str, dict]) -> str:
    """The name of a variant in a test's id."""
    name, options = variant
    return name + "".join(f"-{key}={value}" for key, value in options.items())


def layer(variant: tuple[str, dict], inputs: int = 3, units: int = 4, **sizes) -> refseq.Layer:
    """A layer of this variant."""
    name, options = variant
    return refseq.layer(name, inputs, units, **sizes, **options)
