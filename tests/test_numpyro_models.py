"""Problems from numpyro's models, against numpyro's own densities and exact evidences."""

from __future__ import annotations

import cloudpickle
import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import interop
from skerry.errors import PriorError, ProblemError, UnsupportedError
from two_islands import Z, needs

pytestmark = needs("numpyro")

X = np.linspace(-1.0, 1.0, 6)
Y = np.array([2.0, 1.0, -0.5, 0.3, 1.4, 0.2])
SD = np.array([1.0, 1.5, 0.8, 1.0, 2.0, 0.5])


def sites():
    import numpyro
    import numpyro.distributions as dist

    return numpyro, dist


def line(x, y):
    numpyro, dist = sites()
    slope = numpyro.sample("slope", dist.Normal(0, 2))
    offset = numpyro.sample("offset", dist.Uniform(-3, 3))
    noise = numpyro.sample("noise", dist.LogNormal(0, 0.5))
    numpyro.sample("y", dist.Normal(slope * x + offset, noise), obs=y)


def vectors(y):
    numpyro, dist = sites()
    numpyro.sample("w", dist.Normal(np.array([0.0, 1.0]), 1.0).to_event(1))
    with numpyro.plate("rows", 3, dim=-2), numpyro.plate("columns", 2, dim=-1):
        level = numpyro.sample("level", dist.Gamma(2.0, 1.0))
        numpyro.sample("y", dist.Poisson(level), obs=y.reshape(3, 2))


def schools(y, sd):
    numpyro, dist = sites()
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfNormal(3))
    with numpyro.plate("school", len(y)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, sd), obs=y)


def decentred(y, sd):
    numpyro, _ = sites()
    from numpyro.infer.reparam import LocScaleReparam

    numpyro.handlers.reparam(schools, config={"theta": LocScaleReparam(0)})(y, sd)


def curve(x, y):
    numpyro, dist = sites()
    import jax.numpy as jnp

    width = numpyro.sample("width", dist.TruncatedNormal(0.5, 0.3, low=0.1))
    kernel = jnp.exp(-(((x[:, None] - x) / width) ** 2) / 2) + 0.01 * jnp.eye(len(x))
    f = numpyro.sample("f", dist.MultivariateNormal(0.0, covariance_matrix=kernel))
    numpyro.sample("y", dist.StudentT(4.0, f, 0.5), obs=y)


def ladder(y):
    """Three levels, and families of other settings than a place and a width."""
    numpyro, dist = sites()
    rate = numpyro.sample("rate", dist.Exponential(0.5))
    shape = numpyro.sample("shape", dist.Uniform(0.5, 0.5 + rate))
    share = numpyro.sample("share", dist.Beta(shape, np.array([1.0, 3.0])))
    top = numpyro.sample("top", dist.LogNormal(share.sum(), 0.3))
    numpyro.factor("penalty", -0.1 * top**2)
    with numpyro.handlers.mask(mask=np.arange(6) > 1), numpyro.handlers.scale(scale=0.5):
        numpyro.sample("y", dist.Cauchy(top, 1.0), obs=y)


def shares(counts):
    """Dirichlet rows whose concentration is sought, too."""
    numpyro, dist = sites()
    import jax.numpy as jnp

    weight = numpyro.sample("weight", dist.Gamma(2.0, 1.0))
    with numpyro.plate("rows", 2):
        p = numpyro.sample("p", dist.Dirichlet(weight * jnp.array([1.0, 2.0, 0.7])))
        numpyro.sample("y", dist.Multinomial(total_count=10, probs=p), obs=counts)


COUNTS = np.array([[5, 4, 1], [0, 7, 3]])
MODELS = {
    "shares": (shares, (COUNTS,)),
    "line": (line, (X, Y)),
    "vectors": (vectors, (np.array([3, 0, 2, 1, 4, 2]),)),
    "schools": (schools, (Y, SD)),
    "decentred": (decentred, (Y, SD)),
    "curve": (curve, (X, Y)),
    "ladder": (ladder, (Y,)),
}


