import math
import pickle
import subprocess
import sys

import jax
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import ndtr, ndtri

from skerry.errors import InputError, PriorError, UnsupportedError
from skerry.priors import Periodic, Prior


class Triangle:
    """A density 2 theta on (0, 1), with the fewest methods."""

    def logpdf(self, theta):
        return np.where((theta > 0) & (theta < 1), np.log(2 * theta), -np.inf)

    def cdf(self, theta):
        return np.clip(theta, 0, 1) ** 2

    def ppf(self, p):
        return np.sqrt(p)


def simplex(cube):
    """0 < a < b < 1, uniform on the triangle."""
    b = np.sqrt(cube[:, 1])
    return np.stack([b * cube[:, 0], b], axis=1)


def simplex_inverse(theta):
    return np.stack([theta[:, 0] / theta[:, 1], theta[:, 1] ** 2], axis=1)


def simplex_log_prob(theta):
    inside = (theta[:, 0] > 0) & (theta[:, 0] < theta[:, 1]) & (theta[:, 1] < 1)
    return np.where(inside, np.log(2.0), -np.inf)


PARTS = {
    "uniform": st.uniform(-3, 10),
    "normal": st.norm(1, 2),
    "log-uniform": st.loguniform(1e-5, 1e3),
    "exponential": st.expon(scale=3),
    "gamma": st.gamma(0.5, scale=2),
    "beta": st.beta(0.5, 0.5),
    "Cauchy": st.cauchy(0, 1),
    "Student": st.t(3),
    "truncated": st.truncnorm(-1, 2, loc=4, scale=3),
    "half": st.halfnorm(0, 1),
    "modern": st.Normal(mu=1.0, sigma=0.1),
    "periodic": Periodic(-1, 5),
    "bare": Triangle(),
}
PRIORS = {name: Prior({name: part}) for name, part in PARTS.items()}
PRIORS["joint"] = Prior(PARTS)
PRIORS["simplex"] = Prior.from_transform(
    ["a", "b"], simplex, inverse=simplex_inverse, log_prob=simplex_log_prob
)
every_prior = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
every_part = pytest.mark.parametrize("name", PARTS)


@every_prior
def test_shapes_and_attributes(prior):
    theta = prior.sample(7, seed=1)
    assert theta.shape == (7, prior.ndim) == (7, len(prior.names))
    assert theta.dtype == np.float64
    assert prior.bounds.shape == (prior.ndim, 2)
    assert prior.periodic.tolist() == [name == "periodic" for name in prior.names]
    assert prior.log_prob(theta).shape == (7,)
    assert prior.log_prob(theta[3]) == prior.log_prob(theta)[3]
    assert np.ndim(prior.log_prob(theta[3])) == 0
    np.testing.assert_array_equal(prior.to_u(theta[3]), prior.to_u(theta)[3])
    np.testing.assert_array_equal(
        prior.from_u(prior.to_u(theta[3])), prior.from_u(prior.to_u(theta))[3]
    )
    assert prior.sample(0, seed=1).shape == prior.to_u(theta[:0]).shape == (0, prior.ndim)
    assert prior.log_prob(theta[:0]).shape == (0,)


@every_prior
def test_theta_survives_the_round_trip(prior):
    theta = prior.sample(1000, seed=2)
    spread = np.abs(theta - np.median(theta, axis=0)).mean(axis=0)
    error = np.abs(prior.from_u(prior.to_u(theta)) - theta)
    assert np.all(error <= 1e-12 * np.maximum(np.abs(theta), np.minimum(spread, 1e3)))


@pytest.mark.parametrize("name", ["normal", "exponential", "Cauchy", "modern"])
def test_far_tails_survive_the_round_trip(name):
    u = np.linspace(-30, 30, 121)[:, None]
    np.testing.assert_allclose(PRIORS[name].to_u(PRIORS[name].from_u(u)), u, rtol=1e-9, atol=1e-9)


@every_prior
def test_nothing_leaves_the_support(prior):
    u = np.array([-np.inf, -1e3, -37.0, -20.0, 0.0, 20.0, 37.0, 1e3, np.inf])
    theta = prior.from_u(np.repeat(u[:, None], prior.ndim, axis=1))
    assert np.all(np.isfinite(theta))
    low, high = prior.bounds.T
    assert np.all((theta >= low) & (theta <= high))
    assert np.all(np.diff(theta, axis=0) >= 0)
    assert np.all(np.abs(prior.to_u(theta)) <= 37)


