"""Every example runs; every doctest holds."""

import doctest
import importlib
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))

LONG = {"higgs", "label_switching", "numpyro_model", "radial_velocities", "sensors"}  # 10 to 60 s


def cases():
    for path in EXAMPLES:
        marks = [pytest.mark.statistical] if path.stem in LONG else []
        yield pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", list(cases()))
def test_examples_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert "log evidence" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["skerry.weights", "skerry.priors", "skerry.metrics"])
def test_doctests_hold(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0