def some_slow(names, quick):
    return [pytest.param(n, marks=[] if n in quick else [pytest.mark.slow]) for n in names]


@pytest.mark.parametrize("name", some_slow(MODELS, ["schools", "shares"]))
def test_prior_and_likelihood_make_the_joint_density(name):
    import jax
    from numpyro.infer.util import log_density

    model, args = MODELS[name]
    problem = interop.problem_from_numpyro(model, *args)
    prior = problem.prior
    theta = prior.sample(4, 0)
    site_of = [parameter.split("[")[0] for parameter in prior.names]
    shapes = {"level": (3, 2), "p": (2, 2)}

    def joint(point):
        values = {}
        for site in dict.fromkeys(site_of):
            part = point[[other == site for other in site_of]]
            shape = shapes.get(site, part.shape if f"{site}[0]" in prior.names else ())
            values[site] = part.reshape(shape)
            if site == "p":  # the last share is what the others leave
                values[site] = np.append(values[site], 1 - values[site].sum(1, keepdims=True), 1)
        return float(log_density(model, args, {}, values)[0])

    with jax.enable_x64(True):
        expected = [joint(point) for point in theta]
    got = prior.log_prob(theta) + problem.log_likelihood(theta)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    np.testing.assert_allclose(prior.from_u(prior.to_u(theta)), theta, rtol=1e-6, atol=1e-9)
    assert problem.has_gradient


def test_sites_that_depend_on_nothing_become_distributions_by_name():
    prior = interop.problem_from_numpyro(line, X, y=Y).prior
    assert list(prior.parts) == ["slope", "offset", "noise"]
    assert prior.parts["offset"].dist.name == "uniform"
    vector = interop.problem_from_numpyro(vectors, MODELS["vectors"][1][0]).prior
    assert vector.names[:3] == ("w[0]", "w[1]", "level[0,0]")
    assert vector.parts["w[1]"].mean() == 1.0


@pytest.mark.slow
def test_a_hierarchy_is_drawn_from_its_own_prior():
    numpyro, _ = sites()
    import jax

    prior = interop.problem_from_numpyro(ladder, Y).prior
    assert prior.parts is None
    theirs = numpyro.infer.Predictive(ladder, num_samples=2_000)(jax.random.key(0), None)
    ours = prior.sample(2_000, 0)
    columns = [theirs["rate"], theirs["shape"], *theirs["share"].T, theirs["top"]]
    for j, column in enumerate(columns):
        assert st.ks_2samp(ours[:, j], np.asarray(column)).pvalue > 1e-4, prior.names[j]


@pytest.mark.statistical
def test_shares_are_drawn_from_their_own_prior():
    _, dist = sites()

    alpha = np.array([0.3, 2.0, 1.0, 5.0])

    def model(y):
        numpyro, _ = sites()
        p = numpyro.sample("p", dist.Dirichlet(alpha))
        numpyro.sample("y", dist.Normal(p[0], 1), obs=y)

    prior = interop.problem_from_numpyro(model, 0.0).prior
    assert prior.names == ("p[0]", "p[1]", "p[2]")
    ours = prior.sample(4_000, 0)
    ours = np.column_stack([ours, 1 - ours.sum(axis=1)])
    assert (ours > 0).all()
    theirs = np.random.default_rng(1).dirichlet(alpha, 4_000)
    for column, other in ((ours[:, j], theirs[:, j]) for j in range(4)):
        assert st.ks_2samp(column, other).pvalue > 1e-4
    assert st.ks_2samp(ours[:, 1] * ours[:, 3], theirs[:, 1] * theirs[:, 3]).pvalue > 1e-4
    assert prior.log_prob([0.6, 0.6, 0.1]) == -np.inf
    assert prior.log_prob([-0.1, 0.6, 0.1]) == -np.inf


