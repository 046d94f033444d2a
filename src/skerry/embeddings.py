"""Embeddings: what a network makes of an observation before it decides on a posterior.

Observations are first standardised (:class:`Standard`). :class:`MLP` then takes all numbers as they
come; :class:`Set` takes an observation made of items in any order (independent repeats, events,
stars) and gives the same for every order. Any callable equinox module from one standardised
observation to a vector ``(e,)`` serves too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray
from skerry.errors import InputError
from skerry.flows.networks import Network, network

KNEE = 4.0  # standard deviations beyond which a number is drawn in
WIDE = 10.0  # a positive number's quantiles so far apart ask for its logarithm
TINY = 1e-30


@dataclass(frozen=True)
class MLP:
    """Settings of a plain network on the whole observation.

    Attributes:
        features: numbers it gives, e.
        width: hidden units.
        depth: hidden layers.
    """

    features: int = 32
    width: int = 128
    depth: int = 2

    def __post_init__(self) -> None:
        _check_counts(self)

    def build(self, x_shape: tuple[int, ...], seed: Seed) -> eqx.Module:
        """A fresh network for observations of that shape."""
        return _Plain(_lively([int(np.prod(x_shape)), *self._hidden, self.features], seed))

    @property
    def _hidden(self) -> list[int]:
        return [self.width] * self.depth


@dataclass(frozen=True)
class Set:
    """Settings of a network for sets: items in, order out (Zaheer et al. 2017).

    Each item passes one network; the mean of what comes out stands beside the items' own means,
    log standard deviations and correlations, and a second network takes it all. These moments are
    those of the numbers before they are drawn in, and are handed on besides, as they are: narrow
    posteriors need every digit. Observations are ``(items, item)``, or flat ``(items * item,)``.

    Attributes:
        item: numbers an item.
        features: numbers that the second network gives.
        width: hidden units.
        depth: hidden layers of each network.
        moments: whether the items' moments are handed on.
    """

    item: int = 1
    features: int = 32
    width: int = 64
    depth: int = 2
    moments: bool = True

    def __post_init__(self) -> None:
        _check_counts(self)

    def build(self, x_shape: tuple[int, ...], seed: Seed) -> eqx.Module:
        """A fresh network for observations of that shape."""
        self.check(x_shape)
        hidden = [self.width] * self.depth
        each = _lively([self.item, *hidden, self.width], seed.child("items"))
        told = self.width + self.moments * (2 * self.item + self.item * (self.item - 1) // 2)
        whole = _lively([told, *hidden, self.features], seed.child("whole"))
        return _Pooled(each, whole, self.item, self.moments)

    def check(self, x_shape: tuple[int, ...]) -> None:
        """Refuse observations that are not made of whole items."""
        if int(np.prod(x_shape)) % self.item or (len(x_shape) == 2 and x_shape[1] != self.item):
            raise InputError(
                f"Expected observations made of items of {self.item} numbers; got shape {x_shape}; "
                "pass embeddings.Set(item=...) with the length of one item."
            )


Embedding: TypeAlias = MLP | Set | Callable[..., Any] | None


class Standard(eqx.Module):
    """Numbers to a common scale: ``y = (x - centre) / spread``, drawn in beyond a knee.

    Beyond 4 spreads y grows like a logarithm, so that a wild number can't blind a network. Of those
    numbers, by their place in the flat observation, that ``logs`` names the logarithm is taken
    first.
    """

    centre: Array
    spread: Array
    logs: tuple[int, ...] = eqx.field(static=True, default=())

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """One observation, same shape."""
        return _drawn_in(self.plain(x))

    def plain(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """One observation to the common scale, not drawn in."""
        if self.logs:
            taken = np.zeros(int(np.prod(x.shape)), bool)
            taken[list(self.logs)] = True
            x = jnp.where(taken.reshape(x.shape), jnp.log(jnp.maximum(x, TINY)), x)
        return (x - jax.lax.stop_gradient(self.centre)) / jax.lax.stop_gradient(self.spread)

    def at(self, y: float) -> FloatArray:
        """The observation whose numbers all lie at y on the common scale."""
        x = np.asarray(self.centre, np.float64) + y * np.asarray(self.spread, np.float64)
        x.flat[list(self.logs)] = np.exp(x.flat[list(self.logs)])
        return x


def standard(x: FloatArray, embedding: Embedding) -> Standard:
    """The scale of observations ``(k, ...)``: medians, and spreads from quantiles.

    A number that is always positive, varies tenfold, and is more even in its logarithm, is scaled
    by that: populations, fluxes, times. For a :class:`Set` one scale serves all items, so that
    their order stays without meaning.
    """
    if isinstance(embedding, Set):
        embedding.check(np.shape(x)[1:])
    flat = np.asarray(x, np.float64).reshape(len(x), -1)
    item = embedding.item if isinstance(embedding, Set) else flat.shape[1]
    rows = flat.reshape(-1, item)
    logs = _even_in_logs(rows)
    rows = np.where(logs, np.log(np.where(logs, rows, 1.0).clip(TINY)), rows)
    centre = np.median(rows, axis=0)
    low, high = np.quantile(rows, [0.16, 0.84], axis=0)
    deviation = rows.std(axis=0)
    spread = np.where(high - low > 1e-3 * deviation, 0.5 * (high - low), deviation)
    spread = np.where(spread > 0, spread, 1.0)
    repeats = flat.shape[1] // item
    shape = x.shape[1:]
    middles, widths = (
        jnp.asarray(np.tile(values, repeats).reshape(shape).astype(np.float32))
        for values in (centre, spread)
    )
    return Standard(middles, widths, tuple(np.flatnonzero(np.tile(logs, repeats)).tolist()))


def _even_in_logs(rows: FloatArray) -> BoolArray:
    """Which columns of ``(n, item)`` are better told by their logarithms, ``(item,)``."""
    positive = (rows > 0).all(axis=0)
    low, middle, high = np.quantile(np.where(positive, rows, 1.0), [0.05, 0.5, 0.95], axis=0)
    plain, logs = high + low - 2 * middle, np.log(high) + np.log(low) - 2 * np.log(middle)
    wide = positive & (high > WIDE * low)
    leaning = np.abs(logs) * (high - low) < np.abs(plain) * np.log(high / low)
    return np.asarray(wide & leaning)


def build(embedding: Embedding, x_shape: tuple[int, ...], seed: Seed) -> Callable[[Any], Any]:
    """The module of an embedding, from one standardised observation to ``(e,)``.

    Raises:
        InputError: for anything that isn't an embedding, or doesn't give a vector.
    """
    if embedding is None:
        return _Flat()
    if isinstance(embedding, (MLP, Set)):
        found: Any = embedding.build(x_shape, seed)
    elif isinstance(embedding, eqx.Module) and callable(embedding):
        found = embedding
    else:
        raise InputError(
            "Expected embedding to be None, skerry.embeddings.MLP or Set, or a callable equinox "
            f"module; got {type(embedding).__name__}; pass for example embeddings.MLP()."
        )
    n_features(found, x_shape)
    return found


def n_features(module: Callable[[Any], Any], x_shape: tuple[int, ...]) -> int:
    """E, the length of what a module gives for one observation.

    Raises:
        InputError: if it gives anything but a vector.
    """
    try:
        given = eqx.filter_eval_shape(module, jax.ShapeDtypeStruct(x_shape, jnp.float32))
    except Exception as error:
        raise InputError(
            f"Expected an embedding of one observation of shape {x_shape}; it raised "
            f"{type(error).__name__}: {error}; mend it there."
        ) from error
    if getattr(given, "ndim", None) != 1:
        raise InputError(
            f"Expected an embedding that gives a vector (e,) for one observation of shape "
            f"{x_shape}; got {given}; flatten it."
        )
    return int(given.shape[0])


def to_spec(embedding: Embedding) -> dict[str, Any]:
    """An embedding's settings as plain values; a user's own module is named, not kept."""
    if embedding is None:
        return {"kind": "none"}
    if isinstance(embedding, (MLP, Set)):
        return {"kind": type(embedding).__name__.lower(), **asdict(embedding)}
    return {"kind": "own"}


def from_spec(spec: dict[str, Any], own: Embedding) -> Embedding:
    """The embedding of :func:`to_spec`'s value; a user's own must be given again.

    Raises:
        InputError: if it is needed and missing.
    """
    kinds: dict[str, Any] = {"mlp": MLP, "set": Set}
    settings = {name: value for name, value in spec.items() if name != "kind"}
    if spec["kind"] in kinds:
        return kinds[spec["kind"]](**settings)
    if spec["kind"] == "none":
        return None
    if own is None:
        raise InputError(
            "Expected the estimator's own embedding, which no file can hold; got none; pass "
            "skerry.load(path, embedding=module), a module of the same structure."
        )
    return own


class _Flat(eqx.Module):
    def __call__(self, x: Array) -> Array:
        return x.reshape(-1)


class _Plain(eqx.Module):
    net: Network

    def __call__(self, x: Array) -> Array:
        return self.net(x.reshape(-1))


class _Pooled(eqx.Module):
    each: Network
    whole: Network
    item: int = eqx.field(static=True)
    moments: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        items = x.reshape(-1, self.item)
        pooled = jnp.mean(jax.vmap(self.each)(items), axis=0)
        if not self.moments:
            return self.whole(pooled)
        moments = _moments(_drawn_out(items))
        return jnp.concatenate([self.whole(jnp.concatenate([pooled, moments])), moments])


def _drawn_in(y: Array) -> Array:
    far = jnp.maximum(jnp.abs(y) - KNEE, 0.0)
    return jnp.sign(y) * (jnp.minimum(jnp.abs(y), KNEE) + jnp.log1p(far))


def _drawn_out(y: Array) -> Array:
    """The inverse."""
    far = jnp.maximum(jnp.abs(y) - KNEE, 0.0)
    return jnp.sign(y) * (jnp.minimum(jnp.abs(y), KNEE) + jnp.expm1(far))


def _moments(items: Float[Array, "n p"]) -> Float[Array, " q"]:
    """Means, log standard deviations and correlations (as Fisher's z): of a common size."""
    mean = jnp.mean(items, axis=0)
    centred = items - mean
    covariance = centred.T @ centred / len(items)
    deviation = jnp.sqrt(jnp.diagonal(covariance) + 1e-12)
    rows, columns = np.tril_indices(items.shape[1], -1)
    correlation = covariance[rows, columns] / (deviation[rows] * deviation[columns])
    return jnp.concatenate([_drawn_in(mean), jnp.log(deviation), jnp.arctanh(0.9999 * correlation)])


def _lively(sizes: list[int], seed: Seed) -> Network:
    """A network whose last layer doesn't start at zero: something must come out of it."""
    fresh = network(sizes, seed.child("layers"))
    shape = fresh.weights[-1].shape
    last = seed.child("last").numpy().standard_normal(shape) * np.sqrt(1.0 / shape[1])
    return eqx.tree_at(lambda n: n.weights[-1], fresh, jnp.asarray(last.astype(np.float32)))


def _check_counts(settings: Any) -> None:
    for name, value in asdict(settings).items():
        if not isinstance(value, (int, np.integer)) or value < (0 if name == "moments" else 1):
            raise InputError(f"Expected {name} to be an int >= 1; got {value!r}.")
