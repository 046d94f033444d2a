"""Where evaluations are kept, and opening it."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from skerry.errors import InputError
from skerry.problem import Problem
from skerry.store import _manifest
from skerry.store._chunk import NAME
from skerry.store._files import PART, make_folder
from skerry.store._fingerprint import forward_identity
from skerry.store._lock import Lock
from skerry.store._manifest import problem_digest, refuse_differences
from skerry.store._records import Records

CHUNKS, ASIDE = "chunks", "aside"


@dataclass(frozen=True)
class Store:
    """Where evaluations are kept: ``skerry.infer(..., store=skerry.Store(path))``.

    A path alone does as well; this adds settings.

    Attributes:
        path: the folder; it is made if it isn't there.
        accept: names of differences to let pass, as an earlier error named them: ``"likelihood"``
            after an edit that changes no value, ``"n_effective"`` or ``"max_calls"`` to go on
            further than before.
        unsaved_seconds: likelihood time that may wait before it is written; what a sudden death of
            the process can lose. 0 writes after every call.
        forward: the folder that keeps a forward model's predictions; by default ``forward`` in
            ``path``. They hold for any observation: give several runs the same folder, one after
            the other, and no point is predicted twice.
    """

    path: str | PathLike[str]
    accept: tuple[str, ...] = ()
    unsaved_seconds: float = 0.2
    forward: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, (str, PathLike)) or not str(self.path):
            raise InputError(
                f"Expected the path of a folder for the store; got {self.path!r}; pass for "
                'example "run1.store".'
            )
        if isinstance(self.accept, str) or not all(isinstance(name, str) for name in self.accept):
            raise InputError(
                f"Expected accept as a tuple of names; got {self.accept!r}; pass for example "
                'accept=("likelihood",).'
            )
        if not self.unsaved_seconds >= 0:
            raise InputError(
                f"Expected unsaved_seconds >= 0; got {self.unsaved_seconds!r}; 0 writes at once."
            )


@contextmanager
def opened(store: Store, identity: Mapping[str, str], ndim: int) -> Iterator[Records]:
    """The records of a store, locked for this process; what waits is written in the end.

    Args:
        store: where.
        identity: of the problem (``parameters``, ``prior``, ``observation``, ``likelihood``) and
            of the run, texts by name.
        ndim: d.

    Raises:
        InputError: if the store is of another problem or run, naming what differs.
        StoreError: if another process writes to it, or it can't be read or written.
    """
    with locked(store, identity) as (folder, problem):
        records = Records(folder / CHUNKS, folder / ASIDE, ndim, problem, store.unsaved_seconds)
        try:
            yield records
        finally:
            records.flush()


@contextmanager
def opened_runs(store: Store, problem: Problem) -> Iterator[Records]:
    """A forward model's predictions beside a store, or where it says; as :func:`opened`."""
    place = Path(store.path) / "forward" if store.forward is None else store.forward
    mine = Store(place, store.accept, store.unsaved_seconds)
    with locked(mine, forward_identity(problem)) as (folder, digest):
        records = Records(
            folder / CHUNKS,
            folder / ASIDE,
            problem.prior.ndim,
            digest,
            store.unsaved_seconds,
            vectors=True,
        )
        try:
            yield records
        finally:
            records.flush()


@contextmanager
def locked(store: Store, identity: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """A store's folder, ready and ours alone, and the digest of the problem it is of."""
    folder = Path(store.path)
    make_folder(folder)
    lock = Lock(folder)
    try:
        make_folder(folder / CHUNKS)
        _sweep(folder)
        yield folder, _checked(folder, identity, store)
    finally:
        lock.release()


def _checked(folder: Path, identity: Mapping[str, str], store: Store) -> str:
    """The digest of the problem that the store is of; differences that are accepted keep it."""
    stored = _manifest.read_manifest(folder)
    if stored is not None:
        refuse_differences(folder, stored, identity, store.accept)
        return problem_digest(stored)
    known = [entry.name for entry in (folder / CHUNKS).iterdir() if NAME.fullmatch(entry.name)]
    if known:
        _adopt(folder, identity)
    _manifest.write_manifest(folder, identity, _information())
    return problem_digest(identity)


def _adopt(folder: Path, identity: Mapping[str, str]) -> None:
    """Chunks without a manifest: theirs again, if one of them is of this problem.

    Raises:
        InputError: if none is.
    """
    from skerry.store._read import problems_of

    if problem_digest(identity) not in problems_of(folder / CHUNKS):
        raise InputError(
            f"Expected a store of this problem in {folder}; its manifest is missing or damaged, "
            "and none of its chunks is of this problem; pass another folder."
        )
    warnings.warn(
        f"The manifest of the store in {folder} was missing or damaged; it is written anew, for "
        "its chunks are of this problem.",
        stacklevel=4,
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for place in (folder, folder / CHUNKS):
        for part in place.glob(f"{PART}*"):
            part.unlink(missing_ok=True)


def _information() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    def known(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "unknown"

    versions: dict[str, Any] = {name: known(name) for name in ("skerry", "numpy", "scipy", "jax")}
    return {"python": platform.python_version(), **versions}
