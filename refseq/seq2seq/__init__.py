"""Sequence to sequence: encoder and decoder, with and without attention; the sequence auto-encoder.

    model = seq2seq(layer("lstm", 8, 16, bidirectional=True), layer("gru", 8, 32), 1000, 800, start=0, stop=1)
    run = model.forward(params, source, targets, lengths=..., target_lengths=...)        teacher forcing
    loss, grads = model.loss(params, source, targets, ...)
    generate(model, params, source, longest=50)        scheduled(model, params, source, targets, draws)

embedding            tokens to vectors; its adjoint adds up repeated tokens
frames               real-valued frames in the place of tokens
attention_decoder    a recurrence that looks at the encoder's outputs at every step
"""

from refseq.layer import Layer
from refseq.seq2seq.attention_decoder import AttentionDecoder, attention_decoder
from refseq.seq2seq.embedding import Embedding, embedding
from refseq.seq2seq.frames import Frames
from refseq.seq2seq.generation import Written, generate, scheduled, written, written_frames
from refseq.seq2seq.model import Encoded, Seq2Seq, Seq2SeqRun
from refseq.seq2seq.states import recurrent
from refseq.stack import Stack

__all__ = [
    "AttentionDecoder",
    "Embedding",
    "Encoded",
    "Frames",
    "Seq2Seq",
    "Seq2SeqRun",
    "Written",
    "attention_decoder",
    "autoencoder",
    "embedding",
    "frame_autoencoder",
    "generate",
    "scheduled",
    "seq2seq",
    "written",
    "written_frames",
]


def seq2seq(
    encoder: Layer | Stack,
    decoder: Layer | Stack | AttentionDecoder,
    source_tokens: int,
    target_tokens: int,
    *,
    start: int,
    stop: int,
    source_pad: int | None = None,
    target_pad: int | None = None,
    reverse_source: bool = False,
) -> Seq2Seq:
    """A model (L0.10, L1.21, L2.7, L2.8) of any encoder, which may be bidirectional, and a decoder that runs forward;
    tokens are embedded with as many features as the two have inputs. Where the states of the two differ in name or
    size, a linear bridge leads from all of the encoder's to all of the decoder's. ``reverse_source``: every row is read
    backwards within its length, its first token last; an attention's memory keeps the order of the source. Raises
    TypeError or ValueError naming the argument."""
    recurrent("encoder", encoder)
    if not isinstance(decoder, AttentionDecoder):
        recurrent("decoder", decoder)
    source = Embedding(source_tokens, encoder.inputs, source_pad)
    target = Embedding(target_tokens, decoder.inputs, target_pad)
    return Seq2Seq(encoder, decoder, source, target, start, stop, reverse_source=reverse_source)


def autoencoder(encoder: Layer | Stack, decoder: Layer | Stack, tokens: int, *, start: int, stop: int) -> Seq2Seq:
    """A sequence auto-encoder (L1.23, L1.24): the target is the source, with one embedding for both.
    ``model.encode(params, source).vector`` is the vector of a sequence, whatever its length, and ``written`` its
    reconstruction. Raises TypeError or ValueError naming the argument."""
    shared = Embedding(tokens, recurrent("encoder", encoder).inputs)
    return Seq2Seq(encoder, decoder, shared, shared, start, stop, tied=True)


def frame_autoencoder(
    encoder: Layer | Stack, decoder: Layer | Stack | AttentionDecoder, features: int, *, reverse_source: bool = False
) -> Seq2Seq:
    """An auto-encoder of sequences of real-valued frames (L1.24), as speech has them: the target of ``model.loss`` is
    the source (T, B, features), and the loss the squared error. The decoder is given 0 and then the frames before; both
    have ``features`` inputs (and what is fed). ``encode(params, frames, lengths=lengths).vector`` is the vector of a
    sequence, by which it is searched, and ``written_frames`` the reconstruction. Raises TypeError or ValueError naming
    the argument.

    Y.-A. Chung, C.-C. Wu, C.-H. Shen, H.-Y. Lee, L.-S. Lee, Interspeech 2016 (arXiv:1603.00982).
    """
    frames = Frames(features)
    return Seq2Seq(encoder, decoder, frames, frames, None, None, reverse_source=reverse_source)
