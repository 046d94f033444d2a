"""An estimator made by hand whose raw posterior is exact: two islands that x[0] weighs."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.stats as st
from scipy.special import expit

import skerry
from skerry._seeds import as_seed
from skerry.amortization import Estimator
from skerry.amortization._checkpoints import Step
from skerry.amortization._network import conditional
from skerry.amortization._novelty import Familiar
from skerry.embeddings import Standard, build

PLACE, WIDTH = 1.5, 0.2
SIZES = {"n_components": 2, "width": 4, "depth": 2}
NAMES = ("a", "b")

PROBLEM = """
import numpy as np
import scipy.stats as st
import skerry
from scipy.special import expit

x_names = {x_names!r}
prior = skerry.Prior({{name: st.norm(0, 1) for name in {names!r}}})


def log_likelihood(theta, x):
    plus = expit(2 * x[0])
    density = sum(
        mass * st.norm.pdf(theta[:, 0], place, {width}) * st.norm.pdf(theta[:, 1], 0.5 * x[1], {width})
        for mass, place in ((1 - plus, -{place}), (plus, {place}))
    )
    with np.errstate(divide="ignore"):
        return np.log(density) - st.norm.logpdf(theta).sum(axis=1)


problem = skerry.Problem(prior, log_likelihood)
"""  # noqa: E501


def plus(x):
    """The exact mass of the island at a = +1.5."""
    return float(expit(2 * x[0]))


def problem_file(path, names=NAMES, x_names=("strength", "offset")):
    """PROBLEM.py of it."""
    text = PROBLEM.format(names=tuple(names), x_names=list(x_names), width=WIDTH, place=PLACE)
    path.write_text(text, "utf-8")
    return path


def problem(names=NAMES):
    """The problem whose posterior it is; its evidence is 1."""
    space = {}
    text = PROBLEM.format(names=tuple(names), x_names=[], width=WIDTH, place=PLACE)
    exec(compile(text, "problem.py", "exec"), space)
    return space["problem"]


def estimator(with_problem=True, names=NAMES):
    """The estimator: q(theta|x) is the posterior itself."""
    prior = skerry.Prior({name: st.norm(0, 1) for name in names})
    blank = Standard(jnp.zeros(2), jnp.ones(2))
    plain = build(None, (2,), as_seed(0))
    network = conditional(blank, plain, (2,), 2, as_seed(0), **SIZES)
    # outputs: two logits, two places, two widths, no skews, no tails, no ties, in this order
    warps = [0.0] * 4 + [-100.0] * 4
    constant = [0, 0, -PLACE, 0, PLACE, 0, *[np.log(WIDTH)] * 4, *warps, 0, 0]
    straight = np.zeros(network.head.straight.shape, np.float32)
    straight[0, 0], straight[1, 0] = -1.0, 1.0  # logits: -x0 and x0
    straight[3, 1], straight[5, 1] = 0.5, 0.5  # places of b
    network = eqx.tree_at(
        lambda n: (n.head.constant, n.head.straight),
        network,
        (jnp.asarray(constant, jnp.float32), jnp.asarray(straight)),
    )
    return Estimator(
        prior=prior,
        problem=problem(names) if with_problem else None,
        network=network,
        x_shape=(2,),
        embedding=None,
        familiar=Familiar(np.zeros(2), np.eye(2), np.array([1.0, 2.0])),
        epochs=(Step(0.0, 0.0, 1.0),),
        best=0,
        n_simulations=100,
        n_likelihoods=0,
        settings={**SIZES, "bent": 0, "embedding": "plain"},
    )
