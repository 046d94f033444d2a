"""Skerry itself."""

from frame.found import Found

PACKAGES = ("skerry", "jax", "numpy")
SETTINGS = "skerry.infer with its defaults, stopped by the effective samples asked for."


def prepare(clock):
    import skerry  # noqa: F401
    from skerry.training import _fit

    clock.hear_jax()
    clock.around(_fit, "fit")


def run(job):
    import numpy as np

    import skerry

    problem = skerry.Problem(job.prior, job.log_likelihood)
    found = skerry.infer(
        problem, n_effective=job.n_effective, max_calls=job.max_calls, seed=job.seed
    )
    return Found(
        found.samples,
        np.exp(found.log_weights),
        found.log_evidence,
        found.log_evidence_error,
        found.n_effective,
        found.status.name.lower(),
        out_of_calls=found.n_calls >= job.max_calls,
    )
