"""A command's writing, killed at every step of it. Run by test_faults.py.

usage: python killing_writes.py FOLDER MOMENTS

Prints one line of JSON. A step is an open for writing, a write, a flush, a renaming or a removal of
a file below the life's folder; before each of them in turn a life is killed. Then lives whose files
may not grow beyond so many bytes: the system kills them in the midst of a write. Then lives killed
at so many random moments. After every death no file may be half there, and the command, given
again, must end with the bytes of one that was never disturbed. Each life is a fork of this process.

A life is a whole ``skerry infer --store``: chunks of the store, its manifest, then the posterior,
summary, settings, picture and report of the run folder.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

import skerry
from lives import life
from skerry import report
from skerry.cli import _folder
from skerry.cli._commands import run_infer
from skerry.errors import StoreError

warnings.simplefilter("ignore")
PROBLEM = """
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.uniform(-3, 6), "b": st.uniform(-3, 6)})
problem = skerry.Problem(prior, lambda t: -np.sum((np.abs(t) - 1) ** 2, axis=1) / 0.5, jax=False)
"""
FINAL = {"posterior.npz", "summary.txt", "settings.json", "islands.png", "report.html"}


def command(here):
    """What a life does."""
    os.chdir(here)
    options = {
        "store": skerry.Store("store", unsaved_seconds=0.0),
        "scheme": skerry.Static(600, "islands"),
        "seed": 3,
        "n_effective": 20,
        "max_seconds": None,
    }
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        run_infer(Path("../problem.py"), options, Path("run"), quiet=True, line="skerry infer")


def quick():
    """Draw and compose once, in the parent: a life is to write, a hundred times."""
    kept = {}

    def once(name, function):
        def called(*args, **options):
            if name not in kept:
                kept[name] = function(*args, **options)
            return kept[name]

        return called

    report.islands_picture = once("picture", report.islands_picture)
    module = sys.modules["skerry.report._posterior"]
    module.compose = once("page", module.compose)
    _folder.datetime = type("Clock", (), {"now": staticmethod(lambda _: NOW)})


NOW = _folder.datetime(2026, 1, 1, tzinfo=_folder.UTC)


class Steps:
    """Counts what changes files below a folder; dies before the k-th."""

    def __init__(self, folder, k):
        self.folder, self.k, self.n = str(folder), k, 0

    def step(self):
        if self.n == self.k:
            os.kill(os.getpid(), signal.SIGKILL)
        self.n += 1

    def install(self):
        def watched(owner, name):
            function = getattr(owner, name)

            def called(*args, **options):
                self.step()
                return function(*args, **options)

            setattr(owner, name, called)

        for name in ("write", "fsync", "replace", "rename", "unlink", "link"):
            watched(os, name)
        system_open, python_open = os.open, builtins.open

        def opened(path, flags, *args, **options):
            if flags & (os.O_WRONLY | os.O_RDWR):
                self.step()
            return system_open(path, flags, *args, **options)

        def file(path, mode="r", *args, **options):
            if set(mode) & set("wxa+"):
                self.step()
            return python_open(path, mode, *args, **options)

        os.open, builtins.open = opened, file


def dying(here, k):
    Steps(here, k).install()
    command(here)


def small(here, limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        command(here)
    except StoreError:  # a short write, told before the next one
        os._exit(3)


def contents(run):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in run.iterdir()}


def half(here, allowed):
    """Files under their own names that are neither those before nor those of a whole run."""
    if not (here / "run").exists():
        return []
    return [
        name
        for name, found in contents(here / "run").items()
        if not name.startswith(".") and found not in [each.get(name) for each in allowed]
    ]


def main(folder, moments):
    (folder / "problem.py").write_text(PROBLEM)
    whole = folder / "whole"
    whole.mkdir()
    quick()
    command(whole)  # here: all is imported, compiled and drawn for the lives
    expected = contents(whole / "run")
    if set(expected) != FINAL:
        raise SystemExit(f"other files: {sorted(expected)}")
    began = time.monotonic()
    again = folder / "again"
    again.mkdir()
    life(partial(command, again), again, 1e9)
    seconds = time.monotonic() - began
    rng = random.Random(0)
    limits = [1, 100, 700, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000, 100_000, 150_000]
    deaths = {"steps": 0, "bytes": 0, "moments": 0}
    wrong, parts = [], 0

    def tried(kind, number, work, left=1e9):
        """Whether the life died; over an older run's files, every other one."""
        nonlocal parts
        here = folder / f"{kind}{number}"
        (here / "run").mkdir(parents=True)
        older = {}
        if number % 2:
            for name in FINAL:
                (here / "run" / name).write_text("an older run's\n")
            older = contents(here / "run")
        status = life(partial(work, here), here, left)
        if (here / "error").exists():
            raise SystemExit(f"{kind} {number}: {(here / 'error').read_text()}")
        deaths[kind] += status != 0
        parts += sum(".part-" in p.name for p in here.rglob("*"))
        wrong.extend(f"half {kind} {number} {name}" for name in half(here, [expected, older]))
        if life(partial(command, here), here, 1e9) or contents(here / "run") != expected:
            wrong.append(f"again {kind} {number}")
        if any(".part-" in p.name for p in here.rglob("*")):
            wrong.append(f"left {kind} {number}")
        return status != 0

    k = 0
    while tried("steps", k, lambda here, k=k: dying(here, k)):
        k += 1
    for number, limit in enumerate(limits):
        tried("bytes", number, lambda here, limit=limit: small(here, limit))
    for number in range(moments):
        tried("moments", number, command, rng.uniform(0, seconds))
    found = {"steps": k, "deaths": deaths, "wrong": wrong, "parts": parts, "seconds": seconds}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
