"""The explorer in a real browser: what a person sees, moves and types; who is let in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

import explored
from browser import needs_chromium, opened
from two_islands import needs

pytestmark = [pytest.mark.slow, needs("bokeh")]
EVIL = "<img src=x onerror='window.evil=1'>$$<img src=x onerror='window.evil=1'>$$"
MODEL = "Bokeh.documents[0].get_model_by_name({!r})"
VERDICT = "document.getElementById('verdict').innerHTML"
ISLANDS = "document.getElementById('islands').innerHTML"
READY = "window.Bokeh && Bokeh.documents.length > 0"
HANDLE = f"Bokeh.index.find_one({MODEL.format('slider 0')}).shadow_el.querySelector('.noUi-handle')"
BOX = f"Bokeh.index.find_one({MODEL.format('box 1')}).shadow_el.querySelector('input')"
FILE = f"Bokeh.index.find_one({MODEL.format('file')}).shadow_el.querySelector('input')"
DOTS = "Array.from(" + MODEL.format("dots") + ".data.letter)"
HOSTILE = {"BOKEH_RESOURCES": "cdn", "BOKEH_ALLOW_WS_ORIGIN": "evil.example"}


@contextlib.contextmanager
def served(folder, *options, names=explored.NAMES, x_names=("strength", "offset")):
    """`skerry explore` in a process of its own: the page's address, and the process."""
    explored.estimator(names=names).save(folder / "estimator.npz")
    explored.problem_file(folder / "problem.py", names, x_names)
    command = [sys.executable, "-m", "skerry", "explore", "estimator.npz", "--no-browser"]
    process = subprocess.Popen(
        [*command, *options], cwd=folder, text=True, env={**os.environ, **HOSTILE},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), process.stderr.read()
        yield url, process
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()


def masses(tab):
    """The masses by letter, raw and refined, as the page's table shows them."""
    script = f"""(() => {{
      const page = document.createElement('div')
      page.innerHTML = {ISLANDS}
      return [...page.querySelectorAll('tbody tr')].map(r => [...r.children].map(
        c => c.textContent.trim()).slice(0, 3))
    }})()"""
    return {name: (raw, refined) for name, raw, refined in tab.evaluate(script)}


def per_cent(text):
    return float(text.split()[0])


def test_the_page_follows_keys_numbers_and_files(tmp_path):
    needs_chromium()
    names = (EVIL, "b")
    with (
        served(tmp_path, "--problem", "problem.py", names=names, x_names=(EVIL, "offset")) as (
            url,
            process,
        ),
        opened(url, tmp_path / "profile") as tab,
    ):
        tab.until(READY)
        tab.until(f"/Refined: this answer can be used/.test({VERDICT})")
        tab.until("/Refined/.test(document.getElementById('spoken').textContent)")
        before, dots = masses(tab), tab.evaluate(DOTS)
        assert before.keys() == {"A", "B"}
        assert per_cent(before["A"][0]) == pytest.approx(50, abs=0.2)
        assert "±" in before["A"][1]
        assert "In the trained range" in tab.evaluate(VERDICT)

        tab.evaluate(f"{HANDLE}.focus()")
        assert tab.evaluate(f"{HANDLE}.getAttribute('aria-label')").startswith("<img")
        for _ in range(10):
            tab.press("ArrowRight")
        x = tab.until(f"{MODEL.format('slider 0')}.value > .15 && {MODEL.format('slider 0')}.value")
        truth = 100 * explored.plus([x])
        tab.until(f"!/>50(\\.\\d)? %/.test({ISLANDS}) && /{truth:.3g} %/.test({ISLANDS})")
        assert tab.evaluate(DOTS) != dots
        tab.until(f"/Refined: this answer can be used/.test({VERDICT})")
        raw, refined = masses(tab)["B" if per_cent(masses(tab)["B"][0]) > 50 else "A"]
        assert per_cent(raw) == pytest.approx(truth, abs=0.2)
        assert abs(per_cent(refined) - truth) < 5 * float(refined.split("±")[1].split()[0])

        tab.press("End")
        tab.until(f"/Out of the trained range/.test({VERDICT})")
        tab.until("/Out of/.test(document.getElementById('spoken').textContent)")
        assert any(per_cent(raw) < 0.1 for raw, _ in masses(tab).values())

        tab.evaluate(f"{BOX}.focus(); {BOX}.select()")
        tab.type("-2.5")
        tab.press("Enter")
        tab.until(f"{MODEL.format('slider 1')}.value === -2.5")
        tab.until(f"/>-1\\.[123]/.test({ISLANDS})")

        (tmp_path / "x.json").write_text(json.dumps([0.5, 1.0]))
        node = tab.send("Runtime.evaluate", expression=FILE)["result"]["objectId"]
        place = str(tmp_path / "x.json")
        tab.send("DOM.setFileInputFiles", files=[place], objectId=node)
        tab.until(f"{MODEL.format('slider 1')}.value === 1 && {MODEL.format('box 0')}.value === .5")
        tab.until(f"/From x.json/.test({MODEL.format('told')}.text)")
        tab.until(f"/In the trained range/.test({VERDICT})")

        assert tab.evaluate("window.evil") is None
        assert tab.console == []
        hosts = {urlsplit(r).hostname for r in tab.requests if not r.startswith("data:")}
        assert hosts == {"127.0.0.1"}

        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert "Stopped." in process.stderr.read()


