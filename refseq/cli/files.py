"""Writing results: nothing half-written, nothing replaced that is not a plain file."""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import typer


def check_writable(path: Path) -> None:
    """Raise typer.BadParameter, before any work is done, for a path that cannot become a JSON file."""
    folder = path.absolute().parent
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder", param_hint="--json")
    if not folder.is_dir():
        raise typer.BadParameter(f"no such folder: {folder}", param_hint="--json")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written", param_hint="--json")


def write_json(path: Path, content: Any) -> None:
    """Write beside the place and rename, so that no half-written file is ever there; pipes and devices directly."""
    text = json.dumps(_strict(content), indent=1, allow_nan=False)
    path = path.resolve()  # a link keeps pointing at its file
    if path.exists() and not path.is_file():
        path.write_text(text)
        return
    umask = os.umask(0)
    os.umask(umask)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        os.close(descriptor)
        Path(name).write_text(text)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _strict(value: Any) -> Any:
    """The same with numbers that JSON does not have, NaN and infinities, as strings."""
    if isinstance(value, dict):
        return {key: _strict(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
