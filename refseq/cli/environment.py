"""What is installed here, and what it runs on."""

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba

from refseq import __version__
from refseq.adapters import PEERS
from refseq.targets import TARGETS, target

CORE = ("numba", "llvmlite", "numpy", "scipy", "python-flint", "typer", "rich")
OPTIONAL = {
    "torch": "torch",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "jax": "jax",
    "numba-cuda": "cuda",
    "matplotlib": "bench",
    "xarray": "experiments",
    "h5netcdf": "experiments",
    "joblib": "experiments",
    "distributed": "experiments",
    "sympy": "proofs",
    "z3-solver": "proofs",
}
"""Optional packages and the extra that brings each."""


def version(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The CPU's name and the widest vectors it has."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = (line.partition(":") for line in information.read_text().splitlines())
        name = next((value.strip() for key, _, value in lines if key.strip() == "model name"), name)
    features = llvm.get_host_cpu_features()
    widest = next((wide for wide in ("avx512f", "avx2", "neon") if features.get(wide)), "no vector unit known")
    return f"{name} ({llvm.get_host_cpu_name()}, {widest})"


def environment() -> dict[str, Any]:
    """Everything that ``refseq doctor`` prints."""
    return {
        "refseq": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": numba.get_num_threads(),
        "packages": {name: version(name) for name in (*CORE, *OPTIONAL)},
        "targets": {name: target(name).missing() or target(name).describe() for name in TARGETS},
        "peers": {name: peer.missing() for name, peer in PEERS.items()},
    }
