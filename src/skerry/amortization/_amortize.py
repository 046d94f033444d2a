"""Many observations: one training, then any posterior."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from typing import Any

import equinox as eqx
import jax
import numpy as np

from skerry._seeds import Seed, SeedLike, as_seed
from skerry._types import FloatArray
from skerry.amortization._blocks import Simulator
from skerry.amortization._estimator import Estimator, features
from skerry.amortization._keeping import Keeping, Progress
from skerry.amortization._likelihoods import Likelihoods
from skerry.amortization._network import conditional
from skerry.amortization._novelty import familiar
from skerry.amortization._pairs import Journal
from skerry.amortization._pools import Pools
from skerry.amortization._sources import (
    Made,
    Observed,
    as_observations,
    check_pairs,
    forward,
    listed,
    simulated,
)
from skerry.amortization._starts import start_particles
from skerry.amortization._train import train
from skerry.embeddings import Embedding, build, standard, to_spec
from skerry.errors import InputError, StoppedError
from skerry.evaluate import Failures
from skerry.inference._calls import OutOfTimeError
from skerry.priors import as_points
from skerry.problem import Problem
from skerry.store import Store, fingerprint, opened_archive, problem_identity
from skerry.training import Training

WIDTH, DEPTH = 128, 3
BENT = range(3, 7)  # numbers of parameters with which components bend
MIN_SIMULATIONS = 50
TRAINING = Training(
    max_epochs=100, steps=50, batch=256, learning_rate=4e-3, patience=40, held_out=0.1
)


def amortize(
    problem: Problem,
    x: Any = None,
    *,
    theta: Any = None,
    simulator: Simulator | None = None,
    n_simulations: int | None = 10_000,
    embedding: Embedding = None,
    pools: Pools | None = Pools(),  # noqa: B008
    widen: float = 1.0,
    n_components: int = 16,
    training: Training | None = None,
    failures: Failures = "raise",
    seed: SeedLike = 0,
    executor: Any = None,
    store: Store | str | PathLike[str] | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> Estimator:
    """Train one density for the posteriors of all observations.

    The likelihood makes each training observation worth many parameters: a small pool of posterior
    particles each, renewed whenever it is trained on (iterated sampling-importance-resampling), so
    that few simulations go a long way.

    Args:
        problem: prior and likelihood of an observation.
        x: observations to train on ``(k, ...)``, where there is no simulator, or ``theta`` beside.
        theta: the parameters ``(k, d)``, drawn from the prior, that generated ``x``; None finds
            particles for each observation by weighted prior draws or adaptive rounds.
        simulator: (theta ``(n, d)``, NumPy ``Generator``) to observations ``(n, ...)``. A problem
            with a forward model and noise needs none: it is run at n_simulations prior draws, and
            fresh noise is drawn on these runs in every epoch.
        n_simulations: how many to simulate. None simulates anew for every step, where a simulator
            costs nothing.
        embedding: what the network makes of an observation: None (the standardised numbers), a
            setting of :mod:`skerry.embeddings`, or an equinox module from one standardised
            observation to a vector.
        pools: how particles are made; None uses no likelihood in training (plain neural posterior
            estimation): for a forward model too slow to run for each candidate.
        widen: draw the parameters of simulations so many times as wide as the prior, in coordinates
            in which it is N(0, I), so that unusual observations are trained on too. Their particles
            don't start as posterior draws then; the kernel that renews them forgets that in the
            first epochs. Needs a simulator, a number of simulations, and pools.
        n_components: K, Gaussians in the mixture; more than needed fade.
        training: how long and how fast; an epoch is ``steps * batch`` observations.
        failures: what becomes of a likelihood that is NaN or +inf: ``"raise"``, or ``"zero"``.
        seed: an int, a numpy Generator or a JAX key.
        executor: where simulator, forward model and likelihood run, as in :func:`skerry.infer`.
        store: a folder, or a :class:`~skerry.Store`, that keeps simulations, forward runs,
            likelihood calls and the state of the training. The same call again, after any kind of
            death, goes on where it was, and gives the same bits as a training that was never
            disturbed. Forward runs serve any other training or posterior: see
            :class:`~skerry.Store`.
        max_seconds: the time allowed; needs a store.
        progress: called with (stage, done, in all).

    Raises:
        InputError: for arguments that can't be used.
        ProblemError: if simulator and likelihood disagree.
        EvaluationError: if the simulator, likelihood or forward model fails.
        StoreError: if the store is in use, or can't be read or written.
        StoppedError: if the time was over; the same call goes on.
    """
    _check(problem, x, theta, simulator, n_simulations, n_components)
    if widen != 1.0:
        _check_widen(widen, simulator, n_simulations, pools)
    settings = training or TRAINING
    root = as_seed(seed)
    asked = {
        "seed": ", ".join(map(str, root.path)),
        "simulator": fingerprint(simulator),
        "theta": fingerprint(None if theta is None else np.asarray(theta)),
        "n_simulations": repr(n_simulations),
        "widen": repr(float(widen)),
        "embedding": _named(embedding),
        "pools": repr(pools),
        "n_components": repr(n_components),
        "training": repr(settings),
        "failures": failures,
    }
    with _opened(problem, x, failures, asked, executor, store, max_seconds, progress) as (
        keeping,
        likelihoods,
    ):
        made = _observations(
            likelihoods, x, theta, simulator, n_simulations, settings, root, keeping, widen
        )
        if theta is not None or simulator is not None:
            keeping.once("trial", likelihoods, lambda: _tried(likelihoods, made.held_out))
        return _trained(
            problem,
            made,
            likelihoods,
            keeping,
            embedding,
            pools,
            n_components,
            settings,
            root,
            simulator,
            progress,
        )


def _trained(
    problem: Problem,
    made: Made,
    likelihoods: Likelihoods,
    keeping: Keeping,
    embedding: Embedding,
    pools: Pools | None,
    n_components: int,
    settings: Training,
    root: Seed,
    simulator: Simulator | None,
    progress: Progress | None,
) -> Estimator:
    x_shape = made.scale.shape[1:]
    network = conditional(
        standard(made.scale, embedding),
        build(embedding, x_shape, root.child("embedding")),
        x_shape,
        problem.prior.ndim,
        root.child("network"),
        n_components=n_components,
        width=WIDTH,
        depth=DEPTH,
        bent=problem.prior.ndim in BENT,
    )
    trained = train(
        network, made, likelihoods, pools, settings, root.child("training"), keeping, progress
    )
    return Estimator(
        prior=problem.prior,
        problem=problem,
        network=trained.network,
        x_shape=x_shape,
        embedding=embedding,
        familiar=familiar(features(trained.network, made.scale)),
        epochs=trained.epochs,
        best=trained.best,
        n_simulations=made.n_simulations,
        n_likelihoods=likelihoods.n_evaluations,
        settings={
            "n_components": n_components,
            "width": WIDTH,
            "depth": DEPTH,
            "bent": int(problem.prior.ndim in BENT),
            "pools": repr(pools),
            "training": repr(settings),
            "embedding": to_spec(embedding)["kind"],
        },
        simulator=simulator,
    )


@contextmanager
def _opened(
    problem: Problem,
    x: Any,
    failures: Failures,
    asked: dict[str, str],
    executor: Any,
    store: Store | str | PathLike[str] | None,
    max_seconds: float | None,
    progress: Progress | None,
) -> Iterator[tuple[Keeping, Likelihoods]]:
    """What runs and keeps the calls of a training; time that is over becomes an error."""
    if max_seconds is not None and store is None:
        raise InputError(
            "Expected a store beside max_seconds, for what was trained by then would be lost; got "
            "none; pass store=folder."
        )
    if not (store is None or isinstance(store, Store)):
        store = Store(store)
    late = None if max_seconds is None else time.monotonic() + max_seconds
    with ExitStack() as stack:
        archive, journal = None, None
        if store is not None:
            identity = problem_identity(problem, x)
            archive = stack.enter_context(opened_archive(store, identity, asked))
            journal = Journal(archive, problem.prior.ndim)
        likelihoods = Likelihoods(problem, failures, executor, journal, late)
        stack.callback(likelihoods.close)
        try:
            yield Keeping(executor, store, archive, late, progress), likelihoods
        except OutOfTimeError:
            raise StoppedError(
                "The time allowed was over before the training was. Where it was is in the store; "
                "make the same call again to go on."
            ) from None


def _named(embedding: Embedding) -> str:
    """An embedding in a short text: settings by their own, a module by its arrays."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(embedding) if eqx.is_array(leaf)]
    return f"{to_spec(embedding)} {fingerprint(tuple(leaves))}"


