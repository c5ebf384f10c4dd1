"""Arrays in one .npz file that is whole or not there at all.

A file is written beside its place, brought to the disk, and renamed: whoever is killed at any moment leaves the old
file or the new one. A file that was cut short, damaged or made by something else is refused when it is read.
"""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

FORMAT, VERSION = "refseq training", 1
FRAME = ("format", "version", "digest")
"""What the file itself adds to the arrays."""


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Replace the file at ``path``, at once, by one with these arrays (no objects).

    The file beside it has one name, ``.NAME.part``: what a killed process left there is used again, and a path belongs
    to one process at a time. Raises OSError where the folder cannot be written.
    """
    path = path.resolve()  # a link keeps pointing at its file
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            frame = (np.array(FORMAT), np.array(VERSION), np.array(_digest(arrays)))
            _write_npz(file, dict(zip(FRAME, frame, strict=True)) | dict(arrays))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Of the arrays and their names, in order: a zip file has checksums of its members, but not of which there are."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def _write_npz(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """As numpy.savez, but objects, which would be pickled, raise ValueError."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _sync_folder(folder: Path) -> None:
    """Bring the renaming to the disk as well, where a folder can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file made by ``write``. Raises ValueError for anything else, OSError where there is none."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                damaged = archive.testzip()  # compares every member with its checksum
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, RuntimeError, OSError) as error:
            raise ValueError(f"{path}: expected a file of {FORMAT}, got one cut short or of another kind") from error
        if damaged is not None:
            raise ValueError(f"{path}: expected a whole file of {FORMAT}, got one that is damaged in {damaged}")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: expected arrays of {FORMAT}, got something else ({error})") from error
    if str(arrays.pop("format", None)) != FORMAT:
        raise ValueError(f"{path}: expected a file of {FORMAT}, got another .npz")
    version = arrays.pop("version", None)
    if version is None or version.shape or version.item() != VERSION:
        raise ValueError(f"{path}: expected version {VERSION} of {FORMAT}, got {version}")
    if str(arrays.pop("digest", None)) != _digest(arrays):
        raise ValueError(f"{path}: expected a whole file of {FORMAT}, got one that is damaged")
    return arrays
