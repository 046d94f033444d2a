"""Truths of the tasks that have no closed form, and the envelopes that draw from them.

For each task, two runs from different seeds that share nothing: tempered particles from the prior,
a mixture fitted to them, and fresh draws of the frozen mixture. Prints what the tasks' files hold;
``--write`` writes the first run's envelope to the package's data.

The numbers in the tasks' files are averages over such runs (rv_eccentric: six; quadrature in
85,000 four-dimensional cells gave log Z -40.5367 too).

    python benchmarks/certified_truths.py [--write] [names ...]
"""

import sys
import time
from pathlib import Path

import numpy as np
from certify import clipped_share, fit, particles, polished, weigh

from skerry.tasks import _labels, _periods, _sensors

DATA = Path(__file__).parent.parent / "src" / "skerry" / "data"
TARGETS = {t.name: t for t in (_labels.CERTIFIED, _periods.CERTIFIED, _sensors.CERTIFIED)}
STORED = ("label_switching_6d", "rv_eccentric")  # the sensors draw from their own geometry
FITS = {
    "rv_eccentric": {"max_islands": 60, "n": 40_000, "boost": True},
    "sensors_8d": {"max_islands": 100, "n": 50_000},
}


def certify(target, seed):
    """One run from the prior to fresh draws."""
    inner = target.inner
    prior = inner.prior()
    start = time.process_time()
    u, _, log_z, calls = particles(inner.log_likelihood, prior.from_u, prior.ndim, seed)
    x = inner.fold(prior.from_u(u))
    found = np.bincount(inner.label(x), minlength=inner.n_modes) / len(x)
    print(f" particles: log Z {log_z:.3f}, {calls} calls, masses {np.round(found, 3)}", flush=True)
    mixture = fit(inner.log_target, x, seed + 1, **FITS.get(target.name, {}))
    result = weigh(inner.log_target, inner.label, inner.n_modes, mixture, seed + 2)
    ends = result.log_z, result.log_bound
    clipped = clipped_share(inner.log_target, mixture, *ends, seed + 3)
    print(
        f" fresh draws: log Z {result.log_z:.5f} +- {result.log_z_error:.5f}, share "
        f"{result.share:.3f}, k-hat {result.khat:.2f}, bound {result.log_bound:.3f} (largest "
        f"{result.log_largest:.3f}), above it {clipped:.1e}, "
        f"{time.process_time() - start:.0f} CPU s\n"
        f" masses {np.round(result.masses, 5).tolist()}\n"
        f" errors {np.round(result.mass_errors, 5).tolist()}",
        flush=True,
    )
    return mixture, result


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("--")] or list(TARGETS)
    for name in names:
        print(name, flush=True)
        target = TARGETS[name]
        (mixture, first), (_, second) = certify(target, 100), certify(target, 200)
        gap = first.log_z - second.log_z
        z_masses = (first.masses - second.masses) / np.hypot(
            first.mass_errors + 1e-12, second.mass_errors
        )
        z = gap / np.hypot(first.log_z_error, second.log_z_error)
        print(f" apart: log Z {gap:.5f} (z = {z:.2f}), masses z = {np.round(z_masses, 2)}")
        for place in polished(target, first.peaks):
            print("  (" + ", ".join(f"{x:.5f}" for x in place) + ")", flush=True)
        if "--write" in sys.argv and name in STORED:
            np.savez_compressed(
                DATA / f"envelope_{name}.npz",
                means=mixture.means,
                roots=mixture.roots,
                log_shares=mixture.log_shares,
                dof=mixture.dof,
                log_bound=first.log_bound,
            )


if __name__ == "__main__":
    main()
