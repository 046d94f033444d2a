"""From weighted points to a posterior: modes -> islands -> density -> verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skerry import flows, weights
from skerry._seeds import Seed
from skerry._types import FloatArray, IntArray
from skerry._versions import versions
from skerry.errors import EvaluationError, InputError, UnsupportedError
from skerry.inference._fit import Fit, is_int, is_number
from skerry.inference._masses import Drawn, masses_of
from skerry.inference._points import SHAPE, Points, thinned, weighty
from skerry.inference._recycled import judged_as_draws
from skerry.modes import (
    Islands,
    Topology,
    bend_islands,
    find_modes,
    fit_islands,
    grow_islands,
    random_islands,
)
from skerry.posterior import (
    Failed,
    Mode,
    Posterior,
    PosteriorFlow,
    Round,
    Search,
    judge,
    log_normal,
)
from skerry.priors import Prior
from skerry.progress import Progress
from skerry.training import Epoch, Fitted, Rows

MIN_POINTS = 10
LIGHTEST = 1e-6  # a peak with less of the mass is no mode


@dataclass(frozen=True)
class Outcome:
    """What a scheme ends with.

    Attributes:
        points: evaluated, with their weights.
        n_calls: likelihood calls in all.
        failed: the calls that failed.
        evidence: None for the mean of the points' weights.
        topology: None to find it among the points.
        islands: None to fit them to the points.
        rounds: the history.
        search: what the hunts met, visits in the topology's order.
        interrupted: whether the user stopped the run.
        log_weights: of all points, where ``points`` are but the weighty ones; None if they are all.
        khat: of the weights, if it is known.
        n_independent: how many independent draws the points are worth, where their weights don't
            say; None: what the weights say (Kish).
        drawn: how adaptive rounds drew the points; None if they are independent.
        stream: points on u and their log weights, for training, where ``points`` are too few of
            them; None to train on the points.
    """

    points: Points
    n_calls: int
    failed: Failed | None = None
    evidence: weights.Evidence | None = None
    topology: Topology | None = None
    islands: Islands | None = None
    rounds: tuple[Round, ...] = ()
    search: Search | None = None
    interrupted: bool = False
    log_weights: FloatArray | None = None
    khat: float | None = None
    n_independent: float | None = None
    drawn: Drawn | None = None
    stream: tuple[Rows, FloatArray] | None = None


def check_asked(n_effective: float, max_calls: int | None) -> None:
    if not (is_number(n_effective) and n_effective > 0):
        raise InputError(f"Expected n_effective > 0; got {n_effective!r}.")
    if max_calls is not None and not (is_int(max_calls) and max_calls >= MIN_POINTS):
        raise InputError(f"Expected max_calls, an int >= {MIN_POINTS}, or None; got {max_calls!r}.")


def conclude(
    prior: Prior,
    outcome: Outcome,
    *,
    n_effective: float,
    options: Fit,
    seed: Seed,
    progress: Progress | None,
    settings: dict[str, str | int | float],
) -> Posterior:
    """Weights -> modes -> islands -> density -> verdict."""
    points, all_of_them = outcome.points, outcome.log_weights is None
    log_w = points.log_weights if outcome.log_weights is None else outcome.log_weights
    n_failed = 0 if outcome.failed is None else len(outcome.failed)
    if not np.isfinite(log_w).any():
        got = f"all {len(log_w)} are -inf" if len(log_w) else f"all {n_failed} failed"
        raise EvaluationError(
            f"Expected at least one point of non-zero likelihood; {got}. Check the likelihood at "
            "a point known to be possible, evaluate more points, or narrow the prior.",
            partial=points,
        )
    evidence = outcome.evidence or weights.evidence(log_w)
    size = weights.effective_sample_size(log_w)
    khat = weights.pareto_khat(log_w) if outcome.khat is None else outcome.khat
    kept = weighty(log_w) if all_of_them else np.arange(len(points.u))
    whole, points = log_w, points.take(kept) if all_of_them else points
    log_w = weights.normalize(points.log_weights)

    if progress is not None:
        progress("modes and islands", 0, 1)
    topology = outcome.topology or find_modes(
        points.u,
        points.log_density(prior.periodic),
        seed=seed.child("modes"),
        threshold=options.threshold,
        n_modes=options.n_modes,
        log_weights=log_w,
        periodic=prior.periodic,
    )
    labels = topology.label(points.u)
    islands = outcome.islands or _islands(points, log_w, labels, topology, options, prior, seed)
    if progress is not None:
        progress("modes and islands", 1, 1)
    rows, row_weights = outcome.stream or (points.u, log_w)
    flow, trained = fit_density(rows, row_weights, islands, options, seed, progress)
    masses = weights.group_masses(log_w, labels, topology.n_modes)
    if outcome.drawn is not None:
        labelled = np.full(len(whole), -1)
        labelled[kept] = labels
        masses = masses_of(whole, labelled, topology.n_modes, outcome.drawn, evidence)
    modes, order = _modes(points, prior, log_w, labels, masses, evidence)
    search = outcome.search
    if search is not None:
        search = search._replace(visits=tuple(search.visits[k] for k in order))
    found = Posterior(
        names=prior.names,
        samples=points.theta,
        log_weights=log_w,
        log_likelihood=points.log_likelihood,
        labels=_renumbered(labels, order, topology.n_modes),
        log_evidence=evidence.log_evidence,
        log_evidence_error=evidence.error,
        n_effective=size,
        n_calls=outcome.n_calls,
        n_failed=n_failed,
        failed=outcome.failed,
        khat=khat,
        modes=modes,
        status=judge(
            size,
            n_effective,
            khat,
            doubtful=search is not None and search.doubtful,
            interrupted=outcome.interrupted,
            failed_share=n_failed / max(1, outcome.n_calls),
        ),
        topology=topology,
        islands=islands,
        flow=None if flow is None else PosteriorFlow(prior, flow),
        training=trained,
        rounds=outcome.rounds,
        search=search,
        settings={
            **settings,
            "density": options.density,
            "n_effective": float(n_effective),
            "seed": ", ".join(map(str, seed.path)),
            "versions": ", ".join(" ".join(each) for each in versions().items()),
        },
    )
    if outcome.n_independent is None:
        return found
    return judged_as_draws(found, outcome.n_independent, n_effective)


def _islands(
    points: Points,
    log_w: FloatArray,
    labels: IntArray,
    topology: Topology,
    options: Fit,
    prior: Prior,
    seed: Seed,
) -> Islands:
    if len(log_w) > SHAPE:
        thin = thinned(log_w, np.arange(len(log_w)), seed.child("shape"), SHAPE)
        points, log_w, labels = points.take(thin.rows), thin.log_weights, labels[thin.rows]
    if options.start == "random":
        return random_islands(
            points.u,
            log_w,
            topology.n_modes,
            seed.child("random islands"),
            periodic=prior.periodic,
        )
    islands = fit_islands(
        points.u,
        log_w,
        labels,
        topology.n_modes,
        periodic=prior.periodic,
        one_turn=options.density in ("mixture_base", "gaussian_base"),
    )
    if options.density == "islands":
        return grow_islands(islands, points.u, log_w)
    if options.density == "flow_mixture":
        return bend_islands(islands, points.u, log_w)
    return islands


def fit_density(
    u: Rows,
    log_w: FloatArray,
    islands: Islands,
    options: Fit,
    seed: Seed,
    progress: Progress | None,
) -> tuple[flows.Density | None, Fitted | None]:
    """The density and its training; None where too few points carry weight to train on."""
    if options.density == "islands":
        return flows.gaussian_mixture(islands.frames, islands.log_masses), None
    if np.sum(log_w > -60) < MIN_POINTS:
        return None, None
    from skerry.training import fit as train

    build = getattr(flows, options.density)
    extra = {"frozen": options.frozen} if options.density == "mixture_base" else {}
    start = build(
        islands.frames,
        islands.log_masses,
        seed.child("density"),
        settings=options.couplings,
        **extra,
    )

    def report(epoch: int, total: int, _: Epoch) -> None:
        if progress is not None:
            progress("training", epoch, total)

    fitted = train(
        start,
        u,
        log_w,
        seed=seed.child("training"),
        settings=options.training,
        progress=report,
    )
    return fitted.density, fitted


def _modes(
    points: Points,
    prior: Prior,
    log_w: FloatArray,
    labels: IntArray,
    masses: weights.Masses,
    evidence: weights.Evidence,
) -> tuple[tuple[Mode, ...], IntArray]:
    """The modes, heaviest first, and the topology's index of each."""
    order = np.argsort(-masses.mass, kind="stable")
    order = order[masses.mass[order] > LIGHTEST]
    modes = []
    for k in order:
        mine = np.flatnonzero(labels == k)
        relative = masses.error[k] / masses.mass[k]
        theta, shares = points.theta[mine], np.exp(weights.normalize(log_w[mine]))
        height = points.log_likelihood[mine] + _log_prior(prior, points, mine)
        location = theta[np.argmax(height)]
        centred = _differences(theta, location, prior)
        centred -= shares @ centred
        modes.append(
            Mode(
                mass=float(masses.mass[k]),
                mass_error=float(masses.error[k]),
                location=location,
                covariance=(centred * shares[:, None]).T @ centred,
                log_evidence=evidence.log_evidence + float(np.log(masses.mass[k])),
                log_evidence_error=float(np.hypot(evidence.error, relative)),
                n_samples=len(mine),
            )
        )
    return tuple(modes), order


def _renumbered(labels: IntArray, order: IntArray, n_modes: int) -> IntArray:
    """Labels in the order of the modes listed; -1 for the others."""
    place = np.full(n_modes, -1)
    place[order] = np.arange(len(order))
    return place[labels]


def _differences(theta: FloatArray, place: FloatArray, prior: Prior) -> FloatArray:
    """Points less a place; on a circle the short way round."""
    gaps = theta - place
    low, high = prior.bounds[prior.periodic].T
    turn = high - low
    gaps[:, prior.periodic] = (gaps[:, prior.periodic] + turn / 2) % turn - turn / 2
    return gaps


def _log_prior(prior: Prior, points: Points, rows: IntArray) -> FloatArray:
    """The log prior in theta; that in u for a prior whose density is not known."""
    try:
        return np.asarray(prior.log_prob(points.theta[rows]))
    except UnsupportedError:
        return log_normal(points.u[rows])
