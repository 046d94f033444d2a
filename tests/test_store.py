"""The store: what is written is found again, what is damaged is seen, nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

from skerry.errors import InputError, StoreError
from skerry.priors import Prior
from skerry.problem import Problem
from skerry.store import Store, _files, _lock, _records, opened, problem_identity, read
from skerry.store._chunk import RoundChunk
from skerry.store._index import Index, keys_of

PRIOR = Prior({"a": st.norm(0, 1), "b, c": st.uniform(-1, 2)})
THETA = PRIOR.sample(50, 0)
SHIFT = np.array([0.5, 0.25])


def likelihood(theta):
    return -np.sum((theta - SHIFT) ** 2, axis=1)


VALUES = likelihood(THETA)
IDENTITY = {**problem_identity(Problem(PRIOR, likelihood)), "seed": "(0,)"}


def store_of(path, **options):
    return opened(Store(path, unsaved_seconds=0.0, **options), IDENTITY, 2)


def fill(path, sizes=(20, 20, 10)):
    """A store with a chunk of each size; the chunk files in order."""
    with store_of(path) as records:
        start = 0
        for n in sizes:
            rows = slice(start, start + n)
            records.add(THETA[rows], VALUES[rows], np.zeros(n, bool), {}, 1.0)
            start += n
    return sorted((path / "chunks").glob("chunk-*"))


def known(path):
    with store_of(path) as records:
        found = records.find(THETA)
        np.testing.assert_array_equal(found.log_likelihood[found.known], VALUES[found.known])
        return found.known


def files(path):
    return {p.relative_to(path): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def test_what_is_added_is_found_again_and_by_the_next_process_too(tmp_path):
    failed = np.arange(50) % 7 == 3
    values = np.where(failed, np.nan, VALUES)
    values[0] = -np.inf
    messages = {int(i): f"why {i}" for i in np.flatnonzero(failed)}
    for again in (False, True):
        with store_of(tmp_path / "s") as records:
            if not again:
                records.add(THETA, values, failed, messages, 0.0)
            found = records.find(np.vstack([THETA[::-1], THETA[:1] + 1e-12]))
            np.testing.assert_array_equal(found.known, [True] * 50 + [False])
            np.testing.assert_array_equal(found.log_likelihood[:50], values[::-1])
            np.testing.assert_array_equal(found.failed[:50], failed[::-1])
            assert found.messages == {49 - i: text for i, text in messages.items()}


def test_gradients_are_kept_apart_from_values(tmp_path):
    for again in (False, True):
        with store_of(tmp_path) as records:
            if not again:
                records.add_slope(THETA[3], 1.5, np.array([2.0, 3.0]), 0.0)
            value, slope = records.slope(THETA[3])
            assert value == 1.5
            np.testing.assert_array_equal(slope, [2.0, 3.0])
            assert records.slope(THETA[4]) is None
            assert not records.find(THETA[3:4]).known.any()


def test_no_file_is_ever_opened_for_update(tmp_path):
    """Later writing leaves every earlier file's bytes, and its time of change, as they were."""
    fill(tmp_path / "s")
    before = files(tmp_path / "s")
    times = {p: (tmp_path / "s" / p).stat().st_mtime_ns for p in before}
    with store_of(tmp_path / "s") as records:
        records.add(THETA + 1, VALUES, np.zeros(50, bool), {}, 1.0)
    after = files(tmp_path / "s")
    assert set(before) < set(after)
    assert all(after[p] == data for p, data in before.items())
    assert times == {p: (tmp_path / "s" / p).stat().st_mtime_ns for p in before}


def test_cheap_evaluations_wait_and_are_written_in_the_end(tmp_path):
    with opened(Store(tmp_path, unsaved_seconds=1.0), IDENTITY, 2) as records:
        for i in range(50):
            records.add(THETA[i : i + 1], VALUES[i : i + 1], np.zeros(1, bool), {}, 0.03)
        assert len(list((tmp_path / "chunks").iterdir())) == 1
        assert records.find(THETA).known.all()
    assert len(list((tmp_path / "chunks").iterdir())) == 2
    assert known(tmp_path).all()


