"""The Higgs boson's couplings: trained once, kept in the user's cache folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

import skerry
from skerry.amortization import Estimator, amortize, load
from skerry.errors import InputError
from skerry.explore._numbers import numbers
from skerry.explore._subject import Subject
from skerry.tasks import amortised
from skerry.tasks._higgs import measurements
from skerry.training import Training

TASK, VERSION = "higgs_4d", 2
TRAINING = Training(
    max_epochs=40, steps=50, batch=256, learning_rate=4e-3, patience=40, held_out=0.1
)
ERRORS = 5.0  # of a measurement, to either side: how far its slider reaches
NOTE = (
    "The Higgs boson's couplings to W and Z (kV), top (kt), bottom (kb) and tau (ktau), in units "
    "of the Standard Model, from twenty signal strengths of LHC Run 1. Rates hardly tell the signs "
    "of couplings: each choice of signs is an island. The photons tell top from anti-top: move "
    "ggF → γγ and see islands rise and drown."
)
SHOWN = {"gamgam": "γγ", "tautau": "ττ"}


def demonstration(
    *,
    seed: int = 0,
    training: Training = TRAINING,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Subject:
    """A page about the Higgs boson's couplings.

    Args:
        seed: of the training.
        training: how long; the default takes about a minute.
        folder: where the estimator is kept; by default the user's cache folder, as for compiled
            programs (``SKERRY_CACHE_DIR``; ``off``: nowhere).
        progress: as for :func:`skerry.amortize`.
    """
    task = amortised.get(TASK)
    place = _place(folder, seed, training)
    estimator = _kept(place, task)
    if estimator is None:
        estimator = amortize(task.problem, training=training, seed=seed, progress=progress)
        _keep(estimator, place)
    made, seen, strength, up, down = zip(*measurements(), strict=True)
    centre, above, below = (np.array(values) for values in (strength, up, down))
    found = numbers(
        estimator,
        task.observations[0],
        names=[f"{p} → {SHOWN.get(d, d)}" for p, d in zip(made, seen, strict=True)],
        ranges=np.stack([centre - ERRORS * below, centre + ERRORS * above], axis=1),
    )
    return Subject(
        estimator, found, "Couplings of the Higgs boson", NOTE, "the measured signal strengths"
    )


def _place(folder: Path | None, seed: int, training: Training) -> Path | None:
    if folder is None:
        chosen = os.environ.get("SKERRY_CACHE_DIR")
        if chosen == "off":
            return None
        if chosen is None:
            import platformdirs

            chosen = platformdirs.user_cache_dir("skerry")
        folder = Path(chosen) / "explore"
    name = f"{TASK}-{skerry.__version__}-{VERSION}-{training.max_epochs}-{seed}.npz"
    return folder / name


def _kept(place: Path | None, task: amortised.AmortisedTask) -> Estimator | None:
    """What an earlier call kept; None if there is nothing that can be used."""
    if place is None or not place.is_file():
        return None
    try:
        found = load(place, problem=task.problem)
    except InputError:
        return None
    return found if found.x_shape == task.observations[0].shape else None


def _keep(estimator: Estimator, place: Path | None) -> None:
    if place is None:
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        estimator.save(place)
    except OSError:  # a cache is not worth an error
        return
