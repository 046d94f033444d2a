"""Readers: the points of other programs, as arrays of the same shapes with a known truth.

The programs themselves are in test_readers_real.py.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

import skerry
from skerry import interop, weights
from skerry.errors import InputError, SkerryError, UnsupportedError
from two_islands import (
    LOG_EVIDENCE,
    PRIOR,
    Z,
    assert_the_truth,
    draws,
    log_likelihood,
    scores,
)

FAST = {"density": "islands", "n_effective": 100, "threshold": 4.0}


def strata(seed=0, counts=(8000, 1500, 1500)):
    """Uniform draws in three slabs of the box, unequally many: each stands for its volume."""
    edges, rng = np.array([-5.0, 0.0, 3.5, 5.0]), np.random.default_rng(seed)
    theta, volumes = [], []
    for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True):
        theta.append(np.column_stack([rng.uniform(low, high, n), rng.uniform(-5, 5, n)]))
        volumes.append(np.full(n, (high - low) / 10 / n))
    theta, log_volume = np.concatenate(theta), np.log(np.concatenate(volumes))
    log_l = log_likelihood(theta)
    log_z = logsumexp(log_l + log_volume)
    return SimpleNamespace(
        theta=theta,
        log_l=log_l,
        log_volume=log_volume,
        log_z=log_z,
        log_w=log_l + log_volume - log_z,
        error=weights.effective_sample_size(log_l + log_volume) ** -0.5,
    )


RUN = strata()


def dynesty_results(run=RUN):
    log_z = np.logaddexp.accumulate(run.log_l + run.log_volume)
    return {
        "samples": run.theta,
        "logl": run.log_l,
        "logwt": run.log_l + run.log_volume,
        "logz": log_z,
        "logzerr": np.linspace(0, run.error, len(log_z)),
        "ncall": np.full(len(log_z), 3),
    }


def ultranest_result(run=RUN):
    return {
        "weighted_samples": {
            "points": run.theta[:, ::-1],
            "logl": run.log_l,
            "weights": np.exp(run.log_w),
        },
        "paramnames": ["y", "x"],
        "logz": run.log_z,
        "logzerr": run.error,
        "ncall": 9000,
    }


def ultranest_folder(tmp_path, run=RUN):
    result = ultranest_result(run)
    (tmp_path / "chains").mkdir()
    (tmp_path / "info").mkdir()
    rows = np.column_stack([np.exp(run.log_w), run.log_l, run.theta[:, ::-1]])
    head = "weight logl y x"
    np.savetxt(tmp_path / "chains" / "weighted_post.txt", rows, header=head, comments="")
    del result["weighted_samples"]
    (tmp_path / "info" / "results.json").write_text(json.dumps(result))
    return tmp_path


def nautilus_sampler(run=RUN):
    points = run.theta[:, ::-1]
    return SimpleNamespace(
        posterior=lambda: (points, run.log_w, run.log_l),
        log_z=run.log_z,
        n_like=8000,
        prior=SimpleNamespace(keys=["y", "one", "x"], dists=[st.norm(), 1.0, st.norm()]),
    )


WITH_EVIDENCE = {
    "dynesty": lambda _: interop.from_dynesty(dynesty_results(), PRIOR),
    "dynesty's sampler": lambda _: interop.from_dynesty(
        SimpleNamespace(results=SimpleNamespace(**dynesty_results())), PRIOR
    ),
    "UltraNest": lambda _: interop.from_ultranest(ultranest_result(), PRIOR),
    "UltraNest's folder": lambda path: interop.from_ultranest(ultranest_folder(path), PRIOR),
    "nautilus": lambda _: interop.from_nautilus(nautilus_sampler(), PRIOR),
    "nautilus' arrays": lambda _: interop.from_nautilus(
        (RUN.theta, RUN.log_w, RUN.log_l), PRIOR, log_z=RUN.log_z
    ),
    "nautilus' dictionary": lambda _: interop.from_nautilus(
        ({"y": RUN.theta[:, 1], "x": RUN.theta[:, 0], "z": 0}, RUN.log_w, RUN.log_l),
        PRIOR,
        log_z=RUN.log_z,
        log_z_error=RUN.error,
    ),
}


@pytest.mark.parametrize("name", ["dynesty", "UltraNest", "nautilus"])
def test_weighted_runs_give_the_truth(name, tmp_path):
    recycled = WITH_EVIDENCE[name](tmp_path)
    posterior = skerry.fit(recycled, **FAST)
    assert_the_truth(posterior)
    assert posterior.converged
    assert posterior.log_evidence == pytest.approx(RUN.log_z)
    assert posterior.log_evidence_error == pytest.approx(RUN.error)
    assert recycled.assumed in posterior.summary()
    assert posterior.settings["source"] == recycled.source
    assert posterior.n_calls == {"dynesty": 33_000, "UltraNest": 9000, "nautilus": 8000}[name]


@pytest.mark.parametrize("name", WITH_EVIDENCE)
def test_the_density_assumed_is_the_one_they_were_drawn_from(name, tmp_path):
    """A stratum of volume V with n of N points has density n / (N V) times the prior's."""
    recycled = WITH_EVIDENCE[name](tmp_path)
    exact = -np.log(100.0) - np.log(len(RUN.theta)) - RUN.log_volume
    np.testing.assert_allclose(recycled.log_proposal, exact, atol=1e-9)
    np.testing.assert_allclose(
        weights.evidence(recycled.log_weights).log_evidence, RUN.log_z, atol=1e-12
    )


