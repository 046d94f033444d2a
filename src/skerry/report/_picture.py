"""A figure as bytes that a page can hold and a file can take."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A PNG, what it shows in words (for those who can't see it), and a caption."""

    png: bytes = field(repr=False)
    alt: str
    caption: str = ""

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")

    def save(self, path: str | PathLike[str]) -> None:
        """Write the PNG."""
        Path(path).write_bytes(self.png)


def picture(figure: Figure, alt: str, caption: str = "", *, dpi: int = 130) -> Picture:
    """A matplotlib figure as a :class:`Picture`; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return Picture(buffer.getvalue(), alt, caption)
