"""Record the experiments with all their settings: ``python benchmarks/experiments.py [NAME ...]``, by default all.

benchmarks/results/experiments then has NAME.json (settings, statements, time, versions) and NAME.png for each, and
statements.md, the table of all that are there. Measurements are kept in a folder (``--work``), and only what is missing
is measured: the whole takes hours, and may be done in pieces. ``--judge`` measures nothing: it looks once more at what
--work has, as recorded, with the statements and pictures of today.
"""

import argparse
import json
import shutil
from dataclasses import fields
from pathlib import Path

from refseq.cli import main as refseq
from refseq.experiments import PLACES, experiment
from refseq.experiments.report import judged, statement_table
from refseq.experiments.results import load
from refseq.experiments.statistics import Statement

RESULTS = Path(__file__).parent / "results" / "experiments"


def main() -> int:
    """Run and record; the worst status of ``refseq experiment run``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="see refseq experiment list")
    parser.add_argument("--work", type=Path, default=Path("experiments"), help="what was measured (experiments)")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--judge", action="store_true", help="judge and draw what is recorded anew")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in PLACES]
    if unknown:
        parser.error(f"NAME: expected one of {', '.join(PLACES)}; got {', '.join(unknown)}")
    given.results.mkdir(parents=True, exist_ok=True)
    if given.judge:
        for name in given.names or [name for name in PLACES if (given.results / f"{name}.json").exists()]:
            judge(name, given.work, given.results)
        write_table(given.results)
        return 0
    worst = 0
    for name in given.names or PLACES:
        file = given.work / f"{name}.json"
        given.work.mkdir(parents=True, exist_ok=True)
        status = refseq(["experiment", "run", name, "--out", str(given.work), "--json", str(file)])
        if status not in (0, 1):
            return status
        worst = max(worst, status)
        shutil.copy(given.work / f"{name}.png", given.results)
        record(name, json.loads(file.read_text()), given.results)
        write_table(given.results)
    return worst


def record(name: str, told: dict, results: Path) -> None:
    """What the command wrote, without the places of its files."""
    (outcome,) = told["outcomes"]
    del outcome["files"]
    where = {key: told["environment"][key] for key in ("refseq", "python", "processor", "cores", "packages")}
    (results / f"{name}.json").write_text(json.dumps({"environment": where, **outcome}, indent=1) + "\n")


def judge(name: str, work: Path, results: Path) -> None:
    """The statements and the picture of what was measured, in place of those that were recorded with it. Raises
    ValueError if what is in ``work`` is of other settings than what is recorded."""
    file, data = results / f"{name}.json", work / f"{name}.nc"
    told = json.loads(file.read_text())
    with load(data) as found:
        own = {"settings": json.loads(found.attrs["settings"]), "seeds": int(found.attrs["seeds"])}
    for key, value in own.items():
        if value != told[key]:
            raise ValueError(f"--work: expected {data} with the {key} that {file} has, {told[key]}; got {value}")
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in told["settings"].items()}
    statements, _, _ = judged(experiment(name).plan(settings, told["seeds"]), data)
    shutil.copy(work / f"{name}.png", results)
    told["statements"] = [one.to_dict() for one in statements]
    file.write_text(json.dumps(told, indent=1) + "\n")


def write_table(results: Path) -> None:
    """statements.md, from all that is recorded, in the order of the lectures' argument."""
    files = {name: results / f"{name}.json" for name in PLACES}
    found = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    own = [field.name for field in fields(Statement)]
    told = [(n, Statement(**{key: s[key] for key in own})) for n, one in found.items() for s in one["statements"]]
    lines = [f"# {len(found)} of {len(PLACES)} experiments, with all their settings", "", *statement_table(told), ""]
    lines += ["| experiment | measurements | seeds | seconds of a processor |", "|---|---|---|---|"]
    for name, one in found.items():
        lines.append(f"| [{name}]({name}.png) | {one['tasks']} | {one['seeds']} | {one['processor_seconds']:.0f} |")
    tasks, work = (sum(one[key] for one in found.values()) for key in ("tasks", "processor_seconds"))
    lines.append(f"| all | {tasks} | | {work:.0f} |")
    (results / "statements.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
