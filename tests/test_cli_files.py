"""File mode on the command line: what it says, how it ends, what a shell can test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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
    return -np.sum(theta**2, axis=1) / 0.5

problem = skerry.Problem(prior, log_likelihood, jax=False)
"""
PRIOR = 'a = {distribution = "uniform", args = [-3, 6]}\nb = {distribution = "norm"}\n'
OWN = """
import sys
head, *rest = open(sys.argv[1]).read().splitlines()
with open(sys.argv[2], "w") as out:
    print(head, file=out)
    for line in rest:
        a, b = map(float, line.split(",")[1:3])
        print(line + repr(-a * a - b * b), file=out)
"""
FEW = ("--draws", 90, "--effective", 5, "--n", 3)


@pytest.fixture
def here(tmp_path):
    (tmp_path / "one.py").write_text(PROBLEM)
    (tmp_path / "prior.toml").write_text(PRIOR)
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def told(found):
    return json.loads(found.stdout.strip().splitlines()[-1])


def test_a_whole_run_by_commands_alone(here):
    folder = here / "run"
    first = run("propose", folder, here / "one.py", *FEW, "--seed", 2, "--json")
    assert first.exit_code == 0, first.output
    assert told(first) == {
        "state": "open", "round": 1, "folder": str(folder / "rounds" / "0001"), "chunks": 3,
        "lacking": [1, 2, 3], "points": 90,
    }  # fmt: skip
    assert run("evaluate", folder, "--chunk", 1).exit_code == 0
    more = run("collect", folder)
    assert more.exit_code == 3
    assert "60 points to be evaluated, in 2 of 3 chunks" in more.stdout
    for chunk in (2, 3, 4):
        found = run("evaluate", folder, "--chunk", chunk)
        assert found.exit_code == 0
        assert ("nothing to do" in found.stdout) == (chunk == 4)
    done = run("collect", folder, "--json")
    assert done.exit_code == 0, done.output
    assert told(done)["state"] == "done"
    assert len(done.stdout.splitlines()) == 1
    posterior = skerry.load(folder / "posterior.npz")
    assert posterior.n_calls == 90
    assert json.loads((folder / "settings.json").read_text())["seed"] == 2
    again = run("collect", folder)
    assert again.exit_code == 0
    assert "log evidence" in again.stdout
    assert "Nothing is lacking" in run("propose", folder).stdout


def test_a_prior_and_a_program_need_no_python_likelihood(here):
    folder = here / "run"
    script = run("propose", folder, here / "prior.toml", *FEW, "--job-script", "slurm")
    assert script.exit_code == 0, script.output
    text = (folder / "job.sh").read_text()
    assert "#SBATCH --array=1-3\n" in text
    assert str(folder.resolve()) in text
    none = run("evaluate", folder, "--chunk", 1)
    assert none.exit_code == 2
    assert "--problem" in none.stderr
    for chunk in (1, 2, 3):
        program = f"{sys.executable} {here / 'own.py'}"
        found = run("evaluate", folder, "--chunk", chunk, "--program", program)
        assert found.exit_code == 0, found.output
    assert run("collect", folder, "--quiet").exit_code == 0


@pytest.mark.slow
def test_the_job_script_fills_the_chunk_of_its_task(here):
    folder = here / "run"
    run("propose", folder, here / "one.py", *FEW, "--job-script", "slurm")
    tools = here / "bin"
    tools.mkdir()
    (tools / "skerry").write_text(
        f"#!/bin/sh\nPYTHONPATH={Path(skerry.__file__).parent.parent} "
        f'exec {sys.executable} -m skerry "$@"\n'
    )
    (tools / "skerry").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "SLURM_ARRAY_TASK_ID": "2"}
    subprocess.run(["bash", str(folder / "job.sh")], check=True, env=env, cwd=here)
    assert [p.name for p in folder.glob("rounds/0001/*.filled.csv")] == ["chunk-0002.filled.csv"]


@pytest.mark.parametrize(
    ("args", "code", "part"),
    [
        (("propose", "{run}"), 2, "Expected a problem or a prior for the new run"),
        (("propose", "{run}", "{here}/none.py"), 2, "isn't there"),
        (("propose", "{run}", "{here}/none.toml"), 2, "isn't there"),
        (("propose", "{run}", "{here}/own.py"), 2, "to run; got "),
        (("propose", "{run}", "{here}/prior.toml", "--job-script", "pbs"), 2, "slurm"),
        (("propose", "{here}/own.py", "{here}/prior.toml"), 1, "is a file"),
        (("collect", "{run}"), 2, "there is no run.json"),
        (("evaluate", "{run}", "--chunk", "1", "--problem", "{here}/one.py"), 2, "no run.json"),
        (("evaluate", "{run}", "--chunk", "1", "--program", "x"), 2, "no run.json"),
    ],
)
def test_mistakes_are_one_clear_message(here, args, code, part):
    places = {"run": here / "run", "here": here}
    found = run(*(arg.format(**places) for arg in args))
    assert found.exit_code == code
    assert found.stderr.startswith("Error: ")
    assert part in found.stderr
    assert "Traceback" not in found.output


def test_a_bad_chunk_ends_with_2_and_other_options_too(here):
    folder = here / "run"
    run("propose", folder, here / "one.py", *FEW)
    (folder / "rounds" / "0001" / "chunk-0002.filled.csv").write_text("point,a\n1,2\n")
    found = run("collect", folder)
    assert found.exit_code == 2
    assert "chunk-0002.filled.csv; line 1 names point, a" in found.stderr
    other = run("propose", folder, "--seed", 5)
    assert other.exit_code == 2
    assert "Expected the settings of the run" in other.stderr
    assert run("propose", folder, "--quiet").exit_code == 0


def test_a_run_and_its_problem_may_move_together(here, tmp_path):
    run("propose", here / "run", here / "one.py", *FEW)
    moved = tmp_path / "moved"
    moved.mkdir()
    (here / "run").rename(moved / "run")
    (here / "one.py").rename(moved / "one.py")
    assert run("evaluate", moved / "run", "--chunk", 1).exit_code == 0
    assert run("collect", moved / "run").exit_code == 3


@pytest.mark.slow
def test_sigterm_ends_with_75_and_leaves_no_filled_chunk(here):
    folder = here / "run"
    run("propose", folder, here / "one.py", *FEW)
    source = Path(skerry.__file__).parent.parent
    start = "from skerry.cli import main; print('up', flush=True); main()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, "evaluate", str(folder), "--chunk", "1"],
        env={**os.environ, "PYTHONPATH": str(source), "SLEEP": "60"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    time.sleep(4.0)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75, stderr
    assert "Run the same command to go on" in stderr
    assert not list(folder.glob("rounds/*/*.filled.csv"))
    assert run("evaluate", folder, "--chunk", 1).exit_code == 0
