"""Bracketed text becomes a forest and comes back; what is not balanced is refused with its position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseq.trees import balanced, chain, from_brackets, from_children, join, to_brackets

WORDS = st.text("ab$-.,'é", min_size=1, max_size=3)
TREES = st.recursive(WORDS, lambda inner: st.tuples(WORDS, st.lists(inner, min_size=1, max_size=3)), max_leaves=8)


def written(tree) -> str:
    return tree if isinstance(tree, str) else f"({tree[0]} {' '.join(map(written, tree[1]))})"


def test_a_sentence():
    forest = from_brackets("(S (NP the cat) (VP sat))")
    assert forest.labels == ("S", "NP", "the", "cat", "VP", "sat")
    assert forest.parents.tolist() == [-1, 0, 1, 1, 0, 4]
    assert [forest.labels[leaf] for leaf in forest.leaves] == ["the", "cat", "sat"]
    assert forest.levels.tolist() == [2, 1, 0, 0, 1, 0]


def test_the_penn_treebank_wraps_its_sentences_in_a_bracket_without_label():
    forest = from_brackets("( (S (NP-SBJ (-NONE- *)) (VP (VB go) (. .))) )\n(X y)")
    assert forest.labels[:2] == ("", "S")
    assert len(forest.roots) == 2
    assert to_brackets(forest) == "((S (NP-SBJ (-NONE- *)) (VP (VB go) (. .))))\n(X y)"


def test_binary_trees_without_labels():
    forest = from_brackets("((a b) c)", labelled=False)
    assert forest.labels == ("", "", "a", "b", "c")
    assert forest.arity == 2
    assert to_brackets(forest) == "((a b) c)"


@given(st.lists(TREES, max_size=3))
def test_round_trip(trees):
    text = "\n".join(map(written, trees))
    forest = from_brackets(text)
    assert to_brackets(forest) == text
    assert from_brackets(to_brackets(forest)) == forest
    assert len(forest.roots) == len(trees)
    assert from_brackets(f"\t{text.replace(' ', '  ')} ") == forest


def test_brackets_without_labels_are_read_back_without_labels():
    forest = from_brackets("(a (b c) d)\ne", labelled=False)
    assert from_brackets(to_brackets(forest), labelled=False) == forest


def test_words_of_any_script_and_the_treebanks_brackets():
    forest = from_brackets("(Š (日本 語) -LRB- é\u00a0ü)")
    assert forest.labels == ("Š", "日本", "語", "-LRB-", "é", "ü")


def test_any_numbering_is_written_in_the_order_of_the_children():
    forest = from_brackets("(S a (T b))\n(U c)")
    assert to_brackets(join([from_brackets("(S a (T b))"), from_brackets("(U c)")])) == to_brackets(forest)


def test_depth_100_000():
    text = "(a " * 100_000 + "b" + ")" * 100_000
    forest = from_brackets(text)
    assert forest.depth == 100_000
    assert to_brackets(forest) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(S a", ["closing", "position 0", "the end"]),
        ("(S (NP a)", ["closing", "position 0"]),
        ("(S (NP a", ["closing", "position 3"]),
        ("(S a))", ["no closing", "position 5"]),
        (")", ["position 0"]),
        ("(S a) ()", ["children", "position 6"]),
        ("(S (NP))", ["children", "position 3"]),
        (r"(S \( a)", ["children", "position 4"]),
    ],
)
def test_unbalanced_text_is_refused(text, words):
    with pytest.raises(ValueError) as caught:
        from_brackets(text)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_what_cannot_be_written_is_refused():
    with pytest.raises(ValueError, match="labels, got none"):
        to_brackets(balanced(2))
    with pytest.raises(ValueError, match="word as label of node 0, got 'a b'"):
        to_brackets(type(chain(1))(chain(1).offsets, chain(1).children, labels=("a b",)))
    with pytest.raises(ValueError, match="word as label of node 0, got ''"):
        to_brackets(type(chain(1))(chain(1).offsets, chain(1).children, labels=("",)))
    with pytest.raises(ValueError, match="no empty position, which brackets cannot show; node 1 has one"):
        to_brackets(from_children([[], [None, 0]], ["a", "b"]))
    with pytest.raises(ValueError, match="expected a label for node 1, as others have one: 'a' would be read as it"):
        to_brackets(from_children([[], [0], [1]], ["a", "", "S"]))
    with pytest.raises(TypeError, match=r"forest: expected a refseq\.trees\.Forest, got str"):
        to_brackets("(a b)")
    with pytest.raises(TypeError, match="labelled: expected True or False, got int 1"):
        from_brackets("(a b)", 1)
    with pytest.raises(TypeError, match="text: expected a string, got bytes"):
        from_brackets(b"(a b)")
