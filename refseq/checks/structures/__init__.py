"""Networks and systems beyond layers, judged like these: rigorous values and gradients, the finite field, agreement.

trees, graphs, stacks, attention, seq2seq   each kind: as a function from named arrays to named arrays, its examples,
                                            its problems
kinds                                       all kinds
suite                                       the checks, on every problem
"""

from refseq.checks.structures.attention import of_attention, of_self_attention
from refseq.checks.structures.graphs import of_graph
from refseq.checks.structures.seq2seq import of_seq2seq
from refseq.checks.structures.suite import verify
from refseq.checks.structures.trees import of_tree

__all__ = ["of_attention", "of_graph", "of_self_attention", "of_seq2seq", "of_tree", "verify"]
