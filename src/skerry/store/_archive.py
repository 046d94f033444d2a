"""What a training keeps beside evaluations: pages, and records in folders that come and go."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from skerry.store._files import digest, make_folder
from skerry.store._pages import Pages
from skerry.store._records import Records
from skerry.store._store import ASIDE, CHUNKS, Store, locked


class Archive:
    """An open store of a training, in the hands of one process.

    Every file says which problem it is of and which of the training's settings it depends on; one
    that depends on others is set aside.

    Attributes:
        folder: of the store.
        pages: simulations, particles, checkpoints.
        unsaved_seconds: as of :class:`~skerry.Store`.
    """

    def __init__(
        self, folder: Path, problem: str, settings: Mapping[str, str], unsaved_seconds: float
    ) -> None:
        self.folder, self.unsaved_seconds = folder, unsaved_seconds
        self._problem, self._settings = problem, settings
        self.pages = Pages(folder / CHUNKS, folder / ASIDE, self._digest(settings))
        self._open: dict[str, Records] = {}

    def records(
        self, name: str, ndim: int, *, of: Collection[str] = (), vectors: bool = False
    ) -> Records:
        """The records of a folder of this name; it is made if it isn't there.

        ``of`` names the settings that they depend on.
        """
        if name not in self._open:
            make_folder(self.folder / name)
            self._open[name] = Records(
                self.folder / name,
                self.folder / ASIDE,
                ndim,
                self._digest(of),
                self.unsaved_seconds,
                vectors=vectors,
            )
        return self._open[name]

    def numbered(self, name: str) -> list[int]:
        """The numbers of the folders ``name/00000012``, in order."""
        found = (self.folder / name).glob("[0-9]*")
        return sorted(int(path.name) for path in found if path.name.isdecimal())

    def leave(self, name: str) -> None:
        """Write what waits in a folder's records and close them."""
        records = self._open.pop(name, None)
        if records is not None:
            records.flush()

    def drop(self, name: str) -> None:
        """Remove a folder."""
        self._open.pop(name, None)
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def flush(self) -> None:
        """Write what waits."""
        for records in self._open.values():
            records.flush()

    def _digest(self, names: Collection[str]) -> str:
        mine = [self._problem, *(f"{name}: {self._settings[name]}" for name in sorted(names))]
        return digest(repr(mine).encode())


@contextmanager
def opened_archive(
    store: Store, identity: Mapping[str, str], settings: Mapping[str, str]
) -> Iterator[Archive]:
    """A training's store, locked for this process; what waits is written in the end.

    Args:
        store: where.
        identity: of the problem.
        settings: of the training.

    Raises:
        InputError: if it is of another training, naming what differs.
        StoreError: if another process writes to it, or it can't be read or written.
    """
    with locked(store, {**identity, **settings}) as (folder, problem):
        archive = Archive(folder, problem, settings, store.unsaved_seconds)
        try:
            yield archive
        finally:
            archive.flush()
