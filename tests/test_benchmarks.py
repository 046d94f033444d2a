"""The frame of the benchmarks: runs kept apart and capped, rows, tables, the guard's rule.

No peer is needed: the methods here are made up.
"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from skerry import tasks

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


PROGRAM = """
import sys, types
sys.path.insert(0, {benchmarks!r})
import numpy as np
from frame import one
from frame.found import Found, equal

places = np.array([[-7.0, -7.0], [7.0, 7.0], [-7.0, 7.0], [7.0, -7.0]])
problem = types.SimpleNamespace(prior=None, log_likelihood=lambda theta: theta[:, 0])
task = types.SimpleNamespace(problem=problem)

def exact(job):
    rng = np.random.default_rng(job.seed)
    which = rng.choice(4, size=job.n_effective, p=[0.5, 0.3, 0.15, 0.05])
    theta = places[which] + 0.3 * rng.standard_normal((job.n_effective, 2))
    job.log_likelihood(theta)
    return Found(theta, equal(len(theta)), -np.log(400.0), 0.02, float(len(theta)), "said so")

def calls(job):
    while True:
        job.log_likelihood(np.zeros((100, 2)))

def spins(job):
    job.log_likelihood(np.zeros((7, 2)))
    while True:
        pass

def sleeps(job):
    import time
    job.log_likelihood(np.zeros((7, 2)))
    time.sleep(60)

def breaks(job):
    raise RuntimeError("no bound found")

def dies(job):
    import os
    os._exit(3)

