"""Readers on runs of the programs themselves; see the extra ``interop``.

Set SKERRY_INTEROP=1 to make a missing package an error.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import skerry
from skerry import interop
from two_islands import MASSES, MEANS, PRIOR, SDS, assert_the_truth, draws, log_likelihood, needs

pytestmark = pytest.mark.slow
FAST = {"density": "islands", "n_effective": 200}
LOW, WIDTH = -5.0, 10.0


def transform(cube):
    return LOW + WIDTH * cube


def log_prob(theta):
    inside = (np.abs(theta) < 5).all(axis=1)
    return np.where(inside, log_likelihood(theta) - np.log(100.0), -np.inf)


def dynesty_run(seed, dynamic=False):
    import dynesty

    kind = dynesty.DynamicNestedSampler if dynamic else dynesty.NestedSampler
    options = {"bound": "multi", "sample": "unif", "rstate": np.random.default_rng(seed)}
    sampler = kind(
        lambda theta: float(log_likelihood(theta)[0]), transform, 2, nlive=200, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamic:
            sampler.run_nested(print_progress=False, maxiter=4000, nlive_init=150)
        else:
            sampler.run_nested(print_progress=False, dlogz=0.05)
    return sampler


@needs("dynesty")
@pytest.mark.parametrize("dynamic", [False, True])
def test_dynesty(dynamic):
    sampler = dynesty_run(1, dynamic)
    posterior = skerry.fit(interop.from_dynesty(sampler.results, PRIOR), **FAST)
    assert_the_truth(posterior)
    assert posterior.log_evidence == sampler.results["logz"][-1]
    assert posterior.n_calls == np.sum(sampler.results["ncall"])


@needs("dynesty", "anesthetic")
def test_anesthetic_nested_samples():
    import anesthetic

    results = dynesty_run(2).results
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = anesthetic.NestedSamples(
            results["samples"][:, ::-1], columns=["y", "x"], logL=results["logl"], logL_birth=200
        )
    recycled = interop.from_anesthetic(samples, PRIOR)
    assert_the_truth(skerry.fit(recycled, **FAST))
    theirs = interop.from_dynesty(results, PRIOR)
    assert recycled.evidence.log_evidence == pytest.approx(theirs.evidence.log_evidence, abs=0.02)
    assert recycled.evidence.error == pytest.approx(theirs.evidence.error, rel=0.2)
    order = np.argsort(results["logl"])
    shares = [np.exp(run.log_weights - run.log_weights.max()) for run in (recycled, theirs)]
    assert shares[0].sum() == pytest.approx(shares[1][order].sum(), rel=0.1)
    with pytest.raises(skerry.errors.InputError, match="anesthetic's NestedSamples, with logL"):
        interop.from_anesthetic(anesthetic.MCMCSamples(results["samples"]), PRIOR)


@needs("ultranest")
def test_ultranest(tmp_path):
    import ultranest

    np.random.seed(1)  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = ultranest.ReactiveNestedSampler(
            ["x", "y"],
            log_likelihood,
            transform=transform,
            vectorized=True,
            log_dir=str(tmp_path / "run"),
            resume="overwrite",
        )
        result = sampler.run(
            min_num_live_points=200, show_status=False, viz_callback=False, min_ess=400
        )
    memory = interop.from_ultranest(result, PRIOR)
    posterior = skerry.fit(memory, **FAST)
    assert_the_truth(posterior)
    disk = interop.from_ultranest(tmp_path / "run", PRIOR)
    np.testing.assert_allclose(disk.theta, memory.theta)
    np.testing.assert_allclose(disk.log_ratio, memory.log_ratio, atol=1e-9)
    assert disk.evidence == memory.evidence


@needs("nautilus")
def test_nautilus():
    import nautilus

    prior = nautilus.Prior()
    prior.add_parameter("y", (-5, 5))
    prior.add_parameter("x", (-5, 5))
    sampler = nautilus.Sampler(
        prior,
        lambda columns: log_likelihood(np.stack([columns["x"], columns["y"]], axis=1)),
        n_live=300,
        n_networks=1,
        vectorized=True,
        pass_dict=True,
        seed=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler.run(n_eff=600, discard_exploration=True)
        whole = interop.from_nautilus(sampler, PRIOR)
        points, log_w, log_l = sampler.posterior(return_as_dict=True)
        parts = interop.from_nautilus((points, log_w, log_l), PRIOR, log_z=sampler.log_z)
    posterior = skerry.fit(whole, **FAST)
    assert_the_truth(posterior)
    assert posterior.log_evidence_error == pytest.approx(sampler.n_eff**-0.5, rel=0.1)
    assert posterior.n_calls == sampler.n_like
    np.testing.assert_array_equal(parts.theta, whole.theta)
    np.testing.assert_allclose(parts.log_ratio, whole.log_ratio)


@needs("emcee", "h5py")
def test_emcee(tmp_path):
    import emcee

    moves = [(emcee.moves.DEMove(), 0.6), (emcee.moves.StretchMove(), 0.4)]
    backend = emcee.backends.HDFBackend(tmp_path / "chain.h5")
    backend.reset(40, 2)
    sampler = emcee.EnsembleSampler(40, 2, log_prob, vectorize=True, moves=moves, backend=backend)
    sampler.random_state = np.random.RandomState(1).get_state()
    sampler.run_mcmc(draws(40, 1), 700)
    posterior = skerry.fit(interop.from_emcee(sampler, PRIOR, discard=100), **FAST)
    assert_the_truth(posterior, evidence=False)
    assert 200 < posterior.n_effective < 40 * 600 / 4
    again = emcee.backends.HDFBackend(tmp_path / "chain.h5", read_only=True)
    disk = interop.from_emcee(again, PRIOR, discard=100)
    np.testing.assert_array_equal(disk.theta, interop.from_emcee(sampler, PRIOR, discard=100).theta)


def getdist_chains(n=4, rows=3000):
    """Chains of multiplicities, as Metropolis leaves them: independent points, geometric counts."""
    rng = np.random.default_rng(0)
    theta = draws(n * rows, 2).reshape(n, rows, 2)
    counts = rng.geometric(0.3, (n, rows)).astype(float)
    return theta, counts, np.array([-log_prob(chain) for chain in theta])


@needs("getdist")
def test_getdist(tmp_path):
    import getdist

    theta, counts, minus = getdist_chains()
    parts = {"samples": [*theta], "weights": [*counts], "loglikes": [*minus]}
    samples = getdist.MCSamples(**parts, names=["x", "y"], settings={"ignore_rows": 0})
    recycled = interop.from_getdist(samples, PRIOR)
    np.testing.assert_allclose(recycled.log_likelihood, log_likelihood(recycled.theta))
    assert_the_truth(skerry.fit(recycled, **FAST), evidence=False)
    expected = counts.sum() ** 2 / (counts**2).sum()
    assert 0.5 < recycled.n_independent / expected < 2
    assert "R-1 0.0" in recycled.assumed

    samples.getSeparateChains()
    root = tmp_path / "run"
    for k in range(4):
        rows = np.column_stack([counts[k], minus[k], theta[k, :, ::-1], np.zeros(3000)])
        np.savetxt(f"{root}_{k + 1}.txt", rows)
    (tmp_path / "run.paramnames").write_text("y  y\nx  x\nextra*  e\n")
    before = sorted(tmp_path.iterdir())
    disk = interop.from_getdist(root, PRIOR)
    assert sorted(tmp_path.iterdir()) == before
    np.testing.assert_allclose(disk.theta, recycled.theta)
    np.testing.assert_allclose(disk.log_likelihood, recycled.log_likelihood)
    with pytest.raises(skerry.errors.InputError, match=r"nowhere\.txt"):
        interop.from_getdist(tmp_path / "nowhere", PRIOR)


@needs("getdist")
def test_getdist_samples_of_a_nested_run_count_by_their_weights():
    import getdist

    rng = np.random.default_rng(3)
    theta = rng.uniform(-5, 5, (40_000, 2))
    log_l = log_likelihood(theta)
    samples = getdist.MCSamples(
        samples=theta,
        weights=np.exp(log_l),
        loglikes=-log_l,
        names=["x", "y"],
        sampler="nested",
        settings={"ignore_rows": 0},
    )
    recycled = interop.from_getdist(samples, PRIOR, loglikes="likelihood")
    assert recycled.n_independent is None
    posterior = skerry.fit(recycled, **FAST)
    assert_the_truth(posterior, evidence=False)
    np.testing.assert_allclose(posterior.log_likelihood, log_likelihood(posterior.samples))


@needs("pyarrow")
def test_parquet(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(4)
    k = rng.integers(0, 2, 4000)
    theta = MEANS[k] + 2 * SDS[k, None] * rng.standard_normal((4000, 2))
    squares = ((theta[:, None] - MEANS) ** 2).sum(axis=2) / (2 * SDS) ** 2
    log_g = np.log(np.exp(-squares / 2) @ (0.5 / (2 * np.pi * (2 * SDS) ** 2)))
    names = {"y": theta[:, 1], "log_likelihood": log_likelihood(theta), "x": theta[:, 0]}
    parquet.write_table(pa.table({**names, "log_proposal": log_g}), tmp_path / "t.parquet")
    posterior = skerry.fit(interop.read_table(tmp_path / "t.parquet", PRIOR), **FAST)
    assert_the_truth(posterior)
    assert posterior.log_evidence_error < 0.05
    assert MASSES.sum() == 1
    (tmp_path / "bad.parquet").write_text("x,y\n1,2\n")
    with pytest.raises(skerry.errors.InputError, match="Expected a Parquet file"):
        interop.read_table(tmp_path / "bad.parquet", PRIOR)
