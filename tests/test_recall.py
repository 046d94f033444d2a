"""The scripts that judge islands found and errors stated: they count what they say."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = str(Path(__file__).parent.parent / "benchmarks")


@pytest.fixture(params=["recall", "evidence"])
def script(request, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module(request.param)
    for name in ("recall", "evidence", "peers"):
        sys.modules.pop(name, None)


def row(lost, doubtful, thoroughness=1.0, task="eggbox", calls=1000):
    return {
        "task": task,
        "thoroughness": thoroughness,
        "lost_modes": lost,
        "doubtful": doubtful,
        "calls": calls,
    }


@pytest.mark.parametrize("script", ["recall"], indirect=True)
def test_warnings_are_counted_beside_what_was_lost(script):
    rows = [row([1], True), row([2], False), row([2], False), row([], True)]
    rows += [row([], False)] * 4
    last = script.table(rows).splitlines()[-1]
    assert last == "| eggbox | 1 | 8 | 62% | 1 / 2 | 1 / 4 | 1,000 |"


@pytest.mark.parametrize("script", ["evidence"], indirect=True)
def test_right_errors_give_z_of_deviation_one(script):
    rng = np.random.default_rng(0)
    rows = [
        {
            "miss": 0.01 * z,
            "error": 0.01,
            "final_rounds": 1 + (k % 4 == 0),
            "explored": 0.01 * z - 0.02,
            "masses": [(0.5, z, 1.0), (0.004, -z, 1 - 0.1 * z)],
            "levels": [z, -z],
            "alike": k != 7,
            "calls": 5_000,
        }
        for k, z in enumerate(rng.standard_normal(400))
    ]
    found = script.judged(rows)
    assert found["z"]["n"] == 400
    assert found["z"]["sd"] == pytest.approx(1.0, abs=5 * (2 * 400) ** -0.5)
    assert found["z_more_final_rounds"]["n"] == 100
    assert found["light_mass_z"]["mean"] == pytest.approx(-found["z"]["mean"])
    assert found["light_ratio"]["sd"] == pytest.approx(0.1 * found["z"]["sd"])
    assert found["miss_of_explored"]["mean"] == pytest.approx(found["miss"]["mean"] - 0.02)
    assert found["counted_otherwise"] == 1
    assert script.moments([1.0]) is None
