"""Errors of modes' masses after adaptive rounds: fresh draws tell what adaptation did."""

from __future__ import annotations

import numpy as np
import pytest

from skerry import weights
from skerry.inference._masses import Drawn, masses_of

ROUNDS = (600, 400)  # the second one of fresh draws
FRESH = weights.Evidence(0.0, 0.02)


def found(bias=0.0, shift=0.0, shares=(0.6, 0.4)):
    """Two modes; all points weigh the second by ``bias`` nats more than fresh draws alone do."""
    parts, rng = [], np.random.default_rng(0)
    for n in ROUNDS:
        labels = np.repeat(np.arange(len(shares)), np.round(n * np.array(shares)).astype(int))
        parts.append((0.1 * rng.standard_normal(n) + bias * (labels == 1), labels))
    log_w, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    last = log_w[-ROUNDS[1] :] - bias * (labels[-ROUNDS[1] :] == 1)
    log_w += shift - weights.evidence(log_w).log_evidence
    drawn = Drawn(ROUNDS, last, 1)
    ordered = weights.group_masses(log_w, labels, len(shares), np.array(ROUNDS))
    plain = weights.group_masses(log_w, labels, len(shares))
    fresh = weights.group_masses(last, labels[-ROUNDS[1] :], len(shares), np.array(ROUNDS[1:]))
    return masses_of(log_w, labels, len(shares), drawn, FRESH), ordered, plain, fresh


def test_where_all_agree_errors_are_those_of_the_draws():
    masses, ordered, plain, _ = found()
    np.testing.assert_allclose(masses.error, ordered.error)
    assert np.all(masses.error < 0.3 * plain.error)


def test_a_mode_whose_fresh_draws_weigh_otherwise_is_less_sure():
    masses, ordered, _, _ = found(bias=0.2)
    assert np.all(masses.error > 5 * ordered.error)
    assert abs(masses.mass[1] - 0.4) < 2 * masses.error[1]
    assert abs(masses.mass[1] - 0.4) > 5 * ordered.error[1]


@pytest.mark.parametrize(("errors", "wider"), [(0.8, False), (1.4, True)])
def test_a_mass_has_moved_where_fresh_draws_differ_by_more_than_their_own_error(errors, wider):
    """By so many errors of the fresh draws, in all points' masses: more than one says something."""

    def moved(masses, fresh):
        return np.abs(np.log(masses.mass / fresh.mass)) * fresh.mass / fresh.error

    unit = moved(*found(bias=1e-2)[::3]) - moved(*found()[::3])
    start = moved(*found()[::3])
    bias = 1e-2 * (errors - start[1]) / unit[1]
    masses, ordered, _, fresh = found(bias=bias)
    assert moved(masses, fresh)[1] == pytest.approx(errors, rel=0.05)
    assert (masses.error[1] > ordered.error[1]) == wider


@pytest.mark.parametrize(("shift", "wider"), [(0.01, False), (-0.1, True)])
def test_an_evidence_that_fresh_draws_move_widens_all(shift, wider):
    masses, ordered, _, _ = found(shift=shift)
    if wider:
        b = np.sqrt(0.1**2 - FRESH.error**2)
        expected = weights.drifted(ordered, np.array([b, b])).error
        np.testing.assert_allclose(masses.error, expected)
    else:
        np.testing.assert_allclose(masses.error, ordered.error)


def test_light_modes_have_no_less_than_the_error_of_independent_points():
    masses, ordered, plain, _ = found(shares=(0.95, 0.05))
    assert plain.error[1] > 2 * ordered.error[1]
    assert masses.error[1] == plain.error[1]
    assert masses.error[0] == ordered.error[0]
