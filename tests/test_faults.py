"""Faults of disks and processes where results are written, in whole commands and real processes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import skerry
from skerry import _saving
from skerry._saving import whole, write_text
from skerry.cli._app import app

PROBLEM = """
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.uniform(-3, 6), "b": st.uniform(-3, 6)})

def log_likelihood(theta):
    with open(__file__ + ".calls", "a") as file:
        file.write("x" * len(theta))
    return -np.sum(theta**2, axis=1) / 0.1

problem = skerry.Problem(prior, log_likelihood, jax=False)
"""
SAVING = """
# Saves one posterior over another, in forks of itself that are killed in the midst of it.
import json, os, random, signal, sys, time
from pathlib import Path
import numpy as np
import scipy.stats as st
import skerry

def made(seed):
    prior = skerry.Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})
    problem = skerry.Problem(prior, lambda t: -np.sum(t**2, axis=1), jax=False)
    scheme = skerry.Static(20_000, density="islands")
    return skerry.infer(problem, seed=seed, scheme=scheme, n_effective=100)

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
path, both = folder / "p.npz", [made(seed) for seed in (0, 1)]
evidences = [p.log_evidence for p in both]
began = time.monotonic()
both[0].save(path)
seconds = time.monotonic() - began
rng = random.Random(0)
found, parts = set(), 0
for kill in range(kills):
    child = os.fork()
    if child == 0:
        while True:
            for p in both:
                p.save(path)
    time.sleep(rng.uniform(0, 3 * seconds))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    parts += len(list(folder.glob(".*.part-*")))
    found.add(evidences.index(skerry.load(path).log_evidence))
both[0].save(path)
left = sorted(p.name for p in folder.iterdir())
print(json.dumps({"parts": parts, "found": sorted(found), "left": left}))
"""
HOLDING = """
import sys
import skerry
from skerry.errors import StoreError
from skerry.store import opened

sys.stdin.readline()
try:
    with opened(skerry.Store(sys.argv[1]), {"likelihood": "one"}, 2):
        print("held", flush=True)
        sys.stdin.readline()
except StoreError as error:
    print("refused" if "in use by process" in str(error) else error, flush=True)
"""


def python(text, *args, **options):
    source = Path(skerry.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", text, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def infer(tmp_path, *more):
    problem = tmp_path / "one.py"
    problem.write_text(PROBLEM)
    words = ["infer", problem, "--effective", 200, "--seed", 3, "--n", 1000]
    words += ["--density", "islands", "--store", tmp_path / "store", "--out", tmp_path / "run"]
    return CliRunner().invoke(app, [str(word) for word in (*words, *more)])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fills_up_under_the_report_costs_no_call(tmp_path, monkeypatch, number):
    assert infer(tmp_path).exit_code == 0
    calls = (tmp_path / "one.py.calls").read_text()
    before = (tmp_path / "run" / "posterior.npz").read_bytes()
    save = np.savez_compressed

    def full(file, **arrays):
        save(file, **dict(list(arrays.items())[:2]))
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        failed = infer(tmp_path)
    assert failed.exit_code != 0
    assert os.strerror(number) in failed.stderr
    assert "Traceback" not in failed.stderr
    assert (tmp_path / "run" / "posterior.npz").read_bytes() == before
    assert not list((tmp_path / "run").glob(".*.part-*"))
    assert infer(tmp_path).exit_code == 0
    assert (tmp_path / "one.py.calls").read_text() == calls


@pytest.mark.slow
def test_a_posterior_saved_over_another_is_one_of_them_whenever_the_process_dies(tmp_path):
    process = python(SAVING, tmp_path, 60)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert found["found"] == [0, 1]
    assert found["parts"] > 0  # some did die in the midst of it
    assert found["left"] == ["p.npz"]


@pytest.mark.slow
def test_a_command_killed_at_any_step_of_its_writing_leaves_no_half_file_and_goes_on(tmp_path):
    script = Path(__file__).parent / "killing_writes.py"
    source = Path(skerry.__file__).parent.parent
    ended = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "10"],
        env={**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{script.parent}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["wrong"] == []
    assert found["steps"] == found["deaths"]["steps"] > 40
    assert found["deaths"]["bytes"] > 8
    assert found["parts"] > 20  # many did die in the midst of it


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a[1].txt"
    write_text(path, "old")

    def half(whole):
        with whole(path) as part:
            part.write_text("ha")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half(whole)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive = path.with_name(f".{path.name}{_saving._mark()}{os.getpid()}-1")
    gone, other = (
        alive.with_name(alive.name.replace(str(os.getpid()), str(dead.pid))),
        tmp_path / "b",
    )
    for left in (alive, gone, other):
        left.write_text("left")
    write_text(path, "new")
    assert sorted(tmp_path.iterdir()) == sorted([path, alive, other])  # only what the dead left
    assert path.read_text() == "new"


def test_a_short_write_is_gone_on_with(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:3])))
    write_text(tmp_path / "a", "a long text")
    monkeypatch.undo()
    assert (tmp_path / "a").read_text() == "a long text"


@pytest.mark.slow
def test_of_processes_that_open_a_store_at_once_one_holds_it(tmp_path):
    several = [python(HOLDING, tmp_path / "store", stdin=subprocess.PIPE) for _ in range(3)]
    for process in several:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.stdout.readline().strip() for process in several]
    for process in several:
        _, err = process.communicate("end\n", timeout=60)
        assert process.returncode == 0, err
    assert sorted(said) == ["held", "refused", "refused"]
