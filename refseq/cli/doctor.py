"""``refseq doctor``: what is installed, what it runs on, what is missing and the command that adds it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from refseq.cli import tables
from refseq.cli.environment import OPTIONAL, environment
from refseq.cli.files import check_writable, write_json
from refseq.targets import TARGETS, target


def doctor(
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the same as JSON.")] = None,
) -> int:
    """Print versions, CPU, threads, targets and devices; what is missing and the command that adds it."""
    if json_file:
        check_writable(json_file)
    found, console = environment(), tables.console()
    machine = Table(title="Machine", title_justify="left", show_header=False)
    for name in ("refseq", "python", "system", "processor", "cores", "threads"):
        tables.add(machine, name, str(found[name]))
    console.print(machine)
    packages = Table("package", "version", "what to do", title="Packages", title_justify="left")
    for name, version in found["packages"].items():
        advice = "" if version else f"pip install 'refseq[{OPTIONAL.get(name, 'all')}]'"
        tables.add(packages, name, version or "not installed", advice)
    console.print(packages)
    targets = Table("target", "state", "device, or why not", title="Targets", title_justify="left")
    for name in TARGETS:
        tables.add(targets, name, "no" if target(name).missing() else "yes", found["targets"][name])
    console.print(targets)
    if json_file:
        write_json(json_file, found)
    return 0
