"""Letters, colours and empty axes: what every picture shares."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette without yellow and black, then Tol's muted one: told apart by the
# colour-blind, dark enough on white.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#332288",
    "#882255",
    "#999933",
    "#117733",
    "#661100",
    "#AA4499",
)
OTHERS = "#777777"
INK = "#222222"
FAINT = "#8a8a8a"
ACCENT = "#0072B2"
WARNING = "#B5403A"
SMALL, NORMAL = 8.0, 9.5
MARGIN = 0.06  # inches around all, so that no text touches the edge


def letter(index: int) -> str:
    """A, B, ... Z, AA, AB, ...: the name of the mode of that index."""
    name = ""
    while True:
        name = chr(ord("A") + index % 26) + name
        index = index // 26 - 1
        if index < 0:
            return name


def colour(index: int) -> str:
    """The colour of the mode of that index; grey beyond the palette."""
    return PALETTE[index] if index < len(PALETTE) else OTHERS


def mass_text(mass: float, error: float) -> str:
    """A mass in per cent with its error, as many digits as the error tells: ``26.8 ± 0.4 %``."""
    percent, spread = 100 * mass, 100 * error
    if not spread > 0:
        return f"{percent:.3g} %"
    place = math.floor(math.log10(spread))
    digits = min(max(-place + (spread < 2 * 10.0**place), 0), 5)
    return f"{percent:.{digits}f} ± {spread:.{digits}f} %"


class Sheet(Figure):
    """A figure that a notebook shows without being told to."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def figure(width: float, height: float) -> Figure:
    """A blank sheet, in inches, that belongs to no window."""
    sheet = Sheet(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    across, up = MARGIN / width, MARGIN / height
    engine: Any = sheet.get_layout_engine()
    engine.set(rect=(across, up, 1 - 2 * across, 1 - 2 * up), w_pad=0.07, h_pad=0.06)
    return sheet


def tidy(axes: Axes, *, left: bool = True) -> None:
    """Thin axes: no box, small ticks."""
    axes.set_facecolor("white")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(FAINT)
    axes.spines["left"].set_visible(left)
    axes.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK, width=0.7, length=3)


def label(axes: Axes, x: str | None = None, y: str | None = None, title: str | None = None) -> None:
    """The texts of axes."""
    style: dict[str, Any] = {"fontsize": NORMAL, "color": INK}
    if x is not None:
        axes.set_xlabel(x, **style)
    if y is not None:
        axes.set_ylabel(y, **style)
    if title is not None:
        axes.set_title(title, loc="left", **style)
