"""Imports only point down; no file holds two ideas' worth of lines."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "skerry"
LAYERS = {
    "errors": 0,
    "_types": 0,
    "_saving": 1,
    "_seeds": 1,
    "_compilation": 1,
    "_devices": 1,
    "_coroutine": 1,
    "_versions": 1,
    "_descent": 1,
    "progress": 1,
    "weights": 2,
    "flows": 2,
    "metrics": 2,
    "calibration": 2,
    "priors": 3,
    "noise": 3,
    "problem": 4,
    "training": 4,
    "embeddings": 4,
    "store": 5,
    "evaluate": 6,
    "modes": 6,
    "execution": 7,
    "posterior": 7,
    "inference": 8,
    "files": 9,
    "tasks": 9,
    "diagnostics": 8,
    "plot": 9,
    "amortization": 10,
    "report": 10,
    "interop": 10,
    "loading": 11,
    "study": 11,
    "demo": 11,
    "explore": 11,
    "cli": 12,
    "__init__": 13,
    "__main__": 13,
}
FILES = sorted(SOURCE.rglob("*.py"))


def unit(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported_units(path: Path) -> set[str]:
    """The parts of skerry a file imports, function-local imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = (
                [f"skerry.{alias.name}" for alias in node.names]
                if node.module == "skerry"
                else [node.module]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name and name.startswith("skerry.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path: Path):
    here = unit(path)
    assert here in LAYERS, f"{here} has no layer: give it one in LAYERS"
    for other in imported_units(path) - {here}:
        assert LAYERS[other] < LAYERS[here] or LAYERS[here] == 13, f"{here} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_stay_small(path: Path):
    assert len(path.read_text().splitlines()) <= 400
