"""A forward model's predictions are kept, and serve any observation."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import noise
from skerry.errors import EvaluationError, InputError

PRIOR = skerry.Prior({"a": st.norm(0, 1), "b": st.uniform(-2, 4)})
LIGHT = skerry.Static(600, density="islands")
X = np.array([0.3, -0.5, 0.1])


class Forward:
    """A model of three numbers; counts the points it is run at, and breaks at a certain call."""

    def __init__(self, at=None, broken=None):
        self.at, self.broken, self.points, self.calls = at, broken, 0, 0

    def __call__(self, theta):
        self.calls += 1
        if self.calls == self.at:
            raise SystemExit
        self.points += len(theta)
        found = np.stack([theta[:, 0], theta[:, 1], theta[:, 0] * theta[:, 1]], axis=1)
        return found if self.broken is None else self.broken(theta, found)


def infer(forward, x=X, **options):
    problem = skerry.Problem(PRIOR, forward=forward, noise=noise.Gaussian(0.4), jax=False)
    return skerry.infer(problem, x, **{"scheme": LIGHT, "n_effective": 20, "seed": 1, **options})


def assert_same(one, two):
    for name in ("samples", "log_weights", "log_likelihood"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.log_evidence, one.n_calls, one.khat) == (two.log_evidence, two.n_calls, two.khat)


def test_a_second_observation_costs_no_run_at_points_run_before(tmp_path):
    forward, runs = Forward(), tmp_path / "runs"
    first = infer(forward, store=skerry.Store(tmp_path / "1", forward=runs))
    assert forward.points == 608 + 4  # the first trial runs four of its points once more
    assert_same(first, infer(Forward()))
    again = Forward()
    second = infer(again, -X, store=skerry.Store(tmp_path / "2", forward=runs))
    assert again.points == 4
    assert_same(second, infer(Forward(), -X))
    sparse = Forward()
    noisier = skerry.Problem(PRIOR, forward=sparse, noise=noise.StudentT(0.4, 3.0), jax=False)
    store = skerry.Store(tmp_path / "3", forward=runs)
    skerry.infer(noisier, X, scheme=LIGHT, n_effective=20, seed=1, store=store)
    assert sparse.points == 4


@pytest.mark.parametrize("scheme", [LIGHT, pytest.param(None, marks=pytest.mark.statistical)])
def test_a_run_that_died_repeats_no_forward_run(tmp_path, scheme):
    plain = infer(Forward(), scheme=scheme)
    store, points = skerry.Store(tmp_path, unsaved_seconds=0.0), 0
    for at in (2, 9, None):
        forward = Forward(at)
        with suppress(SystemExit):
            ended = infer(forward, store=store, scheme=scheme)
        points += forward.points
    assert_same(ended, plain)
    whole = Forward()
    infer(whole, store=tmp_path / "whole", scheme=scheme)
    assert points <= whole.points + 4
    damaged = sorted((tmp_path / "forward" / "chunks").glob("*.npz"))[-1]
    damaged.write_bytes(damaged.read_bytes()[:-5])
    with pytest.warns(UserWarning, match="not those that were written"):
        assert_same(infer(Forward(), store=store, scheme=scheme), plain)


def test_another_model_is_refused(tmp_path):
    infer(Forward(), store=skerry.Store(tmp_path / "1", forward=tmp_path / "runs"))

    def other(theta):
        return theta[:, [0, 1, 1]]

    with pytest.raises(InputError, match="likelihood: stored forward"):
        infer(other, store=skerry.Store(tmp_path / "2", forward=tmp_path / "runs"))


def raising(theta, found):
    if (theta[:, 0] > 1.5).any():
        raise OverflowError("too far")
    return found


def blank(theta, found):
    return np.where(theta[:, :1] > 1.5, np.nan, found)


@pytest.mark.parametrize("broken", [raising, blank])
def test_failures_are_kept_with_their_reasons_but_not_where_they_stop_the_run(tmp_path, broken):
    plain = infer(Forward(broken=broken), failures="drop")
    for number in range(2):
        forward = Forward(broken=broken)
        found = infer(forward, failures="drop", store=tmp_path / "drop")
        assert_same(found, plain)
        assert found.failed.messages == plain.failed.messages
        assert found.n_failed > 10
        assert number == 0 or forward.points == 0
    with pytest.raises(EvaluationError, match=r"too far|got nan"):
        infer(Forward(broken=broken), store=tmp_path / "raise")
    mended = Forward()
    store = skerry.Store(tmp_path / "raise", accept=("likelihood",))
    assert_same(infer(mended, store=store), infer(Forward()))


@pytest.mark.slow
def test_predictions_come_from_workers_too(tmp_path):
    problem = skerry.Problem(
        PRIOR, forward=forward_of_one, noise=noise.Gaussian(0.4), vectorized=False, jax=False
    )
    scheme = skerry.Static(60, density="islands")
    settings = {"scheme": scheme, "n_effective": 5, "seed": 1}
    found = skerry.infer(problem, X, **settings, store=tmp_path, executor=2)
    assert_same(found, skerry.infer(problem, X, **settings))


def forward_of_one(point):
    return np.array([point[0], point[1], point[0] * point[1]])
