"""Speed of Skerry's flows beside flowjax, zuko and normflows: one run, one core.

The same 3-D data (eight islands), layers, bins and hidden units for everyone; each method in a
fresh process of its own, the methods in turn, in rounds, so that a machine's drift shows as a
spread. Times are of process CPU: other jobs on the machine don't count, though they share caches.

    pip install -e . -r benchmarks/requirements.txt
    python benchmarks/flow_speed.py [--rounds 2] [--core 0]

Prints Markdown tables and appends to ``benchmarks/results/history.jsonl``. What differs between
methods, beyond their implementation:

* skerry's step is an epoch of ``skerry.training.fit`` shared among its steps: drawing minibatches,
  clipping, averaging the parameters and judging the held-out points are inside. The others' steps
  are gradient and Adam alone, on minibatches drawn beforehand.
* skerry's densities and samples go from and to NumPy, in float64 around float32 networks;
  ``flow_mixture``'s density is a sum over eight islands, each through the flow.
* "Build and compile" is the build, and what the first step, density and sample take beyond the
  same calls again; imports are not in it, and skerry's persistent cache is off.
* normflows' conditioners are residual: one block, so two matrices of 64 x 64 where the others have
  one. Its samples come with their densities.
* zuko's coupling is a masked autoregression of two passes; PyTorch runs eagerly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DIM, ISLANDS, BINS, WIDTH, DEPTH, RATE = 3, 8, 8, 64, 2, 1e-3
LAYERS, BATCHES = (4, 8), (512, 4096)
N_POINTS, REPEATS, WARM_UP, STEPS = 20_000, 5, 10, 50
PACKAGES = ("skerry", "jax", "flowjax", "optax", "torch", "zuko", "normflows", "numpy")
STARTS = ("gaussian_base", "flow_mixture")
HERE = Path(__file__).parent
MEASURES = {
    **{f"step_{batch}_ms": f"step of {batch}, ms" for batch in BATCHES},
    "log_prob_per_s": "densities a second",
    "sample_per_s": "samples a second",
    "first_s": "build and compile, s",
}


class Method(NamedTuple):
    """One library's flow; ``train(batch, steps)`` gives milliseconds a step, several."""

    train: Callable[[int, int], list[float]]
    log_prob: Callable[[], Any]  # mean log density of the data, and waits for it
    sample: Callable[[], Any]


def islands() -> tuple[np.ndarray, np.ndarray]:
    """Means (8, 3) and covariances (8, 3, 3) of the data, whose whole covariance is near one."""
    signs = np.stack(np.meshgrid(*[[-1.0, 1.0]] * DIM), axis=-1).reshape(-1, DIM)
    return 0.95 * signs, np.broadcast_to(0.15**2 * np.eye(DIM), (ISLANDS, DIM, DIM))


def data() -> np.ndarray:
    """Points (n, 3): Gaussian islands, each bent a little."""
    generator = np.random.default_rng(1)
    means, _ = islands()
    noise = generator.standard_normal((N_POINTS, DIM))
    noise[:, 1] = 0.8 * noise[:, 1] + 0.4 * (noise[:, 0] ** 2 - 1)
    return means[generator.integers(ISLANDS, size=N_POINTS)] + 0.15 * noise


def minibatches(batch: int, steps: int) -> list[np.ndarray]:
    generator, points = np.random.default_rng(2), data().astype(np.float32)
    return [points[generator.integers(N_POINTS, size=batch)] for _ in range(steps)]


def timed(function: Callable[[], Any]) -> float:
    """CPU seconds."""
    start = time.process_time()
    function()
    return time.process_time() - start


def each_step(step: Callable[[Any], Any], batches: list[Any]) -> list[float]:
    return [1000 * timed(lambda batch=batch: step(batch)) for batch in batches]


def skerry_density(start: str, layers: int) -> Any:
    from skerry import flows
    from skerry._seeds import as_seed

    settings = flows.CouplingSettings(layers=layers, bins=BINS, width=WIDTH, depth=DEPTH)
    places = flows.frames(*islands())
    return getattr(flows, start)(
        places, np.full(ISLANDS, -np.log(ISLANDS)), as_seed(1), settings=settings
    )


def skerry_fit(density: Any, batch: int, epochs: int) -> tuple[Any, list[float]]:
    """The fitted density and the milliseconds a step of every epoch."""
    from skerry import training
    from skerry._seeds import as_seed

    ends = [time.process_time()]
    fitted = training.fit(
        density,
        data(),
        np.zeros(N_POINTS),
        seed=as_seed(2),
        settings=training.Training(
            max_epochs=epochs, steps=STEPS, batch=batch, learning_rate=RATE, patience=epochs
        ),
        progress=lambda *_: ends.append(time.process_time()),
    )
    return fitted.density, [1000 * seconds / STEPS for seconds in np.diff(ends)]


