"""Calibration against conjugate posteriors: exact ones pass, each kind of fault is found.

Model: theta ~ N(0, I) in d dimensions, x ~ N(theta, I); the posterior is N(x / 2, I / 2).
"""

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry.calibration import calibrate, hpd_ranks, sbc_ranks, tarp_ranks
from skerry.calibration._uniformity import null
from skerry.errors import InputError

Z = 5.0
N, L = 400, 99


def posteriors(seed, n=N, n_draws=L, d=2, width=1.0, shift=0.0):
    """Draws of N(x / 2 + shift, width^2 / 2), truths, and the log density at both."""
    rng = np.random.default_rng(seed)
    truths = rng.normal(size=(n, d))
    centre = rng.normal(truths)[:, None] / 2 + shift
    law = st.norm(0, width * np.sqrt(0.5))
    draws = centre + rng.normal(0, law.std(), (n, n_draws, d))
    at_draws, at_truths = (law.logpdf(v - centre).sum(axis=2) for v in (draws, truths[:, None]))
    return {
        "draws": draws,
        "truths": truths,
        "log_q_draws": at_draws,
        "log_q_truths": at_truths[:, 0],
    }


def test_exact_posteriors_pass():
    found = calibrate(**posteriors(0))
    assert found.passed, found.summary()
    assert [test.finding for test in found.tests] == ["calibrated"] * 4
    for coverage in found.hpd.coverage():
        assert coverage.p_value > 1e-4
        assert coverage.low <= coverage.observed <= coverage.high


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ({"width": 0.75}, "over-confident"),
        ({"width": 1.35}, "under-confident"),
        ({"shift": 0.35}, "biased: too high"),
        ({"shift": -0.35}, "biased: too low"),
    ],
)
def test_faults_are_found_and_named(fault, finding):
    found = calibrate(**posteriors(1, **fault))
    assert not found.passed
    assert all(not test.passed and test.finding.startswith(finding) for test in found.sbc)
    if "width" in fault:
        assert not found.hpd.passed
        assert found.hpd.finding.startswith(finding)
    assert "FAILED at the 1% level" in found.summary()
    assert finding in str(found)


def test_the_density_sees_what_single_parameters_miss():
    """Truths are correlated; the posterior has the right marginals and no correlation."""
    rng = np.random.default_rng(2)
    rho = 0.9
    truths = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], N)
    draws = rng.normal(size=(N, L, 2))
    log_q = [-0.5 * np.sum(v**2, axis=-1) for v in (draws, truths)]
    found = calibrate(draws, truths, log_q_draws=log_q[0], log_q_truths=log_q[1])
    assert all(test.passed for test in found.sbc)
    assert not found.hpd.passed
    assert not found.passed


def test_references_that_look_at_x_unmask_the_prior():
    """The prior passes with blind references; references at the posterior's mean show it."""
    rng = np.random.default_rng(3)
    truths = rng.normal(size=(N, 1))
    x = rng.normal(truths)
    draws = rng.normal(size=(N, L, 1))
    assert calibrate(draws, truths).passed
    informed = calibrate(draws, truths, references=x / 2)
    assert not informed.tarp.passed
    exact = rng.normal(x[:, None] / 2, np.sqrt(0.5), (N, L, 1))
    assert calibrate(exact, truths, references=x / 2).passed


@pytest.mark.parametrize(("n", "n_draws"), [(60, 7), (300, 99), (500, 1000)])
def test_uniform_ranks_fail_as_often_as_stated(n, n_draws):
    """The p-value is at most a with probability a: binomial, Z standard errors."""
    rng = np.random.default_rng(4)
    runs = 2_000
    p = [null(n, n_draws).p_value(rng.integers(0, n_draws + 1, n)) for _ in range(runs)]
    for level in (0.01, 0.05, 0.2):
        error = np.sqrt(level * (1 - level) / runs)
        share = np.mean(np.array(p) <= level)
        assert share < level + Z * error
        assert share > level - Z * error - 0.02 * (n < 100)  # counts of few ranks come in steps


def test_the_band_and_the_p_value_agree():
    rng = np.random.default_rng(5)
    law = null(200, 49)
    level = 0.1
    band = law.band(level)
    for _ in range(500):
        ranks = rng.integers(0, 50, 200)
        share = law.counts(ranks) / 200
        leaves = bool(((share < band.low) | (share > band.high)).any())
        assert leaves == (law.p_value(ranks) < level) or abs(law.p_value(ranks) - level) < 0.01
    np.testing.assert_allclose(band.z, np.arange(1, 50) / 50)


