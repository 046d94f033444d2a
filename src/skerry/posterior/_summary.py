"""A posterior as a page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skerry._types import FloatArray
from skerry.posterior._status import FAILED_LIMIT, Status

if TYPE_CHECKING:
    from skerry.posterior._posterior import Posterior

LEVELS = (0.16, 0.5, 0.84)
REASONS = 5


def quantiles(values: FloatArray, log_weights: FloatArray, levels: tuple[float, ...]) -> FloatArray:
    """Weighted quantiles of ``(n,)`` values."""
    order = np.argsort(values)
    shares = np.exp(log_weights[order])
    places = np.cumsum(shares) - 0.5 * shares
    return np.asarray(np.interp(levels, places / shares.sum(), values[order]))


def _failures(p: Posterior) -> list[str]:
    """Why calls failed, the most frequent reasons, each with a point."""
    if p.failed is None or not len(p.failed):
        return []
    lines = ["", "failed calls"]
    for text, count in p.failed.reasons()[:REASONS]:
        point = p.failed.theta[p.failed.messages.index(text)]
        place = ", ".join(f"{n} = {v:.6g}" for n, v in zip(p.names, point, strict=True))
        lines.append(f"{count:>8,}  {_plain(text[:200])}, first at {place}")
    return lines


def _plain(text: str) -> str:
    """Whatever would move a terminal's cursor, as an escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _conditional(p: Posterior) -> list[str]:
    """That many calls failed, where a worse verdict takes the first line."""
    share = p.n_failed / max(1, p.n_calls)
    if share <= FAILED_LIMIT or p.status is Status.CONDITIONAL:
        return []
    return ["", Status.CONDITIONAL.value]


def summarize(posterior: Posterior) -> str:
    """The text of :meth:`skerry.Posterior.summary`."""
    p = posterior
    width = max(len(name) for name in p.names)
    lines = [
        str(p.status),
        *_conditional(p),
        "",
        "log evidence  "
        + (
            "not known"
            if np.isnan(p.log_evidence)
            else f"{p.log_evidence:.3f} +- {p.log_evidence_error:.3f}"
        ),
        f"effective     {p.n_effective:,.0f} samples of {p.n_calls:,} likelihood calls"
        + (f", {p.n_failed:,} of them failed" if p.n_failed else ""),
        f"k-hat         {p.khat:.2f}",
        *(
            [f"assumed       {_plain(str(p.settings['assumed']))}"]
            if "assumed" in p.settings
            else []
        ),
        *_failures(p),
        "",
        f"{'parameter':<{max(width, 9)}}  {'mean':>11}  {'sd':>10}  {'16%':>11}  {'84%':>11}",
    ]
    deviations = np.sqrt(np.diag(p.covariance))
    for j, name in enumerate(p.names):
        low, _, high = quantiles(p.samples[:, j], p.log_weights, LEVELS)
        lines.append(
            f"{name:<{max(width, 9)}}  {p.mean[j]:>11.5g}  {deviations[j]:>10.4g}  "
            f"{low:>11.5g}  {high:>11.5g}"
        )
    lines += ["", f"{len(p.modes)} mode{'s' if len(p.modes) != 1 else ''}, heaviest first"]
    for k, mode in enumerate(p.modes):
        place = ", ".join(f"{n} = {v:.4g}" for n, v in zip(p.names, mode.location, strict=True))
        lines.append(f"{k:>4}  mass {mode.mass:.4f} +- {mode.mass_error:.4f}  at {place}")
    return "\n".join(lines)
