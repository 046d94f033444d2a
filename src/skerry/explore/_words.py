"""What the page says: verdicts in plain words, the table of islands. Values in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from skerry.explore._raw import Raw
from skerry.explore._refined import Refined
from skerry.explore._subject import Subject
from skerry.plot import colour, letter, mass_text
from skerry.posterior import Status
from skerry.report._numbers import measured, plain
from skerry.report._verdict import HEADLINES

State = Literal["none", "off", "waiting", "running", "failed", "done"]
MOST_PARAMETERS = 6
LONGEST = 500


@dataclass(frozen=True)
class Standing:
    """How the refinement stands.

    Attributes:
        state: "none": there is no likelihood; "off": only when asked for; "waiting" for the
            sliders to rest; "running"; "failed"; "done".
        refined: if done.
        why: it failed.
    """

    state: State
    refined: Refined | None = None
    why: str = ""


def range_verdict(raw: Raw, subject: Subject) -> tuple[str, str, str]:
    """Whether the observation is like those trained on: a tone, a headline, what follows."""
    if not raw.outside:
        return (
            "good",
            "In the trained range.",
            "The observation lies among those the estimator was trained on, or no farther out "
            f"({100 * raw.reach:.0f} % of the way to the edge).",
        )
    index, spreads = raw.farthest
    name = subject.numbers[index].label
    return (
        "bad",
        "Out of the trained range.",
        f"The observation lies {raw.reach:.2g} times as far out as the edge of what the estimator "
        f"was trained on; {name} is farthest, {spreads:.2g} spreads from its median. Don't rely "
        "on the raw picture"
        + (
            ": trust the refined one, or train on observations like this one."
            if subject.estimator.problem is not None
            else "; train on observations like this one."
        ),
    )


def refined_verdict(standing: Standing) -> tuple[str, str, str]:
    """What the likelihood says: a tone, a headline, what follows."""
    if standing.state == "done" and standing.refined is not None:
        return _done(standing.refined)
    if standing.state == "failed":
        return "bad", "Not refined.", standing.why[:LONGEST]
    texts = {
        "none": (
            "Raw alone: no likelihood.",
            "An estimator's file holds no likelihood. Start with --problem PROBLEM.py (from "
            "Python: skerry.load(path, problem=problem)) to see the posterior made exact, with "
            "its evidence.",
        ),
        "off": ("Not refined.", "Press Refine now, or let it refine when the sliders rest."),
        "waiting": ("Raw so far.", "Refined when the sliders rest."),
        "running": ("Refining ...", "The likelihood is called; the raw picture stays."),
    }
    return "care", *texts[standing.state]


def _done(refined: Refined) -> tuple[str, str, str]:
    p = refined.posterior
    tone, headline = HEADLINES.get(p.status, ("care", "See its status."))
    text = f"{p.status.finding} "
    if p.status is not Status.CONVERGED:
        text += f"{p.status.advice} "
    if refined.anew:
        text += "The raw density was too far off: islands were looked for anew. "
    text += f"It took {refined.seconds:.2g} s."
    return tone, f"Refined: {headline[0].lower()}{headline[1:]}", text


def facts(standing: Standing, raw: Raw) -> tuple[tuple[str, str], ...]:
    """Numbers beside the verdict: (what, how much)."""
    found = (("Islands, raw", f"{len(raw.masses)}"),)
    if standing.refined is None:
        rest = ("Log evidence", "Effective samples", "Likelihood calls", "Tail, k-hat")
        return (*found, *((name, "–") for name in rest))
    p = standing.refined.posterior
    return (
        *found,
        ("Log evidence", measured(p.log_evidence, p.log_evidence_error)),
        ("Effective samples", f"{p.n_effective:,.0f}"),
        ("Likelihood calls", f"{p.n_calls:,}"),
        ("Tail, k-hat", plain(p.khat, 2)),
    )


@dataclass(frozen=True)
class Row:
    """A row of the table of islands; shares from 0 to 1, None where there is none."""

    name: str
    colour: str
    raw: float | None
    refined: float | None
    error: float
    place: tuple[str, ...]

    @property
    def raw_text(self) -> str:
        """The raw mass."""
        return "–" if self.raw is None else f"{100 * self.raw:.3g} %"

    @property
    def refined_text(self) -> str:
        """The refined mass and its error."""
        return "–" if self.refined is None else mass_text(self.refined, self.error)


def rows(
    raw: Raw, letters: Sequence[int], names: Sequence[str], refined: Refined | None
) -> tuple[Row, ...]:
    """The islands by letter, raw and refined side by side."""
    masses: Mapping[int, tuple[float, float]] = {} if refined is None else refined.masses
    mine = {k: i for i, k in enumerate(letters)}
    found = []
    for k in sorted({*mine, *masses}):
        place = ("–",) * min(len(names), MOST_PARAMETERS)
        if k in mine:
            place = tuple(f"{v:.3g}" for v in raw.places[mine[k], :MOST_PARAMETERS])
        found.append(
            Row(
                letter(k),
                colour(k),
                float(raw.masses[mine[k]]) if k in mine else None,
                masses[k][0] if k in masses else (None if refined is None else 0.0),
                masses[k][1] if k in masses else 0.0,
                place,
            )
        )
    return tuple(found)


def spoken(raw: Raw, standing: Standing, subject: Subject) -> str:
    """A sentence for those who hear the page."""
    islands = f"{len(raw.masses)} islands" if len(raw.masses) > 1 else "One island"
    return " ".join([islands + ".", range_verdict(raw, subject)[1], refined_verdict(standing)[1]])


def verdict_html(raw: Raw, standing: Standing, subject: Subject) -> str:
    """The two verdicts and the facts."""
    return _template("verdict.html").render(
        banners=[range_verdict(raw, subject), refined_verdict(standing)],
        facts=facts(standing, raw),
    )


def table_html(raw: Raw, letters: Sequence[int], subject: Subject, standing: Standing) -> str:
    """The table of islands."""
    names = [str(name) for name in subject.estimator.names]
    return _template("islands.html").render(
        rows=rows(raw, letters, names, standing.refined),
        names=names[:MOST_PARAMETERS],
        more=len(names) - MOST_PARAMETERS,
        anew=standing.refined is not None and standing.refined.anew,
    )


@cache
def _template(name: str) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("skerry.explore", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def part_of_page(name: str) -> str:
    """A stylesheet or a script of the page's own."""
    from importlib import resources

    return resources.files("skerry.explore").joinpath("templates", name).read_text("utf-8")
