"""What ``refseq verify`` judges: one row for an implementation of one layer in one precision."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

import refseq
from refseq.adapters import PEERS
from refseq.checks import Implementation, OwnImplementation
from refseq.checks.structures.kinds import networks
from refseq.checks.structures.stacks import stacks
from refseq.cli import losses
from refseq.cli.choice import CORE, OFFERED, Variant, chosen, every_variant
from refseq.cli.work import NetworkRow, NodeCases, Row, Work
from refseq.layer import Layer
from refseq.stack import Stack
from refseq.targets import TARGETS, target
from refseq.tree_layer import TARGETS as NETWORK_TARGETS

INPUTS, UNITS = 3, 5
Configuration = tuple[str, str]
"""Shape of the layer ("plain", or "deep": two layers in both directions) and dtype."""

REFERENCE: tuple[Configuration, ...] = (("deep", "float64"), ("deep", "float32"))
EVERYTHING: tuple[Configuration, ...] = (("plain", "float64"), ("deep", "float64"), ("deep", "float32"))
SMALL: tuple[Configuration, ...] = (("plain", "float64"), ("plain", "float32"))
OTHERS: tuple[Configuration, ...] = (("deep", "float64"), ("plain", "float32"))
SINGLE: tuple[Configuration, ...] = (("plain", "float32"), ("deep", "float32"))
ONLY = {"onnxruntime": SINGLE}
"""Peers that have one precision; the others are put to them when --dtype asks."""

SLOW = ("jax", "onnx")
"""Peers that take long: JAX compiles for every shape, ONNX's evaluator is plain Python. Unless they are asked for by
name, a quick look at small layers has to do."""


@dataclass(frozen=True)
class Selection:
    """What the command line asked for; empty means everything."""

    names: Sequence[str]
    cells: Sequence[str]
    dtypes: Sequence[str]
    targets: Sequence[str]
    quick: bool


def rows(selection: Selection) -> list[Work]:
    """Every row of a selection. Raises typer.BadParameter for what does not exist."""
    names = selection.names or ["refseq", *(name for name, peer in PEERS.items() if not peer.missing())]
    asked, cells = losses.split(selection.cells)
    where = _targets(selection.targets) if asked and "refseq" in names else ()
    given = asked, selection.dtypes, where, bool(selection.names), load
    work = [row for name in names for row in losses.rows(name, *given)]
    if asked and not cells:
        return work
    selection = replace(selection, cells=cells)
    work += [row for name in names for row in _rows_of(name, selection)]
    return [*work, NodeCases()] if "onnx" in names and not selection.cells else work


def has_own_code(names: Sequence[str]) -> bool:
    """Whether something of the user's own is to be judged."""
    return any(name != "refseq" and name not in PEERS for name in names)


def _rows_of(name: str, selection: Selection) -> Iterator[Work]:
    if name == "refseq":
        for where in _targets(selection.targets):
            yield from _own_rows(where, selection)
    elif name in PEERS:
        why = PEERS[name].missing()
        if why:
            raise typer.BadParameter(f"{name}: {why}", param_hint="TARGET")
        slow = name in SLOW and not selection.names
        configurations = SMALL if slow else EVERYTHING
        if not selection.dtypes:
            configurations = ONLY.get(name, configurations)
        variants = chosen(selection.cells) or OFFERED
        yield from _grid(name, PEERS[name].build, variants, configurations, selection, selection.quick or slow)
    else:
        found = load(name)
        if _has_layer(found):
            if selection.cells:
                message = f"{name} has a layer of its own, {found.layer}"
                raise typer.BadParameter(message, param_hint="--cell")
            for dtype in selection.dtypes or ("float64", "float32"):
                yield Row(getattr(found, "name", name), lambda _layer: found, found.layer, dtype, selection.quick)
        else:
            variants = chosen(selection.cells) or CORE
            yield from _grid(name, found, variants, EVERYTHING, selection, selection.quick)


