"""Pictures: what they say, and that they touch nothing global."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import skerry
from made_up import made_up
from skerry import plot
from skerry.errors import InputError, UnsupportedError
from skerry.modes import Topology
from skerry.posterior import Posterior


@pytest.fixture(scope="module")
def corners() -> Posterior:
    task = skerry.tasks.get("corners")
    scheme = skerry.Static(20_000, training=skerry.Training(max_epochs=2, steps=5))
    return skerry.infer(task.problem, scheme=scheme, n_effective=100)


def drawn(figure: matplotlib.figure.Figure) -> matplotlib.figure.Figure:
    """Drawn for real: layout and ticks included."""
    figure.savefig("/dev/null", format="png")
    return figure


def legend_texts(figure: matplotlib.figure.Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def shown_axes(figure: matplotlib.figure.Figure) -> list:
    return [axes for axes in figure.axes if axes.axison]


@pytest.mark.parametrize("name", ["diagnostics", "persistence"])
def test_no_text_touches_the_edge(corners, name):
    sheet = getattr(plot, name)(corners)
    canvas = FigureCanvasAgg(sheet)
    canvas.draw()
    box, renderer = sheet.bbox, canvas.get_renderer()
    tight = sheet.get_tightbbox(renderer).transformed(sheet.dpi_scale_trans)
    assert tight.x0 > 8
    assert tight.y0 > 8
    assert tight.x1 < box.width - 8
    assert tight.y1 < box.height - 8


def test_letters_go_on_after_z():
    assert [plot.letter(k) for k in (0, 25, 26, 51, 52, 702)] == ["A", "Z", "AA", "AZ", "BA", "AAA"]


@pytest.mark.parametrize(
    ("mass", "error", "text"),
    [
        (0.268, 0.004, "26.8 ± 0.4 %"),
        (0.272, 0.0138, "27.2 ± 1.4 %"),
        (0.0019, 0.0001, "0.190 ± 0.010 %"),
        (0.5, 0.25, "50 ± 25 %"),
        (1.0, 0.0, "100 %"),
        (1.0, np.nan, "100 %"),
    ],
)
def test_masses_have_as_many_digits_as_their_error_tells(mass, error, text):
    assert plot.mass_text(mass, error) == text


def test_islands_is_a_lower_triangle_with_names_and_masses(corners):
    figure = drawn(plot.islands(corners))
    assert len(shown_axes(figure)) == 3
    bottom = [axes.get_xlabel() for axes in figure.axes[2:]]
    assert bottom == list(corners.names)
    texts = legend_texts(figure)
    assert [text[0] for text in texts] == ["A", "B", "C", "D"]
    for text, mode in zip(texts, corners.modes, strict=True):
        assert plot.mass_text(mode.mass, mode.mass_error) in text
    assert "4 islands" in figure.legends[0].get_title().get_text()


def test_islands_says_the_status(corners):
    title = drawn(plot.islands(made_up(2, [0.6, 0.4]))).legends[0].get_title().get_text()
    assert "status: short" in title


def test_light_islands_are_drawn_on_top_with_draws_of_their_own():
    figure = drawn(plot.islands(made_up(2, [0.996, 0.004])))
    clouds = figure.axes[2].collections
    scatters = [c for c in clouds if type(c).__name__ == "PathCollection"]
    assert [len(c.get_offsets()) for c in scatters][1] >= 50
    assert scatters[1].get_zorder() > scatters[0].get_zorder()
    assert figure.axes[0].get_yscale() == "log"


def test_a_heavy_island_keeps_the_diagonal_linear():
    assert drawn(plot.islands(made_up(2, [0.6, 0.4]))).axes[0].get_yscale() == "linear"


def test_a_mode_has_its_own_colour():
    colours = [plot.colour(k) for k in range(12)]
    assert len(set(colours)) == 12
    assert plot.colour(40) == plot.colour(41)


def test_one_parameter_makes_one_histogram():
    figure = drawn(plot.islands(made_up(1, [0.7, 0.3])))
    assert len(shown_axes(figure)) == 1
    assert figure.axes[0].get_xlabel() == "p0"
    assert len(legend_texts(figure)) == 2


def test_twelve_islands_all_have_a_line_in_the_legend():
    masses = np.geomspace(1, 1e-4, 12)
    figure = drawn(plot.islands(made_up(3, list(masses / masses.sum()))))
    assert [text.split()[0] for text in legend_texts(figure)] == list("ABCDEFGHIJKL")


def test_a_single_point_island_can_be_drawn():
    posterior = made_up(2, [0.9, 0.1], n=400)
    keep = np.append(np.arange(400), 400)
    one = Posterior(
        **{
            **vars(posterior),
            "samples": posterior.samples[keep],
            "log_weights": posterior.log_weights[keep],
            "log_likelihood": posterior.log_likelihood[keep],
            "labels": posterior.labels[keep],
        }
    )
    assert len(legend_texts(drawn(plot.islands(one)))) == 2


def test_parameters_choose_and_order_the_panels():
    figure = drawn(plot.islands(made_up(4, [0.7, 0.3]), parameters=["p3", "p1"]))
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == ["p3", "p1"]


@pytest.mark.parametrize("chosen", [["p9"], [], ["p0", "p0"]])
def test_unknown_parameters_are_refused(chosen):
    with pytest.raises(InputError, match="Expected parameters among p0, p1"):
        plot.islands(made_up(2, [0.7, 0.3]), parameters=chosen)


def test_persistence_shows_the_threshold_and_the_gap(corners):
    figure = drawn(plot.persistence(corners))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "threshold 3 nats" in texts
    assert "the highest" in texts
    assert figure.axes[0].get_title("left").startswith("4 modes; nothing else above")
    assert plot.persistence(corners.topology).axes[0].get_title("left").startswith("4 modes")


def test_persistence_tells_the_gap():
    topology = Topology(
        peaks=np.zeros((2, 1)),
        heights=np.array([0.0, -1.0]),
        births=np.array([0.0, -1.0, -4.0]),
        deaths=np.array([-np.inf, -7.0, -4.5]),
        threshold=3.0,
    )
    title = drawn(plot.persistence(topology)).axes[0].get_title("left")
    assert title == "2 modes; nothing between 0.5 and 6.0 nats"


def test_persistence_says_when_there_is_no_gap():
    topology = Topology(
        peaks=np.zeros((2, 1)),
        heights=np.array([0.0, -4.0]),
        births=np.array([0.0, -1.0, -4.0]),
        deaths=np.array([-np.inf, -6.0, -8.0]),
        threshold=3.0,
    )
    figure = drawn(plot.persistence(topology))
    assert "no gap" in figure.axes[0].get_title("left")
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "too few points, or too little mass" in legend


def test_persistence_of_one_peak_alone():
    topology = Topology(np.zeros((1, 1)), np.zeros(1), np.zeros(1), np.array([-np.inf]), 3.0)
    assert drawn(plot.persistence(topology)).axes[0].get_title("left") == "1 mode"


def test_training_marks_the_epoch_kept(corners):
    axes = drawn(plot.training(corners)).axes[0]
    best = corners.training.best
    assert f"epoch {best}" in axes.get_title("left")
    assert len(axes.lines[1].get_xdata()) == len(corners.training.epochs)


def test_training_of_an_estimator_counts_from_one():
    epochs = tuple(SimpleNamespace(loss=3.0 - k, held_out=abs(k - 1.0)) for k in range(3))
    axes = drawn(plot.training(SimpleNamespace(epochs=epochs, best=1))).axes[0]
    assert axes.get_title("left") == "Kept: epoch 2"
    assert axes.lines[1].get_xdata().tolist() == [1, 2, 3]


def test_what_a_posterior_lacks_is_said(corners):
    with pytest.raises(UnsupportedError, match="training history"):
        plot.training(replace(corners, training=None))


def test_diagnostics_end_where_the_posterior_says(corners):
    figure = drawn(plot.diagnostics(corners))
    size = figure.axes[0].lines[1].get_ydata()[-1]
    khat = figure.axes[1].lines[1].get_ydata()[-1]
    assert size == pytest.approx(corners.n_effective, rel=1e-6)
    assert khat == pytest.approx(corners.khat, abs=0.02)


def test_densities_share_one_scale_a_row():
    grid = -np.add.outer(np.linspace(-3, 3, 30) ** 2, np.linspace(-3, 3, 40) ** 2)
    panels = {"target": grid, "flow": np.where(grid < -8, -np.inf, grid - 0.5)}
    notes = {"flow": "bridge mass 31 %"}
    figure = drawn(plot.densities(panels, (-3, 3, -3, 3), notes=notes, outline="target"))
    images = [axes.images[0] for axes in figure.axes[:4]]
    assert images[0].get_clim() == images[1].get_clim() == (0.0, 1.0)
    assert images[2].get_clim() == images[3].get_clim() == (-5.0, 0.0)
    assert "bridge mass 31 %" in figure.axes[1].get_title()


@pytest.mark.parametrize(
    ("panels", "outline", "text"),
    [
        ({}, None, "at least one panel"),
        ({"a": np.zeros((2, 3)), "b": np.zeros((3, 2))}, None, "one shape"),
        ({"a": np.zeros((2, 3))}, "b", "to name a panel"),
    ],
)
def test_densities_refuse_what_they_cant_compare(panels, outline, text):
    with pytest.raises(InputError, match=text):
        plot.densities(panels, (0, 1, 0, 1), outline=outline)


def test_a_projection_is_a_density_with_rows_going_up():
    rng = np.random.default_rng(0)
    samples = rng.uniform([0, 0, 5], [1, 1, 7], (5000, 3))
    found = plot.projection(samples, (0, 2), bins=20, range=((0, 1), (4, 8)))
    cell = (1 / 20) * (4 / 20)
    assert np.exp(found.log_density).sum() * cell == pytest.approx(1.0)
    assert found.extent == (0.0, 1.0, 4.0, 8.0)
    assert np.isneginf(found.log_density[:5]).all()
    assert np.isfinite(found.log_density[6:14]).all()


def test_a_projection_takes_weights_on_any_scale():
    samples = np.array([[0.0, 0.0], [1.0, 1.0]])
    found = plot.projection(samples, bins=2, log_weights=np.array([-1000.0, -1000.0 + np.log(3)]))
    assert np.exp(found.log_density[1, 1] - found.log_density[0, 0]) == pytest.approx(3.0)


def test_a_projection_needs_columns_that_are_there():
    with pytest.raises(InputError, match="two of their d columns"):
        plot.projection(np.zeros((5, 2)), (0, 2))


@pytest.fixture(scope="module")
def seam() -> Posterior:
    return skerry.infer(skerry.tasks.get("seam_2d").problem, n_effective=1_500)


def test_rounds_tell_calls_and_evidence(seam):
    figure = drawn(plot.rounds(seam))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[0] == f"Calls: {seam.n_calls:,}"
    assert titles[-2] == "Gaussians that cover 3 modes"
    assert titles[-1] == f"Log evidence: {seam.log_evidence:.3f} ± {seam.log_evidence_error:.3f}"
    bars = [patch.get_height() for patch in figure.axes[0].patches]
    assert sum(bars) == pytest.approx(seam.n_calls)
    marks = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert marks == ["prior", "explore", "final"]


def test_rounds_put_what_is_far_off_at_the_edge(seam):
    far = seam.rounds[0]._replace(log_evidence=-40.0)
    axes = drawn(plot.rounds(replace(seam, rounds=(far, *seam.rounds[1:])))).axes[-1]
    arrows = [line for line in axes.lines if line.get_marker() in ("^", "v")]
    assert [(line.get_marker(), line.get_xdata()[0]) for line in arrows] == [("v", 0)]


def test_rounds_need_rounds(corners):
    with pytest.raises(UnsupportedError, match="of adaptive rounds; this one has none"):
        plot.rounds(corners)


def test_a_circle_is_shown_from_end_to_end_and_its_islands_unrolled(seam):
    figure = drawn(plot.islands(seam))
    plane = figure.axes[2]
    assert plane.get_xlim() == (0.0, 2 * np.pi)
    for cloud in plane.collections:
        if type(cloud).__name__ == "PathCollection":
            assert np.all(
                (cloud.get_offsets()[:, 0] >= 0) & (cloud.get_offsets()[:, 0] < 2 * np.pi)
            )
    heaviest = plot.colour(0)
    sets = [c for c in plane.collections if "ContourSet" in type(c).__name__]
    mine = [c for c in sets if mpl.colors.to_hex(c.get_edgecolor()[0]).upper() == heaviest]
    spans = [np.ptp(path.vertices[:, 0]) for c in mine for path in c.get_paths()]
    assert len(mine) == 2  # either side of the seam,
    assert max(spans) < 1.5  # each as narrow as the island


def test_circles_are_cut_in_the_widest_gap():
    from skerry.plot._circles import Circle

    circle, values = Circle(0.0, 2 * np.pi), np.array([0.1, 0.2, 6.2])
    assert circle.cut(values) == (pytest.approx(3.2), False)
    assert np.ptp(circle.unroll(values, 3.2)) == pytest.approx(0.2 + 2 * np.pi - 6.2)
    assert circle.cut(np.linspace(0, 2 * np.pi, 40))[1]


def test_thin_rings_have_thin_contours():
    from skerry.plot._contours import contours

    rng = np.random.default_rng(0)
    turn, radius = rng.uniform(0, 2 * np.pi, 4_000), rng.normal(3.0, 0.1, 4_000)
    ring = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    found = contours(ring, np.full(4_000, 1 / 4_000), ring[:500])
    inside = found.density >= found.levels[0]
    area = inside.sum() * (found.x[1] - found.x[0]) * (found.y[1] - found.y[0])
    assert area < 2.5 * 2 * np.pi * 3.0 * 0.392  # twice 1.96 standard deviations across


def test_matplotlib_is_left_as_it_was(corners):
    import sys

    before = dict(mpl.rcParams)
    drawn(plot.islands(corners))
    drawn(plot.persistence(corners))
    drawn(plot.diagnostics(corners))
    assert dict(mpl.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()
