"""Infer, train two flows on the same points, compare with the truth, write it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from skerry import metrics
from skerry._saving import write_text
from skerry._seeds import as_seed
from skerry._types import FloatArray
from skerry.demo._page import Bridges, Compared, sections
from skerry.errors import InputError
from skerry.flows import CouplingSettings
from skerry.inference import infer, refit
from skerry.posterior import Posterior
from skerry.report import facts, page, verdict
from skerry.tasks import Task, get
from skerry.training import Training

Progress: TypeAlias = Callable[[str, int, int], None]
TASK = "higgs_4d"
ONE_FLOW, MIXTURE, ISLANDS = "one flow", "flow mixture", "islands"


@dataclass(frozen=True)
class Size:
    """How much to spend: likelihood calls at most, draws for pictures, effective samples."""

    max_calls: int
    n_draws: int
    n_effective: int
    training: Training


SIZES = {
    "full": Size(200_000, 300_000, 10_000, Training()),
    "quick": Size(6_000, 50_000, 10_000, Training(max_epochs=4)),
}


@dataclass(frozen=True)
class Demo:
    """What a demonstration found, and where it is written.

    Attributes:
        posterior: the adaptive run's.
        one_flow: the unimodal baseline, trained on the same weighted samples.
        mixture: a flow for each island, trained on them too.
        bridges: bridge masses by name.
        page: the HTML page; pictures and ``posterior.npz`` are beside it.
    """

    posterior: Posterior
    one_flow: Posterior
    mixture: Posterior
    bridges: dict[str, float]
    page: Path


def run(
    out: str | PathLike[str],
    *,
    seed: int = 0,
    size: Literal["full", "quick"] = "full",
    task: str = TASK,
    progress: Progress | None = None,
) -> Demo:
    """Infer the Higgs boson's couplings, and write a page about it.

    Args:
        out: a folder; it is made if need be.
        seed: of everything.
        size: ``"quick"`` spends so little that the verdict is bad: it shows how that looks.
        task: the name of a Higgs task.
        progress: called with (stage, done, in all).
    """
    if size not in SIZES:
        raise InputError(f"Expected size 'full' or 'quick'; got {size!r}.")
    if not task.startswith("higgs"):
        raise InputError(f"Expected a Higgs task; got {task!r}.")
    spend, truth = SIZES[size], get(task)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    root = as_seed(seed)
    posterior = infer(
        truth.problem,
        n_effective=spend.n_effective,
        max_calls=spend.max_calls,
        seed=root.child("islands"),
        progress=progress,
    )
    one_flow = refit(
        posterior,
        "gaussian_base",
        couplings=CouplingSettings(kind="affine"),
        training=spend.training,
        seed=root.child("one flow"),
        progress=progress,
    )
    mixture = refit(
        posterior,
        "flow_mixture",
        training=spend.training,
        seed=root.child("flow mixture"),
        progress=progress,
    )
    draws = {"exact draws": truth.sample(spend.n_draws, root.child("exact"))}
    for name, found in ((ONE_FLOW, one_flow), (MIXTURE, mixture), (ISLANDS, posterior)):
        if found.flow is not None:
            draws[name] = found.flow.sample(spend.n_draws, root.child(name))
    bridges = Bridges(draws, *_judged(truth, draws))
    compared = Compared(truth, posterior, spend.n_effective)
    written = sections(compared, bridges)
    for name, picture in written.pictures.items():
        picture.save(folder / f"{name}.png")
    posterior.save(folder / "posterior.npz")
    write_text(folder / "summary.txt", posterior.summary() + "\n")
    path = folder / "index.html"
    write_text(
        path,
        page(
            written.title,
            written.sections,
            lead=written.lead,
            banner=verdict(posterior),
            facts=facts(posterior),
            links=written.links,
            footer=written.footer,
        ),
    )
    return Demo(posterior, one_flow, mixture, bridges.masses, path)


def _judged(task: Task, draws: dict[str, FloatArray]) -> tuple[dict[str, float], dict[str, float]]:
    """Bridge mass and mode recall of each set of draws."""
    exact = [mode.mass for mode in task.modes]
    masses, recalls = {}, {}
    for name, points in draws.items():
        masses[name] = metrics.bridge_mass(task.log_prob(points), task.hdr_level)
        inside = task.log_prob(points) >= task.hdr_level
        found = np.bincount(task.label(points)[inside], minlength=len(exact)) / len(points)
        recalls[name] = metrics.mode_recall(exact, found)
    return masses, recalls