def skerry_method(start: str) -> Callable[[int], Method]:
    def build(layers: int) -> Method:
        density, points = skerry_density(start, layers), data()

        def train(batch: int, steps: int) -> list[float]:
            nonlocal density
            density, times = skerry_fit(density, batch, 1 + 2 * (steps // STEPS))
            return times

        return Method(
            train,
            lambda: float(np.mean(density.log_prob(points))),
            lambda: density.sample(N_POINTS, 3),
        )

    return build


def flowjax(layers: int) -> Method:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax
    import paramax
    from flowjax.bijections import RationalQuadraticSpline
    from flowjax.distributions import Normal
    from flowjax.flows import coupling_flow

    flow = coupling_flow(
        jax.random.key(1),
        base_dist=Normal(jnp.zeros(DIM)),
        transformer=RationalQuadraticSpline(knots=BINS, interval=5),
        flow_layers=layers,
        nn_width=WIDTH,
        nn_depth=DEPTH,
    )
    params, static = eqx.partition(
        flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
    )
    optimizer = optax.adam(RATE)
    state = optimizer.init(params)
    points = jnp.asarray(data(), jnp.float32)

    def loss(params: Any, batch: Any) -> Any:
        return -paramax.unwrap(eqx.combine(params, static)).log_prob(batch).mean()

    @eqx.filter_jit
    def update(params: Any, state: Any, batch: Any) -> Any:
        value, gradient = eqx.filter_value_and_grad(loss)(params, batch)
        updates, state = optimizer.update(gradient, state, params)
        return eqx.apply_updates(params, updates), state, value

    @eqx.filter_jit
    def log_prob(params: Any, points: Any) -> Any:
        return paramax.unwrap(eqx.combine(params, static)).log_prob(points)

    @eqx.filter_jit
    def sample(params: Any, key: Any) -> Any:
        return paramax.unwrap(eqx.combine(params, static)).sample(key, (N_POINTS,))

    def step(batch: Any) -> None:
        nonlocal params, state
        params, state, value = update(params, state, batch)
        value.block_until_ready()

    return Method(
        lambda *drawn: each_step(step, [jnp.asarray(b) for b in minibatches(*drawn)]),
        lambda: float(np.mean(np.asarray(log_prob(params, points)))),
        lambda: sample(params, jax.random.key(3)).block_until_ready(),
    )


def torch_method(flow: Any, log_prob: Callable[[Any], Any], sample: Callable[[], Any]) -> Method:
    import torch

    optimizer = torch.optim.Adam(flow.parameters(), lr=RATE)
    points = torch.as_tensor(data(), dtype=torch.float32)

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        loss = -log_prob(batch).mean()
        loss.backward()
        optimizer.step()

    return Method(
        lambda *drawn: each_step(step, [torch.as_tensor(b) for b in minibatches(*drawn)]),
        torch.no_grad()(lambda: float(log_prob(points).mean())),
        torch.no_grad()(sample),
    )


def zuko(layers: int) -> Method:
    import torch
    import zuko

    torch.set_num_threads(1)
    torch.manual_seed(1)
    flow = zuko.flows.NSF(
        DIM, transforms=layers, bins=BINS, hidden_features=(WIDTH,) * DEPTH, passes=2
    )
    return torch_method(flow, lambda x: flow().log_prob(x), lambda: flow().sample((N_POINTS,)))


def normflows(layers: int) -> Method:
    import normflows as nf
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    couplings = [
        nf.flows.CoupledRationalQuadraticSpline(
            DIM, 1, WIDTH, num_bins=BINS, tail_bound=5.0, reverse_mask=bool(i % 2)
        )
        for i in range(layers)
    ]
    flow = nf.NormalizingFlow(nf.distributions.base.DiagGaussian(DIM, trainable=False), couplings)
    return torch_method(flow, flow.log_prob, lambda: flow.sample(N_POINTS))


METHODS = {
    **{f"skerry {start}": skerry_method(start) for start in STARTS},
    "flowjax": flowjax,
    "zuko": zuko,
    "normflows": normflows,
}
IMPORTS = {"zuko": ("zuko",), "normflows": ("normflows",), "flowjax": ("flowjax.flows", "optax")}


def measure(name: str, layers: int) -> dict[str, list[float]]:
    """Every measure of one method, as lists; this is the fresh process."""
    for module in IMPORTS.get(name, ("skerry.training",)):
        __import__(module)
    start = time.process_time()
    method = METHODS[name](layers)
    build = time.process_time() - start

    def calls() -> None:
        method.train(BATCHES[0], 1)
        method.log_prob()
        method.sample()

    found = {"first_s": [build + timed(calls) - timed(calls)]}
    for batch in BATCHES:
        times = method.train(batch, WARM_UP + STEPS)
        found[f"step_{batch}_ms"] = times[1:] if name.startswith("skerry") else times[WARM_UP:]
    for what in ("log_prob", "sample"):
        times = [timed(getattr(method, what)) for _ in range(REPEATS)]
        found[f"{what}_per_s"] = [N_POINTS / seconds for seconds in times]
    found["mean_log_prob"] = [method.log_prob()]
    return found


def measure_compilation(start: str) -> dict[str, list[float]]:
    """CPU seconds of the first calls of one process, and of the same calls again."""
    found = {"import": [timed(lambda: __import__("skerry.training"))]}
    for when in ("first", "again"):
        began = time.process_time()
        density = skerry_density(start, LAYERS[0])
        found[f"{when} build"] = [time.process_time() - began]
        found[f"{when} epoch"] = [timed(lambda d=density: skerry_fit(d, BATCHES[0], 1))]
        found[f"{when} sample"] = [timed(lambda d=density: d.sample(N_POINTS, 3))]
        found[f"{when} log_prob"] = [timed(lambda d=density: d.log_prob(data()))]
        found[f"{when} all"] = [time.process_time() - began]
    return found


def fresh_process(*arguments: str, cache: str = "off") -> dict[str, list[float]]:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
    environment = {**os.environ, **threads, "SKERRY_CACHE_DIR": cache, "JAX_PLATFORMS": "cpu"}
    print(" ".join(arguments), file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def joined(rounds: list[dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """Median, smallest and largest of each measure; the extremes are of the rounds' medians."""
    summary = {}
    for name in rounds[0]:
        medians = [float(np.median(found[name])) for found in rounds]
        values = {"median": np.median(medians), "min": min(medians), "max": max(medians)}
        summary[name] = {key: float(f"{value:.4g}") for key, value in values.items()}
    return summary


def rows(rounds: int) -> list[dict[str, Any]]:
    """The whole run."""
    settings = [(name, layers) for layers in LAYERS for name in METHODS]
    speeds: dict[Any, list[Any]] = {setting: [] for setting in settings}
    compilations: dict[Any, list[Any]] = {
        (start, cache): [] for start in STARTS for cache in ("cold", "warm")
    }
    for number in range(rounds):
        for name, layers in settings if number % 2 == 0 else settings[::-1]:
            speeds[name, layers].append(fresh_process("--only", name, "--layers", str(layers)))
        for start in STARTS:
            with tempfile.TemporaryDirectory() as folder:
                for cache in ("cold", "warm"):
                    found = fresh_process("--compilation", start, cache=folder)
                    compilations[start, cache].append(found)
    common = {
        "kind": "flow_speed",
        "commit": git("rev-parse", "--short", "HEAD"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "load": os.getloadavg()[2]},
        "versions": {"python": platform.python_version(), **versions()},
    }
    network = {"dim": DIM, "bins": BINS, "width": WIDTH, "depth": DEPTH, "rounds": rounds}
    return [
        *(
            {
                **common,
                "method": name,
                "settings": {**network, "layers": layers, "islands": ISLANDS},
                "measures": joined(found),
            }
            for (name, layers), found in speeds.items()
        ),
        *(
            {
                **common,
                "method": f"skerry {start}",
                "settings": {**network, "layers": LAYERS[0], "compilation_cache": cache},
                "measures": joined(found),
            }
            for (start, cache), found in compilations.items()
        ),
    ]


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", HERE, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def tables(found: list[dict[str, Any]]) -> str:
    """Markdown: medians (smallest - largest of the rounds) and ratios to skerry's first form."""
    lines = []
    for layers in LAYERS:
        mine = [
            row
            for row in found
            if row["settings"]["layers"] == layers and "islands" in row["settings"]
        ]
        lines += [f"\n{layers} layers | " + " | ".join(MEASURES.values())]
        lines += ["|".join(["---"] * (1 + len(MEASURES)))]
        for row in mine:
            cells = [row["method"]]
            for name in MEASURES:
                value, reference = row["measures"][name], mine[0]["measures"][name]["median"]
                cells.append(
                    f"{value['median']:.3g} ({value['min']:.3g} - {value['max']:.3g}), "
                    f"x{value['median'] / reference:.2f}"
                )
            lines.append(" | ".join(cells))
    compiled = [row for row in found if "compilation_cache" in row["settings"]]
    lines += ["\nCPU s, cache | " + " | ".join(compiled[0]["measures"])]
    lines += ["|".join(["---"] * (1 + len(compiled[0]["measures"])))]
    for row in compiled:
        values = (
            f"{v['median']:.3g} ({v['min']:.3g} - {v['max']:.3g})" for v in row["measures"].values()
        )
        lines.append(
            f"{row['method']}, {row['settings']['compilation_cache']} | " + " | ".join(values)
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(METHODS), help="one method, here: prints JSON")
    parser.add_argument("--layers", type=int, default=LAYERS[0])
    parser.add_argument("--compilation", choices=STARTS, help="first calls, here: prints JSON")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--core", type=int, default=0, help="the one core to run on")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {arguments.core})
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments.layers)))
        return
    if arguments.compilation:
        print(json.dumps(measure_compilation(arguments.compilation)))
        return
    found = rows(arguments.rounds)
    history = HERE / "results" / "history.jsonl"
    history.parent.mkdir(exist_ok=True)
    with history.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in found)
    print(tables(found))


if __name__ == "__main__":
    main()
