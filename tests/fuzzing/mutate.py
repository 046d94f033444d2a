"""Spoiling valid files: bytes, JSON values, npy headers, the members of zip files."""

from __future__ import annotations

import copy
import functools
import io
import json
import pickle
import struct
import warnings
import zipfile

import numpy as np

TEXTS = (
    "",
    " ",
    "a" * 5000,
    "\x00",
    "\ud800",
    "../../../etc/passwd",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "%s%n",
    "__class__",
    "rv_continuous",
    "studentized_range",
    "levy_stable",
    "norm",
    "NaN",
    "１２",
    "🏝" * 40,
    "\x1b[2J",
)
NUMBERS = (0, 1, -1, 2, 3, 2**31, 2**63, -(2**63) - 1, 10**40, 1e308, -1e308, 5e-324, 0.5, -0.0)
ODD = (None, True, False, float("nan"), float("inf"), -float("inf"), [], {}, [[]], [1, [2, [3]]])


class Bait:
    """Unpickled, it makes a file: the proof that something was executed."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def pick(rng, values):
    return values[int(rng.integers(len(values)))]


def spoil_bytes(data, rng, other=b""):
    """Bits flipped, bytes put, cut, doubled, spliced from another file."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        if not data:
            return bytes(rng.bytes(int(rng.integers(0, 50))))
        place = int(rng.integers(len(data)))
        length = int(rng.integers(1, 40))
        match int(rng.integers(8)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.integers(256))
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + length]
            case 4:
                data[place:place] = rng.bytes(int(rng.integers(1, 9)))
            case 5:
                data[place : place + 4] = struct.pack("<I", pick(rng, (0, 1, 2**31, 2**32 - 1)))
            case 6:
                del data[place:]
            case 7:
                start = int(rng.integers(len(other) + 1))
                data[place : place + length] = other[start : start + length]
    return bytes(data)


def odd_value(rng):
    return copy.deepcopy(pick(rng, pick(rng, (TEXTS, NUMBERS, ODD))))


def _places(value, found):
    """All containers in a JSON value."""
    if isinstance(value, dict | list):
        found.append(value)
        for item in value.values() if isinstance(value, dict) else value:
            _places(item, found)
    return found


def spoil_json(value, rng):
    """A few entries replaced, left out, doubled, added."""
    value = copy.deepcopy(value)
    for _ in range(int(rng.integers(1, 4))):
        places = _places(value, [])
        if not places:
            return value
        place = pick(rng, places)
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        action = int(rng.integers(7))
        if not keys or action == 0:
            if isinstance(place, dict):
                place[pick(rng, TEXTS)] = odd_value(rng)
            else:
                place.append(odd_value(rng))
        elif action == 1:
            del place[pick(rng, keys)]
        elif action == 2:
            place[pick(rng, keys)] = copy.deepcopy(pick(rng, places))
        else:
            place[pick(rng, keys)] = odd_value(rng)
    return value


def json_text(value, rng):
    """As text; now and then nested without end, or no JSON at all."""
    match int(rng.integers(40)):
        case 0:
            return "[" * 100_000
        case 1:
            return '{"a":' * 50_000 + "1" + "}" * 50_000
        case 2:
            return "9" * 5000
        case _:
            return json.dumps(value)


def npy(array, *, allow_pickle=False):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=allow_pickle)
    return file.getvalue()


def lying_npy(rng):
    """A header that claims what isn't there."""
    shape = pick(
        rng,
        ("(99999999999, 2)", "(-1, 2)", "(2**40,)", "()", "(0,)", "(1,)*99", "(1e9,)", "(3, 2",
         "(9223372036854775807, 9223372036854775807)", "[2, 2]", "(True,)", "(2000000000,)"),
    )  # fmt: skip
    kind = pick(rng, ("<f8", "|O", "<U1000000000", ">f8", "<f2", "|V8", "<M8[s]", "f8,i4", "|b1"))
    header = (
        f"{{'descr': '{kind}', 'fortran_order': {pick(rng, (True, False, 3))}, 'shape': {shape}, }}"
    )
    version = pick(rng, (1, 2, 3, 9))
    data = header.encode() + b" " * int(rng.integers(60)) + b"\n"
    size = len(data).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + data + rng.bytes(int(rng.integers(200)))


def odd_array(rng, marker):  # noqa: PLR0911 - a table of kinds
    """An npy file of another kind or shape, a pickle among them."""
    rows, columns = int(rng.integers(0, 7)), int(rng.integers(0, 5))
    match int(rng.integers(10)):
        case 0:
            return npy(np.array([Bait(marker), 1.0], object), allow_pickle=True)
        case 1:
            return pickle.dumps(Bait(marker))
        case 2 | 3:
            return lying_npy(rng)
        case 4:
            return npy(np.full((rows, columns), pick(rng, (np.nan, np.inf, -np.inf, 1e308, 0.0))))
        case 5:
            return npy(rng.integers(-(2**62), 2**62, (rows,)))
        case 6:
            return npy(np.array(pick(rng, TEXTS[:3] + TEXTS[5:])))
        case 7:
            return npy(rng.standard_normal((rows, columns)).astype(pick(rng, ("f4", ">f8", "c16"))))
        case 8:
            return npy(np.zeros(rows, [("a", "f8"), ("b", "i4")]))
        case _:
            return npy(rng.standard_normal((rows, columns, 2)))


def members(data):
    """The files inside a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, data in parts:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


@functools.cache
def bomb(name):
    """160 kB that unpack to 160 MB."""
    return zipped([(name, npy(np.zeros(20_000_000)))], zipfile.ZIP_DEFLATED)


def spoil_zip(parts, rng, marker, text=None):
    """Members of a zip spoiled, exchanged, left out; ``text``: the JSON one, ``(name, array)``."""
    parts = dict(parts)
    extra = []
    for _ in range(int(rng.integers(1, 4))):
        if not parts:
            break
        name, other = pick(rng, list(parts)), pick(rng, list(parts))
        match int(rng.integers(12)):
            case 0 | 1:
                parts[name] = spoil_bytes(parts[name], rng, parts[other])
            case 2 | 3:
                parts[name] = odd_array(rng, marker)
            case 4:
                parts[name] = parts[other]
            case 5:
                del parts[name]
            case 6:
                extra.append((name, odd_array(rng, marker)))
            case 7:
                extra.append(
                    (pick(rng, ("../x.npy", "/x.npy", "x", "leaf99.npy", "\x00.npy")), b"")
                )
            case _ if text is not None:
                parts[text[0]] = npy(np.array(json_text(spoil_json(text[1], rng), rng)))
            case _:
                parts[name] = spoil_values(parts[name], rng)
    if rng.integers(200) == 0:
        return bomb(pick(rng, ("spec.npy", "theta.npy", "leaf0.npy")))
    method = zipfile.ZIP_DEFLATED if rng.integers(4) == 0 else zipfile.ZIP_STORED
    return zipped([*parts.items(), *extra], method)


def spoil_values(data, rng):
    """An npy file of the same shape with a few values that are no good."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception:  # spoiled before
        return data
    if not array.size or array.dtype.kind not in "fiub":
        return data
    array = array.copy()
    values = (0, 1, -1, 2**31, np.nan, np.inf, -np.inf, 1e300, 99, 1e-320)
    with np.errstate(all="ignore"):
        for _ in range(int(rng.integers(1, 4))):
            try:
                array.reshape(-1)[int(rng.integers(array.size))] = pick(rng, values)
            except (OverflowError, ValueError):
                continue
    return npy(array)
