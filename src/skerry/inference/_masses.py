"""Masses of modes after adaptive rounds, and how far adaptation may have moved them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skerry import weights
from skerry._types import FloatArray, IntArray
from skerry.inference._proposal import LEAST

FEWEST = 10  # fresh draws in a mode that say anything about its mass


class Drawn(NamedTuple):
    """How an adaptive run's points were drawn.

    Attributes:
        counts: points in each round, in the order of their components.
        log_fresh: weights of the last of them, fresh draws of one fixed proposal, by it alone.
        n_fresh: how many of the rounds these are.
    """

    counts: tuple[int, ...]
    log_fresh: FloatArray
    n_fresh: int


def masses_of(
    log_weights: FloatArray, labels: IntArray, n_modes: int, drawn: Drawn, fresh: weights.Evidence
) -> weights.Masses:
    """The modes' shares of all points' weight; errors with what adaptation is seen to have done.

    Beyond chance, a standard error of the fresh draws, that is: the larger of what it did to the
    evidence and to the mode's mass, b of equation :eq:`mass-drift` of the method. Light modes,
    which are drawn from more often than their mass says, have no smaller errors than if points
    were independent: theirs scatter more than components do within.
    """
    found = weights.group_masses(log_weights, labels, n_modes, np.array(drawn.counts))
    plain = weights.group_masses(log_weights, labels, n_modes)
    light = found.mass < LEAST / n_modes
    error = np.where(light, np.maximum(found.error, plain.error), found.error)
    found = weights.Masses(found.mass, error)
    last, rounds = labels[-len(drawn.log_fresh) :], np.array(drawn.counts[-drawn.n_fresh :])
    own = weights.group_masses(drawn.log_fresh, last, n_modes, rounds)
    enough = np.bincount(last[last >= 0], minlength=n_modes) >= FEWEST
    enough &= (own.mass > 0) & (found.mass > 0)
    moved = np.zeros(n_modes)
    moved[enough] = np.log(found.mass[enough] / own.mass[enough])
    chance = np.zeros(n_modes)
    chance[enough] = own.error[enough] / own.mass[enough]
    whole = weights.evidence(log_weights).log_evidence - fresh.log_evidence
    shift = np.maximum(moved**2 - chance**2, whole**2 - fresh.error**2)
    return weights.drifted(found, np.sqrt(np.maximum(shift, 0.0)))
