"""The study's table: one row a run, in a CSV file that grows while the study runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeAlias

import numpy as np

from skerry._saving import write_text
from skerry.errors import InputError
from skerry.study._measure import MEASURES

Key: TypeAlias = tuple[str, int, int, str, str]
EXACT = "exact draws"
SHOWN_SECONDS = {"training_seconds": "training s"}


@dataclass(frozen=True)
class Row:
    """One run: what was fitted to what, and how far it is from the truth.

    Attributes:
        target: the task.
        size: the effective sample size aimed at.
        seed: of points, fit and draws.
        variant: the density's label.
        kind: of its couplings.
        n_points: prior draws, each a likelihood call.
        n_effective: the effective sample size got.
        khat: the weights' Pareto shape.
        n_modes: K, found or given.
        seconds: of the whole fit: modes, islands, compilation, training.
        training_seconds: of the epochs, compilation left out.
        epochs: trained.
        best_epoch: the one kept; 0 is the start.
        status: the posterior's, or what went wrong.
    """

    target: str
    size: int
    seed: int
    variant: str
    kind: str
    n_points: int
    n_effective: float
    khat: float
    n_modes: int
    forward_kl: float
    js: float
    total_variation: float
    w1: float
    w2: float
    sliced_w2: float
    mmd: float
    bridge_mass: float
    mass_error: float
    ess_share: float
    seconds: float
    training_seconds: float
    epochs: int
    best_epoch: int
    status: str

    @property
    def key(self) -> Key:
        """What tells runs apart."""
        return self.target, self.size, self.seed, self.variant, self.kind


COLUMNS = tuple(f.name for f in fields(Row))
_TYPES = {"str": str, "int": int, "float": float}


def append(path: Path, rows: Iterable[Row]) -> None:
    """Rows at the end of the file, below a header if it is new."""
    _mend(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if file.tell() == 0:
            writer.writeheader()
        for row in rows:
            writer.writerow({k: _text(v) for k, v in asdict(row).items()})


def read(path: Path) -> list[Row]:
    """All rows; none if there is no file."""
    if not path.exists():
        return []
    _mend(path)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InputError(
                f"Expected the columns of a study in {path}; got {reader.fieldnames}; choose "
                "another folder."
            )
        return [
            Row(**{f.name: _TYPES[str(f.type)](line[f.name]) for f in fields(Row)})
            for line in reader
        ]


def _mend(path: Path) -> None:
    """Cut off a last line that a crash left without its end."""
    text = path.read_bytes() if path.exists() else b""
    if text and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])


def write_markdown(path: Path, rows: list[Row], title: str) -> None:
    """Medians over seeds, with least and greatest, one table for each target and size."""
    shown = {**MEASURES, **SHOWN_SECONDS}
    parts = [f"# {title}\n", _NOTES]
    for target, size in sorted({(r.target, r.size) for r in rows}, key=lambda p: (p[0], -p[1])):
        mine = [r for r in rows if (r.target, r.size) == (target, size)]
        n_seeds = len({r.seed for r in mine})
        calls = int(np.median([r.n_points for r in mine]))
        parts.append(
            f"\n## {target}, {size:,} effective samples\n\n"
            f"{calls:,} prior draws; {n_seeds} seed{'s' if n_seeds > 1 else ''}.\n\n"
            f"| density | couplings | K | {' | '.join(shown.values())} |\n"
            f"|---|---|---|{'---|' * len(shown)}\n"
        )
        for variant, kind in dict.fromkeys((r.variant, r.kind) for r in mine):
            same = [r for r in mine if (r.variant, r.kind) == (variant, kind)]
            cells = [_cell([getattr(r, name) for r in same]) for name in shown]
            modes = _cell([r.n_modes for r in same])
            parts.append(f"| {variant} | {kind} | {modes} | {' | '.join(cells)} |\n")
    write_text(path, "".join(parts))


def _cell(values: list[float]) -> str:
    middle = f"{np.median(values):.3g}"
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} ({min(values):.3g} to {max(values):.3g})"


def _text(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


_NOTES = """
Median over seeds (least to greatest). Less is better, but for the ESS share, where 1 is perfect.
KL, JS in nats. Bridge mass: what q puts outside the target's 99.9% highest-density region, less
0.001. Mass error: the largest error of a mode's mass. ESS share: of q as a proposal. W1, W2 and MMD
compare a tenth of the draws that the others do. The rows "exact draws" compare two exact samples:
what no density can beat, and how far from 0 the distances between samples are by chance.
"""
