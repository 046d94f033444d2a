"""The valid files that are spoiled, small and made in seconds."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import scipy.stats as st

import skerry
from skerry import embeddings
from skerry._seeds import as_seed
from skerry.amortization._estimator import Estimator, features
from skerry.amortization._network import conditional
from skerry.amortization._novelty import familiar
from skerry.amortization._train import Step
from skerry.flows import CouplingSettings

LIGHT = {
    "couplings": CouplingSettings(kind="affine", layers=1, width=4, depth=1),
    "training": skerry.Training(max_epochs=1, steps=2, batch=16),
}
PRIOR = skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-3, 6), "c": skerry.Periodic(0, 6.0)})
PROBLEM = """
import numpy as np
import scipy.stats as st
import skerry

prior = skerry.Prior({"a": st.norm(0, 2), "b": st.uniform(-3, 6), "c": skerry.Periodic(0, 6.0)})

def log_likelihood(theta):
    return np.logaddexp(*(-np.sum((theta - c) ** 2, axis=1) / 2 for c in (-1.0, 1.0)))

problem = skerry.Problem(prior, log_likelihood)
"""


def log_likelihood(theta):
    values = np.logaddexp(*(-np.sum((theta - c) ** 2, axis=1) / 2 for c in (-1.0, 1.0)))
    return np.where(theta[:, 0] > 3, np.nan, values)


def saved(thing):
    with tempfile.TemporaryDirectory() as folder:
        thing.save(Path(folder) / "x.npz")
        return (Path(folder) / "x.npz").read_bytes()


@functools.cache
def posteriors():
    """With failures; with a flow of either form; an estimator's raw one."""
    problem = skerry.Problem(PRIOR, log_likelihood)
    scheme = skerry.Static(120, density="islands")
    failing = skerry.infer(problem, scheme=scheme, failures="drop")
    theta = PRIOR.sample(100, 0)
    values = np.nan_to_num(log_likelihood(theta), nan=-np.inf)
    flows = [
        skerry.fit(theta, values, PRIOR, density=density, **LIGHT)
        for density in ("flow_mixture", "mixture_base")
    ]
    raw = untrained()[0].posterior([0.3, -0.2])
    return tuple(saved(p) for p in (failing, *flows, raw))


@functools.cache
def untrained():
    """Estimators that were never trained: a file holds the same either way."""
    rng = np.random.default_rng(0)
    found = []
    for embedding, x_shape in ((None, (2,)), (embeddings.Set(item=2, features=3, width=4), (3, 2))):
        x = rng.standard_normal((40, *x_shape))
        sizes = {"n_components": 2, "width": 4, "depth": 2, "bent": True}
        scale = embeddings.standard(x, embedding)
        own = embeddings.build(embedding, x_shape, as_seed(0))
        network = conditional(scale, own, x_shape, PRIOR.ndim, as_seed(1), **sizes)
        found.append(
            Estimator(
                prior=PRIOR,
                problem=None,
                network=network,
                x_shape=x_shape,
                embedding=embedding,
                familiar=familiar(features(network, x)),
                epochs=(Step(*[1.0] * len(Step._fields)),),
                best=0,
                n_simulations=40,
                n_likelihoods=40,
                settings=sizes,
            )
        )
    return tuple(found)


@functools.cache
def estimators():
    """Estimators' files."""
    return tuple(map(saved, untrained()))


@functools.cache
def table():
    theta = PRIOR.sample(30, 1)
    return {**dict(zip(PRIOR.names, theta.T, strict=True)), "log_likelihood": -(theta[:, 0] ** 2)}


@functools.cache
def csv_table():
    rows = np.stack(list(table().values()), axis=1)
    lines = [",".join(table()), *(",".join(f"{v:.17g}" for v in row) for row in rows)]
    return "\n".join(lines).encode() + b"\n"
