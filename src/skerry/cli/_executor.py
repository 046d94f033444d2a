"""Where a command's likelihood runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import skerry


def chosen_executor(workers: int | None, timeout: float | None) -> skerry.Workers | None:
    """Processes of Skerry's own, if their number or a time limit is given."""
    from skerry.execution import Workers

    if workers is None and timeout is None:
        return None
    return Workers(workers or 1, timeout=timeout)
