"""Rounds and climbs that overlap: no bit depends on who is first, and no weight on the cost."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry._coroutine import Coroutine, ask
from skerry.errors import EvaluationError, InputError
from skerry.evaluate import Evaluations
from skerry.execution import Workers
from skerry.execution._pool import Event
from skerry.execution._remote import Answer
from skerry.execution._scheduled import Scheduled
from skerry.inference import _drawing
from skerry.modes.climbing import climb_in_turn, climb_together
from skerry.modes.hunting import Hunter
from skerry.posterior import Status

PRIOR = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
CENTRES = np.array([[-1.5, -1.0], [1.5, 1.0]])
PLACES = CENTRES.tolist()
WIDTH = 0.35
OVERLAPPING = skerry.Adaptive(overlap=6)


def log_l(theta):
    """Point by point: the rounding of a vectorised function may depend on the points beside."""
    return np.array([one(point) for point in theta.tolist()])


def one(point):
    falls = [
        -0.5 * sum(((x - m) / WIDTH) ** 2 for x, m in zip(point, c, strict=True)) for c in PLACES
    ]
    return max(falls) + math.log1p(math.exp(min(falls) - max(falls)))


EACH = st.norm.logpdf(CENTRES, 0, np.hypot(2.0, WIDTH)).sum(axis=1) + np.log(2 * np.pi * WIDTH**2)
LOG_Z = np.logaddexp.reduce(EACH)


def cost(theta):
    """Dear where b is large: the second island, and its far side most."""
    return 10.0 ** np.tanh(theta[:, 1])


class Likelihood:
    """Counts points; does something else at a certain call."""

    def __init__(self, at=None, then=None):
        self.at, self.then, self.calls, self.points, self.seen = at, then, 0, 0, set()

    def __call__(self, theta):
        self.calls += 1
        if self.at is not None and self.calls >= self.at:
            self.then()
        self.points += len(theta)
        self.seen |= {point.tobytes() for point in theta}
        return log_l(theta)


class Pool:
    """Workers of a test: which task ends first is as the test wants it."""

    def __init__(self, n_workers, order, log_likelihood):
        self.n_workers, self.order, self.log_likelihood = n_workers, order, log_likelihood
        self.tasks, self.most = {}, 0

    @property
    def room(self):
        return self.n_workers - len(self.tasks)

    def submit(self, number, theta):
        self.tasks[number] = theta
        self.most = max(self.most, len(self.tasks))

    def collect(self, seconds):
        number = min(self.tasks, key=lambda n: self.order(n, self.tasks[n]))
        theta = self.tasks.pop(number)
        values = self.log_likelihood(theta)
        failed = np.isnan(values)
        messages = tuple(f"log-likelihood {value}" for value in values[failed])
        result = Evaluations(theta, values, failed, messages, len(theta))
        return [Event(number, Answer(result, 0.01 * len(theta)))]

    def abandon(self, number):
        self.tasks.pop(number, None)

    def close(self):
        pass


def cheapest(_, theta):
    return cost(theta).max()


def dearest(_, theta):
    return -cost(theta).max()


def scattered(number, _):
    return number * 7919 % 13


def infer(likelihood=None, monkeypatch=None, pool=None, **options):
    """A run, if a pool is given on it."""
    if pool is not None:
        made = Scheduled(pool, None, 0.1, options.pop("chunk_size", 3))
        monkeypatch.setattr("skerry.inference._infer.runner", lambda *_, **__: made)
    problem = skerry.Problem(PRIOR, likelihood or Likelihood(), jax=False)
    settings = {"n_effective": 300, "seed": 3, "scheme": OVERLAPPING, **options}
    return skerry.infer(problem, **settings)


def assert_same(one, two):
    for name in ("samples", "log_weights", "log_likelihood", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.log_evidence, one.log_evidence_error) == (two.log_evidence, two.log_evidence_error)
    assert (one.n_calls, one.khat, one.status) == (two.n_calls, two.khat, two.status)
    assert [m.mass for m in one.modes] == [m.mass for m in two.modes]
    assert (one.rounds, one.search) == (two.rounds, two.search)


@pytest.fixture(scope="module")
def alone():
    return infer()


# The same bits


@pytest.mark.parametrize(
    ("n_workers", "order"), [(1, cheapest), (4, cheapest), (4, dearest), (7, scattered)]
)
def test_no_bit_depends_on_the_workers_or_on_who_is_first(alone, monkeypatch, n_workers, order):
    likelihood = Likelihood()
    pool = Pool(n_workers, order, likelihood)
    found = infer(monkeypatch=monkeypatch, pool=pool, chunk_size=1 + n_workers % 3)
    assert_same(found, alone)
    assert pool.most == n_workers
    assert likelihood.points == found.n_calls


def test_the_failed_points_do_not_depend_on_it_either(monkeypatch):
    def failing(theta):
        return np.where(theta[:, 0] > 1.7, np.nan, log_l(theta))

    options = {"failures": "drop", "n_effective": 200}
    one, two = (
        infer(failing, monkeypatch, Pool(4, order, failing), **options)
        for order in (cheapest, dearest)
    )
    assert_same(one, two)
    assert len(one.failed) == one.n_failed > 50
    np.testing.assert_array_equal(one.failed.theta, two.failed.theta)
    assert one.failed.messages == two.failed.messages


def test_it_is_another_run_than_one_without_overlap(alone):
    without = infer(scheme=skerry.Adaptive())
    assert without.n_calls != alone.n_calls
    error = np.hypot(without.log_evidence_error, alone.log_evidence_error)
    assert abs(without.log_evidence - alone.log_evidence) < 5 * error


def die():
    raise SystemExit


def test_a_run_that_dies_goes_on_with_the_same_bits_and_repeats_no_call(
    tmp_path, alone, monkeypatch
):
    store = skerry.Store(tmp_path, unsaved_seconds=2.0)
    seen = set()
    for at, order in ((40, cheapest), (200, dearest), (300, scattered), (None, cheapest)):
        likelihood = Likelihood(at, die)
        with suppress(SystemExit):
            ended = infer(None, monkeypatch, Pool(4, order, likelihood), store=store)
        assert likelihood.seen
        assert not likelihood.seen & seen
        seen |= likelihood.seen
    assert_same(ended, alone)
    again = Likelihood(1, die)
    assert_same(infer(again, store=tmp_path), alone)
    assert again.points == 0


# Weights


def by_hand(monkeypatch, seeds, scheme):
    """log Z's z-scores, and the masses of the dear island."""
    z, masses = [], []
    for seed in range(seeds):
        pool = Pool(4, cheapest, log_l)
        p = infer(None, monkeypatch, pool, seed=seed, scheme=scheme, chunk_size=25)
        z.append((p.log_evidence - LOG_Z) / p.log_evidence_error)
        masses.append(np.exp(p.log_weights[p.samples[:, 0] > 0]).sum())
    return np.array(z), np.array(masses)


