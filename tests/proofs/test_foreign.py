"""``refseq prove mine.py:Mine``: what is proved, refuted and not readable of somebody else's source."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from proofs.foreign.array import Numbers
from proofs.foreign.child import answers
from proofs.foreign.number import CannotRead, Number
from proofs.foreign.reading import patched, running
from proofs.theorem import Proved, Refuted, Undecided
from refseq.arrays import lift
from refseq.cli import main

ROOT = Path(__file__).parents[2]
HOMEWORK = (ROOT / "tests" / "planted" / "homework.py").read_text()
EXAMPLE = (ROOT / "docs" / "proofs_of_your_code.md").read_text().split("```python\n")[1].split("```")[0]

ELMAN = ("elman", {})
STYLES = {
    "einsum, dot, tensordot": ("da.T @ x[t]", "np.tensordot(da, x[t], (0, 0))", "tanh"),
    "matrices merged": ("da @ W", "np.einsum('bk,ki->bi', da, W)", "tanh"),
    "sigmoid by exp": ("math.tanh(a) if", "1.0 / (1.0 + math.exp(-a)) if", "sigmoid"),
    "sigmoid by tanh": ("math.tanh(a) if", "0.5 * (1 + np.tanh(0.5 * a)) if", "sigmoid"),
    "tanh by sigmoid": ("math.tanh(a) if", "2 / (1 + math.exp(-2 * a)) - 1 if", "tanh"),
    "relu by comparison": ("math.tanh(a) if", "(a if a > 0 else 0.0) if", "relu"),
    "relu by the other sign": ("math.tanh(a) if", "(a if -a < 0 else 0.0) if", "relu"),
    "relu by max": ("math.tanh(a) if", "max(0, a) if", "relu"),
    "float32 and back": ("h[0] = h0", "h[0] = h0.astype(np.float32).astype(np.float64)", "tanh"),
}
"""Edits of the example in the documentation that change nothing: the old text, the new, and the activation."""

SLOPES = {"tanh": "1 - h[t + 1] ** 2", "sigmoid": "h[t + 1] * (1 - h[t + 1])", "relu": "(h[t + 1] > 0)"}

UNREADABLE = {
    "order": ("math.tanh(a) if", "math.tanh(min(a, 5.0)) if", "comparison of a number with one that is not 0"),
    "float": ("math.tanh(a) if", "math.tanh(float(a)) if", "a number as a float"),
    "function": ("math.tanh(a) if", "np.arctan(a) if", "no callable arctan"),
    "condition": ("math.tanh(a) if", "(a and a) if", "a number as a condition"),
    "unwritten": ("h[0] = h0", "h = np.empty((T + 1, B, H))\n    h[0, :1] = h0[:1]", "never written"),
    "infinity": ("math.tanh(a) if", "(a + 0 * math.inf) if", "no element of a field"),
    "made at import": ("h[0] = h0", "OUTSIDE[0, :2] = h0[:2]\n    h[0] = h0", "a number as a float"),
}
"""Edits that a field cannot follow, and what the answer says of them."""


def _asked(source, cell=ELMAN, name="Mine"):
    """The answers about a source, in this process: numba's decorator is taken off."""
    names = {"OUTSIDE": np.zeros((1, 8, 3)), "__name__": "mine"}
    with patched():
        exec(compile(source.replace("@njit", ""), "mine.py", "exec"), names)
    return answers(names[name], cell)


def _edited(source, old, new):
    assert source.count(old) == 1, f"the edit {old!r} must apply exactly once"
    return source.replace(old, new)


@pytest.mark.parametrize("style", STYLES)
def test_styles_of_the_same_function_are_proved(style):
    old, new, activation = STYLES[style]
    source = _edited(_edited(EXAMPLE, SLOPES["tanh"], SLOPES[activation]), old, new)
    for question, (answer, control) in _asked(source, ("elman", {"activation": activation})).items():
        assert isinstance(answer, Proved), (question, answer)
        assert isinstance(control, Refuted)


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_undecided_with_its_line(what):
    old, new, words = UNREADABLE[what]
    answer, _ = _asked(_edited(EXAMPLE, old, new))["gradient"]
    assert isinstance(answer, Undecided)
    assert words in answer.reason
    assert answer.reason.startswith("cannot be read this way: mine.py:")


