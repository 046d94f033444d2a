"""sbi: neural posterior estimation with a neural spline flow (Tejero-Cantero et al. 2020)."""

PACKAGES = ("sbi", "torch", "numpy")
SETTINGS = (
    "NPE, density_estimator='nsf', training with its defaults; in the parameters themselves for "
    "uniform priors, else where the prior is a standard normal."
)


def prepare(_):
    import sbi.inference  # noqa: F401


def train(task, n_simulations, seed):
    from _npe import Npe

    return Trained(Npe(task, n_simulations, None, seed))


class Trained:
    def __init__(self, npe):
        self.npe = npe

    def sample(self, x, n, seed):
        return self.npe.batch(x, n, seed)
