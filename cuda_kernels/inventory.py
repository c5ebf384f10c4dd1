"""Every kernel that there is, once, with the arguments of a launch (``cuda_kernels.recorder``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import refseq
from cuda_kernels.recorder import of_arrays, of_layer, of_losses, of_norms, of_optimisers, of_tier, of_tree
from cuda_kernels.systems import of_systems

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Entry:
    """A kernel: its name, unique together with the precision, and arguments whose types are those of a launch.
    ``double``: it computes in double precision, whatever its arrays are."""

    name: str
    dtype: str
    kernel: Any
    arguments: tuple
    double: bool = False

    @property
    def single(self) -> bool:
        """Whether it should have no float64."""
        return self.dtype == "float32" and not self.double

    @property
    def capability(self) -> tuple[int, int]:
        """The least compute capability that it needs, an attribute of its function if it is one in particular."""
        return getattr(self.kernel.py_func, "capability", (0, 0))

    @property
    def system(self) -> bool:
        """Whether it is of a system (``cuda_kernels.systems``)."""
        return self.kernel.py_func.__module__ == "cuda_kernels.rowwise"

    @property
    def long(self) -> bool:
        """Whether it takes long to compile: trees, time loops with their weights on chip, and layer normalisation."""
        own = self.kernel.py_func.__module__.rpartition(".")[2]
        return own in ("tree_scan", "resident") or "normalise=True" in self.name


Variant = tuple[str, Mapping[str, Any]]

REPRESENTATIVES: list[Variant] = [
    ("lstm", {"projection": 2}),
    ("lstm", {"normalise": True}),
    ("gru", {}),
    ("jordan", {"output": "softmax"}),
]
"""Between them every kind of product, stage and operation: what a commit can wait for."""

TREES: list[Variant] = [("recursive", {}), ("tree_lstm", {}), ("child_sum_tree_lstm", {})]

TIERS: list[tuple[Variant, str, int, str | None]] = [
    (("lstm", {}), "resident", 32, None),
    (("elman", {}), "persistent", 64, None),
    (("lstm", {}), "resident", 32, "bf16"),
    (("elman", {}), "persistent", 64, "tf32"),
    (("gru", {}), "persistent", 512, "bf16"),
]
"""Time loops with their weights on chip, whose sizes are literals, in float32, the last ones with products on tensor
cores, the very last one with sums divided among warps. They take long to compile; the largest that the rule admits, of
more cells, are a slow test."""

SYSTEMS = (
    "ctc ctc",
    "attention rows_forward_product",
    "hmm chain_forward",
    "turing machine backward_backward_build_scan_activated_lstm",
    "beam",
    "graph edges",
)
"""What the names of some kernels of systems begin with: what a commit waits for, in float32 for one family. Between
them products, exponentials, logarithms, integers, and a cell. The others are a slow test."""

OWN = ("scan", "resident", "tree_scan", "losses", "updates", "rowwise")
"""The modules whose kernels are made for a cell, a loss, a rule; those of the others are named after the module."""


def catalogue() -> list[Variant]:
    """Every recurrence with every example of every option, the other options at their defaults; once, where options are
    numbers that the kernels are handed."""
    found: dict[str, Variant] = {}
    for name, entry in refseq.catalogue().items():
        for options in entry.variants():
            if REFUSED.get(name) not in options:
                found.setdefault(entry.cell(**options).code, (name, options))
    return list(found.values())


def awaited() -> tuple[list[Entry], list[Entry]]:
    """What a commit waits for: kernels for every family; and those that one family has to do for: what takes long, some
    of the systems, and float64, of which even less is asked."""
    single, double = (entries(REPRESENTATIVES, (dtype,)) for dtype in DTYPES)
    several = [entry for entry in single if not (entry.system or entry.long)]
    once = [entry for entry in single if entry.long or entry.name.startswith(SYSTEMS)]
    return several, once + [entry for entry in double if not (entry.system or entry.long)]


REFUSED = {"output": "dropout", "additive": "dropout", "skip": "zoneout"}
"""Without a recurrent matrix there is nothing to drop; what keeps older states cannot hold one of them back."""


def entries(variants: list[Variant], dtypes: tuple[str, ...] = DTYPES) -> list[Entry]:
    """The kernels of layers of these recurrences, and all others; each once."""
    found: dict[tuple[str, str], Entry] = {}
    for dtype in dtypes:
        launches = [
            *(launch for variant in variants for launch in of_layer(variant, dtype)),
            *(launch for variant in TREES for launch in of_tree(variant, dtype)),
            *(launch for given in TIERS if dtype == "float32" for launch in of_tier(*given)),
            *of_losses(dtype),
            *of_optimisers(dtype),
            *of_norms(dtype),
            *of_arrays(dtype),
            *of_systems(dtype),
        ]
        for label, kernel, arguments in launches:
            module, name = kernel.py_func.__module__.rpartition(".")[2], kernel.py_func.__name__
            double = module == "norms" and name != "bound"
            entry = Entry(f"{label if module in OWN else module} {name}", dtype, kernel, arguments, double)
            found.setdefault((entry.name, dtype), entry)
    return list(found.values())
