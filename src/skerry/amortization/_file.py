"""Estimators on disk: one npz file of arrays and a JSON text. Loading executes nothing."""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from skerry._saving import read_arrays, write_arrays
from skerry._seeds import Seed
from skerry.amortization._checkpoints import Step
from skerry.amortization._estimator import Estimator
from skerry.amortization._network import conditional
from skerry.amortization._novelty import Familiar
from skerry.embeddings import Embedding, Standard, build, from_spec, to_spec
from skerry.errors import InputError
from skerry.posterior import prior_from_spec, prior_to_spec
from skerry.priors import Prior
from skerry.problem import Problem

FORMAT = "skerry estimator 3"
LARGEST = 1 << 16  # no setting of a network is larger
NUMBERS = ("best", "n_simulations", "n_likelihoods", "settings")


def save(estimator: Estimator, path: str | PathLike[str]) -> None:
    """Write an estimator; the file appears whole or not at all."""
    e = estimator
    spec = {
        "format": FORMAT,
        "names": e.names,
        "prior": prior_to_spec(e.prior),
        "x_shape": e.x_shape,
        "embedding": to_spec(e.embedding),
        "logs": e.network.standard.logs,
        "epochs": [list(step) for step in e.epochs],
        **{name: getattr(e, name) for name in NUMBERS},
    }
    leaves = jax.tree.leaves(eqx.filter(e.network, eqx.is_array))
    arrays: dict[str, Any] = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
    for name in ("mean", "whitener", "distances"):
        arrays[f"familiar.{name}"] = getattr(e.familiar, name)
    write_arrays(path, spec, arrays)


def load(
    path: str | PathLike[str],
    *,
    prior: Prior | None = None,
    problem: Problem | None = None,
    embedding: Embedding = None,
) -> Estimator:
    """Read what :meth:`Estimator.save` wrote.

    Args:
        path: the file.
        prior: the prior again, if it could not be stored (a transform, an object of one's own).
        problem: the likelihood again, for refinement.
        embedding: the user's own module again, if there was one.

    Raises:
        InputError: if the file is none of Skerry's or damaged, or lacks what must be given again.
    """
    try:
        arrays = read_arrays(path)
        spec = json.loads(str(arrays["spec"]))
        if spec["format"] != FORMAT:
            raise InputError(f"Expected a file of format {FORMAT!r}; got {spec['format']!r}.")
        return _estimator(spec, arrays, _prior(spec, prior, problem), problem, embedding)
    except FileNotFoundError:
        raise InputError(f"Expected a file saved by Skerry; there is none at {path}.") from None
    except InputError:
        raise
    except Exception as error:  # there is no end to the ways in which a file can be damaged
        raise InputError(
            f"Expected a file saved by Skerry; {path} is another kind or damaged "
            f"({type(error).__name__}: {error})."
        ) from error


def _prior(spec: dict[str, Any], prior: Prior | None, problem: Problem | None) -> Prior:
    found = problem.prior if problem is not None else prior
    if found is None:
        if not spec["prior"]:
            raise InputError(
                "Expected the estimator's prior, which its file could not hold; got none; pass "
                "skerry.load(path, prior=prior) or problem=problem."
            )
        found = prior_from_spec(spec["prior"])
    if list(found.names) != list(spec["names"]):
        raise InputError(
            f"Expected a prior of the parameters {', '.join(spec['names'])}; got one of "
            f"{', '.join(found.names)}; pass the one it was trained with."
        )
    return found


def _estimator(
    spec: dict[str, Any],
    arrays: dict[str, Any],
    prior: Prior,
    problem: Problem | None,
    own: Embedding,
) -> Estimator:
    embedding = from_spec(spec["embedding"], own)
    x_shape = tuple(int(m) for m in spec["x_shape"])
    stored = [arrays[f"leaf{i}"] for i in range(sum(name.startswith("leaf") for name in arrays))]
    sizes = [spec["settings"][name] for name in ("n_components", "width", "depth")]
    room = sum(leaf.size for leaf in stored)
    told = [v for v in spec["embedding"].values() if isinstance(v, int)]
    if max([*sizes, *told, int(np.prod(x_shape))]) > min(room, LARGEST):
        raise ValueError("its settings and arrays do not fit together")
    logs = tuple(range(int(np.prod(x_shape)))[i] for i in spec.get("logs", ()))
    blank = Standard(jnp.zeros(x_shape), jnp.ones(x_shape), logs)
    fresh = conditional(
        blank,
        build(embedding, x_shape, Seed((0,))),
        x_shape,
        prior.ndim,
        Seed((0,)),
        n_components=sizes[0],
        width=sizes[1],
        depth=sizes[2],
        bent=spec["settings"]["bent"] == 1,
    )
    dynamic, static = eqx.partition(fresh, eqx.is_array)
    leaves, structure = jax.tree.flatten(dynamic)
    for leaf, place in zip(stored, leaves, strict=True):
        if leaf.shape != place.shape or leaf.dtype != place.dtype:
            raise ValueError(f"an array of shape {place.shape} has shape {leaf.shape}")
    network = eqx.combine(
        jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in stored]), static
    )
    reach = [arrays[f"familiar.{name}"] for name in ("mean", "whitener", "distances")]
    plain, embedded = int(np.prod(x_shape)), network.head.first.shape[1]
    _check(spec, reach, n_seen=plain if plain == embedded else plain + embedded)
    return Estimator(
        prior=prior,
        problem=problem,
        network=network,
        x_shape=x_shape,
        embedding=embedding,
        familiar=Familiar(*reach),
        epochs=tuple(Step(*step) for step in spec["epochs"]),
        **{name: spec[name] for name in NUMBERS},
    )


def _check(spec: dict[str, Any], reach: list[Any], n_seen: int) -> None:
    """Refuse what the network's own structure doesn't."""
    mean, whitener, distances = reach
    counts = [spec["best"], spec["n_likelihoods"], spec["n_simulations"] or 0]
    fits = [
        mean.shape == (n_seen,) and whitener.shape == (n_seen, n_seen),
        distances.ndim == 1 and distances.size > 0,
        all(array.dtype.kind == "f" for array in reach),
        all(isinstance(count, int) and count >= 0 for count in counts),
        all(isinstance(value, (int, float)) for step in spec["epochs"] for value in step),
        isinstance(spec["settings"], dict),
    ]
    if not all(fits) or spec["best"] >= len(spec["epochs"]):
        raise ValueError("its parts do not fit together")
