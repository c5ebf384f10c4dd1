"""``verify`` and ``parametrize_with_checks``: what they run, and what becomes of each verdict."""

import pytest

import refseq
from refseq.checks import CHECKS, NotOffered, OwnImplementation, parametrize_with_checks, verify
from refseq.checks.suite import problems
from refseq.checks.verdict import FAIL, PASS
from tests.examples import LAYERS

LAYER = refseq.layer("gru", 3, 4)


class Wrong(OwnImplementation):
    """Forgets the gradient of the initial state."""

    def vjp(self, *arguments):
        dparams, dx, dstate = super().vjp(*arguments)
        return dparams, dx, {name: value * 0 for name, value in dstate.items()}


class Mute(OwnImplementation):
    """Has no gradients."""

    def vjp(self, *arguments):
        raise NotOffered("forward only")


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_refseq_passes_its_own_checks(dtype, target):
    layer = LAYERS[3]
    report = verify(OwnImplementation(layer, target), layer, dtype)
    assert report.verdict == PASS, report.findings or report.reasons
    assert report.dtype == dtype
    assert report.sensitivity is not None
    assert report.worst is not None
    assert report.worst.sigma < 8


@pytest.mark.parametrize(
    ("layer", "dtype"),
    [
        (refseq.layer("elman", 3, 4, zoneout=True, dropout=True), "float64"),
        (refseq.layer("leaky", 3, 4, mu=0.999), "float32"),
    ],
    ids=str,
)
def test_masks_and_constants_go_through_all_checks(layer, dtype):
    """Masks reach every run; a constant that single precision cannot hold is rounded, on both sides."""
    report = verify(OwnImplementation(layer, "cpu"), layer, dtype)
    assert report.verdict == PASS, report.findings or report.reasons


def test_quick_leaves_problems_out():
    assert [p.label for p in problems(LAYER, quick=True)] == [p.label for p in problems(LAYER)][:2]
    assert len(problems(LAYER)) == 9
    assert problems(LAYER)[0].lengths is not None
    assert len(problems(LAYER)[1].x) > 8


def test_every_check_runs_and_reports_as_it_goes():
    seen = []
    report = verify(OwnImplementation(LAYER, "cpu"), LAYER, quick=True, progress=seen.append)
    assert tuple(seen) == report.outcomes
    assert {outcome.check for outcome in seen} <= {check.name for check in CHECKS}
    quick = {"values", "gradients", "adjoint", "differences", "finite field", "agreement"}
    assert {outcome.check for outcome in seen} == quick


def test_the_names_of_checks_are_distinct():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(check.question.endswith("?") for check in CHECKS)


def test_seeds_draw_other_problems():
    assert problems(LAYER, seed=0)[0].x[0, 0, 0] != problems(LAYER, seed=1)[0].x[0, 0, 0]


@pytest.mark.parametrize("dtype", ["float16", "long double", None, int])
def test_an_unknown_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match="dtype: expected float32 or float64; got"):
        verify(OwnImplementation(LAYER), LAYER, dtype)


def cases(implementation):
    mark = parametrize_with_checks([(implementation, LAYER)], quick=True)
    assert mark.args[0] == "check"
    return {case.id: case.values[0] for case in mark.args[1]}


def test_a_failing_check_is_a_failing_case():
    found = cases(Wrong(LAYER))
    case = next(case for name, case in found.items() if "-gradients-" in name)
    with pytest.raises(AssertionError, match=r"gradients .*dstate\[h\]"):
        case()
    next(case for name, case in found.items() if "-values-" in name)()


def test_what_cannot_be_judged_is_skipped_with_its_reason():
    found = cases(Mute(LAYER))
    case = next(case for name, case in found.items() if "-gradients-" in name)
    with pytest.raises(pytest.skip.Exception, match="not offered: forward only"):
        case()


def test_the_report_of_a_wrong_implementation():
    report = verify(Wrong(LAYER), LAYER, quick=True)
    assert report.verdict == FAIL
    assert {finding.tensor for finding in report.findings if finding.check == "gradients"} == {"dstate[h]"}
    assert all(outcome.verdict == PASS for outcome in report.outcomes if outcome.check == "values")
