"""Landscapes whose modes are known, and Gaussian mixtures whose islands are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats as st
from scipy.optimize import minimize
from scipy.special import logsumexp, ndtr, ndtri

import skerry
from skerry._seeds import as_seed
from skerry.errors import InputError, UnsupportedError
from skerry.modes import (
    find_modes,
    fit_islands,
    modes_of_islands,
    persistence,
    random_islands,
)

SEED = as_seed(0)
Z = 5.0
SEEDS = range(3)


class Mixture:
    """sum_k m_k N(mean_k, covariance_k) on u, normalised."""

    def __init__(self, masses, means, covariances):
        self.masses = np.asarray(masses, float) / np.sum(masses)
        self.means = np.asarray(means, float)
        self.covariances = np.asarray(covariances, float)

    @property
    def n(self):
        return len(self.masses)

    @property
    def dim(self):
        return self.means.shape[1]

    def parts(self, u):
        pairs = zip(self.means, self.covariances, strict=True)
        logs = [np.reshape(st.multivariate_normal(m, c).logpdf(u), len(u)) for m, c in pairs]
        return np.array(logs).T + np.log(self.masses)

    def log_prob(self, u):
        return logsumexp(self.parts(u), axis=1)

    def label(self, u):
        return np.argmax(self.parts(u), axis=1)

    def sample(self, n, rng):
        which = rng.choice(self.n, n, p=self.masses)
        roots = np.linalg.cholesky(self.covariances)
        noise = rng.standard_normal((n, self.dim))
        return self.means[which] + np.einsum("nij,nj->ni", roots[which], noise)


def round_islands(dim, K, sd=0.15, masses=None):
    """K islands at the corners of a cube, or on a line: 10 standard deviations apart or more."""
    corners = np.array(list(itertools.product([-1.0, 1.0], repeat=dim)))
    means = np.linspace(-2, 2, K)[:, None] if dim == 1 else corners[:K]
    return Mixture(np.ones(K) if masses is None else masses, means, [sd**2 * np.eye(dim)] * K)


def scattered(mixture, n, rng):
    """Half prior draws, half draws of the mixture: what the rounds of an inference leave."""
    return np.concatenate([rng.standard_normal((n // 2, mixture.dim)), mixture.sample(n // 2, rng)])


def modes_of(u, log_density, **options):
    return find_modes(u, log_density, seed=SEED, **options)


def weighted_modes_of(mixture, u, **options):
    """With the weights of :func:`scattered` points: peaks in the far tails carry no mass."""
    values = mixture.log_prob(u)
    log_w = values - np.logaddexp(values, st.norm.logpdf(u).sum(axis=1))
    return modes_of(u, values, log_weights=log_w, **options)


# How many


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("dim", "K", "n"),
    [
        (1, 1, 100),
        (1, 3, 300),
        (1, 3, 5000),
        (2, 1, 200),
        (2, 4, 1000),
        (3, 2, 1000),
        (3, 8, 3000),
        (4, 5, 3000),
        (5, 1, 1000),
        (5, 4, 4000),
    ],
)
def test_separated_islands_are_counted_and_found(dim, K, n, seed):
    """A mode's highest point is within 4 sd of the island's centre: it is one of its draws."""
    mixture = round_islands(dim, K)
    u = scattered(mixture, n, np.random.default_rng(seed))
    topology = weighted_modes_of(mixture, u)
    assert topology.n_modes == K
    gaps = np.linalg.norm(topology.peaks[:, None] - mixture.means, axis=2) / 0.15
    assert sorted(np.argmin(gaps, axis=1)) == list(range(K))
    assert gaps.min(axis=1).max() < 4


def ring(u):
    return -0.5 * ((np.hypot(*u.T) - 1.5) / 0.15) ** 2


def ring_and_blob(u):
    return np.logaddexp(ring(u), 1.0 - 0.5 * np.sum(u**2, axis=1) / 0.2**2)


def gaussian(u):
    return -0.5 * np.sum(u**2, axis=1)


def plateaus(u):
    """Exact ties: two plains, a valley between them."""
    return np.where(np.abs(u[:, 0]) < 0.5, -10.0, 0.0)


LANDSCAPES = {
    "a ring": (ring, 1),
    "a ring and a blob": (ring_and_blob, 2),
    "flat": (lambda u: np.zeros(len(u)), 1),
    "flat likelihood under the prior": (gaussian, 1),
    "two plateaus": (plateaus, 2),
    "stairs": (lambda u: -np.floor(3 * np.hypot(*u.T)), 1),
    "half a Gaussian": (lambda u: np.where(u[:, 0] > 0.3, gaussian(u), -np.inf), 1),
    "a Gaussian cut in two": (lambda u: np.where(np.abs(u[:, 0]) > 0.6, gaussian(u), -np.inf), 2),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", LANDSCAPES)
def test_known_landscapes_have_their_number_of_modes(name, seed):
    log_density, expected = LANDSCAPES[name]
    u = np.random.default_rng(seed).standard_normal((3000, 2))
    assert modes_of(u, log_density(u)).n_modes == expected


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_a_handful_of_points_is_one_mode(n):
    u = np.random.default_rng(0).standard_normal((n, 2))
    topology = modes_of(u, gaussian(u))
    assert topology.n_modes == 1
    np.testing.assert_array_equal(topology.peaks[0], u[np.argmax(gaussian(u))])


@pytest.mark.parametrize("copies", [3, 30])
def test_copies_of_points_are_no_modes(copies):
    """More copies than a point has neighbours in the graph."""
    mixture = round_islands(2, 2)
    u = np.repeat(scattered(mixture, 600, np.random.default_rng(0)), copies, axis=0)
    topology = weighted_modes_of(mixture, u)
    assert topology.n_modes == 2
    np.testing.assert_array_equal(topology.label(u), topology.label(u[::copies]).repeat(copies))


def test_all_points_in_one_place_are_one_mode():
    assert modes_of(np.ones((50, 3)), np.zeros(50)).n_modes == 1


# How prominent


@pytest.mark.parametrize(("gap", "mass"), [(2.6, 0.5), (3.0, 0.3), (4.0, 0.2), (5.0, 0.5)])
def test_the_prominence_is_the_height_of_the_wall(gap, mass):
    """Two overlapping Gaussians: the graph jumps at most 12 points, here .02 across the saddle."""
    mixture = Mixture([1 - mass, mass], [[0.0], [gap]], [[[1.0]], [[1.0]]])
    grid = np.linspace(-1, gap + 1, 200_001)[:, None]
    values = mixture.log_prob(grid)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(values)))) + 1
    left, saddle, right = values[turns]
    wall = min(left, right) - saddle
    u = np.random.default_rng(0).uniform(-3, gap + 3, (8000, 1))
    topology = modes_of(u, mixture.log_prob(u))
    assert topology.prominences[1] == pytest.approx(wall, abs=0.002)
    assert topology.prominences[0] == np.inf
    assert modes_of(u, mixture.log_prob(u), threshold=wall + 0.01).n_modes == 1
    assert modes_of(u, mixture.log_prob(u), threshold=wall - 0.01).n_modes == 2


def test_the_diagram_shows_the_gap_between_modes_and_noise():
    mixture = round_islands(2, 4)
    u = scattered(mixture, 4000, np.random.default_rng(0))
    topology = modes_of(u, mixture.log_prob(u))
    prominences = topology.prominences
    assert np.all(np.diff(prominences) <= 0)
    assert prominences[3] > 5
    assert np.all(prominences[4:] < 1)
    np.testing.assert_array_equal(topology.heights, np.sort(topology.heights)[::-1])


@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_a_number_of_modes_asked_for_is_kept_the_most_prominent_first(K):
    mixture = round_islands(2, 3)
    u = scattered(mixture, 4000, np.random.default_rng(1))
    values = mixture.log_prob(u) + np.array([2.0, 0.0, -9.0])[mixture.label(u)]
    topology = modes_of(u, values, n_modes=K, threshold=50.0)
    n_peaks = len(topology.births)
    assert topology.n_modes == min(K, n_peaks)
    order = mixture.label(topology.peaks)
    assert set(order[:3]) == set(range(min(K, 3)))


def test_more_modes_than_peaks_are_not_made_up():
    u = np.linspace(-1, 1, 50)[:, None]
    assert modes_of(u, gaussian(u), n_modes=7).n_modes == 1


def test_a_peak_without_mass_is_no_mode():
    mixture = round_islands(2, 2)
    u = mixture.sample(2000, np.random.default_rng(0))
    log_w = np.where(mixture.label(u) == 1, -12.0, 0.0)
    values = mixture.log_prob(u)
    assert modes_of(u, values).n_modes == 2
    assert modes_of(u, values, log_weights=log_w).n_modes == 1
    assert modes_of(u, values, log_weights=log_w, min_mass=1e-6).n_modes == 2
    assert modes_of(u, values, log_weights=log_w, n_modes=2).n_modes == 2


def test_fewer_points_than_asked_for_are_no_mode():
    u = np.concatenate([np.random.default_rng(0).normal(0, 0.1, (200, 2)), [[3.0, 3.0]]])
    values = np.append(gaussian(u[:-1] / 0.1), 0.0)
    assert modes_of(u, values).n_modes == 1


# Where


def test_the_peak_at_the_corner_of_a_uniform_prior_is_one_mode_there():
    prior = skerry.Prior({"a": st.uniform(0, 1), "b": st.uniform(0, 1)})
    theta = prior.sample(5000, 0)
    u = prior.to_u(theta)
    values = -np.sum(1 - theta, axis=1) / 0.05 + gaussian(u)
    topology = modes_of(u, values)
    assert topology.n_modes == 1
    assert np.all(prior.from_u(topology.peaks[0]) > 0.85)


def test_peaks_at_all_corners_of_a_uniform_prior_are_found():
    prior = skerry.Prior({"a": st.uniform(0, 1), "b": st.uniform(0, 1)})
    theta = prior.sample(10_000, 0)
    u = prior.to_u(theta)
    values = -np.sum(np.minimum(theta, 1 - theta), axis=1) / 0.05 + gaussian(u)
    topology = modes_of(u, values)
    assert topology.n_modes == 4
    found = {tuple(row) for row in np.round(prior.from_u(topology.peaks)).tolist()}
    assert found == {(0, 0), (0, 1), (1, 0), (1, 1)}


def circle_points(n, seed, width=0.04):
    """A mode across the seam and one opposite, on a circle beside a straight line."""
    u = np.random.default_rng(seed).standard_normal((n, 2))
    place = ndtr(u[:, 0])
    seam = -0.5 * (np.minimum(place, 1 - place) / width) ** 2
    opposite = -0.5 * ((place - 0.5) / width) ** 2
    return u, np.logaddexp(seam, opposite) - 0.5 * u[:, 1] ** 2


@pytest.mark.parametrize("n", [500, 5000, 20_000])
def test_a_mode_across_the_seam_of_a_circle_is_one_mode(n):
    u, values = circle_points(n, 0)
    circles = np.array([True, False])
    topology = modes_of(u, values, periodic=circles)
    assert topology.n_modes == 2
    labels = topology.label(u)
    place = ndtr(u[:, 0])
    assert len(np.unique(labels[np.abs(place - 0.5) > 0.4])) == 1
    assert len(np.unique(labels[np.abs(place - 0.5) < 0.1])) == 1
    assert modes_of(u, values).n_modes == 3, "without the circle the seam cuts it in two"


# Labels and invariances


def test_new_points_get_the_label_of_their_island():
    """Islands 13 sd apart: no draw is nearer to another's points."""
    mixture = round_islands(3, 5)
    rng = np.random.default_rng(0)
    u = scattered(mixture, 6000, rng)
    topology = modes_of(u, mixture.log_prob(u))
    order = mixture.label(topology.peaks)
    new = mixture.sample(3000, rng)
    np.testing.assert_array_equal(order[topology.label(new)], mixture.label(new))


