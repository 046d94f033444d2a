"""The picture as figures of bokeh: a plane, a density above it and one beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, LinearColorMapper, PlainText, Range1d, Spacer
from bokeh.plotting import figure

from skerry.explore._picture import Curves, Overlay, Picture
from skerry.plot import colour

COLOURS = 24  # letters with a colour of their own, or grey
INK, FAINT = "#222222", "#8a8a8a"
SIDE, TOP, HEIGHT, LOW = 110, 92, 400, 250
MARGIN = 62


class Figures:
    """The figures of one page; :meth:`show` paints a picture."""

    def __init__(self, ndim: int) -> None:
        palette = [colour(k) for k in range(COLOURS)]
        mapper = LinearColorMapper(palette=palette, low=-0.5, high=COLOURS - 0.5)
        self._shades = {"field": "letter", "transform": mapper}
        self.x, self.y = Range1d(0, 1), Range1d(0, 1)
        self.dots = ColumnDataSource({"x": [], "y": [], "letter": []}, name="dots")
        self.texts = ColumnDataSource({"x": [], "y": [], "text": []})
        self.contours = ColumnDataSource({"xs": [], "ys": [], "letter": []}, name="contours")
        names = ("top", "right", "top refined", "right refined")
        self.curves = {
            name: ColumnDataSource({"xs": [], "ys": [], "letter": []}, name=name) for name in names
        }
        self.heights = Range1d(0, 1.15)
        self.plane = self._plane()
        self.top = self._density("top", height=HEIGHT if ndim == 1 else TOP)
        self.right = self._density("right", height=HEIGHT)
        above = row(self.top, Spacer(width=SIDE), sizing_mode="stretch_width")
        below = row(self.plane, self.right, sizing_mode="stretch_width")
        self.layout = self.top if ndim == 1 else column(above, below, sizing_mode="stretch_width")
        self.layout.name = "picture"

    def label(self, across: str, up: str) -> None:
        """Name the axes."""
        self.plane.xaxis.axis_label = PlainText(text=across)
        self.plane.yaxis.axis_label = PlainText(text=up)
        if not isinstance(self.layout, type(self.top)):
            return
        self.top.xaxis.axis_label = PlainText(text=across)

    def show(self, drawn: Picture) -> None:
        """Paint the raw posterior."""
        (left, right), (low, high) = drawn.ranges
        if (self.x.start, self.x.end) != (left, right):
            self.x.update(start=left, end=right)
        if (self.y.start, self.y.end) != (low, high):
            self.y.update(start=low, end=high)
        self.dots.data = {
            "x": drawn.x.astype(np.float32),
            "y": drawn.y.astype(np.float32),
            "letter": _shade(drawn.letters),
        }
        x, y, text = zip(*drawn.texts, strict=True)
        self.texts.data = {"x": list(x), "y": list(y), "text": list(text)}
        self._fill("top", drawn.top)
        self._fill("right", drawn.right)

    def cover(self, drawn: Overlay) -> None:
        """Paint the refined posterior over it."""
        lines = drawn.contours
        self.contours.data = {
            "xs": [line[0].astype(np.float32) for line in lines],
            "ys": [line[1].astype(np.float32) for line in lines],
            "letter": _shade([line[2] for line in lines]),
        }
        self._fill("top refined", drawn.top)
        self._fill("right refined", drawn.right)

    def _fill(self, name: str, curves: Curves) -> None:
        along = [places.astype(np.float32) for places in curves.places]
        up = [heights.astype(np.float32) for heights in curves.heights]
        pair = (along, up) if name.startswith("top") else (up, along)
        letters = _shade(curves.letters)
        self.curves[name].data = {"xs": pair[0], "ys": pair[1], "letter": letters}

    def _plane(self) -> Any:
        plane = figure(
            x_range=self.x, y_range=self.y, height=HEIGHT, min_border_left=MARGIN,
            sizing_mode="stretch_width", tools="pan,box_zoom,reset,save", toolbar_location="right",
            min_border_bottom=52, min_border_right=8, min_border_top=4, output_backend="canvas",
        )  # fmt: skip
        _tidy(plane)
        plane.toolbar.logo = None
        plane.toolbar.autohide = True
        plane.scatter(
            "x", "y", source=self.dots, size=3.2, fill_color=self._shades, fill_alpha=0.45,
            line_color=None,
        )  # fmt: skip
        plane.multi_line(
            "xs", "ys", source=self.contours, line_color="white", line_width=3.4, line_alpha=0.7
        )
        plane.multi_line("xs", "ys", source=self.contours, line_color=self._shades, line_width=1.8)
        plane.text(
            "x", "y", text="text", source=self.texts, text_font_size="13px", text_color=INK,
            text_font_style="bold", anchor="center", padding=3, border_radius=4,
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
        panel = figure(
            height=height, tools="", toolbar_location=None, min_border_top=4,
            min_border_left=MARGIN if top else 4, min_border_right=8,
            min_border_bottom=4 if top and height == TOP else 52, **ranges,
        )  # fmt: skip
        _tidy(panel)
        (panel.yaxis if top else panel.xaxis).visible = False
        if height == TOP or not top:
            (panel.xaxis if top else panel.yaxis).visible = False
        panel.patches(
            "xs", "ys", source=self.curves[name], fill_color=self._shades, fill_alpha=0.45,
            line_color=None,
        )  # fmt: skip
        panel.multi_line(
            "xs", "ys", source=self.curves[f"{name} refined"], line_color=INK, line_width=1.3
        )
        return panel


def _shade(letters: Any) -> Any:
    return np.minimum(np.asarray(letters, np.int32), COLOURS - 1)


def _tidy(panel: Any) -> None:
    panel.grid.visible = False
    panel.outline_line_color = None
    panel.background_fill_color = panel.border_fill_color = "white"
    panel.axis.minor_tick_line_color = None
    panel.axis.axis_line_color = panel.axis.major_tick_line_color = FAINT
    panel.axis.major_label_text_color = panel.axis.axis_label_text_color = INK
    panel.axis.major_label_text_font_size = "12px"
    panel.axis.axis_label_text_font_size = "14px"
    panel.axis.axis_label_text_font_style = "normal"
    panel.axis.ticker.desired_num_ticks = 6


def choices(names: Sequence[str]) -> list[tuple[str, str]]:
    """Options of a menu of parameters."""
    return [(str(j), name) for j, name in enumerate(names)]
