"""Exports: each read back by the library it is meant for; quantiles are those of the weights."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import interop
from skerry.errors import InputError
from two_islands import LEVELS, MEANS, SDS, Z, log_likelihood, needs, quantiles, scores

PRIOR = skerry.Prior(
    {"x": st.uniform(-5, 10), "rate_y": st.norm(0, 4), "a phase": skerry.Periodic(0, 2 * np.pi)}
)


@functools.cache
def posterior():
    """Two islands beside a phase around the seam, from draws of a wider density."""
    rng = np.random.default_rng(0)
    k = rng.integers(0, 2, 3000)
    theta = MEANS[k] + 1.5 * SDS[k, None] * rng.standard_normal((3000, 2))
    wide = np.log(
        0.5
        * np.exp(-((theta[:, None] - MEANS) ** 2).sum(axis=2) / (1.5 * SDS) ** 2 / 2)
        @ (1 / (2 * np.pi * (1.5 * SDS) ** 2))
    )
    phase = rng.vonmises(0, 2, 3000) % (2 * np.pi)
    log_l = log_likelihood(theta) + st.vonmises.logpdf(phase, 3, 0.3)
    log_g = wide + st.vonmises.logpdf(phase, 2)
    return skerry.fit(
        np.column_stack([theta, phase]),
        log_l,
        PRIOR,
        log_proposal=log_g,
        density="islands",
        n_effective=200,
    )


def truth(j):
    """Weighted quantiles of a parameter."""
    return quantiles(posterior().samples[:, j], posterior().log_weights)


def assert_shares(values, j, size):
    """The weighted share below each of these quantiles is its level, within sampling error."""
    order = np.argsort(posterior().samples[:, j])
    cumulative = np.cumsum(np.exp(posterior().log_weights[order]))
    places = np.searchsorted(posterior().samples[order, j], values)
    shares = cumulative[places.clip(max=len(order) - 1)]
    assert np.abs((shares - LEVELS) / np.sqrt(LEVELS * (1 - LEVELS) / size)).max() < Z


# ArviZ


def test_arviz_keeps_draws_weights_and_facts():
    p = posterior()
    tree = p.to_arviz(500, seed=1, observed={"counts": [1.0, 2.0]})
    assert set(tree.children) == {
        "posterior",
        "sample_stats",
        "weighted_posterior",
        "modes",
        "observed_data",
    }
    assert dict(tree["posterior"].sizes) == {"chain": 1, "draw": 500}
    drawn = np.stack([tree["posterior"][name].values[0] for name in p.names], axis=1)
    np.testing.assert_array_equal(drawn, p.sample(500, seed=1))
    weighted = tree["weighted_posterior"]
    for j, name in enumerate(p.names):
        assert_shares(np.quantile(drawn[:, j], LEVELS), j, 500)
        np.testing.assert_array_equal(weighted[name], p.samples[:, j])
    np.testing.assert_array_equal(weighted["log_weight"], p.log_weights)
    rows = p.resample(500, seed=1)
    np.testing.assert_array_equal(tree["sample_stats"]["mode"].values[0], p.labels[rows])
    np.testing.assert_array_equal(
        tree["sample_stats"]["log_likelihood"].values[0], p.log_likelihood[rows]
    )
    assert tree["modes"]["mass"].values.tolist() == [mode.mass for mode in p.modes]
    np.testing.assert_array_equal(
        tree["modes"]["location"].sel(parameter="x"), [mode.location[0] for mode in p.modes]
    )
    assert tree["observed_data"]["counts"].values.tolist() == [1.0, 2.0]
    assert tree.attrs["log_evidence"] == p.log_evidence
    assert tree.attrs["inference_library"] == "skerry"
    assert tree.attrs["status"].startswith("converged")
    assert tree["posterior"].attrs["khat"] == p.khat


def test_arviz_gets_as_many_draws_as_they_are_worth():
    tree = interop.to_arviz(posterior())
    assert tree["posterior"].sizes["draw"] == int(posterior().n_effective)
    assert "observed_data" not in tree.children
    assert interop.to_arviz(posterior(), 10, observed=np.ones((2, 3)))["observed_data"]["x"].shape


@needs("xarray_einstats")
def test_arviz_own_functions_take_the_tree():
    """Their traps too: psislw wants minus log weights, extract's stratified method ignores n."""
    import arviz_base as az
    import arviz_stats

    p = posterior()
    tree = p.to_arviz(400, seed=0)
    table = arviz_stats.summary(tree, kind="stats", round_to="none")
    np.testing.assert_allclose(
        table.loc["x", "mean"], p.sample(400, seed=0)[:, 0].mean(), rtol=1e-6
    )
    weighted = tree["weighted_posterior"]
    smoothed, khat = (-weighted["log_weight"]).azstats.psislw(dim="sample")
    assert float(khat) < 0.7
    smooth = np.exp(smoothed.values - np.max(smoothed.values))
    np.testing.assert_allclose(smooth @ p.samples[:, :2] / smooth.sum(), p.mean[:2], atol=0.05)
    wrong, _ = weighted["log_weight"].azstats.psislw(dim="sample")  # the sign one would expect
    wrong = np.exp(wrong.values - np.max(wrong.values))
    assert abs(wrong @ p.samples[:, 0] / wrong.sum() - p.mean[0]) > 0.2
    shares = np.exp(weighted["log_weight"].values)
    drawn = az.extract(
        tree,
        group="weighted_posterior",
        sample_dims="sample",
        weights=shares / shares.sum(),
        num_samples=400,
        resampling_method="multinomial",
        random_seed=0,
    )
    assert drawn.sizes["sample"] == 400
    assert_shares(np.quantile(drawn["x"].values, LEVELS), 0, 400)


