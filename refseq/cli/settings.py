"""What ``--set name=value`` means."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import typer

from refseq.experiments.experiment import Experiment

MOST = 10**6
"""Values of one axis."""


def changes(given: Sequence[str], mine: Sequence[Experiment], every: Sequence[Experiment]) -> dict[str, Any]:
    """The settings that the command line gives to the experiments ``mine``; each has to belong to one of all that run.

    Raises typer.BadParameter."""
    found = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not value:
            raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}", param_hint="--set")
        known = {key: None for one in every for key in one.settings}
        if name not in known:
            raise typer.BadParameter(f"expected one of {', '.join(known)}; got {name!r}", param_hint="--set")
        if any(name in one.settings for one in mine):
            found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """A number or a word; several with commas; count of them from first to last, as first:last:count."""
    if text.count(":") == 2:
        first, last, count = text.split(":")
        try:
            wanted = int(count)
            if not 1 <= wanted <= MOST:
                raise ValueError
            return tuple(float(x) for x in np.linspace(float(first), float(last), wanted))
        except ValueError as error:
            message = f"expected first:last:count with a count of 1 to {MOST}, got {text!r}"
            raise typer.BadParameter(message, param_hint="--set") from error
    if "," in text:
        return tuple(_value(part) for part in text.split(","))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
