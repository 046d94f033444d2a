"""Coupling layers, feature first: coordinates along the first axis, points along the last.

A layer leaves one part of ``y`` as it is and maps the other, coordinate by coordinate, by a scalar
bijection whose parameters a network computes from the untouched part and the context; a fixed
permutation follows. The scalar bijections are rational-quadratic splines
(:mod:`~skerry.flows.splines`) or affine (RealNVP, Dinh et al. 2017). The networks end in zeros and
the permutations compose to none, so a fresh stack is the identity.
"""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float

from skerry._seeds import Seed
from skerry.flows import splines
from skerry.flows.networks import Network, network
from skerry.flows.settings import CouplingSettings

LOG_SCALE_BOUND = 3.0


class Couplings(eqx.Module):
    """A stack of coupling layers between data ``y`` and base ``z``, both ``(d, n)``: n points."""

    conditioners: Network
    permutations: Array
    dim: int = eqx.field(static=True)
    settings: CouplingSettings = eqx.field(static=True)

    def to_base(
        self, y: Float[Array, "d n"], context: Float[Array, "c n"]
    ) -> tuple[Float[Array, "d n"], Float[Array, " n"]]:
        """``z`` and ``log|dz/dy|``: the direction of densities and training."""
        if self.settings.layers == 0:
            return y, jnp.zeros(y.shape[1])
        fixed = _n_fixed(self.dim)

        def layer(carry, parts):  # type: ignore[no-untyped-def]
            (y, log_det), (conditioner, permutation) = carry, parts
            raw = self._parameters(conditioner, y[:fixed], context)
            moved, log_slopes = self._forward(raw, y[fixed:])
            y = jnp.concatenate([y[:fixed], moved])[permutation]
            return (y, log_det + jnp.sum(log_slopes, axis=0)), None

        (z, log_det), _ = jax.lax.scan(
            layer, (y, jnp.zeros(y.shape[1])), (self.conditioners, self.permutations)
        )
        return z, log_det

    def from_base(
        self, z: Float[Array, "d n"], context: Float[Array, "c n"]
    ) -> Float[Array, "d n"]:
        """``y``: the direction of samples."""
        if self.settings.layers == 0:
            return z
        fixed = _n_fixed(self.dim)

        def layer(z, parts):  # type: ignore[no-untyped-def]
            conditioner, permutation = parts
            z = z[jnp.argsort(permutation)]
            raw = self._parameters(conditioner, z[:fixed], context)
            return jnp.concatenate([z[:fixed], self._inverse(raw, z[fixed:])]), None

        y, _ = jax.lax.scan(layer, z, (self.conditioners, self.permutations), reverse=True)
        return y

    def _parameters(self, conditioner: Network, seen: Array, context: Array) -> Array:
        """The raw parameters of one layer's bijections: ``(parameters, coordinates moved, n)``."""
        reach = 2 * self.settings.bound  # beyond it the parameters stay what they are there
        raw = conditioner(jnp.concatenate([jnp.clip(seen, -reach, reach), context]))
        return raw.reshape(self.dim - _n_fixed(self.dim), -1, raw.shape[-1]).swapaxes(0, 1)

    def _forward(self, raw: Array, y: Array) -> tuple[Array, Array]:
        if self.settings.kind == "spline":
            return splines.forward(raw, y, self.settings.bins, float(self.settings.bound))
        log_scale = _bounded(raw[1])
        return y * jnp.exp(log_scale) + raw[0], log_scale

    def _inverse(self, raw: Array, z: Array) -> Array:
        if self.settings.kind == "spline":
            return splines.inverse(raw, z, self.settings.bins, float(self.settings.bound))
        return (z - raw[0]) * jnp.exp(-_bounded(raw[1]))


def _bounded(log_scale: Array) -> Array:
    return LOG_SCALE_BOUND * jnp.tanh(log_scale / LOG_SCALE_BOUND)


def _n_parameters(settings: CouplingSettings) -> int:
    return 2 if settings.kind == "affine" else splines.n_parameters(settings.bins)


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
        permutations=jax.device_put(
            _permutations(dim, settings.layers, seed.child("permutations"))
        ),
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
