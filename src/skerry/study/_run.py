"""Run a study: work in processes, a table that grows, figures at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np

from skerry._saving import write_text
from skerry.errors import InputError
from skerry.study import _figures
from skerry.study._pictures import picture
from skerry.study._plan import Plan, Unit, plan
from skerry.study._records import Key, append, read, write_markdown
from skerry.study._work import Done, work
from skerry.tasks import get

Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StudyResult:
    """Where the results are.

    Attributes:
        table: one row a run, CSV.
        markdown: medians over seeds.
        figures: PNG files: one a target, and one of all measures against sample size.
    """

    table: Path
    markdown: Path
    figures: tuple[Path, ...]


def run(
    out: str | PathLike[str],
    *,
    size: str | Plan = "quick",
    seed: int = 0,
    workers: int = 2,
    progress: Progress | None = None,
) -> StudyResult:
    """Compare densities on multi-modal targets with exact truth (arXiv:2512.04954).

    Rows are written as they come. Called again with the same folder, it goes on where it stopped.
    More than one worker means new Python processes: call it from a file or a shell command, under
    ``if __name__ == "__main__"``.

    Args:
        out: a folder; made if it isn't there.
        size: ``"quick"`` (minutes), ``"full"`` (an hour or more) or a :class:`Plan`.
        seed: the first of the seeds, an int.
        workers: processes; 1 for none but this one.
        progress: called with ("study", sets of points done, in all).

    Raises:
        InputError: for an unknown size, or a folder that holds a study of another plan.
    """
    what = plan(size)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(f"Expected workers, an int >= 1; got {workers!r}.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"Expected seed, an int >= 0; got {seed!r}.")
    folder = Path(out)
    pictures = folder / "densities"
    pictures.mkdir(parents=True, exist_ok=True)
    _check_same(folder / "plan.json", what, int(seed))
    table = folder / "study.csv"

    units = list(what.units(int(seed)))
    found = {row.key for row in read(table)}
    missing = _missing(units, found)
    n_done = len(units) - len(missing)
    for done in _work_all(what, missing, workers, int(seed)):
        for key, values in done.pictures.items():
            np.save(pictures / f"{done.unit.target}-{key}.npy", values)
        append(table, [row for row in done.rows if row.key not in found])
        n_done += 1
        if progress is not None:
            progress("study", n_done, len(units))
    return _report(folder, what, table, units)


def _missing(units: list[Unit], found: set[Key]) -> list[Unit]:
    """The units whose variants have not all a row, with those that have none."""
    left = []
    for unit in units:
        place = (unit.target, unit.size, unit.seed)
        variants = tuple(v for v in unit.variants if (*place, v.label, v.kind) not in found)
        if variants:
            left.append(replace(unit, variants=variants))
    return left


def _work_all(what: Plan, units: list[Unit], workers: int, seed: int) -> Iterator[Done]:
    """Units as they are done."""

    def shown(unit: Unit) -> bool:
        return unit.size == max(what.sizes) and unit.seed == seed

    if workers == 1 or len(units) < 2:
        yield from (work(what, unit, pictures=shown(unit)) for unit in units)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures: list[Future[Done]] = [
            pool.submit(work, what, unit, pictures=shown(unit)) for unit in units
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _report(folder: Path, what: Plan, table: Path, units: list[Unit]) -> StudyResult:
    """The Markdown table and the figures, from what is on disk."""
    order = {unit: n for n, unit in enumerate((u.target, u.size, u.seed) for u in units)}
    rows = sorted(read(table), key=lambda row: order[row.target, row.size, row.seed])
    markdown = folder / "study.md"
    write_markdown(markdown, rows, f"Densities on multi-modal targets: the {what.name} study")
    figures = []
    size, seed = max(what.sizes), units[0].seed
    for target in what.targets:
        mine = [r for r in rows if (r.target, r.size, r.seed) == (target, size, seed)]
        task = get(target)
        files = sorted((folder / "densities").glob(f"{target}-*.npy"))
        shown = {f.stem.removeprefix(f"{target}-"): np.load(f) for f in files}
        shown["exact"] = picture(task, task.log_prob)
        figure = _figures.density_figure(target, shown, mine)
        figures.append(_figures.save(figure, folder / f"{target}.png"))
    figures.append(_figures.save(_figures.decline_figure(rows), folder / "decline.png"))
    return StudyResult(table, markdown, tuple(figures))


def _check_same(path: Path, what: Plan, seed: int) -> None:
    """A folder holds one plan: rows of two would mix."""
    text = json.dumps({**asdict(what), "seed": seed}, indent=1)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise InputError(
            f"Expected a folder of this very study; {path} tells of another plan or seed; choose "
            "another folder."
        )
    write_text(path, text)
