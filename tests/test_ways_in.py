"""Priors and problems written for other programs, against those programs."""

from __future__ import annotations

import json
import warnings

import cloudpickle
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import ndtri

import skerry
from skerry import interop
from skerry.errors import InputError, PriorError, ProblemError, UnsupportedError
from two_islands import LOG_EVIDENCE, MEANS, Z, needs
from two_islands import log_likelihood as two_islands

CHEAP = {"n_effective": 500}

# A transform of the cube


def transform(cube):
    cube[0] = 10 * cube[0] - 5  # in place, as UltraNest's examples do
    cube[1] = 2 + 3 * ndtri(cube[1])
    return cube


KNOWN = skerry.Prior({"a": st.uniform(-5, 10), "b": st.norm(2, 3)})


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_transform_is_inverted_and_has_a_density(vectorized):
    function = (lambda cube: transform(cube.T).T) if vectorized else transform
    prior = interop.prior_from_transform(["a", "b"], function, vectorized=vectorized)
    theta = KNOWN.sample(200, 0)
    np.testing.assert_allclose(prior.to_u(theta), KNOWN.to_u(theta), atol=1e-7)
    np.testing.assert_allclose(prior.from_u(KNOWN.to_u(theta)), theta, atol=1e-9)
    np.testing.assert_allclose(prior.log_prob(theta), KNOWN.log_prob(theta), atol=2e-6)
    assert prior.log_prob([6.0, 0.0]) == prior.log_prob([-5.1, 0.0]) == -np.inf


def test_a_transform_of_parameters_that_depend_on_each_other_cannot_be_inverted():
    prior = interop.prior_from_transform(
        ["a", "b"], lambda cube: np.array([cube[0], cube[0] * cube[1]])
    )
    assert (np.diff(prior.sample(50, 0), axis=1) <= 0).all()
    with pytest.raises(UnsupportedError, match="transform can be inverted"):
        prior.to_u([[0.5, 0.2]])


def test_a_transform_that_falls_is_not_inverted_wrongly():
    prior = interop.prior_from_transform(["a"], lambda cube: 1 - cube)
    with pytest.raises(UnsupportedError):
        prior.to_u([[0.5]])


def test_points_of_a_sampler_can_be_recycled_with_its_transform():
    prior = interop.prior_from_transform(["x", "y"], lambda cube: 10 * cube - 5, vectorized=True)
    theta = prior.sample(20_000, 0)
    posterior = skerry.fit(theta, two_islands(theta), prior, density="islands", n_effective=100)
    assert abs(posterior.log_evidence - LOG_EVIDENCE) < Z * posterior.log_evidence_error
    places = np.array([mode.location for mode in posterior.modes])
    assert np.abs(places - MEANS).max() < 0.3


@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (3.0, {}, "transform to be a function; got float"),
        (lambda cube: cube[:1], {}, "returns 2 parameters a point"),
        (lambda cube: cube[5], {}, "got IndexError"),
        (lambda cube: cube.sum(axis=1), {"vectorized": True}, "returns 2 parameters a point"),
    ],
)
def test_transforms_that_cannot_be_used_are_told(function, options, text):
    with pytest.raises(PriorError, match=text):
        interop.prior_from_transform(["a", "b"], function, **options)


# nautilus


@needs("nautilus")
def test_nautilus_prior():
    import nautilus

    theirs = nautilus.Prior()
    theirs.add_parameter("a", (-5, 5))
    theirs.add_parameter("one", 1.0)
    theirs.add_parameter("b", st.norm(2, 3))
    theirs.add_parameter("also b", "b")
    ours = interop.prior_from_nautilus(theirs)
    assert ours.names == ("a", "b")
    cube = np.random.default_rng(0).uniform(size=(100, 2))
    np.testing.assert_allclose(ours.from_u(ndtri(cube)), theirs.unit_to_physical(cube))
    with pytest.raises(InputError, match="a nautilus Prior, with keys, dists; got dict without"):
        interop.prior_from_nautilus({})


# numpyro


