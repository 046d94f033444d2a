"""The page of tables and pictures, written from the history alone."""

from __future__ import annotations

from pathlib import Path

import methods
import problems

from frame import many, plots, tables
from frame.rows import Row, runs

COSTED = ("corners", "higgs_4d", "mixture_5d")
CURVES = {
    "dimension": "Four Gaussian islands, 2% of the prior's width each (standard deviation), in 2 "
    "to 20 dimensions. Gaussian islands are what Skerry's proposals are made of: the easiest case "
    "for it; the next curve is not.",
    "curved": "Four curved islands (bananas) in 2 to 10 dimensions.",
    "modes": "1 to 100 Gaussian islands of equal mass in three dimensions, 0.5% of the prior's "
    "width each.",
    "volume": "Two Gaussian islands in three dimensions; the prior's volume is 1e2 to 1e14 times "
    "the posterior's.",
    "data": "10 to 100,000 measurements of each of three parameters, whose signs they don't tell: "
    "eight islands that shrink, and calls that go through all measurements.",
}
HEAD = (
    "# Tables of the benchmarks\n\n"
    "<!-- Made by `benchmarks/bench.py tables` from benchmarks/results/history.jsonl. -->\n\n"
    "The latest run of each method, problem and seed; medians over seeds where there are several. "
    "`-`: not measured, or nothing to measure. `benchmarks/README.md` says how it is measured and "
    "what the caps are; every row of the history holds its commit, machine, load and versions. CPU "
    "seconds are those of runs on a machine shared with other work.\n"
)


def write(rows: list[Row], out: Path) -> int:
    """``benchmarks_tables.md`` and ``images/bench_*.svg`` into a folder."""
    text = HEAD + "\n" + "\n\n".join(sections(rows, out)) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "benchmarks_tables.md").write_text(text)
    return 0


def sections(rows: list[Row], out: Path) -> list[str]:
    """The page's parts, those with anything to show."""
    found = runs(rows)
    named = [p for p in dict.fromkeys(r["problem"] for r in found) if p not in problems.POINTS]
    order = [p for p in problems.names() if p in named]
    parts = ["## Where a peer is ahead of Skerry", AHEAD, tables.ahead(found)]
    parts += ["## Problem by problem", tables.problem_tables(found, tuple(order))]
    parts += ["## One thing at a time"]
    for name, words in CURVES.items():
        table = tables.curve_table(found, name, problems.POINTS)
        if table:
            path = out / "images" / f"bench_{name}.svg"
            drawn = plots.curve(found, name, problems.POINTS, path)
            picture = f"\n\n![{name}](images/bench_{name}.svg)" if drawn else ""
            parts.append(f"### {name.capitalize()}\n\n{words}{picture}\n\n{table}")
    parts += costs(found, out)
    parts += amortised(rows)
    speeds = tables.speed_tables(rows)
    if speeds:
        parts += ["## Bare flows", SPEED, speeds]
    parts += ["## What was chosen for each method", chosen()]
    return parts


AHEAD = (
    "By medians, where every run of the peer came to its own stop and lost no mode. Methods "
    "stop by their own rules, at different effective sizes, so that fewer CPU seconds may be fewer "
    "samples; a mass error or an error of log Z counts as ahead if it is less than half of "
    "Skerry's."
)
SPEED = (
    "Three dimensions, 8 bins, 2 x 64 hidden units, one core: `python benchmarks/flow_speed.py`."
)


MANY = (
    "One training on so many simulations, then a few of the benchmark's observations: draws of the "
    "estimator (raw) and, where the likelihood refines them, of the posterior. C2ST with 5,000 "
    "exact draws, mean over the observations; 0.5 is perfect. Calls of the likelihood during "
    "Skerry's training are not counted here: they are in its CPU seconds. "
    "`python benchmarks/bench.py amortised`."
)
PAYS = (
    "CPU seconds for so many observations, refined: training + observations x refining one, beside "
    "observations x `skerry.infer`. Computed from the means above. The likelihoods here cost next "
    "to nothing; the dearer a call, the more the calls decide."
)


def amortised(rows: list[Row]) -> list[str]:
    """Accuracy at a budget, and when training pays."""
    table, pays = many.table(rows), many.paying(rows)
    parts = ["## Amortised posteriors", MANY, table] if table else []
    return parts + (["### When training pays", PAYS, pays] if pays else [])


def costs(found: list[Row], out: Path) -> list[str]:
    """Time to the answer against the cost of a call."""
    parts = []
    for problem in COSTED:
        table = tables.cost_table(found, problem)
        if table:
            path = out / "images" / f"bench_cost_{problem}.svg"
            plots.cost(found, problem, path)
            parts.append(f"### {problem}\n\n![cost](images/bench_cost_{problem}.svg)\n\n{table}")
    head = (
        "## Dear likelihoods\n\nSeconds to the answer on one core where a likelihood call takes so "
        "long: computed as calls x cost + the CPU seconds that were not the likelihood's, not run. "
        "Each method answers at its own stop, with the effective samples shown; hollow circles "
        "are runs that a cap ended, or that lost a mode."
    )
    return [head, *parts] if parts else []


def chosen() -> str:
    """The methods' settings, in words."""
    from methods import amortised as adapters

    one = [f"- **{name}**: {methods.get(name).SETTINGS}" for name in methods.NAMES]
    many = [f"- **{name}**, amortised: {adapters.get(name).SETTINGS}" for name in adapters.NAMES]
    return "\n".join(one + many)
