"""A posterior as one JSON document, for programs; everything else goes to the error stream."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from skerry.posterior import Posterior

FACTS = ("log_evidence", "log_evidence_error", "n_effective", "n_calls", "n_failed", "khat")


@contextmanager
def answering(wanted: bool) -> Iterator[TextIO | None]:
    """Standard output, kept free for the answer: what is printed meanwhile goes to stderr.

    Yields:
        the stream to write the answer to; None if no JSON is wanted.
    """
    if not wanted:
        yield None
        return
    stream = sys.stdout
    with redirect_stdout(sys.stderr):
        yield stream


def answer(posterior: Posterior, folder: Path | None = None) -> dict[str, Any]:
    """What a program wants to know; numbers that are not known are None."""
    from skerry.diagnostics import checks
    from skerry.plot import letter

    p = posterior
    where = {} if folder is None else {"folder": str(folder)}
    return {
        **where,
        "status": p.status.name.lower(),
        "converged": p.converged,
        "finding": p.status.finding,
        "advice": p.status.advice,
        **{name: _known(getattr(p, name)) for name in FACTS},
        "names": list(p.names),
        "mean": _by_name(p, p.mean),
        "modes": [
            {
                "name": letter(k),
                "mass": mode.mass,
                "mass_error": _known(mode.mass_error),
                "location": _by_name(p, mode.location),
                "log_evidence": _known(mode.log_evidence),
                "log_evidence_error": _known(mode.log_evidence_error),
                "n_samples": mode.n_samples,
            }
            for k, mode in enumerate(p.modes)
        ],
        "checks": [
            {
                "name": check.name,
                "value": check.value,
                "limit": check.limit,
                "passed": check.passed,
                "advice": check.advice,
            }
            for check in checks(p)
        ],
        "settings": {
            name: _known(v) if isinstance(v, float) else v for name, v in p.settings.items()
        },
    }


def write_answer(posterior: Posterior, folder: Path | None, stream: TextIO) -> None:
    """The document and a line's end."""
    write_json(answer(posterior, folder), stream)


def write_json(document: dict[str, Any], stream: TextIO) -> None:
    """The document and a line's end."""
    stream.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    stream.flush()


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _by_name(p: Posterior, values: Any) -> dict[str, float | None]:
    return {name: _known(float(value)) for name, value in zip(p.names, values, strict=True)}
