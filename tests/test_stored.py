"""Fits of a store's points: read from disk as they are needed, and the same as from memory."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry.errors import InputError
from skerry.inference import _points, _stored

PRIOR = skerry.Prior({"a": st.norm(0, 1), "b": st.uniform(-1, 2)})
Z = 4.5
SHORT = skerry.Training(max_epochs=2, steps=5)


def log_likelihood(theta):
    return -0.5 * np.sum(((np.abs(theta) - 0.5) / 0.15) ** 2, axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("store")
    problem = skerry.Problem(PRIOR, log_likelihood, jax=False)
    scheme = skerry.Static(4000, density="islands")
    skerry.infer(problem, scheme=scheme, store=skerry.Store(path, unsaved_seconds=0.0), seed=1)
    return path


def test_rows_are_read_from_their_files(folder):
    whole, rows = skerry.store.read(folder), skerry.store.rows(folder)
    assert rows.names == whole.names
    some = np.array([3999, 0, 17, 17, 2500])
    np.testing.assert_array_equal(rows[some], whole.theta[some])
    np.testing.assert_array_equal(rows.log_likelihood, whole.log_likelihood)
    known = np.isfinite(whole.log_proposal)
    np.testing.assert_array_equal(np.isfinite(rows.log_ratio), known)
    np.testing.assert_allclose(rows.log_ratio[known], 0.0, atol=1e-12)  # all are prior draws
    assert rows[np.empty(0, int)].shape == (0, 2)


def test_a_fit_of_a_store_is_that_of_its_table(folder):
    whole, rows = skerry.store.read(folder), skerry.store.rows(folder)
    drawn = whole.round >= 0
    table = (whole.theta[drawn], whole.log_likelihood[drawn], PRIOR)
    expected = skerry.fit(*table, training=SHORT, seed=2)
    found = skerry.fit(rows, prior=PRIOR, training=SHORT, seed=2)
    assert found.log_evidence == pytest.approx(expected.log_evidence, abs=1e-12)
    np.testing.assert_array_equal(found.samples, expected.samples)
    np.testing.assert_allclose(found.log_weights, expected.log_weights, atol=1e-9)
    np.testing.assert_allclose(
        found.log_prob(found.samples[:9]), expected.log_prob(found.samples[:9]), rtol=1e-4
    )
    assert len(found.modes) == 4


def test_many_points_are_thinned_and_training_sees_all(folder, monkeypatch):
    rows, seen = skerry.store.rows(folder), []
    expected = skerry.fit(rows, prior=PRIOR, density="islands", seed=2)
    take = _stored.Streamed.__getitem__
    monkeypatch.setattr(
        _stored.Streamed,
        "__getitem__",
        lambda self, chosen: seen.append(self._which[chosen]) or take(self, chosen),
    )
    monkeypatch.setattr(_points, "MOST", 300)
    found = skerry.fit(rows, prior=PRIOR, training=SHORT, seed=2)
    assert len(found.samples) <= 300
    assert len(np.unique(np.concatenate(seen))) > 2 * 300
    assert found.log_evidence == expected.log_evidence
    assert found.khat == expected.khat
    assert found.n_effective == pytest.approx(1 / (1 / expected.n_effective + 1 / 300))
    for mode in found.modes:
        assert abs(mode.mass - 0.25) < Z * mode.mass_error
        assert mode.mass_error == pytest.approx((0.25 * 0.75 / found.n_effective) ** 0.5, rel=0.3)
    inside = np.abs(np.abs(found.sample(500, 0)) - 0.5) < 0.5
    assert inside.all(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    ("prior", "extra", "text"),
    [
        (None, {}, "Expected a Prior"),
        (skerry.Prior({"a": st.norm(0, 1), "c": st.uniform(-1, 2)}), {}, "of the run that filled"),
        (skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-1, 2)}), {}, "of the run that filled"),
        (PRIOR, {"log_proposal": np.zeros(4000)}, "log_proposal besides"),
    ],
)
def test_what_does_not_fit_a_store_is_refused(folder, prior, extra, text):
    with pytest.raises(InputError, match=text):
        skerry.fit(skerry.store.rows(folder), prior=prior, **extra)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b"no longer points"),
        lambda file: file.write_bytes(file.read_bytes()[:1000]),
        lambda file: np.savez(file, theta=np.zeros((1, 2))),
        lambda file: np.savez(file, other=np.zeros((1, 2))),
    ],
)
def test_a_store_that_changed_meanwhile_is_named(folder, tmp_path, change):
    path = tmp_path / "copy"
    shutil.copytree(folder, path)
    rows = skerry.store.rows(path)
    for file in (path / "chunks").glob("chunk-*"):
        change(file)
    with pytest.raises(InputError, match="open the store again"):
        rows[np.arange(3)]


def test_a_store_without_rounds_has_no_weights(tmp_path):
    from skerry.store import Store, opened, problem_identity

    problem = skerry.Problem(PRIOR, log_likelihood, jax=False)
    with opened(Store(tmp_path), {**problem_identity(problem), "seed": "(0,)"}, 2) as records:
        theta = PRIOR.sample(50, 0)
        records.add(theta, log_likelihood(theta), np.zeros(50, bool), {}, 1.0)
    with pytest.raises(InputError, match="0 of them a round's"):
        skerry.fit(skerry.store.rows(tmp_path), prior=PRIOR)


@pytest.mark.parametrize("way", ["table", "prior draws"])
def test_other_points_too_are_thinned(folder, monkeypatch, way):
    rows = skerry.store.rows(folder)
    table = (rows[np.arange(4000)], rows.log_likelihood[:4000], PRIOR)
    problem = skerry.Problem(PRIOR, log_likelihood, jax=False)

    def found():
        if way == "table":
            return skerry.fit(*table, density="islands", seed=2)
        return skerry.infer(problem, scheme=skerry.Static(4000, density="islands"), seed=2)

    whole = found()
    monkeypatch.setattr(_points, "MOST", 300)
    few = found()
    assert len(few.samples) <= 300 < len(whole.samples)
    assert (few.log_evidence, few.khat) == (whole.log_evidence, whole.khat)
    assert few.n_effective == pytest.approx(1 / (1 / whole.n_effective + 1 / 300))
    for mode in few.modes:
        assert abs(mode.mass - 0.25) < Z * mode.mass_error
