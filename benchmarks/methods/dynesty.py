"""dynesty: dynamic nested sampling (Speagle 2020, arXiv:1904.02180)."""

from frame.found import Found

PACKAGES = ("dynesty", "numpy")
SETTINGS = (
    "DynamicNestedSampler and run_nested with their defaults (posterior weighted 80%, its own "
    "stop); one point at a time, which is all it can."
)
IMPOSSIBLE = -1e300  # in place of -inf


def prepare(_):
    import dynesty  # noqa: F401


def run(job):
    import dynesty
    import numpy as np

    sampler = dynesty.DynamicNestedSampler(
        lambda theta: max(job.one(theta), IMPOSSIBLE),
        job.from_cube,
        job.prior.ndim,
        periodic=job.periodic.tolist() or None,
        rstate=np.random.default_rng(job.seed),
    )
    sampler.run_nested(maxcall=job.max_calls, print_progress=False)
    result = sampler.results
    weights = np.exp(result.logwt - np.logaddexp.reduce(result.logwt))
    short = job.log_likelihood.n_calls >= job.max_calls
    return Found(
        result.samples,
        weights,
        float(result.logz[-1]),
        float(result.logzerr[-1]),
        float(1.0 / np.sum(weights**2)),
        "out of calls" if short else "finished",
        out_of_calls=short,
    )