def test_a_topology_without_a_labeller_labels_nothing_but_one_mode():
    mixture = round_islands(2, 2)
    u = scattered(mixture, 500, np.random.default_rng(0))
    two = modes_of(u, mixture.log_prob(u))
    bare = type(two)(two.peaks, two.heights, two.births, two.deaths, two.threshold)
    with pytest.raises(UnsupportedError, match="a topology that labels points"):
        bare.label(u)
    assert not modes_of(u, mixture.log_prob(u), n_modes=1).label(u).any()


@pytest.mark.parametrize("name", ["a ring and a blob", "half a Gaussian"])
def test_the_order_of_the_points_does_not_matter(name):
    u = np.random.default_rng(0).standard_normal((3000, 2))
    values = LANDSCAPES[name][0](u)
    shuffle = np.random.default_rng(1).permutation(len(u))
    one, two = modes_of(u, values), modes_of(u[shuffle], values[shuffle])
    np.testing.assert_array_equal(one.peaks, two.peaks)
    np.testing.assert_array_equal(one.births, two.births)
    np.testing.assert_array_equal(one.deaths, two.deaths)
    np.testing.assert_array_equal(one.label(u), two.label(u))


@pytest.mark.parametrize("constant", [-1e5, 1.0, 1e5])
def test_a_constant_added_to_the_log_density_does_not_matter(constant):
    u = np.random.default_rng(0).standard_normal((3000, 2))
    one, two = modes_of(u, ring_and_blob(u)), modes_of(u, ring_and_blob(u) + constant)
    np.testing.assert_array_equal(one.peaks, two.peaks)
    np.testing.assert_array_equal(one.label(u), two.label(u))
    np.testing.assert_allclose(one.prominences[1:], two.prominences[1:], atol=1e-9)


