"""The history: one row of JSON a run, appended and never changed.

A row of kind ``run`` is one method on one problem with one seed. Rows of the older kind ``peers``
are read as rows of kind ``run``: they are kept where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
HISTORY = Path(__file__).parent.parent / "results" / "history.jsonl"
SPLIT = ("likelihood_s", "training_s", "compile_s", "rest_s")


def read(path: Path = HISTORY) -> list[Row]:
    """All rows, oldest first."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def runs(rows: Iterable[Row]) -> list[Row]:
    """The latest row of each method, problem and seed; an old one counts like a new one."""
    latest = {}
    for row in rows:
        if row["kind"] == "peers":
            row = from_peers(row)  # noqa: PLW2901
        if row["kind"] == "run":
            key = row["problem"], row["method"], row["seed"]
            latest.pop(key, None)
            latest[key] = row
    return list(latest.values())


def from_peers(row: Row) -> Row:
    """A row of the script ``peers.py`` as one of kind ``run``; what it didn't measure is None."""
    same = ("seed", "settings", "calls", "cpu_s", "commit", "machine", "versions", "time")
    same += ("log_evidence", "log_evidence_miss", "log_evidence_stated_error", "log_evidence_z")
    same += ("mass_error", "lost_modes", "n_modes", "n_effective", "c2st")
    new = {"kind": "run", "problem": row["task"], "method": row["sampler"]}
    new |= {name: row.get(name) for name in same}
    outcome, message = peers_outcome(row)
    new |= {"outcome": outcome, "message": message}
    if new["n_effective"]:
        new["calls_per_effective"] = new["calls"] / new["n_effective"]
    return new


def peers_outcome(row: Row) -> tuple[str, str]:
    """How an older run ended, in today's words."""
    failure = row.get("failure")
    if failure is None:
        return "cap: calls" if row["status"] == "out of calls" else "finished", row["status"]
    if failure.startswith("Stopped"):
        return "cap: CPU s" if "CPU" in failure else "cap: calls", ""
    return "crash", failure


def judged(row: Row) -> bool:
    """Whether the run left an answer, even if a cap ended it."""
    return row.get("mass_error") is not None
