"""Whether posteriors are as sure as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skerry.plot._style import ACCENT, FAINT, INK, SMALL, WARNING, colour, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skerry.calibration import Calibration, RankTest

LEGEND_LINES = 8


def calibration(calibration: Calibration) -> Figure:
    """Ranks of each parameter, of the density and of the distance, against uniform ones.

    Each line is the share of ranks below z, minus z. A calibrated estimator's lines stay within the
    grey bands, everywhere, but for a chance of the stated level; an S that rises first is
    over-confident in the parameters, a hill in density under-confident, a valley over-confident.
    The last panel holds the coverage of regions of highest density (or of distance) by their mass.
    """
    sheet = figure(10.0, 3.2)
    left, middle, right = sheet.subplots(1, 3)
    for axes in (left, middle, right):
        tidy(axes)
    _differences(left, calibration.sbc)
    label(left, x="z", y="share of ranks below z, minus z", title="Parameters (SBC)")
    joint = calibration.tests[len(calibration.sbc) :]
    _differences(middle, joint)
    label(middle, x="z", title="Density (HPD), distance (TARP)")
    test = calibration.hpd or calibration.tarp
    _coverage(right, test)
    label(right, x="mass of the region", y="share of truths inside")
    verdict = "passed" if calibration.passed else "FAILED"
    label(right, title=f"Coverage ({test.kind.upper()}); all tests: {verdict}")
    return sheet


def _differences(axes: Axes, tests: tuple[RankTest, ...]) -> None:
    """Lines about 0, in the band of the first test."""
    band = tests[0].band()
    low, high = band.low - band.z, band.high - band.z
    axes.fill_between(band.z, low, high, color=FAINT, alpha=0.25, lw=0, step="mid")
    axes.axhline(0.0, color=FAINT, lw=0.8)
    for index, test in enumerate(tests):
        z, share = test.distribution()
        name = test.name if test.passed else f"{test.name}: {test.finding.split(':')[0]}"
        style = "-" if test.passed else "--"
        axes.plot(z, share - z, style, color=colour(index), lw=1.3, label=name)
    if len(tests) <= LEGEND_LINES:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom - (0.05 + 0.07 * len(tests)) * (top - bottom), top)
        axes.legend(fontsize=SMALL, labelcolor=INK, frameon=False, loc="lower left")


def _coverage(axes: Axes, test: RankTest) -> None:
    """Observed against nominal, with the band of the test."""
    band = test.band()
    z, share = test.distribution()
    axes.fill_between(band.z, band.low, band.high, color=FAINT, alpha=0.25, lw=0, step="mid")
    axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8)
    ends = np.concatenate([[0.0], z, [1.0]]), np.concatenate([[0.0], share, [1.0]])
    axes.plot(*ends, color=ACCENT if test.passed else WARNING, lw=1.6)
    axes.set(xlim=(0, 1), ylim=(0, 1))
