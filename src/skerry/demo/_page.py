"""What the demonstration's page says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from skerry import plot, weights
from skerry._types import FloatArray, IntArray
from skerry.posterior import Posterior
from skerry.report import (
    Link,
    Picture,
    Section,
    Table,
    checks_section,
    evidence_text,
    islands_picture,
    persistence_section,
    picture,
    rounds_section,
)
from skerry.tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 110
CAVEAT = (
    "Correlations between the measurements are left out: this is a re-fit for illustration, not "
    "an official result of ATLAS, CMS or anyone else."
)
LINKS = (
    Link(
        "Data and model: ATLAS and CMS, JHEP 08 (2016) 045, arXiv:1606.02266 (Tables 4 and 8)",
        "https://arxiv.org/abs/1606.02266",
    ),
    Link("The same measurements at HEPData, CC0", "https://www.hepdata.net/record/ins1468068"),
    Link(
        "The method: likelihood-weighted normalizing flows, arXiv:2512.04954",
        "https://arxiv.org/abs/2512.04954",
    ),
)
CODE = """\
import skerry

task = skerry.tasks.get({task!r})
posterior = skerry.infer(task.problem, n_effective={asked:_})
print(posterior.summary())
skerry.plot.islands(posterior).savefig("islands.png")"""


@dataclass(frozen=True)
class Compared:
    """A posterior, the truth, and the effective samples asked for."""

    task: Task
    posterior: Posterior
    asked: int


@dataclass(frozen=True)
class Bridges:
    """Draws, bridge masses and the share of islands kept, by the name of what was drawn from."""

    draws: dict[str, FloatArray]
    masses: dict[str, float]
    recalls: dict[str, float]


@dataclass(frozen=True)
class Written:
    """The page's parts."""

    title: str
    lead: str
    sections: list[Section]
    pictures: dict[str, Picture]
    links: tuple[Link, ...]
    footer: str


def sections(found: Compared, bridges: Bridges) -> Written:
    """The whole page."""
    p = found.posterior
    pictures = _pictures(found, bridges)
    counted, checks, rounds = persistence_section(p), checks_section(p), rounds_section(p)
    assert counted is not None
    pictures["persistence"], pictures["diagnostics"] = counted.pictures[0], checks.pictures[0]
    body = [
        Section("What was asked", _question(found.task)),
        Section(
            "The islands",
            (
                "Each island has a letter and a colour. Contours hold 68 and 95 % of an island's "
                "own mass, so the lightest show as plainly as the heaviest; the legend tells the "
                "masses.",
            ),
            (pictures["islands"],),
            _masses(found),
        ),
        replace(counted, text=(_counted(found), *counted.text)),
        Section("The evidence", (evidence_text(p),), (), _evidence(found)),
        checks,
        *([] if rounds is None else [rounds]),
        Section(
            "No bridges",
            _bridge_text(bridges),
            (pictures["bridges"],),
            _bridge_table(found.task, bridges),
        ),
        Section(
            "Do it yourself",
            code=CODE.format(task=found.task.name, asked=found.asked),
        ),
    ]
    return Written(
        title="The islands of the Higgs boson's couplings",
        lead="Twenty measured rates, which hardly tell the signs of the couplings behind them: "
        "a posterior of separate islands, each found and weighed, with nothing between them. "
        + CAVEAT,
        sections=body,
        pictures=pictures,
        links=LINKS,
        footer=f"Skerry {version('skerry')}, JAX {version('jax')}. {CAVEAT}",
    )


def _pictures(found: Compared, bridges: Bridges) -> dict[str, Picture]:
    return {
        "islands": islands_picture(found.posterior),
        "bridges": picture(
            _bridge_figure(found.task, bridges),
            "Densities over two couplings, linear and logarithmic: "
            + "; ".join(f"{name}: bridge mass {_percent(m)}" for name, m in bridges.masses.items()),
            "The same two couplings each time, all others summed over. Pink: the region that "
            "holds 99.9 % of the exact draws in this projection. White: no draw.",
            fixed=True,
        ),
    }


def _question(task: Task) -> tuple[str, str]:
    names = ", ".join(task.problem.prior.names)
    return (
        f"The parameters {names} are the Higgs boson's couplings in units of the Standard Model "
        "(1 everywhere); t, b, tau and V stand for the top and bottom quarks, the tau lepton, and "
        "the W and Z bosons."
        + ("" if "kV" in task.problem.prior.names else " Here kV = 1 is fixed.")
        + " The prior is flat on a box.",
        "Rates go with squares of couplings, so signs show only through interference: strongly in "
        "the decay to two photons (the sign of kt), weakly in gluon fusion (of kt kb), not at all "
        "for ktau.",
    )


