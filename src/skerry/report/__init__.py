"""Pages to keep and to send: one HTML file, pictures inside, no script, no network.

:func:`page` puts sections of text, tables and pictures into a page that follows the reader's
light or dark setting. Whatever goes in is escaped.
"""

from skerry.report._page import Banner, Link, Section, Table, page
from skerry.report._picture import Picture, picture

__all__ = ["Banner", "Link", "Picture", "Section", "Table", "page", "picture"]
