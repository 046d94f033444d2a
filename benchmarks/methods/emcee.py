"""emcee: the affine-invariant ensemble (Foreman-Mackey et al. 2013, arXiv:1202.3665)."""

from frame.found import Found, equal

PACKAGES = ("emcee", "numpy")
WALKERS, EVERY, LENGTHS, CHANGE = 32, 100, 100, 0.01
SETTINGS = (
    f"{WALKERS} walkers (or 2 d + 2) from prior draws, the default move, until the chain is "
    f"{LENGTHS} autocorrelation times long and their estimate has changed by less than 1% (its "
    "tutorial on monitoring); two times burned. It estimates no evidence."
)


def prepare(_):
    import emcee  # noqa: F401


def run(job):
    import emcee
    import numpy as np

    walkers = max(WALKERS, 2 * job.prior.ndim + 2)
    rng = np.random.default_rng(job.seed)

    def log_posterior(theta):
        log_prior = np.atleast_1d(job.prior.log_prob(theta))
        values = np.full(len(theta), -np.inf)
        inside = np.isfinite(log_prior)
        if inside.any():
            values[inside] = log_prior[inside] + job.log_likelihood(theta[inside])
        return values

    start = job.prior.sample(100 * walkers, rng)
    start = start[np.isfinite(log_posterior(start))][:walkers]
    np.random.seed(job.seed)  # noqa: NPY002 (its generator is seeded from the global one)
    sampler = emcee.EnsembleSampler(walkers, job.prior.ndim, log_posterior, vectorize=True)
    time, done = np.inf, False
    for _ in sampler.sample(start, iterations=max(job.max_calls // walkers, EVERY)):
        if sampler.iteration % EVERY:
            continue
        now = sampler.get_autocorr_time(tol=0)
        done = bool(
            np.all(now * LENGTHS < sampler.iteration) and np.all(np.abs(time - now) < CHANGE * now)
        )
        time = now
        if done or job.log_likelihood.n_calls >= job.max_calls:
            break
    tau = float(np.nanmax(time))
    draws = sampler.get_chain(discard=int(2 * tau) if done else sampler.iteration // 2, flat=True)
    return Found(
        job.prior.wrap(draws),  # on circles walkers go round and round
        equal(len(draws)),
        None,
        None,
        len(draws) / tau,
        "finished" if done else "out of calls",
        out_of_calls=not done,
    )
