"""Progress: silence, lines, a live display; and Ctrl-C, which returns what is known."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import skerry
from skerry.errors import InputError
from skerry.posterior import Status
from skerry.progress import Line, Lines, Live, report_round, shown

CORNERS = skerry.tasks.get("corners").problem
ROUND = Line(3, "explore", 0.25, 4_713, 1_234.5, 10_000, 4, 9, -5.978, 0.31)
SOURCE = str(Path(skerry.__file__).parent.parent)
PROBLEM = """
import sys, time
import numpy as np, scipy.stats as st, skerry
slow, seen = {slow}, 0
def log_likelihood(theta):  # slow: after the prior draws
    global seen
    if slow and seen > 100:
        print("hunting", file=sys.stderr, flush=True)
        time.sleep(0.05)
    seen += len(theta)
    return -50 * np.sum((np.abs(theta) - 1) ** 2, axis=1)
prior = skerry.Prior({{"a": st.uniform(-3, 6), "b": st.uniform(-3, 6)}})
problem = skerry.Problem(prior, log_likelihood)
"""
PROGRAM = (
    PROBLEM
    + """
posterior = skerry.infer(problem, n_effective=1e6, progress=True)
print(posterior.status.name, len(posterior.modes), posterior.n_effective > 100)
"""
)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCE, "COLUMNS": "100", **more}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_library_call_is_silent_by_default(capfd):
    skerry.infer(CORNERS, n_effective=300, max_calls=2_000)
    assert capfd.readouterr() == ("", "")


def test_off_a_terminal_there_is_a_line_for_each_round(capfd):
    posterior = skerry.infer(CORNERS, n_effective=300, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    rounds = [line for line in err.splitlines() if "round" in line]
    assert len(rounds) == len(posterior.rounds)
    pattern = (
        r" +\d+ s  round \d+ \((prior|explore|final)\): beta [\d.]+, [\d,]+ calls, \d+ peaks, "
        r"\d+ Gaussians, log Z -?[\d.]+, k-hat (-?[\d.]+|nan|inf), effective [\d,]+ of 300"
    )
    assert all(re.fullmatch(pattern, line) for line in rounds), err


def test_lines_come_now_and_then_within_a_stage_and_always_for_rounds():
    times = iter([0.0, 0.1, 0.2, 6.0, 6.1, 6.2, 6.3, 30.0, 90.0])
    stream = io.StringIO()
    lines = Lines(stream, lambda: next(times))
    for done in (1, 2, 3, 4):
        lines("likelihood", done, 4)
    lines.round(ROUND)
    lines.round(ROUND._replace(number=4))
    lines.calls(5_000)
    lines.calls(6_000)
    said = [line.split("  ")[-1] for line in stream.getvalue().splitlines()]
    assert said[:2] == ["likelihood 1 of 4", "likelihood 3 of 4"]
    assert said[2].startswith("round 3 (explore): beta 0.25, 4,713 calls, 4 peaks, 9 Gauss")
    assert said[2].endswith("effective 1,234 of 10,000")
    assert said[3].startswith("round 4")
    assert said[4:] == ["6,000 calls"]


def test_a_function_is_told_rounds_as_text():
    seen = []
    report_round(lambda *event: seen.append(event), ROUND)
    assert seen == [(str(ROUND), 1_234, 10_000)]


def test_a_display_on_a_terminal_shows_the_rounds_and_stages():
    stream = Terminal()
    with shown(True, stream) as display:
        report_round(display, ROUND)
        display("training", 2, 30)
    text = stream.getvalue()
    for wanted in ("3 explore", "0.25", "4,713", "1,234", "-5.98", "0.31", "1,234/10,000", "2/30"):
        assert wanted in text
    assert "\x1b[?25h" in text  # the cursor is back


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with shown(True, Terminal()) as display:
        assert isinstance(display, Lines)


def test_a_second_run_begins_its_own_table():
    display = Live(lambda: 0.0)
    for number in (0, 1, 2, 0, 1):
        display.round(ROUND._replace(number=number))
    assert [line.number for line in display._rounds] == [0, 1]


def test_progress_of_another_kind_is_refused():
    with pytest.raises(InputError, match=r"None, True or a function.*got 'yes'"):
        skerry.infer(CORNERS, progress="yes")


def on_a_terminal(command: list[str], sign: str) -> tuple[str, str, int]:
    """A command on a pseudo-terminal that gets SIGINT when its error stream has said so.

    What it showed there, what it printed, its exit code.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stderr=theirs, stdout=subprocess.PIPE, text=True, env=environment(TERM="xterm")
    )
    os.close(theirs)
    shown, sent = b"", False
    while select.select([ours], [], [], 60)[0]:
        try:
            shown += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if not sent and sign.encode() in shown:
            process.send_signal(signal.SIGINT)
            sent = True
    os.close(ours)
    out, _ = process.communicate(timeout=60)
    return shown.decode(), out, process.returncode


def test_the_command_draws_a_live_table_and_ctrl_c_writes_what_is_known(tmp_path):
    path = tmp_path / "corners.py"
    path.write_text(PROBLEM.format(slow=False))
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "skerry", "infer", str(path), "--out", str(folder)]
    text, out, code = on_a_terminal([*command, "--effective", "1000000"], "2 explore")
    assert code == 130, text
    for wanted in ("round", "beta", "peaks", "log Z", "k-hat", "elapsed", "/1,000,000"):
        assert wanted in text
    assert "\x1b[?25l" in text  # live: the cursor was hidden,
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # and is back
    assert "interrupted: Stopped before the end" in out
    assert skerry.load(folder / "posterior.npz").status is Status.INTERRUPTED


def interrupted(command: list[str], signs: str) -> tuple[int, str, str]:
    """A command that gets SIGINT a moment after its error stream has said so."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    rescue = threading.Timer(60, process.kill)
    rescue.start()
    said = ""
    for line in process.stderr:
        said += line
        if signs in line:
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=60)
    rescue.cancel()
    return process.returncode, out, said + err


def test_ctrl_c_in_a_program_returns_what_is_known():
    code, out, err = interrupted([sys.executable, "-c", PROGRAM.format(slow=False)], "round 2")
    assert code == 0, err
    assert out.split() == ["INTERRUPTED", "4", "True"]


def test_ctrl_c_in_the_first_hunt_returns_the_prior_draws():
    command = [sys.executable, "-c", PROGRAM.format(slow=True)]
    code, out, err = interrupted(command, "hunting")
    assert code == 0, err
    assert out.split()[0] == "INTERRUPTED"