@every_part
def test_densities_are_finite_wherever_from_u_leads(name):
    u = np.array([-np.inf, -37.0, -10.0, 0.0, 10.0, 37.0, np.inf])[:, None]
    assert np.all(np.isfinite(PRIORS[name].log_prob(PRIORS[name].from_u(u))))


@every_prior
def test_draws_are_standard_normal_in_u(prior):
    n = 20_000
    u = prior.to_u(prior.sample(n, seed=3))
    assert np.all(np.abs(u.mean(axis=0)) < 5 / np.sqrt(n))
    assert np.all(np.abs((u**2).mean(axis=0) - 1) < 5 * np.sqrt(2 / n))
    assert np.all(np.abs((u**4).mean(axis=0) - 3) < 5 * np.sqrt(96 / n))


@every_part
def test_draws_follow_the_distribution(name):
    n = 20_000
    p = PARTS[name].cdf(PRIORS[name].sample(n, seed=4)[:, 0])
    assert abs(p.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / n)
    assert abs((p**2).mean() - 1 / 3) < 5 * np.sqrt(4 / 45 / n)


def test_the_joint_density_is_the_sum_of_the_parts():
    theta = PRIORS["joint"].sample(50, seed=5)
    parts = [part.logpdf(theta[:, j]) for j, part in enumerate(PARTS.values())]
    np.testing.assert_allclose(PRIORS["joint"].log_prob(theta), np.sum(parts, axis=0), rtol=1e-13)


@every_prior
def test_the_density_is_the_jacobian_of_the_map(prior):
    u, h = np.random.default_rng(6).uniform(-1.5, 1.5, (20, prior.ndim)), 1e-5
    jacobian = np.empty((20, prior.ndim, prior.ndim))
    for j, step in enumerate(h * np.eye(prior.ndim)):
        jacobian[:, :, j] = (prior.from_u(u + step) - prior.from_u(u - step)) / (2 * h)
    expected = st.norm.logpdf(u).sum(axis=1) - np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(prior.log_prob(prior.from_u(u)), expected, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in PARTS if n not in ("periodic",)])
def test_outside_the_support_the_density_is_zero(name):
    low, high = PRIORS[name].bounds[0]
    outside = [v for v in (low - 1, high + 1) if np.isfinite(v)]
    values = PRIORS[name].log_prob(np.array([*outside, np.nan, np.inf, -np.inf])[:, None])
    if name == "bare":
        assert (low, high) == (0, 1)
    assert np.all(values == -np.inf)
    assert np.all(np.abs(PRIORS[name].to_u(np.array([*outside, np.inf])[:, None])) <= 37)


def test_a_singular_edge_beside_an_impossible_value_is_not_nan():
    prior = Prior({"a": st.gamma(0.5), "b": st.uniform(0, 1)})
    assert prior.log_prob([0.0, 2.0]) == -np.inf


def test_a_circle_has_no_seam():
    prior = Prior({"a": st.norm(0, 1), "phase": Periodic(-1, 5)})
    theta = np.array([[0.0, 4.5], [0.0, 4.5 + 6], [0.0, 4.5 - 60]])
    np.testing.assert_allclose(prior.to_u(theta), prior.to_u(theta[:1]).repeat(3, axis=0))
    np.testing.assert_allclose(prior.log_prob(theta), st.norm.logpdf(0) - np.log(6))
    np.testing.assert_array_equal(prior.wrap(theta), theta[[0, 0, 0]])
    edges = prior.wrap(np.array([[0, -1.0], [0, 5.0], [0, -1 - 1e-17], [0, np.nextafter(-1, -2)]]))
    assert np.all((edges[:, 1] >= -1) & (edges[:, 1] < 5))
    assert prior.log_prob([0.0, np.nan]) == prior.log_prob([0.0, np.inf]) == -np.inf
    assert prior.bounds[1].tolist() == [-1, 5]


