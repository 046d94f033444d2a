"""A chunk's CSV: points by name with a check number, and a column to fill; and reading it back.

Every line of text that comes back is suspected: programs die half-way, print ``******`` or
``1.5D+02``, fill an old chunk, drop a column. What is wrong is said with the file, the line and the
remedy.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError

CHECK, VALUE, ERROR = "point", "log_likelihood", "error"
CLOSE = 1e-5  # relative: how far a parameter may be off that a program has printed again
LONGEST = 10_000  # characters of a line
AGAIN = "evaluate the chunk again, into a file of another name that is renamed when it is whole"


class Row(NamedTuple):
    """What came for one point: its log-likelihood, and None or why the call failed."""

    value: float
    failure: str | None


class FilledError(InputError):
    """A chunk's file that can't be used; the text names the file, the line and the remedy."""


def check_number(number: int, point: FloatArray) -> int:
    """What tells a point of a round from all others: 31 bits of a digest."""
    data = number.to_bytes(8, "little") + point.tobytes()
    return int.from_bytes(hashlib.blake2b(data, digest_size=4).digest(), "little") >> 1


def check_names(names: Sequence[str]) -> None:
    """Refuse parameters that can't be columns.

    Raises:
        InputError: for the names of our own columns, and for names of several lines.
    """
    for name in names:
        if name in (CHECK, VALUE, ERROR) or name != " ".join(name.split()) or '"' in name:
            raise InputError(
                f"Expected parameters whose names can head columns; got {name!r}; "
                f"{CHECK}, {VALUE} and {ERROR} are taken, quotes and line breaks won't do: rename "
                "it in the prior."
            )


def chunk_text(
    number: int, names: Sequence[str], theta: FloatArray, rows: Sequence[Row] = ()
) -> str:
    """A chunk to fill, or filled if there are rows. Numbers are written so that no bit is lost."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([CHECK, *names, VALUE] + [ERROR] * bool(rows))
    for i, point in enumerate(theta):
        cells: list[object] = [check_number(number, point), *(repr(v) for v in point.tolist())]
        if rows:
            cells += [repr(rows[i].value), " ".join((rows[i].failure or "").split())]
        else:
            cells.append("")
        writer.writerow(cells)
    return file.getvalue()


def read_points(path: Path, number: int, names: Sequence[str]) -> FloatArray:
    """The points of a chunk's file, whose check numbers must be theirs.

    Raises:
        FilledError: if they are not.
    """
    lines, columns = _lines(path, names)
    theta = np.empty((len(lines), len(names)))
    for i, cells in enumerate(lines):
        theta[i] = [_number(cells[columns[name]], path, i + 2, name) for name in names]
        if cells[columns[CHECK]].strip() != str(check_number(number, theta[i])):
            raise FilledError(
                f"Expected the points that were proposed; {path}, line {i + 2}, has been changed; "
                "delete the file and run `skerry propose` to have it written again."
            )
    return theta


def read_filled(
    path: Path, number: int, names: Sequence[str], theta: FloatArray, *, allow_failures: bool
) -> list[Row] | None:
    """What came for the points of a chunk; None if nothing has been filled in.

    Args:
        path: of the file.
        number: of the round.
        names: of the parameters.
        theta: the chunk's points, ``(n, d)``.
        allow_failures: whether points may have failed.

    Raises:
        FilledError: if the file can't be used.
    """
    lines, columns = _lines(path, names)
    if not any(_is_filled(cells, columns) for cells in lines) and len(lines) == len(theta):
        return None
    if len(lines) < len(theta):
        raise FilledError(
            f"Expected {len(theta)} points in {path}; it ends after line {len(lines) + 1} with "
            f"{len(lines)}: half-written; {AGAIN}."
        )
    if len(lines) > len(theta):
        raise FilledError(
            f"Expected {len(theta)} points in {path}; line {len(theta) + 2} is one more: filled "
            f"twice, or another chunk's; delete it and {AGAIN}."
        )
    slack = CLOSE * np.maximum(np.abs(theta), 1e-3 * np.abs(theta).max(axis=0, initial=0.0))
    found = []
    for i, cells in enumerate(lines):
        _refuse_other(cells, columns, path, i + 2, check_number(number, theta[i]))
        for name, value, off in zip(names, theta[i].tolist(), slack[i].tolist(), strict=True):
            got = _number(cells[columns[name]], path, i + 2, name)
            if not abs(got - value) <= off:
                raise FilledError(
                    f"Expected {name} = {value!r} in {path}, line {i + 2}; got {got!r}: evaluated "
                    "at another point; copy the parameters' columns from the chunk as they are."
                )
        found.append(_row(cells, columns, path, i + 2, allow_failures))
    return found