def test_very_many_points_are_thinned_and_the_seed_decides():
    mixture = round_islands(2, 4)
    u = scattered(mixture, 50_000, np.random.default_rng(0))
    values = mixture.log_prob(u)
    one, two = (modes_of(u, values, log_weights=np.zeros(len(u))) for _ in range(2))
    assert one.n_modes == 4
    np.testing.assert_array_equal(one.label(u), two.label(u))


def test_no_possible_point_is_told():
    with pytest.raises(InputError, match=r"every log-likelihood is -inf\. Evaluate more points"):
        modes_of(np.zeros((5, 2)), np.full(5, -np.inf))


# Islands


def tilted(K=3, dim=2, masses=(0.6, 0.3, 0.1)):
    rng = np.random.default_rng(5)
    roots = rng.normal(0, 0.1, (K, dim, dim)) + 0.2 * np.eye(dim)
    means = np.array([[-1.2, -0.8], [1.0, 1.2], [1.3, -1.1]])
    return Mixture(masses, means, roots @ roots.transpose(0, 2, 1))


def assert_islands_are(islands, mixture, u, log_w):
    """Masses, means and covariances within Z standard errors of self-normalised weights."""
    shares = np.exp(log_w - logsumexp(log_w))
    member = np.exp(mixture.parts(u) - mixture.log_prob(u)[:, None])
    order = [int(np.argmin(np.sum((islands.frames.means - m) ** 2, 1))) for m in mixture.means]
    assert sorted(order) == list(range(mixture.n))
    for k, j in enumerate(order):
        part = shares * member[:, k]
        mass = np.exp(islands.log_masses[j])
        error = np.sqrt(np.sum(shares**2 * (member[:, k] - mixture.masses[k]) ** 2))
        assert abs(mass - mixture.masses[k]) < Z * error + 1e-6
        part = part / part.sum()
        centred = u - mixture.means[k]
        gap = islands.frames.means[j] - mixture.means[k]
        assert np.all(np.abs(gap) < Z * np.sqrt(part**2 @ centred**2))
        L = islands.frames.cholesky[j]
        products = np.einsum("ni,nj->nij", centred, centred) - mixture.covariances[k]
        spread = np.sqrt(np.einsum("n,nij->ij", part**2, products**2))
        assert np.all(np.abs(L @ L.T - mixture.covariances[k]) < Z * spread)


