"""The result as JSON and as Markdown."""

import json
import re
from pathlib import Path
from typing import Any

from refseq.bench.measure import NOT_OFFERED, TIMED

SCHEMA = 1


def write(folder: Path, result: dict[str, Any]) -> list[Path]:
    """Both files, named after the device."""
    name = re.sub(r"[^a-z0-9]+", "-", str(result["device"]["name"]).lower()).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.json", folder / f"{name}.md"]
    files[0].write_text(json.dumps({"schema": SCHEMA, **result}, indent=1) + "\n")
    files[1].write_text(markdown(result))
    return files


def markdown(result: dict[str, Any]) -> str:
    """The tables."""
    checks, reached = result["checks"], result["reached"]
    bad = [one for one in checks if one["trouble"]]
    about = {**result["device"], **result["versions"], "date": result["date"], "seconds": f"{result['seconds']:.0f}"}
    lines = [f"# {result['device']['name']}", ""]
    lines += _table(["", ""], [[name, str(value)] for name, value in about.items()])
    lines += ["## Correct", ""]
    words = f"{len(checks)} problems, {len(bad)} beyond their limit, {result['unchecked']} not reached in time. "
    lines += [words + f"{reached['launched']} of {reached['kernels']} kernels were launched.", ""]
    shown = bad or sorted(checks, key=lambda one: -one["error"] / one["limit"])[:10]
    head = ["beyond the limit" if bad else "closest to the limit", "precision", "TxBxIxH", "worst", "error", "limit"]
    rows = [[one[key] for key in ("name", "dtype", "shape", "tensor")] for one in shown]
    numbers = [[f"{one['error']:.1e}", f"{one['limit']:.1e}"] for one in shown]
    lines += _table(head, [[*left, *right] for left, right in zip(rows, numbers, strict=True)])
    lines += ["## Ceilings", ""]
    ceilings = result["ceilings"].items()
    lines += _table(["", "", ""], [[name, f"{one['value']:.3g}", one["unit"]] for name, one in ceilings])
    lines += ["## Times", "", "Medians of CUDA events in ms; / refseq: their time over refseq's in float32.", ""]
    lines += _times(result["speed"])
    lines += [f"* {name}: {words}" for name, words in result["speed"]["peers"].items()]
    lines += [f"* not reached in time: {key}" for key in result["speed"]["left"]]
    lines += ["", "## compute-sanitizer", ""]
    lines += [f"* {tool}: {one['status']}; {one['lines'][-1:]}" for tool, one in result["sanitizer"].items()]
    return "\n".join(lines) + "\n"


def _times(speed: dict[str, Any]) -> list[str]:
    asked = [one for one in speed["measurements"] if one["status"] != NOT_OFFERED]
    own = {_size(one): one for one in asked if one["peer"] == "refseq" and one["key"].split()[2] == "float32"}
    rows = []
    for one in asked:
        cells = [one["key"], one["peer"]]
        if one["status"] != TIMED:
            rows.append([*cells, f"{one['status']}: {one['reason']}", "", "", "", ""])
            continue
        for name in ("forward", "both"):
            median, base = one["passes"][name]["median"], own.get(_size(one), {}).get("passes")
            factor = f"{median / base[name]['median']:.2f}" if base and one["peer"] != "refseq" else ""
            cells += [f"{1000 * median:.3g}", factor]
        rows.append([*cells, f"{one['error']:.1e}"])
    return _table(["case", "by", "forward", "/ refseq", "forward + backward", "/ refseq", "error"], rows)


def _size(one: dict[str, Any]) -> tuple[str, str, bool]:
    return one["case"]["name"], str(one["case"]["shape"]), one["packed"]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)] + [""]
