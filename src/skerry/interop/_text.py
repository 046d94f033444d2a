"""Plain text, as getdist, CosmoMC and anesthetic read it: weight, -log posterior, parameters."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

import numpy as np

from skerry._saving import whole, write_text
from skerry.interop._facts import log_posterior, plain, ranges, relative_weights
from skerry.posterior import Posterior


def to_text(posterior: Posterior, root: str | PathLike[str]) -> tuple[Path, Path, Path]:
    """Write ``root.txt``, ``root.paramnames`` and ``root.ranges``.

    A row of ``root.txt`` is a weight (the largest 1), minus the log of prior times likelihood (0
    where the prior's density isn't known, as getdist writes it), and the parameters, to 17 digits;
    a row of ``root.paramnames`` a name and a label; one of ``root.ranges`` a name, its ends (N:
    none) and, on a circle, "periodic".

    Args:
        posterior: the posterior.
        root: path and first part of the names of the three files.

    Returns:
        their paths.
    """
    files = [Path(f"{fspath(root)}.{ending}") for ending in ("txt", "paramnames", "ranges")]
    names, log_p = plain(posterior.names), log_posterior(posterior)
    minus = np.zeros(len(posterior.samples)) if log_p is None else -log_p
    rows = np.column_stack([relative_weights(posterior), minus, posterior.samples])
    with whole(files[0]) as part, open(part, "wb") as file:
        np.savetxt(file, rows, fmt="%.17g")
    labels = [name.replace("_", r"\_") for name in posterior.names]
    listed = [f"{name}\t{label}\n" for name, label in zip(names, labels, strict=True)]
    write_text(files[1], "".join(listed))
    lines = []
    for name, (low, high, circle) in zip(names, ranges(posterior).values(), strict=True):
        ends = ["N" if end is None else f"{end:.17g}" for end in (low, high)]
        lines.append(" ".join([name, *ends, *(["periodic"] if circle else [])]) + "\n")
    write_text(files[2], "".join(lines))
    return files[0], files[1], files[2]
