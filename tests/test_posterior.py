"""Posteriors as values: immutable, normalised, kept on disk, and safe to load."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from dataclasses import FrozenInstanceError, fields, replace
from functools import cache

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

import skerry
from skerry.errors import InputError, UnsupportedError
from skerry.flows import CouplingSettings
from skerry.posterior import Round, Search, Status

Z = 5.0
ARRAYS = ("samples", "log_weights", "log_likelihood", "labels")
LIGHT = CouplingSettings(kind="affine", layers=2, width=8, depth=1)
SHORT = skerry.Training(max_epochs=2, steps=10, batch=256)
PARTS = {
    "uniform": (st.uniform(-1, 3), 0.4, 0.4),
    "norm": (st.norm(1, 2), 0.0, 0.8),
    "beta": (st.beta(2, 3), 0.4, 0.15),
    "circle": (skerry.Periodic(0, 1), 0.1, 0.15),
}
RANGES = {"uniform": (-1, 2), "norm": (-6, 6), "beta": (0, 1), "circle": (0, 1)}
FORMS = ["flow_mixture", "mixture_base", "gaussian_base"]


@cache
def made(names=("uniform", "norm"), density="flow_mixture", kind="affine", n=2000):
    """A posterior under the named priors."""
    prior = skerry.Prior({name: PARTS[name][0] for name in names})
    places, widths = (np.array([PARTS[name][i] for name in names]) for i in (1, 2))

    def log_likelihood(theta):
        return -0.5 * np.sum(((theta - places) / widths) ** 2, axis=1)

    scheme = skerry.Static(n, density=density, couplings=replace(LIGHT, kind=kind), training=SHORT)
    return skerry.infer(skerry.Problem(prior, log_likelihood), scheme=scheme, n_effective=100)


@cache
def corners():
    scheme = skerry.Static(6000, couplings=LIGHT, training=SHORT)
    return skerry.infer(skerry.tasks.get("corners").problem, scheme=scheme, n_effective=100)


# Values


def test_posteriors_and_modes_are_frozen_and_their_arrays_read_only():
    posterior = corners()
    for value in (posterior, posterior.modes[0]):
        for field in fields(value):
            with pytest.raises(FrozenInstanceError):
                setattr(value, field.name, None)
        arrays = [getattr(value, f.name) for f in fields(value)]
        arrays = [array for array in arrays if isinstance(array, np.ndarray)]
        assert len(arrays) == (4 if value is posterior else 2)
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    with pytest.raises(AttributeError):
        posterior.news = 1


def test_shapes_and_kinds():
    p = corners()
    n = len(p.samples)
    assert p.samples.shape == (n, 2)
    assert p.log_weights.shape == p.log_likelihood.shape == p.labels.shape == (n,)
    assert p.names == ("x0", "x1")
    assert p.ndim == 2
    assert logsumexp(p.log_weights) == pytest.approx(0, abs=1e-9)
    assert set(p.labels.tolist()) == set(range(len(p.modes)))
    for scalar in (p.log_evidence, p.log_evidence_error, p.n_effective, p.khat):
        assert type(scalar) is float
    assert type(p.n_calls) is type(p.n_failed) is int
    assert p.mean.shape == (2,)
    np.testing.assert_allclose(
        p.covariance, np.cov(p.samples.T, aweights=np.exp(p.log_weights), ddof=0)
    )


def test_draws_have_equal_weights_and_are_unbiased():
    """A sample comes as often as its weight says, up to one; moments over seeds within Z errors."""
    p = corners()
    rows = {tuple(row): i for i, row in enumerate(p.samples.tolist())}
    shares, n, moments = np.exp(p.log_weights), 500, []
    for seed in range(60):
        drawn = p.sample(n, seed)
        assert drawn.shape == (n, 2)
        counts = np.bincount([rows[tuple(row)] for row in drawn.tolist()], minlength=len(shares))
        assert np.all(np.abs(counts - n * shares) < 1)
        moments.append(np.concatenate([drawn.mean(axis=0), (drawn**2).mean(axis=0)]))
    error = np.std(moments, axis=0) / np.sqrt(60)
    exact = np.concatenate([shares @ p.samples, shares @ p.samples**2])
    assert np.all(np.abs(np.mean(moments, axis=0) - exact) < Z * error)


def test_draws_come_in_random_order():
    p = corners()
    drawn = p.sample(1000, 0)
    halves = drawn[:500].mean(axis=0) - drawn[500:].mean(axis=0)
    assert np.all(np.abs(halves) < Z * drawn.std(axis=0) * np.sqrt(2 / 500))


def test_draws_depend_on_the_seed_alone_and_may_be_none():
    p = corners()
    np.testing.assert_array_equal(p.sample(50, 1), p.sample(50, 1))
    assert not np.array_equal(p.sample(50, 1), p.sample(50, 2))
    assert p.sample(0, 0).shape == (0, 2)
    assert p.sample(np.int64(3), 0).shape == (3, 2)
    for bad in (-1, 2.5, True, "3", None):
        with pytest.raises(InputError, match="n to be an int >= 0; got"):
            p.sample(bad, 0)
    with pytest.raises(InputError, match="Expected a seed"):
        p.sample(5, None)


# The density in theta


@pytest.mark.parametrize(
    ("names", "density", "kind"),
    [
        (("uniform", "norm"), "flow_mixture", "affine"),
        (("norm", "beta"), "flow_mixture", "spline"),
        (("beta", "uniform"), "mixture_base", "affine"),
        (("uniform", "norm"), "gaussian_base", "affine"),
        (("circle", "norm"), "flow_mixture", "affine"),
        (("circle", "beta"), "mixture_base", "affine"),
    ],
)
def test_the_density_is_normalised_in_theta(names, density, kind):
    """Midpoints of 300 x 300 cells; the densities are smooth but for the ends of bounded priors."""
    posterior, m = made(names, density, kind), 300
    axes = [np.linspace(*RANGES[name], m, endpoint=False) for name in names]
    steps = [axis[1] - axis[0] for axis in axes]
    mesh = np.meshgrid(*(a + s / 2 for a, s in zip(axes, steps, strict=True)), indexing="ij")
    theta = np.stack([part.ravel() for part in mesh], axis=1)
    total = np.exp(posterior.log_prob(theta)).sum() * np.prod(steps)
    assert total == pytest.approx(1, abs=0.01)
    wrong = posterior.flow.density.log_prob(posterior.flow.prior.to_u(theta))
    assert np.exp(wrong).sum() * np.prod(steps) != pytest.approx(1, abs=0.05), "without Jacobian"


@pytest.mark.parametrize("names", [("uniform", "norm"), ("norm", "beta"), ("circle", "norm")])
def test_the_jacobian_is_the_derivative_of_the_transform(names):
    posterior = made(names)
    prior, theta, h = posterior.flow.prior, posterior.sample(200, 0), 1e-6
    theta = theta[
        np.all((theta > prior.bounds[:, 0] + 1e-3) & (theta < prior.bounds[:, 1] - 1e-3), axis=1)
    ]
    slope = (prior.to_u(theta + h) - prior.to_u(theta - h)) / (2 * h)
    expected = posterior.flow.density.log_prob(prior.to_u(theta)) + np.log(slope).sum(axis=1)
    np.testing.assert_allclose(posterior.log_prob(theta), expected, atol=1e-5)


def test_the_density_is_zero_outside_the_support():
    posterior = made()
    outside = np.array([[2.1, 0.0], [-1.5, 0.0], [np.nan, 0.0], [np.inf, 1.0]])
    np.testing.assert_array_equal(posterior.log_prob(outside), np.full(4, -np.inf))
    mixed = posterior.log_prob(np.vstack([outside, [[0.4, 0.0]]]))
    np.testing.assert_array_equal(np.isfinite(mixed), [False] * 4 + [True])
    one = posterior.log_prob(np.array([0.4, 0.0]))
    assert np.shape(one) == ()
    assert one == pytest.approx(mixed[-1])
    assert posterior.log_prob(np.empty((0, 2))).shape == (0,)
    with pytest.raises(InputError, match=r"shape \(n, 2\) or \(2,\), a column for each of unif"):
        posterior.log_prob(np.zeros((3, 5)))


def test_draws_of_the_density_stay_in_the_support_and_follow_it():
    """Mean log density of draws against importance sampling from the prior, within Z errors."""
    posterior = made()
    drawn = posterior.flow.sample(4000, 0)
    assert np.all((drawn[:, 0] > -1) & (drawn[:, 0] < 2))
    theta = posterior.flow.prior.sample(20_000, 1)
    ratio = np.exp(posterior.log_prob(theta) - posterior.flow.prior.log_prob(theta))
    weighted = ratio[:, None] * theta
    error = np.hypot(drawn.std(0) / np.sqrt(4000), weighted.std(0) / np.sqrt(20_000))
    assert np.all(np.abs(drawn.mean(0) - weighted.mean(0)) < Z * error)


def test_angles_may_be_wound_any_number_of_times():
    posterior = made(("circle", "norm"))
    theta = posterior.samples[:20]
    np.testing.assert_allclose(
        posterior.log_prob(theta + np.array([3.0, 0.0])), posterior.log_prob(theta), atol=1e-6
    )


def test_a_posterior_without_a_density_says_what_to_use():
    bare = replace(made(), flow=None)
    with pytest.raises(UnsupportedError, match=r"this one has none.*skerry.load\(path, prior="):
        bare.log_prob(bare.samples)
    assert bare.sample(5, 0).shape == (5, 2)


# Words


def test_the_summary_says_it_all():
    posterior = corners()
    text = posterior.summary()
    lines = text.splitlines()
    assert lines[0] == str(posterior.status)
    assert (
        f"log evidence  {posterior.log_evidence:.3f} +- {posterior.log_evidence_error:.3f}" in text
    )
    assert "samples of 6,012 likelihood calls" in text
    assert "failed" not in text
    assert "4 modes, heaviest first" in text
    masses = [float(line.split()[2]) for line in lines if "  mass " in line]
    assert masses == [round(mode.mass, 4) for mode in posterior.modes]
    for name in posterior.names:
        row = next(line for line in lines if line.startswith(name))
        assert len(row.split()) == 5
    one = made().summary()
    assert "1 mode, heaviest first" in one
    assert "3 of them failed" in replace(made(), n_failed=3).summary()


def test_quantiles_of_the_summary_are_those_of_the_weighted_samples():
    """Posterior of the norm part: N(0.138, 0.743^2) to good accuracy."""
    posterior = made(n=2000)
    row = next(r for r in posterior.summary().splitlines() if r.startswith("norm"))
    mean, sd, low, high = map(float, row.split()[1:])
    variance = 1 / (1 / 4 + 1 / 0.64)
    error = Z * np.sqrt(variance / posterior.n_effective)
    assert mean == pytest.approx(variance / 4, abs=error)
    assert sd == pytest.approx(variance**0.5, abs=error)
    expected = st.norm(variance / 4, variance**0.5).ppf([0.16, 0.84])
    assert [low, high] == pytest.approx(expected, abs=1.5 * error)


@pytest.mark.parametrize("status", Status)
def test_every_verdict_is_a_sentence_with_advice_and_survives_a_file(tmp_path, status):
    text = str(status)
    assert text.startswith(status.name.lower() + ": ")
    assert text.endswith(".")
    posterior = replace(made(), status=status)
    assert posterior.converged == (status is Status.CONVERGED)
    assert posterior.summary().startswith(text)
    posterior.save(tmp_path / "p.npz")
    assert skerry.load(tmp_path / "p.npz").status is status
    if status is not Status.CONVERGED:
        words = ("spend", "Spend", "raise", "Raise", "again", "ask for", "Ask for")
        assert any(word in text for word in words)


# On disk


def assert_same(one, two, theta=None):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert not getattr(two, name).flags.writeable
    for name in (
        "names",
        "log_evidence",
        "log_evidence_error",
        "n_effective",
        "n_calls",
        "n_failed",
        "khat",
        "status",
        "settings",
    ):
        assert getattr(one, name) == getattr(two, name)
    assert one.summary() == two.summary()
    for a, b in zip(one.modes, two.modes, strict=True):
        np.testing.assert_array_equal(a.covariance, b.covariance)
        assert (a.mass, a.n_samples) == (b.mass, b.n_samples)
    assert (one.rounds, one.search) == (two.rounds, two.search)
    if two.training is not None:
        np.testing.assert_array_equal(one.training.epochs, two.training.epochs)
        assert one.training.best == two.training.best
        assert one.training.ess_held_out == two.training.ess_held_out
    np.testing.assert_array_equal(one.topology.births, two.topology.births)
    np.testing.assert_array_equal(one.islands.frames.means, two.islands.frames.means)
    if theta is not None:
        np.testing.assert_array_equal(one.log_prob(theta), two.log_prob(theta))


@pytest.mark.parametrize(
    ("names", "density", "kind"),
    [
        (("uniform", "norm"), "flow_mixture", "affine"),
        (("norm", "beta"), "flow_mixture", "spline"),
        (("beta", "uniform"), "mixture_base", "affine"),
        (("uniform", "norm"), "gaussian_base", "affine"),
        (("circle", "norm"), "flow_mixture", "affine"),
        (("norm",), "flow_mixture", "affine"),
    ],
)
def test_a_posterior_survives_the_disk(tmp_path, names, density, kind):
    posterior = made(names, density, kind)
    posterior.save(tmp_path / "p.npz")
    loaded = skerry.load(str(tmp_path / "p.npz"))
    assert_same(posterior, loaded, posterior.samples[:100])
    np.testing.assert_array_equal(posterior.flow.sample(20, 1), loaded.flow.sample(20, 1))
    loaded.save(tmp_path / "again.npz")
    assert_same(posterior, skerry.load(tmp_path / "again.npz"), posterior.samples[:100])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.npz", "p.npz"]


ROUND = Round("final", 500, 1.0, 900, 300.5, 0.6, 2, -3.5, float("inf"))


def test_a_history_survives_the_disk(tmp_path):
    posterior = replace(corners(), rounds=(ROUND, ROUND), search=Search(40, (20, 10, 9, 1)))
    posterior.save(tmp_path / "p.npz")
    loaded = skerry.load(tmp_path / "p.npz")
    assert_same(posterior, loaded)
    assert loaded.training is not None
    assert loaded.search.unseen == posterior.search.unseen
    assert "versions" in loaded.settings


def test_a_file_of_an_earlier_version_has_no_history(tmp_path):
    """Files without these parts load as before."""
    posterior = replace(corners(), training=None)
    posterior.save(tmp_path / "p.npz")
    loaded = skerry.load(tmp_path / "p.npz")
    assert (loaded.rounds, loaded.search, loaded.training) == ((), None, None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda spec: spec["search"]["visits"].pop(),
        lambda spec: spec["search"].update(n_starts=True),
        lambda spec: spec["rounds"]["beta"].pop(),
        lambda spec: spec["rounds"].update(kind=[1, 2]),
        lambda spec: spec["rounds"].update(khat=["a", "b"]),
        lambda spec: spec["training"].update(best=99),
        lambda spec: spec.update(rounds=3),
    ],
)
def test_a_damaged_history_is_refused(tmp_path, damage):
    posterior = replace(corners(), rounds=(ROUND, ROUND), search=Search(40, (20, 10, 9, 1)))
    posterior.save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        arrays = {name: file[name] for name in file.files}
    spec = json.loads(str(arrays.pop("spec")))
    damage(spec)
    np.savez(tmp_path / "p.npz", **arrays, spec=np.array(json.dumps(spec)))
    with pytest.raises(InputError, match="damaged"):
        skerry.load(tmp_path / "p.npz")


def test_a_posterior_can_be_pickled():
    posterior = made()
    copy = pickle.loads(pickle.dumps(posterior))
    np.testing.assert_array_equal(copy.samples, posterior.samples)
    np.testing.assert_array_equal(
        copy.log_prob(posterior.samples[:50]), posterior.log_prob(posterior.samples[:50])
    )


def test_a_new_process_finds_the_same_bits(tmp_path):
    posterior = corners()
    posterior.save(tmp_path / "p.npz")
    script = (
        "import sys, numpy as np, skerry\n"
        "p = skerry.load(sys.argv[1])\n"
        "np.save(sys.argv[2], p.log_prob(p.samples[:200]))\n"
        "print(p.status.name, p.log_evidence.hex(), p.sample(5, 3).tobytes().hex())\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, tmp_path / "p.npz", tmp_path / "q.npy"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(
        np.load(tmp_path / "q.npy"), posterior.log_prob(posterior.samples[:200])
    )
    expected = [posterior.status.name, posterior.log_evidence.hex()]
    assert result.stdout.split() == [*expected, posterior.sample(5, 3).tobytes().hex()]


def test_numbers_of_numpy_can_be_saved(tmp_path):
    prior = skerry.Prior({"a": st.uniform(np.float32(0), np.int64(2))})
    scheme = skerry.Static(
        np.int64(200), threshold=np.float32(2), couplings=LIGHT, training=SHORT, n_modes=np.int64(1)
    )
    posterior = skerry.infer(
        skerry.Problem(prior, lambda t: -t[:, 0]), scheme=scheme, n_effective=np.int64(100)
    )
    posterior.save(tmp_path / "p.npz")
    assert_same(posterior, skerry.load(tmp_path / "p.npz"), posterior.samples[:10])


def test_names_in_any_script_survive(tmp_path):
    prior = skerry.Prior({"θ₁ / м": st.norm(0, 1), "a b": st.norm(0, 1)})
    scheme = skerry.Static(200, couplings=LIGHT, training=SHORT)
    posterior = skerry.infer(skerry.Problem(prior, lambda t: -(t[:, 0] ** 2)), scheme=scheme)
    posterior.save(tmp_path / "p.npz")
    assert skerry.load(tmp_path / "p.npz").names == ("θ₁ / м", "a b")


def transform_prior(names=("a", "b")):
    return skerry.Prior.from_transform(
        names,
        lambda cube: 2 * cube - 1,
        inverse=lambda theta: (theta + 1) / 2,
        log_prob=lambda theta: np.where(np.all(np.abs(theta) < 1, axis=1), -2 * np.log(2), -np.inf),
    )


def test_a_prior_that_cannot_be_stored_must_come_again(tmp_path):
    scheme = skerry.Static(500, couplings=LIGHT, training=SHORT)
    problem = skerry.Problem(transform_prior(), lambda t: -np.sum(t**2, axis=1))
    posterior = skerry.infer(problem, scheme=scheme)
    posterior.save(tmp_path / "p.npz")
    bare = skerry.load(tmp_path / "p.npz")
    assert bare.flow is None
    with pytest.raises(UnsupportedError, match=r"skerry.load\(path, prior=prior\)"):
        bare.log_prob(bare.samples)
    whole = skerry.load(tmp_path / "p.npz", prior=transform_prior())
    assert_same(posterior, whole, posterior.samples[:20])
    with pytest.raises(InputError, match="posterior's own parameters a, b; got one of c, d"):
        skerry.load(tmp_path / "p.npz", prior=transform_prior(("c", "d")))
    with pytest.raises(InputError, match=r"Expected prior to be a skerry.Prior; got dict"):
        skerry.load(tmp_path / "p.npz", prior={})


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "p.npz"
    made().save(path)
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space left"):
        corners().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.npz"]


# Files of others


@cache
def contents():
    """The arrays of a saved posterior."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made().save(f"{folder}/p.npz")
        with np.load(f"{folder}/p.npz") as file:
            arrays = {name: file[name] for name in file.files}
        with open(f"{folder}/p.npz", "rb") as raw:
            return arrays, raw.read()


