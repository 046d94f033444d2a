"""A figure as bytes that a page can hold and a file can take."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING

from skerry._saving import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A PNG, what it shows in words (for those who can't see it), and a caption.

    Attributes:
        png: the picture.
        alt: what it shows.
        caption: under it.
        width: on the page, in CSS pixels, so that the texts of all pictures are of one size;
            0: as many as it has.
        fixed: whether it keeps its colours on a dark page (colours that stand for numbers).
    """

    png: bytes = field(repr=False)
    alt: str
    caption: str = ""
    width: int = 0
    fixed: bool = False

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")

    def save(self, path: str | PathLike[str]) -> None:
        """Write the PNG; the file appears whole or not at all."""
        write_bytes(path, self.png)


DOTS, SHOWN = 160, 88  # per inch of the figure: of the PNG, and of the page


def picture(
    figure: Figure, alt: str, caption: str = "", *, dpi: int = DOTS, fixed: bool = False
) -> Picture:
    """A matplotlib figure as a :class:`Picture`; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return Picture(buffer.getvalue(), alt, caption, round(SHOWN * figure.get_figwidth()), fixed)
