"""The report: its verdict, its parts, that it stands alone, how a browser takes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

import skerry
from made_up import made_up
from pages import Page
from skerry import report
from skerry.errors import InputError
from skerry.posterior import Failed, Round, Search, Status
from skerry.report._numbers import between, measured

ROUNDS = (
    Round("prior", 500, 0.0, 800, 40.0, 0.05, 2, -3.9, 1.3),
    Round("explore", 600, 0.6, 1500, 300.5, 0.6, 2, -3.5, 0.4),
    Round("final", 900, 1.0, 2500, 900.5, 0.9, 2, -3.5, 0.3),
)
EVIL = "<b>&\"'"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which is not installed")


def whole(ndim=2, **changes):
    """A posterior of two islands with all that a report may show."""
    base = made_up(ndim, [0.7, 0.3])
    about = {
        "rounds": ROUNDS,
        "search": Search(40, (30, 10)),
        "settings": {"scheme": "adaptive", "n_effective": 1000.0, "seed": "7", "versions": "a 1"},
        "n_failed": 3,
        "failed": Failed(np.zeros((3, ndim)), ("a nan", "a nan", "too slow")),
    }
    return replace(base, **{**about, **changes})


@pytest.fixture(scope="module")
def text():
    about = report.About(
        title=f"Posterior of {EVIL}",
        command=f"skerry infer '{EVIL}.py' --seed 7",
        settings={"problem": f"/data/{EVIL}.py"},
    )
    return report.compose(whole(names=(f"mass {EVIL}", "b")), about)


def test_the_verdict_comes_first_in_plain_words(text):
    read = Page(text).text
    places = [
        read.index(part)
        for part in (
            "Usable, with larger errors than asked for.",
            "2 islands: A holds 70 ± 3 % and B holds 30.0 ± 1.2 % of the posterior.",
            "Fewer effective samples than asked for",
            "For more, spend more likelihood calls.",
            "Effective samples 200 1,000 asked for",
            "The islands",
        )
    ]
    assert places == sorted(places)


def test_every_part_is_there(text):
    read = Page(text).text
    for part in (
        "island mass mass <b>&\"' b log evidence samples A 70 ± 3 %",
        "68 % interval 95 % interval",
        "log Z = 0.00 ± 0.10",
        "Errors of all estimates fall with its root. Spend more likelihood calls. look 200 1,000",
        "Tail of the weights, Pareto k-hat fine 0.30 0.7 or less",
        "40 local climbs looked for islands",
        "A 30, B 10",
        "1 explore 600 1,500 0.6 300 0.60 2 -3.500 0.40",
        "a nan 2",
        "versions a 1",
        "seed 7",
        "skerry infer '<b>&\"'.py' --seed 7",
    ):
        assert part in read, part


def test_the_page_stands_alone_and_escapes_what_it_is_told(text):
    read = Page(text)
    assert {"script", "link", "b", "iframe"}.isdisjoint(read.tags)
    assert all(link.startswith("#") for link in read.links)
    assert all(image["src"].startswith("data:image/png;base64,") for image in read.images)
    assert "url(" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_pictures_have_words_and_contents_lead_somewhere(text):
    read = Page(text)
    assert len(read.images) == 4  # corner, weights, persistence, rounds
    assert all(len(image["alt"]) > 30 for image in read.images)
    assert len(read.links) > 6
    assert all(f'id="{link[1:]}"' in text for link in read.links)


@pytest.mark.slow
def test_the_same_posterior_gives_the_same_page(tmp_path):
    p = whole()
    p.save(tmp_path / "p.npz")
    assert report.compose(p) == report.compose(skerry.load(tmp_path / "p.npz"))


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_headline_a_finding_and_advice(status):
    banner = report.verdict(whole(status=status))
    assert banner.headline.endswith(".")
    words = dict(banner.points)
    assert words["Trust"] == status.finding
    assert words["Do"]
    assert f"{status.finding} {status.advice}".strip() == status.value
    assert (banner.tone == "good") == (status is Status.CONVERGED)


def test_the_verdict_names_each_check_that_failed():
    words = dict(report.verdict(whole(n_failed=300)).points)
    assert words["Look at"].startswith("effective samples, 200 (1,000 or more); ")
    assert "likelihood calls that failed, 300 of 8,000 (1 % or less)" in words["Look at"]
    fine = whole(settings={"n_effective": 100.0})
    assert "Look at" not in dict(report.verdict(fine).points)


def test_draws_that_no_likelihood_has_weighed_pass_no_check_of_weights():
    p = replace(whole(), n_calls=0, n_failed=0, failed=None, khat=0.0, status=Status.UNCHECKED)
    read = Page(report.compose(p)).text
    assert "draws, not weighed" in read
    assert "the likelihood has seen none" in read
    assert "Weights by the likelihood" in read
    assert "Pareto k-hat" not in read
    assert "Effective sample size:" not in read


def test_heads_of_tables_break_after_underscores():
    text = report.compose(whole(names=("a_long_<name>", "b")))
    assert "a_<wbr>long_<wbr>&lt;name&gt;</th>" in text


def test_a_bare_posterior_has_a_page_too(tmp_path):
    bare = replace(made_up(1, [1.0]), topology=None, log_evidence=np.nan, khat=np.nan)
    path = report.write(bare, tmp_path / "r.html")
    read = Page(path.read_text("utf-8")).text
    for part in (
        "One island, which holds all of the posterior.",
        "The evidence is not known",
        "Nobody searched",
    ):
        assert part in read
    assert "How it went" not in read
    assert "Calls that failed" not in read
    assert "nan" not in read
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_many_parameters_and_islands_are_cut_and_it_is_said():
    masses = np.geomspace(1, 1e-3, 45)
    p = made_up(9, list(masses / masses.sum()), n=20)
    rows = report.islands_section(p).table
    assert len(rows.rows) == 25
    assert "20 islands with" in rows.caption
    from skerry.report._islands import chosen_parameters

    assert len(chosen_parameters(p)) == 7


def test_the_parameters_shown_are_those_that_tell_islands_apart():
    from skerry.report._islands import chosen_parameters

    p = made_up(9, [0.5, 0.5])
    modes = [replace(m, location=m.location * (np.arange(9) != 4)) for m in p.modes]
    assert "p4" not in chosen_parameters(replace(p, modes=tuple(modes)))


def test_intervals_on_a_circle_dont_cross_the_seam(monkeypatch):
    from skerry.report import _islands

    p = made_up(1, [1.0])
    values = np.mod(0.2 * np.random.default_rng(0).standard_normal(400), 2 * np.pi)
    p = replace(p, samples=values[:, None], names=("phase",))
    circle = skerry.plot.Circle(0.0, 2 * np.pi)
    monkeypatch.setattr(_islands, "circles", lambda _: (circle,))
    row = _islands._parameters(p).rows[0]
    low, high = map(float, row[3].split(" to "))
    assert high - low == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23456, 0.0123, "1.235 ± 0.012"),
        (-20.0, 3.0, "-20.0 ± 3.0"),
        (1234.5, 120.0, "1234 ± 120"),
        (1.234e-7, 1.2e-8, "(1.23 ± 0.12)e-07"),
        (2.0, np.nan, "2"),
        (np.nan, 1.0, "–"),
        (0.0, 0.5, "0.00 ± 0.50"),
        (-0.001, 0.5, "0.00 ± 0.50"),
    ],
)
def test_numbers_have_two_digits_of_their_error(value, error, text):
    assert measured(value, error) == text


def test_intervals_tell_their_ends_apart():
    assert between(0.123456, 0.123567) == "0.123456 to 0.123567"
    assert between(1.0, 1.0) == "1 to 1"


def test_only_posteriors_are_reported_on():
    with pytest.raises(InputError, match="Expected a posterior; got dict"):
        report.compose({})


def test_marks_take_colours_only():
    with pytest.raises(InputError, match="#rrggbb"):
        report.Mark("A", 'red" onload="x')


MEASURE = """
<script>
addEventListener("load", () => {
  const images = [...document.images];
  const style = getComputedStyle(document.body);
  document.documentElement.dataset.found = JSON.stringify({
    loaded: images.filter(i => i.complete && i.naturalWidth > 200).length,
    wide: document.documentElement.scrollWidth - innerWidth,
    away: performance.getEntriesByType("resource").map(e => e.name)
      .filter(n => !n.startsWith("data:")),
    paper: style.backgroundColor, ink: style.color,
    reachable: document.querySelectorAll("a[href], [tabindex='0']").length,
    unnamed: [...document.querySelectorAll("[tabindex='0'], nav")]
      .filter(e => !e.getAttribute("aria-label")).length,
  });
});
</script>
"""


def opened(path, folder, width=1200, *flags):
    """The page as Chromium shows it: its DOM, and what it wrote on the console."""
    found = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
            f"--user-data-dir={folder}", f"--window-size={width},900", *flags, "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout, [line for line in found.stderr.splitlines() if "CONSOLE" in line]


def measured_page(text, tmp_path, width, *flags):
    """What a script of the test's own finds on the page."""
    start = text.index('<meta http-equiv="Content-Security-Policy"')
    open_text = text[:start] + MEASURE + text[text.index(">", start) + 1 :]
    path = tmp_path / "measured.html"
    path.write_text(open_text, "utf-8")
    dom, console = opened(path, tmp_path / "profile", width, *flags)
    assert console == []
    start = dom.index('data-found="') + len('data-found="')
    return json.loads(dom[start : dom.index('"', start)].replace("&quot;", '"'))


@browser
def test_chromium_shows_it_on_a_telephone(text, tmp_path):
    found = measured_page(text, tmp_path, 420)
    assert found["loaded"] == 4
    assert found["wide"] <= 0
    assert found["away"] == []
    assert found["unnamed"] == 0
    assert found["reachable"] > 12


@browser
@pytest.mark.slow
def test_chromium_shows_it_in_the_dark_and_on_a_desk(text, tmp_path):
    dark = measured_page(text, tmp_path, 1200, "--blink-settings=preferredColorScheme=0")
    light = measured_page(text, tmp_path, 1200, "--blink-settings=preferredColorScheme=1")
    assert dark["wide"] <= 0
    assert dark["paper"] == "rgb(21, 25, 29)"
    assert light["paper"] == "rgb(251, 251, 249)"


@browser
@pytest.mark.slow
def test_chromium_has_nothing_to_say_about_it(text, tmp_path):
    """Under its own policy, which forbids scripts and the network."""
    path = tmp_path / "report.html"
    path.write_text(text, "utf-8")
    dom, console = opened(path, tmp_path / "profile")
    assert console == []
    assert dom.count("<img") == 4
    assert "How it was made" in dom
