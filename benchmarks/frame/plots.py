"""Pictures of the curves: calls per effective sample and CPU seconds, method by method."""

from __future__ import annotations

from pathlib import Path

from frame.rows import Row
from frame.summary import groups, sound, summary
from frame.tables import COSTS, overhead

MEASURES = {"calls_per_effective": "likelihood calls / effective sample", "cpu_s": "CPU s"}
AXES = {
    "dimension": "parameters",
    "curved": "parameters, curved islands",
    "modes": "modes",
    "volume": "prior volume / posterior volume",
    "data": "measurements of each parameter",
}
ORDER = ("skerry", "nautilus", "ultranest", "dynesty", "pocomc", "nessai", "emcee", "pyvbmc")
COLOURS = ("#0b5fa5", "#c4501b", "#3a7d34", "#7b4ea3", "#8a6d1a", "#b03a6e", "#4a4a4a", "#2c8c8c")


def curve(runs: list[Row], name: str, points: dict[str, tuple], path: Path) -> bool:
    """Draw a curve; False without two points of a method.

    Hollow circles: a run crashed, reached a cap, or lost a mode.
    """
    lines: dict[str, list[tuple]] = {}
    for (problem, method), own in groups(runs).items():
        if problem in points and points[problem][0] == name:
            value = points[problem][1]
            x = 10.0**value if name == "volume" else value
            lines.setdefault(method, []).append((x, summary(own)))
    if not any(len(found) > 1 for found in lines.values()):
        return False
    with _Figure(path, len(MEASURES)) as axes:
        for ax, (measure, label) in zip(axes, MEASURES.items(), strict=True):
            for method, found in lines.items():
                kept = [(x, s[measure], sound(s)) for x, s in sorted(found, key=_first)]
                _line(ax, method, [k for k in kept if k[1]])
            linear = name in ("dimension", "curved")
            ax.set(xscale="linear" if linear else "log", yscale="log")
            ax.set(xlabel=AXES[name], ylabel=label)
            if linear:
                ax.set_xticks([v for c, v, *_ in points.values() if c == name])
            _plain(ax.yaxis)
        axes[0].legend(frameon=False, fontsize=8)
    return True


def cost(runs: list[Row], problem: str, path: Path) -> bool:
    """Draw the time to the answer against the cost of a call; computed."""
    found = {m: summary(own) for (p, m), own in groups(runs).items() if p == problem}
    found = {m: s for m, s in found.items() if s["answers"] and s["cpu_s"] and s["calls"]}
    if len(found) < 2:
        return False
    with _Figure(path, 2) as axes:
        for method, s in found.items():
            seconds = [(c, overhead(s) + c * s["calls"], sound(s)) for c in COSTS]
            effective = "?" if s["n_effective"] is None else f"{s['n_effective']:,.0f}"
            _line(axes[0], method, seconds, f"{method} ({effective})")
        axes[0].set(xscale="log", yscale="log", xlabel="s a likelihood call", ylabel="s to answer")
        title = "method (effective samples)"
        axes[1].axis("off")
        axes[1].legend(*axes[0].get_legend_handles_labels(), title=title, loc="center left",
                       frameon=False, fontsize=8, title_fontsize=8)  # fmt: skip
    return True


def _first(pair: tuple) -> float:
    return pair[0]


def _plain(axis) -> None:
    """Numbers as people write them, at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _line(ax, method: str, points: list[tuple], label: str = "") -> None:
    colour = COLOURS[ORDER.index(method) % len(COLOURS)] if method in ORDER else "#999999"
    ax.plot(
        [p[0] for p in points], [p[1] for p in points], color=colour, lw=1.2, label=label or method
    )
    for x, y, good in points:
        ax.plot(x, y, "o", ms=4, color=colour, markerfacecolor=colour if good else "white")


class _Figure:
    """A white figure with so many panels, saved with the same bytes for the same data."""

    def __init__(self, path: Path, panels: int):
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.path = path
        self.figure = Figure(figsize=(4.2 * panels, 3.2), layout="constrained")
        FigureCanvasSVG(self.figure)
        self.axes = list(self.figure.subplots(1, panels, squeeze=False)[0])

    def __enter__(self) -> list:
        for ax in self.axes:
            ax.spines[["top", "right"]].set_visible(False)
        return self.axes

    def __exit__(self, kind, *_) -> None:
        import matplotlib

        if kind is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with matplotlib.rc_context({"svg.hashsalt": "skerry", "svg.fonttype": "none"}):
                self.figure.savefig(self.path, metadata={"Date": None})
