"""docs/equations.md is what the code says, and LaTeX that can be read."""

import importlib.util
import re
from pathlib import Path

import pytest

import refseq
from proofs.cells import every_cell
from proofs.latex import aligned, gradient, kept, name, section, typeset

DOCS = Path(__file__).parents[2] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("equations", DOCS / "equations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_is_up_to_date():
    """If not: python docs/equations.py."""
    text = (DOCS / "equations.md").read_text()
    assert text == script().document()
    for each in refseq.catalogue().values():
        assert f"## {each.title}: `{each.name}`\n" in text


COMMANDS = {
    *("begin", "end", "bar", "mathrm", "mathrel", "odot", "sigma", "tanh", "exp", "log", "mu", "epsilon", "top"),
    *("qquad", "textstyle", "sum"),
}


@pytest.mark.parametrize(("label", "cell"), list(every_cell()), ids=[label for label, _ in every_cell()])
def test_every_cell_is_typeset(label, cell):
    """Balanced brackets, one alignment mark in each line, no command that is not known, no name that is left over."""
    text = section(label, cell)
    for block in re.findall(r"```math\n(.*?)\n```", text, flags=re.DOTALL):
        assert set(re.findall(r"\\([A-Za-z]+)", block)) <= COMMANDS
        for line in block.replace(" \\\\\n", "\n").splitlines()[1:-1]:
            assert line.count("&") == 1, line
            assert balanced(line), line
            assert "~" not in line
            assert not re.search(r"(?<![\\A-Za-z{])[A-Za-z]{3,}(?![^{]*})", line), (
                line
            )  # a word is a command, or in one


def balanced(line):
    opened = []
    for mark in re.findall(r"\\[{}]|[{}()\[\]]", line):
        if mark in "{([":
            opened.append(mark)
        elif not opened or {"{": "}", "(": ")", "[": "]"}[opened.pop()] != mark:
            return False
    return not opened


def test_brackets_that_do_not_fit_are_seen():
    assert balanced(r"\bar{h}_{t} (1 - [x > 0])")
    assert not balanced(r"\bar{h}_{t (1}")


def test_names_and_lines():
    assert name("c_(t-1)") == "c_{t-1}"
    assert name("~a_i") == r"\bar{a}_{i}"
    assert name("h1_draft") == r"h_{t,\mathrm{draft}}"
    assert name("mu_logit") == r"\mu_{\mathrm{logit}}"
    assert typeset("~x_t += W_hx[k]^T ~a_k    for k = i, f") == (
        r"\bar{x}_{t} &\mathrel{+}= (W_{hx}^{k})^{\top} \bar{a}_{k} \qquad k = i, f"
    )
    assert aligned(["h_t = z * h_(t-1)"]) == (
        "```math\n\\begin{aligned}\nh_{t} &= z \\odot h_{t-1}\n\\end{aligned}\n```"
    )


def test_the_gradient_of_the_lstm():
    cell = refseq.catalogue()["lstm"].cell()
    lines = list(gradient(cell))
    assert lines[:2] == [
        "~a_i = (~c_t + ~h_t * o * (1 - tanh(c_t) * tanh(c_t))) * g * i * (1 - i)",
        "~a_f = (~c_t + ~h_t * o * (1 - tanh(c_t) * tanh(c_t))) * c_(t-1) * f * (1 - f)",
    ]
    assert lines[4] == "~c_(t-1) += (~c_t + ~h_t * o * (1 - tanh(c_t) * tanh(c_t))) * f"
    assert "~W_hh[k] += ~a_k h_(t-1)^T    for k = i, f, g, o" in lines
    assert next(iter(kept(cell))) == "i = sigmoid(a_i)"


def test_everything_of_a_cell_has_a_gradient():
    """Every matrix, bias and parameter, and every old state that is looked at."""
    for label, cell in every_cell():
        text = "\n".join(gradient(cell))
        for word in (*cell.layout.matrices, *(bias.name for bias in cell.biases), *cell.own):
            assert f"~{word}" in text, (label, word)