@needs("h5netcdf")
def test_netcdf_holds_the_tree(tmp_path):
    import xarray as xr

    interop.to_netcdf(posterior(), tmp_path / "run.nc", 50, observed=[1.0])
    with xr.open_datatree(tmp_path / "run.nc", engine="h5netcdf") as tree:
        expected = posterior().to_arviz(50, observed=[1.0])
        for group in expected.children:
            assert tree[group].to_dataset().equals(expected[group].to_dataset())
        weighted = tree["weighted_posterior"]
        for j, name in enumerate(posterior().names):
            found = quantiles(weighted[name].values, weighted["log_weight"].values)
            np.testing.assert_allclose(found, truth(j))
        assert tree.attrs["log_evidence"] == posterior().log_evidence


# getdist


def assert_getdist(samples):
    p = posterior()
    names = ["x", "rate_y", "a_phase"]
    assert samples.paramNames.list() == names
    assert samples.parLabel("a_phase") == "a phase"
    for j, name in enumerate(names):
        found = [samples.confidence(name, level, upper=False) for level in LEVELS]
        at = np.searchsorted(np.sort(p.samples[:, j]), found)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, truth(j), atol=0.02 * np.ptp(truth(j)))
        assert at.min() > 0
    np.testing.assert_allclose(samples.getMeans()[:3], p.mean)
    np.testing.assert_allclose(samples.getCovMat().matrix, p.covariance, rtol=1e-9)
    log_p = p.log_likelihood + PRIOR.log_prob(p.samples)
    np.testing.assert_allclose(samples.loglikes, -log_p)
    assert samples.getLower("x") == -5
    assert samples.getUpper("x") == 5
    assert samples.getLower("rate_y") is None
    assert samples.ranges.periodic == {"a_phase"}


@needs("getdist")
def test_getdist_samples():
    samples = interop.to_getdist(posterior(), label="ours")
    assert_getdist(samples)
    assert samples.label == "ours"
    assert samples.sampler == "uncorrelated"
    assert samples.getEffectiveSamplesGaussianKDE(0) == pytest.approx(
        posterior().n_effective, rel=0.01
    )
    density = samples.get1DDensity("a_phase")
    assert density.Prob([0.0])[0] == pytest.approx(density.Prob([2 * np.pi])[0], rel=1e-6)
    assert density.Prob([0.0])[0] > 0.5


@needs("getdist")
def test_getdist_goes_there_and_back():
    back = interop.from_getdist(
        interop.to_getdist(posterior()),
        skerry.Prior({"x": st.uniform(-5, 10), "rate_y": st.norm(0, 4)}),
        loglikes="likelihood",
    )
    assert back.theta.shape == (len(posterior().samples), 2)
    assert back.n_independent is None


@needs("getdist")
def test_text_is_read_by_getdist(tmp_path):
    from getdist.mcsamples import loadMCSamples

    interop.to_text(posterior(), tmp_path / "run")
    samples = loadMCSamples(str(tmp_path / "run"), no_cache=True, settings={"ignore_rows": 0})
    assert_getdist(samples)