def test_ranks_by_hand():
    draws = np.array([[[0.0], [1.0], [2.0], [3.0]], [[0.0], [1.0], [2.0], [3.0]]])
    truths = np.array([[1.5], [-1.0]])
    assert sbc_ranks(draws, truths).ravel().tolist() == [2, 0]
    assert hpd_ranks([[0.0, -1, -2, -3]] * 2, [-1.5, -np.inf]).tolist() == [2, 4]
    references = np.array([[0.0], [3.0]])
    assert tarp_ranks(draws, truths, references).tolist() == [2, 4]


def test_ties_are_broken_evenly():
    ranks = sbc_ranks(np.zeros((4000, 3, 1)), np.zeros((4000, 1)), seed=1)[:, 0]
    counts = np.bincount(ranks, minlength=4)
    assert (abs(counts - 1000) < Z * np.sqrt(4000 * 0.25 * 0.75)).all()


@pytest.mark.parametrize(("kind", "width"), [("hpd", 1.0), ("hpd", 0.7), ("sbc", 0.7)])
def test_coverage_matches_the_closed_form(kind, width):
    """In one dimension both are P(|t| < k width) for k the normal quantile, Z standard errors."""
    found = calibrate(**posteriors(6, n=4_000, d=1, width=width))
    test = found.hpd if kind == "hpd" else found.sbc[0]
    for coverage in test.coverage((0.5, 0.9)):
        expected = 2 * st.norm.cdf(width * st.norm.ppf(0.5 + coverage.nominal / 2)) - 1
        error = np.sqrt(expected * (1 - expected) / 4_000)
        assert abs(coverage.observed - expected) < Z * error + 0.002  # L draws blur the edge


def test_the_result_is_the_same_each_time_and_immutable():
    data = posteriors(7)
    first, second = (calibrate(**data, seed=3) for _ in range(2))
    for a, b in zip(first.tests, second.tests, strict=True):
        np.testing.assert_array_equal(a.ranks, b.ranks)
        assert a.p_value == b.p_value
    with pytest.raises(AttributeError):
        first.level = 0.5
    with pytest.raises(ValueError, match="read-only"):
        first.tarp.ranks[0] = 1


def test_names_and_levels():
    data = posteriors(8)
    found = calibrate(**data, names=("mass", "phase"), level=0.05)
    assert [t.name for t in found.tests] == ["mass", "phase", "density", "distance"]
    assert [t.level for t in found.tests] == [0.025, 0.025, 0.05, 0.05]
    without = calibrate(data["draws"], data["truths"])
    assert without.hpd is None
    assert len(without.tests) == 3


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"draws": np.zeros((N, 2))}, r"Expected draws \(n, L, d\).*got shapes \(400, 2\)"),
        ({"truths": np.zeros((3, 2))}, r"and truths \(n, d\).*\(3, 2\)"),
        ({"truths": np.full((N, 2), np.nan)}, "Expected finite draws and truths"),
        ({"log_q_truths": None}, "Expected log_q_draws and log_q_truths, or neither"),
        ({"log_q_draws": np.zeros((N, 3))}, r"Expected log_q_draws of shape \(400, 99\)"),
        ({"log_q_truths": np.zeros(3)}, r"of truths \(n,\); got shapes"),
        ({"log_q_truths": np.full(N, np.nan)}, "Expected log densities without nan"),
        ({"references": np.zeros((3, 2))}, r"Expected finite references of shape \(400, 2\)"),
        ({"names": ("a",)}, "Expected 2 names; got 1"),
        ({"level": 1e-9}, "Expected a level from 0.001"),
    ],
)
def test_mistakes_are_told(change, text):
    with pytest.raises(InputError, match=text):
        calibrate(**{**posteriors(9), **change})
    with pytest.raises(InputError, match="Expected masses between 0 and 1"):
        calibrate(**posteriors(9)).tarp.coverage([1.0])


def test_the_picture_tells_the_verdict():
    for width, verdict in ((1.0, "passed"), (0.7, "FAILED")):
        found = calibrate(**posteriors(10, width=width))
        sheet = skerry.plot.calibration(found)
        assert len(sheet.axes) == 3
        assert verdict in sheet.axes[2].get_title(loc="left")
        lines = sheet.axes[0].get_lines()[1:]
        outside = [
            np.any((line.get_ydata() + band.z < band.low) | (line.get_ydata() + band.z > band.high))
            for line, band in zip(lines, (t.band() for t in found.sbc), strict=True)
        ]
        assert outside == [not t.passed for t in found.sbc]
    assert len(skerry.plot.calibration(calibrate(**_without_density())).axes) == 3


def _without_density():
    return {k: v for k, v in posteriors(11).items() if not k.startswith("log")}
