"""Make docs/equations.md, the formulas of every recurrence and of its gradient: ``python docs/equations.py``."""

import sys
from pathlib import Path

import refseq
import refseq.trees
from proofs.cells import every_cell
from proofs.latex import section

SAME = (
    "activation=",
    "output=",
    "outputs=",
    "mu=",
    "delay=1",
    "delay=3",
    "arity=1",
    "arity=3",
    "learn=layer",
    "x=False",
)
"""Variants that differ from one that is shown in nothing but a function, a number or a size."""

REGULARISED = ("dropout=", "zoneout=")
"""Shown for one recurrence: they do the same to all."""

HEAD = r"""# Equations

What refseq's cells compute, forward and backward. This file is made by `python docs/equations.py`: the cells' own
functions are run over names, and what comes out is typeset. `refseq prove backward/` proves that each backward is the
derivative of its forward.

All vectors are columns with an entry for each unit; $`\odot`$ and every function act on each entry.
$`W_{hx}^{i}`$ is the block of gate i. $`\bar{v}`$ is the derivative of the loss by v.

A step of BPTT begins with $`\bar{h}_{t}`$, to which $`\bar{y}_{t}`$ has been added, and with the other new states; it
goes down the list. What is added to is 0 at first: for matrices, biases and other parameters before the last step, for
all else before each. $`[x > 0]`$ is 1 or 0, and $`D_{\mathrm{softmax}}(a)`$ the Jacobian of an operation on a whole
vector. In trees, $`\bar{h}_{\mathrm{sum}}`$ is that of the sum, and so of each $`h_{jl}`$.
"""


def shown(name: str) -> bool:
    """Whether a variant has a section of its own."""
    if any(word in name for word in REGULARISED):
        return name.startswith("elman")
    if name == "output(activation=softmax)":
        return True
    return not name.endswith(".edge") and not any(word in name for word in SAME)


def document() -> str:
    """The whole file."""
    titles = {**refseq.catalogue(), **refseq.trees.catalogue()}
    sections = [
        section(f"{titles[name.partition('(')[0]].title}: `{name}`", cell) for name, cell in every_cell() if shown(name)
    ]
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


if __name__ == "__main__":
    sys.exit(Path(__file__).with_name("equations.md").write_text(document()) < 0)
