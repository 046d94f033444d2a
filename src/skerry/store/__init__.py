"""Evaluations on disk, so that no call is ever made twice.

A store is a folder:

* ``manifest.json``: what the evaluations are of, and the run they belong to; written once;
* ``chunks/chunk-00000007-<digest>.npz``: points, their log-likelihoods, what failed and why;
* ``chunks/round-0003-<digest>.npz``: the points of a round, with the density they were drawn from;
* ``forward/``: the same again, of a forward model's predictions, which serve any observation;
* ``aside/``: files that were damaged or belong to another problem, kept for you to look at;
* ``lock``: while a process writes.

Files are written under another name, flushed to the disk, and renamed; none is ever opened again
for writing. A file's name holds the digest of its bytes, so that damage is seen. Reading executes
nothing. Because the same seed asks for the same points in the same order, a run that was killed
needs no other state than this: started again, it finds its answers here and goes on from there.
"""

from skerry.store._archive import Archive, opened_archive
from skerry.store._chunk import RoundChunk
from skerry.store._fingerprint import fingerprint, prior_identity, problem_identity
from skerry.store._pages import Page, Pages
from skerry.store._read import Recorded, read
from skerry.store._records import Records
from skerry.store._rows import Rows, rows
from skerry.store._store import Store, opened, opened_runs

__all__ = [
    "Archive",
    "Page",
    "Pages",
    "Recorded",
    "Records",
    "RoundChunk",
    "Rows",
    "Store",
    "fingerprint",
    "opened",
    "opened_archive",
    "opened_runs",
    "prior_identity",
    "problem_identity",
    "read",
    "rows",
]
