"""How soon the explorer's picture follows a slider, on one core: the Higgs boson's couplings.

    taskset -c 0 python benchmarks/explore_latency.py --browser

*Server*: what a move costs in this process, from the slider's value to the message for the browser:
the raw posterior, its islands, the picture, the table. *Browser* (needs Chromium): from a key
pressed on a slider to the second frame after the new dots have come, in headless Chromium that
draws in software and shares the core with the server; once with refining off, and once with each
key pressed into a running refinement. Milliseconds: median, 90th percentile, largest; and, for
machines that others use too, the CPU time a move costs the server and all of the browser's
processes: a core of their own needs that long and two frames.
Appends a row to ``benchmarks/results/history.jsonl``.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance

PACKAGES = ("jax", "numpy", "bokeh")
HERE = Path(__file__).parent
MODEL = "Bokeh.documents[0].get_model_by_name({!r})"
PRESS = """
(async () => {
  const dots = DOTS, slider = SLIDER
  const handle = Bokeh.index.find_one(slider).shadow_el.querySelector('.noUi-handle')
  const frame = () => new Promise(requestAnimationFrame)
  const sleep = ms => new Promise(done => setTimeout(done, ms))
  let come
  dots.properties.data.change.connect(() => come && come())
  const found = []
  for (let i = 0; i < COUNT; i++) {
    const key = i % 20 < 10 ? 'ArrowRight' : 'ArrowLeft'
    const drawn = new Promise(done => { come = done })
    const began = performance.now()
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))
    await drawn
    await frame()
    await frame()
    found.push(performance.now() - began)
    await sleep(PAUSE)
  }
  return found
})()
"""


def told(milliseconds):
    low, high = np.quantile(milliseconds, [0.5, 0.9])
    return {"median": round(low, 1), "p90": round(high, 1), "max": round(max(milliseconds), 1)}


def on_the_server(about, count):
    """Milliseconds of wall and CPU time for each move, without a browser."""
    from bokeh.document import Document

    from skerry import explore
    from skerry.explore._page import compose

    doc = Document()
    page = compose(doc, about, explore.Source(about.estimator), 2000, 0)
    start, steps = about.x, np.linspace(-1, 1, 20)
    wall, cpu, events = [], [], []
    doc.on_change(events.append)
    for i in range(count + 3):
        page.sliders.values[0] = start[0] + steps[i % 20]
        began = time.perf_counter(), time.process_time()
        page._draw()
        ended = time.perf_counter(), time.process_time()
        wall.append(1e3 * (ended[0] - began[0]))
        cpu.append(1e3 * (ended[1] - began[1]))
    page.close()
    return {"wall": told(wall[3:]), "cpu": told(cpu[3:])}


@contextlib.contextmanager
def served():
    """The page's address; the server in a process of its own, as people start it."""
    command = [sys.executable, "-m", "skerry", "explore", "--no-browser", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait(30)


def spent(session):
    """CPU milliseconds of a process and its session, from Linux's tables."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            if session in (int(entry.name), int(words[3])):
                ticks += int(words[11]) + int(words[12])
    return 1e3 * ticks / os.sysconf("SC_CLK_TCK")


def in_the_browser(count):
    """Milliseconds from a key to the new picture, at rest and while something is refined."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from browser import opened

    found = {}
    with contextlib.ExitStack() as stack:
        url, server = stack.enter_context(served())
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        with opened(url, Path(folder)) as tab:
            tab.until("window.Bokeh && Bokeh.documents.length > 0", 60)
            tab.until("/Refined: /.test(document.getElementById('verdict').textContent)", 60)
            for name, pause in (("warm-up", 50), ("alone", 50), ("while refining", 450)):
                ticked = "0, 2" if name == "while refining" else "0"
                tab.evaluate(f"{MODEL.format('ticks')}.active = [{ticked}]")
                time.sleep(1)
                script = PRESS.replace("DOTS", MODEL.format("dots"))
                script = script.replace("SLIDER", MODEL.format("slider 0"))
                n = 10 if name == "warm-up" else count
                script = script.replace("COUNT", str(n)).replace("PAUSE", str(pause))
                before = spent(server), spent(tab.process.pid)
                found[name] = told(tab.evaluate(script))
                after = spent(server), spent(tab.process.pid)
                for who, a, b in zip(("server", "browser"), after, before, strict=True):
                    found[name][f"cpu, {who}"] = round((a - b) / n, 1)
            assert tab.console == []
    found.pop("warm-up")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()

    from skerry import explore

    row = {"kind": "explore_latency", "moves": options.moves, **provenance(PACKAGES)}
    row["server"] = on_the_server(explore.demonstration(), options.moves)
    if options.browser:
        row["browser"] = in_the_browser(options.moves)
    append(row, options.history)
    print(json.dumps({key: row[key] for key in ("server", "browser") if key in row}, indent=2))


if __name__ == "__main__":
    main()
