"""The report of a posterior: verdict, islands, evidence, checks, history, how to make it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from skerry._saving import write_text
from skerry.errors import InputError
from skerry.posterior import Posterior
from skerry.report._islands import islands_section, marginals_section
from skerry.report._page import Section, Table, page
from skerry.report._picture import Picture
from skerry.report._trust import (
    checks_section,
    failures_section,
    persistence_section,
    rounds_section,
    training_section,
)
from skerry.report._verdict import evidence_text, facts, verdict


@dataclass(frozen=True)
class About:
    """What a posterior doesn't know about itself.

    Attributes:
        title: of the page.
        lead: a paragraph under it.
        command: that makes the run again.
        settings: further lines for the table of settings, by name.
        sections: put in before the settings: pictures of one's own, a predictive check.
        islands: the corner plot, if it is drawn already.
    """

    title: str = "Posterior"
    lead: str = ""
    command: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    islands: Picture | None = None


def compose(posterior: Posterior, about: About | None = None) -> str:
    """The report as one HTML page that needs nothing else: no script, no network.

    Args:
        posterior: the posterior; one that was loaded from a file will do.
        about: what it doesn't know about itself.

    Raises:
        InputError: for what is no posterior.
    """
    if not isinstance(posterior, Posterior):
        raise InputError(
            f"Expected a posterior; got {type(posterior).__name__}; pass what skerry.infer, "
            "skerry.fit or skerry.load returns."
        )
    p, about = posterior, about or About()
    body = [
        islands_section(p),
        marginals_section(p, about.islands),
        Section("The evidence", (evidence_text(p),)),
        checks_section(p),
        persistence_section(p),
        rounds_section(p),
        training_section(p),
        failures_section(p),
        *about.sections,
        settings_section(p, about),
    ]
    return page(
        about.title,
        [section for section in body if section is not None],
        lead=about.lead or _lead(p),
        banner=verdict(p),
        facts=facts(p),
        footer="Made by Skerry. The page stands alone: no script, nothing loaded from elsewhere.",
    )


def write(posterior: Posterior, path: str | PathLike[str], about: About | None = None) -> Path:
    """Write :func:`compose`'s page; the file appears whole or not at all.

    Returns:
        the path.

    Raises:
        InputError: for what is no posterior.
        OSError: if it can't be written.
    """
    text = compose(posterior, about)
    write_text(path, text)
    return Path(path)


def settings_section(posterior: Posterior, about: About) -> Section:
    """Settings, versions, seed, and the command."""
    lines = {**about.settings, **posterior.settings}
    rows = [(name, f"{value}") for name, value in lines.items() if name != "assumed"]
    table = Table(("setting", "value"), rows, prose=(1,)) if rows else None
    return Section(
        "How it was made",
        ("The same command on the same machine gives the same numbers.",) if about.command else (),
        (),
        table,
        about.command,
    )


def _lead(p: Posterior) -> str:
    names = ", ".join(p.names[:12]) + (" ..." if p.ndim > 12 else "")
    return f"The posterior of {names}."
