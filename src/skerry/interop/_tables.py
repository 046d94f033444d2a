"""Tables: CSV, Parquet and npz files, data frames, dictionaries; nothing is unpickled."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skerry._saving import read_arrays
from skerry.errors import InputError
from skerry.inference import Recycled
from skerry.interop._lookup import needed
from skerry.priors import Prior

LIKELIHOOD, PROPOSAL, WEIGHT, THETA = "log_likelihood", "log_proposal", "log_weight", "theta"
WEIGHTED = "points whose posterior weights came with them; Z is not known"


def read_table(path: str | PathLike[str], prior: Prior) -> Recycled:
    """A file of points for :func:`skerry.fit`, with the columns of :func:`from_table`.

    ``.csv``: commas, names in the first line. ``.parquet``: needs pyarrow. ``.npz``: an array a
    column, or one array ``theta`` ``(n, d)`` in the prior's order and the others; arrays of
    objects are refused, so nothing in the file is executed.

    Args:
        path: the file; its ending tells the kind.
        prior: the points'.

    Raises:
        InputError: for a file of another kind, missing columns, values that aren't numbers.
        UnsupportedError: for Parquet without pyarrow.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"Expected a table that ends in {', '.join(READERS)}; got {path}; write it as one of "
            "these."
        )
    if not path.is_file():
        raise InputError(f"Expected a table; there is none at {path}; pass a file that is there.")
    return _from_columns(reader(path, (*prior.names, LIKELIHOOD, PROPOSAL, WEIGHT)), prior, path)


def from_table(table: Any, prior: Prior) -> Recycled:
    r"""A data frame or a dictionary of columns for :func:`skerry.fit`.

    Columns, in any order: each of the prior's parameters, ``log_likelihood``, and at most one of

    * ``log_proposal``: the log density each point was drawn from, in theta;
    * ``log_weight``: log posterior weights up to a constant (then
      :math:`g = \pi L_i / (n Z \bar w_i)` is assumed, and Z is not known).

    With neither, independent draws of the prior are assumed. Other columns are left alone.

    Args:
        table: anything with named columns, ``table[name]``: a data frame, a dictionary of arrays.
        prior: the points'.

    Raises:
        InputError: for missing columns, values that aren't numbers, points without a place in the
            prior.
    """
    if not hasattr(table, "__getitem__") or isinstance(table, (str, bytes, list, tuple)):
        raise InputError(
            f"Expected a table with named columns; got {type(table).__name__}; pass a data frame, "
            "a dictionary of arrays, or a file to read_table."
        )
    names = list(table) if isinstance(table, Mapping) else [*getattr(table, "columns", ())]
    wanted = (*prior.names, LIKELIHOOD, PROPOSAL, WEIGHT, THETA)
    found = {name: np.asarray(table[name]) for name in names if name in wanted}
    return _from_columns(found, prior, "the table", names)


def _from_columns(
    found: Mapping[str, Any], prior: Prior, where: Any, names: list[Any] | None = None
) -> Recycled:
    whole = THETA in found and THETA not in prior.names
    wanted = [LIKELIHOOD] if whole else [*prior.names, LIKELIHOOD]
    missing = [name for name in wanted if name not in found]
    if missing:
        listed = ", ".join(map(str, found if names is None else names))
        raise InputError(
            f"Expected columns {', '.join(wanted)} in {where}; {', '.join(missing)} missing; got "
            f"{listed or 'none of them'}; name them so."
        )
    if PROPOSAL in found and WEIGHT in found:
        raise InputError(f"Expected {PROPOSAL} or {WEIGHT} in {where}; got both; leave one out.")
    odd = {name: np.asarray(found[name]).dtype for name in found}
    odd = {name: kind for name, kind in odd.items() if kind.kind not in "fiu"}
    if odd:
        name, kind = next(iter(odd.items()))
        raise InputError(
            f"Expected real numbers in column {name} of {where}; got {kind}; convert it to floats."
        )
    ragged = {name: np.shape(found[name]) for name in found if name != THETA}
    if len(set(ragged.values())) > 1:
        raise InputError(f"Expected columns of one length in {where}; got shapes {ragged}.")
    theta = found[THETA] if whole else np.stack([found[name] for name in prior.names], axis=-1)
    log_l = found[LIKELIHOOD]
    if WEIGHT in found:
        return Recycled.weighted(theta, log_l, prior, found[WEIGHT], assumed=WEIGHTED)
    return Recycled.drawn(theta, log_l, prior, found.get(PROPOSAL))


def _read_csv(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            head = [cell.strip() for cell in next(csv.reader(file), [])]
    except (ValueError, csv.Error) as error:
        raise InputError(
            f"Expected text with commas in {path}; got another kind of file ({error}); write "
            "columns with their names in the first line, in UTF-8."
        ) from error
    names = [name for name in wanted if name in head]
    if not {*wanted[:-2]} <= {*names}:
        raise InputError(
            f"Expected columns {', '.join(wanted[:-2])} in {path}; "
            f"{', '.join(n for n in wanted[:-2] if n not in head)} missing; got "
            f"{', '.join(head) or 'an empty file'}; name them in the first line."
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            rows = np.loadtxt(
                path,
                delimiter=",",
                skiprows=1,
                usecols=[head.index(name) for name in names],
                ndmin=2,
                encoding="utf-8-sig",
            )
    except ValueError as error:
        raise InputError(
            f"Expected numbers in {path}; got: {error} (rows counted after the head)."
        ) from error
    return dict(zip(names, rows.T, strict=True))


def _read_npz(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    try:
        return dict(read_arrays(path, (*wanted, THETA)))
    except Exception as error:  # there is no end to the ways in which a file can be damaged
        raise InputError(
            f"Expected arrays of numbers in {path}, saved by numpy.savez; got "
            f"{type(error).__name__}: {error}."
        ) from error


def _read_parquet(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    parquet = needed("pyarrow.parquet", "pyarrow")
    try:
        file = parquet.ParquetFile(path)
        names = [name for name in file.schema_arrow.names if name in wanted]
        table = file.read(columns=names)
        return {name: table.column(name).to_numpy() for name in names}
    except Exception as error:  # as above
        raise InputError(
            f"Expected a Parquet file; {path} is another kind or damaged "
            f"({type(error).__name__}: {error}); write it again."
        ) from error


READERS: dict[str, Callable[[Path, tuple[str, ...]], dict[str, Any]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}