def test_many_small_files_become_few(tmp_path, monkeypatch):
    monkeypatch.setattr(_records, "MANY_SMALL", 10)
    fill(tmp_path, (1,) * 50)
    left = sorted((tmp_path / "chunks").iterdir())
    assert 1 <= len(left) <= 12
    assert known(tmp_path).all()


def test_reading_needs_no_lock_and_says_where_points_came_from(tmp_path):
    ratio = np.linspace(0, 1, 20)
    with store_of(tmp_path) as records:
        records.add(THETA, VALUES, np.zeros(50, bool), {}, 1.0)
        records.add(THETA, VALUES, np.zeros(50, bool), {}, 1.0)
        records.add_round(RoundChunk(2, "explore", THETA[:20], ratio, ratio - 1.0))
        records.add_round(RoundChunk(2, "explore", THETA[:20], ratio, ratio - 1.0))
        found = read(tmp_path)
    assert found.names == ("a", "b, c")
    np.testing.assert_array_equal(found.theta, THETA)
    np.testing.assert_array_equal(found.log_likelihood, VALUES)
    np.testing.assert_array_equal(found.round, [2] * 20 + [-1] * 30)
    np.testing.assert_array_equal(found.log_proposal[:20], ratio - 1.0)
    assert np.isnan(found.log_proposal[20:]).all()
    assert found.unused == ()
    assert len(list((tmp_path / "chunks").glob("round-*"))) == 1


# Damage


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip, empty])
def test_a_damaged_chunk_is_named_and_set_aside_and_the_rest_is_used(tmp_path, damage):
    chunk = fill(tmp_path)[1]
    damage(chunk)
    with pytest.warns(UserWarning, match=f"{chunk.name}: its bytes are not those that were"):
        found = known(tmp_path)
    np.testing.assert_array_equal(found, [True] * 20 + [False] * 20 + [True] * 10)
    assert (tmp_path / "aside" / chunk.name).exists()
    np.testing.assert_array_equal(known(tmp_path), found)  # without a warning


