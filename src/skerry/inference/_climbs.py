"""How many climbs a hunt makes: one after another, several under way at once, or all in step."""

from __future__ import annotations

from skerry._coroutine import ask
from skerry._types import FloatArray
from skerry.inference._state import Target
from skerry.modes import Islands
from skerry.modes.climbing import climb_in_turn, climb_together
from skerry.modes.hunting import Hunter
from skerry.modes.leaping import LeapingHunter
from skerry.modes.peaks import Hunt
from skerry.posterior import unseen

CROWD = 10  # islands beyond which each earns a hunt more calls, and twice the starts


def climb(target: Target, starts: FloatArray, known: Islands | None, max_calls: int) -> Hunt:
    """Climb until new starts keep ending on known peaks.

    Args:
        target: what the run is about.
        starts: on u, ``(n, d)``, the most promising first.
        known: islands that need no new peak; None in the first hunt.
        max_calls: likelihood calls at most.
    """
    d, thorough = starts.shape[1], target.settings.thoroughness
    most = thorough * (3000 + 300 * d + 150 * d**2) / (1 if known is None else 3)
    if target.settings.few_batches:
        leaping = LeapingHunter(target.log_likelihood, target.periodic, max_calls, known)
        _in_step(leaping, starts, most, thorough, known is None)
        return leaping.result()
    stream = target.stream if target.overlap > 1 else None
    function = target.log_likelihood if stream is None else ask
    hunter = Hunter(function, target.gradient, target.periodic, max_calls, known)

    def over() -> bool:
        spent = hunter.exhausted or hunter.n_calls >= most + _crowd(hunter, thorough, d)
        return spent or (known is None and _enough(hunter, thorough, d))

    if stream is None:
        climb_in_turn(hunter, starts, over)
    else:
        climb_together(hunter, starts, over, stream, target.overlap)
    return hunter.result()


def _in_step(
    hunter: LeapingHunter, starts: FloatArray, most: float, thorough: float, new: bool
) -> None:
    """As many at a time as the calls are good for; and twice as many, if they meet new peaks."""
    d = starts.shape[1]
    n = max(int(most / hunter.cost), int(thorough * (8 + 2 * d))) if new else len(starts)
    hunter.climb(starts[:n])
    if len(starts) > n and not _enough(hunter, thorough, d):
        left = 3 * most + _crowd(hunter, thorough, d) - hunter.n_calls
        more = int(left * hunter.n_starts / max(hunter.n_calls, 1))
        hunter.climb(starts[n : n + max(0, min(more, 2 * n))])


def _crowd(hunter: Hunter | LeapingHunter, thorough: float, d: int) -> float:
    """Calls earned by very many peaks."""
    return thorough * 30 * (d + 2) * max(0, len(hunter.visits) - CROWD)


def _enough(hunter: Hunter | LeapingHunter, thorough: float, d: int) -> bool:
    """Whether new starts keep ending on known peaks."""
    visits = hunter.visits
    K = len(visits)
    met = max(1, thorough * (8 + 2 * d + 5 * (K + max(0, K - CROWD))))
    return hunter.n_starts >= met and unseen(visits) < 0.5 / thorough
