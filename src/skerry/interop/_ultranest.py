"""UltraNest: weighted points, from the dictionary of a run or from its folder."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skerry.errors import InputError
from skerry.inference import Recycled
from skerry.interop._lookup import NESTED, columns, entries
from skerry.priors import Prior
from skerry.weights import Evidence

TOLD = ("logz", "logzerr", "ncall")
RUN = "the results of an UltraNest run"


def from_ultranest(result: Any, prior: Prior) -> Recycled:
    r"""The points of an UltraNest run for :func:`skerry.fit`.

    The proposal density assumed is :math:`g = \pi L_i / (n Z \bar w_i)` with the run's weights
    :math:`\bar w_i`, that is, :math:`\pi / g = n \Delta X_i` (Skilling 2006; Buchner
    2021). The evidence and its error are the run's.

    Args:
        result: what ``sampler.run()`` returned, or the folder of the run (its ``log_dir``), with
            ``chains/weighted_post.txt`` and ``info/results.json`` in it.
        prior: that of the run's transform; its parameters are found by name, in any order.

    Raises:
        InputError: if something is missing, a parameter has no column, or points that have weight
            lie outside the prior's support.
    """
    if isinstance(result, (str, PathLike)):
        theta, log_l, log_w, about = _folder(Path(result), prior)
    else:
        weighted, names = entries(result, ("weighted_samples", "paramnames"), RUN)
        keys = ("points", "logl", "weights")
        points, log_l, shares = entries(weighted, keys, f"weighted_samples of {RUN}")
        theta, log_w = columns(points, names, prior, RUN), _log(shares)
        about = dict(zip(TOLD, entries(result, TOLD, RUN), strict=True))
    return Recycled.weighted(
        theta,
        log_l,
        prior,
        log_w,
        Evidence(float(about["logz"]), float(about["logzerr"])),
        assumed=NESTED,
        source="UltraNest",
        n_calls=int(about["ncall"]),
    )


def _folder(folder: Path, prior: Prior) -> tuple[Any, Any, Any, dict[str, Any]]:
    table, told = folder / "chains" / "weighted_post.txt", folder / "info" / "results.json"
    for path in (table, told):
        if not path.is_file():
            raise InputError(
                f"Expected the folder of an UltraNest run, with {path.relative_to(folder)} in it; "
                f"{path} isn't there; pass the folder that holds info and chains."
            )
    try:
        with open(table, encoding="utf-8") as file:
            head = file.readline().split()
            rows = np.loadtxt(file, ndmin=2)
        about = json.loads(told.read_text("utf-8"))
        about = {name: about[name] for name in TOLD}
        log_l, shares = rows[:, head.index("logl")], rows[:, head.index("weight")]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"Expected the files of an UltraNest run in {folder}; they are of another kind or "
            f"damaged ({type(error).__name__}: {error})."
        ) from error
    return columns(rows, head, prior, str(table)), log_l, _log(shares), about


def _log(shares: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(shares, dtype=np.float64))