def test_every_single_flipped_bit_is_seen(tmp_path):
    chunk = fill(tmp_path)[0]
    data = chunk.read_bytes()
    for place in np.random.default_rng(0).integers(0, 8 * len(data), 200).tolist():
        bad = bytearray(data)
        bad[place // 8] ^= 1 << (place % 8)
        chunk.write_bytes(bytes(bad))
        assert read(tmp_path).unused == (
            f"{chunk.name}: its bytes are not those that were written",
        )


def test_swapped_chunks_are_seen(tmp_path):
    first, second, _ = fill(tmp_path)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    with pytest.warns(UserWarning, match="2 files of the store"):
        np.testing.assert_array_equal(known(tmp_path), [False] * 40 + [True] * 10)


def test_a_chunk_of_another_problem_is_set_aside(tmp_path):
    other = {**IDENTITY, "likelihood": "another"}
    with opened(Store(tmp_path / "o"), other, 2) as records:
        records.add(THETA, VALUES + 1, np.zeros(50, bool), {}, 1.0)
    foreign = next((tmp_path / "o" / "chunks").iterdir())
    fill(tmp_path / "s")
    (tmp_path / "s" / "chunks" / foreign.name).write_bytes(foreign.read_bytes())
    (tmp_path / "s" / "chunks" / "notes.txt").write_text("mine")
    with pytest.warns(UserWarning, match="it belongs to another problem") as warned:
        assert known(tmp_path / "s").all()
    assert "notes.txt: its name is not one of Skerry's" in str(warned[0].message)
    assert (tmp_path / "s" / "aside" / "notes.txt").read_text() == "mine"


def test_a_pickle_in_a_chunk_is_not_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    from skerry.store._chunk import chunk_name

    fill(tmp_path / "s")
    path = tmp_path / "evil.npz"
    np.savez(path, head=np.array([Evil()], dtype=object), theta=THETA)
    name = chunk_name(9, path.read_bytes())
    (tmp_path / "s" / "chunks" / name).write_bytes(path.read_bytes())
    with pytest.warns(UserWarning, match="Object arrays cannot be loaded"):
        known(tmp_path / "s")
    assert not (tmp_path / "executed").exists()


def test_a_lost_manifest_is_written_anew_from_the_chunks(tmp_path):
    fill(tmp_path)
    text = (tmp_path / "manifest.json").read_text()
    for damage in ("", text[:-30], text.replace('"(0,)"', '"(1,)"'), "[]", '{"digest": 1}'):
        (tmp_path / "manifest.json").write_text(damage)
        with pytest.warns(UserWarning, match="manifest .* was missing or damaged"):
            assert known(tmp_path).all()
        assert json.loads((tmp_path / "manifest.json").read_text())["identity"] == IDENTITY
    (tmp_path / "manifest.json").unlink()
    other = {**IDENTITY, "prior": "another"}
    with (
        pytest.raises(InputError, match="none of its chunks is of this problem"),
        opened(Store(tmp_path), other, 2),
    ):
        pass


# Another run


def test_another_run_is_refused_and_what_differs_is_named(tmp_path):
    fill(tmp_path)
    before = files(tmp_path)
    other = {**IDENTITY, "seed": "(7,)", "likelihood": "abc", "scheme": "Static"}
    with pytest.raises(InputError) as caught, opened(Store(tmp_path), other, 2):
        pass
    text = str(caught.value)
    assert "\n  seed: stored (0,), now (7,)\n" in text
    assert "  likelihood: stored " in text
    assert "(the likelihood's code, or values it uses)" in text
    assert "  scheme: stored nothing, now Static\n" in text
    assert "accept=('likelihood', 'seed', 'scheme',)" in text
    assert files(tmp_path) == before
    accepted = Store(tmp_path, accept=("likelihood", "seed", "scheme"))
    with opened(accepted, other, 2) as records:
        assert records.find(THETA).known.all()
        records.add(THETA + 1, VALUES, np.zeros(50, bool), {}, 1.0)
    assert known(tmp_path).all()


def likelihoods():
    data = np.arange(5.0)

    def one(theta):
        return -np.sum((theta - data[1]) ** 2, axis=1)

    def two(theta):
        return -np.sum((theta - data[2]) ** 2, axis=1)

    return one, two


def test_a_problem_is_known_by_what_it_is():
    same = [problem_identity(Problem(PRIOR, likelihoods()[0])) for _ in range(2)]
    assert same[0] == same[1]
    changed = {
        "likelihood": problem_identity(Problem(PRIOR, likelihoods()[1])),
        "prior": problem_identity(
            Problem(Prior({"a": st.norm(0, 1.01), "b, c": st.uniform(-1, 2)}), likelihoods()[0])
        ),
        "parameters": problem_identity(
            Problem(Prior({"a": st.norm(0, 1), "b": st.uniform(-1, 2)}), likelihoods()[0])
        ),
    }
    for name, identity in changed.items():
        assert [key for key in identity if identity[key] != same[0][key]] == [name]


def test_a_likelihood_is_known_by_the_values_it_uses_but_not_by_its_counter():
    def made(shift):
        calls = 0
        seen = []

        def function(theta):
            nonlocal calls
            calls += 1
            seen.append(theta)
            return theta[:, 0] + shift[0]

        return function

    first = Problem(PRIOR, made(np.ones(3)))
    before = problem_identity(first)
    first.log_likelihood(THETA)
    assert problem_identity(first) == before == problem_identity(Problem(PRIOR, made(np.ones(3))))
    assert problem_identity(Problem(PRIOR, made(np.zeros(3)))) != before
    with_x = Problem(PRIOR, lambda theta, x: theta[:, 0] - x[0])
    assert problem_identity(with_x, [1.0, 2.0]) == problem_identity(with_x, [1.0, 2.0])
    assert problem_identity(with_x, [1.0, 2.0]) != problem_identity(with_x, [1.0, 3.0])


def test_an_identity_is_the_same_in_another_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_store as t; "
        "print(t.IDENTITY['likelihood'], t.IDENTITY['prior'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "77"},
    )
    assert done.stdout.strip() == f"{IDENTITY['likelihood']} {IDENTITY['prior']}"