def test_text_is_weight_minus_log_posterior_parameters(tmp_path):
    p = posterior()
    files = interop.to_text(p, tmp_path / "run")
    assert [file.name for file in files] == ["run.txt", "run.paramnames", "run.ranges"]
    rows = np.loadtxt(files[0])
    np.testing.assert_array_equal(rows[:, 2:], p.samples)
    np.testing.assert_allclose(rows[:, 1], -(p.log_likelihood + PRIOR.log_prob(p.samples)))
    np.testing.assert_allclose(rows[:, 0] / rows[:, 0].sum(), np.exp(p.log_weights), rtol=1e-9)
    for j in range(3):
        with np.errstate(divide="ignore"):
            log_w = np.log(rows[:, 0] / rows[:, 0].sum())
        np.testing.assert_allclose(quantiles(rows[:, 2 + j], log_w), truth(j))
    labels = "x\tx\nrate_y\trate\\_y\na_phase\ta phase\n"
    assert files[1].read_text() == labels
    ranges = files[2].read_text().splitlines()
    assert ranges[:2] == ["x -5 5", "rate_y N N"]
    assert ranges[2].endswith(" periodic")


def test_text_of_a_posterior_without_its_prior_has_zeros(tmp_path):
    from dataclasses import replace

    files = interop.to_text(replace(posterior(), flow=None), tmp_path / "run")
    assert (np.loadtxt(files[0])[:, 1] == 0).all()
    assert files[2].read_text() == "x N N\nrate_y N N\na_phase N N\n"


# anesthetic, corner, pandas


@needs("anesthetic")
def test_anesthetic_samples():
    p = posterior()
    samples = interop.to_anesthetic(p, label="ours")
    for j, name in enumerate(p.names):
        found = samples[name].quantile(LEVELS)
        np.testing.assert_allclose(found, truth(j), atol=0.01 * np.ptp(truth(j)))
    np.testing.assert_allclose(samples[list(p.names)].mean(), p.mean)
    np.testing.assert_array_equal(samples.logL.to_numpy(), p.log_likelihood)
    assert samples.attrs["log_evidence"] == p.log_evidence
    assert samples.label == "ours"
    assert samples.neff(beta="kish") == pytest.approx(p.n_effective, rel=1e-6)


@needs("anesthetic")
def test_text_is_read_by_anesthetic(tmp_path):
    from anesthetic import read_chains

    interop.to_text(posterior(), tmp_path / "run")
    samples = read_chains(str(tmp_path / "run"))
    found = samples["x"].quantile(LEVELS)
    np.testing.assert_allclose(found, truth(0), atol=0.01 * np.ptp(truth(0)))


def test_corner_draws_the_weighted_quantiles():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    p = posterior()
    figure = interop.to_corner(p, title_fmt=".6f")
    try:
        assert len(figure.axes) == 9
        for j in range(3):
            axes = figure.axes[4 * j]
            lines = sorted(line.get_xdata()[0] for line in axes.lines[:3])
            expected = quantiles(p.samples[:, j], p.log_weights, (0.16, 0.5, 0.84))
            np.testing.assert_allclose(lines, expected, atol=0.01 * np.ptp(truth(j)))
            middle = float(re.search(r"(-?\d+\.\d+)", axes.get_title()).group(1))
            np.testing.assert_allclose(middle, expected[1], atol=0.01 * np.ptp(truth(j)))
        assert figure.axes[6].get_xlabel() == "x"
    finally:
        plt.close(figure)


def test_pandas_keeps_everything_and_is_a_table_again():
    p = posterior()
    frame = interop.to_pandas(p)
    assert list(frame.columns) == [*p.names, "log_weight", "log_likelihood", "mode"]
    for j, name in enumerate(p.names):
        np.testing.assert_allclose(quantiles(frame[name], frame["log_weight"].to_numpy()), truth(j))
    assert frame.attrs["log_evidence"] == p.log_evidence
    again = interop.from_table(frame, PRIOR)
    refitted = skerry.fit(again, density="islands", n_effective=200)
    np.testing.assert_allclose(refitted.samples, p.samples)
    np.testing.assert_allclose(refitted.log_weights, p.log_weights, atol=1e-9)


