"""The page of docs/interop.md: its snippets run, in order, in one namespace."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from two_islands import needs

PAGE = Path(__file__).parent.parent / "docs" / "interop.md"
PACKAGES = (
    "dynesty",
    "ultranest",
    "nautilus",
    "emcee",
    "getdist",
    "anesthetic",
    "h5netcdf",
    "bilby",
    "numpyro",
    "pyhf",
)


@needs(*PACKAGES)
@pytest.mark.slow
def test_every_snippet_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    namespace = {"__name__": "__main__"}
    text = PAGE.read_text()
    found = [*re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    assert len(found) >= 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages
        for match in found:
            line = text.count("\n", 0, match.start(1))
            exec(compile("\n" * line + match.group(1), str(PAGE), "exec"), namespace)
    assert len(namespace["posterior"].modes) == 2
    densities = [namespace[name].log_prob([1.0, 0.5]) for name in ("one", "two", "three", "four")]
    assert max(densities) - min(densities) < 1e-5
