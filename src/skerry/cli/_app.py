"""The commands and their options."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from skerry.cli._answer import answering
from skerry.cli._app_files import add_file_commands
from skerry.cli._errors import guarded
from skerry.cli._help import BEGIN, EXAMPLES, EXIT_CODES, MANY, ONE, RUNS
from skerry.cli._options import (
    FORMS,
    Debug,
    Density,
    DensityChoice,
    Effective,
    ExportChoice,
    FailurePolicy,
    FailuresChoice,
    Json,
    Quiet,
    Seed,
    Silent,
    StoreFolder,
    Timeout,
    WorkersCount,
)
from skerry.cli._reproduce import command_line

NO_COLOR = "--no-color"
app = typer.Typer(
    name="skerry",
    help="Every island of a multi-modal posterior, each with its right mass.\n\n"
    "`skerry COMMAND --help` shows a command's options and examples.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        import skerry

        typer.echo(f"skerry {skerry.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    no_color: Annotated[
        bool, typer.Option(NO_COLOR, help="No colours; with every command, too.")
    ] = False,
) -> None:
    del version, no_color


@app.command(epilog=EXAMPLES["demo"], rich_help_panel=BEGIN)
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the page and its pictures.")] = Path(
        "skerry-demo"
    ),
    seed: Seed = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Seconds, too few points: shows a bad verdict.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Real data, in under two minutes: the eight islands of the Higgs boson's couplings."""
    with guarded(debug), answering(as_json) as stream:
        from skerry.cli._commands import run_demo

        run_demo(out, seed, quick, quiet, stream)


@app.command(epilog=EXAMPLES["study"], rich_help_panel=BEGIN)
def study(
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("skerry-study"),
    full: Annotated[
        bool, typer.Option("--full/--quick", help="All of it (hours), or a first look.")
    ] = False,
    seed: Seed = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at a time.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The paper's experiment: unimodal and mixture bases against known posteriors."""
    with guarded(debug), answering(as_json) as stream:
        from skerry.cli._commands import run_study

        run_study(out, full, seed, workers, quiet, stream)


@app.command(epilog=EXAMPLES["infer"], rich_help_panel=ONE)
def infer(
    ctx: typer.Context,
    problem: Annotated[
        Path, typer.Argument(help="A Python file that defines `problem` (and `x`). It is run.")
    ],
    n: Annotated[
        int | None,
        typer.Option(
            "--n", min=10, help="So many prior draws, weighted by their likelihood; else adaptive."
        ),
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=10, help="Likelihood calls at most, adaptive.")
    ] = None,
    thoroughness: Annotated[
        float, typer.Option(min=0.01, help="How hard to look for islands, adaptive.")
    ] = 1.0,
    density: Annotated[
        DensityChoice | None,
        typer.Option(help=f"{FORMS} By default islands if adaptive, else flow_mixture."),
    ] = None,
    effective: Annotated[
        float, typer.Option(min=1.0, help="Effective samples asked for.")
    ] = 10_000,
    store: StoreFolder = None,
    workers: WorkersCount = None,
    timeout: Timeout = None,
    failures: FailurePolicy = FailuresChoice.stop,
    max_seconds: Annotated[
        float | None,
        typer.Option(help="Stop after so many seconds; with --store the same command goes on."),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; by default skerry-NAME, with a number if it is taken."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The posterior of a problem: adaptive rounds, or prior draws with --n."""
    with guarded(debug, resumable=store is not None), answering(as_json) as stream:
        from skerry.cli._commands import chosen_scheme, run_infer
        from skerry.cli._executor import chosen_executor

        options = {
            "scheme": chosen_scheme(n, thoroughness, None if density is None else density.value),
            "max_calls": max_calls,
            "max_seconds": max_seconds,
            "n_effective": effective,
            "seed": seed,
            "store": store,
            "executor": chosen_executor(workers, timeout),
            "failures": failures.value,
        }
        run_infer(problem, options, out, quiet, command_line(ctx), stream)


@app.command(epilog=EXAMPLES["fit"], rich_help_panel=ONE)
def fit(
    ctx: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            help="A .csv, .parquet or .npz file: a column for each parameter, `log_likelihood`, "
            "and `log_proposal` (the log density each point was drawn from) or `log_weight` "
            "(of the posterior) unless drawn from the prior. Or the folder of a store."
        ),
    ],
    prior: Annotated[
        Path,
        typer.Option(help="A Python file that defines `prior` or `problem`. It is run."),
    ],
    density: Density = DensityChoice.flow_mixture,
    effective: Effective = 1_000,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; by default skerry-NAME, with a number if it is taken."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The posterior from points evaluated earlier: a table, no likelihood."""
    with guarded(debug), answering(as_json) as stream:
        from skerry.cli._commands import run_fit

        line = command_line(ctx)
        run_fit(table, prior, density.value, effective, seed, out, quiet, line, stream)


@app.command(epilog=EXAMPLES["amortize"], rich_help_panel=MANY)
def amortize(
    ctx: typer.Context,
    problem: Annotated[
        Path,
        typer.Argument(
            help="A Python file that defines `problem`, and `simulator` or a list of observations "
            "`x`, unless the problem has a forward model. It is run."
        ),
    ],
    n: Annotated[int, typer.Option("--n", min=50, max=1_000_000_000, help="Simulations.")] = 10_000,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Simulate anew for every step, without end.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="How long to train.")] = None,
    store: StoreFolder = None,
    workers: WorkersCount = None,
    timeout: Timeout = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(help="Stop after so many seconds; needs --store. The same command goes on."),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; by default skerry-NAME-estimator.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """One training for the posteriors of all observations."""
    with guarded(debug, resumable=store is not None), answering(as_json) as stream:
        from skerry.cli._commands import run_amortize
        from skerry.cli._executor import chosen_executor

        options = {
            "n_simulations": None if fresh else n,
            "seed": seed,
            "store": store,
            "executor": chosen_executor(workers, timeout),
            "max_seconds": max_seconds,
        }
        run_amortize(problem, epochs, options, out, quiet, command_line(ctx), stream)


