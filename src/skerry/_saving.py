"""Files that are there whole or not at all, of whatever kind; arrays read with care.

A file is written under another name in its folder, flushed to the disk, renamed, and the folder's
list of names flushed: whoever dies in between, the process or the machine, under the file's own
name there is what was there before, or all of the new. What a dead process left under the other
name, the next writer of the file takes away.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import platform
import secrets
import warnings
import zipfile
from collections.abc import Collection, Iterator
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
    with whole(path) as part, open(part, "wb") as file:
        np.savez_compressed(file, **arrays, spec=text)


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
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | PathLike[str], data: bytes) -> None:
    """Write a file; it appears whole or not at all.

    Raises:
        OSError: if that fails; a file of that name stays as it was.
    """
    with whole(path) as part:
        pour(part, data)


@contextlib.contextmanager
def whole(path: str | PathLike[str]) -> Iterator[Path]:
    """A name to write a file under; at the end of the block it becomes the file asked for.

    Raises:
        OSError: if that fails; a file of that name stays as it was.
    """
    target = Path(path)
    _sweep(target)
    part = target.with_name(f".{target.name}{_mark()}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        yield part
        settle(part, target)
    finally:
        part.unlink(missing_ok=True)


def pour(path: Path, data: bytes) -> None:
    """Write a file that isn't there yet, and flush it to the disk.

    Raises:
        OSError: if that fails; what was written is left.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)  # NFS tells of a full disk here


def settle(part: Path, target: Path) -> None:
    """Flush a file that is written to the disk, and rename it.

    Raises:
        OSError: if that fails; a file of the target's name stays as it was.
    """
    handle = os.open(part, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(part, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)


def _mark() -> str:
    """Between the name of a file and the process that writes it: the machine it runs on."""
    return f".part-{hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()}-"


def _sweep(target: Path) -> None:
    """Take away what writers of this file left that died, on this machine."""
    if os.name != "posix":  # elsewhere a signal 0 is no question
        return
    for part in target.parent.glob(f".{glob.escape(target.name)}{_mark()}*"):
        process = part.name.rsplit("-", 2)[1]
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            part.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue  # it lives