def numpyro_parts():
    import numpyro.distributions as dist

    return {
        "beta": dist.Beta(2.0, 3.0),
        "cauchy": dist.Cauchy(1.0, 2.0),
        "chi2": dist.Chi2(3.0),
        "exponential": dist.Exponential(2.0),
        "gamma": dist.Gamma(2.0, 3.0),
        "gumbel": dist.Gumbel(1.0, 2.0),
        "halfcauchy": dist.HalfCauchy(2.0),
        "halfnormal": dist.HalfNormal(2.0),
        "inversegamma": dist.InverseGamma(3.0, 2.0),
        "laplace": dist.Laplace(1.0, 2.0),
        "lognormal": dist.LogNormal(0.5, 0.4),
        "loguniform": dist.LogUniform(0.5, 20.0),
        "logistic": dist.Logistic(1.0, 2.0),
        "normal": dist.Normal(1.0, 2.0),
        "pareto": dist.Pareto(2.0, 3.0),
        "studentt": dist.StudentT(4.0, 1.0, 2.0),
        "uniform": dist.Uniform(-1.0, 3.0),
        "weibull": dist.Weibull(2.0, 1.5),
        "between": dist.TruncatedNormal(0.5, 2.0, low=-1.0, high=3.0),
        "above": dist.TruncatedNormal(0.5, 2.0, low=-1.0),
        "below": dist.TruncatedNormal(0.5, 2.0, high=1.0),
    }


@needs("numpyro")
@pytest.mark.slow
def test_numpyro_distributions_keep_their_densities():
    parts = numpyro_parts()
    families = {name.lower() for name in interop._numpyro.FAMILIES}
    assert families < set(parts)
    prior = interop.prior_from_numpyro(parts)
    theta = prior.sample(50, 0)
    total = np.zeros(50)
    for j, part in enumerate(parts.values()):
        total += np.asarray(part.log_prob(np.float32(theta[:, j])), np.float64)
    np.testing.assert_allclose(prior.log_prob(theta), total, rtol=2e-5, atol=2e-4)
    assert np.isfinite(total).all()


@needs("numpyro")
def test_numpyro_distributions_of_many_become_so_many_parameters():
    import numpyro.distributions as dist

    prior = interop.prior_from_numpyro(
        {
            "a": dist.Normal(np.array([0.0, 5.0]), 1.0),
            "b": dist.Uniform(0.0, 1.0).expand([2, 1]),
            "c": dist.HalfNormal(np.ones(2)).to_event(1),
        }
    )
    assert prior.names == ("a[0]", "a[1]", "b[0,0]", "b[1,0]", "c[0]", "c[1]")
    assert prior.parts["a[1]"].mean() == 5.0


@needs("numpyro")
@pytest.mark.parametrize(
    "kind", ["MultivariateNormal", "VonMises", "Poisson", "TransformedDistribution"]
)
def test_numpyro_distributions_without_a_counterpart_are_told(kind):
    import numpyro.distributions as dist

    makers = {
        "MultivariateNormal": lambda: dist.MultivariateNormal(np.zeros(2), np.eye(2)),
        "VonMises": lambda: dist.VonMises(0.0, 1.0),
        "Poisson": lambda: dist.Poisson(1.0),
        "TransformedDistribution": lambda: dist.TransformedDistribution(
            dist.Normal(0.0, 1.0), dist.transforms.AffineTransform(1.0, 2.0)
        ),
    }
    with pytest.raises(UnsupportedError, match=f"for 'a'; got {kind}; (pass|take)"):
        interop.prior_from_numpyro({"a": makers[kind]()})


def test_what_is_no_mapping_of_distributions_is_told():
    with pytest.raises(PriorError, match="Expected a mapping"):
        interop.prior_from_numpyro([st.norm()])
    with pytest.raises(PriorError, match="a bilby PriorDict; got list"):
        interop.prior_from_bilby([st.norm()])
    with pytest.raises(ProblemError, match=r"with log_likelihood\(\); got int"):
        interop.problem_from_bilby(3, {})


# bilby


