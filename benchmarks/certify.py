"""Long, careful runs that certify a truth: tempered particles first, then importance sampling.

1. ``particles``: a sequential Monte Carlo run from the prior in small tempering steps, each
   followed by sweeps of Metropolis moves along differences of particles. It has its own evidence.
2. ``fit``: a mixture of Student t islands, grown on the particles and on draws of itself.
3. ``weigh``: fresh draws of the frozen mixture, weighted by the target: evidence, masses, errors.

Targets are log densities over the coordinates in which the prior is N(0, I), or over theta itself.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from skerry import modes, weights
from skerry._seeds import as_seed
from skerry.modes.splitting import grow_islands
from skerry.tasks._envelopes import StudentMixture

CLIPPED = 2e-5  # the share of the mass that rejection may cut off
HOT = 0.6


def particles(log_likelihood, from_u, ndim, seed, n=8000, keep=0.9, sweeps=12):
    """Particles (n, d) of the posterior in u, their log-likelihoods, and log Z."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((n, ndim))
    value = log_likelihood(from_u(u))
    beta, log_z, scale, calls = 0.0, 0.0, 1.0, n
    while beta < 1.0:
        step = _next_beta(value, beta, keep) - beta
        with np.errstate(invalid="ignore"):
            log_w = np.where(np.isfinite(value), step * value, -np.inf)
        log_z += logsumexp(log_w) - np.log(n)
        beta += step
        rows = weights.systematic_resample(weights.normalize(log_w), n, rng)
        rng.shuffle(rows)
        u, value = u[rows], value[rows]
        for sweep in range(sweeps):
            taken = 0
            halves = np.array_split(rng.permutation(n), 2)
            for own, other in (halves, halves[::-1]):
                moved = _moved(u[own], u[other], scale, sweep, rng)
                new = log_likelihood(from_u(moved))
                calls += len(own)
                log_ratio = beta * (new - value[own]) + 0.5 * (
                    np.sum(u[own] ** 2, 1) - np.sum(moved**2, 1)
                )
                accept = -rng.standard_exponential(len(own)) < log_ratio
                u[own[accept]], value[own[accept]] = moved[accept], new[accept]
                taken += accept.sum()
            if sweep % 4 != 3:
                scale = np.clip(scale * np.exp(0.4 * (taken / n - 0.25)), 0.02, 1.5)
    return u, value, log_z, calls


def _next_beta(value, beta, keep):
    """The next temperature: the effective share of the particles falls to ``keep``."""
    low, high = beta, 1.0
    finite = value[np.isfinite(value)]

    def share(b):
        w = np.exp((b - beta) * (finite - finite.max()))
        return w.sum() ** 2 / (w**2).sum() / len(finite)

    if share(1.0) >= keep:
        return 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share(middle) >= keep else (low, middle)
    return low


def _moved(own, other, scale, sweep, rng):
    """Steps along differences of other particles, three times of four between neighbours.

    Neither depends on where the moved particle is, so moves are as likely back as forth.
    """
    n, d = own.shape
    a, b = rng.integers(len(other), size=(2, n))
    if sweep % 4 == 3:
        step = np.where(rng.random(n) < 0.5, 1.0, 0.5)[:, None] * (other[a] - other[b])
    else:
        from scipy.spatial import cKDTree

        near = cKDTree(other).query(other, k=30 + 5 * d)[1]
        c, e = rng.integers(near.shape[1], size=(2, n))
        f, g = rng.integers(near.shape[1], size=(2, n))
        gap = other[near[a, c]] - other[near[a, e]] + other[near[a, f]] - other[near[a, g]]
        step = scale * gap * rng.standard_normal((n, 1))
    return own + step + 1e-5 * rng.standard_normal((n, d))


def fit(log_target, x, seed, n=40_000, rounds=3, max_islands=60, boost=False):
    """A Student mixture for a log density, grown on points x (n, d) and on draws of itself.

    A fifth of it is fitted to the target at temperature 1 / HOT: it covers the foothills.
    """
    rng = np.random.default_rng(seed)
    flat = np.zeros(len(x))
    start = modes.random_islands(x, flat, min(30, max_islands), as_seed(int(rng.integers(2**31))))
    cold = hot = grow_islands(start, x, flat, max_islands=max_islands)
    for number in range(rounds):
        mixture = joined(student(cold), student(hot), 0.2)
        drawn = mixture.sample(n, rng)
        value, log_g = log_target(drawn), mixture.log_prob(drawn)
        share = weights.effective_sample_size(value - log_g) / n
        print(f"  round {number}: {len(mixture.means)} islands, share {share:.3f}", flush=True)
        cold = grow_islands(cold, drawn, value - log_g, max_islands=max_islands)
        hot = grow_islands(hot, drawn, HOT * value - log_g, max_islands=max_islands)
    mixture = joined(student(cold), student(hot), 0.2)
    return boosted(log_target, mixture, seed) if boost else mixture


