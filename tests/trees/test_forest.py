"""A forest knows its order and levels, refuses what is no forest, and never recurs."""

import copy
import pickle
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseq.trees import Forest, balanced, chain, from_children, from_parents, join

NONE = np.zeros(0, np.int64)


@st.composite
def parents(draw):
    """Any forest: every node hangs below an earlier one or is a root, then the numbers are shuffled."""
    count = draw(st.integers(0, 12))
    above = [draw(st.integers(-1, n - 1)) for n in range(count)]
    number = draw(st.permutations(range(count)))
    result = [-1] * count
    for node, parent in enumerate(above):
        result[number[node]] = -1 if parent == -1 else number[parent]
    return result


def height(forest, node):
    own = forest.children[forest.offsets[node] : forest.offsets[node + 1]]
    return 1 + max((height(forest, child) for child in own), default=-1)


def root(above, node):
    return node if above[node] == -1 else root(above, above[node])


@given(parents())
def test_levels_order_and_trees(above):
    forest = from_parents(above)
    assert forest.nodes == len(above)
    assert forest.parents.tolist() == above
    assert forest.levels.tolist() == [height(forest, node) for node in range(forest.nodes)]
    assert forest.order.tolist() == sorted(range(forest.nodes), key=lambda node: (forest.levels[node], node))
    for level, (first, last) in enumerate(zip(forest.bounds, forest.bounds[1:], strict=False)):
        assert set(forest.levels[forest.order[first:last]]) == {level}
    assert forest.bounds[-1] == forest.nodes
    assert forest.roots.tolist() == [node for node, parent in enumerate(above) if parent == -1]
    assert forest.leaves.tolist() == [node for node in range(forest.nodes) if node not in above]
    assert [forest.roots[tree] for tree in forest.tree] == [root(above, node) for node in range(forest.nodes)]
    assert forest.depth == max(forest.levels, default=0)


@given(st.lists(parents(), max_size=4))
def test_joined_forests_are_side_by_side(many):
    forests = [from_parents(above) for above in many]
    joined, first = join(forests), 0
    for forest in forests:
        nodes = slice(first, first + forest.nodes)
        assert joined.levels[nodes].tolist() == forest.levels.tolist()
        assert joined.parents[nodes].tolist() == [p + first if p >= 0 else -1 for p in forest.parents]
        first += forest.nodes
    assert joined.nodes == first
    assert len(joined.roots) == sum(len(forest.roots) for forest in forests)


def test_empty_positions_are_kept():
    forest = from_children([[], [], [0, 1], [None, 2]])
    assert forest.children.tolist() == [0, 1, 2]
    assert forest.positions.tolist() == [0, 1, 1]
    assert forest.arity == 2
    assert join([forest, forest]).positions.tolist() == [0, 1, 1, 0, 1, 1]
    assert forest != from_children([[], [], [0, 1], [2]])
    assert forest == from_children([[], [], [0, 1], [None, 2]])


def test_shapes():
    assert chain(5).children.tolist() == [0, 1, 2, 3]
    assert chain(5).depth == 4
    assert [balanced(n).depth for n in range(1, 18)] == [int(np.ceil(np.log2(n))) for n in range(1, 18)]
    assert balanced(5).leaves.tolist() == [0, 1, 2, 3, 4]
    assert repr(join([balanced(4), chain(3)])) == "<forest of 2 trees, 10 nodes, depth 2>"
    for empty in (chain(0), join([]), from_children([]), from_parents([])):
        assert (empty.nodes, empty.depth, empty.arity, len(empty.roots), len(empty.leaves)) == (0, 0, 0, 0, 0)


def test_nothing_can_be_written():
    offsets, children = np.array([0, 0, 1]), np.array([0])
    forest = Forest(offsets, children)
    children[0] = 1
    assert forest.children.tolist() == [0]
    with pytest.raises(ValueError, match="read-only"):
        forest.order[0] = 1
    with pytest.raises(AttributeError):
        forest.offsets = offsets


@pytest.mark.parametrize("copied", [lambda forest: pickle.loads(pickle.dumps(forest)), copy.deepcopy, copy.copy])
def test_a_copy_cannot_be_written_either(copied):
    """Every array, also those that are found on demand: the forest's tables rely on them."""
    forest = from_children([[], [], [0, 1], [None, 2]], ["a", "b", "c", "d"])
    other = copied(forest)
    assert other == forest
    for one in (forest, other):
        for name in (
            "offsets",
            "children",
            "positions",
            "parents",
            "levels",
            "order",
            "bounds",
            "roots",
            "tree",
            "leaves",
        ):
            assert not getattr(one, name).flags.writeable, name


def test_small_integers_of_numpy_do_not_overflow():
    """100 leaves make 199 nodes, which int8 cannot count."""
    assert balanced(np.int8(100)) == balanced(100)
    assert chain(np.uint8(255)) == chain(255)
    assert from_parents(np.array([1, 2, -1], np.int8)).depth == 2


