"""A run's history as plain values: rounds, the search, training."""

from __future__ import annotations

from typing import Any

from skerry.flows import Density
from skerry.posterior._history import Round, Search
from skerry.posterior._posterior import Posterior
from skerry.training import Epoch, Fitted

TEXTS, COUNTS = ("kind",), ("n", "n_calls", "n_islands")


def history_spec(p: Posterior) -> dict[str, Any]:
    """What a file keeps of how a posterior was made; parts that are not there are left out."""
    spec: dict[str, Any] = {}
    if p.rounds:
        spec["rounds"] = {name: [getattr(r, name) for r in p.rounds] for name in Round._fields}
    if p.search is not None:
        spec["search"] = p.search._asdict()
    if p.training is not None:
        spec["training"] = {
            "loss": [epoch.loss for epoch in p.training.epochs],
            "held_out": [epoch.held_out for epoch in p.training.epochs],
            "best": p.training.best,
            "ess_train": p.training.ess_train,
            "ess_held_out": p.training.ess_held_out,
        }
    return spec


def rounds_of(spec: dict[str, Any]) -> tuple[Round, ...]:
    """The rounds that a file keeps; files of earlier versions keep none."""
    columns = spec.get("rounds")
    if columns is None:
        return ()
    parts = [[_as(name, value) for value in columns[name]] for name in Round._fields]
    return tuple(Round(*row) for row in zip(*parts, strict=True))


def search_of(spec: dict[str, Any], n_modes: int) -> Search | None:
    """The search for islands that a file keeps."""
    kept = spec.get("search")
    if kept is None:
        return None
    visits = tuple(_as("n", v) for v in kept["visits"])
    found = Search(_as("n", kept["n_starts"]), visits, bool(kept["whole"]))
    if len(found.visits) != n_modes:
        raise ValueError(f"visits of {len(found.visits)} modes, where there are {n_modes}")
    return found


def training_of(spec: dict[str, Any], density: Density | None) -> Fitted | None:
    """The training that a file keeps, of the density it gave."""
    kept = spec.get("training")
    if kept is None or density is None:
        return None
    columns = [[_as("loss", value) for value in kept[name]] for name in Epoch._fields]
    epochs = tuple(Epoch(*row) for row in zip(*columns, strict=True))
    best = _as("n", kept["best"])
    if not 0 <= best < len(epochs):
        raise ValueError(f"the best epoch is {best} of {len(epochs)}")
    sizes = [_as("ess", kept[name]) for name in ("ess_train", "ess_held_out")]
    return Fitted(density, epochs, best, *sizes)


def _as(name: str, value: Any) -> Any:
    """A value of the kind that a field of that name has."""
    kinds: tuple[type, ...] = (int, float)
    if name in TEXTS:
        kinds = (str,)
    elif name in COUNTS:
        kinds = (int,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}")
    return kinds[-1](value)
