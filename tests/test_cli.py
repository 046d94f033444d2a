"""The command line: what it writes, what it says, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import skerry
from skerry.cli._app import app
from skerry.cli._progress import shown
from skerry.inference import _conclude

PROBLEM = """
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.uniform(-3, 6), "b": st.uniform(-3, 6)})

def log_likelihood(theta):
    return np.logaddexp(*(-np.sum((theta - c) ** 2, axis=1) / 0.1 for c in (-1.5, 1.5)))

problem = skerry.Problem(prior, log_likelihood)
"""
FAILING = PROBLEM.replace("return ", "return np.nan * ")


@pytest.fixture(autouse=True)
def _short_training(monkeypatch):
    """Training is tested elsewhere: two steps will do."""
    train = _conclude.train
    settings = skerry.Training(max_epochs=1, steps=2)
    monkeypatch.setattr(
        _conclude, "train", lambda *args, **given: train(*args, **{**given, "settings": settings})
    )


@pytest.fixture
def problem(tmp_path):
    path = tmp_path / "two.py"
    path.write_text(PROBLEM)
    return path


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_version():
    found = run("--version")
    assert found.exit_code == 0
    assert found.stdout.strip() == f"skerry {skerry.__version__}"


def test_help_names_commands_and_exit_codes():
    found = run("--help")
    assert found.exit_code == 0
    for text in ("demo", "study", "infer", "fit", "Exit codes", "130"):
        assert text in found.stdout


@pytest.mark.parametrize("command", ["demo", "study", "infer", "fit", "amortize", "posterior"])
def test_every_command_has_help_and_a_seed(command):
    found = run(command, "--help")
    assert found.exit_code == 0
    assert "--seed" in found.stdout
    assert "--out" in found.stdout


def test_infer_writes_a_run_folder(tmp_path, problem):
    out = tmp_path / "run"
    found = run("infer", problem, "--n", 4000, "--effective", 100, "--seed", 3, "--out", out)
    assert found.exit_code == 0, found.output
    assert sorted(p.name for p in out.iterdir()) == [
        "islands.png",
        "posterior.npz",
        "settings.json",
        "summary.txt",
    ]
    posterior = skerry.load(out / "posterior.npz")
    assert len(posterior.modes) == 2
    assert posterior.n_calls == 4012
    assert (out / "islands.png").read_bytes().startswith(b"\x89PNG")
    settings = json.loads((out / "settings.json").read_text())
    assert settings["seed"] == 3
    assert settings["versions"]["skerry"]
    assert settings["settings"]["density"] == "flow_mixture"
    assert settings["status"] == "converged"
    assert "2 modes" in (out / "summary.txt").read_text()
    assert "2 modes" in found.stdout
    assert str(out) in found.stdout
    assert "likelihood" in found.stderr


MODEL = """
import scipy.stats as st
import skerry

def log_likelihood(theta, x):
    return st.norm.logpdf(x, theta, 0.5).sum(axis=1)

def simulator(theta, rng):
    return theta + 0.5 * rng.standard_normal(theta.shape)