spec = one.json.loads(sys.argv[2])
method = types.SimpleNamespace(prepare=lambda clock: None, run=globals()[spec["method"]])
about = one.run(spec, method, task)
one.Path("about.json").write_text(one.json.dumps(about))
"""


@pytest.fixture(scope="module")
def isolated(tmp_path_factory):
    """Runs a made-up method in a process of its own."""
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(PROGRAM.format(benchmarks=str(BENCHMARKS)))

    def run(method, **caps):
        from frame import isolated

        spec = {"method": method, "seed": 0, "n_effective": 500, "max_calls": 1000}
        spec |= {"max_cpu": 60.0, "max_wall": 60.0, "problem": "corners"} | caps
        return isolated.run(spec, program=str(program))

    return run


def test_a_run_is_counted_timed_and_judged(isolated):
    from frame import judge

    about, found = isolated("exact")
    assert about["outcome"] == "finished"
    assert about["message"] == "said so"
    assert about["calls"] == 500
    assert about["peak_mb"] > 10
    assert 0 <= about["likelihood_s"] <= about["cpu_s"]
    task = tasks.get("corners")
    verdict = judge.judged(task, found, about, draws=200)
    assert verdict["calls_per_effective"] == 1.0
    assert verdict["log_evidence_z"] == pytest.approx(0.0)
    assert verdict["lost_modes"] == []
    assert verdict["mass_z"] < 5.0
    assert verdict["c2st"] < 0.6
    assert verdict["sliced_w"] < 4.0
    assert abs(verdict["bridge_mass"]) < 0.02


def test_what_was_found_badly_is_judged_so():
    from frame import judge

    task = tasks.get("corners")
    theta = task.sample(2_000, 0)
    theta = theta[task.label(theta) != 1]
    found = {"samples": theta, "weights": np.full(len(theta), 1 / len(theta))}
    about = {"calls": 2_000, "n_effective": 1_000.0, "log_evidence": task.log_evidence + 0.1}
    about["log_evidence_stated_error"] = 0.02
    verdict = judge.judged(task, found, about, draws=500)
    assert verdict["lost_modes"] == [1]
    assert verdict["log_evidence_z"] == pytest.approx(5.0)
    assert verdict["mass_error"] > 0.2
    assert verdict["mass_z"] > 5.0
    assert verdict["sliced_w"] > 5.0
    assert verdict["c2st"] > 0.55
    bridge = judge.shape(
        task, np.random.default_rng(0).uniform(-5, 5, (500, 2)), np.ones(500) / 500, 0
    )
    assert bridge["bridge_mass"] > 0.9


@pytest.mark.parametrize(
    ("method", "caps", "outcome", "calls"),
    [
        ("calls", {}, "cap: calls", 1300),
        ("spins", {"max_cpu": 0.3}, "cap: CPU s", 7),
        ("breaks", {}, "crash", 0),
        ("dies", {}, "crash", 0),
    ],
)
def test_failures_and_caps_have_names(isolated, method, caps, outcome, calls):
    about, found = isolated(method, **caps)
    assert found is None
    assert about["outcome"] == outcome
    assert about["calls"] == calls
    if method == "breaks":
        assert about["message"] == "RuntimeError: no bound found"


def test_a_run_that_hangs_is_killed(isolated, tmp_path):
    from frame import isolated as frame

    about, found = isolated("sleeps", max_wall=2.0)
    assert found is None
    assert about["outcome"] == "cap: wall s"
    assert about["calls"] in (None, 0, 7)  # how far it gets depends on the machine
    assert frame._calls(tmp_path) is None
    np.array([7]).tofile(tmp_path / "calls")
    assert frame._calls(tmp_path) == 7


def test_a_clock_counts_nothing_twice():
    from frame.clock import Clock

    ticks = iter(range(100))
    clock = Clock(now=lambda: float(next(ticks)))
    with clock.span("training"), clock.span("likelihood"):
        pass
    assert dict(clock.seconds) == {"likelihood": 1.0, "training": 2.0}
    clock.seconds["compile"] += 1.0
    assert clock.split(10.0)["rest_s"] == 6.0
    assert Clock().split(2.0) == {
        "likelihood_s": None,
        "training_s": None,
        "compile_s": None,
        "rest_s": 2.0,
    }


class Peer:
    def plain(self, n):
        return n + 1

    @classmethod
    def made(cls, n):
        return cls, n


def test_a_clock_hears_functions_and_class_methods():
    from frame.clock import Clock

    clock = Clock()
    clock.around(Peer, "plain")
    clock.around(Peer, "made")
    assert Peer().plain(1) == 2
    assert Peer.made(3) == (Peer, 3)
    assert "training" in clock.seconds


def test_every_method_says_what_was_chosen():
    import methods

    for name in methods.NAMES:
        adapter = methods.get(name)
        assert adapter.PACKAGES
        assert len(adapter.SETTINGS) > 40
        assert callable(adapter.run)
        assert callable(adapter.prepare)


def test_every_amortised_method_says_what_was_chosen():
    from methods import amortised

    for name in amortised.NAMES:
        adapter = amortised.get(name)
        assert adapter.PACKAGES
        assert len(adapter.SETTINGS) > 40
        assert callable(adapter.train)


def test_prior_draws_and_rejection_find_the_corners():
    import methods
    from frame import one

    spec = {"seed": 0, "n_effective": 100, "max_calls": 40_000, "max_cpu": 60.0}
    task = tasks.get("corners")
    cwd = Path.cwd()
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            about = one.run(spec, methods.get("prior_rejection"), task)
        finally:
            os.chdir(cwd)
    assert about["calls"] == 40_000
    spread = about["log_evidence_stated_error"]
    assert abs(about["log_evidence"] - task.log_evidence) < 5 * spread < 0.5
    assert 20 < about["n_effective"] < 2_000


def test_curves_have_the_volume_they_say():
    import problems
    from problems.curves import log_volume

    for exponent in (2, 14):
        task = problems.get(f"volume_1e{exponent}")
        entropy = -task.log_prob(task.sample(20_000, 0)).mean()
        assert 3 * np.log(20.0) - entropy == pytest.approx(exponent * np.log(10.0), abs=0.05)
    assert len(problems.get("modes_100").modes) == 100
    assert log_volume(2, 1, 1.0) < 0
    assert set(problems.SETS["multimodal"]) <= set(tasks.names())


def test_more_data_keep_their_evidence():
    import problems

    task = problems.get("data_10")
    rng = np.random.default_rng(0)
    theta = task.sample(4_000, 1)
    assert np.bincount(task.label(theta), minlength=8) / 4_000 == pytest.approx(0.125, abs=0.03)
    wide = 1.5 * np.cov(np.abs(theta).T)
    proposal = (
        np.abs(theta).mean(axis=0) + rng.standard_normal((4_000, 3)) @ np.linalg.cholesky(wide).T
    )
    import scipy.stats as st

    log_q = st.multivariate_normal(np.abs(theta).mean(axis=0), wide).logpdf(proposal)
    inside = (np.abs(proposal) <= 3).all(axis=1) & (proposal > 0).all(axis=1)
    log_w = np.where(inside, task.problem.log_likelihood(proposal) - 3 * np.log(6.0), -np.inf)
    w = np.exp(log_w - log_q - task.log_evidence + np.log(8.0))  # one of eight islands
    assert abs(w.mean() - 1.0) < 5 * w.std() / np.sqrt(len(w)) < 0.2


def row(problem="corners", method="skerry", seed=0, **rest):
    found = {"kind": "run", "problem": problem, "method": method, "seed": seed}
    found |= {"outcome": "finished", "message": "converged", "calls": 13_000, "cpu_s": 1.0}
    found |= {"likelihood_s": 0.1, "training_s": None, "compile_s": None, "rest_s": 0.9}
    found |= {"n_effective": 10_000.0, "calls_per_effective": 1.3, "log_evidence_miss": 0.001}
    found |= {"log_evidence_z": 0.4, "log_evidence_stated_error": 0.0025, "mass_error": 0.002}
    found |= {"mass_z": 0.7, "lost_modes": [], "n_modes": 4, "c2st": 0.5, "sliced_w": 1.1}
    found |= {"bridge_mass": 0.0001, "peak_mb": 300.0, "wall_s": 1.1}
    return found | rest


FAILED = {"outcome": "crash", "message": "ValueError: a | b\nc", "mass_error": None}
FAILED |= {"lost_modes": None, "calls_per_effective": None, "n_modes": None}


def test_the_latest_row_of_a_run_counts_whichever_its_kind():
    from frame import rows

    old = {"kind": "peers", "task": "corners", "sampler": "nautilus", "seed": 0, "failure": None}
    old |= {"status": "finished", "calls": 30_000, "n_effective": 10_000.0, "cpu_s": 50.0}
    old |= {"mass_error": 0.001, "lost_modes": [], "n_modes": 4, "settings": {}}
    late = old | {"failure": "Stopped: out of CPU time", "status": "failed", "mass_error": None}
    found = rows.runs([old, row(), {"kind": "other"}, row(calls=2), late | {"seed": 1}])
    assert [(r["method"], r["calls"]) for r in found] == [
        ("nautilus", 30_000),
        ("skerry", 2),
        ("nautilus", 30_000),
    ]
    assert found[0]["calls_per_effective"] == 3.0
    assert [r["outcome"] for r in found] == ["finished", "finished", "cap: CPU s"]
    assert len(rows.runs([old, row(method="nautilus")])) == 1


def test_the_history_that_is_kept_can_be_read():
    from frame import rows

    found = rows.runs(rows.read())
    assert {"skerry", "nautilus", "ultranest"} <= {r["method"] for r in found}
    assert all("outcome" in r for r in found)


def test_tables_show_failures_as_failures():
    from frame import tables

    runs = [row(), row(method="peer", **FAILED), row(method="peer", seed=1, calls=20_000)]
    text = tables.problem_tables(runs, ("corners", "not run"))
    assert "not run" not in text
    lines = text.splitlines()
    assert " | CPU s | likelihood + training + compile + rest | " in lines[2]
    assert lines[4].startswith("| skerry | 1 | 13,000 | 1.30 | 1.0 | 0.1 + 0.0 + 0.0 + 0.9 | ")
    assert "1 x crash: ValueError: a / b c; 1 x finished" in lines[5]
    assert "| 0 of 4 |" in lines[5]
    capped = row(outcome="cap: calls", lost_modes=[1, 2])
    assert "2 of 4 | cap: calls, judged as it was" in tables.problem_tables([capped], ("corners",))
    empty = tables.without_empty(["a", "b"], [["-", "1"], ["-", "-"]])
    assert empty == (["b"], [["1"], ["-"]])


def test_where_a_peer_is_ahead_it_is_said():
    from frame.summary import peers_ahead

    runs = [
        row(),
        row(method="good", calls_per_effective=1.1, cpu_s=3.0),
        row(method="blind", calls_per_effective=0.5, lost_modes=[0]),
        row(method="broken", **FAILED),
    ]
    assert peers_ahead(runs) == ["corners, good: calls per effective sample 1.1, Skerry's 1.3"]
    assert len(peers_ahead([row(mass_error=0.003), row(method="good", mass_error=0.001)])) == 1
    assert peers_ahead([row(mass_error=3e-15), row(method="good", mass_error=1e-16)]) == []


def test_the_cost_of_a_likelihood_is_added_not_run():
    from frame import tables

    text = tables.cost_table([row(), row(method="slow", cpu_s=100.0)], "corners")
    assert "| skerry | 13,000 | 10,000 | 0.9 |" in text
    assert text.splitlines()[2].endswith("| 13,001 |")


def test_the_report_is_written_from_rows_alone(tmp_path):
    from frame import report

    runs = [row(f"dimension_{d}", m, cpu_s=d) for d in (2, 3, 5) for m in ("skerry", "peer")]
    report.write([*runs, row()], tmp_path)
    text = (tmp_path / "benchmarks_tables.md").read_text()
    assert "| 5 | peer |" in text
    assert "(images/bench_dimension.svg)" in text
    picture = (tmp_path / "images" / "bench_dimension.svg").read_text()
    assert picture.startswith("<?xml")
    report.write([*runs, row()], tmp_path)
    assert (tmp_path / "images" / "bench_dimension.svg").read_text() == picture


def training(method, **rest):
    found = {"kind": "amortised", "task": "two_moons", "method": method, "n_simulations": 1000}
    found |= {"seed": 0, "outcome": "finished", "train_cpu_s": 30.0, "raw_c2st": [0.5, 0.6]}
    return found | rest


def test_amortised_tables_say_when_training_pays(tmp_path):
    from frame import many, report

    rows = [
        training("skerry", refine_cpu_s=[0.5, 0.5], refine_calls=[8, 10], compile_s=9.0),
        training("each", n_simulations=0, train_cpu_s=0.0, refine_cpu_s=[2.0], raw_c2st=None),
        training("peer", outcome="crash", message="ImportError: no", raw_c2st=None),
    ]
    text = many.table(rows).splitlines()
    assert "| 1,000 | peer | 0 | 30 (-) | - |" in text[2]
    assert text[2].endswith("crash: ImportError: no |")
    assert "30 (9) | 0.550 | - | 9 | 0.50 |" in text[3]
    assert "| 30 / 2 s | 35 / 20 s | 80 / 200 s |" in many.paying(rows)
    assert "| 20 observations |" in many.paying(rows)
    slower = [training("skerry", refine_cpu_s=[3.0]), rows[1]]
    assert "| never |" in many.paying(slower)
    report.write(rows, tmp_path)
    assert "When training pays" in (tmp_path / "benchmarks_tables.md").read_text()


def test_a_training_is_measured_step_by_step():
    from frame import amortised

    from skerry.tasks import amortised as many

    task = many.get("two_moons")

    class Trained:
        def sample(self, x, n, seed):
            return np.array([task.sample(one, n, seed) for one in x])

    class Broken(Trained):
        def refine(self, x, n_effective, seed):
            raise RuntimeError("no likelihood")

    spec = {"n_simulations": 10, "seed": 0, "observations": [1, 2], "draws": 300}
    spec |= {"n_effective": 100, "max_cpu": 60.0}
    method = types.SimpleNamespace(prepare=lambda clock: None, train=lambda *_: Trained())
    about, found = amortised.run(spec, method, task)
    assert about["outcome"] == "finished"
    assert found["raw"].shape == (2, 300, 2)
    assert max(amortised.judged(task, spec, found)["raw_c2st"]) < 0.6
    method.train = lambda *_: Broken()
    about, found = amortised.run(spec, method, task)
    assert about["message"] == "RuntimeError: no likelihood"
    assert "raw" in found


SEEDS, NAMES = 5, ("corners", "eggbox", "mixture", "bananas")


def values(rng, calls=1.0, errors=1.0, lost=0, failed=0):
    """A problem's runs, made up: calls within 3%, errors as large as they should be."""
    n = SEEDS
    z = errors * rng.standard_normal(n)
    made = [
        row(
            calls_per_effective=1.5 * calls * np.exp(0.03 * rng.standard_normal()),
            log_evidence_z=float(z[i]),
            log_evidence_stated_error=0.003 * np.exp(0.1 * rng.standard_normal()),
            mass_z=float(errors * np.abs(rng.standard_normal(3)).max()),
            sliced_w=np.exp(0.2 * rng.standard_normal()),
            lost_modes=[1] if i < lost else [],
            outcome="crash" if i >= n - failed else "finished",
        )
        for i in range(n)
    ]
    from frame import guard

    return guard.values(made)


