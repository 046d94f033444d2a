"""A picture as one message: bokeh would send each property of each model in a message of its own.

The browser unpacks it by ``templates/receive.js`` and paints once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

Columns = Mapping[str, Any]  # a name's array, or list of arrays, or list of words


def packed(sources: Mapping[str, Columns]) -> dict[str, Any]:
    """Columns of sources as one array of 32-bit floats and a text that says what lies where.

    An array is its place ``[first, length]``; one that is used twice lies there once. Lists of
    arrays are lists of places, and columns called ``text`` are in the text itself.
    """
    parts: list[Any] = []
    places: dict[int, list[int]] = {}
    size = 0

    def place(column: Any) -> Any:
        nonlocal size
        if isinstance(column, list):
            return [place(part) for part in column]
        if id(column) not in places:
            parts.append(column)
            places[id(column)] = [size, len(column)]
            size += len(column)
        return places[id(column)]

    told = {
        source: {name: column if name == "text" else place(column) for name, column in all_.items()}
        for source, all_ in sources.items()
    }
    numbers = np.concatenate([np.zeros(0), *parts]).astype(np.float32)
    return {"numbers": [numbers], "told": [json.dumps(told)]}
