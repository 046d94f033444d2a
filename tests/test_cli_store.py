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


def stop(arguments, store, files, n):
    """A command of slow calls, ended by SIGTERM when its store holds n files of a kind."""
    source = Path(skerry.__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", "from skerry.cli import main; main()", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(source), "SLEEP": "0.25"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if len(list(store.glob(files))) >= n:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75, stderr
    assert "Stopped by SIGTERM. Run the same command to go on." in stderr
    assert "Traceback" not in stderr


def test_sigterm_ends_with_75_and_what_was_evaluated_is_kept(tmp_path, problem):
    arguments = command(problem, tmp_path / "a", tmp_path / "s")
    stop(arguments, tmp_path / "s", "chunks/chunk-*", 2)
    assert not (tmp_path / "s" / "lock").exists()
    assert len(skerry.store.read(tmp_path / "s").theta) >= 8


MODEL = """
import os, time
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})

def simulator(theta, rng):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return theta + rng.standard_normal(theta.shape)

def log_likelihood(theta, x):
    return -0.5 * np.sum((theta - x) ** 2, axis=1)

problem = skerry.Problem(prior, log_likelihood, pairwise=True, jax=False)
"""


def train(tmp_path, out, *more):
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return ("amortize", path, "--n", 100, "--epochs", 1, "--out", tmp_path / out, *more)


@pytest.mark.slow
def test_a_training_stopped_by_the_time_limit_goes_on(tmp_path, monkeypatch):
    store = ("--store", tmp_path / "s")
    monkeypatch.setenv("SLEEP", "0.3")
    stopped = run(*train(tmp_path, "a", *store, "--max-seconds", 0.5))
    assert stopped.exit_code == 75
    assert "make the same call again to go on" in stopped.stderr
    monkeypatch.setenv("SLEEP", "0")
    assert run(*train(tmp_path, "a", *store)).exit_code == 0
    assert run(*train(tmp_path, "b")).exit_code == 0
    one, two = (skerry.load(tmp_path / name / "estimator.npz") for name in "ab")
    np.testing.assert_array_equal(one.sample([0.5, 0.5], 9, 0), two.sample([0.5, 0.5], 9, 0))
    assert run(*train(tmp_path, "c", "--max-seconds", 5)).exit_code == 2


@pytest.mark.slow
def test_a_training_ended_by_sigterm_goes_on(tmp_path, monkeypatch):
    arguments = train(tmp_path, "a", "--store", tmp_path / "s")
    stop(arguments, tmp_path / "s", "simulations/chunk-*", 1)
    monkeypatch.setenv("SLEEP", "0")
    again = run(*arguments)
    assert again.exit_code == 0, again.output