def history(seed, **spoiled):
    """All problems; the first of them spoiled, or all of them with ``everywhere``."""
    rng = np.random.default_rng(seed)
    everywhere = spoiled.pop("everywhere", False)
    return {n: values(rng, **(spoiled if everywhere or n == NAMES[0] else {})) for n in NAMES}


def worse(accepted, new):
    from frame import guard

    return [(f.problem, f.measure) for f in guard.compare(accepted, new) if f.worse]


def test_noise_is_no_regression():
    alarms = [bool(worse(history(s), history(10_000 + s))) for s in range(100)]
    # at most 1% is meant; 0.05 is 1% + 4 standard errors
    assert np.mean(alarms) <= 0.05


def test_the_same_numbers_are_no_regression():
    assert worse(history(1), history(1)) == []


@pytest.mark.parametrize(
    ("spoiled", "expected"),
    [
        ({"lost": 1}, ("corners", "lost")),
        ({"failed": 1}, ("corners", "failed")),
        ({"calls": 1.2}, ("corners", "calls_per_effective")),
        ({"calls": 1.08, "everywhere": True}, ("all problems", "calls_per_effective")),
        ({"errors": 4.0, "everywhere": True}, ("all problems", "log_evidence_z")),
        ({"errors": 4.0, "everywhere": True}, ("all problems", "mass_z")),
        ({"errors": 100.0}, ("corners", "log_evidence_z")),
        ({"errors": 30.0}, ("corners", "far")),
    ],
)
def test_a_regression_is_caught(spoiled, expected):
    caught = [expected in worse(history(s), history(500 + s, **spoiled)) for s in range(10)]
    assert np.mean(caught) >= 0.9


