"""A forward model with a noise model: a damped oscillation whose frequency is aliased.

Eight visits in regular steps can't tell a frequency from its aliases, so the posterior has islands.
"""

import numpy as np
import scipy.stats as st

import skerry

TIMES = np.arange(8) * 1.0


def signal(theta):  # (n, 3) -> (n, 8)
    amplitude, frequency, phase = theta.T[:, :, None]
    return amplitude * np.sin(2 * np.pi * frequency * TIMES + phase)


prior = skerry.Prior(
    {
        "amplitude": st.uniform(0.5, 2),
        "frequency": st.uniform(0.05, 1.9),
        "phase": skerry.Periodic(0, 2 * np.pi),
    }
)
problem = skerry.Problem(prior, forward=signal, noise=skerry.noise.Gaussian(0.3))
truth = np.array([[1.2, 0.23, 1.0]])
observed = problem.simulate(truth, seed=3)[0]

posterior = skerry.infer(problem, observed, n_effective=3_000, seed=0)
print(posterior.summary())
