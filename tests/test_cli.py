"""The command line: what it writes, what it says, how it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import skerry
from pages import Page
from skerry.cli._app import DensityChoice, StoreFolder, app
from skerry.cli._help import EXAMPLES
from skerry.cli._progress import shown
from skerry.cli._reproduce import command_line
from skerry.training import _fit

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
    train = _fit.fit
    settings = skerry.Training(max_epochs=1, steps=2)
    monkeypatch.setattr(
        _fit, "fit", lambda *args, **given: train(*args, **{**given, "settings": settings})
    )


@pytest.fixture
def reported():
    """For tests that look at reports."""


@pytest.fixture(autouse=True)
def _no_report(request, monkeypatch):
    """Reports take seconds to draw: elsewhere none are written."""
    if "reported" not in request.fixturenames:
        monkeypatch.setattr("skerry.cli._commands.write_report", lambda *_: None)


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


def test_infer_writes_a_run_folder(tmp_path, problem, reported):
    out = tmp_path / "run"
    found = run("infer", problem, "--n", 4000, "--effective", 100, "--seed", 3, "--out", out)
    assert found.exit_code == 0, found.output
    assert sorted(p.name for p in out.iterdir()) == [
        "islands.png",
        "posterior.npz",
        "report.html",
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
    words = ("skerry", "infer", f"{problem}", "--n", "4000", "--effective", "100.0", "--seed", "3")
    line = " ".join((*words, "--out", f"{out}"))
    assert settings["command_line"] == line
    page = Page((out / "report.html").read_text("utf-8")).text
    for part in ("Posterior of two", "This answer can be used.", "2 islands", line, f"{problem}"):
        assert part in page
    assert str(out / "report.html") in found.stdout
    (out / "report.html").unlink()
    (out / "settings.json").write_text("{damaged")
    again = run("report", out)
    assert again.exit_code == 0, again.output
    assert again.stdout.strip() == f"Report: {out / 'report.html'}"
    page = Page((out / "report.html").read_text("utf-8")).text
    assert "Posterior of run" in page
    assert "seed 3" in page


def test_the_answer_as_json_has_standard_output_for_itself(tmp_path, problem, monkeypatch):
    problem.write_text(PROBLEM + "print('hello')")
    found = run("infer", problem, "--n", 4000, "--effective", 100, "--json", "--out", tmp_path)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["status"] == "converged"
    assert told["converged"] is True
    assert told["folder"] == str(tmp_path)
    assert told["n_calls"] == 4012  # 12 are tried first
    posterior = skerry.load(tmp_path / "posterior.npz")
    assert told["log_evidence"] == posterior.log_evidence
    assert [mode["name"] for mode in told["modes"]] == ["A", "B"]
    assert told["modes"][0]["location"]["a"] == posterior.modes[0].location[0]
    assert {check["passed"] for check in told["checks"]} == {True, None}
    assert "hello" in found.stderr
    assert "likelihood" in found.stderr
    again = run(
        "report", tmp_path / "posterior.npz", "--json", "--out", tmp_path / "new" / "r.html"
    )
    assert json.loads(again.stdout) == told
    assert (tmp_path / "new" / "r.html").exists()


def test_numbers_that_are_not_known_are_null(tmp_path):
    from made_up import made_up
    from skerry.cli._answer import answer

    told = answer(replace(made_up(1, [1.0]), log_evidence=np.nan, khat=np.inf))
    assert told["log_evidence"] is None
    assert told["khat"] is None
    json.dumps(told, allow_nan=False)


def test_another_command_takes_another_folder_and_the_same_one_the_same(
    tmp_path, problem, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    few = ("infer", problem, "--n", 200, "--density", "islands", "--quiet")
    for seed, folder in ((1, "skerry-two"), (2, "skerry-two-2"), (1, "skerry-two")):
        found = run(*few, "--seed", seed)
        assert found.exit_code == 0, found.output
        assert found.stdout.strip() == f"Run folder: {folder}"
    (tmp_path / "skerry-two" / "settings.json").unlink()
    assert run(*few, "--seed", 1).stdout.strip() == "Run folder: skerry-two-3"


def test_the_command_line_is_quoted_for_a_shell(tmp_path):
    lines, other = [], typer.Typer()

    @other.command()
    def infer(
        ctx: typer.Context,
        problem: Path,
        store: StoreFolder = None,
        x: str = "0",
        density: DensityChoice = DensityChoice.islands,
        full: bool = typer.Option(False, "--full/--quick"),
        quiet: bool = False,
    ):
        lines.append(command_line(ctx))

    args = ["a b.py", "--x=-1,2", "--density", "mixture_base", "--quick", "--quiet"]
    assert CliRunner().invoke(other, args).exit_code == 0
    assert lines == ["skerry infer 'a b.py' --x=-1,2 --density mixture_base --quick"]


@pytest.mark.parametrize("command", sorted(EXAMPLES))
def test_every_command_has_examples_that_it_understands(command):
    """Each example names options that the command has."""
    shown = run(command, "--help").stdout
    assert "Examples:" in shown
    for line in EXAMPLES[command].partition("\n\n")[0].splitlines()[2:]:
        words = shlex.split(line.partition(">")[0])
        assert words[:2] == ["skerry", command]
        for word in words[2:]:
            assert not word.startswith("--") or word.partition("=")[0] in shown


def test_no_color_means_no_colour(problem):
    """In a terminal's place: forced colours, and NO_COLOR against them."""
    code = "import sys; sys.argv = ['skerry', 'infer', '--help']; import skerry.cli as c; c.main()"
    texts = []
    for more in ({"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}):
        env = {**os.environ, **more, "TERM": "xterm-256color"}
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
        )
        texts.append(found.stdout)
    colours = [re.findall(r"\x1b\[[0-9;]*3[0-7]m", text) for text in texts]
    assert colours[0]
    assert not colours[1]


def test_an_unforeseen_error_is_one_message_and_debug_shows_where(problem, monkeypatch):
    def broken(*args, **options):
        raise RuntimeError("the moon is blue")

    monkeypatch.setattr(skerry, "infer", broken)
    found = run("infer", problem)
    assert found.exit_code == 1
    assert found.stderr.startswith("Error: something unforeseen (RuntimeError: the moon is blue)")
    assert found.stderr.count("\n") == 1
    assert "--debug" in found.stderr
    assert "Traceback" not in found.output
    assert isinstance(run("infer", problem, "--debug").exception, RuntimeError)


@pytest.mark.parametrize(
    ("made", "part"), [(None, "there is none at"), ("text", "is another kind or damaged")]
)
def test_a_report_needs_a_posterior(tmp_path, made, part):
    if made is not None:
        (tmp_path / "posterior.npz").write_text(made)
    found = run("report", tmp_path)
    assert found.exit_code == 2
    assert part in found.stderr


FORWARD = """
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.uniform(0, 3), "b": st.norm(0, 1)})
places = np.linspace(0, 1, 8)
problem = skerry.Problem(
    prior, forward=lambda theta: theta[:, :1] + theta[:, 1:] * places,
    noise=skerry.noise.Gaussian(0.1),
)
x = 1.0 + 0.5 * places
"""


def test_report_shows_predictions_beside_the_data(tmp_path):
    path, out = tmp_path / "line.py", tmp_path / "run"
    path.write_text(FORWARD)
    options = ("--n", 20000, "--effective", 50, "--density", "islands", "--quiet", "--out", out)
    assert run("infer", path, *options).exit_code == 0
    found = run("report", out, "--problem", path)
    assert found.exit_code == 0, found.output
    page = Page((out / "report.html").read_text("utf-8")).text
    assert "Does the model fit the data" in page
    assert "200 posterior draws" in page


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
def test_amortize_and_posterior_go_together(tmp_path, reported):
    model, out = tmp_path / "model.py", tmp_path / "run"
    model.write_text(MODEL)
    found = run("amortize", model, "--n", 200, "--epochs", 1, "--out", out)
    assert found.exit_code == 0, found.output
    assert sorted(p.name for p in out.iterdir()) == ["estimator.npz", "settings.json"]
    ask = ("posterior", out / "estimator.npz", "--seed", 2, "--out", tmp_path / "p")
    raw = run(*ask, "--x=-0.5,1.0")
    assert raw.exit_code == 0, raw.output
    assert "unchecked" in raw.stdout
    page = Page((tmp_path / "p" / "report.html").read_text("utf-8")).text
    assert "Not checked against the likelihood." in page
    assert "The evidence is not known" in page
    exact = run(*ask, "--x", "-0.5,1.0", "--problem", model, "--effective", 300)
    assert exact.exit_code == 0, exact.output
    assert "effective samples 300 of 300" in exact.stderr
    assert "effective samples" not in exact.stdout
    p = skerry.load(tmp_path / "p" / "posterior.npz")
    assert p.converged
    assert np.all(np.abs(p.mean - 0.8 * np.array([-0.5, 1.0])) < 5 * 0.45 / np.sqrt(300))
    options = ("--problem", model, "--effective", 300, "--store", tmp_path / "s", "--workers", 1)
    kept = run(*ask, "--x", "-0.5,1.0", *options)
    assert kept.exit_code == 0, kept.output
    np.testing.assert_array_equal(skerry.load(tmp_path / "p" / "posterior.npz").samples, p.samples)
    assert len(skerry.store.read(tmp_path / "s").theta) == p.n_calls
    assert run(*ask, "--x", "a,b").exit_code == 2
    without = run(*ask, "--x", "-0.5,1.0", "--effective", 300)
    assert (without.exit_code, "Expected --problem beside" in without.stderr) == (2, True)
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


def test_study_says_in_json_where_its_files_are(monkeypatch, tmp_path):
    import types

    from skerry.study import StudyResult

    result = StudyResult(tmp_path / "t.csv", tmp_path / "t.md", (tmp_path / "a.png",))
    module = types.ModuleType("skerry.study")

    def study(out, **options):
        sys.stdout.write("chatter of a library\n")
        return result

    module.run = study
    monkeypatch.setitem(sys.modules, "skerry.study", module)
    found = run("study", "--json", "--quiet", "--out", tmp_path)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == {
        "folder": str(tmp_path),
        "table": str(tmp_path / "t.csv"),
        "markdown": str(tmp_path / "t.md"),
        "figures": [str(tmp_path / "a.png")],
    }
    assert "chatter" in found.stderr


def test_a_folder_that_cant_be_made_is_told_before_the_run(tmp_path, problem):
    (tmp_path / "file").write_text("")
    started = time.monotonic()
    found = run("infer", problem, "--out", tmp_path / "file" / "run", "--store", tmp_path / "s")
    assert found.exit_code == 2
    assert "Expected a folder that can be written to" in found.stderr
    assert not (tmp_path / "s").exists()
    assert time.monotonic() - started < 10


def test_failures_are_spoken_of_as_options_and_leave_no_empty_folder(tmp_path):
    path, out = tmp_path / "broken.py", tmp_path / "new" / "run"
    path.write_text(
        "import scipy.stats as st, skerry\n"
        "prior = skerry.Prior({'a': st.norm(0, 1)})\n"
        "problem = skerry.Problem(prior, lambda theta: theta[:, 0] * float('nan'))\n"
    )
    found = run("infer", path, "--out", out)
    assert found.exit_code == 1
    assert "--failures drop" in found.stderr
    assert 'failures="' not in found.stderr
    assert not out.exists()
    folder = run("infer", tmp_path)
    assert (folder.exit_code, "is a folder" in folder.stderr) == (2, True)


@pytest.mark.slow
def test_the_demonstration_answers_in_json(tmp_path):
    found = run("demo", "--quick", "--json", "--quiet", "--out", tmp_path)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["converged"] is False
    assert told["page"] == str(tmp_path / "index.html")
    assert told["folder"] == str(tmp_path)
    assert set(told["bridge_masses"]) == {"exact draws", "one flow", "flow mixture", "islands"}
    assert sum(mode["mass"] for mode in told["modes"]) == pytest.approx(1, abs=0.01)


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


def completion(shell, **given):
    """What the program prints when a shell asks it."""
    code = "import skerry.cli as c; c.main()"
    env = {**os.environ, "_SKERRY_COMPLETE": shell, **given}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    return found.stdout


def test_shells_complete_commands_options_and_choices():
    asked = {"bash": "COMP_WORDS", "zsh": "words[", "fish": "commandline"}
    for shell, part in asked.items():
        script = completion(f"source_{shell}")
        assert f"_SKERRY_COMPLETE=complete_{shell}" in script
        assert part in script
    bash = completion("complete_bash", COMP_WORDS="skerry p", COMP_CWORD="1")
    assert bash.split() == ["posterior", "propose"]
    zsh = completion("complete_zsh", _TYPER_COMPLETE_ARGS="skerry infer --max-s")
    assert "--max-seconds" in zsh
    fish = {
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "skerry export a b --to ",
    }
    assert completion("complete_fish", **fish).split() == ["getdist", "netcdf", "csv", "parquet"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_itself_completes(tmp_path):
    program = tmp_path / "skerry"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m skerry "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(completion("source_bash"))
    asking = (
        'source "$1"; COMP_WORDS=(skerry amor); COMP_CWORD=1; _skerry_completion skerry; '
        'echo "${COMPREPLY[@]}"; complete -p skerry'
    )
    source = Path(skerry.__file__).parent.parent
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(source)}
    found = subprocess.run(
        ["bash", "-c", asking, "bash", str(tmp_path / "script")],
        capture_output=True, text=True, check=True, env=env,
    )  # fmt: skip
    words, registered = found.stdout.splitlines()
    assert words == "amortize"
    assert "-o default" in registered  # else file names, as ever


@pytest.mark.parametrize("words", [["--no-color", "infer", "-h"], ["infer", "-h", "--no-color"]])
def test_no_color_as_an_option_anywhere(words):
    code = f"import sys; sys.argv = {['skerry', *words]}; import skerry.cli as c; c.main()"
    env = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    env.pop("NO_COLOR", None)
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert "Usage" in found.stdout
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", found.stdout)


def test_help_starts_quickly():
    """CPU seconds, the least of three: .3 on the machine it was written on."""
    code = (
        "import sys, time; sys.argv = ['skerry', '--help']; import skerry.cli, atexit; "
        "atexit.register(lambda: sys.stderr.write(str(time.process_time()))); skerry.cli.main()"
    )
    times = []
    for _ in range(3):
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        times.append(float(found.stderr))
    assert min(times) < 1.0


def test_export_says_what_it_wrote_to_people_and_programs(tmp_path, problem):
    out = tmp_path / "run"
    options = ("--n", 4000, "--effective", 50, "--density", "islands", "--quiet", "--out", out)
    assert run("infer", problem, *options).exit_code == 0
    to = (out, tmp_path / "chain", "--to", "getdist")
    files = [str(tmp_path / f"chain.{ending}") for ending in ("txt", "paramnames", "ranges")]
    assert run("export", *to).stdout.splitlines() == [f"Wrote {file}" for file in files]
    assert json.loads(run("export", *to, "--json").stdout) == {"files": files}
    assert run("export", *to, "--quiet").output == ""
    assert run("report", out, "--quiet").output == ""
