"""No float literal where it would promote float32 to float64, and no number at all in the arithmetic of a cell.

numba makes float64 of float32 with a float, and also of float32 with an integer: constants come from primitives.
"""

import ast
from pathlib import Path

import numba
import numpy as np
import pytest

import refseq
from refseq.cells import catalogue
from tests.variants import KINDS

PACKAGE = Path(refseq.__file__).parent
CELLS = sorted(path for path in (PACKAGE / "cells").glob("*.py") if path.name != "__init__.py")
COMPILED = ("step", "scan", "linear", "columns", "tuples", "operand", "pointwise", "team", "softmax", "regularise")
ATTENTION = ("affine", "kit", "rows", "scores", "softmax_rows", "streaming", "tokens")
LOOPS = [PACKAGE / f"{name}.py" for name in (*COMPILED, *(f"networks/attention/{name}" for name in ATTENTION))]
ARITHMETIC = [*CELLS, PACKAGE / "operations.py", PACKAGE / "regularise.py"]
KINDS_OF_CELL = [catalogue()[name].cell(**options) for name, options in KINDS]


def numbers(tree: ast.AST) -> list[tuple[int, object]]:
    """(line, value) of every number in the source but in an index; True and False are not numbers."""
    indices = {inner for node in ast.walk(tree) if isinstance(node, ast.Subscript) for inner in ast.walk(node.slice)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in indices]
    return [(node.lineno, node.value) for node in constants if type(node.value) in (int, float, complex)]


def floats(tree: ast.AST) -> list[tuple[int, object]]:
    return [(line, value) for line, value in numbers(tree) if not isinstance(value, int)]


def compiled_functions(tree: ast.AST) -> list[ast.FunctionDef]:
    """Everything under @register_jitable."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in found if any(ast.unparse(d) == "register_jitable" for d in node.decorator_list)]


@pytest.mark.parametrize("path", LOOPS, ids=lambda path: path.stem)
def test_no_float_literal(path):
    assert floats(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", ARITHMETIC, ids=lambda path: path.stem)
def test_no_number_in_the_arithmetic_of_a_cell(path):
    """Integers that pick an element of a tuple are no numbers of the arithmetic."""
    functions = compiled_functions(ast.parse(path.read_text()))
    assert functions or path.stem in (
        "elman",
        "jordan",
        "lstm",
        "lstm_family",
        "of_trees",
        "readout",
        "recursive",
    )  # they put compiled functions together
    assert [found for function in functions for found in numbers(function)] == []


def test_a_planted_literal_is_found():
    source = "@register_jitable\ndef forward(a, s, p):\n    return 1.0 - a[0] * 2, True\n"
    assert floats(ast.parse(source)) == [(3, 1.0)]
    assert numbers(compiled_functions(ast.parse(source))[0]) == [(3, 1.0), (3, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", KINDS_OF_CELL, ids=lambda cell: cell.label)
def test_numba_keeps_the_precision_of_a_cell(cell, dtype):
    """What the rules are for: every number that a compiled stage returns has the type of its arguments."""

    def arguments(*counts):
        return [tuple(np.ones(count, dtype)) for count in counts]

    for stage in cell.stages:
        if stage.forward is None:
            continue
        known, made = len(cell.state) + len(stage.sees), len(stage.makes)
        p = len(cell.own) + len(cell.constants) + len(cell.masks)
        cases = [
            (stage.forward, arguments(len(stage.slots), known, p)),
            (stage.backward, arguments(len(stage.keeps), known, made, p, made)),
        ]
        for function, given in cases:
            compiled = numba.njit(function)
            compiled(*given)
            (signature,) = compiled.nopython_signatures
            assert set(leaves(signature.return_type)) <= {getattr(numba, dtype)}


def leaves(kind) -> list:
    return [leaf for part in kind for leaf in leaves(part)] if isinstance(kind, numba.types.BaseTuple) else [kind]
