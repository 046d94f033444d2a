"""The command line as a door: words of every kind for every command.

The words are random, the work is not done in full: numbers of draws are cut down, training and
pictures are left out.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
import os
import typing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

from typer.models import OptionInfo
from typer.testing import CliRunner

import skerry
from fuzzing import mutate, seeds
from skerry.cli._app import app
from skerry.errors import InputError

CODES = {0, 1, 2, 3, 75, 130, 143}
FEW = 60
LONG_RUNNING = {"bench", "explore"}
WORDS = (*mutate.TEXTS[3:], "", "-1", "0", "1", "nan", "inf", "-inf", "1e400", "0x10", "1_000",
         "٣", "99999999999999999999999999", "1.5", "-", "--", "--help", "-q", "1,2", "1,2,3",
         ",", "1,nan", "\udcff\udcfe", "two.py", "a b", "~", "$HOME", "None", "%d")  # fmt: skip
FILES = ("two.py", "posterior.npz", "estimator.npz", "table.csv", "junk.npz", "junk.csv", "junk.py",
         "empty", "folder", "run", "missing", "x.txt", "missing/out", "posterior.npz/out", "é.py",
         "no.parquet", "raises.py", "exits.py", "")  # fmt: skip


def fill(folder):
    """A folder of files that fit and files that don't."""
    if (folder / "two.py").exists():
        return
    contents = {
        "two.py": seeds.PROBLEM.encode(),
        "é.py": b"problem = 3",
        "raises.py": b"1 / 0",
        "exits.py": b"import sys\nsys.exit('bye')",
        "junk.py": b"\x00\xff(",
        "posterior.npz": seeds.posteriors()[0],
        "estimator.npz": seeds.estimators()[0],
        "table.csv": seeds.csv_table(),
        "junk.npz": b"PK\x03\x04" + b"\xff" * 90,
        "junk.csv": b"\xff\xfe\x00",
        "no.parquet": b"PAR1 PAR1",
        "empty": b"",
        "x.txt": b"1.0,2.5\n",
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    (folder / "run").mkdir()
    (folder / "run" / "posterior.npz").write_bytes(contents["posterior.npz"])


class Parameter(NamedTuple):
    """A command's argument (no name) or option."""

    name: str
    kind: type
    required: bool
    choices: tuple[str, ...]


@functools.cache
def commands():
    """The parameters of each command, by its name."""
    found = {}
    for entry in app.registered_commands:
        call = entry.callback
        hints = typing.get_type_hints(call, include_extras=True)
        found[entry.name or call.__name__] = tuple(
            _parameter(name, hints[name], given.default)
            for name, given in inspect.signature(call).parameters.items()
            if typing.get_args(hints[name]) and name != "program"  # whose words are run
        )
    return found


def _parameter(name, hint, default):
    kind, about = typing.get_args(hint)
    kinds = [k for k in typing.get_args(kind) or (kind,) if k is not type(None)]
    declared = [d for d in about.param_decls or () if d.startswith("--")]
    option = isinstance(about, OptionInfo)
    label = (declared or ["--" + name.replace("_", "-")])[0] if option else ""
    choices = tuple(map(str, kinds[0])) if issubclass(kinds[0], enum.Enum) else ()
    return Parameter(label, kinds[0], default is inspect.Parameter.empty, choices)


def _word(rng, parameter):
    """A value for an option or argument: one that may fit, as often as not."""
    fitting = {
        Path: FILES,
        int: ("0", "1", "10", "20", "50", "100", "7"),
        float: ("1", "10", "0.5", "50"),
        str: ("1,2", "1.0,2.5", "x.txt", "0,1"),
    }.get(parameter.kind, parameter.choices)
    return mutate.pick(rng, (fitting or WORDS) if rng.integers(4) else WORDS)


def words(rng):
    """A command and its words."""
    known = {name: own for name, own in commands().items() if name not in LONG_RUNNING}
    if rng.integers(25) == 0:
        return [mutate.pick(rng, (*WORDS, *known)) for _ in range(int(rng.integers(4)))]
    name = mutate.pick(rng, list(known))
    found = [name]
    for parameter in known[name]:
        if not parameter.name:
            if rng.integers(12):
                found.append(_word(rng, parameter))
        elif rng.integers(8) == 0 or (parameter.required and rng.integers(8)):
            found.append(parameter.name)
            if parameter.kind is not bool:
                found.append(_word(rng, parameter))
    if rng.integers(20) == 0:
        found.insert(int(rng.integers(len(found) + 1)), mutate.pick(rng, WORDS))
    return [word for word in found if word not in ("--debug", "--help", "-h")]


def _small(infer):
    def run(problem, x=None, **options):
        scheme = options["scheme"]
        if isinstance(scheme, skerry.Static):
            scheme = skerry.Static(min(scheme.n, FEW), "islands")
        elif not (options["max_calls"] or 0) > FEW:
            options["max_calls"] = FEW if options["max_calls"] is None else options["max_calls"]
        else:
            options["max_calls"] = FEW
        return infer(problem, x, **{**options, "scheme": scheme, "executor": None})

    return run


@contextlib.contextmanager
def shortened():
    """Commands without their long work."""
    from skerry import demo, report, study

    def fit(*args, **options):
        return real_fit(*args, **{**options, "density": "islands"})

    def amortize(problem, x=None, **options):
        if x is None and options["simulator"] is None and problem.noise is None:
            raise InputError("Expected observations, or a simulator; got neither; pass one.")
        return mock.MagicMock(held_out=1.0, n_likelihoods=3, settings={})

    def picture(*_, **__):
        return SimpleNamespace(save=lambda path: open(path, "wb").close())

    real_fit = skerry.fit
    posterior = _posterior()
    shown = SimpleNamespace(posterior=posterior, bridges={"x": 0.1}, page="page")
    with (
        mock.patch.object(skerry, "infer", _small(skerry.infer)),
        mock.patch.object(skerry, "fit", fit),
        mock.patch.object(skerry, "amortize", amortize),
        mock.patch.object(report, "write", lambda posterior, path, *_: Path(path)),
        mock.patch.object(report, "islands_picture", picture),
        mock.patch.object(demo, "run", return_value=shown),
        mock.patch.object(study, "run", return_value=None),
    ):
        yield


def _posterior():
    problem = skerry.Problem(seeds.PRIOR, seeds.log_likelihood)
    found = skerry.infer(problem, scheme=skerry.Static(50, density="islands"), failures="drop")
    return replace(found, settings={})


class Refused(skerry.errors.SkerryError):
    """The command ended with a code other than 0."""


def command(rng, folder):
    fill(folder)
    before = os.getcwd()
    os.chdir(folder)
    try:
        said = words(rng)
        result = CliRunner().invoke(app, said, prog_name="skerry")
    finally:
        os.chdir(before)
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        raise AssertionError(f"{said}: {type(error).__name__}: {error}") from error
    output = result.output
    assert result.exit_code in CODES or "exits.py" in said, f"{said}: code {result.exit_code}"
    assert "Traceback" not in output, f"{said}: {output}"
    assert "unforeseen (" not in output, f"{said}: {output}"
    if result.exit_code:
        assert len(output) > 20 or "exits.py" in said, f"{said}: {output!r}"
        raise Refused(output + " " * 20)
