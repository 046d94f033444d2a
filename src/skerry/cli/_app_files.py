"""The commands of file mode and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skerry.cli._errors import guarded
from skerry.cli._help import EXAMPLES, FILES
from skerry.cli._options import Debug, FailuresChoice, Quiet, Timeout, WorkersCount

RunFolder = Annotated[Path, typer.Argument(help="The run's folder.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Say how the run stands as one line of JSON, nothing else.")
]


def propose(
    run: RunFolder,
    problem: Annotated[
        Path | None,
        typer.Argument(
            help="First time only: a Python file that defines `problem` (and `x`) or `prior`, and "
            "is run; or a .toml or .json file with a prior."
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("--n", min=1, help="Chunks a round at most: the size of your job array. [10]"),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=10, help="So many prior draws, in one round; by default adaptive rounds."),
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=10, help="Likelihood calls at most, adaptive.")
    ] = None,
    thoroughness: Annotated[
        float | None, typer.Option(min=0.01, help="How hard to look for islands. [1]")
    ] = None,
    effective: Annotated[
        float | None, typer.Option(min=1.0, help="Effective samples asked for. [10000]")
    ] = None,
    failures: Annotated[
        FailuresChoice | None,
        typer.Option(
            help="Calls that fail: refuse the chunk, leave the point out, or count it impossible. "
            "[raise]"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all random numbers. [0]")] = None,
    job_script: Annotated[
        str | None, typer.Option(help="Write job.sh to the run's folder, for: slurm.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the points that a run needs next, as CSV; the first call fixes the options."""
    with guarded(debug, resumable=True):
        from skerry.cli._files_commands import run_propose

        options = {
            "chunks": n,
            "draws": draws,
            "max_calls": max_calls,
            "thoroughness": thoroughness,
            "n_effective": effective,
            "failures": None if failures is None else failures.value,
            "seed": seed,
        }
        run_propose(run, problem, options, job_script, as_json, quiet)


def evaluate(
    run: RunFolder,
    chunk: Annotated[
        int, typer.Option(min=1, help="Which chunk of the newest round: the task of your array.")
    ],
    problem: Annotated[
        Path | None,
        typer.Option(help="A Python file that defines `problem`, unless the run began with it."),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            help="Another program to fill it; called with the chunk's file and the file to write."
        ),
    ] = None,
    workers: WorkersCount = None,
    timeout: Timeout = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fill a chunk; one that is filled, or isn't there, is left alone."""
    with guarded(debug, resumable=True):
        from skerry.cli._executor import chosen_executor
        from skerry.cli._files_commands import run_evaluate

        run_evaluate(run, chunk, problem, program, chosen_executor(workers, timeout), quiet)


def collect(
    run: RunFolder,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take the filled chunks, and go on to the next round (exit code 3) or the end."""
    with guarded(debug, resumable=True):
        from skerry.cli._files_commands import run_collect

        run_collect(run, as_json, quiet)


def add_file_commands(app: typer.Typer) -> None:
    """Propose, evaluate, collect."""
    for command in (propose, evaluate, collect):
        app.command(epilog=EXAMPLES[command.__name__], rich_help_panel=FILES)(command)
