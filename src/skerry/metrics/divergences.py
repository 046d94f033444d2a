"""Divergences between two densities p and q, from their log values at draws.

Draws of p may carry self-normalised log weights. The three bounded divergences are averages over
the even mixture m = (p + q) / 2, so that with D = log p - log q each integrand is bounded and
nothing overflows, whatever the tails::

    JS  = 1/2 E_p[log 2 - log(1 + e^-D)] + 1/2 E_q[log 2 - log(1 + e^D)]
    TV  = E_m[|tanh(D / 2)|]
    H^2 = E_m[1 - 1 / cosh(D / 2)]

Source: Lin 1991 (Jensen-Shannon); the rest follows from the definitions
TV = 1/2 int |p - q| and H^2 = 1 - int sqrt(p q).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.metrics._arrays import as_values, normalised


def kl(
    log_p: npt.ArrayLike, log_q: npt.ArrayLike, log_weights: npt.ArrayLike | None = None
) -> float:
    """Forward Kullback-Leibler divergence KL(p || q) = E_p[log p - log q], in nats.

    ``log_p``, ``log_q`` (n,) are normalised log densities at draws of p, which may carry
    ``log_weights`` (n,). It is inf if q vanishes at a draw of p. Swap the roles (draws of q) for
    the reverse divergence.
    """
    weights, gap = _gap(log_p, log_q, log_weights, "log_p", "log_q")
    return float(weights @ gap)


def kl_error(
    log_p: npt.ArrayLike, log_q: npt.ArrayLike, log_weights: npt.ArrayLike | None = None
) -> float:
    """The standard error of :func:`kl`: sqrt(sum_i w_i^2 (D_i - mean D)^2), w normalised."""
    weights, gap = _gap(log_p, log_q, log_weights, "log_p", "log_q")
    if not np.isfinite(gap).all():
        return float("inf")
    return float(np.sqrt(np.sum((weights * (gap - weights @ gap)) ** 2)))


def js(
    log_p_at_p: npt.ArrayLike,
    log_q_at_p: npt.ArrayLike,
    log_p_at_q: npt.ArrayLike,
    log_q_at_q: npt.ArrayLike,
    *,
    log_weights_p: npt.ArrayLike | None = None,
    log_weights_q: npt.ArrayLike | None = None,
) -> float:
    """Jensen-Shannon divergence in nats, from 0 to log 2 (an estimate may be slightly negative).

    The log densities are given at draws of p (n,) and at draws of q (m,).
    """
    at_p = _gap(log_p_at_p, log_q_at_p, log_weights_p, "log_p_at_p", "log_q_at_p")
    at_q = _gap(log_q_at_q, log_p_at_q, log_weights_q, "log_q_at_q", "log_p_at_q")
    halves = [w @ (np.log(2.0) - np.logaddexp(0.0, -gap)) for w, gap in (at_p, at_q)]
    return float(np.mean(halves))


def total_variation(
    log_p_at_p: npt.ArrayLike,
    log_q_at_p: npt.ArrayLike,
    log_p_at_q: npt.ArrayLike,
    log_q_at_q: npt.ArrayLike,
    *,
    log_weights_p: npt.ArrayLike | None = None,
    log_weights_q: npt.ArrayLike | None = None,
) -> float:
    """Total variation ``1/2 int |p - q|``, from 0 to 1; arguments as for :func:`js`."""
    at_p = _gap(log_p_at_p, log_q_at_p, log_weights_p, "log_p_at_p", "log_q_at_p")
    at_q = _gap(log_q_at_q, log_p_at_q, log_weights_q, "log_q_at_q", "log_p_at_q")
    return float(np.mean([w @ np.abs(np.tanh(gap / 2.0)) for w, gap in (at_p, at_q)]))


def hellinger(
    log_p_at_p: npt.ArrayLike,
    log_q_at_p: npt.ArrayLike,
    log_p_at_q: npt.ArrayLike,
    log_q_at_q: npt.ArrayLike,
    *,
    log_weights_p: npt.ArrayLike | None = None,
    log_weights_q: npt.ArrayLike | None = None,
) -> float:
    """Hellinger distance sqrt(1 - int sqrt(p q)), from 0 to 1; arguments as for :func:`js`."""
    at_p = _gap(log_p_at_p, log_q_at_p, log_weights_p, "log_p_at_p", "log_q_at_p")
    at_q = _gap(log_q_at_q, log_p_at_q, log_weights_q, "log_q_at_q", "log_p_at_q")
    halves = [w @ (1.0 - _sech(gap / 2.0)) for w, gap in (at_p, at_q)]
    return float(np.sqrt(max(float(np.mean(halves)), 0.0)))


def _sech(x: FloatArray) -> FloatArray:
    """1 / cosh x without overflow."""
    small = np.exp(-np.abs(x))
    return 2.0 * small / (1.0 + small**2)


def _gap(
    log_own: npt.ArrayLike,
    log_other: npt.ArrayLike,
    log_weights: npt.ArrayLike | None,
    own_name: str,
    other_name: str,
) -> tuple[FloatArray, FloatArray]:
    """Weights and log own - log other at draws of the density's own; weight 0 is dropped."""
    own = as_values(log_own, own_name)
    other = as_values(log_other, other_name, own.size)
    weights = normalised(log_weights, own.size, "log_weights")
    used = weights > 0.0
    if not np.isfinite(own[used]).all() or (other[used] == np.inf).any():
        raise InputError(
            f"Expected finite {own_name} at its own draws, and {other_name} below inf; "
            "got others; check that points and densities belong together."
        )
    return weights[used], own[used] - other[used]