@pytest.mark.parametrize("masses", [(0.6, 0.3, 0.1), (0.98, 0.015, 0.005)])
@pytest.mark.parametrize("proposal", ["exact", "prior", "wide"])
def test_islands_of_a_known_mixture_are_recovered(proposal, masses):
    mixture, rng = tilted(masses=masses), np.random.default_rng(0)
    if proposal == "exact":
        u = mixture.sample(5000, rng)
        log_w = np.zeros(len(u))
    else:
        sd = 1.0 if proposal == "prior" else 3.0
        u = sd * rng.standard_normal((10_000, 2))
        log_w = mixture.log_prob(u) - st.norm(0, sd).logpdf(u).sum(1)
    islands = fit_islands(u, log_w, mixture.label(u), 3)
    assert islands.n_islands == 3
    assert logsumexp(islands.log_masses) == pytest.approx(0)
    assert_islands_are(islands, mixture, u, log_w)


def test_very_uneven_weights_leave_islands_usable():
    """A handful of effective points an island: places right, no width collapses."""
    mixture, rng = round_islands(3, 4, sd=0.1), np.random.default_rng(0)
    u = rng.standard_normal((4000, 3))
    log_w = mixture.log_prob(u) - st.norm.logpdf(u).sum(1)
    islands = fit_islands(u, log_w, mixture.label(u), 4)
    gaps = np.linalg.norm(islands.frames.means[:, None] - mixture.means, axis=2).min(axis=1)
    assert np.all(gaps < 0.3)
    widths = np.diagonal(islands.frames.cholesky, axis1=1, axis2=2)
    assert np.all((widths > 0.02) & (widths < 0.5))


