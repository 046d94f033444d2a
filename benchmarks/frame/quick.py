"""The guard's run: Skerry alone on a fixed set, in a few minutes, against its last accepted row."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import methods
import problems
from _history import append, provenance

from frame import guard, isolated, judge, one, rows, trained

PROBLEMS = (
    "corners",
    "ring_blob",
    "eggbox",
    "higgs_3d",
    "log_gamma_4d",
    "mixture_5d",
    "bananas_5d",
    "mixture_10d",
)
SEEDS = (0, 1, 2, 3, 4)
SETTINGS = {"n_effective": 10_000, "max_calls": 200_000, "max_cpu": 120.0, "max_wall": 600.0}


def several(text: str) -> None:
    """A problem's seeds, one after the other in this process; rows to ``about.json``."""
    spec, found = json.loads(text), []
    one.harden(len(spec["seeds"]) * spec["max_cpu"])
    if spec["problem"] == trained.NAME:
        told = {"rows": [trained.row(seed) for seed in spec["seeds"]]}
        Path("about.json").write_text(json.dumps(told))
        return
    task = problems.get(spec["problem"])
    for seed in spec["seeds"]:
        Path("found.npz").unlink(missing_ok=True)
        Path("calls").unlink(missing_ok=True)
        about = one.run(spec | {"seed": seed}, methods.get("skerry"), task)
        if Path("found.npz").exists():
            import numpy as np

            with np.load("found.npz") as arrays:
                about |= judge.judged(task, dict(arrays), about, draws=0)
        found.append(about)
    Path("found.npz").unlink(missing_ok=True)
    Path("about.json").write_text(json.dumps({"rows": found}))


def measured() -> dict[str, Any]:
    """A row of kind ``quick``: every problem's values, one a seed."""
    found = {}
    for name in (*PROBLEMS, trained.NAME):
        start = time.perf_counter()
        about, _ = isolated.run({"problem": name, "seeds": SEEDS, **SETTINGS}, word="several")
        done = about.get("rows") or [about] * len(SEEDS)
        found[name] = guard.values(done)
        calls = [row["calls"] for row in done if row.get("calls")]
        print(
            f"{name}: {sum(calls) / max(len(calls), 1):,.0f} calls, "
            f"{time.perf_counter() - start:.0f} s" + ("" if "rows" in about else f", {about}"),
            flush=True,
        )
    settings = SETTINGS | {"seeds": list(SEEDS)}
    where = provenance(methods.get("skerry").PACKAGES)
    return {"kind": "quick", "settings": settings, "problems": found, **where}


def last_accepted(history: Path) -> dict[str, Any] | None:
    """The accepted row: the latest of kind ``quick``."""
    return next((r for r in reversed(rows.read(history)) if r["kind"] == "quick"), None)


def main(history: Path, accept: bool) -> int:
    """Run, compare, say what got worse; exit code 1 if something did and isn't accepted."""
    accepted, new = last_accepted(history), measured()
    code = 0
    if accepted is None:
        print("There is no accepted row yet: --accept makes one.")
    else:
        code = say(guard.compare(accepted["problems"], new["problems"]), accepted, new)
    if accept:
        append(new, history)
        print("Accepted: the row is appended.")
        return 0
    return code


def say(findings: list[guard.Finding], accepted: dict, new: dict) -> int:
    """Print the comparison; 1 if something got worse."""
    worse = [finding for finding in findings if finding.worse]
    better = [finding for finding in findings if finding.better]
    print(f"\nAgainst the accepted row of {accepted['time']}, commit {accepted['commit'][:7]}:")
    for finding in findings:
        if finding.problem == guard.TOGETHER:
            print(f"  {finding}")
    seconds = [sum(sum(filter(None, v["cpu_s"])) for v in r["problems"].values())
               for r in (accepted, new)]  # fmt: skip
    print(f"  CPU s in all, not judged: {seconds[0]:.0f} -> {seconds[1]:.0f}")
    for finding in better:
        print(f"BETTER {finding}")
    for finding in worse:
        print(f"WORSE  {finding}")
    skipped = set(accepted["problems"]) ^ set(new["problems"])
    if skipped:
        print(f"Not compared, for want of one side: {', '.join(sorted(skipped))}")
    if not worse:
        print(f"Nothing got worse in {len(findings)} comparisons.")
    return int(bool(worse))
