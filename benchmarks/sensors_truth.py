"""Evidence, masses and peaks of the task ``sensors_8d``, by importance sampling in its geometry.

The proposal draws distances as they are seen and follows the one free angle: nine draws of ten are
effective. ``certified_truths.py sensors_8d`` is the check that shares nothing with it.

    python benchmarks/sensors_truth.py
"""

import numpy as np
from certify import clipped_share, polished, weigh

from skerry.tasks._sensors import CERTIFIED, proposal


def main():
    inner = CERTIFIED.inner
    drawn = proposal(inner.log_target)
    for seed in (1, 2):
        result = weigh(inner.log_target, inner.label, 8, drawn, seed, n=5_000_000)
        clipped = clipped_share(inner.log_target, drawn, result.log_z, result.log_bound, 3)
        print(
            f"log Z {result.log_z:.5f} +- {result.log_z_error:.5f}, share {result.share:.3f}, "
            f"k-hat {result.khat:.2f}, bound {result.log_bound:.3f}, above it {clipped:.1e}\n"
            f"masses {np.round(result.masses, 5).tolist()}\n"
            f"errors {np.round(result.mass_errors, 5).tolist()}",
            flush=True,
        )
    for place in polished(CERTIFIED, result.peaks):
        print("(" + ", ".join(f"{x:.5f}" for x in place) + ")")


if __name__ == "__main__":
    main()