def test_one_point_with_all_the_weight_gives_a_finite_island():
    u = np.random.default_rng(0).standard_normal((100, 2))
    log_w = np.where(np.arange(100) == 7, 0.0, -59.0)
    islands = fit_islands(u, log_w, np.zeros(100, np.int64), 1)
    assert np.isfinite(islands.frames.means).all()
    assert np.all(np.diagonal(islands.frames.cholesky, axis1=1, axis2=2) > 0)


def test_an_island_without_points_gets_the_whole_and_hardly_any_mass():
    mixture, rng = round_islands(2, 2), np.random.default_rng(0)
    u = mixture.sample(2000, rng)
    islands = fit_islands(u, np.zeros(2000), mixture.label(u), 3, steps=0)
    assert islands.n_islands == 3
    assert np.exp(islands.log_masses[2]) < 1e-5


def test_points_of_weight_zero_do_not_matter():
    mixture, rng = tilted(), np.random.default_rng(0)
    u = mixture.sample(2000, rng)
    junk = np.concatenate([u, 5 * rng.standard_normal((500, 2))])
    log_w = np.append(np.zeros(2000), np.full(500, -np.inf))
    one = fit_islands(u, np.zeros(2000), mixture.label(u), 3)
    two = fit_islands(junk, log_w, mixture.label(junk), 3)
    np.testing.assert_array_equal(one.frames.means, two.frames.means)
    np.testing.assert_array_equal(one.log_masses, two.log_masses)


