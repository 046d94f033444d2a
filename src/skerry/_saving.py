"""One file of arrays and a JSON spec, there whole or not at all."""

from __future__ import annotations

import json
import os
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np


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
