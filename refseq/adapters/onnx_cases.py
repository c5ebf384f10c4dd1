"""The official test cases of ONNX's RNN, LSTM and GRU nodes, run on refseq.

They are weak (constant weights, zero states, one step); they show that refseq reads ONNX as ONNX means it.
"""

import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from refseq.adapters.onnx_node import ImportedNode, import_node
from refseq.checks.implementation import NotOffered


@dataclass(frozen=True)
class Case:
    """A model of one node with inputs and expected outputs by their names in the graph, and onnx's tolerance."""

    name: str
    op: str
    model: bytes
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    rtol: float
    atol: float

    def read(self) -> ImportedNode:
        """The node in refseq. Raises NotOffered if refseq has no such layer."""
        import onnx

        return import_node(onnx.ModelProto.FromString(self.model).graph.node[0], self.inputs)


@dataclass(frozen=True)
class CaseResult:
    """How a case went: verdict "pass", "fail" or "not offered"; the largest absolute error; the largest error as a
    multiple of the case's own tolerance, atol + rtol * abs(expected); and why, unless it passed."""

    case: str
    op: str
    verdict: str
    error: float | None
    ratio: float | None
    reason: str


@cache
def cases() -> tuple[Case, ...]:
    """The cases of the installed onnx. Raises RuntimeError if they cannot be collected."""
    program = Path(__file__).with_name("onnx_collect.py")
    # -P: the program's folder holds a module named onnx, which must not stand before the package
    done = subprocess.run([sys.executable, "-P", str(program)], capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"onnx's node test cases could not be collected: {done.stderr.decode().strip()[-500:]}")
    found = tuple(Case(**entry) for entry in pickle.loads(done.stdout))
    if not found:
        raise RuntimeError("onnx's node test cases: expected some for RNN, LSTM and GRU, found none")
    return found


def run_cases(target: str = "cpu") -> list[CaseResult]:
    """Every case on a target of refseq. Raises RuntimeError where the target cannot run or there are no cases."""
    return [run_case(case, target) for case in cases()]


def run_case(case: Case, target: str = "cpu") -> CaseResult:
    """One case on a target of refseq."""
    try:
        found = case.read().run(case.inputs, target)
    except NotOffered as missing:
        return CaseResult(case.name, case.op, "not offered", None, None, str(missing))
    error, ratio, reasons = 0.0, 0.0, []
    for name, expected in case.outputs.items():
        if name not in found or found[name].shape != expected.shape or found[name].dtype != expected.dtype:
            got = f"{found[name].dtype} {found[name].shape}" if name in found else "nothing"
            reasons.append(f"{name}: expected {expected.dtype} {expected.shape}, got {got}")
            continue
        off = np.abs(found[name].astype(np.float64) - expected)
        times = off / (case.atol + case.rtol * np.abs(expected))
        error, ratio = np.maximum(error, off.max(initial=0)), np.maximum(ratio, times.max(initial=0))
        if not (times <= 1).all():  # so that NaN fails
            reasons.append(f"{name}: {times.max():.3g} times the tolerance")
    verdict = "fail" if reasons else "pass"
    return CaseResult(case.name, case.op, verdict, float(error), float(ratio), "; ".join(reasons))
