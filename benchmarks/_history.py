"""Rows of JSON for ``results/history.jsonl``: where a measurement comes from."""

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
HISTORY = HERE / "results" / "history.jsonl"


def provenance(packages):
    """Commit, machine, versions and time."""
    git = ["git", "-C", str(HERE)]
    commit, dirty = (
        subprocess.run([*git, *words], capture_output=True, text=True, check=False).stdout.strip()
        for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "../src"])
    )
    versions = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "commit": commit + ("-dirty" if dirty else ""),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load": load,
        "versions": versions,
        "time": datetime.now(UTC).isoformat("T", "seconds"),
    }


def append(row, path=HISTORY):
    """Add a row to the end of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
