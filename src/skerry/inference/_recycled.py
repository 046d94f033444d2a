r"""Points that another program evaluated, and what is taken for granted about them.

A point :math:`\theta_i` with its :math:`L_i` says nothing of the posterior until it is known how it
came to be chosen: from which density g. Samplers rarely store g, but they store a posterior weight
or a prior volume for each point, and that is the same thing:

.. math:: w_i = \frac{\pi(\theta_i) L_i}{g(\theta_i)} = n Z \bar w_i, \qquad
   \frac{\pi(\theta_i)}{g(\theta_i)} = \frac{n Z \bar w_i}{L_i}

with normalised weights :math:`\bar w_i` (equation :eq:`recycled` of the method): the mean of
:math:`w_i` is then the run's own Z. (For a point of nested sampling, :math:`\bar w_i Z = L_i \Delta
X_i`, so that :math:`\pi/g = n \Delta X_i`: one of n points stands for a prior mass of :math:`\Delta
X_i`; Skilling 2006.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skerry import weights
from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.inference._points import blocks
from skerry.posterior import Mode, Posterior, judge
from skerry.priors import Prior, as_points

IMPOSSIBLE = -1e290  # nested samplers write -1e300 where the likelihood is zero
PRIOR_DRAWS = "independent draws of the prior"
KNOWN_DRAWS = "independent draws of the proposal density that came with them"


@dataclass(frozen=True, eq=False)
class Recycled:
    """Points evaluated earlier, for :func:`skerry.fit`; immutable.

    Attributes:
        prior: theirs.
        theta: points, ``(n, d)``, columns in the order of ``prior.names``.
        log_likelihood: ``(n,)``; ``-inf`` where impossible.
        log_ratio: log(prior / proposal density) at each point, ``(n,)``, finite.
        assumed: what was taken for granted of the density they were drawn from, in a sentence.
        source: where they come from.
        evidence: of the run they come from, ``(log Z, error)``, NaN where it is not known; None:
            the mean of their weights is it.
        n_independent: of draws of the posterior itself, a chain's: how many independent ones they
            are worth; None: what their weights say (Kish).
        n_calls: likelihood calls that were spent on them; None: one each.

    Raises:
        InputError: for shapes that don't match, NaN, values of another kind.
    """

    prior: Prior
    theta: FloatArray
    log_likelihood: FloatArray
    log_ratio: FloatArray
    assumed: str
    source: str = "table"
    evidence: weights.Evidence | None = None
    n_independent: float | None = None
    n_calls: int | None = None

    def __post_init__(self) -> None:
        checked_prior(self.prior)
        theta = self.prior.wrap(finite(as_points(self.theta, self.prior.names)))
        log_l = weights.check(real(self.log_likelihood, "log_likelihood"), "log_likelihood")
        log_ratio = real(self.log_ratio, "log_ratio")
        same_length(theta, log_l)
        if log_ratio.shape != log_l.shape or not np.isfinite(log_ratio).all():
            raise InputError(
                f"Expected log_ratio of shape {log_l.shape}, finite; got shape {log_ratio.shape}."
            )
        columns = {"theta": theta, "log_likelihood": log_l, "log_ratio": log_ratio}
        for name, array in columns.items():
            own = array.copy() if array.flags.writeable else array
            own.setflags(write=False)
            object.__setattr__(self, name, own)

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def log_weights(self) -> FloatArray:
        """log(prior L / proposal) at each point, ``(n,)``."""
        return self.log_likelihood + self.log_ratio

    @property
    def log_proposal(self) -> FloatArray:
        """The log density, in theta, from which each point is taken to be drawn, ``(n,)``.

        Raises:
            UnsupportedError: for a prior whose density isn't known.
        """
        return np.asarray(self.prior.log_prob(self.theta)) - self.log_ratio

    def __repr__(self) -> str:
        return f"Recycled({len(self):,} points of {self.source}: {self.assumed})"

    @classmethod
    def drawn(
        cls,
        theta: FloatArray,
        log_likelihood: FloatArray,
        prior: Prior,
        log_proposal: FloatArray | None = None,
        **about: Any,
    ) -> Recycled:
        """Independent draws of a known density.

        Args:
            theta: points, ``(n, d)``; those outside the prior's support get weight zero.
            log_likelihood: ``(n,)``.
            prior: theirs.
            log_proposal: the log density each was drawn from, ``(n,)``; None: the prior.
            about: further attributes.

        Raises:
            InputError: as for the class, and for draws of the prior outside its support.
        """
        checked_prior(prior)
        points = prior.wrap(finite(as_points(theta, prior.names)))
        log_l = weights.check(real(log_likelihood, "log_likelihood"), "log_likelihood")
        log_prior = np.empty(len(points))
        for rows in blocks(len(points)):
            log_prior[rows] = prior.log_prob(points[rows])
        same_length(points, log_l)
        log_ratio = np.zeros(len(points))
        if log_proposal is not None:
            log_g = real(log_proposal, "log_proposal")
            if log_g.shape != log_l.shape or not np.isfinite(log_g).all():
                raise InputError(
                    f"Expected log_proposal of shape {log_l.shape}, finite; got shape {log_g.shape}"
                    f"{'' if log_g.shape != log_l.shape else ' with values that are not finite'}."
                )
            log_ratio = log_prior - log_g
        outside = np.isneginf(log_prior)
        if log_proposal is None and outside.any():
            raise InputError(
                f"Expected points drawn from the prior; {int(outside.sum())} of {len(points)} lie "
                "outside its support; pass their log_proposal, or leave them out."
            )
        return cls(
            prior=prior,
            theta=points,
            log_likelihood=np.where(outside, -np.inf, log_l),
            log_ratio=np.where(outside, 0.0, log_ratio),
            **{"assumed": PRIOR_DRAWS if log_proposal is None else KNOWN_DRAWS, **about},
        )

    @classmethod
    def weighted(
        cls,
        theta: FloatArray,
        log_likelihood: FloatArray,
        prior: Prior,
        log_weights: FloatArray,
        evidence: weights.Evidence | None = None,
        **about: Any,
    ) -> Recycled:
        """Points with posterior weights, whatever made them.

        Args:
            theta: points, ``(n, d)``.
            log_likelihood: ``(n,)``; values below -1e290 count as impossible.
            prior: that of the run.
            log_weights: log posterior weights, ``(n,)``, up to a constant; ``-inf`` is zero.
            evidence: of the run; None: not known.
            about: further attributes, ``assumed`` among them.

        Raises:
            InputError: as for the class; if a point that has weight lies outside the prior's
                support: then the prior is not the run's.
        """
        checked_prior(prior)
        points = finite(as_points(theta, prior.names))
        log_l = weights.check(real(log_likelihood, "log_likelihood"), "log_likelihood")
        log_w = weights.check(real(log_weights, "log_weights"), "log_weights")
        same_length(points, log_l)
        if log_w.shape != log_l.shape:
            raise InputError(
                f"Expected a log weight for each of {len(log_l)} points; got {len(log_w)}."
            )
        alive = (log_l > IMPOSSIBLE) & np.isfinite(log_w)
        if not alive.any():
            raise InputError("Expected a point that has weight; got none; pass all of the run's.")
        inside_support(prior, points[alive])
        known = evidence or weights.Evidence(np.nan, np.nan)
        level = known.log_evidence if np.isfinite(known.log_evidence) else 0.0
        log_w = weights.normalize(np.where(alive, log_w, -np.inf)) + np.log(len(points)) + level
        values = np.where(alive, log_l, 0.0)
        return cls(
            prior=prior,
            theta=points,
            log_likelihood=np.where(alive, log_l, -np.inf),
            log_ratio=np.where(alive, log_w, 0.0) - values,
            evidence=known,
            **about,
        )


def judged_as_draws(posterior: Posterior, n_independent: float, asked: float) -> Posterior:
    """A posterior of draws of itself: the number of independent ones stands for the weights' size.

    Errors of masses go with one over its root.
    """
    size = weights.effective_sample_size(posterior.log_weights)
    widened = float(np.sqrt(size / n_independent))

    def wider(mode: Mode) -> Mode:
        error = mode.mass_error * widened
        level = float(np.hypot(posterior.log_evidence_error, error / mode.mass))
        return replace(mode, mass_error=error, log_evidence_error=level)

    return replace(
        posterior,
        modes=tuple(map(wider, posterior.modes)),
        n_effective=float(n_independent),
        status=judge(n_independent, asked, posterior.khat),
    )


def checked_prior(prior: Any) -> None:
    """Refuse what is no prior."""
    if not isinstance(prior, Prior):
        raise InputError(
            f"Expected a Prior; got {type(prior).__name__}; wrap it as skerry.Prior({{...}})."
        )


def inside_support(prior: Prior, points: FloatArray) -> None:
    """Refuse points that the prior calls impossible."""
    low, high = prior.bounds.T
    wrapped = prior.wrap(points)
    outside = ((wrapped < low) | (wrapped > high)).any(axis=1)
    if outside.any():
        raise InputError(
            f"Expected points of a run with this prior; {int(outside.sum())} of {len(points)} that "
            f"have weight lie outside its support, the first at "
            f"{points[np.argmax(outside)].tolist()}; pass the prior of the run."
        )


def same_length(points: FloatArray, log_likelihood: FloatArray) -> None:
    """Refuse columns of different length, and tables too short to say anything."""
    from skerry.inference._conclude import MIN_POINTS

    if len(points) != len(log_likelihood) or len(points) < MIN_POINTS:
        raise InputError(
            f"Expected at least {MIN_POINTS} points and one log_likelihood each; got "
            f"{len(points)} points and {len(log_likelihood)} values."
        )


def finite(points: FloatArray) -> FloatArray:
    """The points, none of them NaN or infinite."""
    for rows in blocks(len(points)):
        fine = np.isfinite(points[rows]).all(axis=1)
        if not fine.all():
            row = rows.start + int(np.argmin(fine))
            raise InputError(
                f"Expected finite points; got {points[row].tolist()} in row {row}; leave such "
                "points out."
            )
    return points


def real(values: Any, what: str) -> FloatArray:
    """Real numbers as float64."""
    try:
        array = np.asarray(values)
    except ValueError:  # ragged
        array = np.empty(0, object)
    if array.dtype.kind not in "fiu":
        raise InputError(
            f"Expected {what} as real numbers; got {type(values).__name__} that holds others; "
            "pass a float64 array (n,)."
        )
    return array.astype(np.float64)
