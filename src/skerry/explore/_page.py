"""The page of one visitor: what was moved, what is shown, what is waited for."""

from __future__ import annotations

import base64
from functools import partial
from html import escape
from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import (
    Button,
    CheckboxGroup,
    ColumnDataSource,
    CustomJS,
    Div,
    FileInput,
    InlineStyleSheet,
    Select,
)

from skerry._seeds import SeedLike
from skerry.errors import SkerryError
from skerry.explore import _words
from skerry.explore._figures import HEIGHT, LOW, Figures, choices
from skerry.explore._letters import Letters, follow
from skerry.explore._numbers import plain_label
from skerry.explore._picture import (
    NOTHING,
    Picture,
    View,
    close_range,
    overlay,
    picture,
    prior_ranges,
    telling_pair,
)
from skerry.explore._raw import Raw, Source, raw
from skerry.explore._refined import Answer, Refiner, matched
from skerry.explore._sliders import Sliders
from skerry.explore._subject import Subject
from skerry.explore._upload import read_upload
from skerry.explore._words import Standing

REST = 350  # milliseconds without a move after which it is refined
SMALL = 0.05  # a mass that a plain density hides
NARROW = 0.2  # of the prior's range: a posterior that asks for closer axes
LOG, CLOSE, AUTO, FINE = range(4)
TICKS = (
    "Logarithmic densities",
    "Axes follow the posterior",
    "Refine when the sliders rest",
    "Fine sliders",
)
NAMED = """
for (const slider of sliders) {
  const view = Bokeh.index.find_one(slider)
  const handle = view?.shadow_el.querySelector('.noUi-handle')
  handle?.setAttribute('aria-label', slider.tags[0])
}
"""
FITTED = """
const narrow = matchMedia('(max-width: 56rem)')
const fit = () => {
  for (const panel of panels) panel.height = narrow.matches ? small : large
}
narrow.addEventListener('change', fit)
fit()
"""


