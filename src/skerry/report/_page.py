"""Text, tables and pictures on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skerry.errors import InputError
from skerry.report._picture import Picture


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head; all but the first column are set as numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

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
    """The verdict at the top; ``good`` decides its colour, the text must say it in words."""

    text: str
    good: bool


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
    links: Sequence[Link] = (),
    footer: str = "",
) -> str:
    """A self-contained HTML page.

    Args:
        title: of the page.
        sections: its body.
        lead: a paragraph under the title.
        banner: the verdict.
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
        title=title, sections=sections, lead=lead, banner=banner, links=links, footer=footer
    )
