"""The command for a device, at tiny sizes: what it calls wrong, and what it does not reach. Run by test_target.py."""

import json
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cuda_kernels import gpu
from cuda_kernels.bench import cases, ceilings, checks, command, flash, reach, report, sanitizer, speed, workers
from cuda_kernels.bench.peers import Own
from refseq.bench.libraries import Pass

CASE, PACKED, LOW = cases.cases(tiny=True)
SOON = 600.0


def check(**changes):
    return checks.Check(
        **(
            {"name": "a", "dtype": "float32", "shape": "", "tensor": "y", "error": 0.0, "limit": 1.0, "trouble": ""}
            | changes
        )
    )


def test_a_wrong_or_missing_number_is_trouble():
    want = {"y": np.ones(3)}
    assert checks.judged("a", "float32", "", {"y": np.ones(3, "float32")}, {"y": np.full(3, np.nan)}, 4).trouble
    for got, good in ((1 + 1e-7, True), (1.1, False), (np.nan, False), (np.inf, False)):
        found = checks.judged("a", "float32", "", {"y": np.full(3, got, "float32")}, want, 4)
        assert (not found.trouble) == good, got
        assert found.limit == 32 * np.finfo("float32").eps


def test_a_check_of_a_layer_sees_a_wrong_kernel(monkeypatch):
    """Launches of one kernel are left out: gradients are missing."""
    variant = ("gru", {})
    assert not checks.layer_check(variant, "float32", checks.TINY).trouble
    launch = gpu.launch

    def broken(kernel, *rest, **options):
        if kernel.py_func.__name__ != "outer":
            launch(kernel, *rest, **options)

    monkeypatch.setattr(gpu, "launch", broken)
    assert checks.layer_check(variant, "float32", checks.TINY).tensor.startswith("dW_")


def test_what_is_not_reached_is_said():
    said, before = [], len(list(checks.posed_checks(True)))
    part = slice(before, before + 7)
    assert checks.everything(True, time.monotonic() - 1, said.append, part) == 7
    assert checks.everything(True, time.monotonic() + SOON, said.append, part) == 0
    exact, rounded = ["lstm, resident", "elman(activation=tanh), persistent"], ["bf16", "tf32"]
    tiers = [*exact, *(f"{tier} {precision}" for tier, precision in zip(exact, rounded, strict=True))]
    tiers.append("gru(reset=before), persistent bf16")
    assert [one["name"] for one in said] == [*tiers, "lstm(normalise=True)", "gru(reset=before)"]
    assert speed.everything(True, time.monotonic() - 1, 0)["left"] == [CASE.key, PACKED.key, LOW.key]
    with reach.launched() as found:
        checks.layer_check(("gru", {}), "float32", checks.TINY)
    launched = {name for name, kernel in reach.kernels(True).items() if id(kernel) in found}
    reached = reach.reached(launched, tiny=True)
    assert "lstm(normalise=True) forward float32" in reached["missed"]
    assert "gru(reset=before) forward float32" not in reached["missed"]
    assert reached["kernels"] == reached["launched"] + len(reached["missed"])


@pytest.mark.parametrize("end", ["", '{"name": "a", "trouble": ""}'])
def test_a_process_that_ends_before_its_work_is_trouble(end):
    process = SimpleNamespace(communicate=lambda timeout: (end, "Traceback\nNo memory"), returncode=3)
    found = {"checks": [], "left": 0, "launched": set()}
    workers._collect(found, 5, process, 1)
    assert len(found["checks"]) == (2 if end else 1)
    assert found["checks"][-1]["trouble"] == "ended with status 3: No memory"


class Wrong(Own):
    """Results that are wrong by a tenth of a percent in one entry; or none at all."""

    def prepare(self, case):
        def changed(one):
            def read(result):
                found = one.read(result)
                found["y"].reshape(-1)[0] *= 1.001
                return found

            return Pass(one.call, read)

        if case.packed:
            raise FloatingPointError("lost")
        return {name: changed(one) for name, one in super().prepare(case).items()}


def test_who_is_wrong_is_not_timed():
    own = speed._measured(CASE, Own(), 0)
    assert (own["status"], list(own["passes"])) == ("timed", ["forward", "both"])
    assert speed._measured(CASE, Wrong(), 0)["status"] == "refused"
    failed = speed._measured(PACKED, Wrong(), 0)
    assert (failed["status"], failed["reason"]) == ("failed", "FloatingPointError: lost")


def test_low_precisions_are_timed_where_there_are_kernels():
    found = speed._measured(LOW, Own(), 0)
    assert (found["status"], list(found["passes"])) == ("timed", ["forward", "both"])
    assert 2.0**-16 < found["error"] < 2.0**-7  # its operands have been rounded
    none = speed._measured(replace(LOW, precision="float16"), Own(), 0)
    assert (none["status"], none["reason"]) == ("not offered", "refseq has no float16")
    large = replace(LOW, layer=replace(LOW.layer, shape=cases.Shape(3, 2, 4, 769)))
    reason = speed._measured(large, Own(), 0)["reason"]
    assert reason.startswith("tier 'persistent' and precision 'bf16' cannot run lstm of 769 units"), reason