@app.command(epilog=EXAMPLES["posterior"], rich_help_panel=MANY)
def posterior(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(help="The estimator.npz of `skerry amortize`.")],
    x: Annotated[
        str, typer.Option("--x", help="The observation: 1.0,2.5 or a file of numbers with commas.")
    ],
    problem: Annotated[
        Path | None, typer.Option(help="The Python file with `problem`, to refine by. It is run.")
    ] = None,
    effective: Annotated[
        float | None, typer.Option(min=1.0, help="Effective samples to refine to; needs --problem.")
    ] = None,
    store: StoreFolder = None,
    workers: WorkersCount = None,
    timeout: Timeout = None,
    failures: FailurePolicy = FailuresChoice.stop,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; by default skerry-posterior.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The posterior of one observation from a trained estimator."""
    with guarded(debug, resumable=store is not None), answering(as_json) as stream:
        from skerry.cli._commands import run_posterior
        from skerry.cli._executor import chosen_executor

        options = {
            "n_effective": effective,
            "seed": seed,
            "store": store,
            "executor": chosen_executor(workers, timeout),
            "failures": failures.value,
        }
        run_posterior(model, x, problem, options, out, quiet, command_line(ctx), stream)


@app.command(epilog=EXAMPLES["explore"], rich_help_panel=MANY)
def explore(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="The estimator.npz of `skerry amortize`; without it, the couplings of the Higgs "
            "boson, trained once in about a minute and kept in your cache folder."
        ),
    ] = None,
    problem: Annotated[
        Path | None,
        typer.Option(
            help="The Python file with `problem`, to refine by, and, if it likes, `x` to start at "
            "and `x_names`. It is run."
        ),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option("--x", help="The observation to start at: 1.0,2.5 or a file of numbers."),
    ] = None,
    effective: Annotated[
        float, typer.Option(min=1.0, help="Effective samples to refine to.")
    ] = 2_000,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Of the page; 0: any that is free.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Say where the page is; open nothing.")
    ] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """A local page: move the observation, and see the posterior follow. Ends with Ctrl-C."""
    with guarded(debug):
        from skerry.cli._explore import run_explore

        run_explore(model, problem, x, effective, port, not no_browser, seed, quiet)


@app.command(epilog=EXAMPLES["export"], rich_help_panel=RUNS)
def export(
    run: Annotated[Path, typer.Argument(help="A run folder, or its posterior.npz.")],
    out: Annotated[Path, typer.Argument(help="The file, or, for getdist, the root of three.")],
    to: Annotated[
        ExportChoice,
        typer.Option(
            help="getdist: text files OUT.txt, OUT.paramnames, OUT.ranges; netcdf: ArviZ's groups; "
            "csv, parquet: a row a sample with its log weight."
        ),
    ],
    quiet: Silent = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """A run's posterior as a file for other programs."""
    with guarded(debug), answering(as_json) as stream:
        from skerry.cli._export import run_export

        run_export(run, to.value, out, quiet, stream)


@app.command(epilog=EXAMPLES["report"], rich_help_panel=RUNS)
def report(
    run: Annotated[Path, typer.Argument(help="A run folder, or its posterior.npz.")],
    out: Annotated[
        Path | None, typer.Option(help="The page; by default report.html in the run's folder.")
    ] = None,
    problem: Annotated[
        Path | None,
        typer.Option(
            help="The Python file with `problem` (a forward model) and `x`, to show predictions "
            "beside the data. It is run, at 200 points."
        ),
    ] = None,
    quiet: Silent = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """A run as one page that stands alone: verdict, islands, evidence, checks, history."""
    with guarded(debug), answering(as_json) as stream:
        from skerry.cli._folder import run_report

        run_report(run, out, problem, quiet, stream)


add_file_commands(app)


def main() -> None:
    """The program ``skerry``."""
    words = sys.argv[1:]
    if NO_COLOR in words:  # wherever it stands; before anything is printed
        os.environ["NO_COLOR"] = "1"
    app([word for word in words if word != NO_COLOR], prog_name="skerry")
