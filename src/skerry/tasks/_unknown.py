"""The error for a task that there isn't."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from skerry.errors import InputError


def unknown(what: str, name: object, known: Iterable[str]) -> InputError:
    """Says which there are, and which may have been meant."""
    names = tuple(known)
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return InputError(
        f"Expected the name of {what}; got {name!r}; {hint}There are {', '.join(names)}."
    )
