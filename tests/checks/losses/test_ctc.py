"""Losses of others are judged, and a wrong gradient is told by its numbers: which other one it is."""

import numpy as np
import pytest

from refseq.adapters import LOSSES
from refseq.checks import NotOffered
from refseq.checks.losses import OwnCTC, verify
from refseq.checks.verdict import FAIL, NOT_OFFERED, PASS
from refseq.cli import main
from tests.checks.losses.textbook import Textbook
from tests.conftest import framework

both_forms = pytest.mark.parametrize("wrt", ["logits", "log_probs"])
both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])


@both_forms
@both_precisions
def test_refseq_passes(wrt, dtype):
    report = verify(OwnCTC(wrt, "reference"), dtype)
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert {outcome.check for outcome in report.outcomes} == {"values", "gradients"}
    assert report.worst.sigma < 16


@both_precisions
@pytest.mark.parametrize("seed", range(4))
def test_the_textbook_passes(dtype, seed):
    """Alpha and beta as in the paper, logarithms as large as the loss: a right implementation is not told to be wrong,
    and has errors of the size that there is room for."""
    report = verify(Textbook(), dtype, seed=seed)
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert 1 < report.worst.sigma < 6


class ThroughLogSoftmax:
    """torch's log_softmax and ctc_loss one after the other, which together are right."""

    name, wrt = "torch", "logits"

    def loss(self, *given):
        return self._run(*given, None)[0]

    def vjp(self, *given):
        return self._run(*given)[1]

    def _run(self, x, targets, lengths, target_lengths, blank, dloss):
        torch = framework("torch")
        leaf = torch.tensor(x, requires_grad=True)
        counts = torch.tensor(lengths), torch.tensor(target_lengths)
        given = torch.log_softmax(leaf, 2), torch.tensor(np.maximum(targets, 0)), *counts
        losses = torch.nn.functional.ctc_loss(*given, blank=blank, reduction="none", zero_infinity=True)
        losses.backward(torch.ones_like(losses) if dloss is None else torch.tensor(dloss))
        return losses.detach().numpy(), leaf.grad.numpy()


@both_precisions
@pytest.mark.parametrize("seed", range(4))
def test_a_loss_behind_log_softmax_passes(dtype, seed):
    report = verify(ThroughLogSoftmax(), dtype, seed=seed)
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert 1 < report.worst.sigma < 6


class Changed(OwnCTC):
    """refseq's, with the gradient changed by a function of (gradient, x, lengths, target_lengths, dloss)."""

    def __init__(self, wrt, change, given=None):
        super().__init__(given or wrt, "reference")
        self.wrt, self.change, self.name = wrt, change, "changed"
        self.inner = OwnCTC(given or wrt, "reference")

    def loss(self, *given):
        return OwnCTC(self.wrt, "reference").loss(*given)

    def vjp(self, x, targets, lengths, target_lengths, blank, dloss):
        def gradient(weights):
            return self.inner.vjp(x, targets, lengths, target_lengths, blank, weights)

        found = self.change(gradient, lengths[:, None], np.maximum(target_lengths, 1)[:, None], dloss)
        return found.astype(x.dtype)


def same(gradient, frames, labels, dloss):
    return gradient(dloss)


PLANTED = {
    "it is the gradient with respect to logits, not log-probabilities (the true gradient plus softmax)": (
        "log_probs",
        same,
        "logits",
    ),
    "it is the gradient with respect to log-probabilities, not logits (the true gradient minus softmax)": (
        "logits",
        same,
        "log_probs",
    ),
    "it is the true gradient of the wrong sign": ("log_probs", lambda g, t, n, d: -g(d), None),
    "it is the true gradient divided by the number of rows": ("logits", lambda g, t, n, d: g(d) / len(d), None),
    "it is the true gradient divided by the length of the target": ("log_probs", lambda g, t, n, d: g(d) / n, None),
    "it is the true gradient divided by the number of frames": (
        "logits",
        lambda g, t, n, d: g(d) / np.maximum(t, 1),
        None,
    ),
    "it is the true gradient without the cotangent of the loss": (
        "logits",
        lambda g, t, n, d: g(np.ones_like(d)),
        None,
    ),
    "it is the gradient with respect to logits, not log-probabilities (the true gradient plus softmax), of the wrong "
    "sign, without the cotangent of the loss, divided by the number of rows": (
        "log_probs",
        lambda g, t, n, d: -g(np.ones_like(d)) / len(d),
        "logits",
    ),
}


