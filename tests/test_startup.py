"""What a first answer waits for: heavy modules and compilations that it can do without."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import jax.numpy as jnp
import scipy.stats as st

import skerry
from compiling import compilations

HEAVY = ("jax", "equinox", "optax", "sklearn")


def test_a_numpy_problem_needs_no_jax(tmp_path):
    """From the prior to the saved file and back: all of it by NumPy and SciPy."""
    script = f"""
    import sys
    import numpy as np, scipy.stats as st
    import skerry

    prior = skerry.Prior({{"a": st.norm(0, 1), "b": st.uniform(0, 1)}})
    problem = skerry.Problem(prior, lambda t: -0.5 * np.sum((t - 0.5) ** 2, axis=1) / 0.1**2)
    posterior = skerry.infer(problem, n_effective=500, seed=0)
    posterior.summary()
    drawn = posterior.flow.sample(10, 0)
    before = posterior.log_prob(drawn)
    posterior.save({str(tmp_path / "run.npz")!r})
    again = skerry.load({str(tmp_path / "run.npz")!r})
    assert np.array_equal(again.log_prob(drawn), before)
    heavy = set(sys.modules) & set({HEAVY!r})
    assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(script)], check=True)


def test_a_likelihood_that_imports_jax_itself_is_in_double_precision():
    script = """
    import numpy as np, scipy.stats as st
    import skerry

    def log_likelihood(theta):
        import jax.numpy as jnp
        return -0.5 * jnp.sum((jnp.asarray(theta) - 1e-9) ** 2, axis=1)

    problem = skerry.Problem(skerry.Prior({"a": st.norm(0, 1)}), log_likelihood)
    theta = np.array([[0.3], [0.7]])
    for _ in range(2):
        found = skerry.evaluate.evaluate(problem, theta).log_likelihood
        assert np.abs(found + 0.5 * (theta[:, 0] - 1e-9) ** 2).max() < 1e-15, found
    """
    script = textwrap.dedent(script).replace("import skerry\n", "import skerry, skerry.evaluate\n")
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_rounds_of_other_sizes_compile_nothing_again():
    """Batches are padded to powers of two: a dozen shapes at most, and none of them twice."""

    def log_likelihood(theta):
        return -0.5 * jnp.sum(((theta**2 - 0.5) / 0.1) ** 2)

    prior = skerry.Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})
    problem = skerry.Problem(prior, log_likelihood, jax=True)
    first = compilations(lambda: skerry.infer(problem, n_effective=2_000, seed=0))
    assert 0 < first <= 12
    assert compilations(lambda: skerry.infer(problem, n_effective=2_000, seed=1)) <= 2
    assert compilations(lambda: skerry.infer(problem, n_effective=2_000, seed=0)) == 0
