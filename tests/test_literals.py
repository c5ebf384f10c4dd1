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

PACKAGE = Path(refseq.__file__).parent
CELLS = sorted(path for path in (PACKAGE / "cells").glob("*.py") if path.name != "__init__.py")
LOOPS = [PACKAGE / f"{name}.py" for name in ("step", "scan", "linear", "softmax", "columns")]
VARIANTS = [cell for recurrence in catalogue().values() for cell in recurrence.variants()]


def numbers(tree: ast.AST) -> list[tuple[int, object]]:
    """(line, value) of every number in the source; True and False are not numbers."""
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [(node.lineno, node.value) for node in constants if type(node.value) in (int, float, complex)]


def floats(tree: ast.AST) -> list[tuple[int, object]]:
    return [(line, value) for line, value in numbers(tree) if not isinstance(value, int)]


def compiled_functions(tree: ast.AST) -> list[ast.FunctionDef]:
    """Everything under @register_jitable."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in found if any(ast.unparse(d) == "register_jitable" for d in node.decorator_list)]


@pytest.mark.parametrize("path", CELLS + LOOPS, ids=lambda path: path.stem)
def test_no_float_literal(path):
    assert floats(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
def test_no_number_in_a_cell(path):
    functions = compiled_functions(ast.parse(path.read_text()))
    assert functions
    assert [found for function in functions for found in numbers(function)] == []


def test_a_planted_literal_is_found():
    source = "@register_jitable\ndef forward(a, s, p):\n    return 1.0 - a[0] * 2, True\n"
    assert floats(ast.parse(source)) == [(3, 1.0)]
    assert numbers(compiled_functions(ast.parse(source))[0]) == [(3, 1.0), (3, 2), (3, 0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", VARIANTS, ids=lambda cell: cell.label)
def test_numba_keeps_the_precision_of_a_cell(cell, dtype):
    """What the rules are for: every number that a compiled cell returns has the type of its arguments."""

    def arguments(*counts):
        return [tuple(np.ones(count, dtype)) for count in counts]

    states, own = len(cell.state), len(cell.parameters)
    cases = [
        (cell.forward, arguments(cell.values, states, own)),
        (cell.backward, arguments(len(cell.tape), states, states, own, states)),
    ]
    if cell.operand is not None:
        cases += [
            (cell.operand, arguments(len(cell.early), states, own)),
            (cell.operand_backward, [*arguments(len(cell.operand_tape), states, own), np.ones(1, dtype)[0]]),
        ]
    for function, given in cases:
        compiled = numba.njit(function)
        compiled(*given)
        (signature,) = compiled.nopython_signatures
        assert set(leaves(signature.return_type)) == {getattr(numba, dtype)}


def leaves(kind) -> list:
    return [leaf for part in kind for leaf in leaves(part)] if isinstance(kind, numba.types.BaseTuple) else [kind]