def test_an_island_across_the_seam_is_recovered_in_its_own_turn():
    """A normal of sd 0.05 of the circle, centred on the seam, and one opposite of half its mass."""
    rng = np.random.default_rng(0)
    which = rng.uniform(size=20_000) < 1 / 3
    place = (np.where(which, 0.5, 0.0) + 0.05 * rng.standard_normal(20_000)) % 1.0
    u = np.stack([ndtri(place), rng.standard_normal(20_000)], axis=1)
    islands = fit_islands(
        u, np.zeros(20_000), which.astype(np.int64), 2, periodic=np.array([True, False])
    )
    frames = islands.frames
    turns = frames.turns[:, 0]
    error = 0.05 / np.sqrt(20_000 / 3)
    assert min(turns[0], 1 - turns[0]) < Z * error
    assert abs(turns[1] - 0.5) < Z * error
    share = np.exp(islands.log_masses[1])
    assert abs(share - 1 / 3) < Z * np.sqrt(2 / 9 / 20_000)
    # at 1/2 the normal quantile has slope sqrt(2 pi); curvature adds 1% at this width
    width = frames.cholesky[:, 0, 0] / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(width, 0.05, rtol=0.02 + Z / np.sqrt(2 * 20_000 / 3))


def test_random_islands_sit_on_points_drawn_by_weight():
    mixture, rng = tilted(), np.random.default_rng(0)
    u = mixture.sample(5000, rng)
    log_w = np.where(u[:, 0] > 0, 0.0, -np.inf)
    islands = random_islands(u, log_w, 6, SEED)
    np.testing.assert_allclose(np.exp(islands.log_masses), 1 / 6)
    assert all(np.any(np.all(u[u[:, 0] > 0] == m, axis=1)) for m in islands.frames.means)
    covariance = np.cov(u[u[:, 0] > 0].T, bias=True)
    L = islands.frames.cholesky[0]
    np.testing.assert_allclose(L @ L.T, covariance / 6, rtol=1e-9)
    again = random_islands(u, log_w, 6, SEED)
    np.testing.assert_array_equal(again.frames.means, islands.frames.means)
    other = random_islands(u, log_w, 6, as_seed(1))
    assert not np.array_equal(other.frames.means, islands.frames.means)


def arc(u):
    """A thin arc of radius 2, highest at angle 0, six nats lower at the other side."""
    radius, angle = np.hypot(*u.T), np.arctan2(u[:, 1], u[:, 0])
    return -0.5 * ((radius - 2.0) / 0.02) ** 2 - 3.0 * (1.0 - np.cos(angle))


def tail_of_an_arc(climb):
    """How many modes a peak and a far tail of the arc are, with nothing seen in between."""
    rng = np.random.default_rng(0)
    angles = np.concatenate([0.3 * rng.standard_normal(200), 2.5 + 0.1 * rng.standard_normal(50)])
    u = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    start = np.zeros(250, np.int64) + (angles > 1.5)
    islands = fit_islands(u, np.zeros(250), start, 2)
    return modes_of_islands(islands, u, arc(u), arc, threshold=2.0, climb=climb).n_modes


def uphill(place):
    """A climb along the arc."""
    angle = minimize(lambda a: 3.0 * (1.0 - np.cos(a[0])), [np.arctan2(place[1], place[0])]).x[0]
    return 2.0 * np.array([np.cos(angle), np.sin(angle)])


def test_a_tail_from_which_a_climb_leads_to_the_peak_is_no_mode():
    assert tail_of_an_arc(uphill) == 1


@pytest.mark.parametrize("climb", [None, lambda place: place, lambda place: None])
def test_a_place_where_climbs_end_is_a_mode(climb):
    assert tail_of_an_arc(climb) == 2


