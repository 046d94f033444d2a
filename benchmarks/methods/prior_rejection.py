"""Prior draws and rejection: The Joker's scheme (Price-Whelan et al. 2017, arXiv:1610.07602)."""

from frame.found import Found, equal

PACKAGES = ("numpy",)
SETTINGS = (
    "All calls spent on prior draws, each kept with probability L / max L; the evidence is the "
    "mean likelihood. Few kept are few."
)
BATCH = 10_000


def prepare(_):
    pass


def run(job):
    import numpy as np

    rng = np.random.default_rng(job.seed)
    points, logs = [], []
    for start in range(0, job.max_calls, BATCH):
        theta = job.prior.sample(min(BATCH, job.max_calls - start), rng)
        points.append(theta)
        logs.append(job.log_likelihood(theta))
    theta, log_l = np.concatenate(points), np.concatenate(logs)
    relative = np.exp(log_l - log_l.max())
    kept = theta[rng.uniform(size=len(theta)) < relative]
    mean = relative.mean()
    return Found(
        kept,
        equal(len(kept)),
        float(log_l.max() + np.log(mean)),
        float(relative.std() / mean / np.sqrt(len(relative))),
        float(len(kept)),
        f"kept {len(kept):,} of {len(theta):,}",
    )