# The lock


def test_a_second_writer_is_refused_and_the_first_is_named(tmp_path):
    with store_of(tmp_path):
        with pytest.raises(StoreError, match="in use by this very process"), store_of(tmp_path):
            pass
        assert (tmp_path / "lock").exists()
    assert not (tmp_path / "lock").exists()
    holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        write_lock(tmp_path, pid=holder.pid, started=_lock._started(holder.pid))
        with (
            pytest.raises(StoreError, match=f"in use by process {holder.pid} on ") as caught,
            store_of(tmp_path),
        ):
            pass
        assert f"delete {tmp_path / 'lock'}" in str(caught.value)
    finally:
        holder.communicate(b"\n")
    assert not known(tmp_path).any()  # the holder is gone: its lock is stale


def write_lock(folder, **changes):
    owner = {"host": _lock._host(), "pid": os.getpid(), "started": "", "token": "x", **changes}
    (folder / "lock").write_text(json.dumps(owner))


def test_locks_of_the_dead_are_stale(tmp_path):
    fill(tmp_path)
    write_lock(tmp_path, started="12")  # the number was given to another process since
    assert known(tmp_path).all()
    write_lock(tmp_path, host="elsewhere")
    with pytest.raises(StoreError, match=r"process .* on elsewhere"), store_of(tmp_path):
        pass
    old = (tmp_path / "lock").stat().st_mtime - 2 * _lock.SILENT_SECONDS
    os.utime(tmp_path / "lock", (old, old))
    assert known(tmp_path).all()
    (tmp_path / "lock").write_text("no json")
    with pytest.raises(StoreError, match="doesn't name"), store_of(tmp_path):
        pass


def test_the_lock_works_without_hard_links(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(_lock.os, "link", refused)
    with store_of(tmp_path), pytest.raises(StoreError, match="in use"), store_of(tmp_path):
        pass
    assert not (tmp_path / "lock").exists()


def test_a_holder_touches_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(_lock, "TOUCH_SECONDS", 0.01)
    with store_of(tmp_path):
        os.utime(tmp_path / "lock", (1, 1))
        for _ in range(200):
            if (tmp_path / "lock").stat().st_mtime > 1:
                break
            _lock.threading.Event().wait(0.01)
        assert (tmp_path / "lock").stat().st_mtime > 1


# Disks that refuse


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "the disk is full; make room, and run the same again"),
        (errno.EDQUOT, "your quota is used up"),
        (errno.EROFS, "read-only file system"),
        (errno.EIO, "Input/output error; see to it"),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_write_that_fails_is_told_and_loses_nothing(tmp_path, monkeypatch, number, text, call):
    fill(tmp_path, (20,))
    before = files(tmp_path)

    def refused(*_):
        raise OSError(number, os.strerror(number))

    with store_of(tmp_path) as records:
        with monkeypatch.context() as patch:
            patch.setattr(_files.os, call, refused)
            with pytest.raises(StoreError, match=text):
                records.add(THETA[20:], VALUES[20:], np.zeros(30, bool), {}, 1.0)
        assert files(tmp_path).keys() - before.keys() == {Path("lock")}
        assert records.find(THETA).known.all()  # kept in memory, and written in the end
    assert known(tmp_path).all()


