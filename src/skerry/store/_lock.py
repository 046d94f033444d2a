"""One writer a store.

The lock is a file that names its owner. It is made by a hard link, which is atomic on NFS too (or,
where there are no links, by exclusive creation). An owner on this machine is asked of the system: a
process that is gone, or another one of the same number, holds nothing. An owner elsewhere shows
that it lives by touching the lock; one that hasn't for ten minutes, by the file server's own clock,
is gone. Should two writers meet all the same, no harm is done: files are only ever added.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from skerry._saving import pour
from skerry.errors import StoreError
from skerry.store._files import PART, failed

NAME = "lock"
TOUCH_SECONDS = 30.0
SILENT_SECONDS = 600.0


class Lock:
    """The lock of one store, held from its making until :meth:`release`.

    Raises:
        StoreError: if another process holds it, or the folder can't be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._owner = {**_myself(), "token": secrets.token_hex(8)}
        try:
            self._take()
        except OSError as error:
            raise failed(folder, error) from error
        self._released = threading.Event()
        threading.Thread(target=self._keep_touching, name="skerry-lock", daemon=True).start()

    def release(self) -> None:
        """Give the lock back, if it still is ours."""
        self._released.set()
        if _owner(self._path) == self._owner:
            with suppress(OSError):
                self._path.unlink()

    def _take(self) -> None:
        for _ in range(5):
            if self._make():
                return
            owner = _owner(self._path)
            if owner is None and not self._path.exists():
                continue  # given back in between
            if not _is_gone(owner, self._path):
                raise StoreError(_busy(owner, self._path))
            self._break(owner)
        raise StoreError(_busy(_owner(self._path), self._path))

    def _make(self) -> bool:
        """Whether the lock is ours now."""
        text = json.dumps(self._owner).encode()
        part = self._path.with_name(f"{PART}{os.getpid()}-{self._owner['token']}")
        try:
            pour(part, text)
            try:
                os.link(part, self._path)
            except FileExistsError:
                return False
            except OSError:  # no hard links here
                try:
                    pour(self._path, text)
                except FileExistsError:
                    return False
            return _owner(self._path) == self._owner
        finally:
            part.unlink(missing_ok=True)

    def _break(self, owner: dict[str, Any] | None) -> None:
        """Put away a lock whose owner is gone; put it back if it has changed hands meanwhile."""
        away = self._path.with_name(f"{PART}{os.getpid()}-{secrets.token_hex(8)}")
        with suppress(FileNotFoundError):
            os.rename(self._path, away)
            if _owner(away) != owner:
                with suppress(OSError):
                    os.link(away, self._path)
            away.unlink(missing_ok=True)

    def _keep_touching(self) -> None:
        while not self._released.wait(TOUCH_SECONDS):
            with suppress(OSError):
                os.utime(self._path)


def _myself() -> dict[str, Any]:
    return {"host": _host(), "pid": os.getpid(), "started": _started(os.getpid())}


def _host() -> str:
    """The machine, its boot, and the container."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(pid: int) -> str:
    """When a process began, in the system's own words; empty where it doesn't tell."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    return ""


def _owner(path: Path) -> dict[str, Any] | None:
    """Whom a lock names; None if there is none, or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_gone(owner: dict[str, Any] | None, path: Path) -> bool:
    if owner is None or owner.get("host") != _host():
        return _silent_seconds(path) > SILENT_SECONDS
    pid = owner.get("pid")
    if not isinstance(pid, int) or not _runs(pid):
        return True
    started = owner.get("started")
    return bool(started) and started != _started(pid)


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # asking would end it
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return True


def _silent_seconds(path: Path) -> float:
    """Seconds since a file was touched, by the clock of the file system it is on."""
    probe = path.with_name(f"{PART}{os.getpid()}-{secrets.token_hex(8)}")
    try:
        pour(probe, b"")
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        probe.unlink(missing_ok=True)


def _busy(owner: dict[str, Any] | None, path: Path) -> str:
    if owner is None:
        who = "a process that it doesn't name"
    elif owner.get("host") == _host() and owner.get("pid") == os.getpid():
        who = "this very process"
    else:
        host = str(owner.get("host", "an unknown machine")).split(" ", maxsplit=1)[0]
        who = f"process {owner.get('pid')} on {host}"
    return (
        f"Expected a store that nobody else writes to; {path.parent} is in use by {who}; wait "
        f"for it, or pass another folder. If that process is gone for certain, delete {path}."
    )
