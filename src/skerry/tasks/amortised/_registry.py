"""The amortised tasks by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from skerry.tasks._higgs import VARIANTS
from skerry.tasks._unknown import unknown
from skerry.tasks.amortised import _dynamics, _gaussians, _moons, _slcp, _spikes
from skerry.tasks.amortised._higgs import higgs
from skerry.tasks.amortised._task import AmortisedTask

_BUILDERS: dict[str, Callable[[], AmortisedTask]] = {
    "two_moons": _moons.two_moons,
    "gaussian_mixture": _gaussians.gaussian_mixture,
    "gaussian_linear": _gaussians.gaussian_linear,
    "gaussian_linear_uniform": _gaussians.gaussian_linear_uniform,
    "slcp": _slcp.slcp,
    "slcp_distractors": _slcp.slcp_distractors,
    "bernoulli_glm": _spikes.bernoulli_glm,
    "bernoulli_glm_raw": _spikes.bernoulli_glm_raw,
    "sir": _dynamics.sir,
    "lotka_volterra": _dynamics.lotka_volterra,
    **{name: partial(higgs, name) for name in VARIANTS},
}


def names() -> tuple[str, ...]:
    """The names that :func:`get` knows: sbibm's ten, then the Higgs boson's couplings."""
    return tuple(_BUILDERS)


@cache
def get(name: str) -> AmortisedTask:
    """The task of that name; it is built once and the same object comes each time.

    Raises:
        InputError: for an unknown name; the text lists those there are.
    """
    if name not in _BUILDERS:
        raise unknown("an amortised task", name, _BUILDERS)
    return _BUILDERS[name]()
