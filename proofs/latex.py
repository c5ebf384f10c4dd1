r"""The formulas of a cell and of its gradient as LaTeX, out of its own functions.

Forward is ``Cell.equations``, which runs the cell over text (``refseq.fields.formula``). Backward is made the same way:
the functions that ``proofs.symbolic.backward`` proves are run over the names of everything that they are given. Text is
then typeset name by name; no formula is written here.

    ~h_t      the cotangent of h_t: \bar{h}_{t}          W_hx[i]    the block of gate i: W_{hx}^{i}
"""

import re
from collections.abc import Iterator, Sequence

from refseq.cell import Bias, Cell
from refseq.fields.formula import Formula
from refseq.stage import Product, Stage
from refseq.tree_cell import TreeCell

FUNCTIONS = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log", "sqrt": r"\mathrm{sqrt}"}
GREEK = {"mu": r"\mu", "epsilon": r"\epsilon"}
TOKEN = re.compile(
    r"(?P<name>~?[A-Za-z][A-Za-z0-9]*(?:_(?:[A-Za-z0-9]+|\([^()]*\)))*)(?P<block>\[\w+\])?(?P<transposed>\^T)?"
    r"|(?P<sum>\(sum_l )|(?P<top>\^T)|(?P<for>\s+for )|(?P<add>\+=)|(?P<space>\s+)|(?P<other>.)"
)


def name(text: str) -> str:
    """A name with its subscripts: ``c_(t-1)``, ``~a_i``, ``b_hn``, ``zoneout_h``."""
    bar, plain = text.startswith("~"), text.removeprefix("~")
    base, *rest = re.findall(r"\([^()]*\)|[A-Za-z0-9]+", plain)
    if base in FUNCTIONS:
        return FUNCTIONS[base]
    if re.fullmatch(r"[a-z]1", base):  # a new state under another name, such as h1_draft
        base, rest = base[0], ["t", *rest]
    shown = GREEK.get(base) or (base if len(base) == 1 else rf"\mathrm{{{base}}}")
    shown = rf"\bar{{{shown}}}" if bar else shown
    below = [part.strip("()") if len(part) < 3 or part.startswith("(") else rf"\mathrm{{{part}}}" for part in rest]
    return f"{shown}_{{{','.join(below)}}}" if below else shown


def typeset(line: str) -> str:
    """One line of text as LaTeX, with the alignment mark before its relation."""
    parts, aligned = [], False
    for token in TOKEN.finditer(line):
        kind, text = str(token.lastgroup), token.group()
        if token["name"]:
            block = f"^{{{token['block'][1:-1].replace('_', ',')}}}" if token["block"] else ""
            transposed = r"^{\top}" if token["transposed"] else ""
            whole = name(token["name"])
            parts.append(f"({whole}{block}){transposed}" if block and transposed else whole + block + transposed)
        elif kind == "sum":
            parts.append(r"(\textstyle\sum_{l} ")
        elif kind in ("for", "top"):
            parts.append(r" \qquad " if kind == "for" else r"^{\top}")
        elif text in ("=", "+=") and not aligned:
            parts.append(r"&\mathrel{+}= " if text == "+=" else "&= ")
            aligned = True
        else:
            parts.append({"*": r"\odot ", "space": " ", ",": ", "}.get(text, " " if kind == "space" else text))
    return re.sub(r" +", " ", "".join(parts)).strip()


def aligned(lines: Sequence[str]) -> str:
    """A displayed block of lines."""
    body = " \\\\\n".join(typeset(line) for line in lines)
    return f"```math\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n```"


def kept(cell: Cell) -> Iterator[str]:
    """What forward keeps for backward, by name."""
    for stage in cell.stages:
        if stage.forward is not None:
            _, record = stage.forward(*_given(cell, stage))
            for what, value in zip(stage.keeps, record, strict=True):
                if str(value) != what:
                    yield f"{what} = {value}"


def _given(cell: Cell, stage: Stage) -> tuple[tuple[Formula, ...], ...]:
    """The names of a stage's pre-activations, old states and vectors, and numbers."""
    slots = tuple(Formula(f"a_{slot}") for slot in stage.slots)
    known = tuple(Formula(cell.symbol(each)) for each in (*cell.olds, *stage.sees))
    return slots, known, tuple(Formula(each) for each in (*cell.own, *cell.constants, *cell.masks))


