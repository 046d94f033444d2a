"""Gaussian islands: four near the corners of a square, or any number in any dimension."""

from __future__ import annotations

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.tasks._mixture import Gaussian, falling_masses, mixture_task
from skerry.tasks._task import Task, numbered

HALF = 10.0  # the prior's box is [-HALF, HALF]^d
MARGIN = 7.5  # standard deviations from any island's centre to the box: truncation < 1e-12
APART = 9.0  # least Mahalanobis distance between centres: overlap below 1e-5 of an island


def corners() -> Task:
    """Four round islands near the corners of a square, the lightest with 5% of the mass."""
    centres = 7.0 * np.array([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
    return mixture_task(
        "corners",
        [Gaussian(c, 0.3 * np.eye(2)) for c in centres],
        [0.5, 0.3, 0.15, 0.05],
        names=numbered(2),
        low=[-HALF] * 2,
        high=[HALF] * 2,
        note="Islands 1.5% of the prior's width, far apart: bridges show. "
        "A point belongs to the component with the largest share of the density.",
        source="The usual four-island test of flows: Izmailov et al. 2020, Stimper et al. 2022.",
    )


def gaussian_mixture(
    ndim: int, n_modes: int, seed: int = 0, width: float = 0.025, ratio: float = 0.7
) -> Task:
    """Tilted Gaussian islands in a uniform box, of unequal masses by default.

    Args:
        ndim: number of parameters.
        n_modes: number of islands; masses fall as ratio^k.
        seed: places and shapes; the same seed gives the same task.
        width: an island's typical standard deviation over the prior's width; those along the
            island's axes spread from 0.67 to 1.5 times that.
        ratio: of the mass of an island to that of the one before; 1 makes them equal.

    Raises:
        InputError: if the islands can't be kept apart in the box.
    """
    if ndim < 1 or n_modes < 1 or not 0.0 < width < 1.0:
        raise InputError(
            "Expected ndim >= 1, n_modes >= 1 and a width between 0 and 1; "
            f"got {ndim}, {n_modes} and {width:g}."
        )
    if not 0.0 < ratio <= 1.0:
        raise InputError(f"Expected a ratio of masses above 0 and up to 1; got {ratio:g}.")
    rng = np.random.default_rng([seed, ndim, n_modes])
    roots = [_tilted_root(ndim, 2.0 * HALF * width, rng) for _ in range(n_modes)]
    islands = _place(roots, rng, width)
    return mixture_task(
        f"gaussian_mixture(ndim={ndim}, n_modes={n_modes}, seed={seed}, width={width:g})",
        islands,
        list(falling_masses(n_modes, ratio)),
        names=numbered(ndim),
        low=[-HALF] * ndim,
        high=[HALF] * ndim,
        note="Tilted islands of various shapes, a small share of the prior's volume. "
        "A point belongs to the component with the largest share of the density.",
        source="Closed form.",
    )


def _tilted_root(ndim: int, scale: float, rng: np.random.Generator) -> FloatArray:
    """A random rotation times spreads whose geometric mean is ``scale``."""
    logs = rng.uniform(-0.4, 0.4, ndim)
    rotation = np.linalg.qr(rng.standard_normal((ndim, ndim)))[0]
    return scale * rotation * np.exp(logs - logs.mean())


def _place(roots: list[FloatArray], rng: np.random.Generator, width: float) -> list[Gaussian]:
    """Centres drawn one by one, away from the box's walls and from each other."""
    islands: list[Gaussian] = []
    for root in roots:
        room = HALF - MARGIN * np.sqrt(np.sum(root**2, axis=1))
        tries = (rng.uniform(-room, room) for _ in range(10_000)) if room.min() > 0.0 else ()
        centre = next((c for c in tries if all(_apart(c, root, i) for i in islands)), None)
        if centre is None:
            raise InputError(
                f"Expected islands that fit into the prior apart from each other; got {len(roots)} "
                f"of width {width:g} in {len(root)} dimensions; ask for fewer or narrower ones."
            )
        islands.append(Gaussian(centre, root))
    return islands


def _apart(centre: FloatArray, root: FloatArray, other: Gaussian) -> bool:
    gap = centre - other.location
    return all(np.linalg.norm(np.linalg.solve(r, gap)) >= APART for r in (root, other.root))
