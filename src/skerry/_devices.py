"""Several devices: points are spread over them, parameters are the same on each.

JAX partitions a compiled program by where its arguments lie: where a batch is spread along its
points, each device evaluates its own part, and gradients are summed over all. With one device
nothing is done at all. GPUs of one machine are devices; a CPU is one, unless
``XLA_FLAGS=--xla_force_host_platform_device_count=4`` says otherwise.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def spread(array: Any, axis: int) -> Any:
    """An array with its points, along an axis, spread over the devices.

    Over as many devices as divide the number of points; None stays None.
    """
    devices = jax.local_device_count()
    if devices == 1 or array is None:
        return array
    size = np.shape(array)[axis]
    parts = next(n for n in range(devices, 0, -1) if size % n == 0)
    names = [None] * np.ndim(array)
    names[axis] = "data"  # type: ignore[call-overload]
    return jax.device_put(array, NamedSharding(_mesh(parts), PartitionSpec(*names)))


@cache
def _mesh(parts: int) -> Mesh:
    return Mesh(np.array(jax.local_devices()[:parts]), ("data",))