WRONG = {
    "slope of the step before": ("h[t + 1] ** 2", "h[t] ** 2", {"W_hx", "W_hh", "b_h", "x", "state[h]"}),
    "dW_hh of the state after": ("da.T @ h[t]", "da.T @ h[t + 1]", {"W_hh"}),
    "a part in 2^50": ('["b_h"][0] += da.sum(axis=0)', '["b_h"][0] += da.sum(axis=0) * (1 + 2.0**-50)', {"b_h"}),
    "padding": ("da @ U, dh)", "da @ U, 0.0)", {"W_hx", "W_hh", "b_h", "x", "state[h]"}),
    "dx of another matrix": ("dx[t] = da @ W", "dx[t] = da @ W * (t > 0)", {"x"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_gradients_are_refuted_and_the_forward_is_proved(what):
    old, new, culprits = WRONG[what]
    found = _asked(_edited(EXAMPLE, old, new))
    answer, _ = found["gradient"]
    assert isinstance(answer, Refuted)
    assert set(answer.counterexample.partition("with respect to ")[2].split(", ")) == culprits
    assert isinstance(found["forward"][0], Proved)


def test_another_forward_is_no_failure_of_the_gradient():
    found = _asked(_edited(EXAMPLE, "math.tanh(a) if", "math.tanh(a + 2.0**-40) if"))
    assert isinstance(found["gradient"][0], Proved)
    answer, _ = found["forward"]
    assert isinstance(answer, Refuted)
    assert answer.claim.startswith("other forward")


def test_laws_that_are_not_known_leave_it_undecided_where_ordinary_numbers_see_nothing():
    rational = "(a / math.sqrt(1 + a * a)) if"
    source = _edited(_edited(EXAMPLE, "math.tanh(a) if", rational), SLOPES["tanh"], "(1 - h[t + 1] ** 2) ** 1.5")
    answer, _ = _asked(source)["gradient"]
    assert isinstance(answer, Undecided)
    assert "sqrt(x)^2 = x" in answer.reason
    wrong, _ = _asked(_edited(source, "** 1.5", "** 2.5"))["gradient"]
    assert isinstance(wrong, Refuted)
    assert "on ordinary numbers too" in wrong.counterexample


PLANTS = {
    "tanh slope dropped in dc": ("lstm", ("dh1 * o * (1 - tc**2)", "dh1 * o"), "gradient"),
    "h0 gradient zero": ("lstm", ('dstate0["h"][d] = dh', 'dstate0["h"][d] = 0'), "gradient"),
    "dW of one gate scaled by 1 + 1e-6": (
        "lstm",
        ("dW[g] += da[g].T @ xt", "dW[g] += da[g].T @ xt * (1 + 1e-6 * (g == 3))"),
        "gradient",
    ),
    "gates i and f swapped": ("lstm", ("i, f, g, o = (a[k]", "f, i, g, o = (a[k]"), "both"),
    "bias added twice": ("lstm", ("@ W[g].T + b[g]", "@ W[g].T + 2 * b[g]"), "both"),
    "GRU reset after instead of before": ("gru", ("(r * h) @ U[2].T", "r * (h @ U[2].T)"), "both"),
    "forget gate left out": ("lstm", ("c1 = f * c + i * g\n", "c1 = c + i * g\n"), "both"),
    "error only at t > 8": ("lstm", ("c1 = f * c + i * g\n", "c1 = f * c + i * g * (1 + 1e-6 * (t > 8))\n"), "both"),
}
"""Errors in the homework: its cell, the edit, and whether only its gradient is wrong or its forward as well."""


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_homework_is_proved(cell):
    for answer, control in _asked(HOMEWORK, (cell, {}), "Homework").values():
        assert isinstance(answer, Proved)
        assert "both directions" in answer.shown
        assert "not offered: two layers" in answer.shown
        assert isinstance(control, Refuted)


@pytest.mark.parametrize("plant", PLANTS)
def test_errors_planted_in_the_homework_are_refuted(plant):
    cell, (old, new), where = PLANTS[plant]
    found = _asked(_edited(HOMEWORK, old, new), (cell, {}), "Homework")
    assert isinstance(found["gradient"][0], Refuted)
    assert isinstance(found["forward"][0], Proved if where == "gradient" else Refuted)


@pytest.mark.parametrize("edit", [None, ("da.T @ h[t]", "da.T @ h[t + 1]"), ("class Mine", "import torch_of_ours")])
def test_the_command(edit, tmp_path, capsys):
    mine, file = tmp_path / "mine.py", tmp_path / "answers.json"
    mine.write_text(_edited(EXAMPLE, *edit) if edit else EXAMPLE)
    status = main(["prove", f"{mine}:Mine", "--cell", "elman", "--json", str(file)])
    if edit and "import" in edit[1]:
        assert status == 2
        return
    found = {theorem["name"]: theorem["verdict"] for theorem in json.loads(file.read_text())["theorems"]}
    gradient = "refuted" if edit else "proved"
    assert found == {"mine.py:Mine elman gradient": gradient, "mine.py:Mine elman forward": "proved"}
    assert status == (1 if edit else 0)
    assert "finite field" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("transposed/lstm", "--cell", "lstm"),
        ("nowhere.py:Mine",),
        ("mine:Mine", "transposed/lstm"),
        ("mine:Mine", "--method", "smt"),
    ],
)
def test_wrong_usage(arguments):
    assert main(["prove", *arguments]) == 2


def test_numpy_is_as_it_was_afterwards():
    before = np.zeros, np.asarray, math.exp
    with patched():
        assert np.zeros is not before[0]
        assert np.zeros(2).dtype == np.float64
    with running():
        made = np.zeros(2)
        assert isinstance(made, Numbers)
        assert isinstance(np.asarray(made, dtype=float), Numbers)
        assert np.zeros(2, int).dtype == int
    assert (np.zeros, np.asarray, math.exp) == before


def test_arrays_of_numbers():
    a = lift(np.arange(1, 7).reshape(2, 3), Number).view(Numbers)
    a[0] = 0.5
    assert isinstance(a[0, 0], Number)
    assert (2 * a[0] == 1).all()
    view = a.reshape(3, 2).T
    view[:] = 1.0
    assert (a == 1).all()
    a.fill(0)
    flat = np.reshape(a, -1)
    assert isinstance(flat[0], Number)
    flat[:] = 1
    assert (a == 1).all()
    third = np.full((1,), 1) / (3 * a[0, :1])
    assert third[0] * 3 == Number(1)
    with pytest.raises(CannotRead):
        a.astype(int)
    total = np.zeros(3)
    with pytest.raises(TypeError):
        total += a[0]


OWN = """
import refseq
from refseq.checks import OwnImplementation


class Own:
    def __init__(self, layer):
        self.layer, self.own = layer, OwnImplementation(layer, "reference")

    def forward(self, params, x, state, lengths, masks=None):
        return self.own.forward(params, x, state, lengths, masks)

    def vjp(self, params, x, state, lengths, dy, dstate, masks=None):
        return self.own.vjp(params, x, state, lengths, dy, dstate, masks)


own = Own(refseq.layer("lstm", 2, 3, layers=2))
"""


def test_refseq_itself_is_somebody_elses_source(tmp_path):
    """Masks, two layers in both directions, and an implementation with a layer of its own."""
    module, file = tmp_path / "own.py", tmp_path / "answers.json"
    module.write_text(OWN)
    assert main(["prove", f"{module}:Own", "--cell", "gru(zoneout=True)", "--json", str(file)]) == 0
    gradient, forward = json.loads(file.read_text())["theorems"]
    assert "two layers" in gradient["detail"]
    assert forward["planted"].startswith("other forward")
    assert main(["prove", f"{module}:own"]) == 0
    assert main(["prove", f"{module}:own", "--cell", "lstm"]) == 2
