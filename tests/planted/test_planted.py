"""Planted errors: each edit of a correct implementation must give verdict fail, exit status 1 and the right place."""

import json
from pathlib import Path

import pytest

from refseq import layer
from refseq.checks import verify
from refseq.cli import main

SOURCE = (Path(__file__).parent / "homework.py").read_text()

LSTM, GRU, BOTH = ("lstm", False), ("gru", False), ("lstm", True)

# name: (cell and whether bidirectional, edit (old, new), what one finding's place must be)
PLANTS = {
    "gates i and f swapped": (
        LSTM,
        ("i, f, g, o = (a[k]", "f, i, g, o = (a[k]"),
        {"check": "values", "tensor": "y", "time": 0},
    ),
    "bias added twice": (
        LSTM,
        ("@ W[g].T + b[g]", "@ W[g].T + 2 * b[g]"),
        {"check": "values", "tensor": "y", "time": 0},
    ),
    "tanh slope dropped in dc": (
        LSTM,
        ("dh1 * o * (1 - tc**2)", "dh1 * o"),
        {"check": "gradients", "tensor": "dW_hx", "gate": "f"},
    ),
    "h0 gradient zero": (LSTM, ('dstate0["h"][d] = dh', 'dstate0["h"][d] = 0'), {"tensor": "dstate[h]"}),
    "c0 ignored": (
        LSTM,
        ('state["c"][d] if self.lstm', '0 * state["c"][d] if self.lstm'),
        {"check": "values", "tensor": "y", "time": 0},
    ),
    "dW_hh from h_t instead of h_{t-1}": (
        LSTM,
        (
            "return da, sum(da[k] @ U[k] for k in range(4)), dc * f, [h] * 4",
            "return da, sum(da[k] @ U[k] for k in range(4)), dc * f, [o * tc] * 4",
        ),
        {"check": "gradients", "tensor": "dW_hh", "gate": "i"},
    ),
    "dW of one gate scaled by 1 + 1e-6": (
        LSTM,
        ("dW[g] += da[g].T @ xt", "dW[g] += da[g].T @ xt * (1 + 1e-6 * (g == 3))"),
        {"check": "gradients", "tensor": "dW_hx", "gate": "o"},
    ),
    "error only at t > 8": (
        LSTM,
        ("c1 = f * c + i * g", "c1 = f * c + i * g * (1 + 1e-6 * (t > 8))"),
        {"check": "values", "tensor": "y", "time": 9},
    ),
    "reverse direction not length-aware": (
        BOTH,
        ("out[:length, b] = x[:length, b][::-1]", "out[:, b] = x[:, b][::-1]"),
        {"check": "values", "tensor": "y", "direction": "reverse"},
    ),
    "NaN in a gradient": (
        LSTM,
        (
            "return {name: value.astype(dtype)",
            'grads["W_hh"][1, 2, 3] = np.nan\n        return {name: value.astype(dtype)',
        ),
        {"check": "gradients", "tensor": "dW_hh", "gate": "f"},
    ),
    "padding gradient not zero": (
        LSTM,
        ("dx += self.flip(dxs, n) if d else dxs", "dx += dxs\n            dx[-1, 2] += 1e-300"),
        {"check": "gradients", "tensor": "dx", "time": 4, "row": 2},
    ),
    "GRU reset after instead of before": (
        GRU,
        ("(r * h) @ U[2].T", "r * (h @ U[2].T)"),
        {"check": "values", "tensor": "y", "time": 0},
    ),
}


def test_the_homework_itself_passes(tmp_path):
    for cell, bidirectional in (LSTM, GRU, BOTH):
        made = layer(cell, 3, 5, bidirectional=bidirectional)
        report = verify(_load(SOURCE)(made), made)
        assert report.verdict == "pass", report.findings


@pytest.mark.parametrize("name", PLANTS)
def test_planted_error_is_named(name, tmp_path, capsys):
    (cell, bidirectional), (old, new), place = PLANTS[name]
    assert SOURCE.count(old) == 1, f"the edit {old!r} must apply exactly once"
    maker = f"\n\nwrong = Homework(__import__('refseq').layer({cell!r}, 3, 5, bidirectional={bidirectional}))\n"
    copy = tmp_path / "copy.py"
    copy.write_text(SOURCE.replace(old, new) + maker)
    result = tmp_path / "result.json"
    status = main(["verify", f"{copy}:wrong", "--dtype", "float64", "--quick", "--json", str(result)])
    assert status == 1
    (report,) = json.loads(result.read_text())["reports"]
    assert report["verdict"] == "fail"
    findings = [f for outcome in report["outcomes"] for f in outcome["findings"]]
    places = [{**finding, **finding["place"]} for finding in findings]
    wanted = [found for found in places if all(found[key] == value for key, value in place.items())]
    assert wanted, f"no finding names {place}; findings: {places}"
    printed = capsys.readouterr().out
    assert "fail" in printed
    assert place["tensor"] in printed


def _load(source):
    names = {}
    exec(compile(source, "homework", "exec"), names)
    return names["Homework"]
