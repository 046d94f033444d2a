"""More and more data: y_ij ~ N(theta_j^2, 1), which tells nothing of the signs.

Three parameters, uniform in [-3, 3], so eight islands of equal mass, which shrink as n^(-1/2); the
likelihood goes through all n measurements of each parameter at each call. Its integral is a product
of one-dimensional ones, by the midpoint rule around the islands.
"""

import numpy as np

TRUE, HALF, PARTS = np.array([1.0, 1.5, 2.0]), 3.0, 200_001


def squares(n):
    """The task with n measurements of each parameter."""
    from skerry import Problem, tasks
    from skerry.tasks._task import uniform_prior

    y = TRUE**2 + np.random.default_rng([n, 7]).standard_normal((n, len(TRUE)))
    total, squared = y.sum(axis=0), np.square(y).sum(axis=0)
    constant = -0.5 * n * len(TRUE) * np.log(2.0 * np.pi)

    def log_likelihood(theta):
        found = np.full(len(theta), constant)
        for j, column in enumerate(y.T):
            for i, value in enumerate(theta[:, j] ** 2):
                found[i] -= 0.5 * np.sum(np.square(column - value))
        return found

    grid, log_cells = _grids(total, squared, n)
    sums = np.logaddexp.reduce(log_cells, axis=1)
    log_evidence = float(sums.sum() + constant - len(TRUE) * np.log(2.0 * HALF))
    corners = np.stack(np.meshgrid(*[[-1, 1]] * len(TRUE), indexing="ij"), -1).reshape(
        -1, len(TRUE)
    )
    peaks = np.sqrt(np.maximum(total / n, 0.0))

    def sampler(m, rng):
        draws = np.empty((m, len(TRUE)))
        for j in range(len(TRUE)):
            weights = np.exp(log_cells[j] - sums[j])
            cells = rng.choice(len(weights), size=m, p=weights / weights.sum())
            width = grid[j, 1] - grid[j, 0]
            draws[:, j] = grid[j, cells] + width * (rng.uniform(size=m) - 0.5)
        return draws * rng.choice([-1.0, 1.0], size=draws.shape)

    return tasks.Task(
        name=f"squares(n={n})",
        problem=Problem(uniform_prior(("a", "b", "c"), [-HALF] * 3, [HALF] * 3), log_likelihood),
        log_evidence=log_evidence,
        log_evidence_error=1e-6,
        modes=tuple(tasks.TaskMode(peaks * corner, 1.0 / len(corners)) for corner in corners),
        sampler=sampler,
        labeller=lambda theta: (theta > 0.0) @ np.array([4, 2, 1]),
        note="More data, narrower islands, dearer calls. A point belongs to its octant.",
        source="Quadrature.",
    )


def _grids(total, squared, n):
    """Midpoints (3, m) of |theta_j| around its peak, and log(2 L_j cell) at each."""
    # d^2/dtheta^2 of -sum (y - theta^2)^2 / 2 at the peak is 4 n theta^2
    grids, cells = [], []
    for s, q in zip(total, squared, strict=True):
        peak = np.sqrt(max(s / n, 0.0))
        reach = 12.0 / np.sqrt(max(4.0 * n * peak**2, 2.0 * np.sqrt(n)))
        low, high = max(peak - reach, 0.0), min(peak + reach, HALF)
        edges = np.linspace(low, high, PARTS)
        middle = 0.5 * (edges[1:] + edges[:-1])
        log_l = -0.5 * (q - 2.0 * middle**2 * s + n * middle**4)
        grids.append(middle)
        cells.append(log_l + np.log(2.0 * (edges[1] - edges[0])))
    return np.array(grids), np.array(cells)