@pytest.mark.parametrize(
    ("height", "n_modes", "looks"),
    [(-25.0, None, 4), (-25.0, 2, 12), (-12.0, None, 12)],  # one leg, or two more over the point
)
def test_no_way_is_sought_over_points_that_are_hopelessly_low(height, n_modes, looks):
    """Two islands, 20 widths apart, and half-way between them, off the line, a point seen."""
    calls, places = 0, np.array([[-10.0, 0.0], [10.0, 0.0], [0.0, 5.0]])

    def hills(u):
        nonlocal calls
        calls += len(u)
        away = np.sum((u[:, None] - places) ** 2, axis=2)
        return logsumexp(np.array([0.0, 0.0, height]) - 0.5 * away, axis=1)

    rng = np.random.default_rng(0)
    u = np.vstack([rng.standard_normal((400, 2)) + np.repeat(places[:2], 200, axis=0), places[2:]])
    islands = fit_islands(u[:400], np.zeros(400), np.arange(400) // 200, 2)
    log_density, calls = hills(u), 0
    assert modes_of_islands(islands, u, log_density, hills, n_modes=n_modes).n_modes == 2
    assert calls == looks


def flanked(u, bump=0.0):
    """Two hills 4.5 widths apart, the second 0.3 nats lower, maybe with a bump in its far flank.

    The pass between the hills, near -2, is higher than the bump, near -4.5.
    """
    x, y = 4 * u.T + [[3.0], [0.0]]
    hills = np.logaddexp(-0.5 * x**2, -0.3 - 0.5 * (x - 4.5) ** 2)
    return hills + bump * np.exp(-0.5 * ((x - 8.3) / 0.3) ** 2) - 0.5 * y**2


def on_the_flank(how):
    """The modes of the hills' peaks and of a point on the flank, and their number."""
    rng = np.random.default_rng(0)
    u = rng.uniform([-1.5, -0.4], [1.5, 0.4], (3000, 2))
    if how == "points":
        found = modes_of(u, flanked(u, bump=3.0), threshold=1.2)
    else:
        values = flanked(u)
        chain = np.digitize(u[:, 0], [-0.2, 1.225])  # two components for the second hill
        islands = fit_islands(u, values, chain, 3, steps=0)
        found = modes_of_islands(islands, u, values, flanked, threshold=1.2)
    return found.label(np.array([[-0.75, 0.0], [0.375, 0.0], [1.325, 0.0]])), found.n_modes


@pytest.mark.parametrize("how", ["points", "components"])
def test_a_flank_below_the_pass_between_two_modes_belongs_to_its_own(how):
    labels, n_modes = on_the_flank(how)
    assert n_modes == 2
    np.testing.assert_array_equal(labels, [0, 1, 1])


def slow_merge_tree(values, edges):
    """The tree by walking from point to point, as it is defined."""
    n = len(values)
    higher = [[] for _ in range(n)]
    for i, j in zip(*edges, strict=True):
        higher[i].append(j)
    basin, union, into = np.arange(n), np.arange(n), np.arange(n)
    sizes, deaths = np.ones(n, np.int64), np.full(n, -np.inf)

    def find(i):
        while union[i] != i:
            i = union[i]
        return i

    for i in range(n):
        if not higher[i]:
            continue
        basin[i] = basin[min(higher[i])]
        top = find(basin[i])
        for j in higher[i]:
            other = find(basin[j])
            if other != top:
                across = basin[j] if other < top else basin[i]
                top, low = min(top, other), max(top, other)
                union[low], into[low], deaths[low] = top, across, values[i]
                sizes[top] += sizes[low]
        sizes[top] += 1
    return basin, into, deaths, sizes


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_the_merge_tree_is_that_of_a_walk_from_point_to_point(dim, seed):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((int(rng.integers(2, 400)), dim))
    values = -np.sort(-np.round(rng.standard_normal(len(points)), 1 + seed % 2))  # some are equal
    edges = persistence._neighbours(points, None)
    tree, slow = persistence._merge_tree(values, edges), slow_merge_tree(values, edges)
    peaks = np.flatnonzero(tree.basin == np.arange(len(points)))
    np.testing.assert_array_equal(tree.basin, slow[0])
    for name, expected in zip(("into", "deaths", "sizes"), slow[1:], strict=True):
        np.testing.assert_array_equal(getattr(tree, name)[peaks], expected[peaks])
