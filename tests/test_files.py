"""Runs in files: the same bits as a run in one process, whatever happens on the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import files
from skerry._seeds import as_seed
from skerry.errors import EvaluationError, InputError, StoreError
from skerry.problem import CHECK_CALLS, CHECKED_POINTS

PRIOR = skerry.Prior({"a": st.uniform(-3, 6), "b": st.norm(0, 1)})
STATIC = files.Settings(draws=60, n_effective=5, seed=3, chunks=3)
ADAPTIVE = files.Settings(n_effective=150, max_calls=900, thoroughness=0.1, seed=3, chunks=3)
EXAMPLE = Path(__file__).parent.parent / "examples" / "compiled_likelihood"


def log_likelihood(theta):
    away = np.abs(theta - np.array([1.2, 0.0])) - np.array([0.0, 0.5])
    return -0.5 * np.sum((away / 0.4) ** 2, axis=1)


PROBLEM = skerry.Problem(PRIOR, log_likelihood, jax=False)


def rewrite(path, change):
    """Fill a chunk's text by a function of its lines, as a program of somebody's own would."""
    lines = path.read_text().splitlines()
    text = change([line.split(",") for line in lines])
    path.with_suffix(".filled.csv").write_text(text)


def fill(found, chunk, value=None):
    """By hand: the columns by name, a number more."""

    def change(rows):
        head, *rest = rows
        theta = np.array([[float(row[head.index(n)]) for n in ("a", "b")] for row in rest])
        values = log_likelihood(theta) if value is None else [value] * len(rest)
        body = [",".join([*row[:-1], str(v)]) for row, v in zip(rest, values, strict=True)]
        return "\n".join([",".join(head), *body]) + "\n"

    rewrite(found.path(chunk), change)


def same(p, q):
    np.testing.assert_array_equal(p.samples, q.samples)
    np.testing.assert_array_equal(p.log_weights, q.log_weights)
    return (p.log_evidence, p.n_calls, p.n_failed) == (q.log_evidence, q.n_calls, q.n_failed)


def but_for_the_trial(p):
    """A run in files has no first trial."""
    trial = PRIOR.sample(CHECKED_POINTS, as_seed(0).child("check"))
    failed = {*map(tuple, p.failed.theta)} & {*map(tuple, trial)}
    return replace(p, n_calls=p.n_calls - CHECK_CALLS, n_failed=p.n_failed - len(failed))


def inferred(settings, problem=PROBLEM):
    return skerry.infer(
        problem,
        n_effective=settings.n_effective,
        seed=settings.seed,
        max_calls=settings.max_calls,
        scheme=settings.scheme,
        failures=settings.failures,
    )


def test_a_run_in_files_has_the_bits_of_a_run_in_one_process(tmp_path):
    standing = files.propose(tmp_path / "run", PROBLEM, settings=ADAPTIVE)
    rounds = 0
    while not standing.done:
        rounds += 1
        assert standing.round.number == rounds
        for chunk in standing.lacking:
            files.evaluate(tmp_path / "run", chunk, PROBLEM)
        standing = files.collect(tmp_path / "run", PROBLEM)
    assert rounds < 40
    assert same(standing.posterior, but_for_the_trial(inferred(ADAPTIVE)))


def test_a_prior_alone_does_and_another_program_fills_the_chunks(tmp_path):
    standing = files.propose(tmp_path, PRIOR, settings=STATIC)
    found = standing.round
    assert (standing.lacking, standing.n_points, found.n_chunks) == ((1, 2, 3), 60, 3)
    head, first, *_ = found.path(1).read_text().splitlines()
    assert head == "point,a,b,log_likelihood"
    assert first.endswith(",")
    fill(found, 2)
    standing = files.collect(tmp_path)
    assert (standing.lacking, standing.n_points) == ((1, 3), 40)
    assert standing.round.folder == found.folder
    fill(found, 1)
    shutil.move(found.filled_path(1), found.path(1))  # filled where it is
    fill(found, 3)
    standing = files.collect(tmp_path)
    assert standing.done
    assert standing.posterior.log_evidence == pytest.approx(
        inferred(STATIC).log_evidence, abs=1e-12
    )
    again = files.collect(tmp_path)
    assert same(again.posterior, standing.posterior)
    assert files.propose(tmp_path).done


def test_proposing_again_changes_nothing_but_writes_what_is_missing(tmp_path):
    found = files.propose(tmp_path, PRIOR, settings=STATIC).round
    before = {path: path.read_bytes() for path in found.folder.iterdir()}
    found.path(2).unlink()
    again = files.propose(tmp_path)
    assert again.round.folder == found.folder
    assert {path: path.read_bytes() for path in found.folder.iterdir()} == before
    assert files.propose(tmp_path, PRIOR, settings=STATIC).lacking == (1, 2, 3)


def test_few_points_make_few_chunks_and_other_tasks_have_nothing_to_do(tmp_path):
    settings = files.Settings(draws=12, n_effective=2, chunks=50)
    found = files.propose(tmp_path, PROBLEM, settings=settings).round
    assert found.n_chunks == 12
    assert files.evaluate(tmp_path, 13, PROBLEM) is None
    path = files.evaluate(tmp_path, 12, PROBLEM)
    assert path == found.filled_path(12)
    time_of = path.stat().st_mtime_ns
    assert files.evaluate(tmp_path, 12, PROBLEM) is None
    assert path.stat().st_mtime_ns == time_of
    path.write_text("half")
    assert files.evaluate(tmp_path, 12, PROBLEM) == path
    found.path(3).unlink()
    with pytest.raises(InputError, match="skerry propose"):
        files.evaluate(tmp_path, 3, PROBLEM)


def test_failures_follow_the_policy_of_the_run(tmp_path):
    def failing(theta):
        return np.where(theta[:, 0] > 0, log_likelihood(theta), np.nan)

    problem = skerry.Problem(PRIOR, failing, jax=False)
    settings = files.Settings(draws=60, n_effective=5, failures="drop", chunks=2)
    standing = files.propose(tmp_path / "drop", problem, settings=settings)
    for chunk in standing.lacking:
        files.evaluate(tmp_path / "drop", chunk, problem)
    p = files.collect(tmp_path / "drop", problem).posterior
    assert same(p, but_for_the_trial(inferred(settings, problem)))
    assert p.n_failed > 0
    files.propose(tmp_path / "stop", problem, settings=STATIC)
    with pytest.raises(EvaluationError, match="got nan"):
        files.evaluate(tmp_path / "stop", 1, problem)
    assert not list((tmp_path / "stop").glob("rounds/*/*.filled.csv"))


def test_another_problem_or_other_settings_are_refused(tmp_path):
    files.propose(tmp_path, PROBLEM, settings=STATIC)
    other = skerry.Problem(PRIOR, lambda theta: theta[:, 0], jax=False)
    with pytest.raises(InputError, match="these differ: likelihood"):
        files.collect(tmp_path, other)
    with pytest.raises(InputError, match="these differ: likelihood"):
        files.evaluate(tmp_path, 1, other)
    with pytest.raises(InputError, match="settings of the run"):
        files.propose(tmp_path, PROBLEM, settings=files.Settings(draws=61))
    with pytest.raises(InputError, match="got none; pass it again"):
        files.collect(tmp_path)
    with pytest.raises(InputError, match=r"there is no run\.json"):
        files.collect(tmp_path / "none")
    with pytest.raises(InputError, match="for a new run"):
        files.propose(tmp_path / "none")
    for name in ("point", "log_likelihood"):
        with pytest.raises(InputError, match="head columns"):
            files.propose(tmp_path / "none", skerry.Prior({name: st.norm()}))
    for bad in ({"chunks": 0}, {"seed": -1}, {"chunks": 1.5}):
        with pytest.raises(InputError, match="Expected"):
            files.Settings(**bad)


def test_damaged_heads_are_told_and_can_be_mended(tmp_path):
    found = files.propose(tmp_path, PRIOR, settings=STATIC).round
    head = found.folder / "round.json"
    head.write_text(head.read_text().replace("1.", "2.", 1))
    with pytest.raises(InputError, match="move the folder"):
        files.collect(tmp_path)
    shutil.rmtree(found.folder)
    again = files.propose(tmp_path).round
    np.testing.assert_array_equal(again.theta, found.theta)
    run = tmp_path / "run.json"
    run.write_text(run.read_text().replace("60", "61"))
    with pytest.raises(InputError, match=r"run.json; it is damaged"):
        files.collect(tmp_path)


def lines_of(found):
    fill(found, 1)
    return found.filled_path(1).read_text().splitlines()


def cut(lines, line, cell, text):
    cells = lines[line - 1].split(",")
    cells[cell] = text
    return [*lines[: line - 1], ",".join(cells), *lines[line:]]


BAD = {
    "fewer lines": (lambda t: t[:-5], "half-written", "line 16"),
    "a last line that is cut": (lambda t: [*t[:-1], t[-1][:-4], None], "line break", "line 21"),
    "a line more": (lambda t: [*t, t[-1]], "one more", "line 22"),
    "a column less": (lambda t: [",".join(x.split(",")[:-1]) for x in t], "columns", "line 1"),
    "a name twice": (lambda t: ["point,a,a,log_likelihood", *t[1:]], "columns", "line 1"),
    "a cell less": (lambda t: [*t[:6], t[6][: t[6].rindex(",")], *t[7:]], "cells", "line 7"),
    "lines in another order": (lambda t: [t[0], t[2], t[1], *t[3:]], "another order", "line 2"),
    "other points": (lambda t: cut(t, 9, 1, "0.5"), "another point", "line 9"),
    "no number": (lambda t: cut(t, 4, 3, "******"), "a number for log_likelihood", "line 4"),
    "nan": (lambda t: cut(t, 5, 3, "-nan"), "numbers, or -inf", "line 5"),
    "infinity": (lambda t: cut(t, 5, 3, "Infinity"), "numbers, or -inf", "line 5"),
    "an empty cell": (lambda t: cut(t, 6, 3, " "), "it is empty", "line 6"),
    "no text": (lambda t: [*t[:3], "\udcff", *t[4:]], "UTF-8", "line 4"),
    "a quote left open": (lambda t: cut(t, 3, 3, '"1.5'), "commas between", "line 3"),
    "nothing": (lambda t: [], "line break", "line 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_chunks_that_cannot_be_used_are_told_with_file_line_and_remedy(tmp_path, name):
    found = files.propose(tmp_path, PRIOR, settings=STATIC).round
    change, *parts = BAD[name]
    lines = change(lines_of(found))
    text = "\n".join(line for line in lines if line is not None)
    whole = bool(lines) and lines[-1] is not None
    data = (text + "\n" * whole).encode("utf-8", "surrogateescape")
    found.filled_path(1).write_bytes(data)
    fill(found, 2)
    with pytest.raises(files.FilledError) as error:
        files.collect(tmp_path)
    for part in (*parts, "chunk-0001.filled.csv", "Expected"):
        assert part in str(error.value)
    found.filled_path(1).unlink()
    assert files.collect(tmp_path).lacking == (1, 3)  # what was good is stored


GOOD = {
    "windows": lambda t: [line + "\r" for line in t],
    "spaces": lambda t: [line.replace(",", " , ") for line in t],
    "fortran": lambda t: [t[0], *(cut(t, i, 3, "-1.5D+00")[i - 1] for i in range(2, 22))],
    "impossible": lambda t: cut(t, 3, 3, "-Infinity"),
    "few digits": lambda t: [
        t[0],
        *(
            ",".join([p, f"{float(a):.6g}", f"{float(b):.6g}", v])
            for p, a, b, v in (x.split(",") for x in t[1:])
        ),
    ],
    "columns of one's own": lambda t: ["extra," + t[0], *("x," + line for line in t[1:])],
    "empty lines at the end": lambda t: [*t, "", ""],
    "a mark at the beginning": lambda t: ["\ufeff" + t[0], *t[1:]],
}


@pytest.mark.parametrize("name", GOOD)
def test_what_programs_print_is_read(tmp_path, name):
    found = files.propose(tmp_path, PRIOR, settings=STATIC).round
    text = "\n".join(GOOD[name](lines_of(found))) + "\n"
    found.filled_path(1).write_text(text, newline="")
    assert files.collect(tmp_path).lacking == (2, 3)


def test_ctrl_c_amid_the_replay_ends_nothing_and_proposes_nothing(tmp_path):
    def far_apart(theta):
        return -0.5 * np.sum(((np.abs(theta) - 1.5) / 0.2) ** 2, axis=1)

    problem = skerry.Problem(PRIOR, far_apart, jax=False)
    standing = files.propose(tmp_path, problem, settings=ADAPTIVE)
    told = []
    while not told:  # the hunt is over, a round is recorded
        for chunk in standing.lacking:
            files.evaluate(tmp_path, chunk, problem)
        standing = files.collect(tmp_path, problem, progress=lambda *line: told.append(line))
    assert not standing.done

    told.clear()

    def stop(*line):  # once
        told.append(line)
        if len(told) == 1:
            raise KeyboardInterrupt

    before = sorted(tmp_path.glob("rounds/*"))
    with pytest.raises(KeyboardInterrupt):
        files.collect(tmp_path, problem, progress=stop)
    assert sorted(tmp_path.glob("rounds/*")) == before


def test_a_chunk_of_an_older_round_is_refused(tmp_path):
    standing = files.propose(tmp_path, PRIOR, settings=ADAPTIVE)
    first = standing.round
    for chunk in standing.lacking:
        fill(first, chunk)
    second = files.collect(tmp_path).round
    assert second.number == 2
    shutil.copy(first.filled_path(1), second.filled_path(1))
    with pytest.raises(files.FilledError, match=r"0002.*chunk-0001.filled"):
        files.collect(tmp_path)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a = {distribution = 'nrm'}", "'nrm'"),
        ("a = {distribution = 'norm', args = ['x']}", "not all numbers"),
        ("a = {distribution = 'norm', width = 3}", "arguments of scipy.stats"),
        ("a = {periodic = [1]}", "distribution for a"),
        ("a = 3", "distribution for a"),
        ("", "table of parameters"),
        ("a = {", "can't be read"),
        ("a = {periodic = [2, 1]}", "low < high"),
    ],
)
def test_bad_prior_tables_are_told(tmp_path, text, part):
    path = tmp_path / "prior.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=part):
        files.read_prior_table(path)


def test_prior_tables_are_read(tmp_path):
    path = tmp_path / "prior.toml"
    path.write_text('a = {distribution = "uniform", args = [-3, 6]}\n[b]\ndistribution = "norm"\n')
    table = {"a": {"distribution": "uniform", "loc": -3, "scale": 6}}
    table["b"] = {"distribution": "norm"}
    (tmp_path / "prior.json").write_text(json.dumps(table))
    for name in ("prior.toml", "prior.json"):
        prior = files.read_prior_table(tmp_path / name)
        assert prior.names == ("a", "b")
        np.testing.assert_array_equal(prior.sample(5, 0), PRIOR.sample(5, 0))


def test_a_run_in_use_is_refused(tmp_path):
    files.propose(tmp_path, PRIOR, settings=STATIC)
    code = (
        "import sys, time; from skerry.store._lock import Lock; from pathlib import Path; "
        "Lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    source = Path(skerry.__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="in use"):
            files.collect(tmp_path)
    finally:
        process.kill()
        process.communicate()


def compiled(tmp_path):
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    here = tmp_path / "example"
    shutil.copytree(EXAMPLE, here, ignore=shutil.ignore_patterns("likelihood", "run"))
    subprocess.run(["make", "--quiet", "-C", str(here)], check=True)
    return here


def test_the_compiled_example_fills_chunks(tmp_path):
    here = compiled(tmp_path)
    prior = files.read_prior_table(here / "prior.toml")
    settings = files.Settings(draws=5_000, n_effective=10, chunks=2)
    standing = files.propose(tmp_path / "run", prior, settings=settings)
    for chunk in standing.lacking:
        assert files.evaluate_with(tmp_path / "run", chunk, [str(here / "likelihood")])
    p = files.collect(tmp_path / "run").posterior
    aliases = np.array([0.3, 0.7, 1.3, 1.7])
    heaviest = sorted(float(mode.location[0]) for mode in p.modes[:4])
    np.testing.assert_allclose(heaviest, aliases, atol=0.03)


@pytest.mark.slow
def test_the_compiled_example_finds_its_four_aliases(tmp_path):
    """Masses are 1/4 each by the symmetry of the sampling, within z = 5."""
    here = compiled(tmp_path)
    prior = files.read_prior_table(here / "prior.toml")
    settings = files.Settings(n_effective=1_000, thoroughness=0.3, chunks=2)
    standing = files.propose(tmp_path / "run", prior, settings=settings)
    while not standing.done:
        for chunk in standing.lacking:
            files.evaluate_with(tmp_path / "run", chunk, [str(here / "likelihood")])
        standing = files.collect(tmp_path / "run")
    assert standing.posterior.converged
    for mode in standing.posterior.modes[:4]:
        assert abs(mode.mass - 0.25) < 5 * max(mode.mass_error, 0.01)


def test_a_program_that_fails_leaves_no_filled_chunk(tmp_path):
    found = files.propose(tmp_path, PRIOR, settings=STATIC).round
    bad = [sys.executable, "-c", "import sys; sys.exit(4)"]
    with pytest.raises(EvaluationError, match="code 4"):
        files.evaluate_with(tmp_path, 1, bad)
    with pytest.raises(EvaluationError, match="no file written"):
        files.evaluate_with(tmp_path, 1, [sys.executable, "-c", ""])
    with pytest.raises(InputError, match="can be run"):
        files.evaluate_with(tmp_path, 1, [str(tmp_path / "none")])
    copy = [sys.executable, "-c", "import shutil, sys; shutil.copy(*sys.argv[1:])"]
    with pytest.raises(files.FilledError, match="it is empty"):
        files.evaluate_with(tmp_path, 1, copy)
    assert not found.filled_path(1).exists()


@pytest.mark.slow
def test_twenty_sudden_deaths_change_no_bit(tmp_path):
    script = Path(__file__).with_name("killing_files.py")
    source = Path(skerry.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "20", "1"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] >= 20
    assert found["wrong"] == 0
    assert found["files"] == 0  # nothing half-written is left under a name that counts
