"""Two directions: what is made of their outputs, and sequences that read the same from both ends. Bit for bit."""

import numpy as np
import pytest

from refseq.checks.problem import draw
from tests.interpreted import everything, raised
from tests.variants import KINDS, label, layer

kinds = pytest.mark.parametrize("variant", KINDS, ids=label)


def two_directions(variant, merge="concat"):
    subject = layer(variant, bidirectional=True, merge=merge)
    return subject, raised(draw(subject, "float64", 6, 5), float)


@kinds
@pytest.mark.parametrize(("merge", "share"), [("sum", 1), ("mean", 2)])
def test_sum_and_mean_are_those_of_the_concatenated_outputs(variant, merge, share):
    """y = (left + right) / share; its cotangent goes to both, divided likewise (2 is exact in binary)."""
    subject, given = two_directions(variant, merge)
    apart, _ = two_directions(variant)
    merged = everything(subject, given)
    halves = everything(apart, given | {"dy": np.concatenate([given["dy"] / share] * 2, axis=2)})
    left, right = np.split(halves["y"], 2, axis=2)
    assert np.array_equal(merged["y"], (left + right) / share)
    assert [name for name in halves if name != "y" and not np.array_equal(merged[name], halves[name])] == []


def mirrored(array, lengths):
    """Every row turned round within its length; beyond it, as it is."""
    result = array.copy()
    for b, length in enumerate(lengths):
        result[:length, b] = array[:length, b][::-1]
    return result


@kinds
def test_both_directions_of_a_palindrome_are_the_same(variant):
    """x and the cotangents read the same from both ends, and the directions share their parameters and states: so do
    outputs, final states and gradients."""
    subject, given = two_directions(variant)
    lengths = given["lengths"]
    left, right = np.split(given["dy"], 2, axis=2)
    given |= {"x": given["x"] + mirrored(given["x"], lengths)}
    given |= {"dy": np.concatenate([left, mirrored(left, lengths)], axis=2)}
    for kind in ("state", "dstate"):
        given[kind] = {name: np.concatenate([value[:1]] * 2) for name, value in given[kind].items()}
    for name in given["params"]:
        if name.endswith("_reverse"):
            given["params"][name] = given["params"][name.removesuffix("_reverse")]
    given["masks"] = {name: np.stack([mask[0], mirrored(mask[0], lengths)]) for name, mask in given["masks"].items()}
    found = everything(subject, given)
    left, right = np.split(found["y"], 2, axis=2)
    assert np.array_equal(right, mirrored(left, lengths))
    assert np.array_equal(found["dx"], mirrored(found["dx"], lengths))
    for name in subject.cell.state:
        for kind in ("state", "dstate"):
            assert np.array_equal(*found[f"{kind}[{name}]"])
    for name in subject.shapes:
        assert np.array_equal(found["d" + name], found["d" + name.removesuffix("_reverse")])


def test_a_sequence_that_is_no_palindrome_is_not_the_same():
    subject, given = two_directions(("gru", {}))
    for name in [name for name in given["params"] if name.endswith("_reverse")]:
        given["params"][name] = given["params"][name.removesuffix("_reverse")]
    left, right = np.split(everything(subject, given)["y"], 2, axis=2)
    assert not np.array_equal(right, mirrored(left, given["lengths"]))
