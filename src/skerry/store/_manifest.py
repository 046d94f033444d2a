"""What a store is of: written once, compared ever after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from skerry.errors import InputError, StoreError
from skerry.store._files import digest, write_new

NAME = "manifest.json"
FORMAT = "skerry store 1"
OF_THE_PROBLEM = ("parameters", "prior", "observation", "likelihood")
MEANING = {
    "likelihood": "the likelihood's code, or values it uses",
    "prior": "the prior's distributions",
    "observation": "the observation x",
}


def problem_digest(identity: Mapping[str, str]) -> str:
    """The identity of the problem alone, as every chunk carries it."""
    text = repr([identity.get(name) for name in OF_THE_PROBLEM])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def write_manifest(
    folder: Path, identity: Mapping[str, str], information: Mapping[str, str]
) -> None:
    """Write the manifest of a new store.

    Raises:
        StoreError: if that fails.
    """
    body = {"format": FORMAT, "identity": dict(identity), "information": dict(information)}
    text = json.dumps({**body, "digest": _digest(body)}, indent=2)
    write_new(folder / NAME, text.encode() + b"\n")


def read_manifest(folder: Path) -> dict[str, str] | None:
    """The identity a store was made with; None if there is no manifest, or a damaged one.

    Raises:
        InputError: for a store of another format.
        StoreError: for a manifest that can't be read.
    """
    try:
        found = json.loads((folder / NAME).read_bytes())
        own = found.pop("digest")
        whole = own == _digest(found)
        form, identity = found["format"], found["identity"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"Expected to read {folder / NAME}; got {error.strerror or error}; see to it, or pass "
            "another folder."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not whole or not isinstance(identity, dict):
        return None
    if form != FORMAT:
        raise InputError(
            f"Expected a store of format {FORMAT!r} in {folder}; got {form!r}; use the release of "
            "Skerry that wrote it, or pass another folder."
        )
    return {str(name): str(value) for name, value in identity.items()}


def refuse_differences(
    folder: Path, stored: Mapping[str, str], asked: Mapping[str, str], accept: Collection[str]
) -> None:
    """Stop, naming what differs.

    Raises:
        InputError: if anything but what is accepted differs.
    """
    different = [
        name
        for name in dict.fromkeys([*stored, *asked])
        if stored.get(name) != asked.get(name) and name not in accept
    ]
    if not different:
        return
    lines = [
        f"  {name}: stored {stored.get(name, 'nothing')}, now {asked.get(name, 'nothing')}"
        + (f" ({MEANING[name]})" if name in MEANING else "")
        for name in different
    ]
    wanted = ", ".join(repr(name) for name in different)
    raise InputError(
        f"Expected the run that the store in {folder} was made by; these differ:\n"
        + "\n".join(lines)
        + "\nPass what was passed then, or another folder. If the stored log-likelihoods still "
        f"hold, pass store=skerry.Store({str(folder)!r}, accept=({wanted},))."
    )


def _digest(body: Mapping[str, Any]) -> str:
    return digest(json.dumps(body, sort_keys=True).encode())
