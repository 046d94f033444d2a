"""Sliders and boxes for the numbers of an observation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.layouts import column
from bokeh.models import CustomJS, NumericInput, Select, Slider

from skerry._types import FloatArray
from skerry.explore._numbers import Number

SHOWN = 24  # numbers at a time
FINE = 0.1  # of the whole range
# What one of the two does to the other isn't told to the server: one message a move.
TO_BOX = "box.setv({value: Number(cb_obj.value.toPrecision(10))}, {sync: false})"
TO_SLIDER = """
const v = cb_obj.value
if (v !== null && isFinite(v) && v !== Number(slider.value.toPrecision(10))) {
  if (v < slider.start) slider.start = v
  if (v > slider.end) slider.end = v
  slider.setv({value: v}, {sync: false})
}
"""


class Sliders:
    """A slider and a box for each number; of very many, some at a time.

    Args:
        numbers: of the observation.
        sheet: the widgets' stylesheet.
        moved: called when somebody moved one.
    """

    def __init__(self, numbers: tuple[Number, ...], sheet: Any, moved: Callable[[], None]) -> None:
        self._numbers, self._moved = numbers, moved
        self.values = [number.start for number in numbers]
        self._first, self._fine, self._setting = 0, False, False
        count = min(len(numbers), SHOWN)
        style: Any = {"stylesheets": [sheet], "sizing_mode": "stretch_width"}
        self.boxes = [
            NumericInput(mode="float", css_classes=["number"], name=f"box {i}", **style)
            for i in range(count)
        ]
        self.sliders = [
            Slider(
                start=0, end=1, value=0, step=0.1, title=None, show_value=False, name=f"slider {i}",
                bar_color="#0a5c96", margin=(0, 10, 12, 10), **style,
            )
            for i in range(count)
        ]  # fmt: skip
        for i, (box, slider) in enumerate(zip(self.boxes, self.sliders, strict=True)):
            slider.js_on_change("value", CustomJS(args={"box": box}, code=TO_BOX))
            box.js_on_change("value", CustomJS(args={"slider": slider}, code=TO_SLIDER))
            for widget in (box, slider):
                widget.on_change("value", self._listener(i))
        parts: list[Any] = [w for pair in zip(self.boxes, self.sliders, strict=True) for w in pair]
        if len(numbers) > SHOWN:
            starts = range(0, len(numbers), SHOWN)
            options = [(str(s), f"{s + 1} to {min(s + SHOWN, len(numbers))}") for s in starts]
            some = Select(title="Numbers shown", options=options, value="0", name="some", **style)
            some.on_change("value", lambda _a, _o, new: self._turn(int(new)))
            parts.insert(0, some)
        self.layout = column(*parts, sizing_mode="stretch_width", name="sliders")
        self._refill()

    def put(self, x: FloatArray) -> None:
        """Set all of them, without a call of ``moved``."""
        self.values = [float(v) for v in x.ravel()]
        self._refill()

    def fine(self, wanted: bool) -> None:
        """Let sliders span a tenth of their range, about where they stand; or all of it."""
        self._fine = wanted
        self._refill()

    def _listener(self, i: int) -> Callable[[str, Any, Any], None]:
        def changed(_name: str, _old: Any, new: Any) -> None:
            if self._setting or new is None or self._first + i >= len(self.values):
                return
            self.values[self._first + i] = float(f"{new:.10g}")
            self._moved()

        return changed

    def _turn(self, first: int) -> None:
        self._first = first
        self._refill()

    def _refill(self) -> None:
        self._setting = True
        try:
            for i, (box, slider) in enumerate(zip(self.boxes, self.sliders, strict=True)):
                k = self._first + i
                box.visible = slider.visible = k < len(self._numbers)
                if k >= len(self._numbers):
                    continue
                number, value = self._numbers[k], self.values[k]
                if self._fine:
                    number = number.around(value, FINE)
                low, high = min(number.low, value), max(number.high, value)
                slider.update(start=low, end=high, step=number.step, value=value)
                slider.tags = [number.label]
                box.update(title=number.label, value=value)
        finally:
            self._setting = False
