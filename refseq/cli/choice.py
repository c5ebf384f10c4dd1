"""Which recurrences a command works on: names and options as tables print them, ``gru(reset=after)``."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

import refseq

Variant = tuple[str, Mapping[str, Any]]
"""A recurrence's name and its options."""

CORE: tuple[Variant, ...] = (
    ("elman", {}),
    ("lstm", {}),
    ("gru", {}),
    ("gru", {"reset": "after"}),
)
"""What every framework has: looked at most thoroughly."""

OFFERED: tuple[Variant, ...] = (
    *(("elman", {"activation": name}) for name in ("tanh", "relu", "sigmoid", "identity")),
    *CORE[1:],
    ("lstm", {"projection": 2}),
    ("lstm_peephole", {"output_sees": "new"}),
    ("lstm_coupled", {}),
)
"""What some framework or standard has."""


def every_variant(names: Iterable[str] = ()) -> list[Variant]:
    """Every example of every option, of these recurrences or of all; those that a cell refuses left out."""
    found: list[Variant] = []
    for name in names or refseq.catalogue():
        recurrence = refseq.catalogue()[name]
        for options in recurrence.variants():
            try:
                recurrence.cell(**options)
            except ValueError:  # dropout of a cell without a recurrent matrix
                continue
            found.append((name, options))
    return found


def chosen(asked: Sequence[str], hint: str = "--cell") -> list[Variant]:
    """The recurrences named on the command line: ``lstm`` is the usual one (``gru`` both), ``lstm(clip=3)`` has these
    options, ``lstm(*)`` stands for every example of every option. Raises typer.BadParameter for what does not exist;
    ``hint`` says in which argument it was named."""
    found: list[Variant] = []
    for text in asked:
        name, bracket, rest = text.partition("(")
        if name not in refseq.catalogue() or (bracket and not rest.endswith(")")):
            known = ", ".join(refseq.catalogue())
            message = (
                f"expected one of {known}, one of them with options like gru(reset=after), or lstm(*); got {text!r}"
            )
            raise typer.BadParameter(message, param_hint=hint)
        if not bracket:
            found += [variant for variant in CORE if variant[0] == name] or [(name, {})]
            continue
        if rest == "*)":
            found += every_variant([name])
            continue
        options: dict[str, object] = {}
        try:
            for item in filter(str.strip, rest[:-1].split(",")):
                key, value = _option(item)
                if key in options:
                    raise ValueError(f"{key!r} stands twice")
                options[key] = value
            refseq.catalogue()[name].cell(**options)
        except (TypeError, ValueError) as error:
            raise typer.BadParameter(f"{text}: {error}", param_hint=hint) from error
        found.append((name, options))
    return found


def _option(item: str) -> tuple[str, object]:
    key, equals, value = (part.strip() for part in item.partition("="))
    if not equals:
        raise ValueError(f"expected key=value, got {item.strip()!r}")
    words: dict[str, object] = {"True": True, "False": False, "None": None}
    if value in words:
        return key, words[value]
    for number in (int, float):
        try:
            return key, number(value)
        except ValueError:
            continue
    return key, value
