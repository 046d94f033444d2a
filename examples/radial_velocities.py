"""Real data: a planet of K2-24 from eleven visits. Which period? And how surely?

K2-24 has two planets, near 20.9 and 42.4 days. One planet, on an eccentric orbit, is fitted to
every third visit: islands of periods at the aliases of the sampling, with curved ridges in angles.
The linear parameters (the star's own velocity, and the amplitude split into cos w and sin w) are
integrated out in closed form, so four parameters are left.
"""

import csv
from importlib import resources

import numpy as np
import scipy.stats as st

import skerry

with resources.files("skerry").joinpath("data", "k2_24_rv.csv").open() as file:
    VISITS = np.array([[float(x) for x in row.values()] for row in csv.DictReader(file)])[::3]
TIME, VELOCITY, ERROR = VISITS[:, 0] - VISITS[0, 0], VISITS[:, 1], VISITS[:, 2]  # days, m/s
PRIOR_SD = np.array([100.0, 10.0, 10.0])  # of the star's velocity and the two amplitudes, m/s


def true_anomaly(mean_anomaly, e):
    """Kepler's equation by Newton's method, from a start that converges for every e < 1."""
    m = np.mod(mean_anomaly + np.pi, 2 * np.pi) - np.pi
    E = m + 0.85 * e * np.sign(np.sin(m))
    for _ in range(30):
        E = np.clip(E - (E - e * np.sin(E) - m) / (1 - e * np.cos(E)), -np.pi, np.pi)
    return 2 * np.arctan2(np.sqrt(1 + e) * np.sin(E / 2), np.sqrt(1 - e) * np.cos(E / 2))


def log_likelihood(theta):  # (n, 4) -> (n,)
    log_period, e, mean_anomaly, log_jitter = theta.T[:, :, None]
    e = np.minimum(e, 1 - 1e-9)
    f = true_anomaly(mean_anomaly + 2 * np.pi * TIME * np.exp(-log_period), e)
    design = np.stack([np.ones_like(f), np.cos(f) + e, -np.sin(f)], axis=2)  # (n, 11, 3)
    weight = 1 / (ERROR**2 + np.exp(2 * log_jitter))  # (n, 11)
    weighted = design * weight[:, :, None]
    precision = np.swapaxes(weighted, 1, 2) @ design + np.diag(PRIOR_SD**-2)
    pull = np.einsum("nij,i->nj", weighted, VELOCITY)
    best = np.linalg.solve(precision, pull[:, :, None])[:, :, 0]
    fit = 0.5 * (np.sum(pull * best, axis=1) - np.sum(weight * VELOCITY**2, axis=1))
    log_dets = np.linalg.slogdet(precision)[1] + 2 * np.sum(np.log(PRIOR_SD))
    return fit - 0.5 * log_dets + 0.5 * np.sum(np.log(weight / (2 * np.pi)), axis=1)


prior = skerry.Prior(
    {
        "log_period": st.uniform(np.log(5), np.log(100 / 5)),  # 5 to 100 days
        "e": st.beta(1, 3),
        "mean_anomaly": skerry.Periodic(0, 2 * np.pi),  # at the first visit
        "log_jitter": st.uniform(np.log(0.5), np.log(20 / 0.5)),  # m/s
    }
)
posterior = skerry.infer(skerry.Problem(prior, log_likelihood), n_effective=5_000, seed=0)
print(posterior.summary())
skerry.plot.islands(posterior).savefig("periods.png")

# Islands rise from a plateau on which noise alone explains the velocities, whatever the period: so
# shares are summed here by period, not by mode. Beside them those of a long run by other means.
groups = np.searchsorted(np.log([7.6, 10.95, 13.42, 17.05, 22.67, 32.03]), posterior.samples[:, 0])
found = np.bincount(groups, np.exp(posterior.log_weights), minlength=7)
certified = np.array([0.0904, 0.1680, 0.1964, 0.0598, 0.0607, 0.0978, 0.3270])
for days, mass, truth in zip(
    (5.3, 7.9, 11.9, 14.9, 20.5, 23.8, 37.8), found, certified, strict=True
):
    print(f"about {days:4.1f} days: {100 * mass:5.1f} %   (long run: {100 * truth:4.1f} %)")
assert np.abs(found - certified).max() < 0.03
assert abs(posterior.log_evidence + 40.5369) < 5 * posterior.log_evidence_error