def _observations(
    likelihoods: Likelihoods,
    x: Any,
    theta: Any,
    simulator: Simulator | None,
    n: int | None,
    settings: Training,
    seed: Seed,
    keeping: Keeping,
    widen: float,
) -> Made:
    problem, share = likelihoods.problem, settings.held_out
    if x is not None:
        rows = as_observations(x, len(x))
        u = _generating(problem, theta, len(rows))
        if u is None:
            u = start_particles(likelihoods, rows, seed, keeping)
        rng = seed.child("observations").numpy()
        return listed(rows, u, share, rng, n_simulations=0 if theta is None else len(rows))
    if simulator is not None:
        return simulated(problem.prior, simulator, n, share, seed, keeping, widen)
    if n is not None:
        return forward(problem, n, share, seed, keeping)

    def simulate(theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        return problem.simulate(theta, rng)

    return simulated(problem.prior, simulate, None, share, seed, keeping)


def _tried(likelihoods: Likelihoods, scored: Observed) -> FloatArray:
    """The likelihood where observations were simulated."""
    values = likelihoods(scored.u[:, None], scored.x)[:, 0]
    check_pairs(values)
    return values


def _generating(problem: Problem, theta: Any, k: int) -> FloatArray | None:
    if theta is None:
        return None
    points = as_points(theta, problem.prior.names)
    if len(points) != k:
        raise InputError(f"Expected a theta for each of {k} observations; got {len(points)}.")
    return problem.prior.to_u(points).astype(np.float32).astype(np.float64)


def _check(
    problem: Any, x: Any, theta: Any, simulator: Any, n_simulations: Any, n_components: Any
) -> None:
    if not isinstance(problem, Problem):
        raise InputError(
            f"Expected a skerry.Problem; got {type(problem).__name__}; build one with "
            "skerry.Problem(prior, log_likelihood)."
        )
    if not problem.needs_x and problem.noise is None:
        raise InputError(
            "Expected a likelihood that takes an observation, log_likelihood(theta, x); got one "
            "of theta alone; use skerry.infer for a single posterior."
        )
    if x is None and simulator is None and problem.noise is None:
        raise InputError(
            "Expected observations to train on; got neither x, nor a simulator, nor a forward "
            "model with noise; pass one of them."
        )
    if x is not None and simulator is not None:
        raise InputError("Expected x or a simulator; got both; pass one.")
    if theta is not None and x is None:
        raise InputError("Expected the x that theta generated; got theta alone; pass both.")
    if simulator is not None and not callable(simulator):
        raise InputError(f"Expected simulator(theta, rng); got {type(simulator).__name__}.")
    counts = {"n_simulations": (n_simulations, MIN_SIMULATIONS), "n_components": (n_components, 1)}
    for name, (value, least) in counts.items():
        if value is None and name == "n_simulations":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise InputError(f"Expected {name} to be an int >= {least}; got {value!r}.")


def _check_widen(widen: Any, simulator: Any, n_simulations: Any, pools: Any) -> None:
    if isinstance(widen, bool) or not isinstance(widen, (int, float)) or not 1 <= widen <= 10:
        raise InputError(f"Expected widen to be a number from 1 to 10; got {widen!r}.")
    if simulator is None or n_simulations is None or pools is None:
        raise InputError(
            "Expected a simulator, a number of simulations, and pools beside widen, for particles "
            "must be moved to the posterior again and again; got no "
            f"{'simulator' if simulator is None else 'pools' if pools is None else 'n_simulations'}"
            "; pass it, or leave widen out."
        )
