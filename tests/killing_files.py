"""A run in files whose every command is killed again and again. Run by test_files.py.

usage: python killing_files.py FOLDER KILLS SEED

Prints one line of JSON. Each life is a fork of this process, which has done nothing but import.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import scipy.stats as st

import skerry
from lives import life
from skerry import files
from skerry.inference import infer  # imported once, for all lives
from skerry.problem import CHECK_CALLS

warnings.simplefilter("ignore")
os.fsync = lambda handle: None  # a kill loses nothing that the system has; only slow here
PRIOR = skerry.Prior({"a": st.norm(0, 2)})
SETTINGS = files.Settings(n_effective=150, thoroughness=0.1, seed=4, chunks=3)


def log_likelihood(theta):
    away = np.abs(theta[:, 0]) - 1.5
    return -0.5 * (away / 0.3) ** 2


PROBLEM = skerry.Problem(PRIOR, log_likelihood, jax=False)


def fingerprint(p):
    arrays = (p.samples, p.log_weights, p.log_likelihood, p.islands.frames.means)
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))
    digest.update(repr((p.log_evidence, p.n_calls, [m.mass for m in p.modes])).encode())
    return digest.hexdigest()


def run(folder):
    standing = files.propose(folder / "run", PROBLEM, settings=SETTINGS)
    while not standing.done:
        for chunk in standing.lacking:
            files.evaluate(folder / "run", chunk, PROBLEM)
        standing = files.collect(folder / "run", PROBLEM)
    (folder / "result").write_text(fingerprint(standing.posterior))


def main(folder, kills, seed):
    rng = random.Random(seed)
    scheme = SETTINGS.scheme
    whole = infer(PROBLEM, n_effective=SETTINGS.n_effective, seed=SETTINGS.seed, scheme=scheme)
    expected = fingerprint(replace(whole, n_calls=whole.n_calls - CHECK_CALLS))  # no trial
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    (folder / "undisturbed").mkdir()
    life(partial(run, folder / "undisturbed"), folder / "undisturbed", 1e9)
    seconds = time.monotonic() - began
    made = wrong = lives = left = 0

    def left_to_live():
        return rng.uniform(0, 0.5 * seconds) if made < kills else 1e9

    while made < kills:
        here = folder / f"run{lives}"
        here.mkdir()
        while life(partial(run, here), here, left_to_live()) != 0:
            if (here / "error").exists():
                raise SystemExit((here / "error").read_text())
            made += 1
        lives += 1
        wrong += (here / "result").read_text() != expected
        for path in here.glob("run/rounds/0*/*.filled.csv"):
            left += not path.read_text().endswith("\n")
    wrong += (folder / "undisturbed" / "result").read_text() != expected
    found = {"kills": made, "runs": lives, "wrong": wrong, "files": left, "seconds": seconds}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
