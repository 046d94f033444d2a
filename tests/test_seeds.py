import jax
import numpy as np
import pytest

from skerry._seeds import Seed, as_seed
from skerry.errors import InputError


@pytest.mark.parametrize("seed", [7, np.int64(7), jax.random.key(7), jax.random.PRNGKey(7)])
def test_the_same_seed_gives_the_same_stream(seed):
    a, b = as_seed(seed), as_seed(seed)
    assert a.numpy().integers(2**60) == b.numpy().integers(2**60)
    assert jax.random.bits(a.jax()) == jax.random.bits(b.jax())


def test_a_generator_is_advanced():
    generator = np.random.default_rng(3)
    assert as_seed(generator) != as_seed(generator)
    assert as_seed(np.random.default_rng(3)) == as_seed(np.random.default_rng(3))


def test_children_depend_on_their_path_alone():
    seed = as_seed(1)
    assert seed.child("a", 2) == seed.child("a").child(2)
    streams = {s.numpy().integers(2**60) for s in (seed, seed.child("a"), seed.child("b"))}
    assert len(streams) == 3
    assert Seed((1, 0)).numpy().integers(2**60) != Seed((1,)).numpy().integers(2**60)


@pytest.mark.parametrize("seed", [None, 1.5, True, "x", np.zeros(2)])
def test_other_things_are_refused(seed):
    with pytest.raises(InputError, match="Expected a seed: an int, a numpy Generator or a JAX key"):
        as_seed(seed)


def test_negative_seeds_are_refused():
    with pytest.raises(InputError, match="seed >= 0; got -1"):
        as_seed(-1)
