"""The islands and the parameters, in tables and in the corner plot."""

from __future__ import annotations

import numpy as np

from skerry import plot
from skerry._types import FloatArray
from skerry.plot import circles, colour, letter, mass_text
from skerry.posterior import Posterior, quantiles
from skerry.report._numbers import DASH, between, counted, measured
from skerry.report._page import Cell, Mark, Section, Table
from skerry.report._picture import Picture, picture

MOST_ROWS = 25
MOST_PANELS = 7
LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)


def islands_section(posterior: Posterior) -> Section:
    """Mass, place, evidence and samples of each island."""
    p = posterior
    head = ("island", "mass", *p.names, "log evidence", "samples")
    rows: list[tuple[Cell, ...]] = []
    for k, mode in enumerate(p.modes[:MOST_ROWS]):
        deviations = np.sqrt(np.diag(mode.covariance))
        places = [measured(*pair) for pair in zip(mode.location, deviations, strict=True)]
        level = measured(mode.log_evidence, mode.log_evidence_error)
        rows.append(
            (
                Mark(letter(k), colour(k)),
                mass_text(mode.mass, mode.mass_error),
                *places,
                DASH if np.isnan(p.log_evidence) else level,
                f"{mode.n_samples:,}",
            )
        )
    left = len(p.modes) - len(rows)
    caption = (
        "Heaviest first. Places: where the posterior is highest, ± the standard deviation of the "
        "island's own samples. Log evidence: what the island alone adds to it, log(Z mass)."
    )
    if left:
        share = 100 * sum(mode.mass for mode in p.modes[MOST_ROWS:])
        caption += f" Left out: {counted(left, 'island')} with {share:.2g} % of the mass in all."
    return Section("The islands", (), (), Table(head, rows, caption))


def marginals_section(posterior: Posterior, drawn: Picture | None = None) -> Section:
    """The corner plot (unless drawn already), and each parameter's mean and intervals."""
    shown = chosen_parameters(posterior)
    text = "Contours hold 68 and 95 % of an island's own mass, so the lightest show as plainly as "
    text += "the heaviest; densities on the diagonal add up to the posterior's."
    if len(shown) < posterior.ndim:
        text += (
            f" Shown are the {len(shown)} parameters of {posterior.ndim} that tell the islands "
            "apart best."
        )
    drawn = drawn or islands_picture(posterior)
    return Section("Where they are", (text,), (drawn,), _parameters(posterior))


def islands_picture(posterior: Posterior) -> Picture:
    """The corner plot, coloured by island."""
    p = posterior
    shown = chosen_parameters(p)
    masses = [
        f"{letter(k)} {mass_text(m.mass, m.mass_error)}" for k, m in enumerate(p.modes[:MOST_ROWS])
    ]
    return picture(
        plot.islands(p, parameters=shown),
        f"Corner plot of {', '.join(shown)}: {counted(len(p.modes), 'island')} of mass "
        + ", ".join(masses),
    )


def chosen_parameters(posterior: Posterior) -> list[str]:
    """All parameters, or of many those whose means differ most between islands."""
    p = posterior
    if p.ndim <= MOST_PANELS:
        return list(p.names)
    masses = np.array([mode.mass for mode in p.modes])
    places = np.array([mode.location for mode in p.modes])
    within = masses @ np.array([np.diag(mode.covariance) for mode in p.modes])
    apart = (
        masses @ (places - masses @ places / masses.sum()) ** 2 / np.where(within > 0, within, 1)
    )
    first = np.argsort(-apart, kind="stable")[:MOST_PANELS]
    return [p.names[j] for j in sorted(first.tolist())]


def _parameters(posterior: Posterior) -> Table:
    p, rows = posterior, []
    for j, values in enumerate(_unrolled(p)):
        mean = float(np.exp(p.log_weights) @ values)
        deviation = float(np.sqrt(np.exp(p.log_weights) @ (values - mean) ** 2))
        lowest, low, middle, high, highest = quantiles(values, p.log_weights, LEVELS)
        rows.append(
            (
                p.names[j],
                measured(mean, deviation),
                measured(middle, deviation).split(" ± ")[0].lstrip("("),
                between(low, high),
                between(lowest, highest),
            )
        )
    return Table(
        ("parameter", "mean ± sd", "median", "68 % interval", "95 % interval"),
        rows,
        "From the weighted samples of all islands. Intervals are central ones: where islands lie "
        "apart they reach across the empty ground between them, and the table of islands says more."
        + (" Circles are cut where they are emptiest." if any(circles(p)) else ""),
    )


def _unrolled(p: Posterior) -> list[FloatArray]:
    """Each parameter's samples; those on a circle without the seam."""
    columns, draws = [], p.sample(2_000, 0)
    for j, circle in enumerate(circles(p)):
        values = p.samples[:, j]
        if circle is not None:
            values = circle.unroll(values, circle.cut(draws[:, j])[0])
        columns.append(np.asarray(values))
    return columns
