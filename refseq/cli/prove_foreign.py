"""``refseq prove mine.py:Mine --cell lstm``: which theorems of the user's own code are to be proved."""

from collections.abc import Sequence

import typer

import proofs.foreign
from proofs import Theorem
from refseq.cli.choice import CORE, chosen
from refseq.cli.rows import load


def foreign(names: Sequence[str], cells: Sequence[str], methods: Sequence[str]) -> list[Theorem]:
    """The theorems of the user's own code that is named; none where refseq's own are asked for. Raises
    typer.BadParameter for what does not go together, and for code that cannot be loaded."""
    own = [name for name in names if ":" in name]
    if not own:
        if cells:
            raise typer.BadParameter("chooses for which cell code of your own is judged", param_hint="--cell")
        return []
    if len(own) < len(names):
        raise typer.BadParameter("code of your own and theorems of refseq are asked for apart", param_hint="NAME")
    if any(method != proofs.foreign.NAME for method in methods):
        raise typer.BadParameter(f"code of your own is judged by {proofs.foreign.NAME}", param_hint="--method")
    found: list[Theorem] = []
    for name in dict.fromkeys(own):
        target = load(name)
        if cells and hasattr(target, "layer") and not isinstance(target, type):
            raise typer.BadParameter(f"{name} has a layer of its own, {target.layer}", param_hint="--cell")
        found += proofs.foreign.theorems(name, target, chosen(cells) or CORE)
    return found
