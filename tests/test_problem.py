import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

from skerry import noise
from skerry.errors import InputError, ProblemError, UnsupportedError
from skerry.priors import Prior
from skerry.problem import Problem

PRIOR = Prior({"a": st.norm(0, 1), "b": st.uniform(-1, 2), "c": st.norm(0, 3)})
ONE = Prior({"a": st.norm(0, 1)})
THETA = PRIOR.sample(6, 0)
EXPECTED = -(THETA**2).sum(axis=1)
SCALE = 1 / 3  # not a number float32 can hold


def rows(theta):
    return -np.sum(theta**2, axis=1)


def point(theta):
    return -np.sum(theta**2)


def jax_rows(theta):
    return -jnp.sum(jnp.asarray(theta) ** 2, axis=1)


def jax_point(theta):
    return -jnp.sum(theta**2)


def jax_point_x(theta, x):
    return -jnp.sum((theta - x) ** 2)


PROBLEMS = {
    "plain": Problem(PRIOR, rows),
    "plain, no JAX": Problem(PRIOR, rows, jax=False),
    "point": Problem(PRIOR, point, vectorized=False),
    "a list": Problem(PRIOR, lambda theta: [-float(t @ t) for t in theta]),
    "JAX inside": Problem(PRIOR, jax_rows),
    "JAX inside, point": Problem(PRIOR, jax_point, vectorized=False),
    "compiled by the user": Problem(PRIOR, jax.jit(jax_rows)),
    "JAX": Problem(PRIOR, jax_point, jax=True),
    "JAX, rows": Problem(PRIOR, jax_rows, jax=True, vectorized=True),
}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


@every_problem
def test_values_in_double_precision_whatever_the_function(problem):
    values = problem.log_likelihood(THETA)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, EXPECTED, rtol=1e-14)
    np.testing.assert_allclose(problem.log_likelihood(THETA[0]), EXPECTED[:1], rtol=1e-14)
    assert problem.log_likelihood(THETA[:0]).shape == (0,)
    assert not problem.needs_x
    assert problem.check(seed=3).shape == (8,)
    assert jax.config.jax_enable_x64 is False
    assert jnp.ones(1).dtype == jnp.float32


@pytest.mark.parametrize("name", ["JAX", "JAX, rows"])
def test_gradients_are_exact(name):
    values, gradient = PROBLEMS[name].value_and_gradient(THETA)
    np.testing.assert_allclose(values, EXPECTED, rtol=1e-14)
    np.testing.assert_allclose(gradient, -2 * THETA, rtol=1e-14)
    assert gradient.dtype == np.float64
    assert PROBLEMS[name].value_and_gradient(THETA[:0])[1].shape == (0, 3)
    assert jax.config.jax_enable_x64 is False


def test_few_shapes_are_compiled():
    traced = []

    def counted(theta):
        traced.append(theta.shape)
        return jax_rows(theta)

    problem = Problem(PRIOR, counted, jax=True, vectorized=True)
    for n in range(5, 17):
        assert problem.log_likelihood(PRIOR.sample(n, 0)).shape == (n,)
    assert traced == [(8, 3), (16, 3)]


def test_the_function_gets_a_copy_in_double_precision():
    def greedy(theta):
        assert theta.dtype == np.float64
        theta[:] = 0
        return theta[:, 0]

    theta = THETA.copy()
    Problem(PRIOR, greedy).log_likelihood(theta)
    np.testing.assert_array_equal(theta, THETA)
    Problem(PRIOR, greedy).log_likelihood(theta.astype(np.float32))


def test_one_parameter():
    theta = ONE.sample(5, 1)
    for problem in (
        Problem(ONE, rows),
        Problem(ONE, point, vectorized=False),
        Problem(ONE, jax_point, jax=True),
    ):
        np.testing.assert_allclose(problem.log_likelihood(theta), -(theta[:, 0] ** 2))
        problem.check()