@pytest.mark.statistical
def test_weights_are_right_where_the_cost_of_a_call_depends_on_its_place(monkeypatch):
    seeds = 40
    z, masses = by_hand(monkeypatch, seeds, OVERLAPPING)
    assert abs(z.mean()) < 5 / np.sqrt(seeds)
    assert z.std() < 1.6
    mass = np.exp(EACH[1] - LOG_Z)
    assert abs(masses.mean() - mass) < 5 * st.sem(masses)


@pytest.mark.statistical
def test_taking_what_has_come_would_be_seen(monkeypatch):
    """The same check of the naive scheme: a round goes on without its dearest third."""
    add = _drawing._add

    def hasty(state, proposal, u, log_l):
        late = cost(2.0 * u) > np.quantile(cost(2.0 * u), 0.67)
        return add(state, proposal, u, np.where(late, np.nan, log_l))

    monkeypatch.setattr(_drawing, "_add", hasty)
    seeds = 10
    z, masses = by_hand(monkeypatch, seeds, OVERLAPPING)
    mass = np.exp(EACH[1] - LOG_Z)
    assert abs(z.mean()) > 5 / np.sqrt(seeds)
    assert abs(masses.mean() - mass) > 5 * st.sem(masses)


# Rounds


def test_every_point_that_was_drawn_enters_with_its_round(tmp_path, alone):
    posterior = infer(store=tmp_path)
    assert_same(posterior, alone)
    found = skerry.store.read(tmp_path)
    drawn = found.round >= 0
    assert np.isfinite(found.log_proposal[drawn]).all()
    kept = {point.tobytes() for point in found.theta[drawn]}
    assert {point.tobytes() for point in posterior.samples} <= kept
    sizes = np.bincount(found.round[drawn])
    assert sizes[0] == 3 * sizes[1]  # the prior's
    halves = sizes[2:]
    assert len(halves) >= 4
    assert (abs(halves[0::2] - halves[1::2]) <= 1).all()  # the second half of each has come


@pytest.mark.parametrize("max_calls", [30, 700, 1_500, 2_500])
def test_calls_are_limited_and_all_are_counted(max_calls):
    likelihood = Likelihood()
    found = infer(likelihood, n_effective=1e5, max_calls=max_calls)
    assert likelihood.points == found.n_calls
    assert found.n_calls <= max_calls + 100  # walls are looked at besides


def test_the_effective_sample_asked_for_is_reached_without_much_more():
    found = infer(n_effective=3_000)
    assert found.status is Status.CONVERGED
    assert 3_000 <= found.n_effective < 4_500


def test_a_run_that_is_stopped_drops_what_is_ahead_and_tells_the_rest(monkeypatch):
    def stop(stage, *_):
        if stage.startswith("round 2 "):
            raise KeyboardInterrupt

    likelihood = Likelihood()
    pool = Pool(4, dearest, likelihood)
    found = infer(None, monkeypatch, pool, n_effective=3_000, progress=stop)
    assert found.status is Status.INTERRUPTED
    assert not pool.tasks
    assert sum(r.n for r in found.rounds) <= found.n_calls < likelihood.points
    error = max(found.log_evidence_error, 0.05)
    assert abs(found.log_evidence - LOG_Z) < 6 * error