def test_small_and_good_changes_are_no_regressions():
    accepted = history(3)
    constant = {name: {**v, "calls_per_effective": [1.5] * SEEDS} for name, v in accepted.items()}
    a_little = {name: {**v, "calls_per_effective": [1.54] * SEEDS} for name, v in accepted.items()}
    a_lot = {name: {**v, "calls_per_effective": [1.7] * SEEDS} for name, v in accepted.items()}
    assert worse(constant, a_little) == []
    assert worse(a_lot, constant) == []
    assert ("corners", "calls_per_effective") in worse(constant, a_lot)


def test_the_guard_says_what_got_worse_and_by_its_exit_code(tmp_path, monkeypatch, capsys):
    from frame import quick

    path = tmp_path / "history.jsonl"
    about = {"kind": "quick", "time": "now", "commit": "0" * 40}
    measured = types.SimpleNamespace(problems=history(1))
    monkeypatch.setattr(quick, "measured", lambda: about | {"problems": measured.problems})
    assert quick.main(path, accept=False) == 0
    assert "no accepted row" in capsys.readouterr().out
    assert not path.exists()
    assert quick.main(path, accept=True) == 0
    assert quick.main(path, accept=False) == 0
    assert "Nothing got worse" in capsys.readouterr().out
    measured.problems = history(2, calls=1.3)
    assert quick.main(path, accept=False) == 1
    said = capsys.readouterr().out
    assert "WORSE  corners: calls per effective sample 1.5" in said
    assert quick.main(path, accept=True) == 0
    assert quick.main(path, accept=False) == 0
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds == ["quick", "quick"]