def test_what_each_problem_can_do():
    assert not PROBLEMS["point"].batched
    assert PROBLEMS["JAX"].batched
    assert PROBLEMS["plain"].batched
    assert [name for name, p in PROBLEMS.items() if p.has_gradient] == ["JAX", "JAX, rows"]
    assert repr(PROBLEMS["JAX"]) == "Problem(Prior(a, b, c), log_likelihood)"
    with pytest.raises(AttributeError):
        PROBLEMS["JAX"].prior = PRIOR


@pytest.mark.parametrize("name", ["plain", "point", "JAX"])
def test_problems_travel(name):
    PROBLEMS[name].log_likelihood(THETA)
    copy = pickle.loads(pickle.dumps(PROBLEMS[name]))
    np.testing.assert_array_equal(copy.log_likelihood(THETA), PROBLEMS[name].log_likelihood(THETA))


def test_infinities_and_nan_come_as_they_are():
    values = [1.0, -np.inf, np.nan, np.inf]
    problem = Problem(PRIOR, lambda theta: np.array(values))
    np.testing.assert_array_equal(problem.log_likelihood(THETA[:4]), values)


def test_exceptions_pass_through():
    def broken(theta):
        raise ZeroDivisionError("mine")

    for options in ({}, {"vectorized": False}, {"jax": True}):
        with pytest.raises(ZeroDivisionError, match="mine"):
            Problem(PRIOR, broken, **options).log_likelihood(THETA)
    assert jax.config.jax_enable_x64 is False


# Observations


def test_an_observation_is_handed_on_as_it_is():
    seen = []

    def likelihood(theta, x):
        seen.append(x)
        return rows(theta)

    problem = Problem(PRIOR, likelihood)
    assert problem.needs_x
    data = {"any": object()}
    problem.log_likelihood(THETA, data)
    problem.check(x=data)
    assert all(x is data for x in seen)
    with pytest.raises(InputError, match=r"Expected an observation.*got x=None; pass x=your data"):
        problem.log_likelihood(THETA)


@pytest.mark.parametrize("x", [np.ones(3), [1.0, 1.0, 1.0], 1.0, jnp.ones(3)], ids=type)
def test_jax_functions_take_observations(x):
    problem = Problem(PRIOR, jax_point_x, jax=True)
    values, gradient = problem.value_and_gradient(THETA, x)
    np.testing.assert_allclose(values, -((THETA - 1) ** 2).sum(axis=1), rtol=1e-14)
    np.testing.assert_allclose(gradient, -2 * (THETA - 1), rtol=1e-14)


def test_signatures_tell_whether_an_observation_is_needed():
    assert not Problem(PRIOR, lambda theta, k=3: rows(theta)).needs_x
    assert Problem(PRIOR, functools.partial(lambda k, theta, x: rows(theta), 1)).needs_x
    optional = Problem(PRIOR, lambda theta, x=None: rows(theta) + (0 if x is None else x))
    np.testing.assert_allclose(optional.log_likelihood(THETA, 2.0), EXPECTED + 2)
    np.testing.assert_allclose(optional.log_likelihood(THETA), EXPECTED)
    np.testing.assert_allclose(
        Problem(PRIOR, lambda *args: rows(args[0])).log_likelihood(THETA), EXPECTED
    )
    with pytest.raises(InputError, match="takes theta alone; got x; leave x out"):
        PROBLEMS["plain"].log_likelihood(THETA, np.ones(2))
    for bad in (lambda a, b, c: 0, lambda: 0, lambda theta, *, k: 0):
        with pytest.raises(ProblemError, match="to take theta, or theta and an observation x; got"):
            Problem(PRIOR, bad)


