"""The pages: their snippets run, what they cite is there, and every public name has its place."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from pathlib import Path

import pytest

import skerry
from two_islands import needs

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {
    "guides/amortise": (),
    "guides/calibrate": (),
    "guides/chains": ("getdist", "h5netcdf"),
    "guides/compare": (),
    "guides/failures": (),
    "guides/many-cores": (),
    "guides/priors": ("bilby",),
    "guides/resume": (),
    "guides/saving": (),
    "guides/thoroughness": (),
    "coming-from": ("dynesty", "nautilus", "emcee"),
    "what-can-go-wrong": (),
}
CITED = re.compile(r":eq:`([^`]+)`|\{eq\}`([^`]+)`")
LABELS = re.compile(r"^.*\$\$ \(([\w-]+)\)$", re.MULTILINE)


def blocks(text, fence="```python"):
    """The blocks of a page, each with the number of lines before it."""
    found = re.finditer(rf"^{re.escape(fence)}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start(1)), m.group(1)) for m in found]


def cases():
    for page, packages in PAGES.items():
        yield pytest.param(page, id=page, marks=[pytest.mark.slow, needs(*packages)])


@pytest.mark.parametrize("page", list(cases()))
def test_snippets_of_a_page_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = DOCS / f"{page}.md"
    namespace = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages
        for line, code in blocks(path.read_text()):
            if "import torch" in code and "torch" not in sys.modules:
                continue  # sbi is not among what is installed for tests
            exec(compile("\n" * line + code, str(path), "exec"), namespace)


def test_every_page_with_python_is_run_somewhere():
    built = {path for path in DOCS.rglob("*.md") if "```{code-cell}" in path.read_text()}
    tested = {DOCS / f"{page}.md" for page in PAGES} | {DOCS / "interop.md"}
    for path in [*DOCS.glob("*.md"), *DOCS.glob("guides/*.md"), *DOCS.glob("tutorials/*.md")]:
        plain = [code for _, code in blocks(path.read_text())]
        if plain and path not in tested | built:
            assert path.stem in NOT_RUN, f"{path}: its snippets are run nowhere"


NOT_RUN = {
    "index",  # a glimpse of the start page
    "explore", "file-mode", "finding-modes",  # parts of what their own tests run
}  # fmt: skip


def equations():
    return LABELS.findall((DOCS / "method.md").read_text())


def test_every_equation_has_a_label_of_its_own():
    text = (DOCS / "method.md").read_text()
    displayed = len(re.findall(r"^\$\$", text, re.MULTILINE))
    assert len(equations()) == len(set(equations())) == displayed > 20


@pytest.mark.parametrize("folder", ["src/skerry", "docs"])
def test_every_equation_that_is_cited_exists(folder):
    known, cited = set(equations()), set()
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in (".py", ".md"):
            cited |= {a or b for a, b in CITED.findall(path.read_text())}
    assert cited
    assert cited <= known


def test_a_citation_of_nothing_would_be_seen():
    assert CITED.findall("see :eq:`no-such` or {eq}`nor-this`") == [
        ("no-such", ""),
        ("", "nor-this"),
    ]
    assert LABELS.findall("$$ a = b $$ (label)\n$$ c $$\n") == ["label"]


def test_every_public_name_has_its_place_in_the_reference():
    pages = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    whole = set(re.findall(r"automodule:: (skerry[\w.]*)", pages))
    named = set(re.findall(r"auto(?:class|function):: (skerry[\w.]*)", pages))
    for name in skerry.__all__:
        if inspect.ismodule(getattr(skerry, name)):
            assert f"skerry.{name}" in whole, f"skerry.{name} is not in docs/reference"
        elif name != "__version__":
            assert f"skerry.{name}" in named, f"skerry.{name} is not in docs/reference"


def test_a_picture_shows_itself_in_a_notebook():
    figure = skerry.plot.evidences({"a": (0.0, 0.1), "b": (-1.0, 0.1)})
    assert figure._repr_png_().startswith(b"\x89PNG")
