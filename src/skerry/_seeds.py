"""Random streams by name: one seed in, any number of independent streams out.

A seed is an int, a NumPy ``Generator`` or a JAX key. It becomes a :class:`Seed`, a value that is
never spent: ``seed.child("training", 3)`` is another seed, which depends on its path alone, so
that adding a stage changes no other stage. Only ``seed.numpy()`` and ``seed.jax()`` make
generators, and each path makes one.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from skerry.errors import InputError

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Seed:
    """A place in the tree of random streams."""

    path: tuple[int, ...]

    def child(self, *names: str | int) -> Seed:
        """The seed of a named stage (names are hashed, ints are taken as they are)."""
        words = tuple(zlib.crc32(n.encode()) if isinstance(n, str) else int(n) for n in names)
        return Seed(self.path + words)

    def _sequence(self) -> np.random.SeedSequence:
        return np.random.SeedSequence([len(self.path), *self.path])

    def numpy(self) -> np.random.Generator:
        """A NumPy generator for this place."""
        return np.random.default_rng(self._sequence())

    def jax(self) -> jax.Array:
        """A JAX key for this place."""
        import jax

        return jax.random.key(int(self._sequence().generate_state(1)[0]))


SeedLike: TypeAlias = "int | np.integer[Any] | np.random.Generator | jax.Array | Seed"


def as_seed(seed: SeedLike) -> Seed:
    """Any seed a user may pass, as a :class:`Seed`.

    An int or a JAX key gives the same seed each time; a ``Generator`` is advanced, as NumPy's
    users expect.

    Raises:
        InputError: for anything else (None too: results must be reproducible).
    """
    if isinstance(seed, Seed):
        return seed
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if seed < 0:
            raise InputError(f"Expected a seed >= 0; got {seed}; pass a non-negative int.")
        return Seed((int(seed),))
    if isinstance(seed, np.random.Generator):
        return Seed(tuple(int(v) for v in seed.integers(0, 2**32, size=4)))
    if "jax" in sys.modules and isinstance(seed, sys.modules["jax"].Array):  # none before it is
        import jax

        typed = jax.dtypes.issubdtype(seed.dtype, jax.dtypes.prng_key)
        data = np.asarray(jax.random.key_data(seed) if typed else seed)
        if data.ndim == 1 and data.dtype == np.uint32:
            return Seed(tuple(int(v) for v in data))
    raise InputError(
        f"Expected a seed: an int, a numpy Generator or a JAX key; got {type(seed).__name__}; "
        "pass for example seed=0."
    )