def test_the_guard_judges_trainings_too():
    """A row without them, from before, is no obstacle; raw draws that got worse are seen."""
    from frame import guard

    def trained(excess):
        rows = [
            {"outcome": "finished", "calls_per_effective": 1.2, "raw_excess": excess * shift}
            for shift in (0.95, 1.0, 1.05)
        ]
        return {"moons": guard.values(rows)}

    before = {name: dict(v) for name, v in trained(0.07).items()}
    assert worse(before, trained(0.071)) == []
    assert ("moons", "raw_excess") in worse(before, trained(0.14))
    del before["moons"]["raw_excess"]
    assert worse(before, trained(0.14)) == []


def test_exact_draws_show_nothing_to_a_classifier(monkeypatch):
    """The bound on a classifier, from draws whose density is known."""
    from frame import trained

    class Normal:
        def __init__(self, width):
            self.width = width

        def sample(self, x, n, seed):
            return self.width * np.random.default_rng(seed).standard_normal((n, 1))

        def log_prob(self, theta, x=None):
            z = np.ravel(theta) / self.width
            return -0.5 * z**2 - np.log(self.width) - 0.5 * np.log(2 * np.pi)

        def log_likelihood(self, theta, x):
            return np.zeros(len(theta))

    task = types.SimpleNamespace(
        problem=types.SimpleNamespace(log_likelihood=Normal(1).log_likelihood, prior=Normal(1.0))
    )
    assert trained.excess(task, Normal(1.0), None) < 1e-9
    # TV of N(0, 1) and N(0, 1.5^2) is 0.1936; half of it, within 5 standard errors
    assert trained.excess(task, Normal(1.5), None) == pytest.approx(0.0968, abs=0.004)
