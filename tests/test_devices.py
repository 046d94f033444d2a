"""Several devices: the same numbers as one, and the work is spread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

SCRIPT = textwrap.dedent("""
    import json
    import jax, numpy as np
    import skerry
    from skerry import flows
    from skerry._devices import spread
    from skerry._seeds import as_seed
    from skerry.training import Training, fit

    rng = np.random.default_rng(0)
    points = rng.normal(size=(1500, 2)) * [1.0, 0.3]
    points[:, 1] += 0.5 * points[:, 0] ** 2
    frames = flows.frames(points.mean(0)[None], np.cov(points.T)[None])
    settings = flows.CouplingSettings(layers=2, width=16, depth=1)
    start = flows.flow_mixture(frames, np.zeros(1), as_seed(1), settings=settings)
    told = Training(max_epochs=2, steps=20, batch=64, learning_rate=4e-3)
    fitted = fit(start, points, np.zeros(len(points)), seed=as_seed(2), settings=told)

    def simulate(theta, rng):
        return theta + 0.3 * rng.standard_normal(theta.shape)

    def log_likelihood(theta, x):
        return -0.5 * (((theta - x) / 0.3) ** 2).sum(axis=1)

    import scipy.stats as st
    prior = skerry.Prior({"a": st.norm(0, 1)})
    problem = skerry.Problem(prior, log_likelihood, pairwise=True)
    short = Training(max_epochs=2, steps=10, batch=64)
    estimator = skerry.amortize(
        problem, simulator=simulate, n_simulations=300, training=short, pools=None, seed=0
    )
    placed = spread(np.zeros((4096, 3)), 0)
    print(json.dumps({
        "devices": jax.device_count(),
        "parts": len(placed.sharding.device_set) if hasattr(placed, "sharding") else 1,
        "odd": len(spread(np.zeros(66), 0).sharding.device_set) if jax.device_count() > 1 else 1,
        "log_prob": fitted.density.log_prob(points[:300]).tolist(),
        "sample": fitted.density.sample(50, 3).tolist(),
        "score": fitted.held_out,
        "amortised": estimator.log_prob([[0.1], [0.4]], [0.2]).tolist(),
    }))
""")


def found(devices: int) -> dict:
    flags = f"--xla_force_host_platform_device_count={devices}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_four_devices_give_what_one_gives():
    """Trained on four, evaluated and sampled on four; sums in another order differ by rounding."""
    one, four = found(1), found(4)
    assert (one["devices"], one["parts"]) == (1, 1)
    assert (four["devices"], four["parts"], four["odd"]) == (4, 4, 3)
    for name in ("log_prob", "sample", "score", "amortised"):
        np.testing.assert_allclose(four[name], one[name], rtol=1e-3, atol=2e-3)
