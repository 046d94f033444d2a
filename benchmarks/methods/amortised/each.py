"""No training: skerry.infer for each observation, which an estimator must save to pay."""

from methods.amortised.skerry import problem

PACKAGES = ("skerry", "jax", "numpy")
SETTINGS = "No training: skerry.infer with its defaults for each observation, one at a time."


def prepare(clock):
    import skerry  # noqa: F401

    clock.hear_jax()


def train(task, *_):
    return Each(task)


class Each:
    def __init__(self, task):
        self.problem = problem(task)

    def sample(self, *_):
        return None

    def refine(self, x, n_effective, seed):
        import skerry

        return skerry.infer(self.problem, x, n_effective=n_effective, seed=seed)
