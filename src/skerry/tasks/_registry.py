"""The tasks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from skerry.tasks import _labels, _periods, _sensors, _sources
from skerry.tasks._awkward import edge, many, narrow, seam
from skerry.tasks._curves import bananas, helix, ring_blob
from skerry.tasks._gaussians import corners, gaussian_mixture
from skerry.tasks._higgs import VARIANTS, higgs
from skerry.tasks._log_gamma import log_gamma
from skerry.tasks._octants import octants
from skerry.tasks._plane import eggbox, himmelblau, two_moons
from skerry.tasks._task import Task
from skerry.tasks._unknown import unknown

_BUILDERS: dict[str, Callable[[], Task]] = {
    "corners": corners,
    "himmelblau": himmelblau,
    "two_moons": two_moons,
    "ring_blob": ring_blob,
    "eggbox": eggbox,
    "narrow_2d": narrow,
    "edge_2d": edge,
    "seam_2d": seam,
    "many_2d": many,
    "octants": octants,
    "helix": helix,
    "mixture_5d": partial(gaussian_mixture, 5, 6),
    "mixture_10d": partial(gaussian_mixture, 10, 6),
    "mixture_20d": partial(gaussian_mixture, 20, 3),
    "unimodal_5d": partial(gaussian_mixture, 5, 1),
    "log_gamma_2d": partial(log_gamma, 2),
    "log_gamma_4d": partial(log_gamma, 4),
    "bananas_5d": partial(bananas, 5),
    "bananas_10d": partial(bananas, 10),
    "source_localisation_4d": _sources.source_localisation,
    "label_switching_6d": _labels.CERTIFIED.task,
    "sensors_8d": _sensors.CERTIFIED.task,
    "rv_period_1d": _periods.rv_period,
    "rv_eccentric": _periods.CERTIFIED.task,
    **{name: partial(higgs, name) for name in VARIANTS},
}


def names() -> tuple[str, ...]:
    """The names that :func:`get` knows, low dimensions first, real data last."""
    return tuple(_BUILDERS)


@cache
def get(name: str) -> Task:
    """The task of that name; it is built once and the same object comes each time.

    Raises:
        InputError: for an unknown name; the text lists those there are.
    """
    if name not in _BUILDERS:
        raise unknown("a task", name, _BUILDERS)
    return replace(_BUILDERS[name](), name=name)