def test_the_posterior_that_is_exported_is_the_truth():
    p = posterior()
    assert np.abs(scores(p.samples, p.log_weights, p.n_effective)).max() < Z
    assert len(p.modes) == 2
    for mode, place in zip(p.modes, MEANS, strict=True):
        assert np.abs(mode.location[:2] - place).max() < 0.3


def test_names_that_do_not_fit_are_told():
    from dataclasses import replace

    p = replace(posterior(), names=("x", "mode", "a/b"))
    with pytest.raises(InputError, match="got mode, a/b; a name may hold no '/'"):
        p.to_arviz(10)
    with pytest.raises(InputError, match="got mode; rename the parameter"):
        interop.to_pandas(p)


@needs("getdist", "anesthetic")
def test_draws_that_no_likelihood_has_seen_can_be_exported(tmp_path):
    from dataclasses import replace

    p = replace(posterior(), log_likelihood=np.full(len(posterior().samples), np.nan))
    assert interop.to_getdist(p).loglikes is None
    assert interop.to_anesthetic(p)["x"].mean() == pytest.approx(p.mean[0])
    assert np.isnan(p.to_arviz(20)["sample_stats"]["log_likelihood"]).all()
    assert (np.loadtxt(interop.to_text(p, tmp_path / "run")[0])[:, 1] == 0).all()


@needs("getdist", "h5netcdf")
def test_names_with_places_and_settings_of_a_run_can_be_exported(tmp_path):
    """As numpyro's plates name them; an adaptive run's settings are attributes."""
    from dataclasses import replace

    import xarray as xr
    from getdist.mcsamples import loadMCSamples

    names = ("theta[0]", "theta[1]", "level[0,1]")
    settings = {"max_calls": None, "overlap": 1, "few_batches": False, "seed": "0", "n": 2.5}
    p = replace(posterior(), names=names, settings=settings, log_evidence=np.nan, flow=None)
    interop.to_text(p, tmp_path / "run")
    samples = loadMCSamples(str(tmp_path / "run"), no_cache=True, settings={"ignore_rows": 0})
    assert samples.paramNames.list() == list(names)
    np.testing.assert_allclose(samples.mean("theta[1]"), p.mean[1])
    assert interop.to_anesthetic(p)["theta[1]"].mean() == pytest.approx(p.mean[1])
    interop.to_netcdf(p, tmp_path / "run.nc", 20)
    with xr.open_datatree(tmp_path / "run.nc", engine="h5netcdf") as tree:
        np.testing.assert_array_equal(tree["weighted_posterior"]["level[0,1]"], p.samples[:, 2])
    assert [file.name for file in tmp_path.iterdir() if ".part" in file.name] == []


# The command line

KINDS = {
    "getdist": (["run.txt", "run.paramnames", "run.ranges"], "run"),
    "csv": (["run.csv"], "run.csv"),
    "netcdf": (["run.nc"], "run.nc"),
    "parquet": (["run.parquet"], "run.parquet"),
}


@pytest.mark.parametrize(
    "kind",
    [
        "getdist",
        "csv",
        pytest.param("netcdf", marks=needs("h5netcdf")),
        pytest.param("parquet", marks=needs("pyarrow")),
    ],
)
def test_the_command_line_exports_a_run(tmp_path, kind):
    from typer.testing import CliRunner

    from skerry.cli._app import app

    folder = tmp_path / "a run"
    folder.mkdir()
    posterior().save(folder / "posterior.npz")
    files, out = KINDS[kind]
    call = ["export", str(folder), str(tmp_path / "out" / out), "--to", kind]
    found = CliRunner().invoke(app, call)
    assert found.exit_code == 0, found.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(files)
    assert all(str(tmp_path / "out" / name) in found.output for name in files)
    if kind == "netcdf":
        import xarray as xr

        with xr.open_datatree(tmp_path / "out" / out, engine="h5netcdf") as tree:
            draws = tree["posterior"]["x"].values.ravel()
            assert_shares(np.quantile(draws, LEVELS), 0, len(draws))
    if kind in ("csv", "parquet"):
        again = interop.read_table(tmp_path / "out" / out, PRIOR)
        np.testing.assert_allclose(again.theta, posterior().samples)


def test_the_command_line_exports_posteriors_alone(tmp_path):
    from typer.testing import CliRunner

    from skerry.cli._app import app

    found = CliRunner().invoke(app, ["export", str(tmp_path), "x", "--to", "csv"])
    assert found.exit_code == 2
    assert "there is none at" in found.stderr
