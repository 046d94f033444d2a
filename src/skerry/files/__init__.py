"""Runs in files: for job arrays, and for likelihoods in any language.

:func:`propose` writes the points that a run needs next as CSV files, *chunks*; :func:`evaluate`, or
any other program, fills a chunk; :func:`collect` takes what is filled and goes on, to the next
round or the end. There is no state but files: the run is replayed from its seed, answered from its
store, up to the first point that nobody has evaluated.

A run's folder::

    run.json                          what the run is; written once
    store/                            every evaluation so far, as of `skerry.infer(store=...)`
    rounds/0003/round.json            the points of a round, to the last bit
    rounds/0003/chunk-0001.csv        some of them, to be evaluated
    rounds/0003/chunk-0001.filled.csv the same with log_likelihood filled in
    job.sh, logs/                     for a queue, if asked for

Everything appears whole, by a rename. Rounds older than the newest are needed no more.
"""

from skerry.files._columns import FilledError
from skerry.files._evaluate import evaluate, evaluate_with
from skerry.files._job import write_job_script
from skerry.files._priors import read_prior_table
from skerry.files._rounds import Round
from skerry.files._run import Standing, collect, propose
from skerry.files._settings import RunFile, Settings, read_run_file

__all__ = [
    "FilledError",
    "Round",
    "RunFile",
    "Settings",
    "Standing",
    "collect",
    "evaluate",
    "evaluate_with",
    "propose",
    "read_prior_table",
    "read_run_file",
    "write_job_script",
]
