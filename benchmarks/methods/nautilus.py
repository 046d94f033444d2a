"""nautilus: importance nested sampling with neural bounds (Lange 2023, arXiv:2306.16923)."""

from frame.found import Found

PACKAGES = ("nautilus-sampler", "scikit-learn", "numpy")
SETTINGS = (
    "Sampler and run with their defaults; n_eff as asked (its default is 10,000). It states no "
    "error of log Z; 1 / sqrt(n_eff), which its documentation suggests, is taken."
)


def prepare(clock):
    from nautilus.neural import NeuralNetworkEmulator

    clock.around(NeuralNetworkEmulator, "train")


def run(job):
    import numpy as np
    from nautilus import Sampler

    sampler = Sampler(
        job.from_cube,
        job.log_likelihood,
        n_dim=job.prior.ndim,
        periodic=job.periodic if len(job.periodic) else None,
        vectorized=True,
        pass_dict=False,
        seed=job.seed,
    )
    done = sampler.run(n_eff=job.n_effective, n_like_max=job.max_calls)
    samples, log_w, _ = sampler.posterior()
    return Found(
        samples,
        np.exp(log_w - np.logaddexp.reduce(log_w)),
        float(sampler.log_z),
        float(sampler.n_eff**-0.5),
        float(sampler.n_eff),
        "finished" if done else "out of calls",
        out_of_calls=not done,
    )