@pytest.mark.slow
def test_shares_have_the_exact_evidence():
    _, dist = sites()
    alpha, counts = np.array([0.5, 1.0, 2.0]), np.array([3, 0, 9])

    def model(y):
        numpyro, _ = sites()
        p = numpyro.sample("p", dist.Dirichlet(alpha))
        numpyro.sample("y", dist.Multinomial(total_count=12, probs=p), obs=y)

    exact = st.dirichlet_multinomial(alpha, 12).logpmf(counts)
    posterior = skerry.infer(interop.problem_from_numpyro(model, counts), n_effective=2_000)
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error
    means = (alpha + counts) / (alpha + counts).sum()
    spread = np.sqrt(means * (1 - means) / (alpha.sum() + 13))
    assert np.all(np.abs(posterior.mean - means[:2]) < Z * spread[:2] / np.sqrt(2_000))


def test_no_scale_of_a_hierarchy_is_zero():
    problem = interop.problem_from_numpyro(schools, Y, SD)
    u = np.zeros((2, 8))
    u[:, 1] = -37.0, 37.0
    theta = problem.prior.from_u(u)
    assert (theta[:, 1] > 0).all()
    assert np.isfinite(problem.log_likelihood(theta)).all()
    outside = problem.prior.sample(1, 0)
    outside[0, 1] = -1.0
    assert problem.prior.log_prob(outside)[0] == -np.inf


def test_circles_are_uniform_sites_by_name():
    numpyro, dist = sites()

    def wave(y):
        phase = numpyro.sample("phase", dist.Uniform(0, 2 * np.pi).expand([2]))
        top = numpyro.sample("top", dist.Uniform(0, 5))
        numpyro.sample("y", dist.Normal(top * np.cos(3.0) + phase.sum(), 1), obs=y)

    def tied(y):
        mu = numpyro.sample("mu", dist.Normal(0, 1))
        phase = numpyro.sample("phase", dist.Uniform(0, 2 * np.pi))
        numpyro.sample("y", dist.Normal(numpyro.sample("nu", dist.Normal(mu, 1)), 1), obs=y + phase)

    prior = interop.problem_from_numpyro(wave, 1.0, periodic=["phase"]).prior
    assert prior.periodic.tolist() == [True, True, False]
    prior = interop.problem_from_numpyro(wave, 1.0, periodic=["phase[1]"]).prior
    assert prior.periodic.tolist() == [False, True, False]
    prior = interop.problem_from_numpyro(tied, 1.0, periodic=["phase"]).prior
    assert prior.periodic.tolist() == [name == "phase" for name in prior.names]
    np.testing.assert_allclose(prior.bounds[prior.periodic], [[0, 2 * np.pi]], atol=1e-9)
    for wrong in (["mu"], ["nobody"]):
        with pytest.raises(PriorError, match=f"uniform sites of the model; got {wrong[0]}"):
            interop.problem_from_numpyro(tied, 1.0, periodic=wrong)


def test_problems_from_models_go_to_other_processes():
    problem = interop.problem_from_numpyro(schools, Y, SD)
    again = cloudpickle.loads(cloudpickle.dumps(problem))
    theta = problem.prior.sample(3, 0)
    np.testing.assert_array_equal(again.log_likelihood(theta), problem.log_likelihood(theta))
    np.testing.assert_array_equal(again.prior.log_prob(theta), problem.prior.log_prob(theta))


