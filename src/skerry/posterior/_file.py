"""Posteriors on disk: one npz file of arrays and a JSON text. Loading executes nothing."""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

import numpy as np

from skerry._saving import read_arrays, write_arrays
from skerry.errors import InputError
from skerry.modes import Islands, Topology
from skerry.posterior._density_file import density_from, density_leaves, density_spec
from skerry.posterior._flow import PosteriorFlow
from skerry.posterior._frames_file import frames_arrays, frames_from
from skerry.posterior._history import Failed
from skerry.posterior._history_file import history_spec, rounds_of, search_of, training_of
from skerry.posterior._posterior import Mode, Posterior
from skerry.posterior._prior_spec import prior_from_spec, prior_to_spec
from skerry.posterior._status import Status
from skerry.priors import Prior

FORMAT = "skerry posterior 1"
SCALARS = ("log_evidence", "log_evidence_error", "n_effective", "n_calls", "n_failed", "khat")
ARRAYS = ("samples", "log_weights", "log_likelihood", "labels")
MODE_SCALARS = ("mass", "mass_error", "log_evidence", "log_evidence_error", "n_samples")


def save(posterior: Posterior, path: str | PathLike[str]) -> None:
    """Write a posterior; the file appears whole or not at all."""
    p = posterior
    arrays: dict[str, Any] = {name: getattr(p, name) for name in ARRAYS}
    spec: dict[str, Any] = {
        "format": FORMAT,
        "names": p.names,
        "status": p.status.name,
        "settings": p.settings,
        "scalars": {name: getattr(p, name) for name in SCALARS},
        "modes": [{name: getattr(mode, name) for name in MODE_SCALARS} for mode in p.modes],
        **history_spec(p),
    }
    for k, mode in enumerate(p.modes):
        arrays[f"mode{k}.location"], arrays[f"mode{k}.covariance"] = mode.location, mode.covariance
    if p.failed is not None:
        spec["failed"] = p.failed.messages
        arrays["failed.theta"] = p.failed.theta
    if p.topology is not None:
        spec["threshold"] = p.topology.threshold
        for name in ("peaks", "heights", "births", "deaths"):
            arrays[f"topology.{name}"] = getattr(p.topology, name)
    if p.islands is not None:
        spec["islands"] = p.islands.n_islands
        arrays |= frames_arrays("islands", p.islands.frames)
        arrays["islands.log_masses"] = p.islands.log_masses
    if p.flow is not None:
        spec["prior"] = prior_to_spec(p.flow.prior)
        spec["density"] = density_spec(p.flow.density)
        arrays |= frames_arrays("frames", p.flow.density.frames)
        leaves = density_leaves(p.flow.density)
        arrays |= {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
    write_arrays(path, spec, arrays)


def load(path: str | PathLike[str], *, prior: Prior | None = None) -> Posterior:
    """Read what :meth:`Posterior.save` wrote.

    Args:
        path: the file.
        prior: for a prior that could not be stored (a transform, an object of one's own): the
            same one again; without it the posterior has no flow.

    Raises:
        InputError: if the file is none of Skerry's, or damaged.
    """
    if not (prior is None or isinstance(prior, Prior)):
        raise InputError(f"Expected prior to be a skerry.Prior; got {type(prior).__name__}.")
    try:
        arrays = read_arrays(path)
        spec = json.loads(str(arrays["spec"]))
        if spec["format"] != FORMAT:
            raise InputError(f"Expected a file of format {FORMAT!r}; got {spec['format']!r}.")
        return _checked(_posterior(spec, arrays, prior))
    except FileNotFoundError:
        raise InputError(f"Expected a file saved by Skerry; there is none at {path}.") from None
    except InputError:
        raise
    except Exception as error:  # there is no end to the ways in which a file can be damaged
        raise InputError(
            f"Expected a file saved by Skerry; {path} is another kind or damaged "
            f"({type(error).__name__}: {error})."
        ) from error


def _checked(p: Posterior) -> Posterior:
    """The posterior, if its parts fit together."""
    n, d, K = len(p.samples), len(p.names), len(p.modes)
    shapes = {"samples": (n, d), "log_weights": (n,), "log_likelihood": (n,), "labels": (n,)}
    kinds = {"samples": "f", "log_weights": "f", "log_likelihood": "f", "labels": "i"}
    fits = [
        all(getattr(p, name).shape == shape for name, shape in shapes.items()),
        all(getattr(p, name).dtype.kind == kind for name, kind in kinds.items()),
        n > 0 and bool(np.all((p.labels >= -1) & (p.labels < K))),
        all(isinstance(name, str) and name.isprintable() for name in p.names),
        isinstance(p.settings, dict) and d > 0,
        all(m.location.shape == (d,) and m.covariance.shape == (d, d) for m in p.modes),
        all(_is_number(getattr(p, name)) for name in SCALARS),
        all(_is_number(getattr(mode, name)) for mode in p.modes for name in MODE_SCALARS),
        p.topology is None or p.topology.peaks.shape == (*p.topology.heights.shape, d),
        p.topology is None or len(p.topology.heights) >= K,
        p.islands is None or p.islands.frames.means.shape == (*p.islands.log_masses.shape, d),
        p.flow is None or p.flow.density.dim == d,
        p.failed is None or p.failed.theta.shape == (len(p.failed.messages), d),
    ]
    if not all(fits):
        raise ValueError("its parts do not fit together")
    if p.flow is not None and p.flow.prior.names != p.names:
        raise InputError(
            f"Expected a prior of the posterior's own parameters {', '.join(p.names)}; got one of "
            f"{', '.join(p.flow.prior.names)}; pass the prior it was made with."
        )
    return p


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _posterior(spec: dict[str, Any], arrays: dict[str, Any], prior: Prior | None) -> Posterior:
    scalars = {name: spec["scalars"][name] for name in SCALARS}
    modes = tuple(
        Mode(
            location=arrays[f"mode{k}.location"],
            covariance=arrays[f"mode{k}.covariance"],
            **{name: mode[name] for name in MODE_SCALARS if name != "log_evidence_error"},
            log_evidence_error=mode.get("log_evidence_error", float("nan")),  # not in old files
        )
        for k, mode in enumerate(spec["modes"])
    )
    if prior is None and spec.get("prior"):
        prior = prior_from_spec(spec["prior"])
    topology = islands = flow = None
    if "threshold" in spec:
        parts = {n: arrays[f"topology.{n}"] for n in ("peaks", "heights", "births", "deaths")}
        topology = Topology(**parts, threshold=spec["threshold"])
    if "islands" in spec:
        islands = Islands(frames_from("islands", arrays), arrays["islands.log_masses"])
    if prior is not None and "density" in spec:
        flow = PosteriorFlow(prior, density_from(spec["density"], arrays))
    failed = None
    if "failed" in spec:
        failed = Failed(arrays["failed.theta"], tuple(map(str, spec["failed"])))
    return Posterior(
        failed=failed,
        names=tuple(spec["names"]),
        modes=modes,
        status=Status[spec["status"]],
        topology=topology,
        islands=islands,
        flow=flow,
        training=training_of(spec, None if flow is None else flow.density),
        rounds=rounds_of(spec),
        search=search_of(spec, len(modes)),
        settings=spec["settings"],
        **{name: arrays[name] for name in ARRAYS},
        **scalars,
    )