class Page:
    """One visitor's page.

    Args:
        doc: the visitor's document.
        subject: what it is about.
        source: random numbers for the raw pictures.
        n_effective: effective samples to refine to.
        seed: of refinements.
    """

    def __init__(
        self, doc: Any, subject: Subject, source: Source, n_effective: float, seed: SeedLike
    ) -> None:
        self._doc, self._subject, self._source = doc, subject, source
        estimator = subject.estimator
        self._refinable = estimator.problem is not None
        self._refiner = Refiner(estimator, n_effective, seed)
        self._whole = prior_ranges(estimator.prior)
        self._names = [plain_label(name) for name in estimator.names]
        self._letters: Letters | None = None
        self._islands: tuple[int, ...] = ()
        self._moves = 0  # so that an answer to an earlier question is known as such
        self._pending, self._timer = False, None
        self._raw = raw(estimator, subject.x, source)
        self._view = self._first_view(self._raw)
        self._drawn: Picture | None = None
        self._standing = Standing("none")
        self._sheet = InlineStyleSheet(css=_words.part_of_page("widget.css"))
        part = InlineStyleSheet(css=_words.part_of_page("part.css"))
        html: Any = {"disable_math": True, "stylesheets": [part], "sizing_mode": "stretch_width"}
        self.words = ColumnDataSource({"place": [], "html": []}, name="words")
        self.told = Div(name="told", tags=[self.words], **html)
        self.figures = Figures(estimator.prior.ndim)
        self.sliders = Sliders(subject.numbers, self._sheet, self._move)
        self.ticks: Any = None
        self._compose()
        self._draw()

    def close(self) -> None:
        """Nobody is looking any more."""
        self._refiner.close(0.0)

    def _first_view(self, drawn: Raw) -> View:
        pair, narrow = telling_pair(drawn), False
        for k in pair:
            low, high = close_range(drawn.theta[:, k], drawn.shares, None)
            narrow |= high - low < NARROW * (self._whole[k][1] - self._whole[k][0])
        return View(pair, bool(drawn.masses.min() < SMALL), bool(narrow))

    def _compose(self) -> None:
        style: Any = {"stylesheets": [self._sheet]}
        pair = self._view.pair
        menus = [
            Select(title=title, options=choices(self._names), value=str(k), name=name, **style)
            for title, name, k in zip(("Across", "Up"), ("across", "up"), pair, strict=True)
        ]
        for axis, menu in enumerate(menus):
            menu.width = 150
            menu.on_change("value", partial(self._choose, axis))
        active = [LOG] * self._view.log + [CLOSE] * self._view.close + [AUTO] * self._refinable
        self.ticks = CheckboxGroup(
            labels=list(TICKS),
            active=active,
            inline=True,
            name="ticks",
            css_classes=["ticks"],
            sizing_mode="stretch_width",
            **style,
        )
        self.ticks.on_change("active", self._tick)
        shown = menus if len(self._names) > 1 else []
        bar = column(row(*shown), self.ticks, name="choices", sizing_mode="stretch_width")
        back = Button(label=f"Back to {self._subject.start}", name="back", **style)
        back.on_click(lambda: self._put(self._subject.x))
        refine = Button(label="Refine now", name="refine", disabled=not self._refinable, **style)
        refine.on_click(self._refine)
        file = FileInput(
            title="From a file: csv, npy or json", accept=".csv,.txt,.npy,.json", name="file",
            sizing_mode="stretch_width", **style,
        )  # fmt: skip
        file.on_change("value", partial(self._chosen, file))
        buttons = row(back, refine, styles={"flex-wrap": "wrap"}, sizing_mode="stretch_width")
        tools = column(buttons, file, self.told, name="tools", sizing_mode="stretch_width")
        named = CustomJS(args={"sliders": self.sliders.sliders}, code=NAMED)
        self._doc.js_on_event("document_ready", named)
        self._doc.js_on_event("document_ready", self._fitted())
        for slider in self.sliders.sliders:
            slider.js_on_change("tags", named)
        say = CustomJS(args={"words": self.words}, code=_words.part_of_page("say.js"))
        self.words.js_on_change("data", say)
        self._doc.js_on_event("document_ready", say)  # it may have been said before
        self._doc.js_on_event("document_ready", self.figures.receive)
        self._label()
        for root in (bar, self.figures.layout, tools, self.sliders.layout):
            self._doc.add_root(root)

    def _fitted(self) -> CustomJS:
        """Lower panels in a narrow window."""
        figures = self.figures
        panels = [figures.plane, figures.right] if len(self._names) > 1 else [figures.top]
        return CustomJS(args={"panels": panels, "small": LOW, "large": HEIGHT}, code=FITTED)

    def _move(self) -> None:
        """A number changed: draw soon, once for all changes that have come by then."""
        self._moves += 1
        self._refiner.forget()
        if not self._pending:
            self._pending = True
            self._doc.add_next_tick_callback(self._drawn_soon)

    def _drawn_soon(self) -> None:
        self._pending = False
        self._draw()

    def _put(self, x: Any) -> None:
        self.sliders.put(np.asarray(x, np.float64))
        self._letters = None
        self._moves += 1
        self._refiner.forget()
        self._draw()

    def _draw(self) -> None:
        """The raw picture of where the sliders stand."""
        subject = self._subject
        x = np.array(self.sliders.values)
        self._raw = raw(subject.estimator, x, self._source)
        shares = self._raw.component_shares
        self._islands, self._letters = follow(self._letters, self._raw.components, shares)
        state: _words.State = "none" if not self._refinable else "off"
        if self._refinable and AUTO in self.ticks.active:
            state = "waiting"
        self._doc.hold("combine")
        try:
            self._paint(Standing(state))
        finally:
            self._doc.unhold()
        if state == "waiting":
            self._rest()

    def _paint(self, standing: Standing) -> None:
        """All of the page anew."""
        self._standing = standing
        before = None if self._drawn is None else self._drawn.ranges
        drawn = picture(self._raw, self._islands, self._view, self._whole, before)
        self._drawn = drawn
        refined = standing.refined
        over = NOTHING if refined is None else overlay(refined, self._view, drawn)
        self.figures.show(drawn, over)
        self._write()

    def _write(self) -> None:
        subject, standing = self._subject, self._standing
        said = {
            "verdict": _words.verdict_html(self._raw, standing, subject),
            "islands": _words.table_html(self._raw, self._islands, subject, standing),
        }
        if standing.state not in ("waiting", "running"):
            said["spoken"] = escape(_words.spoken(self._raw, standing, subject))
        self.words.data = {"place": list(said), "html": list(said.values())}

    def _rest(self) -> None:
        if self._timer is not None:
            self._doc.remove_timeout_callback(self._timer)
        self._timer = self._doc.add_timeout_callback(self._rested, REST)

    def _rested(self) -> None:
        self._timer = None
        if self._standing.state == "waiting" and not self._pending:
            self._refine()

    def _refine(self) -> None:
        if not self._refinable:
            return
        self._standing = Standing("running")
        self._write()
        moves, doc = self._moves, self._doc

        def tell(answer: Answer) -> None:
            doc.add_next_tick_callback(partial(self._refined, moves, answer))

        self._refiner.ask(self._raw.x, tell)

    def _refined(self, moves: int, answer: Answer) -> None:
        if moves != self._moves or self._pending:
            return
        standing = Standing("failed", why=answer.why)
        if answer.posterior is not None:
            estimator = self._subject.estimator
            found = matched(answer.posterior, estimator, self._raw, self._islands, answer.seconds)
            standing = Standing("done", found)
        self._doc.hold("combine")
        try:
            self._paint(standing)
        finally:
            self._doc.unhold()

    def _choose(self, axis: int, _name: str, _old: str, new: str) -> None:
        pair = list(self._view.pair)
        pair[axis] = int(new)
        self._look(View((pair[0], pair[1]), self._view.log, self._view.close))

    def _tick(self, _name: str, old: list[int], new: list[int]) -> None:
        if (FINE in old) != (FINE in new):
            self.sliders.fine(FINE in new)
        if AUTO in new and AUTO not in old and self._standing.state == "off":
            self._refine()
        self._look(View(self._view.pair, LOG in new, CLOSE in new))

    def _look(self, view: View) -> None:
        """Show the same in another way."""
        if view == self._view:
            return
        if (view.pair, view.close) != (self._view.pair, self._view.close):
            self._drawn = None
        self._view = view
        self._label()
        self._paint(self._standing)

    def _label(self) -> None:
        self.figures.label(*(self._names[k] for k in self._view.pair))

    def _chosen(self, file: Any, _name: str, _old: Any, _new: Any) -> None:
        """A file has come; its name comes with it, before or after."""
        self._doc.add_next_tick_callback(partial(self._upload, file))

    def _upload(self, file: Any) -> None:
        name = plain_label(file.filename)
        try:
            data = base64.b64decode(str(file.value))
            x, count = read_upload(self._subject.estimator, str(file.filename), data)
        except SkerryError as error:
            self._tell("bad", f"{name}: {error}")
            return
        more = "" if count == 1 else f" It holds {count:,} observations; this is the first."
        self._tell("good", f"From {name}.{more}")
        self._put(x)

    def _tell(self, tone: str, text: str) -> None:
        self.told.text = f'<div class="banner {tone}" role="status"><p>{escape(text)}</p></div>'


def compose(doc: Any, subject: Subject, source: Source, n_effective: float, seed: SeedLike) -> Page:
    """Fill a visitor's document."""
    import jinja2

    environment = jinja2.Environment(  # bokeh's own template, which this extends, escapes nothing
        loader=jinja2.PackageLoader("skerry.explore", "templates"), autoescape=False
    )
    page = Page(doc, subject, source, n_effective, seed)
    doc.title = subject.title
    doc.template = environment.get_template("page.html")
    doc.template_variables.update(
        heading=subject.title,
        note=subject.note,
        page_css="".join(map(_words.part_of_page, ("page.css", "part.css"))),
    )
    return page
