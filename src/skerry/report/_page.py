"""Text, tables and pictures on one page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from skerry.errors import InputError
from skerry.report._picture import Picture

Tone: TypeAlias = Literal["good", "care", "bad"]


@dataclass(frozen=True)
class Mark:
    """A cell's text with a patch of colour before it, set in a tone, or with a note below it.

    Attributes:
        text: says it all by itself, for those who see no colour.
        colour: of the patch, ``#rrggbb``; empty: none.
        tone: ``"good"``, ``"care"``, ``"bad"``; empty: none.
        note: a sentence below; empty: none.
    """

    text: str
    colour: str = ""
    tone: Tone | Literal[""] = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.colour and not re.fullmatch(r"#[0-9A-Fa-f]{6}", self.colour):
            raise InputError(f"Expected a colour as #rrggbb; got {self.colour!r}.")


Cell: TypeAlias = str | Mark


@dataclass(frozen=True)
class Table:
    """Cells under a head; all but the first column, and those of prose, are set as numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    prose: Sequence[int] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise InputError(f"Expected rows of {len(self.head)} cells, as the head has.")


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs, pictures, a table, code: in this order, each if there is one."""

    heading: str
    text: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    table: Table | None = None
    code: str = ""


@dataclass(frozen=True)
class Banner:
    """The verdict at the top; the tone decides its colour, the text must say it in words.

    Attributes:
        text: the verdict.
        tone: ``"good"``, ``"care"`` or ``"bad"``.
        headline: the same in a few words.
        points: what follows from it: (a word, a sentence) each.
    """

    text: str
    tone: Tone
    headline: str = ""
    points: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Fact:
    """A number to be seen at a glance."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Link:
    """A source; the only thing on a page that leads elsewhere."""

    text: str
    url: str

    def __post_init__(self) -> None:
        if not self.url.startswith("https://"):
            raise InputError(f"Expected a link that starts with https://; got {self.url!r}.")


def page(
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    banner: Banner | None = None,
    facts: Sequence[Fact] = (),
    links: Sequence[Link] = (),
    footer: str = "",
) -> str:
    """A self-contained HTML page.

    Args:
        title: of the page.
        sections: its body, with a list of contents if there are more than three.
        lead: a paragraph under the title.
        banner: the verdict.
        facts: numbers under the verdict.
        links: sources, listed at the end.
        footer: a last line, for example the versions.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("skerry.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=title,
        sections=sections,
        lead=lead,
        banner=banner,
        facts=facts,
        links=links,
        footer=footer,
    )