def test_a_transform_may_have_circles():
    def transform(cube):
        return np.stack([ndtri(cube[:, 0]), 2 * cube[:, 1] - 1], axis=1)

    def inverse(theta):
        return np.stack([ndtr(theta[:, 0]), (theta[:, 1] + 1) / 2], axis=1)

    prior = Prior.from_transform(["a", "phase"], transform, inverse=inverse, periodic=["phase"])
    assert prior.periodic.tolist() == [False, True]
    assert prior.bounds.tolist() == [[-np.inf, np.inf], [-1, 1]]
    np.testing.assert_allclose(prior.to_u([0.3, 0.5 + 2]), prior.to_u([0.3, 0.5]))
    assert np.all(prior.from_u(np.full((1, 2), 50.0)) < 9)


@pytest.mark.parametrize("seed", [5, np.random.default_rng(5), jax.random.key(5)], ids=type)
def test_every_kind_of_seed_serves(seed):
    assert PRIORS["joint"].sample(3, seed).shape == (3, len(PARTS))


def test_the_same_seed_gives_the_same_draws_through_from_u():
    prior = PRIORS["normal"]
    np.testing.assert_array_equal(prior.sample(5, 8), prior.sample(5, 8))
    assert not np.array_equal(prior.sample(5, 8), prior.sample(5, 9))


def test_priors_are_immutable_and_travel():
    prior = Prior({"a": st.norm(0, 1), "b": Triangle(), "c": Periodic(0, 1)})
    with pytest.raises(AttributeError):
        prior.names = ("b",)
    with pytest.raises(ValueError, match="read-only"):
        prior.bounds[0, 0] = 3
    copy = pickle.loads(pickle.dumps(prior))
    np.testing.assert_array_equal(copy.sample(4, 1), prior.sample(4, 1))
    assert repr(copy) == "Prior(a, b, c)"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "Expected a mapping of names to distributions; got an empty one"),
        ([st.norm(0, 1)], "Expected a mapping of names to distributions; got list"),
        ({"": st.norm(0, 1)}, "Expected names to be non-empty strings; got ''"),
        ({3: st.norm(0, 1)}, "Expected names to be non-empty strings; got 3"),
        ({"a": st.norm}, "for 'a'; got the family norm itself; call it"),
        ({"a": st.Normal}, "for 'a'; got the family Normal itself; call it"),
        ({"a": st.poisson(3)}, "continuous distribution for 'a'; got a discrete one"),
        ({"a": st.Binomial(n=3, p=0.5)}, "continuous distribution for 'a'; got a discrete one"),
        ({"a": st.norm([0, 1, 2], 1)}, r"one number for 'a'; got parameters of shape \(3,\)"),
        ({"a": st.Normal(mu=[0.0, 1.0], sigma=1.0)}, r"got parameters of shape \(2,\)"),
        ({"a": st.norm(0, -1)}, r"proper distribution for 'a'; got norm\(0, -1\) with quartiles"),
        ({"a": st.norm(np.nan, 1)}, r"proper distribution for 'a'; got norm\(nan, 1\)"),
        ({"a": st.uniform(loc=0, scale=0)}, r"got uniform\(loc=0, scale=0\) with quartiles"),
        ({"a": st.Normal(mu=0.0, sigma=-1.0)}, "proper distribution for 'a'; got Normal"),
        ({"a": st.multivariate_normal([0, 0])}, "for 'a'; got multivariate.*from_transform"),
        ({"a": (0, 1)}, r"\(logpdf, cdf, ppf\) for 'a'; got tuple"),
        ({"a": 3.0}, "for 'a'; got float"),
    ],
)
def test_mistakes_in_parts_are_told(parts, text):
    with pytest.raises(PriorError, match=text):
        Prior(parts)


@pytest.mark.parametrize(
    "ends", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1), ("a", 1), (None, 2)], ids=str
)
def test_bad_circles_are_told(ends):
    with pytest.raises(PriorError, match=r"Expected Periodic\(low, high\) with finite low < high"):
        Periodic(*ends)


def one_point(cube):
    theta = np.array(cube)
    theta[0] = 10 * cube[0]
    theta[1] = cube[1] - 1
    return theta


def stacked_point(cube):
    return np.array([10 * cube[0], cube[1] - 1])


