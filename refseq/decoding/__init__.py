"""From a model to sequences, and how good these are (L2.9, L2.10).

    greedy        the most probable symbol at every step
    beam_search   the best sequences that a beam of some width finds
    exhaustive    the best of all sequences
    corpus_bleu   BLEU of a corpus; ``lecture_bleu``: of one prediction, in the lecture's form

A model is a function step(state, tokens) -> (log-probabilities, state): tokens (N,) are the last symbols of N
sequences, the log-probabilities (N, V) are those of the next symbol, and the state is anything that has N rows: an
array, a dict, tuple or list of such, or None. The decoder puts its rows into another order as sequences are dropped or
go on in several ways; a step may not change the state or the tokens that it is given.
"""

from refseq.decoding.beam import Decoded, beam_search
from refseq.decoding.bleu import BLEU, corpus_bleu, lecture_bleu
from refseq.decoding.plain import exhaustive, greedy

__all__ = ["BLEU", "Decoded", "beam_search", "corpus_bleu", "exhaustive", "greedy", "lecture_bleu"]
