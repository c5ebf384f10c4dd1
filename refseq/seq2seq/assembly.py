"""What a sequence-to-sequence model consists of: its parts, which fit together, and their parameters by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.layer import Layer, layer
from refseq.seq2seq.attention_decoder import AttentionDecoder
from refseq.seq2seq.embedding import Embedding
from refseq.seq2seq.frames import Frames
from refseq.seq2seq.states import Arrays, Recurrent, joined, of_part, one_way, recurrent, state_sizes


@dataclass(frozen=True)
class Assembly:
    """Its parts, their names and sizes."""

    encoder: Recurrent
    decoder: Recurrent | AttentionDecoder
    source: Embedding | Frames
    target: Embedding | Frames
    start: int | None
    stop: int | None
    tied: bool = False
    reverse_source: bool = False

    def __post_init__(self) -> None:
        recurrent("encoder", self.encoder)
        recurrent("decoder", self.cell)
        for name, part, tokens in (("source", self.encoder, self.source), ("target", self.decoder, self.target)):
            if part.inputs != tokens.features:
                message = f"{name}: expected as many features as {part} has inputs"
                raise ValueError(f"{message}, {part.inputs}, got {tokens.features}")
        if not one_way(self.cell):
            raise ValueError(f"decoder: expected one that runs forward only, got {self.decoder}")
        if self.looks and self.decoder.attention.keys != self.encoder.outputs:  # type: ignore[union-attr]
            keys = self.decoder.attention.keys  # type: ignore[union-attr]
            raise ValueError(f"decoder: expected keys of the encoder's {self.encoder.outputs} outputs, got {keys}")
        if wrong := self.target.refused(self.start, self.stop):
            raise ValueError(wrong)
        if arguments.flag("tied", self.tied) and self.source != self.target:
            raise ValueError("tied: expected equal embeddings of source and target")
        arguments.flag("reverse_source", self.reverse_source)

    @property
    def looks(self) -> bool:
        """Whether the decoder looks at the encoder's outputs."""
        return isinstance(self.decoder, AttentionDecoder)

    @property
    def cell(self) -> Recurrent:
        """What the decoder's states belong to."""
        return self.decoder.cell if isinstance(self.decoder, AttentionDecoder) else self.decoder

    @cached_property
    def output(self) -> Layer:
        """What makes logits, or frames."""
        return layer("output", self.decoder.outputs, self.target.width)

    @cached_property
    def bridge(self) -> Layer | None:
        """From the encoder's final states to the decoder's first ones; None where names and sizes are the same."""
        given, wanted = state_sizes(self.encoder), state_sizes(self.cell)
        if given == wanted:
            return None
        return layer("output", *(sum(a * b for a, b in sizes.values()) for sizes in (given, wanted)))

    @cached_property
    def _parts(self) -> dict[str, Any]:
        given = {"embedding": self.source} if self.tied else {"source": self.source, "target": self.target}
        embeddings = {name: part for name, part in given.items() if isinstance(part, Embedding)}
        bridge = {} if self.bridge is None else {"bridge": self.bridge}
        return embeddings | {"encoder": self.encoder} | bridge | {"decoder": self.decoder, "output": self.output}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name: those of the parts, ``encoder.W_hx``."""
        return joined({name: part.shapes for name, part in self._parts.items()})

    @property
    def label(self) -> str:
        """Encoder and decoder."""
        words = ["tied embeddings"] * self.tied + ["bridge"] * (self.bridge is not None)
        words += ["source reversed"] * self.reverse_source
        return f"{self.encoder.label} to {self.decoder.label}" + (f", {', '.join(words)}" if words else "")

    @property
    def sizes(self) -> str:
        """In words."""
        return f"{self.source.words}, {self.encoder.sizes}; {self.decoder.sizes}, {self.target.words}"

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are called."""
        matrices = {1: ("unit",), 2: ("block", "unit"), 3: ("block", "unit", "operand")}
        return {name: matrices[len(shape)] for name, shape in self.shapes.items()} | {
            "logits": ("time", "row", self.target.axis),
            "weights": ("time", "row", "place"),
        }

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(self, seed: int = 0, dtype: DTypeLike = "float64") -> Arrays:
        """Parameters of all parts, each from a seed of its own."""
        seeds = np.random.SeedSequence(arguments.integer("seed", seed, 0)).generate_state(len(self._parts))
        parts = zip(self._parts.items(), seeds, strict=True)
        return joined({name: part.initialise(int(own), dtype=dtype) for (name, part), own in parts})

    def _own(self, params: Arrays, embedding: str) -> Arrays:
        return of_part(params, "embedding" if self.tied else embedding)

    def _named(self, embedding: str, grads: Arrays) -> Arrays:
        return joined({"embedding" if self.tied else embedding: grads})