def boosted(log_target, mixture, seed, rounds=6, n=500_000, block=50_000, limit=1.2):
    """The mixture with islands added, round by round, where the target stands highest above it."""
    rng = np.random.default_rng(seed)
    for number in range(rounds):
        x = np.concatenate([mixture.sample(block, rng) for _ in range(n // block)])
        log_r = log_target(x) - mixture.log_prob(x)
        log_r -= logsumexp(log_r) - np.log(n)
        print(
            f"  boost {number}: {len(mixture.means)} islands, largest {log_r.max():.2f}", flush=True
        )
        high = log_r > limit
        log_w = np.log(np.expm1(log_r[high] - limit))
        log_w = np.minimum(log_w, np.quantile(log_w, 0.95))
        key = as_seed(int(rng.integers(2**31)))
        start = modes.random_islands(x[high], log_w, 12, key)
        extra = grow_islands(start, x[high], log_w, max_islands=30)
        mixture = joined(mixture, student(extra), 0.06)
    return mixture


def joined(first, second, share):
    """Both mixtures as one."""
    log_shares = first.log_shares + np.log1p(-share), second.log_shares + np.log(share)
    return StudentMixture(
        np.concatenate([first.means, second.means]),
        np.concatenate([first.roots, second.roots]),
        np.concatenate(log_shares),
        first.dof,
    )


def student(islands, dof=10.0, wider=1.1):
    """Gaussians as Student t, a little wider."""
    f = islands.frames
    return StudentMixture(f.means, f.cholesky * np.sqrt(wider), islands.log_masses, dof)


@dataclass(frozen=True)
class Weighed:
    """What fresh draws of a frozen mixture say."""

    log_z: float
    log_z_error: float
    masses: np.ndarray
    mass_errors: np.ndarray
    share: float
    khat: float
    log_bound: float  # of log(target / mixture), target normalised: CLIPPED of the mass is above
    log_largest: float  # the largest met
    peaks: np.ndarray  # the highest point met in each mode


def weigh(log_target, label, n_modes, mixture, seed, n=1_000_000, block=100_000):
    """Importance sampling with fresh draws."""
    rng = np.random.default_rng(seed)
    log_w, labels = [], []
    peaks, heights = [None] * n_modes, np.full(n_modes, -np.inf)
    for _ in range(n // block):
        x = mixture.sample(block, rng)
        value = log_target(x)
        log_w.append(value - mixture.log_prob(x))
        labels.append(label(x))
        for k in range(n_modes):
            mine = np.flatnonzero(labels[-1] == k)
            if len(mine) and value[mine].max() > heights[k]:
                best = mine[np.argmax(value[mine])]
                peaks[k], heights[k] = x[best], value[best]
    log_w, labels = np.concatenate(log_w), np.concatenate(labels)
    w = np.exp(log_w - log_w.max())
    mean, shares = w.mean(), w / w.sum()
    masses = np.bincount(labels, weights=shares, minlength=n_modes)
    errors = [np.sqrt(np.sum(shares**2 * ((labels == k) - masses[k]) ** 2)) for k in range(n_modes)]
    log_z = np.log(mean) + log_w.max()
    return Weighed(
        float(log_z),
        float(w.std() / mean / np.sqrt(len(w))),
        masses,
        np.array(errors),
        float(weights.effective_sample_size(log_w) / len(w)),
        float(weights.pareto_khat(log_w)),
        bound(log_w - log_z),
        float(log_w.max() - log_z),
        np.array(peaks),
    )


def bound(log_ratio):
    """The least log bound above which lies no more than CLIPPED of the mass."""
    ratio = np.sort(np.exp(log_ratio))[::-1]
    above = np.cumsum(ratio) - ratio * np.arange(1, len(ratio) + 1)
    return float(np.log(ratio[np.searchsorted(above / len(ratio), CLIPPED) - 1]))


def clipped_share(log_target, mixture, log_z, log_bound, seed, n=500_000):
    """The share of the mass above the bound, on other draws: what rejection cuts off."""
    x = mixture.sample(n, np.random.default_rng(seed))
    ratio = np.exp(log_target(x) - mixture.log_prob(x) - log_z)
    return float(np.mean(np.maximum(ratio - np.exp(log_bound), 0.0)))


def polished(target, inner_peaks, n_turns=40):
    """The peaks of the task's own posterior, climbed to from the best inner points."""
    from scipy.optimize import minimize

    prior, rng = target.prior(), np.random.default_rng(0)

    def height(theta):
        return prior.log_prob(theta) + target.log_likelihood(theta)

    places = []
    for k, x in enumerate(inner_peaks):
        tried = target.expand(np.repeat(x[None], n_turns, axis=0), rng)
        tried = tried[target.label(tried) == k]
        best = tried[np.argmax(height(tried))]
        for _ in range(6):
            best = minimize(
                lambda t: -height(prior.wrap(t[None]))[0],
                best,
                method="Nelder-Mead",
                options={"xatol": 1e-8, "fatol": 1e-11, "maxiter": 20_000, "maxfev": 20_000},
            ).x
        places.append(prior.wrap(best))
        print(
            f"  mode {k}: label {target.label(best[None])[0]}, height {height(best[None])[0]:.3f}"
        )
    return places
