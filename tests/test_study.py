"""The study: rows that add up, runs that go on where they stopped, figures of one size."""

import csv

import numpy as np
import pytest

from skerry import Training, tasks
from skerry.errors import InputError
from skerry.study import FULL, QUICK, Plan, run
from skerry.study import _records as records
from skerry.study._measure import MEASURES, measures
from skerry.study._plan import AFFINE, SHOWN
from skerry.study._records import COLUMNS, Row, read
from skerry.study._work import draw, n_for

TINY = Plan(
    name="tiny",
    targets=("two_moons",),
    sizes=(40,),
    n_seeds=2,
    variants=(AFFINE[0], AFFINE[2]),
    training=Training(max_epochs=2, steps=5, batch=64),
    n_draws=500,
    n_pairs=200,
    n_pilot=20_000,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    said = []
    result = run(folder, size=TINY, workers=1, progress=lambda *event: said.append(event))
    return result, said


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def row(**changes):
    values = {"str": "a", "int": 1, "float": 0.5}
    start = {n: values[t] for n, t in Row.__annotations__.items()}
    return Row(**{**start, **changes})


def test_the_table_has_a_row_for_each_run_and_one_for_exact_draws(tiny):
    result, said = tiny
    rows = lines(result.table)
    assert tuple(rows[0]) == COLUMNS
    runs = {(r["seed"], r["variant"]) for r in rows}
    labels = ("exact draws", "Gaussian base", "flow mixture")
    assert runs == {(seed, label) for seed in "01" for label in labels}
    assert len(rows) == 6
    assert said == [("study", 1, 2), ("study", 2, 2)]
    for r in rows:
        assert all(np.isfinite(float(r[name])) for name in MEASURES), r
    assert all(p.stat().st_size > 10_000 for p in result.figures)
    assert {p.name for p in result.figures} == {"two_moons.png", "decline.png"}


def test_a_second_run_repeats_nothing_and_a_lost_row_alone_is_made_again(tiny):
    result, _ = tiny
    before = result.table.read_text()
    said = []
    again = {"size": TINY, "workers": 1, "progress": lambda *event: said.append(event)}
    run(result.table.parent, **again)
    assert result.table.read_text() == before
    assert said == []
    result.table.write_text(before[: before.rindex("flow mixture") + 3])  # as if cut by a crash
    run(result.table.parent, **again)
    kept = [name for name in COLUMNS if not name.endswith("seconds")]
    redone = {r.key: [getattr(r, name) for name in kept] for r in read(result.table)}
    result.table.write_text(before)
    whole = {r.key: [getattr(r, name) for name in kept] for r in read(result.table)}
    assert redone.keys() == whole.keys()
    assert len(lines(result.table)) == 6
    assert said == [("study", 2, 2)]
    np.testing.assert_equal(redone, whole)


@pytest.mark.slow
def test_processes_change_no_number(tiny, tmp_path):
    result, _ = tiny
    other = run(tmp_path, size=TINY, workers=2)
    kept = [name for name in COLUMNS if not name.endswith("seconds")]
    here, there = (
        {r.key: [getattr(r, name) for name in kept] for r in read(path)}
        for path in (result.table, other.table)
    )
    np.testing.assert_equal(there, here)


def test_the_tables_medians_are_those_of_the_csv(tiny):
    result, _ = tiny
    table = [line.split("|")[1:-1] for line in result.markdown.read_text().splitlines()]
    table = [[cell.strip() for cell in line] for line in table if len(line) > 3]
    header, body = table[0], {line[0]: line for line in table[2:]}
    rows = lines(result.table)
    for label in ("Gaussian base", "flow mixture"):
        for name, title in MEASURES.items():
            values = [float(r[name]) for r in rows if r["variant"] == label]
            shown = body[label][header.index(title)].split(" ")[0]
            assert shown == f"{np.median(values):.3g}"


def test_the_table_shows_least_and_greatest(tmp_path):
    rows = [row(seed=i, forward_kl=v) for i, v in enumerate([0.3, 0.1, 0.2])]
    records.write_markdown(tmp_path / "t.md", rows, "Title")
    assert "| 0.2 (0.1 to 0.3) |" in (tmp_path / "t.md").read_text()


def test_rows_survive_the_file(tmp_path):
    rows = [row(status="a, b\nc", forward_kl=float("inf")), row(seed=2, khat=float("nan"))]
    for r in rows:
        records.append(tmp_path / "t.csv", [r])
    np.testing.assert_equal([vars(r) for r in read(tmp_path / "t.csv")], [vars(r) for r in rows])


def test_a_folder_of_another_plan_is_refused(tiny):
    result, _ = tiny
    with pytest.raises(InputError, match="another plan or seed; choose another folder"):
        run(result.table.parent, size=TINY, seed=5, workers=1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size": "huge"}, "Expected size 'quick', 'full' or a skerry.study.Plan; got 'huge'"),
        ({"workers": 0}, "Expected workers, an int >= 1; got 0"),
        ({"seed": -1}, "Expected seed, an int >= 0; got -1"),
    ],
)
def test_bad_settings_are_named(tmp_path, settings, text):
    with pytest.raises(InputError, match=text):
        run(tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [40, 400])
def test_points_have_about_the_effective_size_asked_for(size):
    task = tasks.get("two_moons")
    found = [draw(task, n_for(task, size, 50_000), s) for s in seeds(20)]
    sizes = [1 / np.sum(shares(p.log_likelihood) ** 2) for p in found]
    assert np.mean(sizes) == pytest.approx(size, rel=0.2)


def test_points_left_out_hold_no_weight():
    task = tasks.get("two_moons")
    (seed,) = seeds(1)
    points = draw(task, 200_000, seed)
    every = task.problem.prior.sample(200_000, seed.child(0))
    log_l = task.problem.log_likelihood(every)
    assert len(points.theta) < 100_000
    lost = 1 - np.exp(points.log_likelihood - log_l.max()).sum() / np.exp(log_l - log_l.max()).sum()
    assert 0 <= lost < 2e-6
    np.testing.assert_array_equal(points.log_likelihood, task.problem.log_likelihood(points.theta))


def test_measures_see_a_bridge_and_a_lost_mode():
    task = tasks.get("corners")
    exact = task.sample(2000, 5)
    rng = np.random.default_rng(1)

    def score(drawn, log_q):
        return measures(task, drawn, log_q, n_pairs=300, seed=next(iter(seeds(1))))

    perfect = score(exact, task.log_prob)
    assert perfect["forward_kl"] == 0
    assert perfect["ess_share"] == pytest.approx(1)
    lost = exact[task.label(exact) > 0]
    assert score(lost, task.log_prob)["mass_error"] > 0.15
    prior = task.problem.prior
    wide = score(prior.sample(2000, rng), prior.log_prob)
    assert wide["bridge_mass"] > 0.5
    assert wide["forward_kl"] > 1
    assert wide["w1"] > perfect["w1"]


def test_plans_hold_what_figures_show():
    for plan in (QUICK, FULL):
        assert set(SHOWN) <= set(plan.variants)
        keys = [v.key for v in (*plan.variants, *plan.extra)]
        assert len(set(keys)) == len(keys)
        assert list(plan.sizes) == sorted(plan.sizes, reverse=True)
        assert set(plan.targets) <= set(tasks.names())


def seeds(n):
    from skerry._seeds import as_seed

    return [as_seed(3).child(i) for i in range(n)]


def shares(log_l):
    w = np.exp(log_l - log_l.max())
    return w / w.sum()
