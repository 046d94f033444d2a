"""Where a likelihood runs changes no bit; workers that die, hang or talk do no harm."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry.errors import EvaluationError, InputError, ProblemError
from skerry.evaluate import Evaluations
from skerry.execution import Workers, run, runner
from skerry.execution._futures import count_workers
from skerry.execution._pool import Event
from skerry.execution._remote import Answer
from skerry.execution._scheduled import Scheduled

PRIOR = skerry.Prior({"what": st.norm(0, 2), "b": st.uniform(-4, 8)})
THETA = PRIOR.sample(200, 0).clip(-9, 9)
KILL, HANG, RAISE, NAN, PRINT, RANDOM, EXIT, THREADS, STATE = 10.0 * np.arange(1, 10)


def values(theta):
    return -np.sum(theta**2, axis=1)


def moody(theta):
    """Does something else where the first parameter says so."""
    for what in theta[:, 0].tolist():
        if what == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == HANG:
            time.sleep(1000)
        elif what == RAISE:
            raise FloatingPointError("too deep")
        elif what == PRINT:
            print("words" * 10_000)  # noqa: T201
        elif what == RANDOM:
            np.random.seed(0)  # noqa: NPY002
        elif what == EXIT:
            raise SystemExit(3)
        elif what == THREADS:
            return np.array([float(os.environ["OMP_NUM_THREADS"])] * len(theta))
    return np.where(theta[:, 0] == NAN, np.nan, values(theta))


def problem(function=moody):
    return skerry.Problem(PRIOR, function, jax=False)


@pytest.fixture(scope="module")
def mine():
    """Two processes, shared by the tests, which also shows that they survive each other."""
    made = runner(Workers(2, timeout=2.0, chunk_size=1), problem(), None, "drop", saved=False)
    yield made
    made.close()


def collected(made, theta):
    """All pieces in order of their rows."""
    found = np.full(len(theta), np.inf)
    failed, messages = np.zeros(len(theta), bool), {}
    for piece in run(made, theta):
        assert np.isinf(found[piece.rows]).all(), "no row comes twice"
        found[piece.rows], failed[piece.rows] = piece.result.log_likelihood, piece.result.failed
        np.testing.assert_array_equal(piece.result.theta, theta[piece.rows])
        bad = piece.rows[piece.result.failed].tolist()
        messages |= dict(zip(bad, piece.result.messages, strict=True))
    return found, failed, messages


def with_mood(*moods, n=60):
    theta = THETA[:n].copy()
    rows = 7 + 9 * np.arange(len(moods))
    theta[rows, 0] = moods
    return theta, rows


# Processes of our own


def test_processes_give_the_values_of_this_process(mine):
    found, failed, _ = collected(mine, THETA)
    np.testing.assert_array_equal(found, values(THETA))
    assert not failed.any()


@pytest.mark.parametrize(
    ("mood", "text"),
    [
        (KILL, "the worker was ended by SIGKILL, twice"),
        pytest.param(HANG, "no answer in 2 s a point, twice", marks=pytest.mark.statistical),
        pytest.param(
            EXIT, "the worker ended by itself (exit code 3), twice", marks=pytest.mark.statistical
        ),
        (RAISE, "FloatingPointError: too deep"),
        (NAN, "log-likelihood nan"),
    ],
)
def test_a_point_that_harms_its_worker_is_found_and_costs_no_other(mine, mood, text):
    theta, rows = with_mood(mood, n=12)
    began = time.monotonic()
    found, failed, messages = collected(mine, theta)
    assert time.monotonic() - began < 60
    assert messages == {int(rows[0]): text}
    np.testing.assert_array_equal(np.flatnonzero(failed), rows)
    np.testing.assert_array_equal(found[~failed], values(theta[~failed]))


def test_a_worker_that_dies_while_it_waits_is_replaced(mine):
    collected(mine, THETA[:4])
    for worker in mine._pool._workers[:1]:
        os.kill(worker.process.pid, signal.SIGKILL)
    found, failed, _ = collected(mine, THETA[:30])
    np.testing.assert_array_equal(found, values(THETA[:30]))
    assert not failed.any()
    assert mine._pool.n_workers == 2


def test_several_batches_at_a_time_come_back_to_their_places(mine):
    batches = [mine.submit(THETA[:20], urgent=False), mine.submit(THETA[20:50])]
    dropped = mine.submit(THETA[50:], urgent=False)
    found = [np.full(len(batch.theta), np.nan) for batch in batches]
    mine.withdraw(dropped)
    while any(batch.missing for batch in batches):
        mine.advance()
        for batch, log_l in zip(batches, found, strict=True):
            for piece in batch.take():
                log_l[piece.rows] = piece.result.log_likelihood
    np.testing.assert_array_equal(np.concatenate(found), values(THETA[:50]))
    assert len(dropped.take()) <= 2


def test_workers_may_talk_and_change_random_state(mine):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    theta, _ = with_mood(PRINT, RANDOM)
    np.testing.assert_array_equal(collected(mine, theta)[0], values(theta))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_each_worker_has_one_thread_of_linear_algebra(mine):
    theta = THETA[:4].copy()
    theta[:, 0] = THREADS
    np.testing.assert_array_equal(collected(mine, theta)[0], 1.0)


@pytest.mark.statistical
def test_lambdas_and_closures_travel_and_scripts_need_no_guard(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        textwrap.dedent(
            """
            import numpy as np, scipy.stats as st, skerry
            shift = np.array([1.0, 2.0])
            class Model:
                def __call__(self, theta):
                    return -np.sum((theta - shift) ** 2, axis=1)
            prior = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
            model = Model()
            found = [
                skerry.infer(
                    skerry.Problem(prior, lambda theta: model(theta), jax=False),
                    scheme=skerry.Static(300, density="islands"), n_effective=20, executor=executor
                )
                for executor in (None, 2)
            ]
            assert (found[0].samples == found[1].samples).all()
            assert found[0].log_evidence == found[1].log_evidence
            """
        )
    )
    source = Path(skerry.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_problem_that_workers_cannot_load_is_told():
    class Unwelcome:
        def __reduce__(self):
            return eval, ("1 / 0",)

        def __call__(self, theta):
            return values(theta)

    made = runner(1, problem(Unwelcome()), None, "raise", saved=False)
    try:
        with pytest.raises(EvaluationError, match="workers that can load the problem") as caught:
            list(run(made, THETA))
        assert "ZeroDivisionError" in str(caught.value)
    finally:
        made.close()


def test_a_problem_that_cannot_be_sent_is_told():
    import threading

    lock = threading.Lock()
    with pytest.raises(InputError, match=r"can be sent to workers; got TypeError: .*lock"):
        runner(2, problem(lambda theta: values(theta) if lock else 0), None, "raise", saved=False)


def test_a_mistake_in_the_likelihood_is_the_same_error_from_a_worker():
    with pytest.raises(ProblemError, match="pass vectorized=False"):
        skerry.infer(problem(np.sum), executor=ThreadPoolExecutor(1))


# Pools of others


@pytest.mark.statistical
def test_pools_of_any_make_give_the_same():
    context = multiprocessing.get_context("forkserver")
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2, mp_context=context) as processes:
        for pool in (threads, processes, Workers(processes, chunk_size=7)):
            made = runner(pool, problem(), None, "drop", saved=False)
            np.testing.assert_array_equal(collected(made, THETA)[0], values(THETA))
            theta, rows = with_mood(RAISE, NAN)
            np.testing.assert_array_equal(np.flatnonzero(collected(made, theta)[1]), rows)
            made.close()
        assert count_workers(threads) == 3
        assert count_workers(processes) == 2


def test_threads_give_the_same():
    with ThreadPoolExecutor(3) as threads:
        made = runner(threads, problem(), None, "drop", saved=False)
        np.testing.assert_array_equal(collected(made, THETA)[0], values(THETA))


def test_a_pool_with_map_alone_will_do():
    class Serial:
        n_workers = 3

        def map(self, function, items):
            return map(function, items)

    made = runner(Serial(), problem(), None, "drop", saved=False)
    np.testing.assert_array_equal(collected(made, THETA)[0], values(THETA))


def test_a_heavy_problem_travels_once_to_each_worker():
    sent = []

    class Pool:
        _max_workers = 2

        def __init__(self):
            self.threads = ThreadPoolExecutor(2)

        def submit(self, function, key, data, theta):
            sent.append(0 if data is None else len(data))
            return self.threads.submit(function, key, data, theta)

    weight = np.random.default_rng(0).standard_normal(100_000)
    pool = Pool()
    made = runner(pool, problem(lambda t: values(t) + 0 * weight[0]), None, "drop", saved=False)
    collected(made, THETA)
    assert 1 <= sum(n > 0 for n in sent) <= 4 < len(sent)
    pool.threads.shutdown()


def test_a_task_that_dask_loses_is_tried_again_under_another_key():
    """Its results may be lost with their worker: that has to end somewhere, and be told."""

    class Client:
        __module__ = "distributed.client"

        def __init__(self):
            self.loop, self.lost, self.keys = self, 0, []

        def nthreads(self):
            return {"one": 1, "two": 1}

        def submit(self, function, *args, pure):
            self.keys.append(pure)
            return function(*args)

        async def gather(self, answer, asynchronous):
            self.lost += 1
            if self.lost in (1, 5):
                raise RuntimeError("lost with its worker")
            return answer

        def add_callback(self, function):
            asyncio.run(function())

    client = Client()
    client._client = client
    made = runner(Workers(client, chunk_size=10), problem(), None, "drop", saved=False)
    found, failed, _ = collected(made, THETA[:60])
    np.testing.assert_array_equal(found, values(THETA[:60]))
    assert not failed.any()
    assert client.lost == 6 + 2 * 2
    assert not any(client.keys)


@pytest.mark.statistical
def test_a_pool_that_breaks_raises_at_once_and_keeps_what_came_before():
    context = multiprocessing.get_context("forkserver")
    theta, _ = with_mood(KILL)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        made = runner(Workers(pool, chunk_size=4), problem(), None, "drop", saved=False)
        began, rows = time.monotonic(), 0
        pieces = run(made, theta)
        rows += len(next(pieces).rows)
        with pytest.raises(EvaluationError, match="Expected a pool whose workers live"):
            next(pieces)
        assert rows == 4
        assert time.monotonic() - began < 20
        with pytest.raises(EvaluationError, match="Expected a pool that takes tasks"):
            list(run(made, theta))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"executor": "four"}, "a pool with submit or map; got str"),
        ({"executor": 0}, "executor >= 1"),
        ({"executor": True}, "a pool with submit or map; got bool"),
        ({"executor": 2, "timeout": 0}, "timeout > 0 seconds; got 0"),
        ({"executor": 2, "chunk_size": 0}, "chunk_size, an int >= 1"),
        ({"executor": 2, "chunk_seconds": None}, "chunk_seconds > 0"),
    ],
)
def test_mistakes_in_settings_are_told(options, text):
    with pytest.raises(InputError, match=text):
        Workers(**options)


# The loop that feeds them


class Fake:
    """A pool in which time and deaths are as a test wants them."""

    def __init__(self, n_workers, seconds=0.01, lost=lambda theta, attempt: False):
        self.n_workers, self.seconds, self.lost = n_workers, seconds, lost
        self.tasks, self.sizes, self.abandoned, self.tried = {}, [], [], {}

    @property
    def room(self):
        return self.n_workers - len(self.tasks)

    def submit(self, number, theta):
        assert self.room > 0
        self.tasks[number] = theta
        self.sizes.append(len(theta))

    def collect(self, seconds):
        number = max(self.tasks)  # the newest first
        theta = self.tasks.pop(number)
        for point in theta[:, 0].tolist():
            self.tried[point] = self.tried.get(point, 0) + 1
        if self.lost(theta, max(self.tried[p] for p in theta[:, 0].tolist())):
            return [Event(number, None, "lost")]
        n = len(theta)
        result = Evaluations(theta, values(theta), np.zeros(n, bool), (), n)
        return [Event(number, Answer(result, self.seconds * n))]

    def abandon(self, number):
        self.abandoned.append(number)
        self.tasks.pop(number, None)

    def close(self):
        pass


@pytest.mark.parametrize("n_workers", [1, 2, 5])
@pytest.mark.parametrize("chunk_size", [None, 1, 7, 1000])
def test_rows_come_back_to_their_places_whatever_the_order(n_workers, chunk_size):
    made = Scheduled(Fake(n_workers), None, 0.1, chunk_size)
    np.testing.assert_array_equal(collected(made, THETA)[0], values(THETA))
    assert not list(run(made, THETA[:0]))


def test_chunks_take_the_time_asked_for_and_shrink_towards_the_end():
    pool = Fake(2, seconds=0.01)
    collected(Scheduled(pool, None, 0.1, None), np.tile(THETA, (2, 1)))
    assert pool.sizes[0] == 1
    assert max(pool.sizes) == 10
    assert pool.sizes[-1] == 1
    cheap = Fake(2, seconds=1e-6)
    collected(Scheduled(cheap, None, 1.0, None), THETA)
    assert len(cheap.sizes) <= 4


def test_a_task_lost_once_is_tried_again():
    pool = Fake(3, lost=lambda theta, attempt: attempt == 1 and len(theta) > 3)
    found, failed, _ = collected(Scheduled(pool, None, 0.2, None), THETA)
    np.testing.assert_array_equal(found, values(THETA))
    assert not failed.any()


def test_a_point_lost_alone_is_tried_once_more():
    late = set(THETA[5:, 0].tolist())
    pool = Fake(3, lost=lambda theta, attempt: attempt == 1 and theta[0, 0] in late)
    found, failed, _ = collected(Scheduled(pool, None, 0.2, 1), THETA)
    np.testing.assert_array_equal(found, values(THETA))
    assert not failed.any()


def test_a_point_that_is_always_lost_has_failed_and_only_that():
    bad = THETA[77, 0]
    pool = Fake(3, lost=lambda theta, attempt: bool(np.any(theta[:, 0] == bad)))
    _, failed, messages = collected(Scheduled(pool, None, 0.3, None), THETA)
    assert np.flatnonzero(failed).tolist() == [77]
    assert messages == {77: "lost, twice"}


def test_where_nothing_ever_works_it_is_no_failure_of_a_point():
    pool = Fake(3, lost=lambda theta, attempt: True)
    with pytest.raises(EvaluationError, match="lost, twice, at the first point tried"):
        collected(Scheduled(pool, None, 0.3, None), THETA)


def test_what_is_not_waited_for_is_abandoned():
    pool = Fake(4)
    pieces = run(Scheduled(pool, None, 0.1, 5), THETA)
    next(pieces)
    pieces.close()
    assert len(pool.abandoned) == 4
    assert not pool.tasks


# A whole run


@pytest.mark.statistical
def test_a_run_with_workers_deaths_and_a_store_gives_the_same_bits(tmp_path):
    """A likelihood that kills its worker now and then, by a file that says whether it has."""
    flag = tmp_path / "flags"
    flag.mkdir()

    def deadly(theta):
        for point in theta[:, 0].tolist():
            name = flag / f"{point!r}"
            if int(abs(point) * 1e6) % 97 == 0 and not name.exists():
                name.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return values(theta)

    scheme = skerry.Static(400, density="islands")
    options = {"scheme": scheme, "n_effective": 20, "failures": "drop"}
    plain = skerry.infer(problem(values), **options)
    found = skerry.infer(problem(deadly), executor=2, store=tmp_path / "s", **options)
    assert 1 <= len(list(flag.iterdir())) <= 20
    assert found.n_failed == 0
    np.testing.assert_array_equal(found.samples, plain.samples)
    np.testing.assert_array_equal(found.log_weights, plain.log_weights)


def test_a_failure_on_a_worker_stops_a_run_and_shows_its_point():
    with pytest.raises(EvaluationError, match=r"got RuntimeError: bad at \d of .* points:\n  wha"):
        skerry.infer(
            problem(lambda theta: (_ for _ in ()).throw(RuntimeError("bad"))),
            executor=ThreadPoolExecutor(2),
        )
