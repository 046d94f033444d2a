"""The command line with a store: signals, time limits, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import skerry
from skerry.cli._app import app

PROBLEM = """
import os, time
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.uniform(-3, 6), "b": st.uniform(-3, 6)})

def log_likelihood(theta):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return -np.sum(theta**2, axis=1) / 0.1

problem = skerry.Problem(prior, log_likelihood, jax=False)
"""


@pytest.fixture(autouse=True)
def _no_report(monkeypatch):
    """Reports are tested elsewhere."""
    monkeypatch.setattr("skerry.cli._commands.write_report", lambda *_: None)


@pytest.fixture
def problem(tmp_path):
    path = tmp_path / "one.py"
    path.write_text(PROBLEM)
    return path


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def command(problem, out, store, *more):
    more = ("--effective", 200, "--seed", 3, "--out", out, "--store", store, *more)
    return ("infer", problem, *more)


@pytest.mark.parametrize("wait", [0.5, pytest.param(2.0, marks=pytest.mark.statistical)])
def test_a_time_limit_ends_with_75_and_the_same_command_goes_on(
    tmp_path, problem, monkeypatch, wait
):
    monkeypatch.setenv("SLEEP", "0.3")
    stopped = run(*command(problem, tmp_path / "a", tmp_path / "s", "--max-seconds", wait))
    assert stopped.exit_code == 75
    assert "make the same call again to go on" in stopped.stderr
    monkeypatch.setenv("SLEEP", "0")
    done = run(*command(problem, tmp_path / "a", tmp_path / "s"))
    assert done.exit_code == 0, done.output
    whole = run(*command(problem, tmp_path / "b", tmp_path / "t"))
    assert whole.exit_code == 0
    found = [skerry.load(tmp_path / name / "posterior.npz") for name in "ab"]
    np.testing.assert_array_equal(found[0].samples, found[1].samples)
    assert found[0].log_evidence == found[1].log_evidence


def test_another_seed_on_the_same_store_ends_with_2(tmp_path, problem):
    few = ("--n", 2000, "--density", "islands")
    assert run(*command(problem, tmp_path / "a", tmp_path / "s", *few)).exit_code == 0
    again = run(*command(problem, tmp_path / "a", tmp_path / "s", *few, "--seed", 4))
    assert again.exit_code == 2
    assert "seed: stored 3, now 4" in again.stderr


def test_a_store_that_cannot_be_written_ends_with_1(tmp_path, problem):
    (tmp_path / "file").write_text("")
    found = run(*command(problem, tmp_path / "a", tmp_path / "file", "--n", 100))
    assert found.exit_code == 1
    assert "is a file; pass another" in found.stderr


def test_sigterm_ends_with_75_and_what_was_evaluated_is_kept(tmp_path, problem):
    source = Path(skerry.__file__).parent.parent
    args = [str(a) for a in command(problem, tmp_path / "a", tmp_path / "s")]
    start = "from skerry.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, *args],
        env={**os.environ, "PYTHONPATH": str(source), "SLEEP": "0.25"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if len(list((tmp_path / "s").glob("chunks/chunk-*"))) >= 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75, stderr
    assert "Stopped by SIGTERM. Run the same command to go on." in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "s" / "lock").exists()
    assert len(skerry.store.read(tmp_path / "s").theta) >= 8
