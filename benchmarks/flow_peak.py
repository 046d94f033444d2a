"""How much of a core's matrix product a training step reaches: one run, one core.

    OMP_NUM_THREADS=1 python benchmarks/flow_peak.py [--core 0]

The peak is the best of many products of 1024 x 1024 matrices in float32, compiled by the same XLA,
in the same process; a product of the shapes of the step's own is shown beside it. A step's FLOP
are those of its networks' products alone (2 x multiply-adds, three times for value and gradient),
so that splines, activations, Adam and the held-out score count as time and not as work. Times are
of process CPU, the least of several.
"""

import argparse
import os
import time

import flow_speed
import jax
import jax.numpy as jnp
import numpy as np


def least(function, times):
    function()
    found = []
    for _ in range(times):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def product(m, k, n):
    """FLOP a second of (m, k) @ (k, n)."""
    generator = np.random.default_rng(0)
    a = jnp.asarray(generator.standard_normal((m, k)), jnp.float32)
    b = jnp.asarray(generator.standard_normal((k, n)), jnp.float32)
    multiply = jax.jit(jnp.matmul)
    repeats = max(1, round(2e8 / (m * k * n)))

    def several():
        for _ in range(repeats):
            found = multiply(a, b)
        found.block_until_ready()

    return 2.0 * m * k * n * repeats / least(several, 10)


def step_flop(density, batch):
    """Of the networks' products in a step."""
    weights = density.shape.couplings.conditioners.weights
    return 3 * 2.0 * batch * sum(int(np.prod(w.shape)) for w in weights)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--core", type=int)
    core = parser.parse_args().core
    if core is not None:
        os.sched_setaffinity(0, {core})
    peak = product(1024, 1024, 1024)
    own = product(flow_speed.WIDTH, flow_speed.WIDTH, 512)
    print(f"peak {peak / 1e9:.0f} GFLOP/s; of the step's own shape {own / 1e9:.0f}")
    print("start | layers | batch | step, ms | GFLOP/s | of the peak\n---|---|---|---|---|---")
    for start in flow_speed.STARTS:
        for layers in flow_speed.LAYERS:
            density = flow_speed.skerry_density(start, layers)
            for batch in flow_speed.BATCHES:
                _, times = flow_speed.skerry_fit(density, batch, 4)
                milliseconds = min(times[1:])
                rate = step_flop(density, batch) / (1e-3 * milliseconds)
                print(
                    f"{start} | {layers} | {batch:,} | {milliseconds:.2f} | {rate / 1e9:.1f} | "
                    f"{rate / peak:.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
