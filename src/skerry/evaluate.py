"""Evaluating a likelihood at many points: chunks, failures, counts.

-inf is a value: an impossible point, of weight zero, counted like any other. nan, +inf and
exceptions are failures, and the caller says what becomes of them:

* ``"raise"``: stop with an :class:`~skerry.errors.EvaluationError`, which shows the point and
  carries the results so far;
* ``"drop"``: mark the point (its value is nan), so that it can be left out and counted;
* ``"zero"``: mark the point and give it -inf, as if the model said impossible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from skerry._types import BoolArray, FloatArray
from skerry.errors import EvaluationError, InputError, SkerryError
from skerry.priors import as_points
from skerry.problem import Problem

Failures: TypeAlias = Literal["raise", "drop", "zero"]
CHUNK_SIZE = 65_536
SHOWN_POINTS = 3
SHOWN_PARAMETERS = 12


@final
@dataclass(frozen=True, eq=False)
class Evaluations:
    """Points and their log-likelihoods.

    Attributes:
        theta: the points, ``(n, d)``.
        log_likelihood: ``(n,)``; for failed points nan (``"drop"``) or -inf (``"zero"``).
        failed: which points failed, ``(n,)``.
        messages: why, one text for each failed point, in order.
        n_calls: points the likelihood was run on; those run again to find a failure count again.
    """

    theta: FloatArray
    log_likelihood: FloatArray
    failed: BoolArray
    messages: tuple[str, ...]
    n_calls: int


def evaluate(
    problem: Problem,
    theta: Any,
    x: Any = None,
    *,
    failures: Failures = "raise",
    chunk_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluations:
    """The log-likelihood of a problem at many points.

    Args:
        problem: the problem.
        theta: points, ``(n, d)``, finite.
        x: the observation, if the problem needs one.
        failures: what becomes of nan, +inf and exceptions; see the module.
        chunk_size: points in a call; by default 65,536, or 1 for a function of one point.
        progress: called with (points done, points in all) after each chunk.

    Raises:
        InputError: for points, an observation or settings that can't be used.
        ProblemError: if the likelihood returns anything but one number a point, always.
        EvaluationError: at the first failure, if failures is ``"raise"``.
    """
    points = _checked_points(problem, theta)
    size = _checked_settings(problem, failures, chunk_size)
    done: list[Evaluations] = []
    for start in range(0, len(points), size):
        chunk = points[start : start + size]
        done.append(evaluate_chunk(problem, chunk, x, failures, done))
        if progress is not None:
            progress(start + len(chunk), len(points))
    return joined(done, points)


def evaluate_chunk(
    problem: Problem,
    chunk: FloatArray,
    x: Any,
    failures: Failures,
    done: Sequence[Evaluations] = (),
) -> Evaluations:
    """One chunk, in one call unless it raises; ``done`` is what an error carries besides.

    Raises:
        ProblemError: if the likelihood returns anything but one number a point.
        EvaluationError: at a failure, if failures is ``"raise"``.
    """
    try:
        result = _marked(chunk, problem.log_likelihood(chunk, x))
    except SkerryError:
        raise
    except Exception as error:
        if failures == "raise":
            partial = joined(done, chunk[:0])
            raise _raised(problem, chunk, error, partial) from error
        result = _isolated(problem, chunk, x, error)
    if failures == "raise" and result.failed.any():
        raise refusal(problem, result, joined([*done, result], chunk[:0]))
    return with_zeros(result) if failures == "zero" else result


def with_zeros(result: Evaluations) -> Evaluations:
    """Failed points as impossible ones."""
    return replace(result, log_likelihood=np.where(result.failed, -np.inf, result.log_likelihood))


def _isolated(problem: Problem, chunk: FloatArray, x: Any, error: Exception) -> Evaluations:
    """A chunk that raised ``error``, halved until the points that raise stand alone."""
    n = len(chunk)
    if n == 1:
        message = f"{type(error).__name__}: {error}"
        return Evaluations(chunk, np.array([np.nan]), np.array([True]), (message,), 1)
    halves = []
    for half in (chunk[: n // 2], chunk[n // 2 :]):
        try:
            halves.append(_marked(half, problem.log_likelihood(half, x)))
        except SkerryError:
            raise
        except Exception as inner:
            halves.append(_isolated(problem, half, x, inner))
    both = joined(halves, chunk)
    return Evaluations(chunk, both.log_likelihood, both.failed, both.messages, both.n_calls + n)


def _marked(chunk: FloatArray, values: FloatArray) -> Evaluations:
    """Values with nan and +inf marked as failures; several numbers a point are no verdict."""
    if values.ndim > 1:
        return Evaluations(chunk, values, np.zeros(len(chunk), bool), (), len(chunk))
    failed = np.isnan(values) | (values == np.inf)
    messages = tuple(f"log-likelihood {value}" for value in values[failed].tolist())
    return Evaluations(chunk, np.where(failed, np.nan, values), failed, messages, len(chunk))


def joined(parts: Sequence[Evaluations], empty: FloatArray) -> Evaluations:
    """Parts in order; ``empty`` lends its columns if there is none."""
    if not parts:
        return Evaluations(empty[:0], np.empty(0), np.empty(0, dtype=bool), (), 0)
    return Evaluations(
        np.concatenate([part.theta for part in parts]),
        np.concatenate(_alike([part.log_likelihood for part in parts])),
        np.concatenate([part.failed for part in parts]),
        tuple(message for part in parts for message in part.messages),
        sum(part.n_calls for part in parts),
    )


def _alike(columns: Sequence[FloatArray]) -> list[FloatArray]:
    """Columns of one width: a failed call alone doesn't know how many numbers it would give."""
    width = next((column.shape[1:] for column in columns if column.ndim > 1), ())
    return [c if c.shape[1:] == width else np.full((len(c), *width), np.nan) for c in columns]


