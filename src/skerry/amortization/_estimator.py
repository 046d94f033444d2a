"""The estimator: every observation's posterior, in milliseconds, or exact by the likelihood."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import jax
import numpy as np

from skerry._compilation import program
from skerry._seeds import SeedLike, as_seed
from skerry._types import BoolArray, FloatArray
from skerry.amortization import _batch, _calibrate, _refine
from skerry.amortization._blocks import Simulator
from skerry.amortization._checkpoints import Step
from skerry.amortization._guarded import Guarded
from skerry.amortization._mixtures import Mixtures, mixtures
from skerry.amortization._network import Conditional
from skerry.amortization._novelty import Familiar
from skerry.calibration import Calibration
from skerry.embeddings import Embedding
from skerry.errors import InputError, UnsupportedError
from skerry.evaluate import Failures
from skerry.posterior import Posterior, log_normal
from skerry.priors import Prior, as_points
from skerry.problem import Problem
from skerry.progress import Progress, shown
from skerry.store import Store


@dataclass(frozen=True, eq=False)
class Estimator:
    """A trained conditional density q(theta|x), and the likelihood to make it exact; immutable.

    Attributes:
        prior: of the parameters.
        problem: the likelihood, for refinement; None after loading without it.
        network: from an observation to a mixture on u.
        x_shape: the shape of one observation.
        embedding: as it was asked for.
        familiar: where training observations lie.
        epochs: the history of the training.
        best: the index in ``epochs`` of the network kept.
        n_simulations: simulations or forward runs used; None for a stream of fresh ones.
        n_likelihoods: evaluations of the likelihood used, each one point for one observation.
        settings: how it was trained, as plain values.
        simulator: that made the observations; None after loading, or where there was none.
    """

    prior: Prior
    problem: Problem | None = field(repr=False)
    network: Conditional = field(repr=False)
    x_shape: tuple[int, ...]
    embedding: Embedding
    familiar: Familiar = field(repr=False)
    epochs: tuple[Step, ...] = field(repr=False)
    best: int
    n_simulations: int | None
    n_likelihoods: int
    settings: dict[str, str | int | float] = field(default_factory=dict, repr=False)
    simulator: Simulator | None = field(default=None, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return self.prior.names

    @property
    def held_out(self) -> float:
        """The held-out negative log density, in nats on u: what training minimised."""
        return self.epochs[self.best].held_out

    def sample(self, x: Any, n: int, seed: SeedLike) -> FloatArray:
        """``n`` independent draws of q(theta|x).

        Args:
            x: one observation, or k of them in a batch.
            n: draws for each.
            seed: an int, a numpy Generator or a JAX key.

        Returns:
            ``(n, d)``, or ``(k, n, d)`` for a batch; none leaves the prior's support.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise InputError(f"Expected n to be an int >= 0; got {n!r}; pass a number of draws.")
        rows, batch = self._rows(x)
        u = mixtures(self.network, rows).sample(int(n), as_seed(seed).child("estimator").numpy())
        theta = self.prior.from_u(u.reshape(-1, self.prior.ndim)).reshape(u.shape)
        return theta if batch else theta[0]

    def log_prob(self, theta: Any, x: Any) -> FloatArray:
        r"""The normalised log density log q(theta|x); -inf off the prior's support.

        :math:`q(\theta|x) = q_u(u|x)\,\pi(\theta) / N(u; 0, I)`, :math:`u = T(\theta)`
        (equation :eq:`density-in-theta` of the method).

        Args:
            theta: points ``(n, d)``; for a batch of k observations also ``(k, n, d)``.
            x: one observation, or k of them.

        Returns:
            ``(n,)``, or ``(k, n)`` for a batch.
        """
        rows, batch = self._rows(x)
        points = np.asarray(theta, np.float64)
        if points.ndim != 3:
            points = np.broadcast_to(as_points(points, self.names), (len(rows), *_two(points)))
        if not batch and np.ndim(theta) == 3:
            raise InputError("Expected points (n, d) for one observation; got three dimensions.")
        k, n, d = points.shape
        if k != len(rows) or d != self.prior.ndim:
            raise InputError(
                f"Expected points (n, {self.prior.ndim}) or ({len(rows)}, n, {self.prior.ndim}); "
                f"got shape {points.shape}."
            )
        flat = points.reshape(k * n, d)
        log_prior = np.asarray(self.prior.log_prob(flat))
        inside = np.isfinite(log_prior)
        u = np.zeros((k * n, d))
        u[inside] = self.prior.to_u(flat[inside])
        values = mixtures(self.network, rows).log_prob(u.reshape(k, n, d)).ravel()
        with np.errstate(invalid="ignore"):
            found = np.where(inside, values + log_prior - log_normal(u), -np.inf).reshape(k, n)
        return found if batch else found[0]

    def posterior(
        self,
        x: Any,
        *,
        n_effective: float | None = None,
        seed: SeedLike = 0,
        max_calls: int = 200_000,
        failures: Failures = "raise",
        executor: Any = None,
        store: Store | str | PathLike[str] | None = None,
        progress: Progress | bool | None = None,
    ) -> Posterior:
        """The posterior of one observation: raw, or refined by the exact likelihood.

        Args:
            x: the observation.
            n_effective: None for the raw density, which costs no likelihood call and has no
                evidence (its samples are draws of :meth:`sample`, its flow is that of
                :meth:`log_prob`); a number to draw and weigh until so many effective samples: their
                evidence, masses and status are exact within the errors stated.
            seed: an int, a numpy Generator or a JAX key.
            max_calls: likelihood calls at most.
            failures: what becomes of NaN, +inf and exceptions, as in :func:`skerry.infer`.
            executor: where the likelihood runs, as in :func:`skerry.infer`.
            store: what keeps every evaluation, as in :func:`skerry.infer`; the same call of the
                same estimator goes on from it.
            progress: of a refinement, as in :func:`skerry.infer`.

        Raises:
            InputError: for an observation of another shape.
            UnsupportedError: for a refinement without a likelihood.
        """
        rows, batch = self._rows(x)
        if batch:
            raise InputError(
                f"Expected one observation of shape {self.x_shape}; got a batch of {len(rows)}; "
                "call posterior once for each, or sample for all at once."
            )
        proposal = self._proposal(rows)
        root = as_seed(seed).child("estimator posterior")
        if n_effective is None:
            return _refine.raw(self.prior, proposal, bool(self.outside(x)[0]), root)
        with shown(progress) as display:
            return _refine.refined(
                self._refinable(n_effective, max_calls),
                rows[0],
                proposal,
                root,
                n_effective=n_effective,
                max_calls=max_calls,
                failures=failures,
                executor=executor,
                store=store,
                progress=display,
            )

    def posteriors(
        self,
        x: Any,
        *,
        n_effective: float | None = None,
        seed: SeedLike = 0,
        max_calls: int = 200_000,
        failures: Failures = "raise",
        executor: Any = None,
        store: Store | str | PathLike[str] | None = None,
        progress: Progress | bool | None = None,
    ) -> tuple[Posterior, ...]:
        """The posteriors of a batch, each as :meth:`posterior` gives it with a seed of its own.

        Args:
            x: observations ``(k, ...)``.
            n_effective: as for :meth:`posterior`, for each.
            seed: an int, a numpy Generator or a JAX key.
            max_calls: likelihood calls at most, for each.
            failures: as for :meth:`posterior`.
            executor: as for :meth:`posterior`.
            store: what keeps every evaluation; the same call of the same estimator goes on from
                it. A forward model's runs serve any other observation: see :class:`~skerry.Store`.
            progress: of a refinement, as in :func:`skerry.infer`; it tells how many observations
                have been drawn for.

        Their likelihood calls are made together: in one call where the likelihood takes pairs
        (``pairwise=True``), is a JAX function, or there is a forward model.
        """
        rows, root = self._rows(x)[0], as_seed(seed)
        seeds = [root.child("batch", i) for i in range(len(rows))]
        if n_effective is None or not len(rows):
            return tuple(self.posterior(r, seed=s) for r, s in zip(rows, seeds, strict=True))
        with shown(progress) as display:
            return _batch.refined_batch(
                self._refinable(n_effective, max_calls),
                rows,
                [self._proposal(row[None]) for row in rows],
                [s.child("estimator posterior") for s in seeds],
                n_effective=n_effective,
                max_calls=max_calls,
                failures=failures,
                executor=executor,
                store=store,
                progress=display,
            )

    def calibrate(
        self,
        n: int,
        seed: SeedLike,
        *,
        simulator: Simulator | None = None,
        n_draws: int = 199,
        level: float = 0.01,
    ) -> Calibration:
        """Test the raw densities on n fresh observations: SBC, HPD and TARP ranks, coverage.

        Refined posteriors are exact within their stated errors; this is about what they start from,
        and what :meth:`sample` gives.

        Args:
            n: observations, simulated at prior draws; hundreds.
            seed: an int, a numpy Generator or a JAX key.
            simulator: (theta, ``Generator``) to observations; by default that of the training, or
                the problem's forward model and noise, which is then run n times.
            n_draws: draws of each posterior, L.
            level: the chance that SBC, HPD or TARP fails a perfect estimator.

        Returns:
            ranks, tests and a verdict, see :mod:`skerry.calibration`.

        Raises:
            UnsupportedError: if nothing can simulate.
            InputError: for observations of another shape, or numbers that can't be used.
        """
        _calibrate.check_counts(n=n, n_draws=n_draws)
        simulate = _calibrate.simulator_of(self.problem, simulator or self.simulator)
        root = as_seed(seed).child("calibrate")
        truths, x = _calibrate.fresh_pairs(self.prior, simulate, int(n), root)
        found = self.mixtures(x)
        return _calibrate.calibrated(self.prior, found, truths, int(n_draws), level, root)

    def mixtures(self, x: Any) -> Mixtures:
        """The conditional mixtures on u of one observation or a batch."""
        return mixtures(self.network, self._rows(x)[0])

    def outside(self, x: Any) -> BoolArray:
        """Which observations lie farther out than any trained on, ``(k,)`` (one: ``(1,)``)."""
        return self.familiar.outside(features(self.network, self._rows(x)[0]))

    def save(self, path: str | PathLike[str]) -> None:
        """Write to one npz file (arrays and JSON, no pickle; not the problem's functions)."""
        from skerry.amortization._file import save

        save(self, path)

    def _proposal(self, row: FloatArray) -> Guarded:
        """What to draw from for one observation, ``(1, ...)``."""
        found = mixtures(self.network, row)
        return Guarded(found, found.islands(0, self.prior.periodic))

    def _refinable(self, n_effective: float, max_calls: int) -> Problem:
        if self.problem is None:
            raise UnsupportedError(
                "Expected an estimator with a likelihood to refine by; this one was loaded without "
                "its problem; pass skerry.load(path, problem=problem)."
            )
        if not n_effective > 0 or max_calls < 10:
            raise InputError(
                f"Expected n_effective > 0 and max_calls >= 10; got {n_effective!r}, {max_calls!r}."
            )
        return self.problem

    def _rows(self, x: Any) -> tuple[FloatArray, bool]:
        """Observations ``(k, ...)``, and whether they came as a batch."""
        try:
            array = np.asarray(x, np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"Expected x to hold numbers; got {type(x).__name__}.") from error
        if array.shape == self.x_shape:
            array = array[None]
        elif array.shape[1:] != self.x_shape:
            raise InputError(
                f"Expected an observation of shape {self.x_shape}, or a batch "
                f"(k, {', '.join(map(str, self.x_shape))}); got shape {array.shape}."
            )
        if not np.isfinite(array).all():
            raise InputError("Expected finite observations; got nan or inf; leave them out.")
        return array, np.shape(x) != self.x_shape


def features(network: Conditional, x: FloatArray) -> FloatArray:
    """What the network sees of observations ``(k, ...)``: embedded and standardised numbers."""
    parts = []
    for start in range(0, len(x), 1024):
        chunk = np.asarray(x[start : start + 1024], np.float32)
        size = 1 if len(chunk) == 1 else 1024
        padded = np.concatenate([chunk, np.repeat(chunk[-1:], size - len(chunk), axis=0)])
        parts.append(np.asarray(_features(network, padded), np.float64)[: len(chunk)])
    return np.concatenate(parts)


@program
def _features(network: Conditional, x: Any) -> Any:
    def one(x: Any) -> Any:
        y = network.standard.plain(x)
        embedded = network.embedding(network.standard(x))
        plain = y.reshape(-1)
        same = embedded.shape == plain.shape
        return plain if same else jax.numpy.concatenate([plain, embedded])

    return jax.vmap(one)(x)


def _two(points: FloatArray) -> tuple[int, ...]:
    return points.shape if points.ndim == 2 else (1, *points.shape)