def test_a_failure_in_a_climb_or_a_round_ahead_stops_the_run(monkeypatch):
    for limit in (650, 1_100, 1_600):
        left = limit

        def failing(theta, limit=limit):
            nonlocal left
            left -= len(theta)
            return np.where(left < 0, np.nan, log_l(theta))

        pool = Pool(4, dearest, failing)
        with pytest.raises(EvaluationError, match="got nan at "):
            infer(None, monkeypatch, pool)
        assert not pool.tasks


@pytest.mark.slow
def test_worker_processes_give_the_same(alone):
    assert_same(infer(log_l, executor=Workers(2, chunk_size=5)), alone)


@pytest.mark.parametrize("overlap", [0, 1.5, True])
def test_mistakes_are_told(overlap):
    with pytest.raises(InputError, match="Expected overlap, an int >= 1"):
        skerry.Adaptive(overlap=overlap)


# Climbs


class Direct:
    """A stream that answers at once: the newest question, or the oldest, first."""

    def __init__(self, function, newest):
        self.function, self.newest = function, newest
        self.most = 0

    def begin(self, u, *, urgent=False):
        return u

    def first_of(self, requests):
        self.most = max(self.most, len(requests))
        return requests[-1 if self.newest else 0]

    def finish(self, request):
        return Evaluations(request, self.function(request), np.zeros(len(request), bool), (), 1)


def valley(u):
    away = (u[:, None] - 0.5 * CENTRES) / 0.2
    return np.logaddexp.reduce(-0.5 * np.sum(away**2, axis=-1), axis=1)


def hunt(climb, n_starts=30, max_calls=20_000, function=valley):
    hunter = Hunter(function, None, np.zeros(2, bool), max_calls)
    climb(hunter, np.random.default_rng(0).standard_normal((n_starts, 2)))
    return hunter


@pytest.mark.parametrize("n", [1, 2, 8])
def test_climbs_side_by_side_find_the_same_peaks(n):
    found = [
        hunt(
            lambda hunter, starts, newest=newest: climb_together(
                hunter, starts, lambda: False, Direct(valley, newest), n
            ),
            function=ask,
        )
        for newest in (False, True)
    ]
    assert found[0].n_calls == found[1].n_calls
    one, two = (hunter.result() for hunter in found)
    np.testing.assert_array_equal(one.ends, two.ends)
    np.testing.assert_array_equal(one.peaks.frames.means, two.peaks.frames.means)
    plain = hunt(lambda hunter, starts: climb_in_turn(hunter, starts, lambda: False))
    assert one.n_starts == plain.n_starts == 30
    assert one.peaks.n_islands == plain.result().peaks.n_islands == 2
    if n == 1:
        assert found[0].n_calls == plain.n_calls
        np.testing.assert_array_equal(one.ends, plain.result().ends)


@pytest.mark.parametrize("max_calls", [20, 100, 900, 3_000])
def test_climbs_side_by_side_keep_to_their_calls(max_calls):
    spent = 0

    def counted(u):
        nonlocal spent
        spent += len(u)
        return valley(u)

    hunter = hunt(
        lambda hunter, starts: climb_together(
            hunter, starts, lambda: hunter.exhausted, Direct(counted, False), 8
        ),
        max_calls=max_calls,
        function=ask,
    )
    assert hunter.n_calls == spent <= max_calls


def test_no_climb_begins_when_there_is_enough_and_those_under_way_count():
    stream = Direct(valley, True)
    hunter = hunt(
        lambda hunter, starts: climb_together(
            hunter, starts, lambda: hunter.n_starts >= 5, stream, 4
        ),
        function=ask,
    )
    assert stream.most == 4
    assert 5 <= hunter.n_starts <= 5 + 3


# Functions that ask


def test_functions_that_ask_take_turns_and_return():
    def add(first):
        return first + ask("more") + ask("even more")

    one, two = (Coroutine(lambda first=first: add(first)) for first in (1, 10))
    assert [one.resume(), two.resume()] == ["more", "more"]
    assert [two.resume(20), one.resume(2)] == ["even more", "even more"]
    assert one.resume(3) is None
    assert two.resume(30) is None
    assert [one.result, two.result] == [6, 60]
    assert one.done
    assert two.done


def test_what_they_raise_comes_out_and_they_can_be_stopped():
    ended = []

    def wait():
        try:
            ask("what")
        finally:
            ended.append(True)

    def fail():
        raise ValueError("no")

    coroutine = Coroutine(wait)
    coroutine.resume()
    coroutine.stop()
    assert ended == [True]
    never = Coroutine(wait)
    never.stop()
    assert ended == [True]
    with pytest.raises(ValueError, match="no"):
        Coroutine(fail).resume()
