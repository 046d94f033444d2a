"""PyVBMC: variational inference with Gaussian processes (Huggins et al. 2023, arXiv:2303.09519)."""

from frame.found import Found, equal

PACKAGES = ("pyvbmc", "gpyreg", "numpy")
SETTINGS = (
    "VBMC with its defaults (at most 50 (d + 2) calls), hard bounds from the prior, plausible "
    "bounds at its 16% and 84% quantiles, started at a prior draw between them. Its answer is an "
    "approximation: 10,000 draws of it cost no calls, so calls per effective sample mean nothing. "
    "The ELBO stands for log Z."
)
DRAWS = 10_000


def prepare(clock):
    import gpyreg
    import pyvbmc  # noqa: F401

    clock.around(gpyreg.GP, "fit")


def run(job):
    import numpy as np
    from pyvbmc import VBMC

    d = job.prior.ndim
    low, high = np.asarray(job.prior.bounds, float).reshape(d, 2).T
    plausible = job.prior.from_u(np.stack([np.full(d, -1.0), np.full(d, 1.0)]))
    start = np.random.default_rng(job.seed).uniform(*plausible)

    def log_joint(theta):
        theta = np.atleast_2d(theta)
        return float(job.prior.log_prob(theta)[0]) + job.one(theta)

    np.random.seed(job.seed)  # noqa: NPY002 (parts of it draw from the global generator)
    sampler = VBMC(
        log_joint,
        start[None],
        low[None],
        high[None],
        plausible[:1],
        plausible[1:],
        options={"display": "off"},
    )
    approximation, results = sampler.optimize()
    draws, _ = approximation.sample(DRAWS)
    good = results["success_flag"]
    return Found(
        draws,
        equal(len(draws)),
        float(results["elbo"]),
        float(results["elbo_sd"]),
        None,
        "says it converged" if good else "says it did not converge",
    )