def test_low_precisions_are_judged_in_the_norm():
    truth = CASE.truth["forward"]
    noise = {name: 0.01 * (-1) ** np.arange(value.size).reshape(value.shape) for name, value in truth.items()}
    noisy = {name: value * (1 + noise[name]) for name, value in truth.items()}
    error, limit = LOW.judged({"forward": noisy})
    assert error == pytest.approx(0.01)
    assert error < limit == 4 * 2.0**-7 * 3**0.5
    spike = truth["y"].copy()
    spike[0, 0, 0] += 1
    assert LOW.judged({"forward": truth | {"y": spike}})[0] == pytest.approx(1 / np.linalg.norm(truth["y"]))
    assert LOW.judged({"forward": truth | {"y": 2 * truth["y"]}})[0] == pytest.approx(1)
    assert CASE.judged({"forward": noisy})[0] > CASE.judged({"forward": noisy})[1]


def flashrnn(Wx, R, b, states, function, backend):
    """The package's LSTM by its documentation; R h, if the last axis is the operand's."""
    import torch

    assert (function, backend) == ("lstm", "cuda_fused")
    h, c = states[0, :, 0], states[1, :, 0]
    outputs = []
    for t in range(Wx.shape[1]):
        i, f, z, o = (Wx[:, t] + torch.einsum("gnij,bnj->bgni", R, h) + b).unbind(1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(torch.stack([h, c]))
    return torch.stack(outputs, dim=2), outputs[-1][:, :, None]


def test_flashrnn_is_asked_as_it_is_documented(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "flashrnn", SimpleNamespace(flashrnn=flashrnn))
    case = cases.DeviceCase(CASE.layer, "tf32")
    assert speed._measured(case, flash.Flash(False), 0)["status"] == "timed"
    assert speed._measured(case, flash.Flash(True), 0)["status"] == "refused"
    assert speed._measured(CASE, flash.Flash(False), 0)["status"] == "not offered"


def test_the_ceilings_have_units():
    found = ceilings.measured(0.0, tiny=True)
    assert {one["unit"] for one in found.values()} == {"us", "GB/s", "TFLOP/s"}
    assert all(one["value"] > 0 for one in found.values())


STATUSES = [(0, "clean"), (sanitizer.FOUND, "found"), (1, "failed"), (None, "timed out")]


@pytest.mark.parametrize(("status", "word"), STATUSES)
def test_what_the_sanitizer_says(status, word, tmp_path, monkeypatch):
    program = tmp_path / "compute-sanitizer"
    program.write_text("#!/bin/sh\necho $@\n" + ("exec sleep 60" if status is None else f"exit {status}") + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = sanitizer.everything(0.5)
    assert {tool: one["status"] for tool, one in found.items()} == {"racecheck": word, "memcheck": word}
    if status is not None:
        assert found["racecheck"]["lines"][0].startswith(f"--tool racecheck --error-exitcode {sanitizer.FOUND}")


def test_the_command_writes_what_it_found(tmp_path, monkeypatch, capsys):
    bad = {"checks": [check(trouble="beyond the limit", error=2.0).to_dict()], "left": 5, "launched": set()}
    monkeypatch.setattr(workers, "everything", lambda *_: bad)
    monkeypatch.setattr(speed, "everything", lambda *_: {"peers": {"refseq": "1"}, "measurements": [], "left": ["x"]})
    monkeypatch.setattr(ceilings, "measured", lambda *_: {"launch": {"value": 7.0, "unit": "us", "times": {}}})
    monkeypatch.setattr(sanitizer, "everything", lambda *_: {"memcheck": {"status": "clean", "lines": []}})
    assert command.run(tmp_path, 1.0, tiny=True) == 1
    (written,) = tmp_path.glob("*.json")
    content = json.loads(written.read_text())
    assert (content["schema"], content["unchecked"], content["checks"][0]["trouble"]) == (1, 5, "beyond the limit")
    text = written.with_suffix(".md").read_text()
    assert "1 problems, 1 beyond their limit, 5 not reached in time" in text
    assert "| launch | 7 | us |" in text
    assert "not reached in time: x" in text
    assert "not reached 5" in capsys.readouterr().out
    monkeypatch.setattr(workers, "everything", lambda *_: {"checks": [check().to_dict()], "left": 0, "launched": set()})
    assert command.run(tmp_path, 1.0, tiny=True) == 0


def test_the_tables_have_a_line_for_everybody():
    measurements = [speed._measured(case, peer, 0) for case in (CASE, PACKED) for peer in (Own(), Wrong())]
    lines = report._times({"measurements": measurements})
    assert [line.split(" | ")[1] for line in lines[2:-1]] == ["refseq", "refseq", "refseq", "refseq"]
    assert "refused: error" in lines[3]
