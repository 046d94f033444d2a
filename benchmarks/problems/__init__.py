"""The problems by name: those of ``skerry.tasks``, and the points of the curves.

A point of a curve is named ``dimension_5``, ``modes_40``, ``volume_1e8``, ``data_1000``.
"""

from functools import cache, partial
from typing import Any

from problems.curves import CURVES

WORKS = ("corners", "higgs_2d", "ring_blob")
MULTIMODAL = (
    "corners",
    "himmelblau",
    "two_moons",
    "ring_blob",
    "eggbox",
    "many_2d",
    "octants",
    "helix",
    "higgs_3d",
    "higgs_4d",
    "log_gamma_4d",
    "source_localisation_4d",
    "mixture_5d",
    "bananas_5d",
    "label_switching_6d",
    "rv_eccentric",
    "sensors_8d",
    "mixture_10d",
    "bananas_10d",
)


def point(curve: str, value: int) -> str:
    """The name of a curve's point."""
    return f"{curve}_1e{value}" if curve == "volume" else f"{curve}_{value}"


POINTS = {
    point(curve, value): (curve, value, partial(build, value))
    for curve, (build, values) in CURVES.items()
    for value in values
}
SETS = {
    "works": WORKS,
    "multimodal": MULTIMODAL,
    **{curve: tuple(point(curve, v) for v in values) for curve, (_, values) in CURVES.items()},
}


@cache
def get(name: str) -> Any:
    """The task of that name."""
    from skerry import tasks

    return POINTS[name][2]() if name in POINTS else tasks.get(name)


def names() -> tuple[str, ...]:
    from skerry import tasks

    return (*tasks.names(), *POINTS)
