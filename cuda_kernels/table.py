"""What is known of every entry of the catalogue, of every system, loss and optimiser, forward and backward: that the
simulator agrees, that it compiles, what a device said.

The simulator is asked when the table is printed, in a process of its own, and with it which kernels an entry launches:
they compile if all have their lines in the budget, which names all families. What a device said is in the files of
``benchmarks/device.py``.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import refseq
from cuda_kernels import budget, inventory

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "device"
HEAD = ["", "simulator agrees", f"compiles for {', '.join(map(budget.family, budget.FAMILIES))}", "on a device"]
SIMULATED = "import json, sys; from cuda_kernels.table import simulated; sys.stdout.writelines(simulated())"


@dataclass(frozen=True)
class Found:
    """Whether the simulator agrees with float64, and the keys of the kernels that were launched."""

    good: bool
    kernels: frozenset[budget.Key]

    def __and__(self, other: "Found") -> "Found":
        return Found(self.good and other.good, self.kernels | other.kernels)


def labels() -> dict[str, inventory.Variant]:
    """Recurrences by the name that the budget and the checks know them by."""
    return {refseq.layer(name, 2, 3, **dict(options)).label: (name, options) for name, options in inventory.catalogue()}


def simulated() -> Iterator[str]:
    """Lines of JSON, in the simulator: an entry, whether a check of ``cuda_kernels.bench`` passes at a tiny size, and
    the kernels that it launched; in both precisions."""
    from cuda_kernels.bench import checks, reach

    known = {id(entry.kernel): (entry.name, entry.dtype) for entry in inventory.entries(inventory.catalogue())}
    waiting = [
        *(
            lambda variant=variant, dtype=dtype: checks.layer_check(variant, dtype, checks.TINY)
            for variant in labels().values()
            for dtype in inventory.DTYPES
        ),
        *checks.posed_checks(True, inventory.DTYPES),
    ]
    for check in waiting:
        with reach.launched() as launched:
            found = check()
        keys = [known.get(kernel, ("a kernel that is not in the inventory", "")) for kernel in launched]
        yield json.dumps([found.name, not found.trouble, keys]) + "\n"


def agreement() -> dict[str, Found]:
    """What the simulator says, by name. Raises RuntimeError with its words if it does not run."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SIMULATED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise RuntimeError(f"the simulator does not run: {(run.stderr.splitlines() or [''])[-1]}")
    lines = map(json.loads, run.stdout.splitlines())
    return _joined((name, Found(good, frozenset(map(tuple, keys)))) for name, good, keys in lines)


def devices(folder: Path = RESULTS) -> dict[str, dict[str, bool]]:
    """What devices said: by the device's name whether the checks of an entry passed."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text())
        found[content["device"]["name"]] = _joined((one["name"], not one["trouble"]) for one in content["checks"])
    return found


def _joined(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """By name all that was found."""
    found: dict[str, Any] = {}
    for name, one in pairs:
        found[name] = found[name] & one if name in found else one
    return found


def rows(
    agreed: Mapping[str, Found], allowed: budget.Budget, said: Mapping[str, Mapping[str, bool]]
) -> list[list[str]]:
    """A row for every entry: recurrences, also those that were not asked about, then the rest."""
    words = {True: "yes", False: "NO", None: "not run"}

    def on_devices(name: str) -> str:
        asked = [f"{device}: {words[found[name]]}" for device, found in said.items() if name in found]
        return ", ".join(asked) or words[None]

    def row(name: str) -> list[str]:
        found = agreed.get(name)
        compiles = None if found is None else found.kernels <= set(allowed)
        return [name, words[found and found.good], words[compiles], on_devices(name)]

    return [row(name) for name in dict.fromkeys([*labels(), *agreed])]


def whole() -> list[list[str]]:
    """All rows, from the simulator, the budget and the results of devices."""
    return rows(agreement(), budget.read(), devices())


def faults(cells: Iterable[list[str]]) -> list[str]:
    """The entries that the simulator or a device disagrees on, or was not asked, or that do not compile."""
    return [name for name, agrees, compiles, said in cells if (agrees, compiles) != ("yes", "yes") or "NO" in said]


def markdown(cells: Iterable[list[str]]) -> str:
    """The table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ["---"] * len(HEAD), *cells))
