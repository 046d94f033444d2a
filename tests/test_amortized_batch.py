"""Many observations refined together: each as if it were alone, and no call made twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import noise
from skerry.amortization import _batch
from skerry.errors import EvaluationError, InputError

PRIOR = skerry.Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})
SIGMA = 0.5
SHORT = skerry.Training(max_epochs=12, steps=25, batch=128, learning_rate=4e-3, patience=12)
X = np.array([[0.0, 0.5], [-1.0, 1.0], [0.2, 0.2], [1.5, -0.7], [0.9, 0.1]])
FAR = np.array([7.0, -7.0])


class Counting:
    """A likelihood that counts its calls and points, breaks where told, and dies at a call."""

    def __init__(self, at=None, broken=False):
        self.at, self.broken, self.calls, self.points = at, broken, 0, 0

    def __call__(self, theta, x):
        self.calls += 1
        if self.calls == self.at:
            raise SystemExit
        self.points += len(theta)
        values = st.norm.logpdf(theta, x, SIGMA).sum(axis=1)
        return np.where(theta[:, 0] > 1.5, np.nan, values) if self.broken else values


def problem(function, **options):
    return skerry.Problem(PRIOR, function, **{"pairwise": True, "jax": False, **options})


@pytest.fixture(scope="module")
def estimator():
    def simulate(theta, rng):
        return theta + SIGMA * rng.standard_normal(theta.shape)

    return skerry.amortize(
        problem(Counting()),
        simulator=simulate,
        n_simulations=1000,
        n_components=3,
        training=SHORT,
        seed=1,
    )


def alone(e, x, n_effective, seed, **options):
    """One at a time, with the seeds of a batch."""
    root = skerry._seeds.as_seed(seed)
    return [
        e.posterior(row, n_effective=n_effective, seed=root.child("batch", i), **options)
        for i, row in enumerate(x)
    ]


def assert_same(found, expected):
    for one, two in zip(found, expected, strict=True):
        for name in ("samples", "log_weights", "log_likelihood", "labels"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        for name in ("log_evidence", "log_evidence_error", "n_calls", "khat", "status", "settings"):
            assert getattr(one, name) == getattr(two, name)
        assert [m.mass for m in one.modes] == [m.mass for m in two.modes]
        assert one.failed.messages == two.failed.messages
        np.testing.assert_array_equal(one.failed.theta, two.failed.theta)


KINDS = {
    "pairwise": problem,
    "one by one": lambda f: problem(f, pairwise=False),
    "forward": lambda f: skerry.Problem(
        PRIOR, forward=lambda t: t + 0 * f(t, t)[:, None], noise=noise.Gaussian(SIGMA), jax=False
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_the_answers_of_one_at_a_time_in_fewer_calls(estimator, kind):
    together, apart = Counting(), Counting()
    found = replace(estimator, problem=KINDS[kind](together)).posteriors(X, n_effective=300, seed=2)
    assert_same(found, alone(replace(estimator, problem=KINDS[kind](apart)), X, 300, 2))
    assert together.points == apart.points == sum(p.n_calls for p in found)
    if kind != "one by one":
        assert together.calls <= 3 < apart.calls
    else:
        assert together.calls == apart.calls


@pytest.mark.statistical
def test_an_observation_far_outside_escalates_in_a_batch_as_it_does_alone(estimator, tmp_path):
    rows = np.concatenate([X[:1], [FAR]])
    found = estimator.posteriors(rows, n_effective=200, seed=0)
    assert [p.settings["scheme"] for p in found] == ["refined", "escalated"]
    assert_same(found, alone(estimator, rows, 200, 0))
    for _ in range(2):
        assert_same(estimator.posteriors(rows, n_effective=200, seed=0, store=tmp_path), found)


def test_refinements_tell_how_far_they_are(estimator, capsys):
    told, together = [], []
    one = estimator.posterior(X[0], n_effective=1500, progress=lambda *at: told.append(at))
    sizes = [(done, total) for stage, done, total in told if stage == "effective samples"]
    assert sizes == sorted(sizes)
    assert sizes[-1] == (1500, 1500)
    assert told[-1][0] == "modes and islands"
    silent = estimator.posterior(X[0], n_effective=1500)
    assert np.array_equal(one.samples, silent.samples)
    estimator.posteriors(X, n_effective=100, progress=lambda *at: together.append(at))
    assert together[-1] == ("observations drawn for", len(X), len(X))
    capsys.readouterr()
    estimator.posterior(X[0], n_effective=100, progress=True)
    shown = capsys.readouterr()
    assert "effective samples 100 of 100" in shown.err
    assert not shown.out


def test_groups_of_few_points_change_nothing(estimator, monkeypatch):
    expected = estimator.posteriors(X, n_effective=100, seed=0)
    monkeypatch.setattr(_batch, "POINTS", 2_500)
    monkeypatch.setattr(_batch, "TOGETHER", 3)
    assert_same(estimator.posteriors(X, n_effective=100, seed=0), expected)


@pytest.mark.parametrize("failures", ["drop", "zero"])
def test_failures_are_each_observations_own(estimator, failures):
    e = replace(estimator, problem=problem(Counting(broken=True)))
    found = e.posteriors(X, n_effective=100, seed=0, failures=failures)
    assert_same(found, alone(e, X, 100, 0, failures=failures))
    assert found[3].n_failed > found[1].n_failed
    with pytest.raises(EvaluationError, match="got nan at"):
        e.posteriors(X, n_effective=100, seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_goes_on_from_its_store(estimator, tmp_path, kind):
    expected = estimator.posteriors(X, n_effective=300, seed=2)
    store, points = skerry.Store(tmp_path, unsaved_seconds=0.0), 0
    for at in (2, None):
        function = Counting(at)
        e = replace(estimator, problem=KINDS[kind](function))
        with suppress(SystemExit):
            found = e.posteriors(X, n_effective=300, seed=2, store=store)
        points += function.points
    if kind != "forward":  # whose noise has a formula of its own
        assert_same(found, expected)
    assert points <= sum(p.n_calls for p in found)
    never = replace(estimator, problem=KINDS[kind](Counting(at=1)))
    assert_same(never.posteriors(X, n_effective=300, seed=2, store=store), found)
    with pytest.raises(InputError, match="n_effective: stored"):
        never.posteriors(X, n_effective=301, seed=2, store=store)


def test_no_observations_and_raw_ones(estimator):
    assert estimator.posteriors(X[:0], n_effective=100) == ()
    assert [p.n_calls for p in estimator.posteriors(X[:2])] == [0, 0]
