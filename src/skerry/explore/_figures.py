"""The picture as figures of bokeh: a plane, a density above it and one beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, CustomJS, LinearColorMapper, PlainText, Range1d, Spacer
from bokeh.plotting import figure

from skerry.explore._mail import packed
from skerry.explore._picture import Curves, Overlay, Picture
from skerry.explore._words import part_of_page
from skerry.plot import colour

COLOURS = 24  # letters with a colour of their own, or grey
INK, FAINT = "#222222", "#8a8a8a"
SIDE, TOP, HEIGHT, LOW = 110, 92, 400, 250
MARGIN, RIGHT = 62, 34  # the right one has room for the tools: plane and top line up
CURVES = "xs ys letter"
SOURCES = {  # filled in the browser; here they stay empty
    "dots": "x y letter",
    "texts": "x y text",
    "contours": CURVES,
    "top": CURVES,
    "right": CURVES,
    "top refined": CURVES,
    "right refined": CURVES,
}


class Figures:
    """The figures of one page; :meth:`show` paints a picture.

    Attributes:
        receive: what unpacks a picture in the browser, to be run when the page is ready, too.
    """

    def __init__(self, ndim: int) -> None:
        palette = [colour(k) for k in range(COLOURS)]
        mapper = LinearColorMapper(palette=palette, low=-0.5, high=COLOURS - 0.5)
        self._shades = {"field": "letter", "transform": mapper}
        self.x, self.y = Range1d(0, 1), Range1d(0, 1)
        self.mail = ColumnDataSource(packed({}), name="mail")
        self._sources = {
            name: ColumnDataSource({column: [] for column in columns.split()}, name=name)
            for name, columns in SOURCES.items()
        }
        self.heights = Range1d(0, 1.15)
        self.plane = self._plane()
        self.top = self._density("top", height=HEIGHT if ndim == 1 else TOP)
        self.right = self._density("right", height=HEIGHT)
        above = row(self.top, Spacer(width=SIDE), sizing_mode="stretch_width")
        below = row(self.plane, self.right, sizing_mode="stretch_width")
        self.layout = self.top if ndim == 1 else column(above, below, sizing_mode="stretch_width")
        self.layout.update(name="picture", tags=[self.mail])
        self.receive = CustomJS(
            args={"mail": self.mail, "sources": self._sources}, code=part_of_page("receive.js")
        )
        self.mail.js_on_change("data", self.receive)

    def label(self, across: str, up: str) -> None:
        """Name the axes."""
        self.plane.xaxis.axis_label = PlainText(text=across)
        self.plane.yaxis.axis_label = PlainText(text=up)
        if not isinstance(self.layout, type(self.top)):
            return
        self.top.xaxis.axis_label = PlainText(text=across)

    def show(self, drawn: Picture, over: Overlay) -> None:
        """Paint the raw posterior, and the refined one over it."""
        (left, right), (low, high) = drawn.ranges
        if (self.x.start, self.x.end) != (left, right):
            self.x.update(start=left, end=right)
        if (self.y.start, self.y.end) != (low, high):
            self.y.update(start=low, end=high)
        x, y, text = zip(*drawn.texts, strict=True)
        lines = over.contours
        self.mail.data = packed(
            {
                "dots": {"x": drawn.x, "y": drawn.y, "letter": _shade(drawn.letters)},
                "texts": {"x": np.array(x), "y": np.array(y), "text": list(text)},
                "top": _columns(drawn.top, across=True),
                "right": _columns(drawn.right, across=False),
                "contours": {
                    "xs": [line[0] for line in lines],
                    "ys": [line[1] for line in lines],
                    "letter": _shade([line[2] for line in lines]),
                },
                "top refined": _columns(over.top, across=True),
                "right refined": _columns(over.right, across=False),
            }
        )

    def _plane(self) -> Any:
        plane = figure(
            x_range=self.x, y_range=self.y, height=HEIGHT, min_border_left=MARGIN,
            sizing_mode="stretch_width", tools="pan,box_zoom,reset,save", toolbar_location="right",
            min_border_bottom=52, min_border_right=RIGHT, min_border_top=4, output_backend="canvas",
        )  # fmt: skip
        _tidy(plane)
        plane.toolbar.logo = None
        plane.toolbar.autohide = True
        plane.circle(
            "x", "y", source=self._sources["dots"], radius=1.6, radius_units="screen",
            fill_color=self._shades, fill_alpha=0.45, line_color=None,
        )  # fmt: skip
        lines = self._sources["contours"]
        plane.multi_line(
            "xs", "ys", source=lines, line_color="white", line_width=3.4, line_alpha=0.7
        )
        plane.multi_line("xs", "ys", source=lines, line_color=self._shades, line_width=1.8)
        plane.text(
            "x", "y", text="text", source=self._sources["texts"], text_font_size="13px",
            text_color=INK, text_font_style="bold", anchor="center", padding=3, border_radius=4,
            background_fill_color="white", background_fill_alpha=0.75,
        )  # fmt: skip
        return plane

    def _density(self, name: str, height: int) -> Any:
        top = name == "top"
        ranges = (
            {"x_range": self.x, "y_range": self.heights, "sizing_mode": "stretch_width"}
            if top
            else {"x_range": self.heights, "y_range": self.y, "width": SIDE}
        )
        alone = height != TOP and top  # of a single parameter: it has an axis of its own
        panel = figure(
            height=height, tools="", toolbar_location=None, min_border_top=4,
            min_border_left=MARGIN if top else 4, min_border_right=RIGHT if top else 8,
            min_border_bottom=4 if top and not alone else 52, y_axis_location=None,
            x_axis_location="below" if alone else None, **ranges,
        )  # fmt: skip
        _tidy(panel)
        panel.patches(
            "xs", "ys", source=self._sources[name], fill_color=self._shades, fill_alpha=0.45,
            line_color=None,
        )  # fmt: skip
        panel.multi_line(
            "xs", "ys", source=self._sources[f"{name} refined"], line_color=INK, line_width=1.3
        )
        return panel


def _columns(curves: Curves, *, across: bool) -> dict[str, Any]:
    along, up = curves.places, curves.heights
    pair = (along, up) if across else (up, along)
    return {"xs": pair[0], "ys": pair[1], "letter": _shade(curves.letters)}


def _shade(letters: Any) -> Any:
    return np.minimum(np.asarray(letters, np.int32), COLOURS - 1)


def _tidy(panel: Any) -> None:
    panel.title = None
    panel.center = [part for part in panel.center if part not in panel.grid]
    panel.outline_line_color = None
    panel.background_fill_color = panel.border_fill_color = "white"
    for axis in panel.axis:
        axis.minor_tick_line_color = None
        axis.axis_line_color = axis.major_tick_line_color = FAINT
        axis.major_label_text_color = axis.axis_label_text_color = INK
        axis.major_label_text_font_size = "12px"
        axis.axis_label_text_font_size = "14px"
        axis.axis_label_text_font_style = "normal"
        axis.ticker.desired_num_ticks = 6


def choices(names: Sequence[str]) -> list[tuple[str, str]]:
    """Options of a menu of parameters."""
    return [(str(j), name) for j, name in enumerate(names)]
