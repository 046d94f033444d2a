"""The demonstration writes a page that stands alone, and says the truth about itself."""

from __future__ import annotations

import numpy as np
import pytest

import skerry
from pages import Page
from skerry import demo
from skerry.errors import InputError
from skerry.report import Banner, Link, Section, Table, page, picture


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    stages = []
    out = tmp_path_factory.mktemp("demo") / "new" / "folder"
    result = demo.run(out, seed=1, size="quick", progress=lambda stage, *_: stages.append(stage))
    assert {"modes and islands", "training"} <= set(stages)
    assert any(stage.startswith("round 1") for stage in stages)
    return result


@pytest.mark.slow
def test_everything_is_in_the_folder(found):
    names = {path.name for path in found.page.parent.iterdir()}
    assert names == {
        "index.html",
        "posterior.npz",
        "summary.txt",
        "islands.png",
        "persistence.png",
        "diagnostics.png",
        "bridges.png",
    }
    for path in found.page.parent.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    loaded = skerry.load(found.page.parent / "posterior.npz")
    assert np.array_equal(loaded.samples, found.posterior.samples)


@pytest.mark.slow
def test_the_page_stands_alone(found):
    read = Page(found.page.read_text("utf-8"))
    assert "script" not in read.tags
    assert "link" not in read.tags
    assert all(image["src"].startswith("data:image/png;base64,") for image in read.images)
    assert all(len(image["alt"]) > 30 for image in read.images)
    assert len(read.images) == 5
    assert [link for link in read.links if not link.startswith("#")] == [
        "https://arxiv.org/abs/1606.02266",
        "https://www.hepdata.net/record/ins1468068",
        "https://arxiv.org/abs/2512.04954",
    ]
    assert "url(" not in found.page.read_text("utf-8")


@pytest.mark.slow
def test_the_page_says_what_it_is_and_how_it_ended(found):
    text = Page(found.page.read_text("utf-8")).text
    assert "Correlations between the measurements are left out" in text
    assert "not an official result" in text
    p = found.posterior
    assert not p.converged  # 6,000 calls are too few for what is asked
    assert p.status.finding in text
    assert p.status.advice in text
    assert f"Effective samples {p.n_effective:,.0f} 10,000 asked for" in text
    assert f"Likelihood calls {p.n_calls:,}" in text


@pytest.mark.slow
def test_masses_stand_beside_the_exact_ones(found):
    text = Page(found.page.read_text("utf-8")).text
    assert "26.82 %" in text
    assert "0.3943 %" in text
    assert "kt < 0, kb > 0, ktau < 0" in text


@pytest.mark.slow
def test_one_flow_has_bridges_and_the_mixture_has_far_less(found):
    assert found.bridges["one flow"] > 0.05
    assert found.bridges["flow mixture"] < 0.5 * found.bridges["one flow"]
    assert abs(found.bridges["exact draws"]) < 0.001


@pytest.mark.parametrize(
    ("options", "text"), [({"size": "huge"}, "'full' or 'quick'"), ({"task": "corners"}, "Higgs")]
)
def test_other_sizes_and_tasks_are_refused(tmp_path, options, text):
    with pytest.raises(InputError, match=text):
        demo.run(tmp_path, **options)


def test_names_are_escaped():
    evil = "<script>alert('&')</script>"
    from matplotlib.figure import Figure

    sections = [
        Section(
            evil,
            (evil,),
            (picture(Figure((1, 1)), f'"{evil}', evil),),
            Table((evil, evil), [(evil, "1")], evil),
            evil,
        )
    ]
    links = (Link(evil, 'https://example.org/"onclick="x'),)
    text = page(evil, sections, lead=evil, banner=Banner(evil, "good"), links=links, footer=evil)
    read = Page(text)
    assert "script" not in read.tags
    assert read.text.count(evil) == 14
    assert read.images[0]["alt"] == f'"{evil}'


def test_links_lead_to_https_and_rows_fit_their_head():
    with pytest.raises(InputError, match="https"):
        Link("a", "javascript:alert(1)")
    with pytest.raises(InputError, match="rows of 2 cells"):
        Table(("a", "b"), [("1",)])


def test_the_same_figure_gives_the_same_bytes():
    from matplotlib.figure import Figure

    figure = Figure((2, 1))
    figure.subplots().plot([1, 2])
    assert picture(figure, "a line").png == picture(figure, "a line").png
