"""The reference draws of the sbibm benchmark, and a check of Skerry's likelihoods against them.

    pip download --no-deps sbibm==1.1.0          # 19 MB: 10,000 draws for each of 100 posteriors
    python benchmarks/sbibm_reference.py --from sbibm-1.1.0-py2.py3-none-any.whl

Draws are read from the wheel, an unpacked copy, or an installed sbibm (which needs torch, and isn't
imported): the MIT-licensed files ``tasks/*/files/num_observation_*``. They aren't shipped.

The check. A heavy-tailed mixture g is fitted to half of a reference's draws, in the coordinates u
of the prior, and sampled; weights pi L / g from *our* likelihood turn its draws into the exact
posterior. Printed for each observation: the effective share of these draws; the largest
|difference of means| of the other half and the weighted draws over features (each u_j, u_i u_j), in
standard errors of both; C2ST of the reference and resampled draws with --c2st; and log Z - exact
in standard errors where the evidence is known.
"""

import argparse
import bz2
import importlib.util
import io
import zipfile
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from scipy.linalg import solve_triangular
from scipy.special import gammaln

FOLDERS = {"slcp_distractors": "slcp", "bernoulli_glm_raw": "bernoulli_glm"}
HELD = "files/num_observation_{}/reference_posterior_samples.csv.bz2"


def reference(task: str, observation: int, place: str | Path | None = None) -> np.ndarray:
    """The 10,000 reference draws (10000, d) of an observation, 1 to 10, of a task of sbibm.

    ``place``: the wheel, a folder that holds ``sbibm/tasks``, or None for the installed package.
    """
    name = f"sbibm/tasks/{FOLDERS.get(task, task)}/{HELD.format(observation)}"
    if place is None:
        found = importlib.util.find_spec("sbibm")
        if found is None:
            raise SystemExit("sbibm isn't installed: say where its files are with --from.")
        place = Path(found.submodule_search_locations[0]).parent
    if zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as wheel:
            packed = wheel.read(name)
    else:
        packed = (Path(place) / name).read_bytes()
    text = io.StringIO(bz2.decompress(packed).decode())
    return np.loadtxt(text, delimiter=",", skiprows=1, ndmin=2)


def find_reference(task, observation, place, n=10_000):
    """The benchmark's reference draws, or without its files our own exact ones, (n, d)."""
    if place is None and importlib.util.find_spec("sbibm") is None:
        return task.sample(task.observations[observation - 1], n, 10_000 + observation)
    return reference(task.name, observation, place)[:n]


class Mixture:
    """Student t components of 5 degrees of freedom, fitted to draws (n, d)."""

    def __init__(self, points, pieces, seed, dof=5.0):
        from sklearn.mixture import GaussianMixture

        fit = GaussianMixture(pieces, reg_covar=1e-8, tol=1e-2, random_state=seed)
        scale = points.std(axis=0)
        fit.fit(points / scale)
        self.shares, self.dof, self.means = fit.weights_, dof, fit.means_ * scale
        self.roots = scale[:, None] * np.linalg.cholesky(1.2 * fit.covariances_)

    def sample(self, n, rng):
        kind = rng.choice(len(self.shares), n, p=self.shares)
        z = rng.standard_normal((n, self.means.shape[1]))
        z /= np.sqrt(rng.chisquare(self.dof, (n, 1)) / self.dof)
        return self.means[kind] + np.einsum("nij,nj->ni", self.roots[kind], z)

    def log_prob(self, points):
        d, dof = points.shape[1], self.dof
        norm = gammaln((dof + d) / 2) - gammaln(dof / 2) - d / 2 * np.log(dof * np.pi)
        logs = []
        for share, mean, root in zip(self.shares, self.means, self.roots, strict=True):
            square = np.sum(solve_triangular(root, (points - mean).T, lower=True) ** 2, axis=0)
            log_t = norm - np.log(np.diag(root)).sum() - (dof + d) / 2 * np.log1p(square / dof)
            logs.append(np.log(share) + log_t)
        return np.logaddexp.reduce(logs, axis=0)


def exact_draws(task, x, start, n, seed, pieces):
    """Draws u (n, d) of a mixture fitted to ``start``, with log weights pi L / g from our L."""
    rng = np.random.default_rng(seed)
    prior = task.problem.prior
    proposal = Mixture(start, pieces, seed)
    u = proposal.sample(n, rng)
    log_prior = -0.5 * np.sum(u**2 + np.log(2.0 * np.pi), axis=1)
    log_l = task.problem.log_likelihood(prior.from_u(u), x)
    return u, np.where(np.isnan(log_l), -np.inf, log_l) + log_prior - proposal.log_prob(u)


def features(u):
    """u_j and u_i u_j, (n, d + d (d + 1) / 2)."""
    first, second = np.triu_indices(u.shape[1])
    return np.concatenate([u, u[:, first] * u[:, second]], axis=1)


def check(task, number, place, options):
    """A row of numbers for one observation."""
    from skerry.metrics import c2st

    theta = reference(task.name, number, place)
    x = task.observations[number - 1]
    u = task.problem.prior.to_u(theta)
    x_u, log_w = exact_draws(task, x, u[::2], options.draws, options.seed, options.pieces)
    w = np.exp(log_w - log_w.max())
    share = w.sum() ** 2 / np.sum(w**2) / len(w)
    ours, theirs = features(x_u), features(u[1::2])
    centre = theirs.mean(axis=0)
    mean = w @ (ours - centre) / w.sum()
    variance = (w**2) @ (ours - centre - mean) ** 2 / w.sum() ** 2
    z = np.abs(mean) / np.sqrt(variance + theirs.var(axis=0) / len(theirs))
    row = {"task": task.name, "observation": number, "share": share, "z": float(z.max())}
    row["features"] = len(z)
    row["log_z"] = float(np.log(w.mean()) + log_w.max())
    if task.evidence is not None:
        error = w.std() / w.mean() / np.sqrt(len(w))
        row["z_log_evidence"] = float((row["log_z"] - task.log_evidence(x)) / error)
    if options.c2st:
        rng = np.random.default_rng(options.seed)
        picked = rng.choice(len(w), 10_000, p=w / w.sum())
        row["c2st"] = c2st(theta, task.problem.prior.from_u(x_u[picked]))
    return row


def main():
    from skerry.tasks import amortised

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="place", help="the wheel, or a folder with sbibm/tasks")
    parser.add_argument("--tasks", nargs="+", default=list(amortised.names()[:10]))
    parser.add_argument("--observations", nargs="+", type=int, default=list(range(1, 11)))
    parser.add_argument("--draws", type=int, default=50_000)
    parser.add_argument("--pieces", type=int, default=20, help="components of the proposal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--c2st", action="store_true")
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()
    for name in options.tasks:
        rows = []
        for number in options.observations:
            rows.append(check(amortised.get(name), number, options.place, options))
            shown = (
                f"{k} {v:.3f}" if isinstance(v, float) else f"{v}" for k, v in rows[-1].items()
            )
            print("  ".join(shown), flush=True)
        columns = {key: [row[key] for row in rows] for key in rows[0] if key != "task"}
        head = {"kind": "sbibm_reference", "task": name, "draws": options.draws}
        append(head | columns | provenance(("skerry", "numpy", "scipy")), options.history)


if __name__ == "__main__":
    main()
