"""What the CTC loss is given: padding, NaN, targets in one row, numbers of other fields, nothing, what is refused."""

import numpy as np
import pytest

from refseq.arrays import lift
from refseq.fields.residue import Residue
from refseq.losses import ctc_of_logits
from tests.losses.ctc_cases import FORMS, both_forms, both_targets, problem


@both_forms
@both_targets
def test_padding_is_not_read(form, target):
    x, targets, options = problem()
    want = FORMS[form](x, targets, **options, target=target)
    for row, length in enumerate(options["lengths"]):
        x[length:, row] = np.nan
        targets[row, options["target_lengths"][row] :] = -(10**9)
    before = x.copy(), targets.copy()
    got = FORMS[form](x, targets, **options, target=target)
    assert got.gradient.tobytes() == want.gradient.tobytes()
    assert got.sequences.tobytes() == want.sequences.tobytes()
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(targets, before[1])
    for row, length in enumerate(options["lengths"]):
        assert not got.gradient[length:, row].any()


@both_forms
@both_targets
def test_a_nan_stays_in_its_row(form, target):
    x, targets, options = problem()
    want = FORMS[form](x, targets, **options, target=target)
    x[3, 0, 1] = np.nan
    got = FORMS[form](x, targets, **options, target=target)
    assert np.isnan(got.sequences[0])
    assert got.gradient[:, 1:].tobytes() == want.gradient[:, 1:].tobytes()


def test_joined_targets_are_padded_ones():
    x, targets, options = problem()
    counts = options["target_lengths"]
    joined = np.concatenate([row[:n] for row, n in zip(targets, counts, strict=True)])
    for kind in (np.int32, np.int64, np.uint8):
        ours = ctc_of_logits(x, joined.astype(kind), **options)
        theirs = ctc_of_logits(x, targets, **options)
        assert ours.gradient.tobytes() == theirs.gradient.tobytes()


def test_other_fields():
    x, targets, options = problem()
    feasible = options | {"infeasible": "zero", "target": "reference"}
    want = ctc_of_logits(x, targets, **feasible)
    complex_ = ctc_of_logits(x.astype(complex), targets, **feasible)
    np.testing.assert_allclose(complex_.gradient, want.gradient, atol=1e-14)
    h = 1e-100
    moved = x.astype(complex)
    moved[2, 1, 3] += 1j * h
    slope = ctc_of_logits(moved, targets, **feasible).value.imag / h
    assert slope == pytest.approx(want.gradient[2, 1, 3], rel=1e-12)
    residues = lift(np.arange(x.size).reshape(x.shape) + 1, Residue)
    with pytest.raises(ValueError, match="no path spells row 3, and these numbers have no infinity"):
        ctc_of_logits(residues, targets, **(feasible | {"infeasible": "inf"}))


@both_targets
@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 0, 2), (0, 0, 1), (3, 2, 1)])
def test_empty_shapes(shape, target):
    """No frames, no rows, or the blank as the only class: the empty target is certain."""
    loss = ctc_of_logits(np.zeros(shape), np.zeros((shape[1], 0), int), target=target)
    assert loss.gradient.shape == shape
    assert loss.sequences.tolist() == [0] * shape[1]
    assert loss.value == 0
    assert not loss.gradient.any()


GOOD = (np.zeros((4, 2, 3)), np.array([[1, 2], [1, 1]]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"logits": np.zeros((4, 2))}, ValueError, "logits: expected shape (T, B, C), got (4, 2)"),
        ({"logits": np.zeros((4, 2, 0))}, ValueError, "logits: number of classes: expected at least 1, got 0"),
        ({"targets": [[1, 2], [1, 1]]}, TypeError, "targets: expected a numpy array, got list"),
        ({"targets": np.ones((2, 2))}, TypeError, "targets: expected integers, got dtype float64"),
        ({"targets": np.ones((3, 2), int)}, ValueError, "targets: expected shape (2, L) or (sum of target_lengths,)"),
        (
            {"targets": np.array([[1, 3], [1, 1]])},
            ValueError,
            "0 <= label < C = 3 other than the blank 0, got 3 at (0, 1)",
        ),
        ({"targets": np.array([[1, 2], [0, 1]])}, ValueError, "other than the blank 0, got 0 at (1, 0)"),
        ({"blank": 2}, ValueError, "other than the blank 2, got 2 at (0, 1)"),
        ({"blank": 3}, ValueError, "blank: expected 0 <= blank < C = 3, got 3"),
        ({"blank": -1}, ValueError, "blank: expected at least 0, got -1"),
        ({"lengths": [4, 5]}, ValueError, "lengths[1]: expected 0 <= length <= T = 4, got 5"),
        ({"target_lengths": [2, 3]}, ValueError, "target_lengths[1]: expected 0 <= length <= 2, got 3"),
        ({"target_lengths": [2]}, ValueError, "target_lengths: expected shape (2,), one for each batch row, got (1,)"),
        ({"targets": np.array([1, 2])}, ValueError, "target_lengths: needed for targets of shape"),
        (
            {"targets": np.array([1, 2]), "target_lengths": [1, 0]},
            ValueError,
            "targets: expected shape (1,), the sum of target_lengths; got (2,)",
        ),
        ({"weights": np.ones(3)}, ValueError, "weights: expected shape (2), got (3,)"),
        ({"weights": np.array([1.0, -1.0])}, ValueError, "weights: expected finite numbers >= 0, got -1.0 at (1,)"),
        ({"reduction": "mean"}, ValueError, "reduction: expected one of sum, mean per token"),
        ({"infeasible": "nan"}, ValueError, "infeasible: expected one of inf, zero; got 'nan'"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"logits": GOOD[0], "targets": GOOD[1]} | change
    with pytest.raises(error) as caught:
        ctc_of_logits(arguments.pop("logits"), arguments.pop("targets"), **arguments)
    assert message in str(caught.value)
