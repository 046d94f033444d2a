"""Hostile inputs at every door: taken, or refused with a message; never a traceback or a hang.

``python benchmarks/fuzz.py`` sends 100,000.
"""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

import skerry
from fuzzing import commands, doors, driver, seeds
from fuzzing.commands import command, shortened
from skerry.cli._app import app

FEW = {
    "posterior_bytes": 60,
    "posterior_inside": 30,
    "estimator_bytes": 50,
    "estimator_inside": 15,
    "chunk": 200,
    "store": 60,
    "table_csv": 150,
    "table_npz": 100,
    "table_parquet": 60,
    "observation": 100,
    "prior": 50,
}


@pytest.fixture(autouse=True, scope="module")
def _made_before():
    """The valid files: their making is not what is timed."""
    seeds.posteriors()
    seeds.estimators()


@pytest.mark.parametrize("made", [seeds.posteriors, seeds.estimators])
def test_the_files_are_sound_before_they_are_spoiled(made, tmp_path):
    for data in made():
        (tmp_path / "x.npz").write_bytes(data)
        found = skerry.load(tmp_path / "x.npz")
        if isinstance(found, skerry.Estimator):
            assert found.outside(np.zeros(found.x_shape)).shape == (1,)


def assert_clean(report):
    assert not report.faults
    assert report.outcomes["refused"] > 0


@pytest.mark.parametrize("name", doors.DOORS)
def test_spoiled_files_are_taken_or_refused(name):
    assert_clean(driver.drive(name, doors.DOORS[name], FEW[name]))


def test_random_words_end_commands_with_a_code_and_a_message():
    with shortened():
        assert_clean(driver.drive("command", command, 60))


@pytest.mark.slow
@pytest.mark.parametrize("name", doors.DOORS)
def test_many_spoiled_files_are_taken_or_refused(name):
    assert_clean(driver.drive(name, doors.DOORS[name], 5 * FEW[name], seed=1))


@pytest.mark.slow
def test_many_random_words_end_commands_with_a_code_and_a_message():
    with shortened():
        assert_clean(driver.drive("command", command, 300, seed=1))


def test_a_door_that_breaks_would_be_seen():
    def broken(rng, folder):
        match int(rng.integers(3)):
            case 0:
                raise KeyError("a traceback")
            case 1:
                (folder / "executed").touch()
            case 2:
                while True:
                    pass

    before, driver.CPU_SECONDS = driver.CPU_SECONDS, 0.05
    try:
        report = driver.drive("broken", broken, 12)
    finally:
        driver.CPU_SECONDS = before
    assert report.outcomes == {"fault": 12}
    assert {text.split()[0] for text in report.faults} == {"KeyError", "EXECUTED", "HungError"}


def test_a_path_that_is_no_text_is_told_in_escapes(tmp_path, monkeypatch):
    commands.fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    with shortened():
        found = CliRunner().invoke(app, ["infer", "two.py", "-q", "--out", "\udcff"])
    assert found.exit_code == 0, found.output
    assert "Run folder: \\udcff" in found.output
