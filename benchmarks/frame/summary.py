"""Medians over seeds: what the tables and pictures show."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from frame import rows
from frame.rows import SPLIT, Row

ROUNDING = 1e-9  # below it an error is none: a single mode has all the mass


def groups(runs: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """Runs by problem and method, in order of appearance."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in runs:
        found.setdefault((row["problem"], row["method"]), []).append(row)
    return found


def summary(own: list[Row]) -> dict[str, Any]:
    """One method on one problem; errors are of runs that left an answer."""
    good = [row for row in own if rows.judged(row)]
    names = ("calls", "cpu_s", "wall_s", "peak_mb", *SPLIT)
    found: dict[str, Any] = {name: median(own, name) for name in names}
    shape = ("calls_per_effective", "n_effective", "mass_error", "c2st", "sliced_w", "bridge_mass")
    found |= {name: median(good, name) for name in shape}
    found |= {
        "runs": len(own),
        "answers": len(good),
        "all_split": all(row.get("rest_s") is not None for row in own),
        "ended": sum(row["outcome"] == "finished" for row in own),
        "log_evidence_miss": median(good, "log_evidence_miss", absolute=True),
        "log_evidence_z": median(good, "log_evidence_z", absolute=True),
        "lost": [len(row["lost_modes"]) for row in good],
        "n_modes": max((row["n_modes"] for row in good), default=None),
        "ends": Counter(ending(row) for row in own),
    }
    return found


def ending(row: Row) -> str:
    """How a run ended, in a few words."""
    if row["outcome"] == "finished":
        return row["message"] if row["message"] not in ("", "converged") else "finished"
    if row["outcome"].startswith("cap"):
        return row["outcome"] + (", judged as it was" if rows.judged(row) else ", no answer")
    return f"{row['outcome']}: {row['message']}".strip(": ")


def median(own: list[Row], name: str, absolute: bool = False) -> float | None:
    """The median of the values there are; None without any."""
    values = [row[name] for row in own if row.get(name) is not None]
    return float(np.median(np.abs(values) if absolute else values)) if values else None


def sound(found: dict[str, Any]) -> bool:
    """Whether every run came to its own stop with an answer and lost no mode."""
    return found["ended"] == found["answers"] == found["runs"] and not any(found["lost"])


def peers_ahead(runs: list[Row], mine: str = "skerry") -> list[str]:
    """Where a sound peer needs less than Skerry, in words."""
    found = {key: summary(own) for key, own in groups(runs).items()}
    lines = []
    for (problem, method), peer in found.items():
        own = found.get((problem, mine))
        if method == mine or own is None or not sound(peer):
            continue
        for name, words, floor in (
            ("calls_per_effective", "calls per effective sample", 1.0),
            ("cpu_s", "CPU s", 1.0),
            ("mass_error", "mass error", 2.0),
            ("log_evidence_miss", "error of log Z", 2.0),
        ):
            theirs, ours = peer[name], own[name]
            if theirs is not None and ours is not None and theirs * floor < ours > ROUNDING:
                lines.append(f"{problem}, {method}: {words} {theirs:.3g}, Skerry's {ours:.3g}")
    return lines
