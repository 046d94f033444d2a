"""One unit of work: points evaluated once, every variant fitted to them and measured."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from skerry import weights
from skerry._seeds import Seed, as_seed
from skerry._types import FloatArray, IntArray
from skerry.errors import SkerryError
from skerry.flows import CouplingSettings
from skerry.inference import fit
from skerry.posterior import Posterior
from skerry.study._measure import MEASURES, measures
from skerry.study._pictures import picture
from skerry.study._plan import SHOWN, Plan, Unit, Variant
from skerry.study._records import EXACT, Row
from skerry.tasks import Task, get

BLOCK = 1_000_000  # prior draws at a time
NEGLIGIBLE = 1e-6  # the share of the weight that points left out may hold
ALWAYS = 50_000  # points never left out


@dataclass(frozen=True)
class Points:
    """Prior draws ``(n, d)`` that carry weight, their log L, and how many were drawn."""

    theta: FloatArray
    log_likelihood: FloatArray
    n_drawn: int


@dataclass(frozen=True)
class Done:
    """Rows of one unit; pictures of log densities by variant key."""

    unit: Unit
    rows: list[Row]
    pictures: dict[str, FloatArray] = field(default_factory=dict)


def work(plan: Plan, unit: Unit, *, pictures: bool) -> Done:
    """Everything about one set of points."""
    task = get(unit.target)
    seed = as_seed(unit.seed).child("study", unit.target, unit.size)
    points = draw(task, n_for(task, unit.size, plan.n_pilot), seed.child("points"))
    done = Done(unit, [_exact_row(plan, unit, task, points, seed)])
    for variant in unit.variants:
        row, posterior = _run(plan, unit, variant, task, points, seed)
        done.rows.append(row)
        if pictures and variant in SHOWN and posterior is not None and posterior.flow is not None:
            done.pictures[variant.key] = picture(task, posterior.flow.log_prob)
    return done


def n_for(task: Task, size: int, n_pilot: int) -> int:
    """Prior draws that give about ``size`` effective ones: the same number for every seed."""
    theta = task.problem.prior.sample(n_pilot, as_seed(0).child("pilot", task.name))
    found = weights.effective_sample_size(task.problem.log_likelihood(theta))
    return max(round(size * n_pilot / found), 2 * size)


def draw(task: Task, n: int, seed: Seed) -> Points:
    """Prior draws and their likelihoods, less those that together hold 1e-6 of the weight."""
    theta, log_l = np.empty((0, task.problem.prior.ndim)), np.empty(0)
    for block, start in enumerate(range(0, n, BLOCK)):
        new = task.problem.prior.sample(min(BLOCK, n - start), seed.child(block))
        theta = np.concatenate([theta, new])
        log_l = np.concatenate([log_l, task.problem.log_likelihood(new)])
        kept = _heaviest(log_l)
        theta, log_l = theta[kept], log_l[kept]
    return Points(theta, log_l, n)


def _heaviest(log_l: FloatArray) -> IntArray:
    order = np.argsort(-log_l, kind="stable")
    shares = np.exp(weights.normalize(log_l[order]))
    n = int(np.searchsorted(np.cumsum(shares), 1 - NEGLIGIBLE)) + 1
    return np.sort(order[: max(n, ALWAYS)])


def _run(
    plan: Plan, unit: Unit, variant: Variant, task: Task, points: Points, seed: Seed
) -> tuple[Row, Posterior | None]:
    """One fit and its row."""
    clock = _Clock()
    try:
        posterior = fit(
            points.theta,
            points.log_likelihood,
            task.problem.prior,
            seed=seed.child("fit"),
            density=variant.density,
            n_modes=variant.n_modes(len(task.modes)),
            start=variant.start,
            couplings=CouplingSettings(kind="affine" if variant.kind == "affine" else "spline"),
            training=plan.training,
            progress=clock.tick,
        )
    except SkerryError as error:
        return _row(unit, variant, points, status=f"{type(error).__name__}: {error}"), None
    seconds = clock.seconds
    trained = posterior.training
    if posterior.topology is None or posterior.flow is None:
        return _row(unit, variant, points, status="no density"), posterior
    drawn = posterior.flow.sample(plan.n_draws, seed.child("draws"))
    row = _row(
        unit,
        variant,
        points,
        measures=measures(task, drawn, posterior.flow.log_prob, n_pairs=plan.n_pairs, seed=seed),
        khat=posterior.khat,
        n_modes=posterior.topology.n_modes,
        seconds=seconds,
        training_seconds=clock.training_seconds,
        epochs=0 if trained is None else len(trained.epochs) - 1,
        best_epoch=0 if trained is None else trained.best,
        status=posterior.status.name.lower(),
    )
    return row, posterior


class _Clock:
    """Seconds of a fit, and of its epochs: the first, which compiles, counts as long as another."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._epochs: list[float] = []

    def tick(self, stage: str, done: int, total: int) -> None:
        del done, total
        if stage == "training":
            self._epochs.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    @property
    def training_seconds(self) -> float:
        n = len(self._epochs)
        return (self._epochs[-1] - self._epochs[0]) * n / (n - 1) if n > 1 else float("nan")


def _exact_row(plan: Plan, unit: Unit, task: Task, points: Points, seed: Seed) -> Row:
    """Two exact samples against each other: the floor of every measure."""
    drawn = task.sample(plan.n_draws, seed.child("exact draws"))
    return _row(
        unit,
        None,
        points,
        measures=measures(task, drawn, task.log_prob, n_pairs=plan.n_pairs, seed=seed),
        n_modes=len(task.modes),
        status="exact",
    )


def _row(
    unit: Unit,
    variant: Variant | None,
    points: Points,
    *,
    measures: dict[str, float] | None = None,
    khat: float = float("nan"),
    n_modes: int = 0,
    seconds: float = float("nan"),
    training_seconds: float = float("nan"),
    epochs: int = 0,
    best_epoch: int = 0,
    status: str,
) -> Row:
    return Row(
        target=unit.target,
        size=unit.size,
        seed=unit.seed,
        variant=EXACT if variant is None else variant.label,
        kind="none" if variant is None else variant.kind,
        n_points=points.n_drawn,
        n_effective=weights.effective_sample_size(points.log_likelihood),
        khat=khat,
        n_modes=n_modes,
        **(measures or dict.fromkeys(MEASURES, float("nan"))),
        seconds=seconds,
        training_seconds=training_seconds,
        epochs=epochs,
        best_epoch=best_epoch,
        status=status,
    )