def test_it_fits_a_telephone_in_the_dark_and_says_that_nothing_refines_it(tmp_path):
    needs_chromium()
    with (
        served(tmp_path) as (url, _),
        opened(url, tmp_path / "profile", width=420, dark=True) as tab,
    ):
        tab.until(READY)
        tab.until(f"/Raw alone: no likelihood/.test({VERDICT})")
        tab.until("document.documentElement.scrollWidth <= innerWidth")
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(21, 25, 29)"
        tab.until(f"{MODEL.format('refine')}.disabled")
        assert tab.console == []


def test_only_this_machine_is_let_in(tmp_path):
    with served(tmp_path) as (url, process):
        place = urlsplit(url)

        def answer(path="/", **headers):
            connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
            with contextlib.closing(connection):
                connection.request("GET", path, headers=headers)
                found = connection.getresponse()
                return found.status, found.read().decode()

        status, page = answer()
        assert status == 200
        assert "cdn" not in page
        assert "Content-Security-Policy" in page
        assert answer(Host="evil.example")[0] == 404
        assert answer(Host=f"evil.example:{place.port}")[0] == 404
        assert answer(Host=f"localhost:{place.port}")[0] == 200
        ws = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
        assert answer("/ws", Origin="http://evil.example", **ws)[0] == 404
        assert answer("/ws", Origin=f"http://127.0.0.1:{place.port + 1}", **ws)[0] == 404
        assert _listening(process.pid) == {"127.0.0.1"}
        again = subprocess.run(
            [sys.executable, "-m", "skerry", "explore", "estimator.npz", "--no-browser",
             "--port", str(place.port)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert again.returncode == 2
        assert "Expected a free port" in again.stderr
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(30) == 143
        assert time.monotonic() - began < 20


def _listening(pid):
    """The addresses a process listens on, from Linux's tables; others are not looked at."""
    held = f"/proc/{pid}/fd"
    if not os.path.isdir(held):
        return {"127.0.0.1"}
    inodes = set()
    for name in os.listdir(held):
        with contextlib.suppress(FileNotFoundError):  # closed in the meantime
            inodes.add(os.readlink(f"{held}/{name}").removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}") as lines:
            for line in list(lines)[1:]:
                words = line.split()
                if words[3] == "0A" and words[9] in inodes:
                    host = words[1].partition(":")[0]
                    found.add("127.0.0.1" if host == "0100007F" else host)
    return found
