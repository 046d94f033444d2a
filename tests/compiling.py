"""How often a piece of work compiles."""

from __future__ import annotations

import jax


def compilations(action):
    """How often XLA compiled while the action ran."""
    found = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        action()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(found)
