"""The import direction: the core knows nothing of what is built on it, and needs no optional framework."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import refseq

PACKAGE = Path(refseq.__file__).parent

ORDER = """
    symbols wholes; rules; primitives; row arrays fields columns tuples linear softmax stage layout; lanes operand
    operations equations team; validation exponentials; cell; regularise tree_cell; recurrence; cells; pointwise;
    step; scan; tree_scan targets; engine; arguments initialise kernels; rowwise; launches; relay; markov trees;
    networks; run; bound; forms layer tree_layer graph_layer attention; turing_machine memory_network
    self_attention; hard_memory_network recall stack gradients losses decoding clipping optimisers saved_state;
    dynamics training seq2seq; __init__
"""
LEVELS = {name: level for level, names in enumerate(ORDER.split(";")) for name in names.split()}
"""Modules and packages of the core; one imports only from lower levels, or from its own package. Everything else
(checks, adapters, cli ...) is above all of them."""

OPTIONAL = {"torch", "jax", "flax", "onnx", "onnxruntime", "keras", "sympy", "hypothesis", "pytest", "cuda_kernels"}
OPTIONAL |= {"xarray", "h5netcdf", "matplotlib", "joblib", "dask", "distributed", "pandas"}


def part(module: str) -> str:
    """The name in LEVELS of a module of refseq: "refseq.cells.gru" -> "cells", "refseq" -> "__init__"."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def imports(source: str) -> list[str]:
    """Every module that the source imports, inside functions too; of ``from refseq import x``, refseq.x."""
    found, tree = [], ast.parse(source)
    for node in list(ast.walk(tree)):  # what is imported for types alone
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = str(node.module)
            found += [f"refseq.{alias.name}" for alias in node.names] if module == "refseq" else [module]
    return found


def upward(module: str, source: str) -> list[str]:
    """Imports of a core module that do not point downwards."""
    own, level = part(module), LEVELS[part(module)]
    inside = [name for name in imports(source) if name.split(".")[0] == "refseq"]
    return [name for name in inside if part(name) != own and LEVELS.get(part(name), 100) >= level]


def modules() -> dict[str, Path]:
    files = {path: path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(PACKAGE.rglob("*.py"))}
    return {".".join(name.parts).removesuffix(".__init__"): path for path, name in files.items()}


CORE = {name: path for name, path in modules().items() if part(name) in LEVELS}


@pytest.mark.parametrize("module", CORE)
def test_imports_point_downwards(module):
    assert upward(module, CORE[module].read_text()) == []


def test_an_upward_import_is_found():
    assert upward("refseq.cells.lstm", "from refseq.cells import gru\ndef f():\n    from refseq import scan") == [
        "refseq.scan"
    ]
    assert upward("refseq.layer", "import refseq.checks.suite") == ["refseq.checks.suite"]


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_no_framework(module):
    allowed = {"sympy"} if module == "refseq.fields.symbol" else set()
    assert {name.split(".")[0] for name in imports(CORE[module].read_text())} & (OPTIONAL - allowed) == set()


def test_cuda_kernels_are_reached_through_the_registry_only():
    naming = [name for name, path in modules().items() if "cuda_kernels" in names_and_imports(path.read_text())]
    assert naming == ["refseq.targets"]


def names_and_imports(source: str) -> set[str]:
    """First parts of the imported modules, and of strings that look like a module."""
    strings = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return {str(name).split(".")[0] for name in imports(source) + strings}


@pytest.mark.parametrize(
    "statement",
    ["import refseq", "import refseq.checks", "import refseq; refseq.losses, refseq.clipping, refseq.training"],
)
def test_importing_refseq_loads_no_framework(statement):
    code = f"import sys; {statement}; print(*sorted({OPTIONAL!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
