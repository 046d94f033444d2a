"""The ways into Skerry for what others wrote: files of every kind.

A door takes a generator and a folder, spoils a valid file, passes it in, and returns whether it was
accepted; a :class:`~skerry.errors.SkerryError` is a refusal, anything else a fault.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings

import numpy as np

import skerry
from fuzzing import mutate, seeds
from skerry.cli._files import read_observation, read_prior
from skerry.interop import read_table
from skerry.store import Store, _chunk, _manifest, opened, read
from skerry.store._files import digest

THETA = np.random.default_rng(5).standard_normal((6, 2))
IDENTITY = {
    "parameters": '["a", "b"]',
    "prior": "p",
    "observation": "none",
    "likelihood": "l",
    "seed": "0",
}
OF = _manifest.problem_digest(IDENTITY)
CHUNKS = (
    _chunk.encode_chunk(_chunk.Chunk(THETA, THETA[:, 0], THETA[:, 1] > 0, {2: "why"}, THETA), OF),
    _chunk.encode_chunk(_chunk.Chunk(THETA, THETA[:, 0], THETA[:, 1] > 0), OF),
    _chunk.encode_round(_chunk.RoundChunk(3, "prior", THETA, THETA[:, 0], THETA[:, 1]), OF),
)


def _marker(folder):
    return folder / "executed"


def _spec(parts, name="spec"):
    return name, json.loads(str(np.load(io.BytesIO(parts[f"{name}.npy"]))))


def _posterior(data, folder, rng):
    path = folder / "model.npz"
    path.write_bytes(data)
    found = skerry.load(path)
    if isinstance(found, skerry.Posterior):
        found.summary()
        found.sample(3, 0)
        if rng.integers(20) == 0:
            found.save(folder / "again.npz")
            if found.flow is not None:
                found.flow.log_prob(found.samples[:2])
    else:
        assert len(found.names) == found.prior.ndim
        assert isinstance(found.held_out, float | int)
        if rng.integers(20) == 0:
            found.save(folder / "again.npz")
            found.log_prob(found.prior.sample(2, 0), np.zeros(found.x_shape))
            found.outside(np.zeros(found.x_shape))


def posterior_bytes(rng, folder):
    files = seeds.posteriors()
    _posterior(
        mutate.spoil_bytes(mutate.pick(rng, files), rng, mutate.pick(rng, files)), folder, rng
    )


def _inside(files, rng, folder):
    data = mutate.pick(rng, files)
    parts = mutate.members(data)
    name, spec = _spec(parts)
    _posterior(mutate.spoil_zip(parts, rng, _marker(folder), (f"{name}.npy", spec)), folder, rng)


def posterior_inside(rng, folder):
    _inside(seeds.posteriors(), rng, folder)


def estimator_bytes(rng, folder):
    files = seeds.estimators()
    _posterior(
        mutate.spoil_bytes(mutate.pick(rng, files), rng, mutate.pick(rng, files)), folder, rng
    )


def estimator_inside(rng, folder):
    _inside(seeds.estimators(), rng, folder)


def _spoiled_chunk(rng, folder):
    data = mutate.pick(rng, CHUNKS)
    if rng.integers(3) == 0:
        return mutate.spoil_bytes(data, rng, mutate.pick(rng, CHUNKS))
    parts = mutate.members(data)
    name, head = _spec(parts, "head")
    return mutate.spoil_zip(parts, rng, _marker(folder), (f"{name}.npy", head))


def chunk(rng, folder):
    data = _spoiled_chunk(rng, folder)
    name = mutate.pick(rng, (_chunk.chunk_name, _chunk.round_name))(1, data)
    try:
        found = _chunk.decode(name, data, 2, OF)
    except _chunk.DamagedError as error:
        raise skerry.errors.StoreError(str(error)) from error
    assert found.theta.shape[1:] == (2,)
    assert found.theta.dtype == np.float64


def _spoiled_manifest(rng):
    body = {"format": _manifest.FORMAT, "identity": IDENTITY, "information": {"python": "3"}}
    if rng.integers(4) == 0:
        good = json.dumps({**body, "digest": _manifest._digest(body)}).encode()
        return mutate.spoil_bytes(good, rng, good)
    body = mutate.spoil_json(body, rng)
    if rng.integers(3) == 0 and isinstance(body.get("identity"), dict):
        names = mutate.spoil_json(["a", "b"], rng)
        body["identity"]["parameters"] = mutate.pick(rng, (json.dumps(names), names, "[" * 90_000))
    text = json.dumps(body, sort_keys=True)
    if isinstance(body, dict):
        text = json.dumps({**body, "digest": digest(text.encode())})
    return text.encode()


def _spoiled_lock(rng):
    lock = {"host": "h", "pid": 12, "started": "3", "token": "ab"}
    if rng.integers(2):
        from skerry.store._lock import _myself

        lock = {**_myself(), "token": "ab"}
    return mutate.json_text(mutate.spoil_json(lock, rng), rng).encode()


def store(rng, folder):
    """A folder with a spoiled manifest, lock or chunk, read and opened for writing."""
    place = folder / f"store{int(rng.integers(2**62))}"
    (place / "chunks").mkdir(parents=True)
    which = int(rng.integers(4))
    if which == 0:
        (place / "manifest.json").write_bytes(_spoiled_manifest(rng))
    elif rng.integers(3):
        _manifest.write_manifest(place, IDENTITY, {})
    if which == 1:
        (place / "lock").write_bytes(_spoiled_lock(rng))
    for i in range(int(rng.integers(3))):
        data = mutate.pick(rng, CHUNKS) if rng.integers(2) else _spoiled_chunk(rng, folder)
        name = mutate.pick(rng, (_chunk.chunk_name, _chunk.round_name))(i, data)
        (place / "chunks" / name).write_bytes(data)
    if which == 2:
        odd = mutate.pick(
            rng, ("manifest.json", "lock", "chunks/chunk-00000001-" + "0" * 32 + ".npz")
        )
        if not (place / odd).exists():
            (place / odd).mkdir()
    with contextlib.suppress(skerry.errors.SkerryError):
        read(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with opened(Store(place), IDENTITY, 2) as records:
            records.find(THETA)
            records.add(THETA, THETA[:, 0], THETA[:, 0] > 9, {}, 0.0)


def _table(data, name, folder):
    path = folder / name
    path.write_bytes(data)
    found = read_table(path, seeds.PRIOR)
    assert found.theta.shape == (len(found), 3)
    assert not np.isnan(found.log_likelihood).any()


def table_csv(rng, folder):
    good = seeds.csv_table()
    if rng.integers(3):
        data = mutate.spoil_bytes(good, rng, good)
    else:
        lines = good.split(b"\n")
        for _ in range(int(rng.integers(1, 4))):
            cells = lines[int(rng.integers(len(lines)))].split(b",")
            value = str(mutate.odd_value(rng)).encode("utf-8", "surrogatepass")
            cells[int(rng.integers(len(cells)))] = value
            lines[int(rng.integers(len(lines)))] = b",".join(cells)
        data = b"\n".join(lines)
        if rng.integers(50) == 0:
            data = b'"' + b"x" * 200_000
    _table(data, "table.csv", folder)


def table_npz(rng, folder):
    parts = {f"{name}.npy": mutate.npy(column) for name, column in seeds.table().items()}
    if rng.integers(3) == 0:
        good = mutate.zipped(parts.items())
        _table(mutate.spoil_bytes(good, rng, good), "table.npz", folder)
    else:
        _table(mutate.spoil_zip(parts, rng, _marker(folder)), "table.npz", folder)


def table_parquet(rng, folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = dict(seeds.table())
    if rng.integers(3) == 0:
        name, n = mutate.pick(rng, list(columns)), 30
        odd = [
            pa.array(["x"] * n),
            pa.array([None] * n),
            pa.array([[1.0]] * n),
            pa.array([b"\x80\x04"] * n),
            pa.array([True] * n),
            pa.array([10**15] * n, pa.timestamp("us")),
            pa.array([1.0, None] * (n // 2)),
            pa.array([{"a": 1}] * n),
        ]
        columns[name] = mutate.pick(rng, odd)
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    data = file.getvalue()
    if rng.integers(4):
        data = mutate.spoil_bytes(data, rng, data)
    _table(data, "table.parquet", folder)


def observation(rng, folder):
    good = b"1.0,2.5,-3e4\n" * int(rng.integers(1, 4))
    data = mutate.spoil_bytes(good, rng, good)
    if rng.integers(2):
        path = folder / "x.txt"
        path.write_bytes(data)
        found = read_observation(str(path))
    else:
        found = read_observation(data.decode("utf-8", "surrogateescape"))
    assert found.dtype == np.float64


def prior(rng, folder):
    """A Python file is run, by its contract; spoiled ones seldom do."""
    path = folder / "prior.py"
    good = seeds.PROBLEM.encode()
    path.write_bytes(mutate.spoil_bytes(good, rng, good))
    read_prior(path)


DOORS = {
    door.__name__: door
    for door in (
        posterior_bytes,
        posterior_inside,
        estimator_bytes,
        estimator_inside,
        chunk,
        store,
        table_csv,
        table_npz,
        table_parquet,
        observation,
        prior,
    )
}
