"""pyhf: workspaces of binned counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.interop._lookup import needed
from skerry.priors import Prior
from skerry.problem import Problem

BATCH = 256


def problem_from_pyhf(
    workspace: Any,
    *,
    priors: Mapping[str, Any] | None = None,
    measurement: str | None = None,
    **options: Any,
) -> Problem:
    r"""A problem from a pyhf workspace: all its parameters, with the observed counts.

    The likelihood is pyhf's, of the counts *and* of the auxiliary data: constraint terms are part
    of it, as measurements,

    .. math:: L(\theta) = \prod_b \mathrm{Pois}(n_b | \nu_b(\theta))\, \prod_p c_p(a_p | \theta_p)

    (Cranmer et al. 2012, HistFactory). So a parameter's prior says what was known before its
    auxiliary measurement: by default uniform between pyhf's suggested bounds, and the evidence is
    relative to these. Parameters that the workspace fixes stay at their initial values. pyhf's
    backend is left as it is; it should be in double precision.

    Args:
        workspace: a ``pyhf.Workspace``, its dictionary, or a JSON file of it.
        priors: distributions of some parameters, by their names in ``model.config.par_names``.
        measurement: its name; None: the first.
        options: of ``workspace.model``: ``patches``, ``modifier_settings``, ...

    Raises:
        InputError: for another kind of file, or priors of parameters that it hasn't.
        UnsupportedError: without pyhf.
    """
    from scipy.stats import uniform

    pyhf = needed("pyhf", "pyhf", "dev")
    whole = _workspace(pyhf, workspace)
    settings = {**options, **({} if measurement is None else {"measurement_name": measurement})}
    model = whole.model(batch_size=BATCH, **settings)
    names = list(model.config.par_names)
    start = np.asarray(model.config.suggested_init(), dtype=np.float64)
    free = ~np.asarray(model.config.suggested_fixed(), dtype=bool)
    unknown = [name for name in priors or {} if name not in names]
    if unknown:
        raise InputError(
            f"Expected priors of the workspace's parameters; got {', '.join(unknown)}; its own are "
            f"{', '.join(names)}."
        )
    bounds = model.config.suggested_bounds()
    parts = {
        name: (priors or {}).get(name, uniform(low, high - low))
        for name, (low, high), use in zip(names, bounds, free, strict=True)
        if use
    }
    data = np.asarray(whole.data(model), dtype=np.float64)
    return Problem(Prior(parts), _Counts(model, data, start, free), jax=False)


@dataclass(frozen=True, eq=False)
class _Counts:
    """log L of many points, in batches of one size."""

    model: Any
    data: FloatArray
    start: FloatArray
    free: FloatArray

    def __call__(self, theta: FloatArray) -> FloatArray:
        found = []
        for first in range(0, len(theta), BATCH):
            part = theta[first : first + BATCH]
            rows = np.tile(self.start, (BATCH, 1))
            rows[: len(part), self.free] = part
            values = np.asarray(self.model.logpdf(rows, self.data), dtype=np.float64)
            found.append(values.reshape(-1)[: len(part)])
        return np.concatenate(found)


def _workspace(pyhf: Any, workspace: Any) -> Any:
    if isinstance(workspace, pyhf.Workspace):
        return workspace
    try:
        if isinstance(workspace, (str, PathLike)):
            workspace = json.loads(Path(workspace).read_text("utf-8"))
        if not isinstance(workspace, Mapping):
            raise TypeError(f"{type(workspace).__name__} is no dictionary")
        return pyhf.Workspace(workspace)
    except (OSError, ValueError, TypeError, pyhf.exceptions.InvalidSpecification) as error:
        raise InputError(
            "Expected a pyhf workspace, its dictionary or a JSON file of it; got "
            f"{type(error).__name__}: {str(error)[:200]}."
        ) from error
