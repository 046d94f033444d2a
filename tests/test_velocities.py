"""Radial velocities: Kepler's equation, and parameters that are integrated out."""

import numpy as np
import pytest
import scipy.stats as st

from skerry.tasks import _velocities as rv


def orbits(n, seed=0):
    rng = np.random.default_rng(seed)
    return (
        np.log(rng.uniform(5.0, 60.0, n)),
        rng.uniform(0.0, 0.9, n),
        rng.uniform(0.0, 2.0 * np.pi, n),
        np.log(rng.uniform(0.5, 10.0, n)),
    )


def test_keplers_equation_is_solved_everywhere():
    rng = np.random.default_rng(1)
    mean = np.concatenate([rng.uniform(-20.0, 20.0, 5000), rng.uniform(-1e-6, 1e-6, 1000)])
    e = np.concatenate([rng.uniform(0.0, 1.0 - 1e-9, 4000), np.zeros(500), np.full(1500, 0.999999)])
    E = rv.eccentric_anomaly(mean, e)
    turned = np.remainder(mean + np.pi, 2.0 * np.pi) - np.pi
    np.testing.assert_allclose(E - e * np.sin(E), turned, atol=1e-12)


def test_linear_parameters_are_those_of_a_gaussian():
    time, velocity, error = rv.visits()
    assert len(time) == 11
    turn = 2.0 * np.pi * time / 10.0
    design = np.stack([np.ones(11), np.cos(turn), np.sin(turn)], axis=1)
    covariance = np.diag(error**2 + 9.0) + design @ np.diag([1e4, 100.0, 100.0]) @ design.T
    expected = st.multivariate_normal(np.zeros(11), covariance).logpdf(velocity)
    found = rv.circular(np.log([10.0]), np.log([3.0]))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_an_orbit_without_eccentricity_is_a_circle():
    log_period, e, anomaly, log_jitter = orbits(50)
    np.testing.assert_allclose(
        rv.eccentric(log_period, 0.0 * e, anomaly, log_jitter),
        rv.circular(log_period, log_jitter),
        atol=1e-9,
    )


def test_omega_integrated_by_hand_gives_the_same():
    angles = np.linspace(0.0, 2.0 * np.pi, 400, endpoint=False)
    for orbit in zip(*orbits(8), strict=True):
        log_period, e, anomaly, log_jitter = (np.full(400, x) for x in orbit)
        given = rv.eccentric_turned(log_period, e, angles, anomaly, log_jitter)
        whole = rv.eccentric(log_period[:1], e[:1], anomaly[:1], log_jitter[:1])
        assert np.logaddexp.reduce(given) - np.log(400) == pytest.approx(whole[0], abs=1e-9)


def test_draws_of_omega_follow_its_density():
    angles = np.linspace(0.0, 2.0 * np.pi, 400, endpoint=False)
    log_period, e, anomaly, log_jitter = (x[0] for x in orbits(1, seed=3))
    many = [np.full(40_000, x) for x in (log_period, e, anomaly, log_jitter)]
    drawn = rv.draw_omega(np.random.default_rng(0), *many)
    few = [x[:400] for x in many]
    shares = np.exp(rv.eccentric_turned(few[0], few[1], angles, few[2], few[3]))
    shares /= shares.sum()
    for k in (1, 2, 3):
        for wave in (np.cos, np.sin):
            assert wave(k * drawn).mean() == pytest.approx(shares @ wave(k * angles), abs=0.025)


def test_the_speed_is_integrated_stably_far_out():
    """log(1 + z Phi(z) / phi(z)): quadrature near 0, leading terms far away."""
    K = np.linspace(0.0, 60.0, 600_001)
    for z in (-8.0, -1.0, 0.0, 0.5, 6.0):
        by_hand = np.log(np.trapezoid(K * np.exp(-0.5 * K**2 + z * K), K))
        assert rv._log_rayleigh(np.array([z]))[0] == pytest.approx(by_hand, abs=1e-6)
    far = rv._log_rayleigh(np.array([-1e6, -300.0, 300.0]))
    expected = [-2 * np.log(1e6), -2 * np.log(300.0), 45_000 + np.log(300 * np.sqrt(2 * np.pi))]
    np.testing.assert_allclose(far, expected, atol=1e-4)
