"""Trees: the structure that a recursive network runs over, and where it comes from.

forest       trees in arrays, in levels from the leaves to the roots
builders     data-independent: a chain, a balanced tree; several forests joined into one
brackets     from outside: syntax trees in bracketed text
clustering   found from the input: hierarchical clustering
"""

from refseq.cells.of_trees import catalogue
from refseq.trees.brackets import from_brackets, to_brackets
from refseq.trees.builders import balanced, chain, from_children, from_parents, join
from refseq.trees.clustering import from_linkage, from_points
from refseq.trees.forest import Forest

__all__ = [
    "Forest",
    "balanced",
    "catalogue",
    "chain",
    "from_brackets",
    "from_children",
    "from_linkage",
    "from_parents",
    "from_points",
    "join",
    "to_brackets",
]
