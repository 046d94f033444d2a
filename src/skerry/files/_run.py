"""Proposing and collecting: a run is replayed until it needs a point that nobody has evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.evaluate import check_failures
from skerry.execution import Elsewhere, LackingError
from skerry.files._columns import FilledError, check_names
from skerry.files._identity import refuse_other
from skerry.files._rounds import Round, read_round, restore_chunks, write_round
from skerry.files._settings import RunFile, Settings, read_run_file, write_run_file
from skerry.priors import Prior
from skerry.problem import Problem
from skerry.progress import Progress
from skerry.store import Store, problem_identity
from skerry.store._files import make_folder

if TYPE_CHECKING:
    from skerry.posterior import Posterior

STORE = "store"
OF_THE_PRIOR = ("parameters", "prior")
SHOWN = 5


@dataclass(frozen=True, eq=False)
class Standing:
    """How a run stands.

    Attributes:
        round: the one to be evaluated; None if nothing is lacking.
        lacking: its chunks that are not filled, from 1.
        n_points: points that are lacking, in these.
        posterior: the end of the run, or None.
    """

    round: Round | None
    lacking: tuple[int, ...]
    n_points: int
    posterior: Posterior | None = None

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self.posterior is not None


def propose(
    run: str | PathLike[str],
    problem: Problem | Prior | None = None,
    x: Any = None,
    *,
    settings: Settings | None = None,
    source: str | None = None,
    progress: Progress | bool | None = None,
) -> Standing:
    """Write the points that a run needs next, as CSV files, one a chunk.

    The first call settles what the run is; later ones may leave all but ``run`` out, if the prior
    is made of circles and distributions of scipy.stats, and there is no Python likelihood. Called
    again while a round is open, it writes nothing but chunks that are missing.

    Args:
        run: a folder; it is made if it isn't there.
        problem: prior and likelihood, or a prior alone, if the likelihood is another program's.
        x: the observation, if the likelihood takes one.
        settings: see :class:`Settings`; by default those of the first call.
        source: where the problem came from, to be kept with the run.
        progress: as for :func:`skerry.infer`.

    Raises:
        InputError: for another problem or other settings than the run's; for damaged files.
        StoreError: if the run is in use, or can't be read or written.
    """
    folder = Path(run)
    known = read_run_file(folder)
    if known is None:
        known = _new_run(folder, problem, x, settings or Settings(), source)
        make_folder(folder)
        write_run_file(folder, known)
    elif settings is not None and settings != known.settings:
        raise InputError(
            f"Expected the settings of the run in {folder}, {known.settings}; got {settings}; "
            "leave them out, or pass another folder."
        )
    standing = _replayed(folder, known, _whole(known, problem, x), x, {}, progress)
    if standing.round is not None:
        restore_chunks(standing.round)
    return standing


def collect(
    run: str | PathLike[str],
    problem: Problem | Prior | None = None,
    x: Any = None,
    *,
    progress: Progress | bool | None = None,
) -> Standing:
    """Take the chunks that are filled into the store, and go on: to the next round, or the end.

    What is good is stored whatever else is wrong. Nothing is lost or taken twice, whenever it is
    killed: run it again.

    Args:
        run: the folder of :func:`propose`.
        problem: as it was given to :func:`propose`, if that was more than a simple prior.
        x: likewise.
        progress: as for :func:`skerry.infer`.

    Raises:
        FilledError: for chunks that can't be used, naming file, line and remedy.
        InputError, StoreError: as :func:`propose`.
    """
    folder = Path(run)
    known = read_run_file(folder)
    if known is None:
        raise InputError(
            f"Expected a run in {folder}; there is no run.json; run `skerry propose` first."
        )
    found = read_round(folder)
    values, bad = ({}, {}) if found is None else _brought(found, known.settings)
    standing = _replayed(folder, known, _whole(known, problem, x), x, values, progress)
    if standing.round is not None and found is not None and standing.round.number == found.number:
        wrong = [bad[chunk] for chunk in standing.lacking if chunk in bad]
        more = f"\n({len(wrong) - SHOWN} more chunks can't be used.)" if len(wrong) > SHOWN else ""
        if wrong:
            raise FilledError("\n".join(wrong[:SHOWN]) + more)
    return standing


def awaited(theta: FloatArray) -> FloatArray:
    """In the place of a likelihood that is another program's."""
    raise LackingError(theta)


