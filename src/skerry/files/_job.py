"""A job script for a run: one task of an array a chunk."""

from __future__ import annotations

import shlex
from pathlib import Path

from skerry.errors import InputError
from skerry.store._files import make_folder, write_new

SLURM = """\
#!/bin/bash
#SBATCH --job-name=skerry
#SBATCH --array=1-{chunks}
#SBATCH --time=01:00:00
#SBATCH --cpus-per-task=1
#SBATCH --output={logs}/%a.txt

# One task fills one chunk. Tasks without a chunk end at once, filled chunks stay as they are. The
# whole run, on the login node:
#
#   until skerry collect {run}; do
#     [ $? -eq 3 ] || exit 1
#     sbatch --wait {run}/job.sh || exit 1
#   done
#
# With a program of your own, which is called with the chunk's file and the file to write:
#   skerry evaluate {run} --chunk "$SLURM_ARRAY_TASK_ID" --program ./my_program

exec skerry evaluate {run} --chunk "$SLURM_ARRAY_TASK_ID"
"""
TEMPLATES = {"slurm": SLURM}


def write_job_script(run: Path, system: str, chunks: int) -> Path:
    """Write ``job.sh`` to a run's folder, and make the folder of its logs.

    Raises:
        InputError: for a queueing system without a template.
        StoreError: if it can't be written.
    """
    if system not in TEMPLATES:
        raise InputError(
            f"Expected a queueing system of {', '.join(TEMPLATES)}; got {system!r}; write the "
            "script yourself: `skerry evaluate RUN --chunk I` for I from 1."
        )
    folder = run.resolve()
    make_folder(folder / "logs")
    place = shlex.quote(str(folder))
    text = TEMPLATES[system].format(
        run=place, logs=shlex.quote(str(folder / "logs")), chunks=chunks
    )
    write_new(folder / "job.sh", text.encode())
    (folder / "job.sh").chmod(0o755)
    return folder / "job.sh"