def test_deep_and_wide_forests_cost_time_linear_in_the_nodes():
    """A chain of 100,000 nodes, and 10,000 trees of 199; 2,000,000 nodes take seconds at most on any machine."""
    began = time.perf_counter()
    deep, wide = chain(100_000), join([balanced(100)] * 10_000)
    assert deep.depth == 99_999
    assert (wide.nodes, len(wide.roots), wide.depth) == (1_990_000, 10_000, 7)
    assert deep.tree.max() == 0
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Forest([0, 1, 2], [1, 0]), ValueError, ["children", "below itself"]),
        (lambda: from_parents([1, 2, 0, -1]), ValueError, ["children", "below itself"]),
        (lambda: from_parents([-1, 4, 4, 2, 3, 0]), ValueError, ["below itself"]),
        (lambda: from_parents([0]), ValueError, ["node 0 below itself"]),
        (lambda: from_children([[], [0], [0]]), ValueError, ["one parent", "two for node 0"]),
        (lambda: from_children([[], [0, 0]]), ValueError, ["two for node 0"]),
        (lambda: from_children([[], [2]]), ValueError, ["0 <= child < 2", "got 2 below node 1"]),
        (lambda: Forest([0, 0, 1], [-1]), ValueError, ["got -1 below node 1"]),
        (lambda: from_children([[], [-1]]), ValueError, ["children[1][0]", "at least 0", "-1"]),
        (lambda: from_children([[], [0.5]]), TypeError, ["children[1][0]", "integer", "0.5"]),
        (lambda: from_children([[], [2**63]]), ValueError, ["children", "2^63", str(2**63)]),
        (lambda: from_children([0, 1]), TypeError, ["children[0]", "list", "int"]),
        (lambda: from_children([set()]), TypeError, ["children[0]", "list", "set"]),
        (lambda: from_children(None), TypeError, ["children", "list", "NoneType"]),
        (lambda: from_parents([3, -1]), ValueError, ["parents[0]", "-1 <= parent < 2", "got 3"]),
        (lambda: from_parents([-2]), ValueError, ["parents[0]", "got -2"]),
        (lambda: from_parents([0.5]), TypeError, ["parents", "integers", "float64"]),
        (lambda: from_parents([[0]]), ValueError, ["parents", "one axis", "(1, 1)"]),
        (lambda: from_parents([[0], [0, 1]]), TypeError, ["parents", "integers", "[[0], [0, 1]]"]),
        (lambda: from_parents(np.array([True])), TypeError, ["parents", "integers", "bool"]),
        (lambda: from_parents(np.ma.array([-1, 0])), TypeError, ["parents", "MaskedArray"]),
        (lambda: from_parents(np.array([2**64 - 1], np.uint64)), ValueError, ["parents", "2^63", str(2**64 - 1)]),
        (lambda: from_parents([-1, 0], "ab"), TypeError, ["labels", "list of strings", "str"]),
        (lambda: from_parents([-1, 0], 5), TypeError, ["labels", "list of strings", "int"]),
        (lambda: Forest([0, 1], NONE), ValueError, ["offsets", "number of children, 0"]),
        (lambda: Forest([0, 2, 1, 2], [1, 2]), ValueError, ["offsets", "ascend"]),
        (lambda: Forest(NONE, NONE), ValueError, ["offsets"]),
        (lambda: Forest([0.0], NONE), TypeError, ["offsets", "integers", "float64"]),
        (lambda: Forest([[0]], NONE), ValueError, ["offsets", "one axis", "(1, 1)"]),
        (lambda: Forest([0, 0, 0, 2], [0, 1], [1, 1]), ValueError, ["positions", "ascend", "node 2"]),
        (lambda: Forest([0, 0, 1], [0], [-1]), ValueError, ["positions", "node 1"]),
        (lambda: Forest([0, 0, 1], [0], [0, 1]), ValueError, ["positions", "(1,)", "(2,)"]),
        (lambda: Forest([0, 0], NONE, labels=("a", "b")), ValueError, ["labels", "1 nodes", "2"]),
        (lambda: Forest([0, 0], NONE, labels=(1,)), TypeError, ["labels[0]", "string", "int"]),
        (lambda: chain(-1), ValueError, ["nodes", "at least 0"]),
        (lambda: balanced(0), ValueError, ["leaves", "at least 1"]),
        (lambda: join([chain(1), 3]), TypeError, ["forests[1]", "Forest", "int"]),
        (lambda: join(chain(1)), TypeError, ["forests", "list", "Forest"]),
        (lambda: Forest(np.array([0, 2**64 - 1, 1], np.uint64), [0]), ValueError, ["offsets", str(2**64 - 1)]),
    ],
)
def test_what_is_no_forest_is_refused(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_a_large_cycle_is_found():
    with pytest.raises(ValueError, match="below itself"):
        from_parents(np.roll(np.arange(100_000), 1))
