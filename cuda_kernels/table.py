"""What is known of every entry of the catalogue: that the simulator agrees, that it compiles, what a device said.

The simulator is asked when the table is printed, in a process of its own; what compiles is what has its line in the
budget, for all families and both precisions; what a device said is in the files of ``benchmarks/device.py``.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import refseq
from cuda_kernels import budget, inventory

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "device"
HEAD = ["", "simulator agrees", f"compiles for {', '.join(map(budget.family, budget.FAMILIES))}", "on a device"]
SIMULATED = "import json, sys; from cuda_kernels.table import simulated; sys.stdout.writelines(simulated())"


def labels() -> dict[str, inventory.Variant]:
    """The entries by the name that the budget and the checks know them by."""
    return {refseq.layer(name, 2, 3, **dict(options)).label: (name, options) for name, options in inventory.catalogue()}


def trees() -> list[str]:
    """Layers over trees, likewise."""
    return [refseq.tree_layer(name, 2, 3, **dict(options)).label for name, options in inventory.TREES]


def simulated() -> Iterator[str]:
    """Lines of JSON, in the simulator: an entry, and whether the checks of ``cuda_kernels.bench`` pass at a tiny size
    in both precisions; trees, losses, clipping and optimisers under their own names."""
    from cuda_kernels.bench import checks

    waiting = [*checks.posed_checks(False)]
    waiting += [
        lambda variant=variant, dtype=dtype: checks.layer_check(variant, dtype, checks.TINY)
        for variant in labels().values()
        for dtype in inventory.DTYPES
    ]
    for check in waiting:
        found = check()
        yield json.dumps([found.name, not found.trouble]) + "\n"


def agreement() -> dict[str, bool]:
    """Whether the simulator agrees, by name. Raises RuntimeError with its words if it does not run."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SIMULATED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise RuntimeError(f"the simulator does not run: {(run.stderr.splitlines() or [''])[-1]}")
    return _joined(json.loads(line) for line in run.stdout.splitlines())


def devices(folder: Path = RESULTS) -> dict[str, dict[str, bool]]:
    """What devices said: by the device's name whether the checks of an entry passed."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text())
        found[content["device"]["name"]] = _joined((one["name"], not one["trouble"]) for one in content["checks"])
    return found


def _joined(pairs: Iterable[Any]) -> dict[str, bool]:
    """By name whether all is well."""
    found: dict[str, bool] = {}
    for name, good in pairs:
        found[name] = found.get(name, True) and good
    return found


def compiles(name: str, allowed: budget.Budget) -> bool:
    """Whether all kernels of an entry have their lines."""
    kernels = [f"{name} forward", f"{name} backward"]
    return all((kernel, dtype) in allowed for kernel in kernels for dtype in inventory.DTYPES)


def rows(agreed: Mapping[str, bool], allowed: budget.Budget, said: Mapping[str, Mapping[str, bool]]) -> list[list[str]]:
    """A row for every entry of the catalogue."""
    words = {True: "yes", False: "NO", None: "not run"}

    def on_devices(name: str) -> str:
        asked = [f"{device}: {words[found[name]]}" for device, found in said.items() if name in found]
        return ", ".join(asked) or words[None]

    return [
        [name, words[agreed.get(name)], words[compiles(name, allowed)], on_devices(name)]
        for name in [*labels(), *trees()]
    ]


def markdown() -> str:
    """The table."""
    cells = [HEAD, ["---"] * len(HEAD), *rows(agreement(), budget.read(), devices())]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
