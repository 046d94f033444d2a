"""What a run in files is: settled by the first `propose`, the same ever after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skerry.errors import InputError, StoreError
from skerry.store._files import write_new

if TYPE_CHECKING:
    from skerry.inference import Adaptive, Static

NAME = "run.json"
FORMAT = "skerry run 1"


@dataclass(frozen=True)
class Settings:
    """Settings of a run in files.

    Attributes:
        n_effective: effective samples asked for.
        max_calls: likelihood calls at most, or None.
        seed: of all random numbers.
        thoroughness: how hard to look for islands; see :class:`skerry.Adaptive`.
        draws: so many prior draws, weighted by their likelihood, in one round; None: adaptive.
        failures: what becomes of calls that fail: ``"raise"`` (the chunk is refused), ``"drop"`` or
            ``"zero"``.
        chunks: files of a round at most: the size of a job array.
    """

    n_effective: float = 10_000
    max_calls: int | None = None
    seed: int = 0
    thoroughness: float = 1.0
    draws: int | None = None
    failures: str = "raise"
    chunks: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"Expected seed, an int >= 0; got {self.seed!r}.")
        chunks = self.chunks
        if isinstance(chunks, bool) or not isinstance(chunks, int) or not 1 <= chunks <= 99_999:
            raise InputError(
                f"Expected chunks, an int from 1 to 99,999; got {chunks!r}; pass the number of "
                "jobs that run at a time."
            )

    @property
    def scheme(self) -> Adaptive | Static:
        """The scheme they describe."""
        from skerry.inference import Adaptive, Static

        if self.draws is not None:
            return Static(self.draws, "islands")
        return Adaptive(thoroughness=self.thoroughness, few_batches=True)


@dataclass(frozen=True)
class RunFile:
    """The content of ``run.json``.

    Attributes:
        settings: see there.
        identity: of the problem, short texts by name; ``likelihood`` is missing if it isn't
            written in Python.
        source: the file the problem came from, as the command line was told, or None.
        prior: the prior as plain data (a list of parts), or None if it can't be written so.
    """

    settings: Settings
    identity: Mapping[str, str]
    source: str | None = None
    prior: Any = None


def write_run_file(folder: Path, run: RunFile) -> None:
    """Write a new run's file.

    Raises:
        StoreError: if that fails.
    """
    body = {"format": FORMAT, **asdict(replace(run, identity=dict(run.identity)))}
    text = json.dumps({**body, "digest": _digest(body)}, indent=2)
    write_new(folder / NAME, text.encode() + b"\n")


def read_run_file(folder: Path) -> RunFile | None:
    """A run's file; None if there is none.

    Raises:
        InputError: for a damaged one, or another format.
    """
    path = folder / NAME
    try:
        found = json.loads(path.read_bytes())
        digest = found.pop("digest")
        if found["format"] != FORMAT:
            raise InputError(
                f"Expected a run of format {FORMAT!r} in {path}; got {found['format']!r}; use the "
                "release of Skerry that wrote it."
            )
        if digest != _digest(found):
            raise ValueError("its content was changed")
        known = {f.name for f in fields(Settings)}
        settings = Settings(**{k: v for k, v in found["settings"].items() if k in known})
        return RunFile(settings, found["identity"], found["source"], found["prior"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"Expected to read {path}; {error.strerror or error}.") from error
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"Expected a run's settings in {path}; it is damaged ({error}); delete it and run the "
            "first `skerry propose` again, with the same options: what is stored stays."
        ) from error


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
