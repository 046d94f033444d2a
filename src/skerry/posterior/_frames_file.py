"""Frames as arrays of a file."""

from __future__ import annotations

from typing import Any

from skerry.flows import Frames
from skerry.flows.bends import from_arrays as bends_from_arrays
from skerry.flows.bends import to_arrays as bends_to_arrays

FRAME_ARRAYS = ("means", "cholesky", "turns", "periodic")


def frames_arrays(prefix: str, frames: Frames) -> dict[str, Any]:
    bends = {f"{prefix}.bends.{name}": a for name, a in bends_to_arrays(frames.bends).items()}
    return {f"{prefix}.{name}": getattr(frames, name) for name in FRAME_ARRAYS} | bends


def frames_from(prefix: str, arrays: dict[str, Any]) -> Frames:
    parts = {name: arrays[f"{prefix}.{name}"] for name in FRAME_ARRAYS}
    start = f"{prefix}.bends."
    bends = {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
    return Frames(**parts, bends=bends_from_arrays(bends, len(parts["means"])))