def quietly(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bilby's own
        return function(*arguments, **options)


def bilby_priors():
    from bilby.core import prior as bp

    return {
        "beta": bp.Beta(2.0, 3.0, -1.0, 4.0),
        "cauchy": bp.Cauchy(1.0, 2.0),
        "exponential": bp.Exponential(2.0),
        "gamma": bp.Gamma(2.0, 3.0),
        "gaussian": bp.Gaussian(1.0, 2.0),
        "halfgaussian": bp.HalfGaussian(2.0),
        "lognormal": bp.LogNormal(0.5, 0.4),
        "loguniform": bp.LogUniform(0.5, 20.0),
        "logistic": bp.Logistic(1.0, 2.0),
        "studentt": bp.StudentT(4.0, 1.0, 2.0),
        "truncatedgaussian": bp.TruncatedGaussian(0.5, 2.0, -1.0, 3.0),
        "uniform": bp.Uniform(-1.0, 3.0),
        "phase": bp.Uniform(0.0, 2 * np.pi, boundary="periodic"),
        "tilt": bp.Sine(),
        "distance": bp.PowerLaw(2, 1.0, 3.0),
    }


@needs("bilby")
def test_bilby_priors_keep_their_densities_and_transforms():
    priors = quietly(bilby_priors)
    assert {name.lower() for name in interop._bilby.FAMILIES} < set(priors)
    prior = interop.prior_from_bilby({**priors, "fixed": 3.0})
    assert prior.names == tuple(priors)
    assert prior.periodic.tolist() == [name == "phase" for name in priors]
    cube = np.random.default_rng(0).uniform(0.01, 0.99, (50, len(priors)))
    theta = prior.from_u(ndtri(cube))
    for j, part in enumerate(priors.values()):
        np.testing.assert_allclose(theta[:, j], part.rescale(cube[:, j]), rtol=1e-6, atol=1e-8)
    total = sum(part.ln_prob(theta[:, j]) for j, part in enumerate(priors.values()))
    np.testing.assert_allclose(prior.log_prob(theta), total, rtol=1e-9)


@needs("bilby")
def test_bilby_priors_that_are_not_of_one_parameter_are_told():
    from bilby.core import prior as bp

    many = bp.MultivariateGaussian(bp.MultivariateGaussianDist(["a"], mus=[0.0], sigmas=[1.0]), "a")
    tied = bp.ConditionalUniform(lambda reference, b: reference, name="a", minimum=0, maximum=1)
    for part in (bp.Constraint(0, 1), many, tied, bp.Categorical(3)):
        with pytest.raises(UnsupportedError, match="one continuous parameter for 'a'"):
            interop.prior_from_bilby({"a": part})


def bilby_problem(old=False):
    import bilby

    rng = np.random.default_rng(0)
    data = rng.normal(1.0, 0.5, 20)

    class New(bilby.Likelihood):
        def log_likelihood(self, parameters=None):
            return float(st.norm.logpdf(data, parameters["mean"], parameters["sd"]).sum())

        def noise_log_likelihood(self):
            return -7.0

    class Old:
        def __init__(self):
            self.parameters = {}

        def log_likelihood(self):
            return float(st.norm.logpdf(data, self.parameters["mean"], self.parameters["sd"]).sum())

    priors = bilby.core.prior.PriorDict({"mean": bilby.core.prior.Gaussian(0, 2), "sd": 0.5})
    return (Old() if old else New()), priors, data


@needs("bilby")
@pytest.mark.parametrize("old", [False, True])
def test_a_bilby_likelihood_is_a_problem(old):
    likelihood, priors, data = quietly(bilby_problem, old)
    problem = interop.problem_from_bilby(likelihood, priors)
    theta = problem.prior.sample(5, 0)
    expected = st.norm.logpdf(data, theta, 0.5).sum(axis=1)
    np.testing.assert_allclose(problem.log_likelihood(theta), expected)
    if not old:
        ratio = interop.problem_from_bilby(likelihood, priors, ratio=True)
        np.testing.assert_allclose(ratio.log_likelihood(theta), expected + 7.0)


@needs("bilby")
@pytest.mark.slow
def test_a_bilby_problem_has_the_exact_evidence():
    likelihood, priors, data = quietly(bilby_problem)
    posterior = skerry.infer(interop.problem_from_bilby(likelihood, priors), **CHEAP)
    covariance = 0.25 * np.eye(20) + 4.0 * np.ones((20, 20))
    exact = st.multivariate_normal(np.zeros(20), covariance).logpdf(data)
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error


# pyhf

OLD_SCHEMA = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
SPEC = {
    "channels": [
        {
            "name": "c",
            "samples": [
                {
                    "name": "signal",
                    "data": [5.0, 10.0],
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "data": None},
                        {"name": "lumi", "type": "lumi", "data": None},
                    ],
                },
                {
                    "name": "background",
                    "data": [50.0, 60.0],
                    "modifiers": [{"name": "shape", "type": "shapesys", "data": [7.0, 8.0]}],
                },
            ],
        }
    ],
    "measurements": [
        {
            "name": "M",
            "config": {
                "poi": "mu",
                "parameters": [
                    {
                        "name": "lumi",
                        "auxdata": [1.0],
                        "sigmas": [0.02],
                        "bounds": [[0.5, 1.5]],
                        "inits": [1.0],
                        "fixed": True,
                    }
                ],
            },
        }
    ],
    "observations": [{"name": "c", "data": [53.0, 75.0]}],
    "version": "1.0.0",
}


