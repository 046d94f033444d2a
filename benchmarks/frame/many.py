"""Tables of amortised posteriors: accuracy at a budget, and from when on training pays."""

from __future__ import annotations

import numpy as np

from frame.amortised import pays_from
from frame.rows import Row
from frame.tables import markdown, number

OBSERVATIONS = (1, 10, 100, 1_000, 10_000)


def latest(rows: list[Row]) -> list[Row]:
    """The latest row of each task, budget, method and seed, in that order."""
    found = {}
    for row in rows:
        if row["kind"] == "amortised":
            found[row["task"], row["n_simulations"], row["method"], row["seed"]] = row
    return [found[key] for key in sorted(found, key=lambda k: (k[0], k[1] == 0, *k[1:]))]


def mean(row: Row, name: str) -> float | None:
    return float(np.mean(row[name])) if row.get(name) else None


def table(rows: list[Row]) -> str:
    """A line for each training."""
    head = ["task", "simulations", "method", "seed", "training, CPU s (compilation, wall s)"]
    head += [
        "raw C2ST",
        "refined C2ST",
        "calls to refine one",
        "CPU s to refine one",
        "largest abs z",
    ]
    head += ["CPU s to draw for one", "peak MB", "ended"]
    body = []
    for row in latest(rows):
        compiled = number(row.get("compile_s"), ".0f")
        z = row.get("refine_log_evidence_z")
        body.append(
            [
                row["task"],
                f"{row['n_simulations']:,}",
                {"each": "skerry.infer each time"}.get(row["method"], row["method"]),
                str(row["seed"]),
                f"{number(row.get('train_cpu_s'), '.0f')} ({compiled})",
                number(mean(row, "raw_c2st"), ".3f"),
                number(mean(row, "refined_c2st"), ".3f"),
                number(mean(row, "refine_calls"), ",.0f"),
                number(mean(row, "refine_cpu_s"), ".2f"),
                number(float(np.max(np.abs(z))) if z else None, ".1f"),
                number(row.get("sample_cpu_s_each"), ".3f"),
                number(row.get("peak_mb"), ",.0f"),
                row["outcome"] + (f": {row['message']}" if row.get("message") else ""),
            ]
        )
    return markdown(head, body) if body else ""


def paying(rows: list[Row]) -> str:
    """CPU seconds for so many observations: trained and refined, beside one by one."""
    found = latest(rows)
    head = ["task", "simulations", *(f"{k:,}: trained / alone" for k in OBSERVATIONS), "pays from"]
    body = []
    for row in found:
        alone = [r for r in found if r["task"] == row["task"] and r["method"] == "each"]
        if row["method"] != "skerry" or not alone or mean(row, "refine_cpu_s") is None:
            continue
        train, each, one = (
            row["train_cpu_s"],
            mean(row, "refine_cpu_s"),
            mean(alone[0], "refine_cpu_s"),
        )
        least = pays_from(train, each, one)
        cells = [f"{train + k * each:,.0f} / {k * one:,.0f} s" for k in OBSERVATIONS]
        told = "never" if least is None else f"{np.ceil(least):,.0f} observations"
        body.append([row["task"], f"{row['n_simulations']:,}", *cells, told])
    return markdown(head, body) if body else ""
