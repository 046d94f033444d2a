"""UltraNest: reactive nested sampling with MLFriends (Buchner 2021, arXiv:2101.09604)."""

from frame.found import Found

PACKAGES = ("ultranest", "numpy")
SETTINGS = (
    "ReactiveNestedSampler and run with their defaults, and its own stop (400 effective samples "
    "at least), vectorised."
)
IMPOSSIBLE = -1e100  # it wants finite numbers


def prepare(_):
    import ultranest  # noqa: F401


def run(job):
    import logging

    import numpy as np
    import ultranest

    logging.getLogger("ultranest").setLevel(logging.ERROR)
    np.random.seed(job.seed)  # noqa: NPY002 (it draws from the global generator)
    sampler = ultranest.ReactiveNestedSampler(
        list(job.prior.names),
        lambda theta: np.maximum(job.log_likelihood(theta), IMPOSSIBLE),
        job.from_cube,
        wrapped_params=job.prior.periodic.tolist() if len(job.periodic) else None,
        vectorized=True,
    )
    result = sampler.run(max_ncalls=job.max_calls, show_status=False, viz_callback=False)
    weighted = result["weighted_samples"]
    short = result["ncall"] >= job.max_calls
    return Found(
        np.asarray(weighted["points"]),
        np.asarray(weighted["weights"]),
        float(result["logz"]),
        float(result["logzerr"]),
        float(result["ess"]),
        "out of calls" if short else "finished",
        out_of_calls=bool(short),
    )