# What functions return


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (point, r"return shape \(6,\), one number a point; got shape \(\).*vectorized=False"),
        (lambda t: rows(t)[:, None], r"got shape \(6, 1\); return values\[:, 0\]"),
        (lambda t: -(t**2), r"got shape \(6, 3\); sum over the last axis"),
        (lambda t: -np.sum(t**2, axis=0), r"got shape \(3,\); if your function takes one point"),
        (lambda t: rows(t) + 0j, "real numbers; got complex numbers; take the real part"),
        (lambda t: None, "real numbers; got None; does it end with a return"),
        (lambda t: [None] * 6, "real numbers; got None"),
        (lambda t: "text", "real numbers; got text"),
        (lambda t: rows(t) > 0, "real numbers; got booleans; return floats"),
        (lambda t: object(), "real numbers; got objects"),
        (lambda t: [[1], [1, 2]], "got values of unequal shapes"),
    ],
)
def test_what_is_not_one_number_a_point_is_told(function, text):
    with pytest.raises(ProblemError, match=text):
        Problem(PRIOR, function).log_likelihood(THETA)


@pytest.mark.parametrize("options", [{"vectorized": False}, {"jax": True}], ids=str)
def test_functions_of_one_point_that_return_more_are_told(options):
    text = r"return one number for a point; got shape \(3,\); .*vectorized=True"
    with pytest.raises(ProblemError, match=text):
        Problem(PRIOR, lambda theta: -(theta**2), **options).log_likelihood(THETA)


def test_a_jax_function_that_sums_over_the_batch_is_told():
    problem = Problem(PRIOR, lambda t: t.sum(axis=0), jax=True, vectorized=True)
    with pytest.raises(ProblemError, match=r"return shape \(2,\).*got shape \(3,\)"):
        problem.log_likelihood(THETA[:2])


def test_a_function_of_one_point_returning_none_is_told():
    with pytest.raises(ProblemError, match="got None"):
        Problem(PRIOR, lambda theta: None, vectorized=False).log_likelihood(THETA)


@pytest.mark.parametrize(
    "function",
    [
        lambda t: rows(t) - rows(t).mean(),
        lambda t: np.full(len(t), np.sum(-(t**2))),
        lambda t: rows(t) + np.random.default_rng().normal(size=len(t)),
        lambda t: np.sort(rows(t)),
    ],
    ids=["mean", "sum", "random", "sorted"],
)
def test_the_check_finds_functions_that_mix_points(function):
    with pytest.raises(ProblemError, match="value of a point to be the same in any batch"):
        Problem(PRIOR, function).check()


# Forward models


def forward(theta):
    return np.stack([theta[:, 0] + theta[:, 1], theta[:, 2] ** 2], axis=1)


def jax_forward(theta):
    return jnp.stack([theta[0] + theta[1], theta[2] ** 2])


FORWARD = {
    "plain": Problem(PRIOR, forward=forward, noise=noise.Gaussian([0.5, SCALE])),
    "point": Problem(
        PRIOR,
        forward=lambda t: [t[0] + t[1], t[2] ** 2],
        noise=noise.Gaussian([0.5, SCALE]),
        vectorized=False,
    ),
    "JAX": Problem(PRIOR, forward=jax_forward, noise=noise.Gaussian([0.5, SCALE]), jax=True),
}


@pytest.mark.parametrize("problem", FORWARD.values(), ids=FORWARD)
def test_forward_models(problem):
    x = np.array([0.3, 2.0])
    expected = st.norm.logpdf(x, forward(THETA), [0.5, SCALE]).sum(axis=1)
    np.testing.assert_allclose(problem.log_likelihood(THETA, x), expected, rtol=1e-13)
    np.testing.assert_allclose(problem.predict(THETA), forward(THETA), rtol=1e-14)
    simulated = problem.simulate(THETA, seed=1)
    assert simulated.shape == (6, 2)
    np.testing.assert_array_equal(simulated, problem.simulate(THETA, seed=1))
    assert problem.needs_x
    assert problem.check().shape == problem.check(x=x).shape == (8,)
    assert "forward, Gaussian" in repr(problem)
    with pytest.raises(InputError, match="pass x=your data"):
        problem.log_likelihood(THETA)


