"""A numpyro model as it is written, and all of its islands.

Two kinds of events of unknown places and shares: which kind is the first, nothing says. The model
has the same density twice, and a chain that starts on one island stays there. pip install numpyro.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import skerry

rng = np.random.default_rng(0)
EVENTS = np.concatenate([rng.normal(-1, 0.5, 70), rng.normal(1.5, 0.5, 30)])


def model(events):
    share = numpyro.sample("share", dist.Beta(2, 2))  # of the first kind
    width = numpyro.sample("width", dist.HalfNormal(1))
    with numpyro.plate("kinds", 2):
        place = numpyro.sample("place", dist.Normal(0, 3))
    kinds = dist.Categorical(probs=jnp.stack([share, 1 - share]))  # summed out, not sampled
    numpyro.sample("events", dist.MixtureSameFamily(kinds, dist.Normal(place, width)), obs=events)


problem = skerry.interop.problem_from_numpyro(model, EVENTS)
posterior = skerry.infer(problem, n_effective=2_000)
print(posterior.summary())
first, second = posterior.modes
assert abs(first.mass - 0.5) < 5 * first.mass_error
assert np.allclose(first.location[2:], second.location[:1:-1], atol=0.2)  # the places, exchanged
