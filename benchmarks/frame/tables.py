"""Markdown tables of what is in the history."""

from __future__ import annotations

from typing import Any

from frame.rows import SPLIT, Row
from frame.summary import groups, peers_ahead, summary

Cells = list[str]
COSTS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
COLUMNS = {
    "calls": (",.0f", "calls"),
    "calls_per_effective": (".2f", "calls / ESS"),
    "cpu_s": (".1f", "CPU s"),
    "peak_mb": (",.0f", "peak MB"),
    "log_evidence_miss": (".4f", "abs log Z error"),
    "log_evidence_z": (".1f", "abs z"),
    "mass_error": (".4f", "mass error"),
    "c2st": (".3f", "C2ST"),
    "sliced_w": (".1f", "sliced W"),
    "bridge_mass": (".4f", "bridge"),
}


PARTS = " + ".join(name.removesuffix("_s") for name in SPLIT)
HEAD = [
    "runs",
    *(
        w
        for _, words in COLUMNS.values()
        for w in ([words, PARTS] if words == "CPU s" else [words])
    ),
    "lost modes",
    "ended",
]


def number(value: Any, form: str) -> str:
    return "-" if value is None else format(value, form)


def markdown(head: Cells, body: list[Cells]) -> str:
    """A table; bars and line ends inside cells are made harmless."""

    def line(cells: Cells) -> str:
        return "| " + " | ".join(c.replace("|", "/").replace("\n", " ") for c in cells) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, body)])


def without_empty(head: Cells, body: list[Cells]) -> tuple[Cells, list[Cells]]:
    """The table without columns that say nothing in any line."""
    kept = [i for i in range(len(head)) if any(line[i] != "-" for line in body)]
    return [head[i] for i in kept], [[line[i] for i in kept] for line in body]


def split(found: dict[str, Any]) -> str:
    """The parts of the CPU seconds, if they could be had in every run."""
    parts = [found[name] or 0.0 for name in SPLIT]
    known = found["all_split"] and sum(parts) >= 0.05
    return " + ".join(f"{part:.1f}" for part in parts) if known else "-"


def cells(found: dict[str, Any]) -> Cells:
    """The columns of one method on one problem."""
    each = found["lost"] if any(found["lost"]) else found["lost"][:1]  # run by run
    lost = " ".join(map(str, each)) or "-"
    ends = "; ".join(f"{n} x {what}" if found["runs"] > 1 else what
                     for what, n in found["ends"].items())  # fmt: skip
    values = []
    for name, (form, _) in COLUMNS.items():
        values.append(number(found[name], form))
        values += [split(found)] if name == "cpu_s" else []
    modes = "" if found["n_modes"] is None else f" of {found['n_modes']}"
    return [str(found["runs"]), *values, lost + modes, ends]


def problem_tables(runs: list[Row], problems: tuple[str, ...]) -> str:
    """A table for each problem, a line for each method."""
    head, text = ["method", *HEAD], []
    for problem in problems:
        mine = {m: own for (p, m), own in groups(runs).items() if p == problem}
        if mine:
            body = [[method, *cells(summary(own))] for method, own in mine.items()]
            text.append(f"### {problem}\n\n{markdown(*without_empty(head, body))}")
    return "\n\n".join(text)


def curve_table(runs: list[Row], curve: str, points: dict[str, tuple]) -> str:
    """A line for each point of a curve and method."""
    head = [curve, "method", *HEAD]
    found, body = groups(runs), []
    for name, (own_curve, value, *_) in points.items():
        for (problem, method), own in found.items():
            if own_curve == curve and problem == name:
                shown = f"1e{value}" if curve == "volume" else f"{value:,}"
                body.append([shown, method, *cells(summary(own))])
    return markdown(*without_empty(head, body)) if body else ""


def overhead(found: dict[str, Any]) -> float:
    """CPU seconds that are not the likelihood's; all, where the split could not be had."""
    return max(found["cpu_s"] - (found["likelihood_s"] or 0.0), 0.0)


def cost_table(runs: list[Row], problem: str) -> str:
    """Seconds to the answer on one core at a given cost of a call: computed, not run."""
    head = ["method", "calls", "ESS", *(f"{cost:g} s" for cost in COSTS)]
    body = []
    for (name, method), own in groups(runs).items():
        found = summary(own)
        if name == problem and found["answers"] and found["calls"] and found["cpu_s"] is not None:
            seconds = [overhead(found) + found["calls"] * cost for cost in COSTS]
            effective = number(found["n_effective"], ",.0f")
            shown = [format(s, ",.0f" if s >= 100 else ".1f") for s in seconds]
            body.append([method, f"{found['calls']:,.0f}", effective, *shown])
    return markdown(head, body) if len(body) > 1 else ""


def ahead(runs: list[Row]) -> str:
    lines = peers_ahead(runs)
    return "\n".join(f"- {line}" for line in lines) or "- nowhere in the rows there are"


def speed_tables(rows: list[Row]) -> str:
    """Bare flows: the latest row of each method and number of layers."""
    latest = {}
    for row in rows:
        if row["kind"] == "flow_speed" and "islands" in row["settings"]:
            latest[row["settings"]["layers"], row["method"]] = row
    wanted = ("step_512_ms", "step_4096_ms", "log_prob_per_s", "sample_per_s", "first_s")
    head = ["layers", "method", "step of 512, ms", "step of 4,096, ms", "log q a second"]
    head += ["samples a second", "build and compile, s"]
    body = [
        [str(layers), method, *(f"{row['measures'][name]['median']:,.4g}" for name in wanted)]
        for (layers, method), row in sorted(latest.items(), key=lambda item: item[0][0])
    ]
    return markdown(head, body) if body else ""
