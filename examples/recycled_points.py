"""Points evaluated earlier, from a proposal whose density is known: no further likelihood call."""

import numpy as np
import scipy.stats as st

import skerry

rng = np.random.default_rng(0)
proposal = st.multivariate_t([0, 0], 4 * np.eye(2), df=5, seed=rng)
theta = proposal.rvs(20_000)
log_likelihood = -0.5 * ((theta[:, 0] ** 2 - 4) / 0.5) ** 2 - 0.5 * theta[:, 1] ** 2

posterior = skerry.fit(
    theta,
    log_likelihood,
    skerry.Prior({"x": st.norm(0, 3), "y": st.norm(0, 3)}),
    log_proposal=proposal.logpdf(theta),
    density="islands",
)
print(posterior.summary())
assert len(posterior.modes) == 2
