"""Writing a file so that it is there whole or not at all; what can go wrong, in words."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from pathlib import Path

from skerry._saving import pour, settle
from skerry.errors import StoreError

PART = ".part-"
ADVICE = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "your quota is used up; make room",
    errno.EROFS: "it is on a read-only file system; choose a folder you can write to",
    errno.EACCES: "you may not write there; choose a folder you can write to",
    errno.EPERM: "you may not write there; choose a folder you can write to",
    errno.ENOENT: "the folder is gone; put it back",
}


def digest(data: bytes) -> str:
    """128 bits of BLAKE2b, in hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def write_new(path: Path, data: bytes) -> None:
    """Write a file under another name in its folder, flush it to the disk, rename it.

    Raises:
        StoreError: if that fails; then there is no such file, and no other file has changed.
    """
    part = path.with_name(f"{PART}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        try:
            pour(part, data)
            settle(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise failed(path.parent, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents, if they aren't there.

    Raises:
        StoreError: if that fails.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StoreError(f"Expected a folder for the store; {path} is a file; pass another.") from (
            error
        )
    except OSError as error:
        raise failed(path, error) from error


def put_aside(path: Path, aside: Path) -> None:
    """Move a file that can't be used to where it can be looked at.

    Raises:
        StoreError: if that fails.
    """
    try:
        aside.mkdir(exist_ok=True)
        target, number = aside / path.name, 0
        while target.exists():
            number += 1
            target = aside / f"{path.name}.{number}"
        path.rename(target)
    except OSError as error:
        raise failed(aside, error) from error


def failed(folder: Path, error: OSError) -> StoreError:
    """A system's error in words."""
    known = ADVICE.get(error.errno or 0, f"{error.strerror or error}; see to it")
    return StoreError(
        f"Expected to write to the store in {folder}; {known}, and run the same again: what was "
        "stored before is untouched."
    )
