"""Arrays by name and number, each in a file that is written once: simulations, checkpoints."""

from __future__ import annotations

import io
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skerry.errors import StoreError
from skerry.store._chunk import DamagedError, refuse_compressed
from skerry.store._files import digest, put_aside, write_new

FORMAT = "skerry page 1"
NAME = re.compile(r"([a-z]+)-(\d{8,12})-([0-9a-f]{32})\.npz")


@dataclass(frozen=True, eq=False)
class Page:
    """Arrays, and plain values beside them."""

    values: dict[str, Any]
    arrays: dict[str, Any]


class Pages:
    """The pages of one folder, in the hands of one process.

    Args:
        folder: theirs.
        aside: where files go that can't be used.
        problem: the digest of the identity of problem and settings.
    """

    def __init__(self, folder: Path, aside: Path, problem: str) -> None:
        self._folder, self._aside, self._problem = folder, aside, problem

    def numbers(self, kind: str) -> list[int]:
        """The numbers of all pages of a kind, in order."""
        matched = (NAME.fullmatch(entry.name) for entry in self._folder.iterdir())
        return sorted(int(found[2]) for found in matched if found and found[1] == kind)

    def put(self, kind: str, number: int, values: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Write a page.

        Raises:
            StoreError: if that fails.
        """
        head = {"format": FORMAT, "problem": self._problem, "kind": kind, "values": values}
        file = io.BytesIO()
        np.savez(file, head=np.array(json.dumps(head)), **arrays)
        data = file.getvalue()
        write_new(self._folder / f"{kind}-{number:08d}-{digest(data)}.npz", data)

    def get(self, kind: str, number: int) -> Page | None:
        """A page; None if there is none, or only a damaged one: that is named and set aside.

        Raises:
            StoreError: if it can't be read.
        """
        for path in sorted(self._folder.glob(f"{kind}-{number:08d}-*.npz")):
            try:
                return self._decoded(path.name, path.read_bytes(), kind)
            except DamagedError as error:
                put_aside(path, self._aside)
                warnings.warn(
                    f"{path.name} of the store in {self._folder.parent} can't be used and was "
                    f"moved to {self._aside}: {error}; what it held is made again.",
                    stacklevel=2,
                )
            except OSError as error:
                raise StoreError(
                    f"Expected to read {path}; got {error.strerror or error}; see to it, or move "
                    "the file away."
                ) from error
        return None

    def drop(self, kind: str, below: int) -> None:
        """Remove a kind's pages of lower numbers."""
        for path in self._folder.glob(f"{kind}-*.npz"):
            found = NAME.fullmatch(path.name)
            if found and int(found[2]) < below:
                path.unlink(missing_ok=True)

    def _decoded(self, name: str, data: bytes, kind: str) -> Page:
        found = NAME.fullmatch(name)
        if found is None:
            raise DamagedError("its name is not one of Skerry's")
        if digest(data) != found[3]:
            raise DamagedError("its bytes are not those that were written")
        try:
            refuse_compressed(data)
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            head = json.loads(str(arrays.pop("head")))
            if (head["format"], head["kind"]) != (FORMAT, kind):
                raise DamagedError(f"its format is {head['format']!r}, not {FORMAT!r}")
            if head["problem"] != self._problem:
                raise DamagedError("it belongs to another problem, or to other settings")
            return Page(dict(head["values"]), arrays)
        except DamagedError:
            raise
        except Exception as error:  # there is no end to the ways in which a file can be damaged
            raise DamagedError(f"it can't be read ({type(error).__name__}: {error})") from error
