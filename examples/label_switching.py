"""Label switching: a mixture of three Gaussians, whose components can trade names.

Any order of the components explains the data alike, so there are 3! islands of exactly 1/6 each.
A sampler that has seen some of them more often than others shows it here.
"""

import numpy as np
import scipy.stats as st

import skerry

rng = np.random.default_rng(5)
DATA = np.concatenate([rng.normal(m, s, 30) for m, s in [(-2.0, 0.6), (0.5, 0.9), (3.0, 0.7)]])


def log_likelihood(theta):  # means and log standard deviations, (n, 6) -> (n,)
    means, log_sds = theta[:, None, :3], theta[:, None, 3:]
    z = (DATA[:, None] - means) * np.exp(-log_sds)  # (n, 90, 3)
    each = np.logaddexp.reduce(-0.5 * z**2 - log_sds, axis=2)
    return each.sum(axis=1) - len(DATA) * np.log(3 * np.sqrt(2 * np.pi))


prior = skerry.Prior(
    {f"mean{k}": st.uniform(-6, 12) for k in (1, 2, 3)}
    | {f"log_sd{k}": st.uniform(-2, 3) for k in (1, 2, 3)}
)
posterior = skerry.infer(skerry.Problem(prior, log_likelihood), n_effective=10_000, seed=0)
print(posterior.summary())
skerry.plot.islands(posterior, parameters=["mean1", "mean2", "mean3"]).savefig("labels.png")

# The answer to a question that doesn't depend on names: sort the components of each draw.
draws = np.sort(posterior.sample(10_000, seed=1)[:, :3], axis=1)
for mean, sd in zip(draws.mean(axis=0), draws.std(axis=0), strict=True):
    print(f"a component at {mean:6.3f} +- {sd:.3f}")
assert len(posterior.modes) == 6
assert all(abs(mode.mass - 1 / 6) < 0.01 for mode in posterior.modes)