@needs("pyhf")
@OLD_SCHEMA
def test_a_pyhf_workspace_is_a_problem(tmp_path):
    import pyhf

    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(SPEC))
    workspace = pyhf.Workspace(SPEC)
    model = workspace.model()
    data = workspace.data(model)
    order = model.config.par_names
    for source in (workspace, SPEC, path, str(path)):
        problem = interop.problem_from_pyhf(source, measurement="M")
        assert set(problem.prior.names) == {"mu", "shape[0]", "shape[1]"}  # lumi is fixed
        theta = problem.prior.sample(300, 0)
        found = problem.log_likelihood(theta)
        for i in (0, 255, 256, 299):
            values = {**dict(zip(problem.prior.names, theta[i], strict=True)), "lumi": 1.0}
            expected = model.logpdf([values[name] for name in order], data)
            assert found[i] == pytest.approx(float(np.squeeze(expected)))
    again = cloudpickle.loads(cloudpickle.dumps(problem))
    np.testing.assert_array_equal(again.log_likelihood(theta), found)
    narrowed = interop.problem_from_pyhf(SPEC, priors={"mu": st.norm(1, 1)})
    assert narrowed.prior.parts["mu"].mean() == 1
    with pytest.raises(InputError, match=r"got nu; its own are .*mu"):
        interop.problem_from_pyhf(SPEC, priors={"nu": st.norm(1, 1)})
    for bad in ({"channels": []}, 3, tmp_path / "nothing.json"):
        with pytest.raises(InputError, match="a pyhf workspace, its dictionary or a JSON file"):
            interop.problem_from_pyhf(bad)


@needs("pyhf")
@OLD_SCHEMA
@pytest.mark.slow
def test_a_pyhf_problem_has_the_evidence_of_the_counts_alone():
    """One bin, no nuisance: Z by quadrature."""
    import pyhf
    from scipy.integrate import quad

    spec = json.loads(json.dumps(SPEC))
    spec["channels"][0]["samples"] = [
        {"name": "b", "data": [50.0], "modifiers": []},
        {
            "name": "s",
            "data": [5.0],
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        },
    ]
    spec["observations"][0]["data"] = [53.0]
    spec["measurements"][0]["config"]["parameters"] = []
    problem = interop.problem_from_pyhf(pyhf.Workspace(spec))
    posterior = skerry.infer(problem, **CHEAP)
    exact = np.log(quad(lambda mu: st.poisson.pmf(53, 50 + 5 * mu) / 10, 0, 10)[0])
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error + 1e-3