def _signs(task: Task) -> list[str]:
    """Each exact mode in words: the signs that tell it from the others."""
    places = np.array([mode.location for mode in task.modes])
    told = [j for j in range(places.shape[1]) if np.ptp(np.sign(places[:, j])) > 0]
    names = task.problem.prior.names
    return [
        ", ".join(f"{names[j]} {'>' if place[j] > 0 else '<'} 0" for j in told) for place in places
    ]


def _masses(found: Compared) -> Table:
    """Masses by sign, next to the exact ones."""
    task, p = found.task, found.posterior
    truth: IntArray = task.label(p.samples)
    masses = weights.group_masses(p.log_weights, truth, len(task.modes))
    places = task.label(np.array([mode.location for mode in p.modes]))
    texts, rows = _signs(task), []
    order = np.argsort([-mode.mass for mode in task.modes], kind="stable")
    for k in order.tolist():
        mine = np.flatnonzero(truth == k)
        shares = np.bincount(p.labels[mine], np.exp(p.log_weights[mine]), len(p.modes))
        name = plot.letter(int(np.argmax(shares))) if shares.sum() > 0 else "none"
        mass, error = float(masses.mass[k]), float(masses.error[k])
        own = np.flatnonzero(places == k)
        if len(own) == 1:  # the island is a mode: errors that know how it was drawn
            mass, error = p.modes[own[0]].mass, p.modes[own[0]].mass_error
        off = (mass - task.modes[k].mass) / error if error > 0 else np.nan
        rows.append(
            (
                texts[k],
                name,
                plot.mass_text(mass, error),
                f"{100 * task.modes[k].mass:.4g} %",
                f"{off:+.1f}" if np.isfinite(off) else "-",
            )
        )
    head = ("island", "letter", "mass found", "exact", "off by, in errors")
    merged = len({row[1] for row in rows}) < len(rows)
    return Table(
        head,
        rows,
        "Masses by the signs of the couplings, next to the exact ones (from quadrature)."
        + (" A letter that stands twice: two islands were not told apart." if merged else ""),
    )


def _counted(found: Compared) -> str:
    p, exact = found.posterior, len(found.task.modes)
    right = "as many as there are" if len(p.modes) == exact else f"there are {exact}"
    return f"Found {len(p.modes)}; {right}."


def _evidence(found: Compared) -> Table:
    p, exact = found.posterior, found.task.log_evidence
    off = (p.log_evidence - exact) / p.log_evidence_error
    return Table(
        ("", "found", "exact", "off by, in errors"),
        [
            (
                "log Z",
                f"{p.log_evidence:.3f} ± {p.log_evidence_error:.3f}",
                f"{exact:.4f}",
                f"{off:+.1f}",
            )
        ],
        "With the likelihood exp(-chi² / 2), not normalised.",
    )


def _bridge_text(bridges: Bridges) -> tuple[str, ...]:
    said = [
        "A single flow bends one bell into islands and can't tear it: thin false bridges remain, "
        "which the linear picture hides and the logarithmic one shows. A mixture of flows, one for "
        "each island, has nothing to bridge with; nor have the bent Gaussians (islands) with "
        "which the adaptive run ends. All come from the same weighted samples.",
        "Bridge mass is the share of a density's draws, in all dimensions, outside the region "
        "that holds 99.9 % of the exact posterior, less the 0.1 % due.",
    ]
    if len(bridges.draws) < 4:
        said.append("Too few points carried weight to train on: a flow is missing below.")
    return tuple(said)


def _bridge_table(task: Task, bridges: Bridges) -> Table:
    n = len(task.modes)
    rows = [
        (name, _percent(mass), f"{round(n * bridges.recalls[name])} of {n}")
        for name, mass in bridges.masses.items()
    ]
    return Table(
        ("drawn from", "bridge mass", "islands kept"),
        rows,
        "An island is kept if at least half of its mass is there, inside that region.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 5e-4 else "below 0.1 %"


def _bridge_figure(task: Task, bridges: Bridges) -> Figure:
    names = list(task.problem.prior.names)
    axes = (names.index("kt"), names.index("kb")) if "kb" in names else (0, 1)
    bounds = task.problem.prior.bounds
    limits = tuple((float(bounds[j, 0]), float(bounds[j, 1])) for j in axes)
    seen = {
        name: plot.projection(points, axes, bins=BINS, range=(limits[0], limits[1]))
        for name, points in bridges.draws.items()
    }
    return plot.densities(
        {name: each.log_density for name, each in seen.items()},
        next(iter(seen.values())).extent,
        names=(names[axes[0]], names[axes[1]]),
        notes={name: f"bridge mass {_percent(m)}" for name, m in bridges.masses.items()},
        decades=3.5,
        outline=next(iter(seen)),
    )
