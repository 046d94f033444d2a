"""Runs that die and go on: the same bits, and no call made twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry.errors import EvaluationError, InputError, StoppedError, StoreError
from skerry.posterior import Status

PRIOR = skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-4, 8)})
LIGHT = skerry.Static(600, density="islands")


class Likelihood:
    """Two islands; counts points, and does something else at a certain call."""

    def __init__(self, at=None, then=None):
        self.at, self.then, self.calls, self.points = at, then, 0, 0

    def __call__(self, theta):
        self.calls += 1
        if self.at is not None and self.calls >= self.at:
            self.then()
        self.points += len(theta)
        away = (theta[:, None] - np.array([[-1.5, -2.0], [2.0, 1.0]])) / 0.4
        return np.logaddexp.reduce(-0.5 * np.sum(away**2, axis=-1), axis=1)


def infer(likelihood=None, store=None, **options):
    problem = skerry.Problem(PRIOR, likelihood or Likelihood(), jax=False)
    settings = {"n_effective": 300, "seed": 3, "store": store, **options}
    return skerry.infer(problem, **settings)


def die():
    raise SystemExit


def assert_same(one, two):
    for name in ("samples", "log_weights", "log_likelihood", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.log_evidence, one.log_evidence_error) == (two.log_evidence, two.log_evidence_error)
    assert (one.n_calls, one.khat, one.status) == (two.n_calls, two.khat, two.status)
    assert [m.mass for m in one.modes] == [m.mass for m in two.modes]
    assert one.rounds == two.rounds


@pytest.fixture(scope="module")
def undisturbed():
    return infer()


@pytest.mark.parametrize("unsaved_seconds", [pytest.param(0.0, marks=pytest.mark.statistical), 0.2])
def test_a_run_that_dies_again_and_again_gives_the_same_bits_and_repeats_no_call(
    tmp_path, undisturbed, unsaved_seconds
):
    store = skerry.Store(tmp_path, unsaved_seconds=unsaved_seconds)
    points, ended = 0, None
    for at in (1, 4, 40, 100, None):
        likelihood = Likelihood(at, die)
        with suppress(SystemExit):
            ended = infer(likelihood, store)
        points += likelihood.points
    assert_same(ended, undisturbed)
    again = Likelihood(1, die)
    assert_same(infer(again, store), undisturbed)
    assert again.points == 0
    whole = Likelihood()
    infer(whole, tmp_path / "another")
    assert points == whole.points


def test_gradients_are_not_computed_again(tmp_path, monkeypatch):
    problem = skerry.Problem(PRIOR, lambda t: -8.0 * (t**2).sum(), jax=True)
    first = skerry.infer(problem, n_effective=300, seed=0, store=tmp_path)

    def never(*_):
        raise AssertionError("called")

    monkeypatch.setattr(skerry.Problem, "value_and_gradient", never)
    monkeypatch.setattr(skerry.Problem, "log_likelihood", never)
    assert_same(skerry.infer(problem, n_effective=300, seed=0, store=tmp_path), first)


def test_damage_is_mended_by_evaluating_again(tmp_path):
    first = Likelihood()
    expected = infer(first, skerry.Store(tmp_path, unsaved_seconds=0.0))
    chunks = sorted((tmp_path / "chunks").glob("chunk-*"))
    bad = chunks[len(chunks) // 2]
    bad.write_bytes(bad.read_bytes()[:-9])
    again = Likelihood()
    with pytest.warns(UserWarning, match="not those that were written"):
        assert_same(infer(again, tmp_path), expected)
    assert 0 < again.points < first.points


def test_every_round_says_what_its_points_were_drawn_from(tmp_path):
    posterior = infer(store=tmp_path)
    found = skerry.store.read(tmp_path)
    assert found.names == ("a", "b")
    assert set(found.round) == {-1, *range(len(set(found.round)) - 1)}
    drawn = found.round >= 0
    prior = found.round == 0
    np.testing.assert_allclose(found.log_proposal[prior], PRIOR.log_prob(found.theta[prior]))
    assert np.isfinite(found.log_proposal[drawn]).all()
    last = found.round == found.round.max()
    table = skerry.fit(
        found.theta[last],
        found.log_likelihood[last],
        PRIOR,
        log_proposal=found.log_proposal[last],
        density="islands",
    )
    error = np.hypot(table.log_evidence_error, posterior.log_evidence_error)
    assert abs(table.log_evidence - posterior.log_evidence) < 5 * error


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 9}, "seed: stored 3, now 9"),
        ({"n_effective": 500}, "n_effective: stored 300.0, now 500.0"),
        ({"max_calls": 5_000}, "max_calls: stored None, now 5000"),
        ({"failures": "drop"}, "failures: stored raise, now drop"),
        ({"scheme": skerry.Static(500, density="islands")}, "scheme: stored Static"),
    ],
)
def test_another_run_is_refused(tmp_path, change, name):
    infer(store=tmp_path, scheme=LIGHT)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=name):
        infer(store=tmp_path, **{"scheme": LIGHT, **change})
    assert sorted(tmp_path.rglob("*")) == before


def test_going_on_further_than_before(tmp_path):
    first = Likelihood()
    infer(first, tmp_path, scheme=LIGHT, max_calls=200)
    more = Likelihood()
    store = skerry.Store(tmp_path, accept=("max_calls",))
    assert infer(more, store, scheme=LIGHT, max_calls=500).n_calls == 500
    assert more.points == 300  # the 200 come first, by the same seed


def test_a_store_in_use_is_refused_at_once(tmp_path):
    def second():
        with pytest.raises(StoreError, match="in use by this very process"):
            infer(store=tmp_path, scheme=LIGHT)

    infer(Likelihood(3, second), tmp_path, scheme=LIGHT)


def test_a_full_disk_stops_the_run_and_more_room_lets_it_go_on(tmp_path, undisturbed, monkeypatch):
    from skerry.store import _files

    likelihood = Likelihood()
    store = skerry.Store(tmp_path, unsaved_seconds=0.0)
    write = _files.write_new
    left = 20

    def full(path, data):
        nonlocal left
        left -= 1
        if left < 0:
            raise _files.failed(path.parent, OSError(28, "No space left on device"))
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("skerry.store._records.write_new", full)
        with pytest.raises(StoreError, match="the disk is full; make room, and run the same again"):
            infer(likelihood, store)
    again = Likelihood()
    assert_same(infer(again, store), undisturbed)
    whole = Likelihood()
    infer(whole)
    assert likelihood.points + again.points <= whole.points + 600  # at most what wasn't written


# Failures


def test_failures_are_kept_with_their_points_and_replayed(tmp_path):
    def some(theta):
        values = -0.1 * np.sum(theta**2, axis=1)
        return np.where(theta[:, 0] > 1.0, np.nan, values)

    problem = skerry.Problem(PRIOR, some)
    first = skerry.infer(problem, scheme=LIGHT, store=tmp_path, failures="drop", n_effective=50)
    assert len(first.failed) == first.n_failed > 10
    assert (first.failed.theta[:, 0] > 1.0).all()
    assert first.failed.reasons() == [("log-likelihood nan", first.n_failed)]
    assert first.status is Status.CONDITIONAL
    assert "failed calls" in first.summary()
    assert "log-likelihood nan, first at a = " in first.summary()
    again = skerry.infer(problem, scheme=LIGHT, store=tmp_path, failures="drop", n_effective=50)
    assert_same(again, first)
    np.testing.assert_array_equal(again.failed.theta, first.failed.theta)
    assert again.failed.messages == first.failed.messages
    first.save(tmp_path / "p.npz")
    loaded = skerry.load(tmp_path / "p.npz")
    np.testing.assert_array_equal(loaded.failed.theta, first.failed.theta)
    assert loaded.failed.messages == first.failed.messages


def test_a_failure_that_stops_the_run_is_tried_again_but_its_neighbours_are_kept(tmp_path):
    broken = True

    def sometimes(theta):
        nonlocal broken
        return np.where(broken & (theta[:, 1] > 3.8), np.nan, -np.sum(theta**2, axis=1))

    problem = skerry.Problem(PRIOR, sometimes)
    with pytest.raises(EvaluationError, match="got nan at "):
        skerry.infer(problem, scheme=LIGHT, store=tmp_path, n_effective=50)
    stored = skerry.store.read(tmp_path)
    assert 100 < len(stored.theta) < 608
    assert not stored.failed.any()
    broken = False
    mended = skerry.Store(tmp_path, accept=("likelihood",))
    again = skerry.infer(problem, scheme=LIGHT, store=mended, n_effective=50)
    assert again.n_calls == 600
    assert again.n_failed == 0


def test_an_early_trial_shows_the_point_that_raises():
    points = PRIOR.sample(8, skerry._seeds.as_seed(0).child("check"))

    def raising(theta):
        if np.any(theta[:, 0] == points[3, 0]):
            raise OverflowError("too steep")
        return np.zeros(len(theta))

    with pytest.raises(EvaluationError, match="got OverflowError: too steep at 1 of 8") as caught:
        skerry.infer(skerry.Problem(PRIOR, raising), scheme=LIGHT)
    np.testing.assert_array_equal(caught.value.theta, points[3:4])
    assert f"a={points[3, 0].item()!r}" in str(caught.value)
    assert isinstance(caught.value.__cause__, OverflowError)


# Time


def test_time_that_is_over_in_the_midst_of_a_round_ends_the_run_and_it_can_go_on(
    tmp_path, undisturbed
):
    """Slow enough from some call on that the time is over; then fast, and the same bits."""

    def slow():
        time.sleep(0.7)

    with pytest.raises(StoppedError, match="make the same call again to go on"):
        infer(Likelihood(30, slow), tmp_path, max_seconds=0.5)
    assert_same(infer(store=tmp_path), undisturbed)


@pytest.mark.parametrize("slow", [False, True])
def test_time_that_is_over_after_the_first_rounds_returns_what_is_known(
    tmp_path, undisturbed, monkeypatch, slow
):
    """Where calls are slow no more are made to look at walls."""
    now, ahead, rounds = time.monotonic, 0.0, 0

    def progress(stage, *_):
        nonlocal ahead, rounds
        rounds += stage.startswith("round")
        ahead = 1e6 if stage.startswith("round 2 ") else 0.0

    monkeypatch.setattr(time, "monotonic", lambda: now() + ahead)
    monkeypatch.setattr("skerry.inference._calls.SLOW_SECONDS", -1.0 if slow else 1e9)
    stopped = infer(store=tmp_path, max_seconds=1e5, progress=progress)
    assert stopped.status is Status.INTERRUPTED
    assert rounds == 3
    assert len(stopped.modes) >= 1
    assert (stopped.search is None) == slow
    monkeypatch.undo()
    assert_same(infer(store=tmp_path), undisturbed)


# Memory


def test_points_in_many_blocks_give_the_same_bits(tmp_path, monkeypatch):
    expected = infer(scheme=LIGHT)
    table = infer(store=tmp_path / "whole", scheme=LIGHT)
    found = skerry.store.read(tmp_path / "whole")
    fitted = skerry.fit(found.theta, found.log_likelihood, PRIOR, density="islands")
    monkeypatch.setattr("skerry.inference._points.BLOCK", 70)
    assert_same(infer(scheme=LIGHT), expected)
    assert_same(infer(store=tmp_path / "parts", scheme=LIGHT), table)
    again = skerry.store.read(tmp_path / "parts")
    for name in ("theta", "log_likelihood", "failed", "round", "log_proposal"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert_same(skerry.fit(found.theta, found.log_likelihood, PRIOR, density="islands"), fitted)
    with pytest.raises(InputError, match="in row 500;"):
        skerry.fit(
            np.where(np.arange(608)[:, None] == 500, np.nan, found.theta),
            found.log_likelihood,
            PRIOR,
        )


# Kills


def kill(tmp_path, kills, seed, overlap):
    script = Path(__file__).with_name("killing.py")
    source = Path(skerry.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), *map(str, (kills, seed, overlap))],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.statistical
@pytest.mark.parametrize(("kills", "overlap"), [(100, 1), (30, 6)])
def test_a_hundred_sudden_deaths_change_no_bit(tmp_path, kills, overlap):
    """A call is made twice only if it was under way, or being written, when the process died."""
    found = kill(tmp_path, kills, 1, overlap)
    assert found["kills"] == kills
    assert found["wrong"] == found["repeated_though_saved"] == 0
