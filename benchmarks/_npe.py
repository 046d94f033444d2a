"""Neural posterior estimation of the package sbi with its defaults, as a method to compare with."""

import numpy as np


class Npe:
    """NPE with a neural spline flow.

    Trained in the parameters themselves for uniform priors; for others in coordinates in which the
    prior is a standard normal.
    """

    def __init__(self, task, budget, _, seed):
        import torch
        from sbi.inference import NPE
        from sbi.utils import BoxUniform

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self.prior = task.problem.prior
        low, high = np.asarray(self.prior.bounds).T
        parts = self.prior.parts or {}
        self.uniform = bool(parts) and all(
            getattr(getattr(p, "dist", None), "name", "") == "uniform" for p in parts.values()
        )
        d = self.prior.ndim
        if self.uniform:
            law = BoxUniform(self._tensor(low), self._tensor(high))
        else:
            law = torch.distributions.MultivariateNormal(torch.zeros(d), torch.eye(d))
        theta = self.prior.sample(int(budget), seed)
        x = task.simulate(theta, seed)
        inference = NPE(prior=law, density_estimator="nsf", show_progress_bars=False)
        inference.append_simulations(self._tensor(self._inner(theta)), self._tensor(x))
        inference.train()
        self.posterior = inference.build_posterior()

    def raw(self, x, n, seed):
        """Draws (n, d) for x (m,)."""
        import torch

        torch.manual_seed(seed)
        draws = self.posterior.sample((n,), x=self._tensor(x)[None], show_progress_bars=False)
        return self._outer(draws.numpy().astype(np.float64))

    def batch(self, x, n, seed):
        """Draws (k, n, d) for x (k, m)."""
        import torch

        torch.manual_seed(seed)
        draws = self.posterior.sample_batched((n,), x=self._tensor(x), show_progress_bars=False)
        draws = draws.numpy().astype(np.float64).transpose(1, 0, 2)
        return self._outer(draws.reshape(-1, draws.shape[2])).reshape(draws.shape)

    @staticmethod
    def _tensor(array):
        import torch

        return torch.as_tensor(np.array(array), dtype=torch.float32)

    def _inner(self, theta):
        return theta if self.uniform else self.prior.to_u(theta)

    def _outer(self, draws):
        return draws if self.uniform else self.prior.from_u(draws)
