"""The explorer without a browser: from sliders' values to what is drawn and said."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

import explored
import skerry
from skerry import explore
from skerry.amortization._mixtures import Mixtures
from skerry.cli._signals import Terminated, terminable
from skerry.errors import InputError, UnsupportedError
from skerry.explore import _words
from skerry.explore._mail import packed
from skerry.explore._numbers import plain_label
from skerry.explore._picture import View, close_range, overlay, picture, prior_ranges, telling_pair
from skerry.explore._refined import Refiner
from skerry.explore._serve import _ended_by_sigterm, check_address
from skerry.explore._walls import Components, islands
from skerry.explore._words import Standing
from skerry.posterior import Status

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def estimator():
    return explored.estimator()


@pytest.fixture(scope="module")
def source(estimator):
    return explore.Source(estimator, seed=0)


@pytest.fixture(scope="module")
def refined(estimator):
    return estimator.posterior([0.4, 0.6], n_effective=1000, seed=1)


def seen(estimator, source, x, before=None):
    drawn = explore.raw(estimator, x, source)
    letters, after = explore.follow(before, drawn.components, drawn.component_shares)
    return drawn, letters, after


def test_masses_places_and_draws_are_those_of_the_density(estimator, source):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    assert letters == (0, 1)
    assert drawn.masses == pytest.approx([explored.plus([0.4]), 1 - explored.plus([0.4])], abs=1e-3)
    assert drawn.places == pytest.approx(np.array([[1.5, 0.3], [-1.5, 0.3]]), abs=0.05)
    heavy = drawn.theta[drawn.labels == 0]
    assert heavy.mean(axis=0) == pytest.approx([1.5, 0.3], abs=5 * 0.2 / len(heavy) ** 0.5)
    assert heavy.std(axis=0) == pytest.approx([0.2, 0.2], rel=0.1)
    assert drawn.shares.sum() == pytest.approx(1)
    assert not drawn.outside


def test_the_picture_follows_and_draws_glide(estimator, source):
    one, _, _ = seen(estimator, source, [0.4, 0.6])
    other, _, _ = seen(estimator, source, [0.4, 0.8])
    assert other.theta - one.theta == pytest.approx(np.tile([0.0, 0.1], (len(one.theta), 1)))
    again, _, _ = seen(estimator, source, [0.4, 0.6])
    assert np.array_equal(again.theta, one.theta)


def test_an_island_drowns_and_comes_back_under_its_letter(estimator, source):
    counts, after = {}, None
    for x in (0.4, -2.0, -3.9, 0.4, 3.9):
        drawn, letters, after = seen(estimator, source, [x, 0.0], after)
        counts[x] = dict(zip(letters, drawn.masses.tolist(), strict=True))
        places = dict(zip(letters, drawn.places[:, 0].tolist(), strict=True))
        for k, place in places.items():
            assert place == pytest.approx(1.5 if k == 0 else -1.5, abs=0.1)
    assert counts[0.4][0] == pytest.approx(explored.plus([0.4]), abs=1e-3)
    assert counts[-2.0][0] == pytest.approx(explored.plus([-2.0]), abs=1e-3)
    assert counts[-3.9][0] == pytest.approx(explored.plus([-3.9]), abs=1e-4)
    assert counts[3.9][1] == pytest.approx(1 - explored.plus([3.9]), abs=1e-4)


def test_too_light_an_island_is_gone(estimator, source):
    _, _, after = seen(estimator, source, [0.4, 0.0])
    _, letters, after = seen(estimator, source, [-40.0, 0.0], after)
    assert letters == (1,)
    _, letters, _ = seen(estimator, source, [0.4, 0.0], after)
    assert set(letters) == {0, 1}


def test_letters_go_with_the_mass_and_new_islands_take_free_ones():
    shares = np.array([0.5, 0.3, 0.2])
    _, one = explore.follow(None, np.array([0, 0, 1]), shares)
    assert one.last == (0, 0, 1)
    letters, two = explore.follow(one, np.array([1, 0, 2]), np.array([0.2, 0.7, 0.1]))
    assert letters == (0, 2, 1)  # the heavier half of A stays A, the other is new: C
    letters, three = explore.follow(two, np.array([0, 0, -1]), shares)
    assert letters == (2,)
    assert three.last == (2, 2, 1)
    assert explore.follow(three, np.array([0, 1, 2]), shares)[0] == (2, 0, 1)


def mixture(means, shares, width=0.3):
    d = np.shape(means)[1]
    whiteners = np.tile(np.eye(d) / width, (len(means), 1, 1))
    found = Mixtures(np.log(shares)[None], np.array(means, float)[None], whiteners[None])
    return Components(found, np.arange(len(means)))


def test_walls_part_components_chains_join_them():
    flat = np.zeros(2, bool)
    apart = mixture([[-1, 0], [1, 0], [1.1, 0.1]], [0.5, 0.3, 0.2])
    found = islands(apart, flat)
    assert found[1] == found[2] != found[0]
    chain = mixture([[x, 0] for x in np.arange(-1, 1.01, 0.4)], np.full(6, 1 / 6))
    assert len(set(islands(chain, flat).tolist())) == 1
    assert set(islands(mixture([[-1, 0], [1, 0]], [1 - 1e-6, 1e-6]), flat).tolist()) == {0}


def test_a_long_bent_component_joins_what_its_ends_touch():
    flat, shares = np.zeros(2, bool), np.array([0.5, 0.25, 0.25])
    long = np.tile(np.eye(2) / 0.2, (3, 1, 1))
    long[0, 0, 0] = 1 / 1.2  # from -1.2 to 1.2 within one deviation
    means = np.array([[0.0, 0], [1.9, 0.3], [0.0, 2.5]])
    found = Mixtures(np.log(shares)[None], means[None], long[None])
    one, touching, apart = islands(Components(found, np.arange(3)), flat).tolist()
    assert one == touching != apart


def test_a_circles_seam_is_no_wall():
    near = mixture([[-2.2], [2.2]], [0.5, 0.5], 0.35)  # v = .014 and .986
    assert len(set(islands(near, np.array([False])).tolist())) == 2
    assert len(set(islands(near, np.array([True])).tolist())) == 1


def test_out_of_range_is_said_in_plain_words(estimator, source):
    about = explore.subject(estimator, [0.4, 0.6], names=["strength", "offset"])
    drawn, _, _ = seen(estimator, source, [3.9, 0.0])
    assert drawn.outside
    assert bool(estimator.outside([3.9, 0.0])[0])
    tone, headline, text = _words.range_verdict(drawn, about)
    assert (tone, headline) == ("bad", "Out of the trained range.")
    assert "1.1 times as far out" in text
    assert "strength is farthest, 3.9 spreads" in text
    assert "trust the refined one" in text
    inside, _, _ = seen(estimator, source, [3.4, 0.0])
    assert not inside.outside
    assert _words.range_verdict(inside, about)[0] == "good"


def test_without_a_likelihood_it_is_said_so(source):
    bare = explored.estimator(with_problem=False)
    drawn, letters, _ = seen(bare, source, [0.4, 0.6])
    about = explore.subject(bare)
    words = _words.verdict_html(drawn, Standing("none"), about)
    assert "Raw alone: no likelihood." in words
    assert "--problem PROBLEM.py" in words
    assert "–" in _words.table_html(drawn, letters, about, Standing("none"))
    with pytest.raises(UnsupportedError, match="without its problem"):
        bare.posterior([0.4, 0.6], n_effective=100)


def test_refined_masses_agree_with_the_exact_ones(estimator, source, refined):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    found = explore.matched(refined, estimator, drawn, letters, 0.5)
    assert not found.anew
    for k, truth in ((0, explored.plus([0.4])), (1, 1 - explored.plus([0.4]))):
        mass, error = found.masses[k]
        assert abs(mass - truth) < 5 * error
    assert abs(refined.log_evidence) < 5 * refined.log_evidence_error
    about = explore.subject(estimator, [0.4, 0.6])
    words = _words.verdict_html(drawn, Standing("done", found), about)
    for part in ("Refined: this answer can be used.", "It took 0.5 s", f"{refined.n_calls:,}"):
        assert part in words
    table = _words.rows(drawn, letters, estimator.names, found)
    assert [row.name for row in table] == ["A", "B"]
    assert table[0].colour == skerry.plot.colour(0)
    assert "±" in table[0].refined_text


def test_islands_found_anew_take_the_letters_they_share_most_with(estimator, source, refined):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    labels = np.where(refined.samples[:, 0] < 0, 1, 0)
    labels[refined.samples[:, 1] > 0.5] = 2
    modes = (*refined.modes, refined.modes[0])
    anew = replace(refined, labels=labels, modes=modes, settings={"scheme": "escalated"})
    found = explore.matched(anew, estimator, drawn, letters)
    assert found.anew
    assert set(found.masses) == {0, 1, 2}
    assert found.masses[0][0] > 0.5 > found.masses[1][0]
    rows = _words.rows(drawn, letters, estimator.names, found)
    assert [row.name for row in rows] == ["A", "B", "C"]
    assert rows[2].raw is None
    assert rows[2].place == ("–", "–")


@pytest.mark.parametrize("log", [True, False])
def test_the_picture_holds_dots_densities_and_contours(estimator, source, refined, log):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    whole = prior_ranges(estimator.prior)
    view = View((0, 1), log=log)
    shown = picture(drawn, letters, view, whole)
    assert shown.ranges == (whole[0], whole[1])
    assert len(shown.x) == len(shown.letters) == len(drawn.dots)
    assert min(np.bincount(shown.letters)) >= 60
    assert [text for _, _, text in shown.texts] == ["A", "B"]
    for curves in (shown.top, shown.right):
        assert curves.letters == [0, 1]
        assert max(h.max() for h in curves.heights) == pytest.approx(1, abs=1e-9)
        assert min(h.min() for h in curves.heights) >= 0
    peak = shown.top.places[0][np.argmax(shown.top.heights[0])]
    assert peak == pytest.approx(1.5, abs=0.1)
    found = explore.matched(refined, estimator, drawn, letters)
    over = overlay(found, view, shown)
    assert {name for *_, name in over.contours} == {0, 1}
    for x, _, name in over.contours:
        assert np.sign(x).mean() == (1 if name == 0 else -1)
    assert len(over.top.heights) == 1


def test_axes_follow_only_when_they_must():
    values, shares = np.linspace(0, 1, 1001), np.full(1001, 1 / 1001)
    first = close_range(values, shares, None)
    assert first == pytest.approx((-0.25, 1.25), abs=0.01)
    assert close_range(values * 0.6, shares, first) == first
    assert close_range(values + 0.5, shares, first) != first
    assert close_range(values * 0.1, shares, first) != first
    assert np.diff(close_range(np.ones(9), np.full(9, 1 / 9), None)) > 0


def test_the_parameters_that_tell_islands_apart_come_first(estimator, source):
    drawn, _, _ = seen(estimator, source, [0.4, 0.6])
    assert telling_pair(drawn) == (0, 1)
    theta = np.concatenate([np.zeros((len(drawn.theta), 2)), drawn.theta[:, ::-1]], axis=1)
    assert telling_pair(replace(drawn, theta=theta))[1] == 3
    assert telling_pair(replace(drawn, theta=drawn.theta[:, :1])) == (0, 0)


def test_one_parameter_has_a_picture_too(estimator, source):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    one = replace(drawn, theta=drawn.theta[:, :1], places=drawn.places[:, :1])
    assert len(picture(one, letters, View((0, 0)), [(-3.0, 3.0)]).top.heights) == 2


def test_sliders_reach_four_spreads_and_on_to_the_start(estimator):
    strength, offset = explore.numbers(estimator, [7.3, 0.0], names=["strength", "offset"])
    assert (strength.label, strength.start, strength.low) == ("strength", 7.3, -4)
    assert strength.high == pytest.approx(7.3, abs=strength.step)
    assert (offset.low, offset.high, offset.step) == (-4, 4, pytest.approx(0.02))
    near = offset.around(1.0, 0.1)
    assert (near.low, near.high) == pytest.approx((0.6, 1.4))
    assert near.step == pytest.approx(0.002)
    bare = explore.numbers(estimator)
    assert [(n.label, n.start) for n in bare] == [("x[0]", 0.0), ("x[1]", 0.0)]
    ranged = explore.numbers(estimator, ranges=[[-1, 1], [0, 10]])
    assert [(n.low, n.high) for n in ranged] == [(-1, 1), (0, 10)]


def test_counts_move_in_whole_steps(estimator):
    prior = estimator.prior
    counts = skerry.Problem(prior, forward=np.exp, noise=skerry.noise.Poisson())
    wide = estimator.network.standard
    scale = replace(wide, centre=jnp.array([100.0, 2.0]), spread=jnp.array([30.0, 3.0]))
    network = replace(estimator.network, standard=scale)
    many, few = explore.numbers(replace(estimator, problem=counts, network=network))
    assert (many.low, many.step) == (0, 1)
    assert (few.low, few.step) == (0, 1)
    assert many.around(100.0, 0.1).step == 1


def test_numbers_that_are_scaled_by_their_logarithms_are_told_as_they_are(estimator):
    scale = replace(
        estimator.network.standard,
        centre=jnp.array([np.log(50.0), 2.0]), spread=jnp.array([0.5, 3.0]), logs=(0,),
    )  # fmt: skip
    wide = replace(estimator, network=replace(estimator.network, standard=scale))
    flux, place = explore.numbers(wide)
    assert (flux.start, place.start) == pytest.approx((50.0, 2.0))
    assert flux.low == pytest.approx(50 * np.exp(-2), abs=flux.step)
    assert flux.high == pytest.approx(50 * np.exp(2), abs=flux.step)
    assert (place.low, place.high) == pytest.approx((-10.0, 14.0))
    drawn = explore.raw(wide, [50 * np.exp(1.5), 5.0], explore.Source(wide, seed=0))
    assert drawn.farthest == (0, pytest.approx(3.0, rel=1e-5))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"names": ["one"]}, "Expected 2 names"),
        ({"names": "ab"}, "got a text"),
        ({"ranges": [[1, 0], [0, 1]]}, "lower end first"),
        ({"x": [1.0]}, "an observation of 2 numbers"),
        ({"x": [1.0, np.nan]}, "finite numbers"),
        ({"x": ["a", "b"]}, "Expected numbers"),
    ],
)
def test_what_does_not_fit_is_refused(estimator, given, text):
    with pytest.raises(InputError, match=text):
        explore.subject(estimator, **given)


def test_only_estimators_are_explored():
    with pytest.raises(InputError, match=r"Expected an estimator.*got dict"):
        explore.subject({})


def test_names_become_one_short_line_without_maths():
    assert plain_label("a\nb\x1b[2J") == "a b [2J"
    assert len(plain_label("x" * 500)) == 60
    assert plain_label("") == "?"
    for sign in ("$$", r"\(", r"\["):
        assert sign not in plain_label(f"{sign}x{sign}")


def test_whatever_comes_from_a_file_is_escaped(source):
    named = explored.estimator(names=(EVIL, "b"))
    about = explore.subject(named, [3.9, 0.0], names=[EVIL, "offset"])
    drawn, letters, _ = seen(named, source, [3.9, 0.0])
    failed = Standing("failed", why=EVIL)
    words = _words.verdict_html(drawn, failed, about)
    words += _words.table_html(drawn, letters, about, failed)
    assert "<img" not in words
    assert words.count("&lt;img") >= 3


@pytest.mark.parametrize("status", Status)
def test_every_status_has_words(estimator, source, refined, status):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    found = explore.matched(replace(refined, status=status), estimator, drawn, letters, 1.0)
    tone, headline, text = _words.refined_verdict(Standing("done", found))
    assert tone in ("good", "care", "bad")
    assert headline.startswith("Refined: ")
    assert status.finding in text
    assert status.advice in text


def test_a_message_holds_all_columns_and_none_twice():
    place, up, down = np.arange(3.0), np.array([1.0, 4.0, 2.0]), np.array([5.0, 0.25, 7.0])
    names = np.array([2, 1], np.int32)
    mail = packed(
        {
            "curves": {"xs": [place, place], "ys": [up, down], "letter": names},
            "texts": {"x": np.zeros(1), "text": [EVIL]},
            "none": {"xs": [], "letter": np.zeros(0, np.int32)},
        }
    )
    (numbers,), (told,) = mail["numbers"], mail["told"]
    assert numbers.dtype == np.float32

    def read(places):
        if places and isinstance(places[0], int):
            return numbers[places[0] : places[0] + places[1]].tolist()
        return [read(p) for p in places]

    told = json.loads(told)
    assert read(told["curves"]["xs"]) == [[0, 1, 2], [0, 1, 2]]
    assert read(told["curves"]["ys"]) == [[1, 4, 2], [5, 0.25, 7]]
    assert read(told["curves"]["letter"]) == [2, 1]
    assert told["texts"]["text"] == [EVIL]
    assert read(told["texts"]["x"]) == [0]
    assert read(told["none"]["xs"]) == read(told["none"]["letter"]) == []
    assert len(numbers) == 3 + 3 + 3 + 2 + 1


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "count"),
    [
        ("x.csv", b"0.5,1.5", 1),
        ("x.txt", b"0.5 1.5", 1),
        ("x.csv", "\ufeff0.5\n1.5\n".encode(), 1),
        ("X.CSV", b"0.5,1.5\n2,3\n4,5", 3),
        ("x.npy", npy(np.array([0.5, 1.5])), 1),
        ("x.npy", npy(np.array([[0.5, 1.5], [2, 3]])), 2),
        ("x.json", b"[0.5, 1.5]", 1),
        ("x.json", json.dumps({"x": [[0.5], [1.5]]}).encode(), 1),
    ],
)
def test_observations_come_from_files(estimator, name, data, count):
    x, held = explore.read_upload(estimator, name, data)
    assert x == pytest.approx([0.5, 1.5])
    assert held == count


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.npy", npy(np.array([{}], dtype=object))),
        ("x.npy", b"no array"),
        ("x.csv", b""),
        ("x.csv", b"a,b"),
        ("x.csv", b"1,2,3"),
        ("x.csv", b"1,nan"),
        ("x.json", b"{}"),
        ("x.json", b"[" * 100_000),
        ("x.csv", b"\xff\xfe"),
        ("x.exe", b"1,2"),
        ("x", b"1,2"),
    ],
)
def test_files_that_hold_no_observation_are_refused(estimator, name, data):
    with pytest.raises(InputError, match="Expected"):
        explore.read_upload(estimator, name, data)


def test_a_file_too_large_is_refused(estimator):
    with pytest.raises(InputError, match="up to 8 MB"):
        explore.read_upload(estimator, "x.csv", b"1" * 8_000_001)


def test_refining_gives_up_what_is_not_wanted_any_more(estimator):
    told, calls, first = [], [], threading.Event()
    moved, done = threading.Event(), threading.Event()

    class Slow:
        """The likelihood; its first call waits until the observation has moved."""

        def __call__(self, theta, x):
            calls.append(float(x[0]))
            first.set()
            assert moved.wait(30)
            return estimator.problem.log_likelihood(theta, x)

    slow = replace(estimator, problem=skerry.Problem(estimator.prior, Slow().__call__, jax=False))
    refiner = Refiner(slow, 300, 0)
    refiner.ask(np.array([0.4, 0.0]), lambda answer: told.append((0.4, answer)))
    assert first.wait(30)

    def tell(answer):
        told.append((0.5, answer))
        done.set()

    refiner.ask(np.array([0.5, 0.0]), tell)
    moved.set()
    assert done.wait(60)
    refiner.close()
    assert [x for x, _ in told] == [0.5]
    assert told[0][1].posterior.n_effective >= 300
    assert calls.count(0.4) == 1


def test_why_refining_failed_is_told(estimator):
    def failing(theta, x):
        raise ValueError("out of ink")

    refiner = Refiner(replace(estimator, problem=skerry.Problem(estimator.prior, failing)), 300, 0)
    done, told = threading.Event(), []
    refiner.ask(np.zeros(2), lambda answer: (told.append(answer), done.set()))
    assert done.wait(60)
    refiner.close()
    assert told[0].posterior is None
    assert "out of ink" in told[0].why


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="needs signals")
def test_sigterm_ends_the_server_whatever_it_is_doing():
    ioloop = pytest.importorskip("tornado.ioloop")
    loop = ioloop.IOLoop(make_current=False)

    def swallowing():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        except BaseException:  # as in a callback of C
            pass

    loop.add_callback(swallowing)
    loop.call_later(10, loop.stop)
    began = time.monotonic()
    with terminable(), pytest.raises(Terminated), _ended_by_sigterm(loop):
        loop.start()
    assert time.monotonic() - began < 5
    loop.close()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_other_machines_are_kept_out(address):
    with pytest.raises(InputError, match="this machine alone"):
        check_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_this_machine_is_let_in(address):
    check_address(address)


def test_without_bokeh_it_says_what_to_install(estimator, monkeypatch):
    for name in [n for n in sys.modules if n.partition(".")[0] == "bokeh"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(UnsupportedError, match=r"pip install bokeh, or skerry\[explore\]"):
        explore.serve(estimator, browser=False)


def test_the_state_of_the_page_needs_no_bokeh():
    code = "import sys, skerry.explore; sys.exit('bokeh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_the_demonstration_is_trained_once(tmp_path):
    short = skerry.Training(max_epochs=1, steps=2, batch=16, held_out=0.1)
    told = []
    about = explore.demonstration(
        training=short, folder=tmp_path, progress=lambda *a: told.append(a)
    )
    assert told
    assert about.numbers[0].label == "ggF → γγ"
    assert about.numbers[0].start == 1.1
    assert about.x.shape == (20,)
    assert all(n.low < n.start < n.high for n in about.numbers)
    assert about.estimator.problem is not None
    before = [p.stat().st_mtime_ns for p in tmp_path.iterdir()]
    told.clear()
    again = explore.demonstration(
        training=short, folder=tmp_path, progress=lambda *a: told.append(a)
    )
    assert not told
    assert [p.stat().st_mtime_ns for p in tmp_path.iterdir()] == before
    one, other = about.estimator, again.estimator
    assert np.array_equal(one.sample(about.x, 5, 0), other.sample(about.x, 5, 0))
    next(tmp_path.iterdir()).write_bytes(b"damaged")
    explore.demonstration(training=short, folder=tmp_path, progress=lambda *a: told.append(a))
    assert told


def test_u_is_asked_for_or_the_nearest_draw_decides(estimator, source, refined, monkeypatch):
    drawn, letters, _ = seen(estimator, source, [0.4, 0.6])
    exact = explore.matched(refined, estimator, drawn, letters)

    def refuse(*_):
        raise UnsupportedError("no way back")

    monkeypatch.setattr(skerry.Prior, "to_u", refuse)
    near = explore.matched(refined, estimator, drawn, letters)
    assert near.masses[0][0] == pytest.approx(exact.masses[0][0], abs=1e-6)


def test_a_prior_without_bounds_is_shown_where_it_lies():
    prior = skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-1, 3)})
    (low, high), bounded = prior_ranges(prior)
    assert bounded == (-1, 2)
    assert -9 < low < -5
    assert 5 < high < 9
