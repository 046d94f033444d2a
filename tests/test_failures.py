"""What becomes of likelihood calls that fail: nothing is lost, everything is told."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import Status
from skerry.errors import EvaluationError
from skerry.problem import CHECK_CALLS, CHECKED_POINTS

PRIOR = skerry.Prior({"a": st.uniform(0, 1), "b": st.uniform(0, 1)})
SCHEME = skerry.Static(400, density="islands")


def good(theta):
    return -np.sum((theta - 0.5) ** 2, axis=1)


def where(share, what):
    """A likelihood that does something on a share of the prior."""

    def log_likelihood(theta):
        if theta[0, 0] < share:
            return what()
        return float(good(theta)[0])

    return skerry.Problem(PRIOR, lambda t: log_likelihood(t[None]), vectorized=False)


def raised():
    raise FloatingPointError("no convergence")


KINDS = {
    "nan": (lambda: np.nan, "log-likelihood nan"),
    "+inf": (lambda: np.inf, "log-likelihood inf"),
    "an exception": (raised, "FloatingPointError: no convergence"),
}


@pytest.mark.parametrize("policy", ["drop", "zero"])
@pytest.mark.parametrize("kind", KINDS)
def test_failures_are_kept_with_point_and_reason_counted_and_shown(kind, policy, tmp_path):
    what, message = KINDS[kind]
    found = skerry.infer(where(0.25, what), scheme=SCHEME, failures=policy, n_effective=100)
    assert found.n_calls == 400 + CHECK_CALLS
    assert found.n_failed == len(found.failed)
    assert abs(found.n_failed - 102) < 5 * np.sqrt(408 * 0.25 * 0.75)
    assert np.all(found.failed.theta[:, 0] < 0.25)
    assert set(found.failed.messages) == {message}
    assert found.samples[:, 0].min() > 0.25
    assert found.status is Status.CONDITIONAL
    assert message in found.summary()
    assert f"{found.n_failed:,} of them failed" in found.summary()
    found.save(tmp_path / "p.npz")
    again = skerry.load(tmp_path / "p.npz")
    assert again.failed.messages == found.failed.messages
    np.testing.assert_array_equal(again.failed.theta, found.failed.theta)
    assert again.summary() == found.summary()


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_a_failure_like_others():
    problem = where(0.2, lambda: time.sleep(1000))
    found = skerry.infer(
        problem,
        scheme=skerry.Static(12, density="islands"),
        failures="drop",
        executor=skerry.Workers(2, timeout=1.0, chunk_size=1),
    )
    assert 0 < found.n_failed == len(found.failed)
    assert np.all(found.failed.theta[:, 0] < 0.2)
    assert all("1" in text and "s" in text for text in found.failed.messages)
    assert found.failed.messages[0][:60] in found.summary()


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_trial_stops_at_once_and_shows_the_point(kind):
    what, message = KINDS[kind]
    calls = 0

    def counted():
        nonlocal calls
        calls += 1
        return what()

    with pytest.raises(EvaluationError, match=message.split()[-1]) as caught:
        skerry.infer(where(1.0, counted), scheme=skerry.Static(100_000))
    assert calls <= 2 * CHECKED_POINTS
    for value in caught.value.theta[0].tolist():
        assert repr(value) in str(caught.value)


@pytest.mark.parametrize("policy", ["raise", "drop", "zero"])
@pytest.mark.parametrize("scheme", [SCHEME, skerry.Adaptive()])
def test_impossible_points_have_no_weight_and_are_counted(policy, scheme):
    seen = 0

    def half(theta):
        nonlocal seen
        seen += len(theta)
        return np.where(theta[:, 0] < 0.5, -np.inf, good(theta))

    problem = skerry.Problem(PRIOR, half)
    options = {"n_effective": 300, "max_calls": 4000, "failures": policy}
    found = skerry.infer(problem, scheme=scheme, **options)
    assert found.n_calls == seen
    assert found.n_failed == 0
    assert found.samples[:, 0].min() >= 0.5


def test_what_fails_in_the_trial_is_kept_and_a_resumed_run_knows_it(tmp_path):
    problem = where(0.5, lambda: np.nan)
    options = {"scheme": SCHEME, "failures": "drop", "n_effective": 100}
    plain = skerry.infer(problem, **options)
    first = skerry.infer(problem, store=tmp_path, **options)
    again = skerry.infer(problem, store=tmp_path, **options)
    trial = PRIOR.sample(CHECKED_POINTS, skerry._seeds.as_seed(0).child("check"))
    bad = trial[trial[:, 0] < 0.5]
    assert len(bad) > 0
    for found in (plain, first, again):
        assert {*map(tuple, bad)} <= {*map(tuple, found.failed.theta)}
        assert found.n_calls == plain.n_calls
        assert found.failed.messages == plain.failed.messages
        assert found.status is plain.status


@pytest.mark.parametrize(("share", "told"), [(0.1, True), (0.0, False)])
def test_a_worse_verdict_does_not_hide_that_the_posterior_is_conditional(share, told):
    problem = where(share, lambda: np.nan)
    scheme = skerry.Static(60, density="islands")
    found = skerry.infer(problem, scheme=scheme, failures="drop", n_effective=10)
    assert found.status is Status.COLLAPSED
    assert (Status.CONDITIONAL.value in found.summary()) == told
