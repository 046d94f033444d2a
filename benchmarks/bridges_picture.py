"""Draws docs/images/bridges.png: a target, one flow with its bridges, and the islands.

All are trained on the same exact draws of a task: what differs is the form of the density alone.

    python benchmarks/bridges_picture.py [OUT.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import skerry
from skerry.flows import CouplingSettings

TASK, N_POINTS, CELLS, WINDOW = "himmelblau", 20_000, 280, 5.0
FORMS = {
    "one flow": {"density": "gaussian_base", "couplings": CouplingSettings(kind="affine")},
    "flow mixture": {"density": "flow_mixture"},
}


def main(path: Path) -> None:
    task = skerry.tasks.get(TASK)
    theta = task.sample(N_POINTS, seed=1)
    log_posterior = task.log_prob(theta)
    ticks = -WINDOW + (np.arange(CELLS) + 0.5) * 2 * WINDOW / CELLS
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    panels, notes = {"target": task.log_prob(grid).reshape(CELLS, CELLS)}, {}
    for name, options in FORMS.items():
        posterior = skerry.fit(
            theta,
            task.problem.log_likelihood(theta),
            task.problem.prior,
            log_proposal=log_posterior,
            **options,
        )
        bridge = skerry.metrics.bridge_mass(
            task.log_prob(posterior.flow.sample(100_000, seed=2)), task.hdr_level
        )
        panels[name] = posterior.log_prob(grid).reshape(CELLS, CELLS)
        notes[name] = (
            f"bridge mass {100 * bridge:.1f} %" if bridge > 5e-4 else "bridge mass below 0.1 %"
        )
        print(f"{name}: {bridge:.4f}")
    figure = skerry.plot.densities(
        panels, (-WINDOW, WINDOW, -WINDOW, WINDOW), notes=notes, outline="target"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    root = Path(__file__).parent.parent
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else root / "docs" / "images" / "bridges.png")