prior = skerry.Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})
problem = skerry.Problem(prior, log_likelihood, pairwise=True)
"""


@pytest.mark.slow
def test_amortize_and_posterior_go_together(tmp_path):
    model, out = tmp_path / "model.py", tmp_path / "run"
    model.write_text(MODEL)
    found = run("amortize", model, "--n", 200, "--epochs", 1, "--out", out)
    assert found.exit_code == 0, found.output
    assert sorted(p.name for p in out.iterdir()) == ["estimator.npz", "settings.json"]
    ask = ("posterior", out / "estimator.npz", "--seed", 2, "--out", tmp_path / "p")
    raw = run(*ask, "--x=-0.5,1.0")
    assert raw.exit_code == 0, raw.output
    assert "unchecked" in raw.stdout
    exact = run(*ask, "--x", "-0.5,1.0", "--problem", model, "--effective", 300)
    assert exact.exit_code == 0, exact.output
    p = skerry.load(tmp_path / "p" / "posterior.npz")
    assert p.converged
    assert np.all(np.abs(p.mean - 0.8 * np.array([-0.5, 1.0])) < 5 * 0.45 / np.sqrt(300))
    options = ("--problem", model, "--effective", 300, "--store", tmp_path / "s", "--workers", 1)
    kept = run(*ask, "--x", "-0.5,1.0", *options)
    assert kept.exit_code == 0, kept.output
    np.testing.assert_array_equal(skerry.load(tmp_path / "p" / "posterior.npz").samples, p.samples)
    assert len(skerry.store.read(tmp_path / "s").theta) == p.n_calls
    assert run(*ask, "--x", "a,b").exit_code == 2
    assert run("posterior", tmp_path / "p" / "posterior.npz", "--x", "1,2").exit_code == 2


def test_quiet_says_only_where(tmp_path, problem):
    out = tmp_path / "run"
    options = ("--n", 4000, "--effective", 100, "--density", "flow_mixture", "--quiet")
    found = run("infer", problem, *options, "--out", out)
    assert found.exit_code == 0
    assert found.output.strip() == f"Run folder: {out}"


def test_quiet_still_tells_a_bad_verdict(tmp_path, problem):
    found = run("infer", problem, "--n", 100, "--quiet", "--out", tmp_path / "run")
    assert found.exit_code == 0
    assert "collapsed" in found.stderr


def write_table(path, prior, n=3000, **columns):
    rng = np.random.default_rng(0)
    theta = rng.uniform(-3, 3, (n, 2))
    log_l = np.logaddexp(*(-np.sum((theta - c) ** 2, axis=1) / 0.1 for c in (-1.5, 1.5)))
    table = {"b": theta[:, 1], "log_likelihood": log_l, "a": theta[:, 0], **columns}
    rows = np.column_stack([np.broadcast_to(column, n) for column in table.values()])
    np.savetxt(path, rows, delimiter=",", header=",".join(table), comments="")
    return theta


def test_fit_reads_columns_by_name(tmp_path, problem):
    table = tmp_path / "scan.csv"
    theta = write_table(table, problem)
    found = run("fit", table, "--prior", problem, "--effective", 50, "--out", tmp_path / "run")
    assert found.exit_code == 0, found.output
    posterior = skerry.load(tmp_path / "run" / "posterior.npz")
    assert posterior.names == ("a", "b")
    assert len(posterior.modes) == 2
    assert np.isin(
        posterior.samples[:, 0], np.float64(np.loadtxt(table, delimiter=",", skiprows=1)[:, 2])
    ).all()
    assert len(theta) == posterior.n_calls


def test_fit_uses_the_proposal_given(tmp_path, problem):
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    write_table(plain, problem)
    write_table(other, problem, log_proposal=-np.log(36.0) + 1.0)
    for table in (plain, other):
        found = run("fit", table, "--prior", problem, "-q", "--out", tmp_path / table.stem)
        assert found.exit_code == 0, found.output
    a, b = (skerry.load(tmp_path / name / "posterior.npz") for name in ("plain", "other"))
    assert a.log_evidence - b.log_evidence == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (None, ("isn't there",)),
        ("x = 1", ("define `problem`", "nothing of that name")),
        ("problem = 3", ("define `problem`", "a int")),
        ("def f(:", ("SyntaxError", "line 1")),
        ("import skerry\nproblem = skerry.Prior({})", ("Expected a mapping of names",)),
        ("1\n1 / 0", ("ZeroDivisionError", "line 2")),
    ],
)
def test_a_bad_problem_file_is_one_clear_message(tmp_path, text, parts):
    path = tmp_path / "bad.py"
    if text is not None:
        path.write_text(text)
    found = run("infer", path)
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: ")
    assert "Traceback" not in found.output
    for part in parts:
        assert part in found.stderr


def test_a_failing_likelihood_ends_with_1(tmp_path):
    path = tmp_path / "failing.py"
    path.write_text(FAILING)
    found = run("infer", path, "--n", 100, "--out", tmp_path / "run")
    assert found.exit_code == 1
    assert "nan" in found.stderr
    assert not (tmp_path / "run").exists()


def test_debug_shows_the_traceback(tmp_path):
    path = tmp_path / "failing.py"
    path.write_text(FAILING)
    found = run("infer", path, "--n", 100, "--debug")
    assert isinstance(found.exception, skerry.errors.EvaluationError)


def test_an_unknown_density_ends_with_2(problem):
    found = run("infer", problem, "--density", "spline")
    assert found.exit_code == 2
    assert "gaussian_base" in found.stderr


def test_ctrl_c_ends_with_130(tmp_path):
    path = tmp_path / "stopped.py"
    path.write_text("raise KeyboardInterrupt")
    found = run("infer", path)
    assert found.exit_code == 130
    assert "Stopped." in found.stderr


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a,log_likelihood\n1,2\n", "b missing"),
        ("", "an empty file"),
        ("a,b,log_likelihood\n1,2,much\n", "much"),
        ("a,b,log_likelihood\n" + "9,9,0\n" * 20, "outside its support"),
    ],
)
def test_a_bad_table_ends_with_2(tmp_path, problem, text, part):
    table = tmp_path / "table.csv"
    table.write_text(text)
    found = run("fit", table, "--prior", problem, "--out", tmp_path / "run")
    assert found.exit_code == 2
    assert part in found.stderr


def test_a_table_that_isnt_there_ends_with_2(tmp_path, problem):
    found = run("fit", tmp_path / "none.csv", "--prior", problem)
    assert found.exit_code == 2
    assert "there is none at" in found.stderr


def test_a_prior_is_asked_for(tmp_path):
    path = tmp_path / "nothing.py"
    path.write_text("prior = {}")
    found = run("fit", tmp_path / "t.csv", "--prior", path)
    assert found.exit_code == 2
    assert "define `prior`" in found.stderr


def test_study_hands_its_options_on(monkeypatch, tmp_path):
    import types

    calls = []
    module = types.ModuleType("skerry.study")
    module.run = lambda out, **options: calls.append((out, options))
    monkeypatch.setitem(sys.modules, "skerry.study", module)
    found = run("study", "--full", "--seed", 5, "--workers", 2, "--quiet", "--out", tmp_path)
    assert found.exit_code == 0, found.output
    assert calls == [(tmp_path, {"size": "full", "seed": 5, "progress": None, "workers": 2})]


def test_progress_on_a_terminal_is_a_bar():
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with shown(False, stream) as report:
        report("likelihood", 1, 4)
        report("likelihood", 4, 4)
        report("training", 1, 3)
        report("training", 1, 3)
    assert "likelihood" in stream.getvalue()
    assert "4/4" in stream.getvalue()


def test_the_program_runs_and_starts_light():
    code = (
        "import sys, skerry.cli; heavy = {'jax', 'numpy', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; sys.argv = ['skerry', 'infer', 'nowhere.py']; skerry.cli.main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2, found.stderr
    assert found.stderr.strip() == "Error: Expected a Python file; nowhere.py isn't there."
