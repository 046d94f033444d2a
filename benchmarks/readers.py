"""How honest are the errors of posteriors made of other programs' points?

Two islands in a box, all of it known: z-scores of quantiles, of the first island's mass and of
log Z over many seeds, root mean square (largest). Needs the extra ``dev``.

    python benchmarks/readers.py --seeds 20 dynesty emcee
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from pathlib import Path

import numpy as np

import skerry
from skerry import interop

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from two_islands import LOG_EVIDENCE, MASSES, MEANS, PRIOR, draws, log_likelihood, scores


def transform(cube):
    return 10 * cube - 5


def dynesty_points(seed):
    import dynesty

    sampler = dynesty.NestedSampler(
        lambda theta: float(log_likelihood(theta)[0]),
        transform,
        2,
        nlive=200,
        bound="multi",
        sample="unif",
        rstate=np.random.default_rng(seed),
    )
    sampler.run_nested(print_progress=False, dlogz=0.05)
    return interop.from_dynesty(sampler.results, PRIOR)


def ultranest_points(seed):
    import ultranest

    np.random.seed(seed)  # noqa: NPY002
    sampler = ultranest.ReactiveNestedSampler(
        ["x", "y"], log_likelihood, transform=transform, vectorized=True
    )
    result = sampler.run(
        min_num_live_points=200, show_status=False, viz_callback=False, min_ess=400
    )
    return interop.from_ultranest(result, PRIOR)


def nautilus_points(seed):
    import nautilus

    prior = nautilus.Prior()
    prior.add_parameter("x", (-5, 5))
    prior.add_parameter("y", (-5, 5))
    sampler = nautilus.Sampler(
        prior,
        lambda columns: log_likelihood(np.stack([columns["x"], columns["y"]], axis=1)),
        n_live=300,
        n_networks=1,
        vectorized=True,
        pass_dict=True,
        seed=seed,
    )
    sampler.run(n_eff=600, discard_exploration=True)
    return interop.from_nautilus(sampler, PRIOR)


def emcee_points(seed):
    import emcee

    moves = [(emcee.moves.DEMove(), 0.6), (emcee.moves.StretchMove(), 0.4)]
    sampler = emcee.EnsembleSampler(
        40,
        2,
        lambda theta: log_likelihood(theta) + PRIOR.log_prob(theta),
        vectorize=True,
        moves=moves,
    )
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(draws(40, seed), 700)
    return interop.from_emcee(sampler, PRIOR, discard=100)


PROGRAMS = {
    "dynesty": dynesty_points,
    "ultranest": ultranest_points,
    "nautilus": nautilus_points,
    "emcee": emcee_points,
}


def measured(make, seeds):
    """Rows of z-scores: quantiles, mass, log Z."""
    found = {"quantiles": [], "mass": [], "log Z": []}
    for seed in range(seeds):
        posterior = skerry.fit(make(seed), density="islands", n_effective=200)
        first = min(posterior.modes, key=lambda mode: np.abs(mode.location - MEANS[0]).max())
        gap = posterior.log_evidence - LOG_EVIDENCE
        found["quantiles"].append(
            scores(posterior.samples, posterior.log_weights, posterior.n_effective)
        )
        found["mass"].append((first.mass - MASSES[0]) / first.mass_error)
        found["log Z"].append(gap / posterior.log_evidence_error)
    return {name: np.array(values) for name, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="*", default=[*PROGRAMS])
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for name in options.programs:
        cells = [
            f"{what} {np.sqrt(np.mean(z**2)):.2f} ({np.abs(z).max():.1f})"
            for what, z in measured(PROGRAMS[name], options.seeds).items()
        ]
        print(f"{name}, {options.seeds}: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
