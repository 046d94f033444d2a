"""Densities as plain values and arrays of a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from skerry._seeds import Seed
from skerry.flows import CouplingSettings, Density, Frames, Gaussians, gaussian_mixture
from skerry.posterior._frames_file import frames_from

if TYPE_CHECKING:
    from skerry.flows import AbstractShape


def density_spec(density: Density) -> dict[str, Any]:
    """What the shape is, so that an empty one can be made."""
    shape: Any = density.shape
    if isinstance(shape, Gaussians):
        return {"form": "gaussians", "n_components": len(shape.log_masses)}
    from skerry.flows import Flow, Funnels

    if isinstance(shape, Funnels):
        return {"form": "funnels", "n_components": len(shape.log_masses)}
    one = isinstance(shape, Flow)
    return {
        "form": "mixture_base" if one else "flow_mixture",
        "couplings": asdict(shape.couplings.settings),
        "x_dim": shape.x_dim,
        "n_components": (shape.base if one else shape.islands).n_components,
        "frozen": shape.base.frozen if one else False,
    }


def density_leaves(density: Density) -> list[Any]:
    """The shape's arrays, in an order of their own."""
    if isinstance(density.shape, Gaussians):
        return [density.shape.log_masses]
    import equinox as eqx
    import jax

    return list(jax.tree.leaves(eqx.filter(density.shape, eqx.is_array)))


def _refuse_giants(
    settings: CouplingSettings, K: int, x_dim: int, told: bool, arrays: dict[str, Any]
) -> None:
    """Build no network larger than the arrays that a file holds."""
    leaves = [array.size for name, array in arrays.items() if name.startswith("leaf")]
    bins = settings.bins if settings.kind == "spline" else 1
    context = K if told else 1
    layer = max(settings.width * settings.depth, settings.width * context, bins)
    if max(settings.layers * layer, K, x_dim) > sum(leaves) or settings.depth > len(leaves):
        raise ValueError("its settings and arrays do not fit together")


def density_from(spec: dict[str, Any], arrays: dict[str, Any]) -> Density:
    """A fresh density of the same form, its arrays replaced by the stored ones."""
    frames, K = frames_from("frames", arrays), int(spec["n_components"])
    if spec["form"] == "gaussians":
        if arrays["leaf0"].shape != (K,) or frames.n_frames != K:
            raise ValueError("its components and frames do not fit together")
        return gaussian_mixture(frames, arrays["leaf0"])
    from skerry.flows import flow_mixture, funnel_mixture, mixture_base

    if spec["form"] == "funnels":
        if frames.n_frames != K:
            raise ValueError("its components and frames do not fit together")
        row, square = np.zeros((K, frames.dim)), np.zeros((K, frames.dim, frames.dim))
        parts = row, square + np.eye(frames.dim), square, square, row, row
        fresh = funnel_mixture(np.zeros(K), *parts, frames.periodic)
        if "leaf5" not in arrays:  # an older file: components that aren't warped
            arrays = {"leaf4": row.astype(np.float32), "leaf5": row.astype(np.float32)} | arrays
        return Density(frames, _restored(fresh, arrays))
    settings = CouplingSettings(**spec["couplings"])
    _refuse_giants(settings, K, int(spec["x_dim"]), spec["form"] == "flow_mixture", arrays)
    options: dict[str, Any] = {"settings": settings, "x_dim": int(spec["x_dim"])}
    if spec["form"] == "flow_mixture":
        fresh = flow_mixture(frames, np.zeros(K), Seed((0,)), **options)
    else:
        d = frames.dim
        blank = Frames(
            np.zeros((K, d)), np.tile(np.eye(d), (K, 1, 1)), np.zeros((K, d)), frames.periodic
        )
        fresh = mixture_base(blank, np.zeros(K), Seed((0,)), frozen=bool(spec["frozen"]), **options)
    return Density(frames, _restored(fresh, arrays))


def _restored(fresh: Density, arrays: dict[str, Any]) -> AbstractShape:
    """The same shape with the stored arrays."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    dynamic, static = eqx.partition(fresh.shape, eqx.is_array)
    leaves, structure = jax.tree.flatten(dynamic)
    found = [arrays[f"leaf{i}"] for i in range(len(leaves))]
    for leaf, own in zip(found, leaves, strict=True):
        if leaf.shape != own.shape or leaf.dtype != own.dtype:
            raise ValueError(f"an array of shape {own.shape} has shape {leaf.shape}")
    restored = jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in found])
    whole: AbstractShape = eqx.combine(restored, static)
    return whole