@both_precisions
@pytest.mark.parametrize("words", PLANTED)
def test_a_planted_dialect_is_named(words, dtype):
    report = verify(Changed(PLANTED[words][0], *PLANTED[words][1:]), dtype)
    assert report.verdict == FAIL
    assert {finding.check for finding in report.findings} == {"gradients"}
    assert {finding.diagnosis for finding in report.findings} == {words}


@both_forms
def test_an_error_of_no_dialect_has_no_diagnosis(wrt):
    def change(gradient, frames, labels, dloss):
        found = gradient(dloss)
        found[2, 1, 3] *= 1 + 1e-12
        return found

    report = verify(Changed(wrt, change))
    assert report.verdict == FAIL
    assert {finding.diagnosis for finding in report.findings} == {""}
    assert {(f.place.time, f.place.row, dict(f.place.along)["class"]) for f in report.findings} == {(2, 1, 3)}


class Odd(OwnCTC):
    """An implementation that does something else."""

    def __init__(self, result):
        super().__init__("log_probs", "reference")
        self.name, self.result = "odd", result

    def vjp(self, x, *given):
        return self.result(x, *given)


def refuse(*given):
    raise NotOffered("no gradient")


def modify(x, targets, *given):
    targets[:] = 1
    return x


@pytest.mark.parametrize(
    ("result", "verdict", "words"),
    [
        (refuse, NOT_OFFERED, "no gradient"),
        (modify, FAIL, "an argument was modified"),
        (lambda x, *given: x[0], FAIL, "expected a numpy array of float64 (6, 7, 5), got float64 (7, 5)"),
        (lambda x, *given: x * np.nan, FAIL, "got nan"),
        (lambda x, *given: {}["none"], FAIL, "vjp raised KeyError"),
    ],
)
def test_odd_implementations(result, verdict, words):
    outcomes = [outcome for outcome in verify(Odd(result)).outcomes if outcome.check == "gradients"]
    assert {outcome.verdict for outcome in outcomes} == {verdict}
    assert all(words in outcome.reason + "".join(map(str, outcome.findings)) for outcome in outcomes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((object(),), "expected an object with the methods loss and vjp"),
        ((OwnCTC,), "expected an object with the methods loss and vjp"),
        ((OwnCTC("probs"),), "implementation.wrt: expected one of logits, log_probs; got 'probs'"),
        ((OwnCTC(), "float16"), "dtype: expected float32 or float64; got 'float16'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        verify(*arguments)


@both_precisions
def test_the_gradient_of_torch_is_that_of_logits(dtype):
    """Its argument is log-probabilities, and its losses are right. Found by the numbers: nothing here names torch."""
    framework("torch")
    from refseq.adapters.torch_losses import TorchCTC

    report = verify(TorchCTC(), dtype)
    assert report.verdict == FAIL
    assert {outcome.verdict for outcome in report.outcomes if outcome.check == "values"} == {PASS}
    assert {finding.tensor for finding in report.findings} == {"dlog_probs"}
    expected = "it is the gradient with respect to logits, not log-probabilities (the true gradient plus softmax)"
    assert {finding.diagnosis for finding in report.findings} == {expected}


def test_from_the_command_line(capsys, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from refseq.checks.losses import OwnCTC\n\ndef mine():\n    return OwnCTC('logits', 'reference')\n"
    )
    assert main(["verify", f"{mine}:mine", "--cell", "ctc", "--dtype", "float64"]) == 0
    told = capsys.readouterr().out
    for word in ("refseq reference", "ctc(wrt=logits)", "C=5 blank=0,3 float64", "pass"):
        assert word in told
    assert main(["verify", "refseq", "--target", "reference", "--cell", "ctc", "--dtype", "float64"]) == 0
    told = capsys.readouterr().out
    assert told.count("ctc(wrt=log_probs)") == 2
    assert main(["verify", "onnx", "--cell", "ctc"]) == 2
    assert "onnx has no ctc to be judged" in capsys.readouterr().err


def test_torch_from_the_command_line(capsys):
    framework("torch")
    assert main(["verify", "torch", "--cell", "ctc", "--dtype", "float64"]) == 1
    assert "it is the gradient with respect to logits, not log-probabilities" in " ".join(
        capsys.readouterr().out.split()
    )
    assert ("torch", "ctc") in LOSSES
