"""The script that compares samplers: it counts, judges, and shows failures as failures."""

import importlib.util
import json
import types
from pathlib import Path

import numpy as np
import pytest

from skerry import tasks

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "peers.py"


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    spec = importlib.util.spec_from_file_location("peers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPTIONS = types.SimpleNamespace(
    max_calls=1000, max_cpu=100.0, n_effective=500, verbose=False, c2st=200, seeds=[0]
)


def exact(peers, keep=lambda labels: labels >= 0, shift=0.0):
    """A sampler that knows the truth, but for what the arguments spoil."""

    def sampler(task, counted, options, seed):
        theta = task.sample(options.n_effective, seed)
        counted(theta)
        theta = theta[keep(task.label(theta))]
        weights = np.full(len(theta), 1.0 / len(theta))
        return peers.Found(theta, weights, task.log_evidence + shift, 0.02, len(theta), "finished")

    return sampler


def test_a_run_is_counted_and_judged(peers):
    peers.SAMPLERS = {"good": exact(peers), "poor": exact(peers, lambda k: k != 1, 0.1)}
    task = tasks.get("corners")
    good, poor = (peers.run(task, name, 0, OPTIONS) for name in ("good", "poor"))
    assert good["calls"] == poor["calls"] == 500
    assert good["lost_modes"] == []
    assert good["mass_error"] < 0.1
    assert good["log_evidence_z"] == pytest.approx(0.0)
    assert poor["lost_modes"] == [1]
    assert poor["log_evidence_z"] == pytest.approx(5.0)
    assert poor["mass_error"] > 0.2
    assert good["c2st"] < 0.6 < poor["c2st"]


def test_failures_and_caps_are_shown(peers):
    def broken(*_):
        raise RuntimeError("no bound\nfound")

    def endless(task, counted, options, seed):
        while True:
            counted(np.zeros((100, 2)))

    peers.SAMPLERS = {"broken": broken, "endless": endless, "good": exact(peers)}
    task = tasks.get("corners")
    rows = [
        {"task": "corners", "sampler": name, **peers.run(task, name, 0, OPTIONS)}
        for name in peers.SAMPLERS
    ]
    assert rows[0]["failure"] == "RuntimeError: no bound\nfound"
    assert 1000 < rows[1]["calls"] <= 1300
    text = peers.table(rows).splitlines()
    assert len(text) == 5
    assert "| broken | 1 | 1 | 0 | - |" in text[2]
    assert "Stopped: 1300 likelihood calls" in text[3]
    assert text[4].endswith("| 0 | finished |")


def test_the_table_takes_the_latest_row_of_each_run(peers, tmp_path):
    rows = [
        {"kind": "peers", "task": task, "sampler": "skerry", "seed": 0, "c2st": None} | rest
        for task, rest in [
            ("corners", {"calls": 1}),
            ("eggbox", {"calls": 2}),
            ("corners", {"calls": 3}),
        ]
    ]
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"kind": "other"}]))
    options = types.SimpleNamespace(
        history=path, tasks=["corners", "octants"], samplers=["skerry"], seeds=[0, 1]
    )
    assert [row["calls"] for row in peers.stored(options)] == [3]
