"""From weighted points to a posterior: modes -> islands -> density -> verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from skerry import flows, weights
from skerry._seeds import Seed
from skerry._types import FloatArray, IntArray
from skerry.errors import EvaluationError, InputError, UnsupportedError
from skerry.inference._points import Points
from skerry.modes import Islands, Topology, find_modes, fit_islands, random_islands
from skerry.posterior import Mode, Posterior, PosteriorFlow, judge, log_normal
from skerry.priors import Prior
from skerry.training import Epoch, Fitted, Training
from skerry.training import fit as train

DensityName: TypeAlias = Literal["flow_mixture", "mixture_base", "gaussian_base"]
Progress: TypeAlias = Callable[[str, int, int], None]
MIN_POINTS = 10
NEGLIGIBLE = 37.0  # nats below the mean weight: 1e-16 of it


@dataclass(frozen=True)
class Fit:
    """How a density is fitted to weighted points.

    Attributes:
        density: ``"flow_mixture"`` (islands), ``"mixture_base"`` (the paper's: one flow over a
            Gaussian mixture) or ``"gaussian_base"`` (the unimodal baseline).
        n_modes: K; None counts the modes by persistence.
        threshold: the least prominence of a mode, in nats.
        start: components start at the ``"modes"`` or at ``"random"`` points.
        frozen: keep the components of ``"mixture_base"`` where they start.
        couplings: the shape of the flow.
        training: how long and how fast.
    """

    density: DensityName = "flow_mixture"
    n_modes: int | None = None
    threshold: float = 3.0
    start: Literal["modes", "random"] = "modes"
    frozen: bool = False
    couplings: flows.CouplingSettings = field(default_factory=flows.CouplingSettings)
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        if self.density not in ("flow_mixture", "mixture_base", "gaussian_base"):
            raise InputError(
                "Expected density 'flow_mixture', 'mixture_base' or 'gaussian_base'; got "
                f"{self.density!r}."
            )
        if self.start not in ("modes", "random"):
            raise InputError(f"Expected start 'modes' or 'random'; got {self.start!r}.")
        if self.n_modes is not None and not (_is_int(self.n_modes) and self.n_modes >= 1):
            raise InputError(f"Expected n_modes, an int >= 1, or None; got {self.n_modes!r}.")
        if not (_is_number(self.threshold) and self.threshold > 0):
            raise InputError(f"Expected a threshold > 0 nats; got {self.threshold!r}.")
        for name, kind in (("couplings", flows.CouplingSettings), ("training", Training)):
            if not isinstance(getattr(self, name), kind):
                raise InputError(
                    f"Expected {name} to be a {kind.__name__}; got {getattr(self, name)!r}."
                )


def check_asked(n_effective: float, max_calls: int | None) -> None:
    if not (_is_number(n_effective) and n_effective > 0):
        raise InputError(f"Expected n_effective > 0; got {n_effective!r}.")
    if max_calls is not None and not (_is_int(max_calls) and max_calls >= MIN_POINTS):
        raise InputError(f"Expected max_calls, an int >= {MIN_POINTS}, or None; got {max_calls!r}.")


def _is_int(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, (float, np.floating))


def conclude(
    prior: Prior,
    points: Points,
    *,
    n_calls: int,
    n_failed: int,
    n_effective: float,
    options: Fit,
    seed: Seed,
    progress: Progress | None,
    settings: dict[str, str | int | float],
) -> Posterior:
    """Weights -> modes -> islands -> density -> verdict."""
    log_w = points.log_weights
    if not np.isfinite(log_w).any():
        got = f"all {len(log_w)} are -inf" if len(log_w) else f"all {n_failed} failed"
        raise EvaluationError(
            f"Expected at least one point of non-zero likelihood; {got}. Check the likelihood at "
            "a point known to be possible, evaluate more points, or narrow the prior.",
            partial=points,
        )
    evidence = weights.evidence(log_w)
    size, khat = weights.effective_sample_size(log_w), weights.pareto_khat(log_w)
    points = points.take(np.flatnonzero(log_w > log_w.max() - NEGLIGIBLE - np.log(len(log_w))))
    log_w = weights.normalize(points.log_weights)

    topology = find_modes(
        points.u,
        points.log_density(prior.periodic),
        seed=seed.child("modes"),
        threshold=options.threshold,
        n_modes=options.n_modes,
        log_weights=log_w,
        periodic=prior.periodic,
    )
    labels = topology.label(points.u)
    islands = _islands(points, log_w, labels, topology, options, prior, seed)
    trained = _train(points, log_w, islands, options, seed, progress)
    modes, order = _modes(points, prior, log_w, labels, topology.n_modes, evidence.log_evidence)
    return Posterior(
        names=prior.names,
        samples=points.theta,
        log_weights=log_w,
        log_likelihood=points.log_likelihood,
        labels=np.argsort(order)[labels],
        log_evidence=evidence.log_evidence,
        log_evidence_error=evidence.error,
        n_effective=size,
        n_calls=n_calls,
        n_failed=n_failed,
        khat=khat,
        modes=modes,
        status=judge(size, n_effective, khat),
        topology=topology,
        islands=islands,
        flow=None if trained is None else PosteriorFlow(prior, trained.density),
        training=trained,
        settings={**settings, "density": options.density, "n_effective": float(n_effective)},
    )


def _islands(
    points: Points,
    log_w: FloatArray,
    labels: IntArray,
    topology: Topology,
    options: Fit,
    prior: Prior,
    seed: Seed,
) -> Islands:
    if options.start == "random":
        return random_islands(
            points.u,
            log_w,
            topology.n_modes,
            seed.child("random islands"),
            periodic=prior.periodic,
        )
    return fit_islands(
        points.u,
        log_w,
        labels,
        topology.n_modes,
        periodic=prior.periodic,
        one_turn=options.density != "flow_mixture",
    )


def _train(
    points: Points,
    log_w: FloatArray,
    islands: Islands,
    options: Fit,
    seed: Seed,
    progress: Progress | None,
) -> Fitted | None:
    """The trained density; None where too few points carry weight to train on."""
    if np.sum(log_w > -60) < MIN_POINTS:
        return None
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

    return train(
        start,
        points.u,
        log_w,
        seed=seed.child("training"),
        settings=options.training,
        progress=report,
    )


def _modes(
    points: Points,
    prior: Prior,
    log_w: FloatArray,
    labels: IntArray,
    n_modes: int,
    log_evidence: float,
) -> tuple[tuple[Mode, ...], IntArray]:
    """The modes, heaviest first, and the topology's index of each."""
    masses = weights.group_masses(log_w, labels, n_modes)
    order = np.argsort(-masses.mass, kind="stable")
    modes = []
    for k in order:
        mine = np.flatnonzero(labels == k)
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
                log_evidence=log_evidence + float(np.log(max(masses.mass[k], 1e-300))),
                n_samples=len(mine),
            )
        )
    return tuple(modes), order


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