def test_a_disk_that_is_full_half_way_through_a_file_leaves_no_half(tmp_path, monkeypatch):
    fill(tmp_path, (20,))
    room = 700
    write = os.write

    def small(handle, data):
        nonlocal room
        if room <= 0:
            raise OSError(errno.ENOSPC, "full")
        n = write(handle, data[:room])
        room -= n
        return n

    def add():
        with store_of(tmp_path) as records:
            monkeypatch.setattr(_files.os, "write", small)
            records.add(THETA[20:], VALUES[20:], np.zeros(30, bool), {}, 1.0)

    with pytest.raises(StoreError, match="disk is full"):
        add()
    monkeypatch.undo()
    assert not list(tmp_path.rglob(".part-*"))
    np.testing.assert_array_equal(known(tmp_path), [True] * 20 + [False] * 30)


def test_folders_that_cannot_be_written_are_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file; pass another"), store_of(tmp_path / "file"):
        pass
    with (
        pytest.raises(StoreError, match=r"Expected (to write|a folder)"),
        store_of(tmp_path / "file" / "in"),
    ):
        pass
    fill(tmp_path / "s")

    def read_only(*_):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(_lock.os, "open", read_only)
    with pytest.raises(StoreError, match="read-only file system"), store_of(tmp_path / "s"):
        pass


def test_a_disk_too_full_for_the_lock_leaves_none(tmp_path, monkeypatch):
    write = os.write

    def full(handle, data):
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "no space")
        return write(handle, bytes(data[:-5]))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="disk is full"), store_of(tmp_path):
        pass
    monkeypatch.undo()
    with store_of(tmp_path):
        pass


def test_what_a_killed_writer_left_is_swept_up(tmp_path):
    fill(tmp_path)
    (tmp_path / "chunks" / ".part-1-abc").write_bytes(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert known(tmp_path).all()
    assert not list(tmp_path.rglob(".part-*"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"path": 3}, "Expected the path of a folder"),
        ({"path": ""}, "Expected the path of a folder"),
        ({"path": "a", "accept": "seed"}, "Expected accept as a tuple"),
        ({"path": "a", "unsaved_seconds": -1}, "Expected unsaved_seconds >= 0"),
    ],
)
def test_mistakes_in_settings_are_told(options, text):
    with pytest.raises(InputError, match=text):
        Store(**options)


def test_reading_what_is_no_store_is_told(tmp_path):
    with pytest.raises(InputError, match="Expected a store in"):
        read(tmp_path)


# Keys


def test_keys_tell_points_apart():
    rng = np.random.default_rng(1)
    theta = rng.standard_normal((50_000, 3))
    both = np.vstack([theta, np.nextafter(theta, 9), theta[:, ::-1], -theta])
    keys = keys_of(both)
    assert len(np.unique(keys[:, 0])) == len(both)
    assert len(np.unique(keys[:, 1])) == len(both)
    for column in keys.T:  # each of the 64 bits is set in half of the keys: z of 5
        shares = [(column >> np.uint64(b) & np.uint64(1)).mean() for b in range(64)]
        assert np.max(np.abs(np.array(shares) - 0.5)) < 5 * 0.5 / np.sqrt(len(both))


def test_the_index_finds_rows_across_its_parts(monkeypatch):
    from skerry.store import _index

    monkeypatch.setattr(_index, "RECENT", 100)
    keys = keys_of(np.random.default_rng(2).standard_normal((1000, 2)))
    index, row = Index(), 0
    for n in (10, 200, 50, 60, 5, 300, 375):
        index.add(keys[row : row + n], row)
        row += n
    np.testing.assert_array_equal(index.find(keys), np.arange(1000))
    index.add(keys[:500], 1000)
    np.testing.assert_array_equal(index.find(keys), np.arange(1000))
    assert len(index) == 1000
    assert (index.find(keys + np.uint64(1)) == -1).all()
