"""Evidence, masses and peaks of the Higgs tasks, by quadrature finer than their samplers need.

Prints the numbers that ``skerry/tasks/_higgs.py`` holds. The error is the larger of the changes
of log Z from order 3 to order 4 on the same cells, and from coarser to finer cells.

    python benchmarks/higgs_truth.py
"""

import numpy as np
from scipy.optimize import minimize

from skerry.tasks._higgs import VARIANTS, Variant, signs


def quadrature(variant: Variant, efficiency: float, order: int):
    """Log Z and masses (K,)."""
    cells = variant.cells(efficiency)
    integrals = cells.integrals(order, variant.label, len(signs(variant)))
    if variant.mirrored:
        integrals = integrals + integrals[np.arange(len(integrals)) ^ 1]
    log_volume = np.sum(np.log(np.subtract(variant.high, variant.low)))
    total = integrals.sum()
    return np.log(total) + cells.log_bound.max() - log_volume, integrals / total


def peak(variant: Variant, sign: tuple[int, ...]):
    """The likelihood's maximum within a choice of signs."""
    start = np.ones(len(variant.names))
    start[list(variant.signed)] = 0.85 * np.array(sign)
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
    for _ in range(3):
        found = minimize(
            lambda x: -variant.log_likelihood(x[None])[0],
            start,
            method="Nelder-Mead",
            options=options,
        )
        start = found.x
    assert variant.label(start[None])[0] == signs(variant).index(sign)
    return start, 2.0 * found.fun


def main():
    for name, variant in VARIANTS.items():
        coarse, _ = quadrature(variant, 0.3, 4)
        low_order, _ = quadrature(variant, 0.5, 3)
        log_z, masses = quadrature(variant, 0.5, 4)
        error = max(abs(log_z - coarse), abs(log_z - low_order))
        print(f"{name}\n        log_evidence=({log_z:.6f}, {error:.1e}),\n        peaks=(")
        for sign, mass in zip(signs(variant), masses, strict=True):
            where, chi2 = peak(variant, sign)
            place = ", ".join(f"{x:.5f}" for x in where)
            print(f"            (({place}), {mass:.7f}),  # chi^2 {chi2:.2f}")
        print("        ),")


if __name__ == "__main__":
    main()
