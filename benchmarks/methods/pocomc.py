"""pocoMC: preconditioned Monte Carlo with flows (Karamanis et al. 2022, arXiv:2207.05660)."""

from frame.found import Found

PACKAGES = ("pocomc", "torch", "numpy")
SETTINGS = (
    "Sampler and run with their defaults (512 effective particles, 4,096 effective samples), "
    "vectorised, one thread of torch."
)


class CalledPrior:
    """A skerry.Prior as pocoMC wants one."""

    def __init__(self, prior, seed):
        import numpy as np

        self.prior, self.dim, self.bounds = prior, prior.ndim, np.asarray(prior.bounds, float)
        self.rng = np.random.default_rng(seed)

    def logpdf(self, theta):
        return self.prior.log_prob(theta)

    def rvs(self, size=1):
        return self.prior.sample(size, self.rng)


def prepare(clock):
    from pocomc.flow import Flow

    clock.around(Flow, "fit")


def run(job):
    import numpy as np
    import pocomc

    np.random.seed(job.seed)  # noqa: NPY002 (parts of it draw from the global generator)
    sampler = pocomc.Sampler(
        CalledPrior(job.prior, job.seed),
        job.log_likelihood,
        vectorize=True,
        periodic=job.periodic.tolist() or None,
        random_state=job.seed,
    )
    sampler.run(progress=False)
    samples, weights, _, _ = sampler.posterior()
    log_z, error = sampler.evidence()
    return Found(
        samples,
        weights,
        float(log_z),
        None if error is None else float(error),
        float(np.sum(weights) ** 2 / np.sum(weights**2)),
        "finished",
    )
