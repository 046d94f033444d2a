"""Real data: the Higgs boson's couplings to W and Z, top, bottom and tau, from LHC Run 1.

Rates tell the size of a coupling, and its sign only where amplitudes interfere: eight islands, the
lightest with .4% of the mass. A re-fit of twenty signal strengths without their correlations, for
illustration (data: ATLAS and CMS, arXiv:1606.02266; formulas: its Table 4).
"""

import csv
from importlib import resources

import numpy as np
import scipy.stats as st

import skerry

with resources.files("skerry").joinpath("data", "higgs_run1.csv").open() as file:
    ROWS = list(csv.DictReader(file))  # production, decay, mu, err_up, err_down


def log_likelihood(kappa):  # (n, 4) -> (n,)
    v, t, b, tau = kappa.T
    gluon = 1.06 * t**2 + 0.01 * b**2 - 0.07 * t * b
    photon = 1.59 * v**2 + 0.07 * t**2 - 0.66 * v * t
    width = 0.57 * b**2 + 0.25 * v**2 + 0.09 * gluon + 0.06 * tau**2 + 0.03 * t**2
    width = np.maximum(width + 0.0023 * photon, 1e-12)
    production = {"ggF": gluon, "VBF": v**2, "WH": v**2, "ZH": v**2, "ttH": t**2}
    decay = {"gamgam": photon, "ZZ": v**2, "WW": v**2, "tautau": tau**2, "bb": b**2}
    chi2 = np.zeros(len(kappa))
    for row in ROWS:
        predicted = production[row["production"]] * decay[row["decay"]] / width
        miss = predicted - float(row["mu"])
        chi2 += (miss / np.where(miss > 0, float(row["err_up"]), float(row["err_down"]))) ** 2
    return -0.5 * chi2


prior = skerry.Prior(
    {
        "kappa_V": st.uniform(0, 2),  # its sign is a convention
        "kappa_t": st.uniform(-2, 4),
        "kappa_b": st.uniform(-2, 4),
        "kappa_tau": st.uniform(-2, 4),
    }
)
posterior = skerry.infer(skerry.Problem(prior, log_likelihood), n_effective=10_000, seed=1)
print(posterior.summary())
skerry.plot.islands(posterior).savefig("higgs.png")

# tau enters as a square alone: islands come in pairs of one mass. In the light ones top and W have
# opposite signs, which the photons disfavour. Quadrature gives them .394 and .401 % each.
light = posterior.modes[4:]
opposite = sum(mode.mass for mode in light)
print(f"opposite signs of top and W: {100 * opposite:.2f} % (quadrature: 1.59 %)")
assert len(posterior.modes) == 8
assert all(abs(mode.mass - 0.004) < 4 * mode.mass_error for mode in light)
assert abs(opposite - 0.0159) < 0.005
assert abs(posterior.log_evidence + 18.5309) < 5 * posterior.log_evidence_error
