"""Syntax trees in bracketed text, as in the Penn Treebank: ``(S (NP the cat) (VP sat))``.

M. P. Marcus, B. Santorini, M. A. Marcinkiewicz, Building a large annotated corpus of English: the Penn Treebank,
Computational Linguistics 19 (1993), 313-330.
"""

import re
from collections.abc import Sequence

import numpy as np

from refseq import arguments
from refseq.trees.builders import from_parents
from refseq.trees.forest import Forest, without_gaps

_PIECE = re.compile(r"[()]|[^\s()]+")


def from_brackets(text: str, labelled: bool = True) -> Forest:
    """The forest of all trees in the text; nodes are numbered in the order of the text, a parent before its children.

    Leaves are tokens. ``labelled``: the word after an opening bracket labels the node, as in ``(NP the cat)``, and
    without one the label is empty. Not ``labelled``: every word is a leaf, as in the binary ``((a b) c)`` with the
    leaves a, b, c. ``forest.labels`` holds labels and tokens. Words end at white space and brackets; there is no
    escape for a bracket, which the Treebank writes as the token -LRB- or -RRB-. Raises ValueError with the position
    (from 0) of a bracket that is not closed, not opened, or empty; TypeError for what is no string or flag.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected a string, got {type(text).__name__}")
    labelled = arguments.flag("labelled", labelled)
    parents: list[int] = []
    labels: list[str] = []
    opened: list[tuple[int, int]] = []  # nodes whose bracket is open, with its position
    fresh, filled = False, set()

    def node(label: str) -> None:
        above = opened[-1][0] if opened else -1
        filled.add(above)
        parents.append(above)
        labels.append(label)

    for piece in _PIECE.finditer(text):
        word, at = piece.group(), piece.start()
        if word == "(":
            node("")
            opened.append((len(parents) - 1, at))
        elif word == ")":
            if not opened:
                raise ValueError(f"text: expected no closing bracket at position {at}, where none is open")
            last, began = opened.pop()
            if last not in filled:
                raise ValueError(f"text: expected children in the bracket at position {began}, got none")
        elif fresh and labelled:
            labels[opened[-1][0]] = word
        else:
            node(word)
        fresh = word == "("
    if opened:
        raise ValueError(f"text: expected a closing bracket for the one at position {opened[-1][1]}, got the end")
    return from_parents(parents, labels)


def to_brackets(forest: Forest) -> str:
    """The text of a forest with labels, one tree a line. ``from_brackets`` reads it back, in preorder: with
    ``labelled=False`` if no bracket has a label. Raises ValueError for what it could not read back: no labels, labels
    that are no words, an empty position, or a bracket without label before a word where others have one."""
    if not isinstance(forest, Forest):
        raise TypeError(f"forest: expected a refseq.trees.Forest, got {type(forest).__name__}")
    if forest.labels is None:
        raise ValueError("forest: expected labels, got none")
    leaves = set(forest.leaves.tolist())
    _check_readable(forest, forest.labels, leaves)
    lines = []
    for root in forest.roots.tolist():
        words: list[str] = []
        stack: list[int] = [root]  # -1 closes a bracket
        while stack:
            node = stack.pop()
            if node == -1:
                words[-1] += ")"
            elif node in leaves:
                words.append(forest.labels[node])
            else:
                words.append("(" + forest.labels[node])
                stack.append(-1)
                stack += forest.children[forest.offsets[node] : forest.offsets[node + 1]][::-1].tolist()
        lines.append(" ".join(words).replace("( ", "("))
    return "\n".join(lines)


def _check_readable(forest: Forest, labels: Sequence[str], leaves: set[int]) -> None:
    for node, label in enumerate(labels):
        if _PIECE.fullmatch(label or ("" if node in leaves else "x")) is None or label in ("(", ")"):
            raise ValueError(f"forest: expected a word as label of node {node}, got {label!r}")
    gaps = np.flatnonzero(forest.positions != without_gaps(forest.offsets))
    if gaps.size:
        node = forest.parents[forest.children[gaps[0]]]
        raise ValueError(f"forest: expected no empty position, which brackets cannot show; node {node} has one")
    inner = [node for node in range(forest.nodes) if node not in leaves]
    if not any(labels[node] for node in inner):
        return
    for node in inner:
        first = int(forest.children[forest.offsets[node]])
        if not labels[node] and first in leaves:
            raise ValueError(
                f"forest: expected a label for node {node}, as others have one: {labels[first]!r} would be read as it"
            )
