"""Specks of points in an island's tail, beside light islands that are real."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from skerry._seeds import as_seed
from skerry.modes import find_modes

CORE, SPECK = 600, 25


def _points(seed, dim, away, raised=0.0, low=0):
    """A core of a Gaussian island, a speck ``away`` standard deviations off, low points between."""
    rng = np.random.default_rng(seed)
    core = rng.normal(size=(CORE, dim))
    core *= np.minimum(1.0, 2.2 / np.linalg.norm(core, axis=1, keepdims=True))
    speck = 0.1 * rng.normal(size=(SPECK, dim))
    speck[:, 0] += away
    between = 0.1 * rng.normal(size=(low, dim))
    between[:, 0] += 0.5 * (2.2 + away)
    u = np.concatenate([core, speck, between])
    height = -0.5 * np.sum(u**2, axis=1)
    height[CORE:] += raised
    height[CORE + SPECK :] -= 8.0
    log_weights = np.full(len(u), 0.0)
    log_weights[CORE:] -= 1.0
    return 0.2 * u, height, log_weights  # narrow: places are then about proportional to u


def _n_modes(u, height, log_weights, **options):
    return find_modes(u, height, seed=as_seed(0), log_weights=log_weights, **options).n_modes


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dim", [1, 2])
def test_a_speck_as_high_as_the_tail_is_no_mode(dim, seed):
    u, height, log_weights = _points(seed, dim, away=3.5)
    assert find_modes(u, height, seed=as_seed(0)).n_modes == 2  # by the graph alone
    assert _n_modes(u, height, log_weights) == 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dim", [1, 2])
def test_a_light_island_higher_than_the_tail_is_a_mode(dim, seed):
    assert _n_modes(*_points(seed, dim, away=3.5, raised=4.5)) == 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dim", [1, 2])
def test_a_light_island_behind_a_wall_that_was_seen_is_a_mode(dim, seed):
    assert _n_modes(*_points(seed, dim, away=3.5)) == 1
    assert _n_modes(*_points(seed, dim, away=3.5, low=20)) == 2


@pytest.mark.parametrize(("raised", "n_modes"), [(0.0, 1), (4.5, 2)])
def test_the_seam_of_a_circle_through_the_island_changes_nothing(raised, n_modes):
    u, height, log_weights = _points(0, 2, away=3.5, raised=raised)
    u = np.stack([ndtri((0.975 + 0.1 * u[:, 0]) % 1.0), u[:, 1]], axis=1)  # some at either end
    circle = np.array([True, False])
    assert find_modes(u, height, seed=as_seed(0), periodic=circle).n_modes == 2
    assert _n_modes(u, height, log_weights, periodic=circle) == n_modes


def test_a_speck_on_the_same_plateau_is_no_mode():
    u = 0.2 * np.concatenate([np.linspace(-2.2, 2.2, CORE), np.linspace(2.9, 3.1, SPECK)])[:, None]
    assert find_modes(u, np.zeros(len(u)), seed=as_seed(0)).n_modes == 2
    assert _n_modes(u, np.zeros(len(u)), np.zeros(len(u))) == 1