def refused():
    numpyro, dist = sites()

    def discrete(y):
        z = numpyro.sample("z", dist.Bernoulli(0.5))
        numpyro.sample("y", dist.Normal(z, 1), obs=y)

    def optimised(y):
        mu = numpyro.param("mu", 1.0)
        numpyro.sample("y", dist.Normal(mu + numpyro.sample("a", dist.Normal(0, 1)), 1), obs=y)

    def some(y):
        a = numpyro.sample("a", dist.Normal(0, 1))
        with numpyro.plate("rows", 6, subsample_size=2):
            numpyro.sample("y", dist.Normal(a, 1), obs=numpyro.subsample(y, 0))

    def scaled(y):
        with numpyro.handlers.scale(scale=2.0):
            a = numpyro.sample("a", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(a, 1), obs=y)

    def masked(y):
        a = numpyro.sample("a", dist.Normal(0, 1).mask(False))
        numpyro.sample("y", dist.Normal(a, 1), obs=y)

    def branching(y):
        a = numpyro.sample("a", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(1 if a > 0 else 0, 1), obs=y)

    def angle(y):
        p = numpyro.sample("p", dist.VonMises(0.0, 3.0))
        numpyro.sample("y", dist.Normal(p, 1), obs=y)

    def matrix(y):
        p = numpyro.sample("p", dist.LKJCholesky(2, 1.0))
        numpyro.sample("y", dist.Normal(p[1, 0], 1), obs=y)

    def blind(y):
        numpyro.sample("a", dist.Normal(0, 1))

    def known(y):
        numpyro.sample("y", dist.Normal(0, 1), obs=y)

    return {
        "discrete": (
            discrete,
            UnsupportedError,
            "'z', which is discrete .BernoulliProbs.; sum",
        ),
        "optimised": (optimised, UnsupportedError, "numpyro.param 'mu'; give it a prior"),
        "some": (some, UnsupportedError, "plate 'rows' with 2 of 6; leave subsample_size out"),
        "scaled": (scaled, UnsupportedError, "'a' under numpyro.handlers.scale"),
        "masked": (masked, UnsupportedError, "'a' under a mask"),
        "branching": (branching, ProblemError, "no if on a sampled value, .*; got Tracer"),
        "angle": (angle, UnsupportedError, "for 'p'; got VonMises; take Uniform"),
        "matrix": (matrix, UnsupportedError, "for 'p'; got LKJCholesky; write partial"),
        "blind": (blind, ProblemError, "only latent ones .a.; pass the model itself"),
        "known": (known, ProblemError, "got no latent site"),
    }


KINDS = [
    "discrete",
    "branching",
    "blind",
    "optimised",
    "some",
    "scaled",
    "masked",
    "angle",
    "matrix",
    "known",
]


@pytest.mark.parametrize("kind", some_slow(KINDS, KINDS[:3]))
def test_models_that_cannot_be_taken_apart_are_told(kind):
    model, error, text = refused()[kind]
    with pytest.raises(error, match=text):
        interop.problem_from_numpyro(model, Y)


def test_a_model_without_its_data_is_told():
    with pytest.raises(ProblemError, match=r"runs with the arguments given.*TypeError: .*'y'"):
        interop.problem_from_numpyro(line, X)


@pytest.mark.slow
def test_a_linear_model_has_the_exact_evidence():
    numpyro, dist = sites()

    def model(x, y):
        w = numpyro.sample("w", dist.Normal(0, 2).expand([2]).to_event(1))
        numpyro.sample("y", dist.Normal(w[0] + w[1] * x, 0.7), obs=y)

    design = np.stack([np.ones(6), X], axis=1)
    exact = st.multivariate_normal(np.zeros(6), 4 * design @ design.T + 0.49 * np.eye(6)).logpdf(Y)
    posterior = skerry.infer(interop.problem_from_numpyro(model, X, Y), n_effective=2_000)
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error


@pytest.mark.slow
def test_a_hierarchy_has_the_exact_evidence():
    from scipy.integrate import dblquad

    y, sd = Y[:2], SD[:2]

    def marginal(tau, mu):
        data = st.norm.pdf(y, mu, np.hypot(sd, tau)).prod()
        return data * st.norm.pdf(mu, 0, 5) * st.halfnorm.pdf(tau, 0, 3)

    exact = np.log(dblquad(marginal, -25, 25, 0, 20, epsabs=1e-9)[0])
    problem = interop.problem_from_numpyro(schools, y, sd)
    posterior = skerry.infer(problem, n_effective=2_000, seed=1)
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error
    assert posterior.log_evidence_error < 0.05
