"""A run that is killed again and again, and started again each time. Run by test_resume.py.

usage: python killing.py FOLDER KILLS SEED OVERLAP

Prints one line of JSON. Each life is a fork of this process, which has done nothing but import; it
writes the points of every likelihood call to a file of its own, which outlives it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import scipy.stats as st

import skerry
from lives import life

warnings.simplefilter("ignore")
os.fsync = lambda handle: None  # a kill loses nothing that the system has; only slow here
PRIOR = skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-4, 8)})
CENTRES = np.array([[-1.5, -2.0], [2.0, 1.0]])


def run(store, log=None, overlap=1):
    """A posterior; the bytes of every point evaluated go to the log, a call a line."""

    def log_likelihood(theta):
        if log is not None:
            handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, " ".join(point.tobytes().hex() for point in theta).encode() + b"\n")
            os.close(handle)
        away = (theta[:, None] - CENTRES) / 0.3
        return np.logaddexp.reduce(-0.5 * np.sum(away**2, axis=-1), axis=1)

    problem = skerry.Problem(PRIOR, log_likelihood, jax=False)
    scheme = skerry.Adaptive(thoroughness=0.4, overlap=overlap)
    return skerry.infer(problem, n_effective=200, seed=4, scheme=scheme, store=store)


def fingerprint(p):
    digest = hashlib.sha256()
    for array in (p.samples, p.log_weights, p.log_likelihood, p.labels, p.islands.frames.means):
        digest.update(np.ascontiguousarray(array).tobytes())
    numbers = (p.log_evidence, p.log_evidence_error, p.n_calls, p.khat, [m.mass for m in p.modes])
    digest.update(repr(numbers).encode())
    return digest.hexdigest()


def live(folder, number, overlap):
    """What a life does."""
    store = skerry.Store(folder / "store", unsaved_seconds=0.0)
    text = fingerprint(run(store, folder / f"calls{number}", overlap))
    (folder / "result").write_text(text)


def main(folder, kills, seed, overlap):
    rng = random.Random(seed)
    began = time.monotonic()
    whole = folder / "undisturbed"
    life(partial(live, whole, 0, overlap), whole, 1e9)
    seconds = time.monotonic() - began
    expected = (folder / "undisturbed" / "result").read_text()
    made = wrong = lives = repeated = excess = 0
    while made < kills:
        here = folder / f"run{lives}"
        here.mkdir()
        number = 0
        while True:
            left = rng.uniform(0, seconds) if made < kills else 1e9
            status = life(partial(live, here, number, overlap), here, left)
            if (here / "error").exists():
                raise SystemExit((here / "error").read_text())
            if status == 0:
                break
            made += 1
            number += 1
        wrong += (here / "result").read_text() != expected
        lives += 1
        again, beyond = calls_again(here, number + 1)
        repeated += again
        excess += beyond
    found = {
        "kills": made, "runs": lives, "wrong": wrong, "seconds": seconds,
        "repeated": repeated, "repeated_though_saved": excess,
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


def calls_again(folder, n_lives):
    """Points evaluated twice; and those of them whose call was not under way at a kill."""
    seen, cut, again, beyond = set(), set(), 0, 0
    for number in range(n_lives):
        path = folder / f"calls{number}"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        points = [point for line in lines for point in line]
        again += sum(point in seen for point in points)
        beyond += sum(point in seen and point not in cut for point in points)
        seen.update(points)
        cut.update(lines[-1] if lines else ())
    return again, beyond


if __name__ == "__main__":
    root = Path(sys.argv[1])
    (root / "undisturbed").mkdir(parents=True)
    main(root, *map(int, sys.argv[2:]))