def refusal(problem: Problem, result: Evaluations, partial: Evaluations) -> EvaluationError:
    """The error for results some of which failed; ``partial`` is what it carries."""
    bad = result.theta[result.failed]
    kinds = " and ".join(sorted({m.removeprefix("log-likelihood ") for m in result.messages}))
    return EvaluationError(
        f"Expected log-likelihoods that are numbers, or -inf; got {kinds} at {len(bad)} of "
        f"{len(result.theta)} points:\n{_show(problem, bad)}\n{_advice(partial)}",
        theta=bad,
        partial=partial,
    )


def _raised(
    problem: Problem, chunk: FloatArray, error: Exception, partial: Evaluations
) -> EvaluationError:
    place = "the point" if len(chunk) == 1 else f"a chunk of {len(chunk)} points that starts with"
    return EvaluationError(
        f"Expected log-likelihoods; got {type(error).__name__} ({error}) at {place}\n"
        f"{_show(problem, chunk)}\n{_advice(partial)}",
        theta=chunk,
        partial=partial,
    )


def _show(problem: Problem, points: FloatArray) -> str:
    """The first few points, a line each, with the parameters' names."""
    lines = []
    for point in points[:SHOWN_POINTS].tolist():
        pairs = [f"{name}={v!r}" for name, v in zip(problem.prior.names, point, strict=True)]
        more = ", ..." if len(pairs) > SHOWN_PARAMETERS else ""
        lines.append("  " + ", ".join(pairs[:SHOWN_PARAMETERS]) + more)
    return "\n".join(lines)


def _advice(partial: Evaluations) -> str:
    return (
        f"(the error's `partial` holds the {partial.n_calls} calls so far); mend the function "
        'there, or pass failures="drop" to leave such points out, or failures="zero" to give them '
        "no weight."
    )


def _checked_points(problem: Problem, theta: Any) -> FloatArray:
    points = as_points(theta, problem.prior.names)
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        raise InputError(
            f"Expected finite points; got {points[~finite][0].tolist()} in row "
            f"{int(np.argmin(finite))}; leave such points out."
        )
    return points.copy()


def check_failures(failures: str) -> None:
    """Refuse what is no policy for failures.

    Raises:
        InputError: for such.
    """
    if failures not in get_args(Failures):
        raise InputError(
            f'Expected failures to be "raise", "drop" or "zero"; got {failures!r}; pass one.'
        )


def _checked_settings(problem: Problem, failures: str, chunk_size: int | None) -> int:
    check_failures(failures)
    if chunk_size is None:
        return CHUNK_SIZE if problem.batched else 1
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise InputError(
            f"Expected chunk_size to be an int >= 1; got {chunk_size!r}; leave it out to have it "
            "chosen."
        )
    return chunk_size
