"""Hostile files: a clear refusal, never a traceback, a hang, or anything executed."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from skerry.errors import SkerryError
from skerry.store import _manifest, read
from skerry.store._chunk import (
    Chunk,
    DamagedError,
    RoundChunk,
    chunk_name,
    decode,
    encode_chunk,
    encode_round,
    round_name,
)

RNG = np.random.default_rng(5)
THETA = RNG.standard_normal((6, 2))
GOOD = [
    encode_chunk(Chunk(THETA, THETA[:, 0], THETA[:, 1] > 0, {2: "why"}, THETA), "p"),
    encode_chunk(Chunk(THETA, THETA[:, 0], THETA[:, 1] > 0), "p"),
    encode_round(RoundChunk(3, "adaptive", THETA, THETA[:, 0], THETA[:, 1]), "p"),
]


def mutated(data, rng):
    """Bytes flipped, cut, doubled, or put elsewhere."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(data)))
        match int(rng.integers(5)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.integers(256))
            case 2:
                del data[place : place + int(rng.integers(1, 40))]
            case 3:
                data[place:place] = data[place : place + int(rng.integers(1, 40))]
            case 4:
                data[place:place] = rng.bytes(int(rng.integers(1, 9)))
        if not data:
            return b""
    return bytes(data)


def members(data):
    """The arrays' files inside an npz, to be changed one by one."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def survives(data):
    """Decoding under a name with the right digest gives a sound chunk or DamagedError."""
    for name in (chunk_name(1, data), round_name(1, data)):
        try:
            found = decode(name, data, 2, "p")
        except DamagedError:
            continue
        assert found.theta.ndim == 2
        assert found.theta.shape[1] == 2
        assert found.theta.dtype == np.float64


def attack(n, seed):
    """Bytes changed at random, of whole files and, checksums mended, inside them."""
    rng = np.random.default_rng(seed)
    inner = [members(data) for data in GOOD]
    for i in range(n):
        survives(mutated(GOOD[i % 3], rng))
        parts = dict(inner[i % 3])
        name = list(parts)[int(rng.integers(len(parts)))]
        survives(zipped({**parts, name: mutated(parts[name], rng)}))


def test_changed_chunks_are_refused():
    attack(300, 0)


@pytest.mark.statistical
def test_twenty_thousand_changed_chunks_are_refused():
    attack(10_000, 1)


HEADS = [
    None,
    3,
    [],
    {},
    {"format": "skerry chunk 1"},
    {"format": "skerry chunk 1", "problem": "p", "kind": "chunk", "messages": 3},
    {"format": "skerry chunk 1", "problem": "p", "kind": "chunk", "messages": [[99, "x"]]},
    {"format": "skerry chunk 1", "problem": "p", "kind": "chunk", "messages": [["a", "x"]]},
    {"format": "skerry chunk 1", "problem": "p", "kind": "round", "number": "x", "purpose": ""},
    {"format": "skerry chunk 9", "problem": "p", "kind": "chunk", "messages": []},
]


@pytest.mark.parametrize("head", HEADS)
def test_wrong_heads_are_refused(head):
    file = io.BytesIO()
    failed = np.zeros(6, np.uint8)
    text = np.array(json.dumps(head))
    np.savez(file, head=text, theta=THETA, log_likelihood=THETA[:, 0], failed=failed)
    data = file.getvalue()
    with pytest.raises(DamagedError):
        decode(chunk_name(1, data), data, 2, "p")


@pytest.mark.parametrize("number", [-1, 10**40])
def test_a_round_of_no_number_is_refused(number):
    found = RoundChunk(number, "adaptive", THETA, THETA[:, 0], THETA[:, 1])
    data = encode_round(found, "p")
    with pytest.raises(DamagedError, match="no round's"):
        decode(round_name(1, data), data, 2, "p")


def test_an_array_that_claims_to_be_huge_is_refused_without_making_it():
    parts = members(GOOD[1])
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 2), }"
    padded = header + b" " * (117 - len(header)) + b"\n"
    parts["theta.npy"] = b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded
    data = zipped(parts)
    with pytest.raises(DamagedError):
        decode(chunk_name(1, data), data, 2, "p")


def test_a_file_that_unpacks_without_end_is_refused():
    file = io.BytesIO()
    np.savez_compressed(file, head=np.array("{}"), theta=np.zeros((1_000_000, 2)))
    data = file.getvalue()
    with pytest.raises(DamagedError, match="it is compressed"):
        decode(chunk_name(1, data), data, 2, "p")


@pytest.mark.parametrize("seed", range(3))
def test_changed_manifests_are_refused_or_read(tmp_path, seed):
    _manifest.write_manifest(tmp_path, {"parameters": '["a", "b"]', "seed": "3"}, {})
    path = tmp_path / "manifest.json"
    good, rng = path.read_bytes(), np.random.default_rng(seed)
    for i in range(150):
        deep = b"[" * 100_000 if i == 0 else mutated(good, rng)
        path.write_bytes(deep)
        found = _manifest.read_manifest(tmp_path)
        assert found in (None, {"parameters": '["a", "b"]', "seed": "3"})
        try:
            read(tmp_path)
        except SkerryError:
            continue
