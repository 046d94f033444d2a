"""A JAX likelihood: compiled, in double precision, its gradients used to hunt for islands.

The observables are squares, so the signs of both parameters are free: four islands.
"""

import jax.numpy as jnp
import scipy.stats as st

import skerry

OBSERVED = jnp.array([1.0, 2.0])


def log_likelihood(theta):  # one point (d,) -> a number
    return -0.5 * jnp.sum(((theta**2 - OBSERVED) / 0.2) ** 2)


prior = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
posterior = skerry.infer(skerry.Problem(prior, log_likelihood, jax=True), n_effective=2_000)
print(posterior.summary())
assert len(posterior.modes) == 4
