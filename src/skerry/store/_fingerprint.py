"""What a problem is, in a few short texts that can be compared.

The prior is known by where it puts a few fixed points, the observation by its bytes, functions by
what they would do: their compiled code, and those of the functions and values that they use.
Values a function assigns (a counter, say), lists, dictionaries, sets and objects of one's own are
known by their type alone: they may change while a function runs. So the fingerprint sees an edited
likelihood or another data set; it is no proof that two likelihoods are the same.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import json
import platform
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from skerry.priors import Prior
from skerry.problem import Problem

MAX_DEPTH = 8
PLACES = (-1.5, -0.4, 0.0, 0.7, 1.9)


def problem_identity(problem: Problem, x: Any = None) -> dict[str, str]:
    """Names, prior, observation and likelihood, each as a short text."""
    function = problem._function
    likelihood = [_described(function.function), type(function).__name__, function.one_point]
    if problem.noise is not None:
        likelihood.append([type(problem.noise).__name__, *_described(vars(problem.noise).values())])
    return {
        "parameters": json.dumps(problem.prior.names),
        "prior": prior_identity(problem.prior),
        "observation": "none" if x is None else _short(_described(x)),
        "likelihood": f"{_short(likelihood)} (Python {platform.python_version_tuple()[1]})",
    }


def prior_identity(prior: Prior) -> str:
    """A prior in a short text: where it takes a few places of u."""
    places = prior.from_u(np.repeat(np.array(PLACES)[:, None], prior.ndim, axis=1))
    return _short([[f"{v:.9g}" for v in row] for row in places.tolist()])


def forward_identity(problem: Problem) -> dict[str, str]:
    """Names and forward model: all that a prediction depends on."""
    function = problem._function
    forward = [_described(function.function), type(function).__name__, function.one_point]
    return {
        "parameters": json.dumps(problem.prior.names),
        "likelihood": f"forward {_short(forward)} (Python {platform.python_version_tuple()[1]})",
    }


def fingerprint(value: Any) -> str:
    """A function, an array or a plain value in a short text, as the module says."""
    return _short(_described(value))


def _short(value: Any) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()


def _described(value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - a table of kinds
    """A nest of lists and texts that is the same in another process."""
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return repr(value)
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.shape, hashlib.blake2b(_bytes(value)).hexdigest()]
    if depth > MAX_DEPTH:
        return type(value).__qualname__
    deeper = functools.partial(_described, depth=depth + 1)
    if isinstance(value, tuple) or (depth == 0 and _is_plain(value)):
        return [type(value).__name__, *map(deeper, value)]
    if isinstance(value, types.CodeType):
        return _code(value, depth)
    if isinstance(value, types.FunctionType):
        return _function(value, depth)
    if isinstance(value, types.MethodType):
        return [deeper(value.__func__), deeper(value.__self__)]
    if isinstance(value, functools.partial):
        return [deeper(value.func), *map(deeper, value.args), *map(deeper, value.keywords.items())]
    if isinstance(value, (types.ModuleType, types.BuiltinFunctionType, type)):
        return getattr(value, "__qualname__", value.__name__)
    call = next((vars(t)["__call__"] for t in type(value).__mro__ if "__call__" in vars(t)), None)
    own = [] if depth > 1 else [deeper(item) for item in sorted(_state(value))]
    return [type(value).__qualname__, deeper(call) if depth == 0 else "", own]


def _is_plain(value: Any) -> bool:
    return isinstance(value, (list, type({}.values())))


def _bytes(array: Any) -> bytes:
    if array.dtype.hasobject:
        return repr(array.tolist()).encode()
    return bytes(np.ascontiguousarray(array).tobytes())


def _state(value: Any) -> Iterator[tuple[str, Any]]:
    """The arrays and numbers an object holds."""
    for name, item in getattr(value, "__dict__", {}).items():
        if isinstance(item, (float, str, np.ndarray)):
            yield name, _described(item, MAX_DEPTH)


def _function(function: types.FunctionType, depth: int) -> Any:
    code = function.__code__
    assigned = _assigned(code)
    closed = zip(code.co_freevars, function.__closure__ or (), strict=True)
    values = [(name, _contents(cell)) for name, cell in closed]
    values += [
        (name, function.__globals__[name])
        for name in sorted(_names(code))
        if name in function.__globals__
    ]
    values += [("defaults", function.__defaults__), ("keywords", function.__kwdefaults__)]
    mine = [
        (name, _described(value, depth + 1))
        for name, value in values
        if name not in assigned and value is not function and _is_near(value, function)
    ]
    return [function.__name__, _code(code, depth), mine]


def _is_near(value: Any, function: types.FunctionType) -> bool:
    """Whether a value is part of what was written, not of a library."""
    if isinstance(value, types.FunctionType):
        return value.__module__ == function.__module__
    return True


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _code(code: types.CodeType, depth: int) -> Any:
    constants = [
        _code(c, depth) if isinstance(c, types.CodeType) else _constant(c) for c in code.co_consts
    ]
    return [code.co_code.hex(), constants, code.co_names, code.co_varnames]


def _constant(value: Any) -> str:
    if isinstance(value, frozenset):
        return repr(sorted(map(repr, value)))
    return repr(value)


def _names(code: types.CodeType) -> set[str]:
    """The names a function looks up, in the functions inside it too."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _assigned(code: types.CodeType) -> set[str]:
    """The outer names that a function assigns."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    stores = {"STORE_GLOBAL", "STORE_DEREF"}
    mine = {str(i.argval) for i in dis.get_instructions(code) if i.opname in stores}
    return mine.union(*map(_assigned, inner))
