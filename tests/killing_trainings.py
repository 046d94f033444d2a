"""A training that is killed again and again, and started again. Run by test_amortized_resume.py.

usage: python killing_trainings.py FOLDER KILLS SEED

Prints one line of JSON. Each life is a process of its own; it writes the points of every call of
the simulator and the likelihood to a file, which outlives it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import jax
import numpy as np
import scipy.stats as st

import skerry

warnings.simplefilter("ignore")
os.fsync = lambda handle: None  # a kill loses nothing that the system has; only slow here
PRIOR = skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-4, 8)})
TRAINING = skerry.Training(max_epochs=12, steps=4, batch=32, learning_rate=4e-3, patience=12)


def train(store=None, log=None):
    """An estimator; the bytes of every point that is simulated or evaluated go to the log."""

    def note(*columns):
        if log is not None:
            handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            points = np.concatenate(columns, axis=1)
            os.write(handle, " ".join(p.tobytes().hex() for p in points).encode() + b"\n")
            os.close(handle)

    def simulate(theta, rng):
        time.sleep(0.006)  # long enough for a call to be kept by itself
        note(theta)
        return theta + 0.5 * rng.standard_normal(theta.shape)

    def log_likelihood(theta, x):
        note(theta, x)
        return -2.0 * np.sum((theta - x) ** 2, axis=1)

    problem = skerry.Problem(PRIOR, log_likelihood, pairwise=True, jax=False)
    return skerry.amortize(
        problem,
        simulator=simulate,
        n_simulations=200,
        n_components=2,
        training=TRAINING,
        seed=4,
        store=store,
    )


def fingerprint(e):
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(e.network):
        digest.update(np.asarray(leaf).tobytes())
    digest.update(repr((e.epochs, e.best, e.n_likelihoods)).encode())
    return digest.hexdigest()


def live(folder, number):
    """One life."""
    store = skerry.Store(folder / "store", unsaved_seconds=0.0)
    text = fingerprint(train(store, folder / f"calls{number}"))
    (folder / "result").write_text(text)


def life(folder, number, n_calls, seconds):
    """One process, killed so many seconds after so many calls; its exit status."""
    child = subprocess.Popen([sys.executable, __file__, "--live", str(folder), str(number)])
    while child.poll() is None and len(calls(folder, number)) < n_calls:
        time.sleep(0.002)
    began = time.monotonic()
    while child.poll() is None and time.monotonic() - began < seconds:
        time.sleep(0.0005)
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
    return child.wait()


def main(folder, kills, seed):
    rng = random.Random(seed)
    life(folder / "undisturbed", 0, 10**9, 0.0)
    expected = (folder / "undisturbed" / "result").read_text()
    n_calls = len(calls(folder / "undisturbed", 0))
    whole = Counter(point for line in calls(folder / "undisturbed", 0) for point in line)
    made = wrong = lives = repeated = excess = 0
    while made < kills:
        here = folder / f"run{lives}"
        here.mkdir()
        number = 0
        while True:
            when = (rng.randrange(n_calls // 2), rng.uniform(0, 0.05))
            status = life(here, number, *(when if made < kills else (10**9, 0.0)))
            if status == 0:
                break
            if status != -signal.SIGKILL:
                raise SystemExit(f"a life ended with {status}")
            made += 1
            number += 1
        wrong += (here / "result").read_text() != expected
        lives += 1
        again, beyond = calls_again(here, number + 1, whole)
        repeated += again
        excess += beyond
    found = {
        "kills": made, "runs": lives, "wrong": wrong,
        "repeated": repeated, "repeated_though_saved": excess,
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


def calls(folder, number):
    """The calls of a life, each a list of points."""
    path = folder / f"calls{number}"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def calls_again(folder, n_lives, whole):
    """Points called for more often than in one life; those whose call was under way at no kill."""
    seen, cut = Counter(), Counter()
    for number in range(n_lives):
        lines = calls(folder, number)
        seen.update(point for line in lines for point in line)
        if number < n_lives - 1:
            cut.update(lines[-1] if lines else ())
    more = seen - whole
    return more.total(), (more - cut).total()


if __name__ == "__main__":
    if sys.argv[1] == "--live":
        live(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        root = Path(sys.argv[1])
        (root / "undisturbed").mkdir(parents=True)
        main(root, int(sys.argv[2]), int(sys.argv[3]))