def gradient(cell: Cell) -> Iterator[str]:
    """The adjoint of a step, stage by stage from the last: cotangents of pre-activations, then what is added to those
    of operands, matrices and biases."""
    for stage in reversed(cell.stages):
        yield from _unitwise(cell, stage) if stage.operation is None else _operation(cell, stage)
        for product in stage.products:
            yield from _product(cell, product)
        for bias in cell.biases:
            yield from _bias(stage, bias)


def _cotangent(symbol: str) -> str:
    """The name of a cotangent; of a sum over children, that of the sum."""
    return (
        "~" + symbol.removeprefix("(sum_l ").removesuffix(")").replace("_jl", "_sum")
        if symbol[0] == "("
        else f"~{symbol}"
    )


def _unitwise(cell: Cell, stage: Stage) -> Iterator[str]:
    slots, known, numbers = _given(cell, stage)
    assert stage.backward is not None
    made = tuple(cell.symbol(each) for each in stage.makes)
    record = tuple(Formula(each) for each in stage.keeps)
    pulled = stage.backward(
        record, known, tuple(map(Formula, made)), numbers, tuple(Formula(_cotangent(each)) for each in made)
    )
    for slot, value in zip(slots, pulled[0], strict=True):
        yield f"~{slot} = {value}"
    for old, value in zip(known, pulled[1], strict=True):
        if str(value) != "0":
            yield f"{_cotangent(old.text)} += {value}"
    for own, value in zip(cell.own, pulled[2], strict=True):
        if str(value) != "0":
            yield f"~{own} += {value}"


def _operation(cell: Cell, stage: Stage) -> Iterator[str]:
    for slot, vector in zip(stage.slots, stage.makes, strict=True):
        yield f"~a_{slot} = D_{stage.operation}(a_{slot})^T {_cotangent(cell.symbol(vector))}"


def _product(cell: Cell, product: Product) -> Iterator[str]:
    """What a product adds to the cotangents of its operand and of its matrix; gates called like their pre-activations
    on one line."""
    operand = cell.symbol(product.operand)
    if product.matrix is None:
        yield from (f"{_cotangent(operand)} += ~a_{slot}" for slot in product.into)
        return
    blocks = len(cell.layout.matrices[product.matrix].gates) > 1
    pairs = list(zip(product.gates, product.into, strict=True))
    same = [gate for gate, slot in pairs if gate == slot]
    lines = [(gate, slot, "") for gate, slot in pairs if gate != slot or len(same) == 1]
    if len(same) > 1:
        lines.insert(0, ("k", "k", f"    for k = {', '.join(same)}"))
    for gate, slot, which in lines:
        block = f"[{gate}]" if blocks else ""
        yield f"{_cotangent(operand)} += {product.matrix}{block}^T ~a_{slot}{which}"
        yield f"~{product.matrix}{block} += ~a_{slot} {operand}^T{which}"


def _bias(stage: Stage, bias: Bias) -> Iterator[str]:
    """What a stage adds to a bias."""
    pairs = [(row, slot) for slot, row in bias.row_of.items() if slot in stage.slots]
    same = [row for row, slot in pairs if row == slot]
    if len(same) > 1:
        yield f"~{bias.name}[k] += ~a_k    for k = {', '.join(same)}"
    for row, slot in pairs:
        if row != slot or len(same) == 1:
            yield f"~{bias.name}{f'[{row}]' if len(bias.rows) > 1 else ''} += ~a_{slot}"


def section(title: str, cell: Cell) -> str:
    """One cell: source, formulas, and the adjoint of its step."""
    parts = [f"## {title}", f"{cell.source.paper}."]
    for part in cell.parts if isinstance(cell, TreeCell) else (cell,):
        own = cell.equations if part is cell else part.equations
        lines = own[len(part.edge.equations) :] if isinstance(part, TreeCell) and part.edge is not None else own
        what = "" if part is cell or not isinstance(cell, TreeCell) else "On the edge to a child: "
        parts += [f"{what}Forward:".capitalize(), aligned(lines)]
        names = list(kept(part))
        parts += ["Kept:", aligned(names)] if names else []
        parts += ["Backward:", aligned(list(gradient(part)))]
    return "\n\n".join(parts)