def _new_run(
    folder: Path, problem: Problem | Prior | None, x: Any, settings: Settings, source: str | None
) -> RunFile:
    if not isinstance(problem, (Problem, Prior)):
        raise InputError(
            f"Expected a Problem, or a Prior, for a new run in {folder}; got "
            f"{type(problem).__name__}; pass one to the first `propose`."
        )
    from skerry.inference._conclude import check_asked
    from skerry.posterior import prior_to_spec

    check_asked(settings.n_effective, settings.max_calls)
    check_failures(settings.failures)
    _ = settings.scheme  # checks itself
    prior = problem if isinstance(problem, Prior) else problem.prior
    check_names(prior.names)
    if isinstance(problem, Problem):
        return RunFile(settings, problem_identity(problem, x), source, prior_to_spec(prior))
    identity = problem_identity(_of_prior(prior))
    kept = {name: identity[name] for name in OF_THE_PRIOR}
    return RunFile(settings, kept, source, prior_to_spec(prior))


def _of_prior(prior: Prior) -> Problem:
    return Problem(prior, awaited, jax=False)


def _whole(known: RunFile, problem: Problem | Prior | None, x: Any) -> Problem:
    """The problem of a run: what was passed, if it is the same, or what its file tells."""
    from skerry.posterior import prior_from_spec

    if problem is None:
        if "likelihood" in known.identity or known.prior is None:
            raise InputError(
                "Expected the problem that the run began with"
                f"{', from ' + known.source if known.source else ''}; got none; pass it again."
            )
        problem = prior_from_spec(known.prior)
    whole = _of_prior(problem) if isinstance(problem, Prior) else problem
    refuse_other(known.identity, whole, x)
    if "likelihood" not in known.identity:
        return _of_prior(whole.prior)
    return whole


def _brought(found: Round, settings: Settings) -> tuple[dict[bytes, Any], dict[int, str]]:
    """The values of all filled chunks, by a point's bytes; what is wrong with others."""
    values: dict[bytes, Any] = {}
    bad = {}
    for chunk in range(1, found.n_chunks + 1):
        try:
            rows = found.filled(chunk, allow_failures=settings.failures != "raise")
        except FilledError as error:
            bad[chunk] = str(error)
            continue
        if rows is not None:
            for point, row in zip(found.points(chunk), rows, strict=True):
                values[point.tobytes()] = (row.value, row.failure)
    return values, bad


def _replayed(
    folder: Path,
    known: RunFile,
    problem: Problem,
    x: Any,
    values: dict[bytes, Any],
    progress: Progress | bool | None,
) -> Standing:
    from skerry.inference import infer
    from skerry.posterior import Status

    settings = known.settings
    elsewhere = "likelihood" not in known.identity
    store = Store(folder / STORE, accept=("likelihood",) if elsewhere else ())
    try:
        posterior = infer(
            problem,
            None if elsewhere else x,
            n_effective=settings.n_effective,
            max_calls=settings.max_calls,
            seed=settings.seed,
            scheme=settings.scheme,
            failures=settings.failures,  # type: ignore[arg-type]
            executor=Elsewhere(values),
            store=store,
            progress=progress,
        )
    except LackingError as lacking:
        theta = lacking.theta
    else:
        if posterior.status is Status.INTERRUPTED:  # by Ctrl-C, amid the replay: no result
            raise KeyboardInterrupt
        return Standing(None, (), 0, posterior)
    return _standing(folder, known, problem.prior.names, theta)


def _standing(folder: Path, known: RunFile, names: tuple[str, ...], theta: FloatArray) -> Standing:
    """The round that holds the points that are lacking: the open one, or a new one."""
    wanted = {point.tobytes() for point in theta}
    found = read_round(folder)
    here = set() if found is None else {point.tobytes() for point in found.theta}
    if found is None or not wanted <= here:
        number = 1 if found is None else found.number + 1
        found = write_round(folder, number, names, theta, known.settings.chunks)
    lacking = tuple(
        chunk
        for chunk in range(1, found.n_chunks + 1)
        if any(point.tobytes() in wanted for point in found.points(chunk))
    )
    return Standing(found, lacking, len(theta))
