"""Results: immutable values that say what was found and whether to trust it."""

from skerry.posterior._file import load
from skerry.posterior._flow import PosteriorFlow, log_normal
from skerry.posterior._history import EXPECTED_LIMIT, UNSEEN_LIMIT, Failed, Round, Search, unseen
from skerry.posterior._posterior import Mode, Posterior
from skerry.posterior._prior_spec import prior_from_spec, prior_to_spec
from skerry.posterior._status import FAILED_LIMIT, FEW, KHAT_LIMIT, Status, judge
from skerry.posterior._summary import quantiles

__all__ = [
    "EXPECTED_LIMIT",
    "FAILED_LIMIT",
    "FEW",
    "KHAT_LIMIT",
    "UNSEEN_LIMIT",
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
    "prior_from_spec",
    "prior_to_spec",
    "quantiles",
    "unseen",
]
