"""Networks on trees and on graphs, judged like layers: rigorous values and gradients, the finite field, agreement.

functions  such a network on one forest or graph, as the checks see it
examples   the networks of the catalogues
problems   forests, graphs and values to judge it on
suite      the checks, on every problem
"""

from refseq.checks.structures.functions import of_graph, of_tree
from refseq.checks.structures.suite import verify

__all__ = ["of_graph", "of_tree", "verify"]
