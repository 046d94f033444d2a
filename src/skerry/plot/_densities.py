"""Densities side by side, plainly and in logarithm: where false bridges show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.plot._style import INK, NORMAL, SMALL, figure, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAIN, LOGARITHMIC = "Blues", "viridis"
OUTLINE = "#D81B60"
SMOOTHING = 1.0  # cells: counts of draws make ragged borders


def densities(
    panels: Mapping[str, FloatArray],
    extent: tuple[float, float, float, float],
    *,
    names: tuple[str, str] = ("x", "y"),
    notes: Mapping[str, str] | None = None,
    decades: float = 5.0,
    outline: str | None = None,
    held: float = 0.999,
) -> Figure:
    """Pictures of densities over the same two parameters: a linear row and a logarithmic one.

    All panels of a row share one scale of colours, so they can be compared. The logarithmic row
    shows what the linear one hides: little mass spread over much ground. There, white is where
    the density is zero (for draws: where none fell).

    Args:
        panels: the log density of each on a grid ``(rows, columns)``, by name; rows go up.
        extent: (left, right, bottom, top) of all grids.
        names: of the two parameters.
        notes: a second line of a panel's title, by name: ``{"one flow": "bridge mass 31 %"}``.
        decades: how far below the peak the logarithmic row reaches.
        outline: a panel whose region of highest density is outlined in all: what lies outside
            should be empty.
        held: the share of mass which that region holds.

    Raises:
        InputError: for no panels, or grids that aren't alike.
    """
    grids = {name: np.asarray(values, np.float64) for name, values in panels.items()}
    shapes = {grid.shape for grid in grids.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise InputError(
            f"Expected at least one panel, all with grids of one shape (rows, columns); got "
            f"{len(grids)} panels of shapes {sorted(shapes)}."
        )
    if outline is not None and outline not in grids:
        raise InputError(
            f"Expected outline to name a panel; got {outline!r}; there are {[*grids]}."
        )
    top = max(float(np.max(grid)) for grid in grids.values())
    sheet = figure(2.75 * len(grids) + 0.7, 5.7)
    axes = sheet.subplots(2, len(grids), sharex=True, sharey=True, squeeze=False)
    images: list[Any] = [None, None]
    for column, (name, grid) in enumerate(grids.items()):
        linear = np.exp(grid - top)
        decimal = np.where(np.isneginf(grid), np.nan, (grid - top) / np.log(10))
        images[0] = _image(axes[0, column], linear, extent, PLAIN, (0.0, 1.0))
        images[1] = _image(axes[1, column], decimal, extent, LOGARITHMIC, (-decades, 0.0))
        if outline is not None:
            for row in (0, 1):
                _outline(axes[row, column], grids[outline], extent, held)
        note = (notes or {}).get(name, "")
        axes[0, column].set_title(f"{name}\n{note}", fontsize=NORMAL, color=INK)
        label(axes[1, column], x=names[0])
    for row, text in enumerate(("density, peak = 1", "log10 of the same")):
        label(axes[row, 0], y=names[1])
        bar = sheet.colorbar(images[row], ax=list(axes[row]), fraction=0.04, pad=0.015, aspect=28)
        bar.set_label(text, fontsize=SMALL, color=INK)
        bar.ax.tick_params(labelsize=SMALL, labelcolor=INK)
        bar.outline.set_visible(False)
    return sheet


def _image(
    axes: Axes, values: FloatArray, extent: Any, colours: str, limits: tuple[float, float]
) -> Any:
    axes.tick_params(labelsize=SMALL, labelcolor=INK, length=3)
    return axes.imshow(
        values,
        origin="lower",
        extent=extent,
        aspect="auto",
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )


def _outline(axes: Axes, log_density: FloatArray, extent: Any, held: float) -> None:
    """The border of the smallest region that holds a share of the mass."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(np.exp(log_density - np.max(log_density)), SMOOTHING)
    ranked = np.sort(smooth.ravel())[::-1]
    rank = int(np.searchsorted(np.cumsum(ranked) / ranked.sum(), held))
    level = ranked[min(rank, ranked.size - 1)]
    rows, columns = smooth.shape
    x = extent[0] + (np.arange(columns) + 0.5) * (extent[1] - extent[0]) / columns
    y = extent[2] + (np.arange(rows) + 0.5) * (extent[3] - extent[2]) / rows
    axes.contour(x, y, smooth, levels=[level], colors=OUTLINE, linewidths=0.9)