def _own_rows(where: str, selection: Selection) -> Iterator[Work]:
    """refseq's layers on one target: what frameworks have too, thoroughly on the CPU; the rest of the catalogue, with
    every option, where refseq is asked for by name, as compiling all of it takes minutes."""
    name, build, quick = f"refseq {where}", _own(where), selection.quick or where != "cpu"
    core = {"reference": REFERENCE, "cuda": SMALL}.get(where, EVERYTHING)
    if selection.cells:
        yield from _grid(name, build, chosen(selection.cells), core, selection, quick)
        return
    yield from _grid(name, build, CORE, core, selection, quick)
    others = [variant for variant in every_variant() if variant not in CORE]
    if selection.names:
        yield from _grid(name, build, others, OTHERS if where == "cpu" else OTHERS[1:], selection, quick)
        for dtype in selection.dtypes or ("float64", "float32"):
            for stack in stacks(INPUTS):
                yield Row(name, build, stack, dtype, quick)
            for network in networks(INPUTS, UNITS) if where in NETWORK_TARGETS else ():
                yield NetworkRow(name, where, network, dtype)


def _grid(
    name: str,
    build: Callable[[Layer], Implementation],
    variants: Iterable[Variant],
    configurations: Sequence[Configuration],
    selection: Selection,
    quick: bool,
) -> Iterator[Work]:
    for recurrence, options in variants:
        for shape, dtype in configurations:
            if not selection.dtypes or dtype in selection.dtypes:
                deep = shape == "deep"
                layers = 2 if deep else 1
                layer = refseq.layer(recurrence, INPUTS, UNITS, layers=layers, bidirectional=deep, **options)
                yield Row(name, build, layer, dtype, quick)


def _own(where: str) -> Callable[[Layer], Implementation]:
    return lambda layer: OwnImplementation(layer, where)


def _targets(asked: Sequence[str]) -> list[str]:
    for name in asked:
        if name not in TARGETS:
            raise typer.BadParameter(f"expected one of {', '.join(TARGETS)}; got {name!r}", param_hint="--target")
        why = target(name).missing()
        if why:
            raise typer.BadParameter(f"{name!r} cannot run here: {why}", param_hint="--target")
    return list(asked) or [name for name in TARGETS if not target(name).missing()]


def load(name: str, known: Sequence[str] = ("refseq", *PEERS)) -> Any:
    """The user's implementation ``module:object`` or ``file.py:object``: an Implementation with a ``layer``, or a
    function that makes an Implementation of a layer; ``known`` are the names of what is none. Raises
    typer.BadParameter."""
    where, _, attribute = name.rpartition(":")
    if not where:
        message = f"expected {', '.join(known)}, module:object or file.py:object; got {name!r}"
        raise typer.BadParameter(message, param_hint="TARGET")
    try:
        module = _module(where)
        found = getattr(module, attribute)
    except (Exception, SystemExit) as error:  # the user's own module may raise anything
        raise typer.BadParameter(f"{name}: {type(error).__name__}: {error}", param_hint="TARGET") from error
    if not callable(found) and not _has_layer(found):
        message = (
            f"{name}: expected an implementation with a layer, or a function that makes one of a layer; got {found!r}"
        )
        raise typer.BadParameter(message, param_hint="TARGET")
    return found


def _has_layer(found: Any) -> bool:
    """Whether it is an implementation of one layer or stack, and no function that makes one."""
    return isinstance(getattr(found, "layer", None), (Layer, Stack)) and not isinstance(found, type)


def _module(where: str) -> Any:
    if not where.endswith(".py"):
        sys.path.insert(0, str(Path.cwd()))
        try:
            return importlib.import_module(where)
        finally:
            sys.path.pop(0)
    specification = importlib.util.spec_from_file_location(f"refseq_judges_{Path(where).stem}", where)
    if specification is None or specification.loader is None:
        raise ImportError(f"{where} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    # dataclasses and numba look their module up; a copy.py of the user's must not stand for the standard library's
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module
