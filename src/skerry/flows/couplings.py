"""Coupling layers: the one place that knows flowjax.

A layer leaves one part of ``y`` as it is and maps the other, coordinate by coordinate, by a scalar
bijection whose parameters a network computes from the untouched part and the context; a fixed
permutation follows. The scalar bijections are flowjax's: ``RationalQuadraticSpline`` (Durkan et
al. 2019, identity outside ``[-bound, bound]``) and ``Affine`` (RealNVP, Dinh et al. 2017). The
networks end in zeros and the permutations compose to none, so a fresh stack is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flowjax.bijections import AbstractBijection, Affine, RationalQuadraticSpline
from flowjax.utils import get_ravelled_pytree_constructor
from jaxtyping import Array, Float
from paramax import unwrap

from skerry._seeds import Seed
from skerry.errors import InputError
from skerry.flows.networks import Network, network

LOG_SCALE_BOUND = 3.0


@dataclass(frozen=True)
class CouplingSettings:
    """The shape of a stack of coupling layers.

    Attributes:
        kind: ``"spline"`` (rational-quadratic) or ``"affine"`` (RealNVP).
        layers: number of layers; 0 for none.
        width: hidden units of each conditioner.
        depth: hidden layers of each conditioner.
        bins: bins of each spline.
        bound: splines act on ``[-bound, bound]`` and are the identity outside.
    """

    kind: Literal["spline", "affine"] = "spline"
    layers: int = 4
    width: int = 64
    depth: int = 2
    bins: int = 8
    bound: float = 6.0

    def __post_init__(self) -> None:
        if self.kind not in ("spline", "affine"):
            raise InputError(f"Expected kind 'spline' or 'affine'; got {self.kind!r}.")
        if self.layers < 0 or min(self.width, self.depth, self.bins) < 1 or self.bound <= 0:
            raise InputError(
                f"Expected layers >= 0, width, depth, bins >= 1 and bound > 0; got {self}."
            )


class Couplings(eqx.Module):
    """A stack of coupling layers between data ``y`` and base ``z``, both ``(d,)``: one point."""

    conditioners: Network
    permutations: Array
    dim: int = eqx.field(static=True)
    settings: CouplingSettings = eqx.field(static=True)

    def to_base(
        self, y: Float[Array, " d"], context: Float[Array, " c"]
    ) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """``z`` and ``log|dz/dy|``: the direction of densities and training."""
        if self.settings.layers == 0:
            return y, jnp.zeros(())
        fixed = _n_fixed(self.dim)

        def layer(carry, parts):  # type: ignore[no-untyped-def]
            (y, log_det), (conditioner, permutation) = carry, parts
            bijection = self._bijection(conditioner, y[:fixed], context)
            moved, log_dets = jax.vmap(lambda b, v: b.transform_and_log_det(v))(
                bijection, y[fixed:]
            )
            y = jnp.concatenate([y[:fixed], moved])[permutation]
            return (y, log_det + jnp.sum(log_dets)), None

        (z, log_det), _ = jax.lax.scan(
            layer, (y, jnp.zeros(())), (self.conditioners, self.permutations)
        )
        return z, log_det

    def from_base(self, z: Float[Array, " d"], context: Float[Array, " c"]) -> Float[Array, " d"]:
        """``y``: the direction of samples."""
        if self.settings.layers == 0:
            return z
        fixed = _n_fixed(self.dim)

        def layer(z, parts):  # type: ignore[no-untyped-def]
            conditioner, permutation = parts
            z = z[jnp.argsort(permutation)]
            bijection = self._bijection(conditioner, z[:fixed], context)
            moved = jax.vmap(_inverse)(bijection, z[fixed:])
            return jnp.concatenate([z[:fixed], moved]), None

        y, _ = jax.lax.scan(layer, z, (self.conditioners, self.permutations), reverse=True)
        return y

    def _bijection(self, conditioner: Network, seen: Array, context: Array) -> AbstractBijection:
        """The scalar bijections of one layer, stacked over the coordinates they move."""
        reach = 2 * self.settings.bound  # beyond it the parameters stay what they are there
        parameters = conditioner(jnp.concatenate([jnp.clip(seen, -reach, reach), context]))
        rows = parameters.reshape(self.dim - _n_fixed(self.dim), -1)
        return jax.vmap(_affine if self.settings.kind == "affine" else self._spline)(rows)

    def _spline(self, parameters: Array) -> AbstractBijection:
        template = _spline_template(self.settings)
        construct, _ = get_ravelled_pytree_constructor(template, filter_spec=eqx.is_inexact_array)
        return unwrap(construct(parameters))


def _affine(parameters: Array) -> AbstractBijection:
    scale = jnp.exp(LOG_SCALE_BOUND * jnp.tanh(parameters[1] / LOG_SCALE_BOUND))
    return eqx.tree_at(lambda a: a.scale, Affine(parameters[0]), scale)


def _spline_template(settings: CouplingSettings) -> AbstractBijection:
    return RationalQuadraticSpline(
        knots=settings.bins,
        interval=float(settings.bound),
        min_width=0.1 * settings.bound / settings.bins,
        min_derivative=0.05,
    )


def _inverse(bijection: AbstractBijection, y: Array) -> Array:
    """The scalar inverse; a spline's is ours, as flowjax's can be NaN by rounding.

    The root of the quadratic of Durkan et al. 2019 (eqs. 6-8), its discriminant kept from falling
    below zero and the root inside its bin.
    """
    if not isinstance(bijection, RationalQuadraticSpline):
        return bijection.inverse(y)
    low, high = bijection.interval
    xs, ys, slopes = bijection.x_pos, bijection.y_pos, bijection.derivatives
    inside = jnp.clip(y, low, high)
    k = jnp.clip(jnp.searchsorted(ys, inside) - 1, 0, len(ys) - 2)
    width, height, rise = xs[k + 1] - xs[k], ys[k + 1] - ys[k], inside - ys[k]
    slope = height / width
    bend = rise * (slopes[k] + slopes[k + 1] - 2 * slope)
    a, b = height * (slope - slopes[k]) + bend, height * slopes[k] - bend
    root = jnp.sqrt(jnp.maximum(b**2 + 4 * a * slope * rise, 0.0))
    share = jnp.clip(2 * slope * rise / (b + root), 0.0, 1.0)
    return jnp.where((y >= low) & (y <= high), xs[k] + share * width, y)


@cache
def _n_parameters(settings: CouplingSettings) -> int:
    if settings.kind == "affine":
        return 2
    template = jax.eval_shape(lambda: eqx.filter(_spline_template(settings), eqx.is_array))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(template))


def _n_fixed(dim: int) -> int:
    return dim // 2


def couplings(dim: int, context_dim: int, settings: CouplingSettings, seed: Seed) -> Couplings:
    """A fresh stack: the identity.

    Args:
        dim: d, the dimension of a point.
        context_dim: the length of the context vector (0: none).
        settings: its shape.
        seed: where the networks' weights and the permutations come from.
    """
    return (
        _none(dim, context_dim, settings)
        if not settings.layers
        else _stack(dim, context_dim, settings, seed)
    )


@cache
def _none(dim: int, context_dim: int, settings: CouplingSettings) -> Couplings:
    """No layers: one for all seeds."""
    return _stack(dim, context_dim, settings, Seed((0,)))


def _stack(dim: int, context_dim: int, settings: CouplingSettings, seed: Seed) -> Couplings:
    fixed = _n_fixed(dim)
    out = _n_parameters(settings) * (dim - fixed)
    sizes = [fixed + context_dim, *[settings.width] * settings.depth, out]
    return Couplings(
        conditioners=network(sizes, seed.child("conditioners"), (settings.layers,)),
        permutations=jnp.asarray(_permutations(dim, settings.layers, seed.child("permutations"))),
        dim=dim,
        settings=settings,
    )


def _permutations(dim: int, layers: int, seed: Seed) -> npt.NDArray[np.int32]:
    """One permutation a layer, the last of which undoes all before it: ``(layers, dim)``."""
    generator = seed.numpy()
    turn = np.roll(np.arange(dim), -max(dim // 2, 1))
    turns = [turn if dim <= 3 else generator.permutation(dim) for _ in range(layers - 1)]
    so_far = np.arange(dim)
    for permutation in turns:
        so_far = so_far[permutation]
    last = [np.argsort(so_far)] if layers else []
    return np.array([*turns, *last], np.int32).reshape(layers, dim)