def test_weights_taken_as_draws_of_the_prior_would_be_seen():
    """The tests above could fail."""
    posterior = skerry.fit(RUN.theta, RUN.log_l, PRIOR, **FAST)
    wrong = scores(posterior.samples, posterior.log_weights, posterior.n_effective)
    assert np.abs(wrong).max() > Z
    with pytest.raises(AssertionError):
        assert_the_truth(posterior)


def test_impossible_points_of_a_nested_run_have_no_weight():
    results = dynesty_results()
    results["logl"] = np.where(np.arange(len(RUN.theta)) < 50, -1e300, results["logl"])
    results["logwt"] = np.where(np.arange(len(RUN.theta)) < 40, -1e300, results["logwt"])
    recycled = interop.from_dynesty(results, PRIOR)
    assert np.isneginf(recycled.log_weights[:50]).all()
    assert np.isfinite(recycled.log_weights[50:]).all()
    assert np.isfinite(recycled.log_ratio).all()


# Chains


def chain_arrays(steps=500, walkers=20, hold=4, seed=0):
    """Exact draws, each held for a while, as a sampler that refuses moves does."""
    theta = draws(steps // hold * walkers, seed).reshape(-1, walkers, 2).repeat(hold, axis=0)
    log_prob = log_likelihood(theta.reshape(-1, 2)).reshape(theta.shape[:2]) - np.log(100.0)
    return theta, log_prob


def emcee_sampler(**options):
    theta, log_prob = chain_arrays(**options)
    return SimpleNamespace(
        get_chain=lambda discard, thin: theta[discard::thin],
        get_log_prob=lambda discard, thin: log_prob[discard::thin],
    )


@pytest.mark.parametrize("thin", [1, 2])
def test_chains_give_the_truth_but_no_evidence(thin):
    recycled = interop.from_emcee(emcee_sampler(), PRIOR, discard=20, thin=thin)
    posterior = skerry.fit(recycled, **FAST)
    assert_the_truth(posterior, evidence=False)
    assert 0.5 < recycled.n_independent / 2400 < 1.5  # 120 draws of 20 walkers, each 4 times
    assert posterior.n_effective == recycled.n_independent
    assert len(recycled) == 2400
    assert posterior.khat == 0.0
    np.testing.assert_allclose(recycled.log_likelihood, log_likelihood(recycled.theta))
    assert "R-hat" in recycled.assumed
    assert "disagree" not in recycled.assumed


def test_errors_of_masses_count_a_chains_independent_draws():
    """Holding each draw 40 times makes masses no surer than the draws were."""
    held = skerry.fit(interop.from_chains(*chain_arrays(2000, 20, 40), PRIOR), **FAST)
    mass = held.modes[0].mass
    binomial = np.sqrt(mass * (1 - mass) / held.n_effective)
    assert held.modes[0].mass_error == pytest.approx(binomial, rel=1e-6)
    assert 500 < held.n_effective < 1500


def test_chains_that_never_change_islands_are_told():
    theta, log_prob = chain_arrays(hold=1)
    flat = theta.reshape(-1, 2)
    left = flat[flat[:, 0] < 0][:5000].reshape(500, 10, 2)
    right = flat[flat[:, 0] > 0][:2500].reshape(500, 5, 2)
    stuck = np.concatenate([left, right], axis=1)
    log_prob = log_likelihood(stuck.reshape(-1, 2)).reshape(stuck.shape[:2]) - np.log(100.0)
    recycled = interop.from_chains(stuck, log_prob, PRIOR)
    assert "the chains disagree" in recycled.assumed
    assert recycled.n_independent < 50
    posterior = skerry.fit(recycled, **FAST)
    assert posterior.status is skerry.Status.COLLAPSED
    assert posterior.modes[0].mass_error > 0.05


def test_the_likelihood_of_a_chain_may_be_given():
    theta, log_prob = chain_arrays(40, 5)
    recycled = interop.from_chains(theta, log_prob, PRIOR, log_likelihood=log_prob + 3.0)
    np.testing.assert_allclose(
        recycled.log_likelihood, log_likelihood(recycled.theta) + 3.0 - np.log(100.0)
    )


def test_chains_on_a_circle_may_have_wound_round_it():
    prior = skerry.Prior({"x": st.uniform(-5, 10), "phase": skerry.Periodic(0, 2 * np.pi)})
    rng = np.random.default_rng(0)
    theta = np.stack([rng.normal(size=(400, 6)), rng.vonmises(0, 4, (400, 6))], axis=2)
    log_prob = st.norm.logpdf(theta[..., 0]) + st.vonmises.logpdf(theta[..., 1], 4)
    wound = theta + np.array([0, 2 * np.pi]) * rng.integers(-3, 4, (1, 6, 1))
    one, two = (interop.from_chains(chains, log_prob, prior) for chains in (theta, wound))
    np.testing.assert_allclose(one.theta, two.theta, atol=1e-12)
    assert two.n_independent == pytest.approx(one.n_independent, rel=1e-6)
    assert two.n_independent > 1000
    assert len(skerry.fit(two, **FAST).modes) == 1


def test_long_chains_are_thinned_and_say_so():
    theta, log_prob = chain_arrays(400, 20, 1)
    recycled = interop.from_chains(theta, log_prob, PRIOR, most=3000)
    assert len(recycled) == 20 * 134
    assert recycled.n_calls == 8000
    assert recycled.n_independent == len(recycled)  # no more than there are
    assert "20 chains of 400 steps (one of 3 is kept), worth 2,680 independent" in recycled.assumed
    np.testing.assert_allclose(recycled.log_likelihood, log_likelihood(recycled.theta))
    with pytest.raises(InputError, match="most, an int >= 1; got 0"):
        interop.from_chains(theta, log_prob, PRIOR, most=0)


def test_one_chain_is_judged_by_its_halves():
    theta, log_prob = chain_arrays(400, 1, 1)
    fine = interop.from_chains(theta[:, 0], log_prob[:, 0], PRIOR)
    assert "1 chains of 400 steps" in fine.assumed
    assert "disagree" not in fine.assumed
    order = np.argsort(theta[:, 0, 0])
    drifting = interop.from_chains(theta[order, 0], log_prob[order, 0], PRIOR)
    assert "disagree" in drifting.assumed


# Tables


def table(**more):
    return {
        "y": RUN.theta[:, 1],
        "x": RUN.theta[:, 0],
        "log_likelihood": RUN.log_l,
        "other": np.full(len(RUN.theta), 7.0),
        **more,
    }


PROPOSAL = -np.log(100.0) - np.log(len(RUN.theta)) - RUN.log_volume


def write_npz(path, columns):
    np.savez(path, **columns)


def write_theta_npz(path, columns):
    kept = {k: v for k, v in columns.items() if k not in ("x", "y")}
    np.savez(path, theta=RUN.theta, **kept)


def write_csv(path, columns):
    np.savetxt(
        path, np.column_stack([*columns.values()]), delimiter=",", header=",".join(columns),
        comments="",
    )  # fmt: skip


WRITERS = {
    "table.npz": write_npz,
    "whole.NPZ": write_theta_npz,
    "table.csv": write_csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_tables_give_the_truth(name, tmp_path):
    path = tmp_path / name
    with open(path, "wb") as file:
        WRITERS[name](file, table(log_proposal=PROPOSAL))
    recycled = interop.read_table(path, PRIOR)
    posterior = skerry.fit(recycled, **FAST)
    assert_the_truth(posterior)
    np.testing.assert_allclose(recycled.log_proposal, PROPOSAL, atol=1e-9)
    assert "proposal density that came with them" in posterior.summary()


def test_a_table_of_weights_has_no_evidence(tmp_path):
    write_csv(tmp_path / "t.csv", table(log_weight=RUN.log_w + 3.0))
    posterior = skerry.fit(interop.read_table(tmp_path / "t.csv", PRIOR), **FAST)
    assert_the_truth(posterior, evidence=False)


def test_a_data_frame_is_a_table():
    import pandas as pd

    frame = pd.DataFrame(table())
    recycled = interop.from_table(frame, PRIOR)
    np.testing.assert_array_equal(recycled.theta, RUN.theta)
    assert recycled.assumed == "independent draws of the prior"
    assert recycled.log_ratio.max() == recycled.log_ratio.min() == 0


def test_a_file_with_objects_in_it_is_refused_and_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez(tmp_path / "t.npz", **table(log_proposal=np.array([Trap()], object)))
    with pytest.raises(InputError, match="arrays of numbers"):
        interop.read_table(tmp_path / "t.npz", PRIOR)
    assert not (tmp_path / "sprung").exists()


# What cannot be used

WIDE = skerry.Prior({"x": st.uniform(-1, 2), "y": st.uniform(-5, 10)})
OTHER = skerry.Prior({"x": st.uniform(-5, 10), "z": st.uniform(-5, 10)})
BAD = {
    "dynesty, nothing": (lambda: interop.from_dynesty(None, PRIOR), "NoneType without samples"),
    "dynesty, without weights": (
        lambda: interop.from_dynesty({"samples": RUN.theta, "logl": RUN.log_l}, PRIOR),
        "without logwt, logz, logzerr; pass what the run returned",
    ),
    "dynesty, columns": (
        lambda: interop.from_dynesty({**dynesty_results(), "samples": RUN.theta[:, :1]}, PRIOR),
        "a column for each of x, y",
    ),
    "another prior's points": (
        lambda: interop.from_dynesty(dynesty_results(), WIDE),
        "lie outside its support, the first at .* pass the prior of the run",
    ),
    "no prior": (lambda: interop.from_dynesty(dynesty_results(), {}), "Expected a Prior; got dict"),
    "UltraNest, names": (
        lambda: interop.from_ultranest(ultranest_result(), OTHER),
        "z missing; got y, x; give the prior's parameters the names of the run",
    ),
    "UltraNest, no folder": (
        lambda: interop.from_ultranest("nowhere", PRIOR),
        "with chains/weighted_post.txt in it",
    ),
    "nautilus, names": (
        lambda: interop.from_nautilus(nautilus_sampler(), OTHER),
        "z missing; got x; give",
    ),
    "nautilus, something else": (lambda: interop.from_nautilus(3, PRIOR), "got int; pass what"),
    "emcee, an array": (
        lambda: interop.from_emcee(RUN.theta, PRIOR),
        "got ndarray; for arrays use skerry.interop.from_chains",
    ),
    "chains, shape": (
        lambda: interop.from_chains(np.zeros((9, 3, 3)), np.zeros((9, 3)), PRIOR),
        r"shape \(steps, chains, 2\)",
    ),
    "chains, log_prob": (
        lambda: interop.from_chains(np.zeros((9, 3, 2)), np.zeros(27), PRIOR),
        r"log_prob of shape \(9, 3\)",
    ),
    "chains, log_likelihood": (
        lambda: interop.from_chains(*chain_arrays(40, 5), PRIOR, log_likelihood=np.zeros(7)),
        "log_likelihood of shape",
    ),
    "chains outside": (
        lambda: interop.from_chains(*chain_arrays(40, 5), WIDE),
        "of 200 are not; pass the prior of the run",
    ),
    "weights, none": (
        lambda: skerry.Recycled.weighted(RUN.theta, RUN.log_l, PRIOR, np.full(11000, -np.inf)),
        "a point that has weight; got none",
    ),
    "weights, too few": (
        lambda: skerry.Recycled.weighted(RUN.theta, RUN.log_l, PRIOR, RUN.log_w[1:]),
        "a log weight for each of 11000 points; got 10999",
    ),
    "a ratio that is infinite": (
        lambda: skerry.Recycled(PRIOR, RUN.theta, RUN.log_l, np.full(11000, np.inf), "a guess"),
        r"log_ratio of shape \(11000,\), finite",
    ),
    "a ratio too short": (
        lambda: skerry.Recycled(PRIOR, RUN.theta, RUN.log_l, np.zeros(7), "a guess"),
        r"log_ratio of shape \(11000,\), finite; got shape \(7,\)",
    ),
    "a table, both": (
        lambda: interop.from_table(table(log_proposal=PROPOSAL, log_weight=PROPOSAL), PRIOR),
        "log_proposal or log_weight in the table; got both",
    ),
    "a table, missing": (lambda: interop.from_table(table(), OTHER), "z missing; got y, x, log_"),
    "a table, ragged": (
        lambda: interop.from_table(table(log_likelihood=np.zeros(3)), PRIOR),
        "columns of one length",
    ),
    "a table, an array": (lambda: interop.from_table(3.0, PRIOR), "got float; pass a data frame"),
    "a table, a list": (lambda: interop.from_table([1.0], PRIOR), "got list; pass a data frame"),
    "a file, kind": (lambda: interop.read_table("t.pkl", PRIOR), "ends in .csv, .parquet, .npz"),
    "a file, nowhere": (lambda: interop.read_table("t.csv", PRIOR), "there is none at t.csv"),
    "fit, too much": (
        lambda: skerry.fit(interop.from_dynesty(dynesty_results(), PRIOR), RUN.log_l, PRIOR),
        "hold their own columns; got log_likelihood, prior besides; leave that out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_told(name):
    action, text = BAD[name]
    with pytest.raises(InputError, match=text):
        action()


@pytest.mark.parametrize("damage", ["weighted_post.txt", "results.json"])
def test_a_damaged_folder_is_told(tmp_path, damage):
    folder = ultranest_folder(tmp_path)
    next(folder.rglob(damage)).write_text("weight logl\n1 two")
    with pytest.raises(InputError, match="damaged"):
        interop.from_ultranest(folder, PRIOR)


def test_a_package_that_is_missing_is_told():
    from skerry.interop._lookup import needed

    with pytest.raises(UnsupportedError, match=r"pip install nothing, or skerry\[interop\]"):
        needed("skerry_nothing", "nothing")
    assert issubclass(UnsupportedError, SkerryError)


def test_recycled_points_are_immutable_and_the_callers_are_not():
    theta = RUN.theta.copy()
    recycled = skerry.Recycled.drawn(theta, RUN.log_l, PRIOR)
    with pytest.raises(ValueError, match="read-only"):
        recycled.theta[0] = 0
    with pytest.raises(AttributeError):
        recycled.assumed = "nothing"
    theta[0] = 0
    assert recycled.theta[0, 0] == RUN.theta[0, 0]
    assert repr(recycled) == "Recycled(11,000 points of table: independent draws of the prior)"


def test_a_prior_without_a_density_will_do_for_weighted_points():
    prior = skerry.Prior.from_transform(
        ["x", "y"], lambda cube: 10 * cube - 5, inverse=lambda theta: (theta + 5) / 10
    )
    recycled = interop.from_dynesty(dynesty_results(), prior)
    posterior = skerry.fit(recycled, **FAST)
    assert abs(posterior.log_evidence - LOG_EVIDENCE) < Z * posterior.log_evidence_error
    with pytest.raises(UnsupportedError):
        _ = recycled.log_proposal
