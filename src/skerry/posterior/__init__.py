"""Results: immutable values that say what was found and whether to trust it."""

from skerry.posterior._file import load
from skerry.posterior._flow import PosteriorFlow, log_normal
from skerry.posterior._history import Failed, Round, Search, unseen
from skerry.posterior._posterior import Mode, Posterior
from skerry.posterior._status import Status, judge

__all__ = [
    "Failed",
    "Mode",
    "Posterior",
    "PosteriorFlow",
    "Round",
    "Search",
    "Status",
    "judge",
    "load",
    "log_normal",
    "unseen",
]
