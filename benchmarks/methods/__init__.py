"""One adapter a method.

Each file has ``PACKAGES`` (whose versions a row records), ``SETTINGS`` (in words: what was chosen,
and where its documentation says so), ``prepare(clock)``, which imports what the run needs and lets
the clock hear its training, and ``run(job)``, which returns what was found.
"""

import importlib
from types import ModuleType

NAMES = (
    "skerry",
    "nautilus",
    "ultranest",
    "dynesty",
    "pocomc",
    "nessai",
    "emcee",
    "pyvbmc",
    "prior_rejection",
)


def get(name: str) -> ModuleType:
    """The adapter of that name."""
    if name not in NAMES:
        raise SystemExit(f"Expected a method among {', '.join(NAMES)}; got {name!r}.")
    return importlib.import_module(f"methods.{name}")