def spec_with(**changes):
    return np.array(json.dumps({**json.loads(str(contents()[0]["spec"])), **changes}))


def nested(key, **changes):
    return spec_with(**{key: {**json.loads(str(contents()[0]["spec"]))[key], **changes}})


class Bomb:
    """An object that runs code when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


MODE = json.loads('{"mass": 1, "mass_error": 0, "log_evidence": 0, "n_samples": 3}')
CRAFTED = {
    "samples of another width": {"samples": np.zeros((7, 3))},
    "samples of another length": {"samples": np.zeros((7, 2))},
    "samples that are text": {"samples": np.array([["a", "b"]])},
    "samples that are one number": {"samples": np.array(1.0)},
    "no samples": {
        name: np.empty((0, 2) if name == "samples" else 0, np.int64 if name == "labels" else float)
        for name in ARRAYS
    },
    "weights in two dimensions": {"log_weights": np.zeros((5, 5))},
    "complex weights": {"log_weights": contents()[0]["log_weights"] + 0j},
    "labels of no mode": {"labels": contents()[0]["labels"] + 9},
    "labels below zero": {"labels": contents()[0]["labels"] - 2},
    "labels that are floats": {"labels": contents()[0]["labels"] * 1.0},
    "a location elsewhere": {"mode0.location": np.zeros(5)},
    "a mode too many": {"spec": spec_with(modes=[MODE, MODE])},
    "no modes": {"spec": spec_with(modes=[])},
    "islands of another size": {"islands.log_masses": np.zeros(4)},
    "frames of another size": {"frames.means": np.zeros((3, 7))},
    "frames that are not finite": {"frames.means": np.full((1, 2), np.nan)},
    "peaks of another size": {"topology.peaks": np.zeros((9, 2))},
    "a leaf of another shape": {"leaf0": np.zeros(3, np.float32)},
    "a leaf of another kind": {"leaf0": contents()[0]["leaf0"].astype(np.float64)},
    "a spec that is no JSON": {"spec": np.array("{not json")},
    "a spec that is a list": {"spec": np.array("[1, 2]")},
    "a spec that is a number": {"spec": np.array(3)},
    "a spec nested without end": {"spec": np.array("[" * 100_000)},
    "another format": {"spec": spec_with(format="skerry posterior 99")},
    "a status unknown": {"spec": spec_with(status="FINE")},
    "scalars that are text": {"spec": nested("scalars", log_evidence="much")},
    "a scalar missing": {"spec": spec_with(scalars={})},
    "names that are numbers": {"spec": spec_with(names=[1, 2])},
    "names too many": {"spec": spec_with(names=["a", "b", "c"])},
    "other names": {"spec": spec_with(names=["a", "b"])},
    "settings that are a list": {"spec": spec_with(settings=[])},
    "a prior of no distribution": {
        "spec": spec_with(prior=[{"name": "uniform", "distribution": "rv_continuous"}])
    },
    "a prior of a function": {
        "spec": spec_with(
            prior=[{"name": "a", "distribution": "fit", "args": [1], "kwargs": {}}] * 2
        )
    },
    "a prior that is text": {"spec": spec_with(prior="norm")},
    "a prior with bad numbers": {
        "spec": spec_with(
            prior=[{"name": n, "distribution": "norm", "args": [0, -1], "kwargs": {}} for n in "ab"]
        )
    },
    "a flow of no form": {"spec": nested("density", form="planar", n_components=10**9)},
    "a flow with wrong settings": {"spec": nested("density", couplings={"kind": "os.system"})},
    "a flow of too many components": {"spec": nested("density", n_components=10**9)},
    "a flow of a giant context": {"spec": nested("density", x_dim=10**9)},
    "a flow of giant layers": {
        "spec": nested("density", couplings={"layers": 10**9, "kind": "affine"})
    },
    "a flow of giant width": {"spec": nested("density", couplings={"width": 10**9})},
    "a flow of giant depth": {"spec": nested("density", couplings={"depth": 10**9, "layers": 0})},
    "a flow of many bins": {"spec": nested("density", couplings={"bins": 10**9})},
}


def refused(path, match="Expected"):
    with pytest.raises(InputError, match=match) as caught:
        skerry.load(path)
    return str(caught.value)


@pytest.mark.parametrize("name", CRAFTED)
def test_files_whose_parts_do_not_fit_are_refused(name, tmp_path):
    np.savez_compressed(tmp_path / "p.npz", **{**contents()[0], **CRAFTED[name]})
    refused(tmp_path / "p.npz")


@pytest.mark.parametrize("name", sorted(contents()[0]))
def test_no_entry_may_be_missing(name, tmp_path):
    arrays = {key: value for key, value in contents()[0].items() if key != name}
    np.savez_compressed(tmp_path / "p.npz", **arrays)
    assert "another kind or damaged" in refused(tmp_path / "p.npz")


@pytest.mark.parametrize("entry", ["samples", "spec", "leaf0", "a stranger"])
def test_pickled_objects_are_never_run(entry, tmp_path):
    arrays = {**contents()[0], entry: np.array([Bomb(tmp_path / "run")], dtype=object)}
    np.savez_compressed(tmp_path / "p.npz", **arrays)
    refused(tmp_path / "p.npz")
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Bomb(tmp_path / "run")))
    refused(tmp_path / "raw.npz")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(10**15,), (10**9, 10**9), (-5,), (10**6, 2)])
def test_arrays_that_claim_to_be_larger_than_they_are_are_refused(shape, tmp_path):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    lie = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(64)
    np.savez_compressed(tmp_path / "whole.npz", **contents()[0])
    with (
        zipfile.ZipFile(tmp_path / "whole.npz") as whole,
        zipfile.ZipFile(tmp_path / "p.npz", "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for name in whole.namelist():
            file.writestr(name, lie if name == "samples.npy" else whole.read(name))
    assert "damaged" in refused(tmp_path / "p.npz")


OTHERS = {
    "empty": b"",
    "text": b"hello, world\n" * 50,
    "a pickle": b"\x80\x04K\x01.",
    "the start of a zip": b"PK\x03\x04" + bytes(100),
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "noise": np.random.default_rng(0).bytes(5000),
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_another_kind_are_refused(name, tmp_path):
    (tmp_path / "p.npz").write_bytes(OTHERS[name])
    text = refused(tmp_path / "p.npz")
    assert "another kind or damaged" in text
    assert str(tmp_path) in text


def test_what_is_no_file_is_refused(tmp_path):
    assert "there is none at" in refused(tmp_path / "nothing.npz")
    refused(tmp_path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    refused(tmp_path / "one.npy")
    np.savez(tmp_path / "others.npz", x=np.zeros(3))
    refused(tmp_path / "others.npz")


def equal_or_refused(path):
    try:
        loaded = skerry.load(path)
    except InputError:
        return False
    assert_same(made(), loaded, made().samples[:10])
    return True


def test_a_truncated_file_is_refused(tmp_path):
    whole = contents()[1]
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        (tmp_path / "p.npz").write_bytes(whole[:length])
        refused(tmp_path / "p.npz")


@pytest.mark.parametrize("part", ["anywhere", "headers"])
def test_a_flipped_byte_is_refused_or_harmless(part, tmp_path):
    """Never another exception, never another posterior."""
    whole, rng = contents()[1], np.random.default_rng(0)
    central = whole.rindex(b"PK\x01\x02")
    low = 0 if part == "anywhere" else central - 3000
    harmless = 0
    for place in rng.integers(low, len(whole), 120):
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        (tmp_path / "p.npz").write_bytes(damaged)
        harmless += equal_or_refused(tmp_path / "p.npz")
    assert harmless < 100
