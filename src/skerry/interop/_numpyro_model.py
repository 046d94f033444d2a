"""numpyro's models: prior and log-likelihood taken apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skerry.errors import PriorError, ProblemError, UnsupportedError
from skerry.interop._lookup import needed
from skerry.interop._numpyro import elements, prior_from_numpyro
from skerry.interop._numpyro_tied import (
    Joint,
    Place,
    Simplex,
    Site,
    Tied,
    kind_of,
    place_of,
    settings_of,
)
from skerry.priors import Periodic, Prior
from skerry.problem import Problem
from skerry.problem._functions import Jax


def problem_from_numpyro(
    model: Callable[..., Any], *args: Any, periodic: Collection[str] = (), **kwargs: Any
) -> Problem:
    r"""A problem from a numpyro model and its data.

    A model's joint density is a product over its sample sites,

    .. math:: p(\theta, y) = \prod_s p_s(\theta_s \mid \theta_{<s})\; \prod_o p_o(y_o \mid \theta)

    The latent sites s, in the constrained values that the model sees, are the prior: sites that
    depend on no other become distributions of scipy.stats, as in :func:`prior_from_numpyro`; a
    hierarchy, or a ``MultivariateNormal``, becomes a transform of the unit cube, level by level,
    with its inverse and density. A ``Dirichlet`` of k elements gives the k - 1 first as parameters.
    The observed sites o, ``numpyro.factor`` and masks included, are
    the log-likelihood: a JAX function of one point, mapped, compiled, with gradients. A site of
    shape ``(k,)``, a plate's for instance, gives the parameters ``name[0]``, ``name[1]``, ...

    Args:
        model: a function that calls ``numpyro.sample``; handlers (``condition``, ``reparam``) may
            be around it.
        args: what the model takes, its data among them.
        periodic: names of uniform sites, or of elements of them, that live on circles.
        kwargs: what the model takes by name.

    Raises:
        ProblemError: for a model without data, without latent sites, or that doesn't run.
        UnsupportedError: for latent sites that are discrete, scaled, or of a family without a
            counterpart; for ``numpyro.param`` and plates that are subsampled; without numpyro.
        PriorError: for periodic names that aren't uniform sites.
    """
    numpyro = needed("numpyro", "numpyro", "dev")
    inputs = _Model(model, args, tuple(kwargs.items()))
    trace = _tried(inputs.concrete)
    latent = _latent(numpyro, trace)
    parts = {name: site["fn"] for name, site in latent.items()}
    upstream = _tried(lambda: _upstream(model, args, kwargs, set(parts)))
    places: dict[str, Place] = {}
    for name, part in parts.items():
        start = max((place.columns.stop for place in places.values()), default=0)
        places[name] = place_of(part, start)
    spread = {e: name for name, place in places.items() for e in elements(name, place.shape)}
    circles = _circles(periodic, spread, parts)
    apart = not any(upstream.values()) and not any(
        isinstance(kind_of(name, part), (Joint, Simplex)) for name, part in parts.items()
    )
    if apart:
        columns = dict(prior_from_numpyro(parts).parts or {})
        for name in circles:
            low, width = columns[name].args
            columns[name] = Periodic(low, low + width)
        prior = Prior(columns)
    else:
        prior = _tied(inputs, latent, places, upstream, list(spread), circles)
    return Problem(prior, _Likelihood(inputs, places), jax=True)


@dataclass(frozen=True, eq=False)
class _Model:
    """The model with what it takes."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]

    def trace(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Its sites, with the latent ones at these values, or drawn."""
        from numpyro import handlers

        whole = handlers.substitute(handlers.seed(self.function, 0), data=dict(values))
        return handlers.trace(whole).get_trace(*self.args, **dict(self.kwargs))

    def concrete(self) -> dict[str, Any]:
        """Its sites, once, in double precision."""
        import jax

        with jax.enable_x64(True):
            return self.trace({})

    def at(self, theta: Any, places: Mapping[str, Place]) -> dict[str, Any]:
        """Its sites at the parameters ``(d,)``."""
        return self.trace({name: place.value(theta) for name, place in places.items()})


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """The log density of the observed sites, of one point; traced by JAX."""

    model: _Model
    places: Mapping[str, Place]

    def __call__(self, theta: Any) -> Any:
        import jax.numpy as jnp

        total = jnp.zeros(())
        for site in self.model.at(theta, self.places).values():
            if site["type"] == "sample" and site["is_observed"]:
                density = site["fn"].log_prob(site["value"])
                scale = site.get("scale")
                total += jnp.sum(density if scale is None else scale * density)
        return total


@dataclass(frozen=True, eq=False)
class _Settings:
    """The settings of all latent sites in a row, of one point; traced by JAX."""

    model: _Model
    places: Mapping[str, Place]

    def __call__(self, theta: Any) -> Any:
        import jax.numpy as jnp

        trace = self.model.at(theta, self.places)
        rows = [row for name in self.places for row in settings_of(name, trace[name]["fn"])]
        return jnp.concatenate(rows).astype(theta.dtype)


def _tied(
    inputs: _Model,
    latent: Mapping[str, Any],
    places: Mapping[str, Place],
    upstream: Mapping[str, set[str]],
    names: list[str],
    circles: list[str],
) -> Prior:
    levels: dict[str, int] = {}
    sites, first = [], 0
    for name, site in latent.items():
        part = site["fn"]
        levels[name] = 1 + max((levels[other] for other in upstream[name]), default=-1)
        stop = first + sum(row.size for row in settings_of(name, part))
        settings = slice(first, stop)
        sites.append(Site(places[name].columns, settings, levels[name], kind_of(name, part)))
        first = stop
    values = np.concatenate([places[name].free(site["value"]) for name, site in latent.items()])
    read = Jax(_Settings(inputs, places), one_point=True)
    tied = Tied(read, tuple(sites), np.asarray(values, dtype=np.float64))
    return Prior.from_transform(
        names, tied.transform, inverse=tied.inverse, log_prob=tied.log_prob, periodic=circles
    )


def _latent(numpyro: Any, trace: Mapping[str, Any]) -> dict[str, Any]:
    """The latent sites, checked."""
    samples = {name: site for name, site in trace.items() if site["type"] == "sample"}
    latent = {name: site for name, site in samples.items() if not site["is_observed"]}
    if not latent or len(latent) == len(samples):
        got = "no latent site" if not latent else f"only latent ones ({', '.join(latent)})"
        raise ProblemError(
            f"Expected a numpyro model with latent and observed sites; got {got}; pass the model "
            "itself and its data, problem_from_numpyro(model, x, y), and give obs= to the sites of "
            "the data."
        )
    for name, site in trace.items():
        if site["type"] == "param":
            raise UnsupportedError(
                f"Expected a model without parameters to optimise; got numpyro.param {name!r}; "
                "give it a prior with numpyro.sample, or its value."
            )
        if site["type"] == "plate" and site["args"][1] not in (None, site["args"][0]):
            raise UnsupportedError(
                f"Expected all of the data; got the plate {name!r} with {site['args'][1]} of "
                f"{site['args'][0]}; leave subsample_size out."
            )
    for name, site in latent.items():
        if site["fn"].support.is_discrete:
            kind = type(site["fn"]).__name__
            raise UnsupportedError(
                f"Expected continuous latent sites; got {name!r}, which is discrete ({kind}); sum "
                "it out, for example with numpyro.distributions.MixtureSameFamily as the data's."
            )
        if site.get("scale") is not None and np.any(np.asarray(site["scale"]) != 1):
            raise UnsupportedError(
                f"Expected latent sites with the densities they are drawn from; got {name!r} under "
                "numpyro.handlers.scale; scale the data's sites alone."
            )
        if isinstance(site["fn"], numpyro.distributions.MaskedDistribution):
            raise UnsupportedError(
                f"Expected latent sites with the densities they are drawn from; got {name!r} under "
                "a mask; mask the data's sites alone."
            )
    return latent


def _upstream(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], latent: set[str]
) -> dict[str, set[str]]:
    """The latent sites that each latent site's distribution depends on."""
    from numpyro.infer.inspect import get_dependencies

    found = get_dependencies(model, args, kwargs)["prior_dependencies"]
    return {name: (set(found.get(name, ())) - {name}) & latent for name in latent}


def _circles(
    periodic: Collection[str], spread: Mapping[str, str], parts: Mapping[str, Any]
) -> list[str]:
    """The parameters that live on circles."""
    asked = {periodic} if isinstance(periodic, str) else set(periodic)
    unknown = asked - set(spread) - set(spread.values())
    circles = [element for element, name in spread.items() if asked & {element, name}]
    other = [
        e for e in circles if getattr(kind_of("", parts[spread[e]]), "family", "") != "uniform"
    ]
    if unknown or other:
        raise PriorError(
            "Expected periodic to name uniform sites of the model; got "
            f"{', '.join(sorted(unknown) or other)}; its parameters are {', '.join(spread)}."
        )
    return circles


def _tried(function: Callable[[], Any]) -> Any:
    """What the model gives; whatever it raises, told."""
    try:
        return function()
    except Exception as error:
        raise ProblemError(
            "Expected a numpyro model that runs with the arguments given, traced by JAX (no if on "
            f"a sampled value, and jax.numpy for numpy); got {type(error).__name__}: "
            f"{str(error).splitlines()[0][:200]}."
        ) from error
