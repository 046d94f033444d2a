"""What files and names can do: nothing."""

from __future__ import annotations

import ast
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import skerry
from fuzzing import mutate, seeds
from skerry import plot
from skerry._saving import MOST_UNPACKED, read_arrays, write_arrays
from skerry.errors import InputError, PriorError
from skerry.report import Banner, Link, Picture, Section, Table, page

SOURCE = Path(skerry.__file__).parent
UNPICKLES = {"execution/_worker.py", "execution/_remote.py"}  # what a worker's own parent sends
RUNS = {"cli/_files.py"}  # a PROBLEM.py, as the command's help says
FORBIDDEN = {"eval", "exec", "compile", "__import__"}
LOADERS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "torch", "yaml"}


def calls_in(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.name)
def test_nothing_that_executes_data_is_called(path):
    name = path.relative_to(SOURCE).as_posix()
    for node, called in calls_in(path):
        assert called not in FORBIDDEN, name
        head, _, tail = called.partition(".")
        assert not (head in LOADERS and tail.startswith("load")) or name in UNPICKLES, name
        assert head != "runpy" or name in RUNS, name
        if called == "np.load":
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert given.get("allow_pickle", "False") == "False", name


def test_the_bait_works_where_pickles_are_loaded(tmp_path):
    """Else the fuzzing would prove nothing."""
    marker = tmp_path / "executed"
    data = mutate.npy(np.array([mutate.Bait(marker)], object), allow_pickle=True)
    np.load(io.BytesIO(data), allow_pickle=True)[0].close()
    assert marker.exists()


@pytest.mark.parametrize("ending", ["npz", "csv", "parquet"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_pickle_is_refused_by_every_reader_unopened(tmp_path, ending, packed):
    marker, path = tmp_path / "executed", tmp_path / f"hostile.{ending}"
    bait = mutate.npy(np.array([mutate.Bait(marker)], object), allow_pickle=True)
    names = ("spec.npy", "theta.npy", "log_likelihood.npy", "a.npy", "head.npy")
    parts = [(name, bait) for name in names]
    path.write_bytes(mutate.zipped(parts) if packed else pickle.dumps(mutate.Bait(marker)))
    with pytest.raises(InputError):
        skerry.load(path)
    with pytest.raises(InputError):
        skerry.interop.read_table(path, seeds.PRIOR)
    assert not marker.exists()


def test_a_file_that_would_unpack_without_end_is_refused_before_it_does(tmp_path):
    path = tmp_path / "bomb.npz"
    path.write_bytes(mutate.bomb("theta.npy"))
    assert path.stat().st_size * 100 < MOST_UNPACKED
    for reader in (skerry.load, lambda p: skerry.interop.read_table(p, seeds.PRIOR)):
        with pytest.raises(InputError, match="would unpack to 160,000"):
            reader(path)


def test_arrays_of_zeros_are_no_bomb(tmp_path):
    path = tmp_path / "zeros.npz"
    write_arrays(path, {}, {"zeros": np.zeros(1_000_000)})
    with zipfile.ZipFile(path) as file:
        assert file.getinfo("zeros.npy").compress_type == zipfile.ZIP_DEFLATED
    assert read_arrays(path)["zeros"].shape == (1_000_000,)


HOSTILE = '"><script>alert(1)</script>{{ 7 * 7 }}'


def test_whatever_stands_on_a_page_is_escaped():
    found = page(
        HOSTILE,
        [
            Section(
                HOSTILE,
                [HOSTILE],
                [Picture(b"png", HOSTILE, HOSTILE)],
                Table([HOSTILE, "b"], [["1", HOSTILE]], HOSTILE),
                HOSTILE,
            )
        ],
        lead=HOSTILE,
        banner=Banner(HOSTILE, "bad", HOSTILE, [(HOSTILE, HOSTILE)]),
        links=[Link(HOSTILE, f"https://{HOSTILE}")],
        footer=HOSTILE,
    )
    assert "<script" not in found
    assert '""' not in found.replace('=""', "")
    assert found.count("{{ 7 * 7 }}") >= 12
    with pytest.raises(InputError):
        Link("x", "javascript:alert(1)")


@pytest.mark.parametrize("name", [HOSTILE, "a$b", "$x_{", "α β", "%s", "\\frac", "x" * 300])
def test_odd_names_pass_through_everything(name, tmp_path):
    prior = skerry.Prior({name: st.norm(0, 1), "b": st.norm(0, 1)})
    theta = prior.sample(80, 0)
    posterior = skerry.fit(theta, -4 * np.sum(theta**2, axis=1), prior, density="islands")
    posterior.save(tmp_path / "p.npz")
    assert name in skerry.load(tmp_path / "p.npz").summary()
    plot.islands(posterior).savefig(io.BytesIO())


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "a\x00", "\u202eevil"])
def test_names_that_would_move_a_cursor_are_refused(name):
    with pytest.raises(PriorError, match="printable characters"):
        skerry.Prior({name: st.norm(0, 1)})


def test_messages_that_would_move_a_cursor_are_shown_as_escapes():
    def clearing(theta):
        if theta[0] > 1:
            raise ValueError("\x1b[2J\nall fine")
        return -float(theta @ theta)

    problem = skerry.Problem(seeds.PRIOR, clearing, vectorized=False)
    found = skerry.infer(problem, scheme=skerry.Static(60, density="islands"), failures="drop")
    assert "\x1b" not in found.summary()
    assert r"\x1b[2J\nall fine" in found.summary()
