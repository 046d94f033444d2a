"""One file of arrays and a JSON spec, there whole or not at all; read with care."""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

MOST_UNPACKED, RATIO = 1 << 26, 100  # numbers worth keeping are not packed to a hundredth


def write_arrays(path: str | PathLike[str], spec: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write arrays and a spec, which becomes the array ``spec``, as one compressed npz file.

    Raises:
        OSError: if that fails; a file of that name stays as it was.
    """
    text = np.array(json.dumps(spec, default=lambda number: number.item()))
    target = Path(path)
    temporary = target.with_name(target.name + ".part")
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays, spec=text)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(
    path: str | PathLike[str], wanted: Collection[str] | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an npz file, all or those wanted. Nothing is unpickled.

    Raises:
        ValueError: for a file that would unpack to far more than it is.
        Exception: there is no end to the ways in which a file can be damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy warns of odd headers; sound files have none
        with open(path, "rb") as raw:
            refuse_giant(raw, os.fstat(raw.fileno()).st_size)
            raw.seek(0)
            with np.load(raw, allow_pickle=False) as file:
                return {name: file[name] for name in file.files if not wanted or name in wanted}


def refuse_giant(file: Any, size: int) -> None:
    """Refuse a zip file of so many bytes that would unpack to far more.

    Raises:
        ValueError: for such.
        zipfile.BadZipFile: for no zip file at all.
    """
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > max(MOST_UNPACKED, RATIO * size):
        raise ValueError(f"its {size:,} bytes would unpack to {unpacked:,}")


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write a text in UTF-8; the file appears whole or not at all.

    Raises:
        OSError: if that fails; a file of that name stays as it was.
    """
    target = Path(path)
    temporary = target.with_name(target.name + ".part")
    try:
        temporary.write_text(text, "utf-8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