def raising(cube):
    if cube.ndim != 1:
        raise TypeError("a point, please")
    return cube


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((["a", "b"], one_point), "Expected a vectorised transform.*over the rows"),
        (
            (["a", "b"], stacked_point),
            r"vectorised transform that returns shape \(3, 2\); got shape",
        ),
        ((["a", "b", "c"], one_point), "Expected a vectorised transform"),
        ((["a"], lambda c: c[:, 0]), r"returns shape \(3, 1\); got shape \(3,\)"),
        ((["a", "b"], raising), r"got TypeError \(a point, please\).*over the rows"),
        ((["a"], lambda c: None), "vectorised transform that returns shape .*; got NoneType"),
        ((["a"], lambda c: c * np.nan), "Expected finite values of transform"),
        ((["a"], 3), "Expected transform to be a function; got int"),
        ((["a", "a"], lambda c: c), "Expected names, each once; got 'a' twice"),
        (([], lambda c: c), "Expected names, each once; got none"),
        (([""], lambda c: c), "Expected names to be non-empty strings; got ''"),
    ],
)
def test_mistakes_in_transforms_are_told(arguments, text):
    with pytest.raises(PriorError, match=text):
        Prior.from_transform(*arguments)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"inverse": lambda t: t**2}, r"Expected inverse\(transform\(cube\)\) to be cube"),
        ({"inverse": 3}, "Expected inverse to be a function; got int"),
        ({"log_prob": lambda t: 0.0}, r"vectorised log_prob that returns shape \(3,\)"),
        ({"log_prob": lambda t: t[:, 0] - t.sum()}, "other values for a point alone"),
        ({"periodic": ["c"]}, r"Expected periodic to hold some of the names \['a', 'b'\]"),
        ({"periodic": "a"}, "Expected periodic to hold some of the names"),
    ],
)
def test_mistakes_beside_transforms_are_told(options, text):
    with pytest.raises(PriorError, match=text):
        Prior.from_transform(["a", "b"], lambda c: 2 * c, **options)


def test_a_circle_that_depends_on_others_is_told():
    with pytest.raises(PriorError, match="periodic parameter 'a' to run from a fixed low"):
        Prior.from_transform(["a", "b"], simplex, periodic=["a"])


def test_a_distribution_of_numbers_only_is_told():
    class Scalar(Triangle):
        def cdf(self, theta):
            return math.pow(theta, 2)

    with pytest.raises(PriorError, match=r"an array \(n,\) for 'a'; got TypeError .* from Scalar"):
        Prior({"a": Scalar()})


def test_importing_is_cheap():
    code = "import sys, skerry.evaluate; print({'jax', 'scipy.stats'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"


def test_a_distribution_that_piles_up_is_told():
    class Lump(Triangle):
        def cdf(self, theta):
            return np.where(theta < 0.7, 0.0, 1.0)

    with pytest.raises(PriorError, match=r"Expected ppf to invert cdf for 'a'; got .* pile up"):
        Prior({"a": Lump()})


def test_what_a_bare_transform_cannot_do_is_told():
    prior = Prior.from_transform(["a", "b"], simplex)
    theta = prior.sample(4, 0)
    with pytest.raises(UnsupportedError, match=r"pass inverse=function"):
        prior.to_u(theta)
    with pytest.raises(UnsupportedError, match=r"pass log_prob=function"):
        prior.log_prob(theta)


@pytest.mark.parametrize("theta", [np.zeros((4, 3)), np.zeros(3), 1.0, np.zeros((2, 2, 2))])
def test_points_of_another_shape_are_told(theta):
    prior = Prior({"a": st.norm(0, 1), "b": st.norm(0, 1)})
    for method in (prior.log_prob, prior.to_u, prior.from_u):
        with pytest.raises(
            InputError, match=r"shape \(n, 2\) or \(2,\), a column for each of a, b"
        ):
            method(theta)


@pytest.mark.parametrize("theta", ["text", None, [1j, 2], [[1, 2], [3]]], ids=str)
def test_points_that_are_not_numbers_are_told(theta):
    with pytest.raises(InputError, match="Expected points as real numbers"):
        PRIORS["normal"].log_prob(theta)


@pytest.mark.parametrize("n", [-1, 1.5, True, None])
def test_bad_numbers_of_draws_are_told(n):
    with pytest.raises(InputError, match="Expected n to be an int >= 0; got"):
        PRIORS["normal"].sample(n, 0)


def test_a_prior_needs_a_seed():
    with pytest.raises(InputError, match="Expected a seed"):
        PRIORS["normal"].sample(3, None)
