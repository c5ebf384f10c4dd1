"""What the drivers of trees are told: a table of 64-bit integers for the forest, and a job for each part of the cell.

Nodes are numbered by their place in the forest's order: level by level, children before parents, so that a level is a
range of rows. Work is cut into *pieces*, ranges of places: of one wide level, shared between threads, or of several
narrow ones, which one thread goes through.
"""

from collections import namedtuple

_FIELDS = (
    "node edge product turned order parents levels bounds offsets ends places cuts leaves olds every chunk edge_chunk "
    "inputs outputs states x y dy dx given old edge_old sent targets cotangents"
)

Tree = namedtuple("Tree", _FIELDS)
"""node, edge     the jobs of the cell's parts (``refseq.engine.job``); edge 0: children have positions
product, turned  the addresses of the matrix products
order, parents, levels, bounds, offsets    of the forest: node at every place; of every node its parent and its level;
                 first place of every level; first edge of every place
ends, places     of every edge: the child's place in the order, and its position among its parent's children
cuts             first place of every piece, and the end
leaves           nodes on level 0, which have no children
olds             old states of a node         every    1: products of absent children are taken as well
chunk, edge_chunk    rows of a part's share of the scratch, going forward
inputs, outputs  entries of a row of x, and of the caller's states
states           states of a node
x, dx (N, K), y, dy (N, H)        the caller's, by number of the node; dy 0 for none
targets, cotangents               tables of addresses: of every state of all nodes (N, H), of its cotangents or 0
given            (leaves, S, H): cotangents of the states of leaves that were given

Scratch, a row for each node or edge of a piece, in the order of the places:
old (., O, width)    what nodes see of their children
edge_old (., S, width)    the states of the children, for every edge
sent (., A, width)   of edges, for every node: forward what x adds, backward the sum of the cotangents
The jobs have, by place or by edge: s (., S, width), tape (., stored, width), of the node also ds (N, S, width); and
scratch: a, x_rows, ds (of the edge), d0, dv, dx_rows, left, right.
"""

TREE = Tree(*range(len(Tree._fields)))
"""The place of every field in the table."""
