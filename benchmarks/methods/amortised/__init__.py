"""One adapter a method that trains once for every observation.

Each file has ``PACKAGES``, ``SETTINGS`` and ``prepare(clock)`` as those for one posterior, and
``train(task, n_simulations, seed)``, which returns an object with ``sample(x, n, seed)`` for
observations x (k, m), draws (k, n, d), or None if it has no draws of its own. One that refines by
the likelihood has ``refine(x, n_effective, seed)`` for x (m,) too, a ``skerry.Posterior``.
"""

import importlib
from types import ModuleType

NAMES = ("skerry", "sbi", "bayesflow", "each")


def get(name: str) -> ModuleType:
    """The adapter of that name."""
    if name not in NAMES:
        raise SystemExit(f"Expected a method among {', '.join(NAMES)}; got {name!r}.")
    return importlib.import_module(f"methods.amortised.{name}")
