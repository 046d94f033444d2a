"""Trainings that die and go on: the same bits, and no call made twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import noise
from skerry.errors import EvaluationError, InputError, StoppedError, StoreError

PRIOR = skerry.Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})
TINY = skerry.Training(max_epochs=5, steps=4, batch=16, learning_rate=4e-3, patience=5)
SIGMA = 0.5


class Calls:
    """A simulator and a likelihood; counts what each is asked for, and dies at a certain call."""

    def __init__(self, at=None, then=None):
        self.at, self.then, self.calls = at, then, 0
        self.simulated, self.evaluated = 0, 0

    def _call(self):
        self.calls += 1
        if self.at is not None and self.calls >= self.at:
            self.then()

    def simulate(self, theta, rng):
        self._call()
        time.sleep(0.006)  # long enough for a call to be kept by itself
        self.simulated += len(theta)
        return theta + SIGMA * rng.standard_normal(theta.shape)

    def log_likelihood(self, theta, x):
        self._call()
        self.evaluated += len(theta)
        return st.norm.logpdf(theta, x, SIGMA).sum(axis=1)

    def forward(self, theta):
        self._call()
        self.simulated += len(theta)
        return theta


def die():
    raise SystemExit


def amortize(calls=None, store=None, **options):
    calls = calls or Calls()
    problem = skerry.Problem(PRIOR, calls.log_likelihood, pairwise=True, jax=False)
    settings = {"n_simulations": 100, "simulator": calls.simulate, "training": TINY}
    if "x" in options or "problem" in options:
        del settings["simulator"]
    problem = options.pop("problem", problem)
    x = options.pop("x", None)
    return skerry.amortize(
        problem, x, **{**settings, "n_components": 2, "seed": 3, "store": store, **options}
    )


def assert_same(one, two):
    for a, b in zip(*(jax.tree.leaves(e.network) for e in (one, two)), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert (one.epochs, one.best) == (two.epochs, two.best)
    assert (one.n_simulations, one.n_likelihoods) == (two.n_simulations, two.n_likelihoods)
    np.testing.assert_array_equal(one.familiar.distances, two.familiar.distances)


@pytest.fixture(scope="module")
def undisturbed():
    return amortize()


@pytest.mark.parametrize("unsaved_seconds", [0.0, 0.2])
def test_a_training_that_dies_again_and_again_gives_the_same_bits_and_repeats_no_call(
    tmp_path, undisturbed, unsaved_seconds
):
    store = skerry.Store(tmp_path, unsaved_seconds=unsaved_seconds)
    simulated, evaluated, ended = 0, 0, None
    for at in (2, 3, 1, 4, 3, 2, None):
        calls = Calls(at, die)
        with suppress(SystemExit):
            ended = amortize(calls, store)
        simulated += calls.simulated
        evaluated += calls.evaluated
    assert_same(ended, undisturbed)
    if not unsaved_seconds:
        whole = Calls()
        amortize(whole, skerry.Store(tmp_path / "whole", unsaved_seconds=0.0))
        assert (simulated, evaluated) == (100, whole.evaluated)
    never = Calls(1, die)
    assert_same(amortize(never, store), undisturbed)


def kinds():
    """Every way to train: options from a counter of calls."""
    theta = PRIOR.sample(60, 0)
    x = theta + SIGMA * np.random.default_rng(0).standard_normal(theta.shape)

    def forward(calls):
        return skerry.Problem(PRIOR, forward=calls.forward, noise=noise.Gaussian(SIGMA), jax=False)

    return {
        "a stream": lambda calls: {"n_simulations": None},
        "particles used again": lambda calls: {"pools": skerry.Pools(every=2)},
        "no likelihood": lambda calls: {"pools": None},
        "pairs": lambda calls: {"x": x, "theta": theta},
        "observations alone": lambda calls: {"x": np.concatenate([x, [[4.5, -4.0]]])},
        "a forward model": lambda calls: {"problem": forward(calls)},
        "forward runs alone": lambda calls: {"problem": forward(calls), "pools": None},
    }


SLOW = ("observations alone", "particles used again", "a forward model")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.statistical] * (k in SLOW)) for k in kinds()]
)
def test_every_way_of_training_goes_on_with_the_same_bits(tmp_path, kind):
    options = kinds()[kind]
    plain = Calls()
    expected = amortize(plain, **options(plain))
    store, simulated, evaluated = skerry.Store(tmp_path, unsaved_seconds=0.0), 0, 0
    for at in (2, 3, 2, 5, 1, None):
        calls = Calls(at, die)
        with suppress(SystemExit):
            ended = amortize(calls, store, **options(calls))
        simulated += calls.simulated
        evaluated += calls.evaluated
    assert_same(ended, expected)
    assert simulated <= plain.simulated
    assert evaluated <= plain.evaluated
    never = Calls(1, die)
    assert_same(amortize(never, store, **options(never)), expected)


def checkpoints(folder):
    return sorted((folder / "chunks").glob("checkpoint-*"))


@pytest.mark.parametrize("how_many", [1, 2])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, undisturbed, how_many):
    store = skerry.Store(tmp_path, unsaved_seconds=0.0)
    with suppress(SystemExit):
        amortize(Calls(12, die), store)
    kept = checkpoints(tmp_path)
    assert len(kept) == 2
    for path in kept[-how_many:]:
        path.write_bytes(path.read_bytes()[:-100])
    again = Calls()
    with pytest.warns(UserWarning, match=r"checkpoint-0.*not those that were written"):
        assert_same(amortize(again, store), undisturbed)
    assert again.simulated == 0
    assert sorted(p.name for p in (tmp_path / "aside").iterdir()) == sorted(
        p.name for p in kept[-how_many:]
    )
    if how_many == 1:
        clean = skerry.Store(tmp_path / "clean", unsaved_seconds=0.0)
        with suppress(SystemExit):
            amortize(Calls(12, die), clean)
        fewer = Calls()
        amortize(fewer, clean)
        assert again.evaluated == fewer.evaluated  # the calls that followed it were kept too


def test_a_checkpoint_of_other_settings_is_not_used(tmp_path, undisturbed):
    amortize(store=tmp_path, training=replace(TINY, max_epochs=1), n_simulations=90)
    more = Calls()
    store = skerry.Store(tmp_path, accept=("training", "n_simulations"))
    with pytest.warns(UserWarning, match="or to other settings"):
        assert_same(amortize(more, store), undisturbed)
    assert more.simulated == 100 - 64  # whole blocks are the same


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 9}, "seed: stored 3, now 9"),
        ({"n_simulations": 120}, "n_simulations: stored 100, now 120"),
        ({"n_components": 3}, "n_components"),
        ({"training": replace(TINY, max_epochs=6)}, "training"),
        ({"pools": None}, "pools"),
        ({"embedding": skerry.embeddings.MLP(2, 8, 1)}, "embedding"),
    ],
)
def test_another_training_is_refused(tmp_path, change, name):
    with suppress(SystemExit):
        amortize(Calls(2, die), tmp_path)
    with pytest.raises(InputError, match=name):
        amortize(store=tmp_path, **change)


def test_another_simulator_is_refused(tmp_path):
    with suppress(SystemExit):
        amortize(Calls(2, die), tmp_path)
    with pytest.raises(InputError, match="simulator: stored"):
        amortize(store=tmp_path, simulator=lambda theta, rng: theta + rng.normal(size=theta.shape))


@pytest.mark.parametrize("at", [3, 9])
def test_time_that_is_over_ends_the_training_and_it_can_go_on(tmp_path, undisturbed, at):
    def slow():
        time.sleep(0.3)

    with pytest.raises(StoppedError, match="make the same call again to go on"):
        amortize(Calls(at, slow), tmp_path, max_seconds=0.25 if at == 3 else 1.0)
    assert_same(amortize(store=tmp_path), undisturbed)
    with pytest.raises(InputError, match="store=folder"):
        amortize(max_seconds=1.0)


def test_a_store_in_use_is_refused(tmp_path):
    def second():
        with pytest.raises(StoreError, match="in use by this very process"):
            amortize(store=tmp_path)
        raise SystemExit

    with suppress(SystemExit):
        amortize(Calls(2, second), tmp_path)


def test_where_functions_run_changes_no_bit(tmp_path, undisturbed):
    with ThreadPoolExecutor(2) as pool:
        assert_same(amortize(executor=pool), undisturbed)
        assert_same(amortize(executor=pool, store=tmp_path), undisturbed)


@pytest.mark.slow
def test_worker_processes_simulate_and_evaluate(tmp_path, undisturbed):
    assert_same(amortize(executor=2, store=tmp_path), undisturbed)


def test_forward_runs_serve_another_training(tmp_path):
    first, runs = Calls(), tmp_path / "runs"
    for number, calls in enumerate((first, Calls())):
        problem = skerry.Problem(PRIOR, forward=calls.forward, noise=noise.Gaussian(0.3), jax=False)
        store = skerry.Store(tmp_path / str(number), forward=runs)
        training = replace(TINY, max_epochs=1 + number)
        found = amortize(problem=problem, pools=None, store=store, training=training)
        assert found.n_simulations == 100
        assert calls.simulated == (0 if number else 100)


def test_an_exception_in_a_simulator_is_shown_and_what_came_before_is_kept(tmp_path, undisturbed):
    def fail():
        raise OverflowError("too steep")

    broken = Calls(3, fail)
    with pytest.raises(EvaluationError, match=r"got OverflowError \(too steep\) at a block"):
        amortize(broken, tmp_path)
    again = Calls()
    assert_same(amortize(again, tmp_path), undisturbed)
    assert broken.simulated + again.simulated == 100


# Kills


def kill(tmp_path, kills, seed):
    script = Path(__file__).with_name("killing_trainings.py")
    source = Path(skerry.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(kills), str(seed)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "kills",
    [pytest.param(3, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.statistical)],
)
def test_sudden_deaths_change_no_bit(tmp_path, kills):
    """A call is made twice only if it was under way, or being written, when the process died."""
    found = kill(tmp_path, kills, 1)
    assert found["kills"] == kills
    assert found["wrong"] == found["repeated_though_saved"] == 0
