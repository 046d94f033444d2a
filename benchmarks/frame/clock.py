"""Where the CPU seconds of a run go: likelihood, training, compilation, and the rest.

Likelihood and training are spans of process CPU time around the calls; a span inside another
counts only once, for the inner one. Compilation is what JAX says of lowering and XLA (wall seconds,
on one core nearly CPU seconds; tracing is in the rest). Methods that compile nothing have none.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

COMPILED = ("jaxpr_to_mlir_module_duration", "backend_compile_duration")


class Clock:
    """Adds up seconds by name."""

    def __init__(self, now: Callable[[], float] = time.process_time):
        self.now = now
        self.seconds: dict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Count what runs inside, less what inner spans count."""
        start, inner = self.now(), sum(self.seconds.values())
        try:
            yield
        finally:
            spent = self.now() - start - (sum(self.seconds.values()) - inner)
            self.seconds[name] += max(spent, 0.0)

    def around(self, owner: Any, attribute: str, name: str = "training") -> None:
        """Count every call of a function, or method, of another program."""
        function = vars(owner)[attribute]
        inner = getattr(function, "__func__", function)  # of a class or static method

        @wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.span(name):
                return inner(*args, **kwargs)

        kind = type(function) if isinstance(function, (classmethod, staticmethod)) else None
        setattr(owner, attribute, kind(timed) if kind else timed)

    def hear_jax(self) -> None:
        """Count what JAX compiles from now on."""
        from jax import monitoring

        def heard(event: str, seconds: float, **_: Any) -> None:
            if event.endswith(COMPILED):
                self.seconds["compile"] += seconds

        monitoring.register_event_duration_secs_listener(heard)

    def split(self, total: float) -> dict[str, float | None]:
        """Seconds of each part; None for what this method was not heard to do."""
        parts = {name: self.seconds.get(name) for name in ("likelihood", "training", "compile")}
        rest = max(total - sum(self.seconds.values()), 0.0)
        return {f"{k}_s": v if v is None else round(v, 3) for k, v in parts.items()} | {
            "rest_s": round(rest, 3)
        }
