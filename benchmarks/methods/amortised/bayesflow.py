"""BayesFlow: its basic workflow (Radev et al. 2023, arXiv:2306.16015)."""

import os

PACKAGES = ("bayesflow", "keras", "jax", "numpy")
SETTINGS = (
    "BasicWorkflow with its default coupling flow, fit_offline with its defaults (100 epochs, "
    "batches of 32), Keras on JAX; in the coordinates where the prior is a standard normal, so "
    "that no draw leaves it."
)


def prepare(clock):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import bayesflow  # noqa: F401

    clock.hear_jax()


def train(task, n_simulations, seed):
    import bayesflow
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    prior = task.problem.prior
    theta = prior.sample(n_simulations, seed)
    data = {"u": prior.to_u(theta), "x": task.simulate(theta, seed)}
    workflow = bayesflow.BasicWorkflow(inference_variables=["u"], inference_conditions=["x"])
    arrays = {name: np.asarray(values, np.float32) for name, values in data.items()}
    workflow.fit_offline(arrays, verbose=0)
    return Trained(workflow, prior)


class Trained:
    def __init__(self, workflow, prior):
        self.workflow, self.prior = workflow, prior

    def sample(self, x, n, seed):
        import keras
        import numpy as np

        keras.utils.set_random_seed(seed)
        conditions = {"x": np.asarray(x, np.float32)}
        u = self.workflow.sample(num_samples=n, conditions=conditions)["u"].astype(np.float64)
        return self.prior.from_u(u.reshape(-1, u.shape[-1])).reshape(u.shape)
