"""Pages to keep and to send: one HTML file, pictures inside, no script, no network.

::

    skerry.report.write(posterior, "report.html")

:func:`write` reports on a posterior: the verdict first, then islands, evidence, checks with advice,
history, settings, the command. :func:`page` puts any sections of text, tables and pictures into a
page that follows the reader's light or dark setting and prints well. Whatever goes in is escaped.
"""

from skerry.report._data import predictive_section
from skerry.report._islands import islands_picture, islands_section, marginals_section
from skerry.report._page import Banner, Fact, Link, Mark, Section, Table, page
from skerry.report._picture import Picture, picture
from skerry.report._posterior import About, compose, write
from skerry.report._trust import (
    checks_section,
    diagnostics_picture,
    failures_section,
    persistence_picture,
    persistence_section,
    rounds_section,
    search_text,
    training_section,
)
from skerry.report._verdict import evidence_text, facts, verdict

__all__ = [
    "About",
    "Banner",
    "Fact",
    "Link",
    "Mark",
    "Picture",
    "Section",
    "Table",
    "checks_section",
    "compose",
    "diagnostics_picture",
    "evidence_text",
    "facts",
    "failures_section",
    "islands_picture",
    "islands_section",
    "marginals_section",
    "page",
    "persistence_picture",
    "persistence_section",
    "picture",
    "predictive_section",
    "rounds_section",
    "search_text",
    "training_section",
    "verdict",
    "write",
]
