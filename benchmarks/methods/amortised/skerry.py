"""Skerry's estimator, and its refinement by the likelihood."""

PACKAGES = ("skerry", "jax", "numpy")
SETTINGS = (
    "skerry.amortize with its defaults, on simulations and the likelihood; sets of iid items get "
    "the embedding for sets, the choice a user makes."
)
SETS = {"slcp": 2}  # tasks whose observations are sets, and the size of an item


def prepare(clock):
    import skerry  # noqa: F401

    clock.hear_jax()


def problem(task):
    """What the estimator gets to see: prior and likelihood, no forward model."""
    import skerry

    def log_likelihood(theta, x):
        return task.problem.log_likelihood(theta, x)

    return skerry.Problem(task.problem.prior, log_likelihood, jax=False, pairwise=True)


def train(task, n_simulations, seed):
    import skerry

    item = SETS.get(task.name)
    extra = {"embedding": skerry.embeddings.Set(item=item)} if item else {}
    return Trained(
        skerry.amortize(
            problem(task),
            simulator=task.simulator,
            n_simulations=n_simulations,
            seed=seed,
            **extra,
        )
    )


class Trained:
    def __init__(self, estimator):
        self.estimator = estimator

    def sample(self, x, n, seed):
        import numpy as np

        return np.asarray(self.estimator.sample(x, n, seed))

    def refine(self, x, n_effective, seed):
        return self.estimator.posterior(x, n_effective=n_effective, seed=seed)