def _lines(path: Path, names: Sequence[str]) -> tuple[list[list[str]], dict[str, int]]:
    """The cells of all lines but the first, and where the columns are that the first one names."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FilledError(
            f"Expected text (UTF-8) in {path}; line {line} is none; {AGAIN}."
        ) from error
    if not text.endswith("\n"):
        line = text.count("\n") + 1
        raise FilledError(
            f"Expected {path} to end with a line break; line {line} has none: half-written, its "
            f"last number may be cut; {AGAIN}."
        )
    rows = [_cells(line, path, i + 1) for i, line in enumerate(text.rstrip().split("\n"))]
    head = [cell.strip() for cell in rows[0]]
    wanted = (CHECK, *names, VALUE)
    missing = [name for name in wanted if head.count(name) != 1]
    if missing:
        raise FilledError(
            f"Expected the columns {', '.join(wanted)} in {path}; line 1 names "
            f"{', '.join(head)[:200] or 'nothing'}; {', '.join(missing)} "
            "must be there once: copy the first line of the chunk that was proposed."
        )
    for i, cells in enumerate(rows[1:]):
        if len(cells) != len(head):
            raise FilledError(
                f"Expected {len(head)} cells, as in line 1, in {path}, line {i + 2}; got "
                f"{len(cells)}; {AGAIN}."
            )
    known = (*wanted, ERROR)
    return rows[1:], {name: head.index(name) for name in known if name in head}


def _cells(line: str, path: Path, number: int) -> list[str]:
    try:
        if len(line) > LONGEST:
            raise csv.Error(f"{len(line)} characters")
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise FilledError(
            f"Expected numbers with commas between in {path}, line {number}; got {error}; {AGAIN}."
        ) from error


def _is_filled(cells: list[str], columns: dict[str, int]) -> bool:
    wanted = [columns[VALUE]] + ([columns[ERROR]] if ERROR in columns else [])
    return any(cells[column].strip() for column in wanted)


def _refuse_other(
    cells: list[str], columns: dict[str, int], path: Path, line: int, wanted: int
) -> None:
    got = cells[columns[CHECK]].strip()
    if got != str(wanted):
        raise FilledError(
            f"Expected the point {wanted} in {path}, line {line}; got {got[:40] or 'nothing'}: "
            f"filled for other points, or in another order; copy the column {CHECK} from the chunk "
            "as it is, line by line."
        )


def _row(
    cells: list[str], columns: dict[str, int], path: Path, line: int, allow_failures: bool
) -> Row:
    reason = " ".join(cells[columns[ERROR]].split()) if ERROR in columns else ""
    if not cells[columns[VALUE]].strip() and not reason:
        raise FilledError(
            f"Expected a log_likelihood in {path}, line {line}; it is empty; fill it in (nan if "
            "the call failed), or delete the file and evaluate the chunk again."
        )
    text = cells[columns[VALUE]].strip() or "nan"
    value = _number(text, path, line, VALUE)
    if math.isnan(value) or value == math.inf or reason:
        why = reason or f"log-likelihood {value}"
        if not allow_failures:
            raise FilledError(
                f"Expected log-likelihoods that are numbers, or -inf; got {text[:40]}"
                f"{': ' + reason[:200] if reason else ''} in {path}, line {line}; mend the "
                'program and evaluate the chunk again, or start a run with failures "drop" or '
                '"zero".'
            )
        return Row(math.nan, why)
    return Row(value, None)


def _number(text: str, path: Path, line: int, name: str) -> float:
    """A number as C, Fortran and Python print it."""
    plain = text.strip().lower().replace("d", "e")
    try:
        if "_" in plain or len(plain) > 400:
            raise ValueError
        return float(plain)
    except ValueError:
        raise FilledError(
            f"Expected a number for {name} in {path}, line {line}; got {text.strip()[:40]!r}; "
            f"mend the program and {AGAIN}."
        ) from None