@pytest.mark.parametrize(
    "model", [noise.Gaussian(0.3), noise.Poisson(), noise.StudentT(0.3, 4)], ids=repr
)
def test_gradients_go_through_the_noise(model):
    problem = Problem(PRIOR, forward=lambda t: jnp.exp(jax_forward(t)), noise=model, jax=True)
    theta, x, h = 0.3 * THETA, np.array([1.0, 2.0]), 1e-6
    values, gradient = problem.value_and_gradient(theta, x)
    np.testing.assert_array_equal(values, problem.log_likelihood(theta, x))
    for j, step in enumerate(h * np.eye(3)):
        up, down = (problem.log_likelihood(theta + s, x) for s in (step, -step))
        np.testing.assert_allclose(gradient[:, j], (up - down) / (2 * h), rtol=1e-5, atol=1e-6)


def test_predictions_that_are_not_finite_give_nan():
    problem = Problem(
        PRIOR,
        forward=lambda t: np.where(t[:, :1] > THETA[0, 0], np.nan, t[:, :1]),
        noise=noise.Gaussian(1.0),
    )
    bad = np.isnan(problem.log_likelihood(THETA, [0.0]))
    np.testing.assert_array_equal(bad, THETA[:, 0] > THETA[0, 0])


@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (lambda t: t[:, 0], {}, r"return shape \(6, m\).*got shape \(6,\).*prediction\[:, None\]"),
        (lambda t: t.sum(axis=0), {}, r"got shape \(3,\); if your function takes one point"),
        (
            lambda t: t[0],
            {"vectorized": False},
            r"one prediction \(m,\) for a point; got shape \(\)",
        ),
        (lambda t: None, {}, r"forward\(theta\) to return real numbers; got None"),
    ],
)
def test_mistakes_in_predictions_are_told(function, options, text):
    problem = Problem(PRIOR, forward=function, noise=noise.Gaussian(1.0), **options)
    with pytest.raises(ProblemError, match=text):
        problem.log_likelihood(THETA, [0.0])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "either log_likelihood, or forward and noise; got none"),
        ({"log_likelihood": rows, "forward": forward}, "got log_likelihood, forward; pass one"),
        ({"log_likelihood": rows, "noise": noise.Poisson()}, "got log_likelihood, noise"),
        ({"forward": forward}, "got forward; pass one"),
        ({"noise": noise.Poisson()}, "got noise; pass one"),
        ({"log_likelihood": 3}, "Expected log_likelihood to be a function; got int"),
        ({"forward": 3, "noise": noise.Poisson()}, "Expected forward to be a function; got int"),
        ({"forward": forward, "noise": 0.3}, "Expected a noise model; got float"),
        (
            {"forward": jax_point_x, "noise": noise.Poisson()},
            "Expected forward to take theta alone",
        ),
        ({"prior": {}, "log_likelihood": rows}, "Expected a Prior; got dict"),
    ],
)
def test_mistakes_in_problems_are_told(arguments, text):
    with pytest.raises(ProblemError, match=text):
        Problem(**{"prior": PRIOR, **arguments})


def test_what_a_problem_cannot_do_is_told():
    custom = noise.Custom(lambda x, p: -np.sum((x - p) ** 2, axis=1))
    for problem in (PROBLEMS["plain"], Problem(PRIOR, forward=jax_forward, noise=custom, jax=True)):
        assert not problem.has_gradient
        with pytest.raises(UnsupportedError, match="Expected a problem with gradients"):
            problem.value_and_gradient(THETA, None)
    for method in (PROBLEMS["plain"].predict, lambda t: PROBLEMS["plain"].simulate(t, 0)):
        with pytest.raises(UnsupportedError, match="Expected a problem with a forward model"):
            method(THETA)


def test_points_of_another_shape_are_told():
    with pytest.raises(InputError, match=r"shape \(n, 3\) or \(3,\), a column for each of a, b, c"):
        PROBLEMS["plain"].log_likelihood(np.zeros((4, 2)))
