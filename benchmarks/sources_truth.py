"""Evidence and masses of the task ``source_localisation_4d``, by quadrature in adaptive cells.

Prints orders 3 and 4 on coarse and on fine cells: their differences bound the error.

    python benchmarks/sources_truth.py
"""

import numpy as np

from skerry.tasks._sources import HALF, cells, label


def main():
    log_volume = 4.0 * np.log(2.0 * HALF)
    for grid, efficiency in ((10, 0.25), (14, 0.4)):
        table = cells(grid, efficiency)
        for order in (3, 4):
            integrals = table.integrals(order, label, 8)
            log_z = np.log(integrals.sum()) + table.log_bound.max() - log_volume
            masses = np.round(integrals / integrals.sum(), 6)
            print(f"{len(table.low)} cells, order {order}: log Z {log_z:.6f}, masses {masses}")


if __name__ == "__main__":
    main()
