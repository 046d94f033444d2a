"""Progress on the error stream: one live display on a terminal, a line a round elsewhere.

:func:`shown` turns what a user passes into what a run reports to: nothing (silence), ``True`` (a
:class:`Display`), or a function of (stage, done, in all), which is told the same as text.
"""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeAlias

from skerry.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Progress: TypeAlias = Callable[[str, int, int], None]
Clock: TypeAlias = Callable[[], float]
EVERY = 5.0  # seconds between lines of one stage
PULSE = 60.0  # seconds between lines when only calls are counted
ROWS = 12  # rounds on a terminal; earlier ones scroll out
STAGES = 3


class Line(NamedTuple):
    """A round, as people are told of it.

    Attributes:
        number: 0 is the prior's.
        kind: ``"prior"``, ``"explore"`` or ``"final"``.
        beta: the inverse temperature.
        n_calls: likelihood calls so far.
        n_effective: effective samples so far.
        asked: how many were asked for.
        n_peaks: peaks that the hunts have climbed to.
        n_components: Gaussians that cover them.
        log_evidence: so far.
        khat: of all weights.
    """

    number: int
    kind: str
    beta: float
    n_calls: int
    n_effective: float
    asked: float
    n_peaks: int
    n_components: int
    log_evidence: float
    khat: float

    def __str__(self) -> str:
        return (
            f"round {self.number} ({self.kind}): beta {self.beta:.3g}, {self.n_calls:,} calls, "
            f"{self.n_peaks} peaks, {self.n_components} Gaussians, "
            f"log Z {self.log_evidence:.2f}, k-hat {self.khat:.2f}, effective"
        )


class Display(ABC):
    """Where a run is shown; also a plain progress function."""

    @abstractmethod
    def __call__(self, stage: str, done: int, total: int) -> None:
        """A stage has got so far."""

    @abstractmethod
    def calls(self, n: int) -> None:
        """So many likelihood calls have been made."""

    @abstractmethod
    def round(self, line: Line) -> None:
        """A round has ended."""


@contextmanager
def shown(
    wanted: Progress | bool | None, stream: TextIO | None = None
) -> Iterator[Progress | None]:
    """What a run reports to, for the time it runs.

    Args:
        wanted: None or False: nothing; True: a display; a function of (stage, done, in all):
            itself, a :class:`Display` that is shown already among them.
        stream: of the display; the error stream by default.

    Raises:
        InputError: for anything else.
    """
    if wanted is None or wanted is False:
        yield None
    elif wanted is True:
        stream = stream or sys.stderr
        if stream.isatty() and os.environ.get("TERM") != "dumb":
            with _live(stream) as display:
                yield display
        else:
            yield Lines(stream)
    elif callable(wanted):
        yield wanted
    else:
        raise InputError(
            f"Expected progress to be None, True or a function of (stage, done, in all); got "
            f"{wanted!r}; pass True for a display."
        )


def report_round(progress: Progress, line: Line) -> None:
    """Tell of a round: a display gets its numbers, a function gets text."""
    if isinstance(progress, Display):
        progress.round(line)
    else:
        progress(str(line), int(min(line.n_effective, line.asked)), int(line.asked))


class Lines(Display):
    """Lines of text: one a round, one now and then within a stage."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._start = self._last = clock()
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A line if the stage is new, or some seconds have gone by."""
        now = self._clock()
        if stage != self._stage or now - self._last >= EVERY:
            self._stage = stage
            self._print(now, f"{stage} {done:,} of {total:,}")

    def calls(self, n: int) -> None:
        """A line if nothing else was told for a minute."""
        now = self._clock()
        if now - self._last >= PULSE:
            self._print(now, f"{n:,} calls")

    def round(self, line: Line) -> None:
        """A line."""
        self._print(self._clock(), f"{line} {line.n_effective:,.0f} of {line.asked:,.0f}")

    def _print(self, now: float, text: str) -> None:
        self._last = now
        print(f"{now - self._start:6.0f} s  {text}", file=self._stream, flush=True)


class Live(Display):
    """A table of rounds, bars of stages, and the time, drawn anew a few times a second."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._start = clock, clock()
        self._rounds: tuple[Line, ...] = ()
        self._stages: dict[str, tuple[int, int]] = {}
        self._calls = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A bar; the latest stage is the lowest."""
        others = {name: at for name, at in self._stages.items() if name != stage}
        self._stages = {**others, stage: (done, total)}  # a new one: the screen reads the old

    def calls(self, n: int) -> None:
        """The count beside the time."""
        self._calls = n

    def round(self, line: Line) -> None:
        """A row; a number that doesn't go on from the last begins another run's table."""
        again = bool(self._rounds) and line.number <= self._rounds[-1].number
        self._rounds = (line,) if again else (*self._rounds, line)
        self._calls = line.n_calls
        self("effective samples", int(min(line.n_effective, line.asked)), int(line.asked))

    def render(self) -> RenderableType:
        """What the screen shows now."""
        from rich.console import Group

        parts: list[RenderableType] = []
        if self._rounds:
            parts.append(self._table())
        if self._stages:
            parts.append(self._bars())
        calls = f", {self._calls:,} calls" if self._calls else ""
        spent = int(self._clock() - self._start)
        clock = f"{spent // 3600}:{spent // 60 % 60:02d}:{spent % 60:02d}"
        return Group(*parts, f"[dim]elapsed {clock}{calls}[/dim]")

    def _table(self) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("round", no_wrap=True)
        for name in ("beta", "calls", "effective", "peaks", "Gaussians", "log Z", "k-hat"):
            table.add_column(name, justify="right", no_wrap=True)
        for line in self._rounds[-ROWS:]:
            table.add_row(
                f"{line.number} {line.kind}",
                f"{line.beta:.3g}",
                f"{line.n_calls:,}",
                f"{line.n_effective:,.0f}",
                f"{line.n_peaks}",
                f"{line.n_components}",
                f"{line.log_evidence:.2f}",
                f"{line.khat:.2f}",
            )
        return table

    def _bars(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        grid = Table.grid(padding=(0, 2, 0, 0))
        for stage, (done, total) in list(self._stages.items())[-STAGES:]:
            bar = ProgressBar(total=max(total, 1), completed=done, width=24)
            grid.add_row(stage, bar, f"{done:,}/{total:,}")
        return grid


@contextmanager
def _live(stream: TextIO) -> Iterator[Live]:
    from rich.console import Console
    from rich.live import Live as Screen

    display = Live()
    console: Console = Console(file=stream)
    options: dict[str, Any] = {
        "get_renderable": display.render,
        "refresh_per_second": 5,
        "redirect_stdout": sys.stdout.isatty(),  # a file keeps what the user's code prints
    }
    with Screen(console=console, **options):
        yield display
