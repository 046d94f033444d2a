"""Hostile chunks: each is read rightly, or refused with the file's name; never a traceback."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np
import pytest

from skerry.errors import InputError
from skerry.files._columns import (
    FilledError,
    Row,
    chunk_text,
    read_filled,
    read_points,
)
from skerry.files._priors import read_prior_table
from skerry.files._rounds import read_round, write_round
from skerry.files._settings import RunFile, Settings, read_run_file, write_run_file

NAMES = ("a", "b, c")
THETA = np.random.default_rng(2).standard_normal((12, 2))
ROWS = [Row(float(v), None) for v in THETA[:, 0]]
OWN = {point.tobytes() for point in THETA}
GOOD = chunk_text(7, NAMES, THETA, ROWS).encode()
PLAIN = chunk_text(7, NAMES, THETA).encode()


def mutated(data, rng):
    """Bytes flipped, cut, doubled, put elsewhere; cells swapped."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not data:
            break
        place = int(rng.integers(len(data)))
        match int(rng.integers(6)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = rng.choice(list(b'0123456789.,-"\n\r ednaif\x00\xff'))
            case 2:
                del data[place : place + int(rng.integers(1, 60))]
            case 3:
                data[place:place] = data[place : place + int(rng.integers(1, 200))]
            case 4:
                data[place:place] = rng.bytes(int(rng.integers(1, 9)))
            case 5:
                del data[place:]
    return bytes(data)


def reads(path, data, allow):
    """What is read, whose values are the right ones but for changed cells; or None if refused."""
    path.write_bytes(data)
    found, why = None, f"Expected {path}"
    try:
        found = read_filled(path, 7, NAMES, THETA, allow_failures=allow)
    except FilledError as error:
        why = str(error)
    assert str(path) in why
    assert why.startswith("Expected ")
    if found is not None:
        assert len(found) == len(THETA)
        for row in found:
            assert math.isnan(row.value) == (row.failure is not None)
            assert row.value != math.inf
            assert allow or row.failure is None
    return found


def attack(path, n, seed):
    rng = np.random.default_rng(seed)
    refused = 0
    for i in range(n):
        refused += reads(path, mutated(GOOD, rng), bool(i % 2)) is None
        data = mutated(PLAIN, rng)
        path.write_bytes(data)
        with suppress(FilledError):  # lines may go; what is left must be ours
            assert {point.tobytes() for point in read_points(path, 7, NAMES)} <= OWN
    assert refused > n / 2


def test_changed_chunks_are_refused_or_read_rightly(tmp_path):
    attack(tmp_path / "chunk-0001.csv", 200, 0)


@pytest.mark.statistical
def test_three_thousand_changed_chunks(tmp_path):
    attack(tmp_path / "chunk-0001.csv", 3_000, 1)


def test_a_sound_chunk_is_read_to_the_last_bit(tmp_path):
    assert reads(tmp_path / "x.csv", GOOD, False) == ROWS
    assert reads(tmp_path / "x.csv", PLAIN, False) is None
    path = tmp_path / "y.csv"
    path.write_bytes(PLAIN)
    np.testing.assert_array_equal(read_points(path, 7, NAMES), THETA)


def test_no_cut_of_a_chunk_is_taken_for_whole(tmp_path):
    path = tmp_path / "x.csv"
    for end in range(0, len(GOOD), 7):
        assert reads(path, GOOD[:end], True) is None


def test_changed_heads_of_runs_and_rounds_are_refused_or_the_same(tmp_path):
    rng = np.random.default_rng(3)
    run = RunFile(Settings(seed=3), {"parameters": '["a"]', "prior": "x"}, None, None)
    write_run_file(tmp_path, run)
    made = write_round(tmp_path, 1, NAMES, THETA, 3)
    for path, read in (
        (tmp_path / "run.json", read_run_file),
        (made.folder / "round.json", read_round),
    ):
        good = path.read_bytes()
        for i in range(80):
            path.write_bytes(b"[" * 100_000 if i == 0 else mutated(good, rng))
            try:
                found = read(tmp_path)
            except InputError:
                continue
            if isinstance(found, RunFile):
                assert found == run
            else:
                np.testing.assert_array_equal(found.theta, THETA)
        path.write_bytes(good)


def test_changed_priors_are_refused_or_priors(tmp_path):
    rng = np.random.default_rng(4)
    good = b'a = {distribution = "gamma", args = [2.0], scale = 3}\nb = {periodic = [0, 6.28]}\n'
    for _ in range(40):
        path = tmp_path / "prior.toml"
        path.write_bytes(mutated(good, rng))
        why = "Expected"
        try:
            assert read_prior_table(path).ndim >= 1
        except InputError as error:
            why = str(error)
        assert why.startswith("Expected")


@pytest.mark.slow
def test_text_of_any_kind_in_any_cell(tmp_path):
    hypothesis = pytest.importorskip("hypothesis")
    cells = hypothesis.strategies.text(max_size=30)
    path = tmp_path / "x.csv"
    lines = GOOD.decode().splitlines()

    @hypothesis.given(
        line=hypothesis.strategies.integers(0, len(lines) - 1),
        column=hypothesis.strategies.integers(0, 4),
        text=cells | hypothesis.strategies.floats().map(repr),
        allow=hypothesis.strategies.booleans(),
    )
    @hypothesis.settings(max_examples=500, deadline=None, derandomize=True, database=None)
    def check(line, column, text, allow):
        parts = lines[line].split(",")
        parts[min(column, len(parts) - 1)] = text
        whole = "\n".join([*lines[:line], ",".join(parts), *lines[line + 1 :]]) + "\n"
        reads(path, whole.encode("utf-8", "surrogatepass"), allow)

    check()
