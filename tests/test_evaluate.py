import numpy as np
import pytest
import scipy.stats as st

from skerry import noise
from skerry.errors import EvaluationError, InputError, ProblemError
from skerry.evaluate import evaluate
from skerry.priors import Prior
from skerry.problem import Problem

PRIOR = Prior({"mass": st.norm(0, 1), "offset": st.uniform(-1, 2)})
THETA = PRIOR.sample(20, 0)
BAD = np.isin(np.arange(20), [3, 4, 11])
EXPECTED = THETA.sum(axis=1)


def is_bad(theta):
    return np.isin(theta[..., 0], THETA[BAD, 0])


def spoiled(value):
    """A likelihood that is the value at the bad points."""
    return lambda theta: np.where(is_bad(theta), value, theta.sum(axis=-1))


def raising(theta):
    if np.any(is_bad(theta)):
        raise FloatingPointError("too deep")
    return theta.sum(axis=-1)


FAILING = {"nan": spoiled(np.nan), "inf": spoiled(np.inf), "exception": raising}
either_kind = pytest.mark.parametrize("vectorized", [True, False])
every_size = pytest.mark.parametrize("chunk_size", [None, 1, 3, 7, 20, 50])
every_failure = pytest.mark.parametrize("name", FAILING)


def problem_of(function, vectorized=True):
    return Problem(PRIOR, function, vectorized=vectorized)


@either_kind
@every_size
def test_the_values_do_not_depend_on_the_chunks(vectorized, chunk_size):
    problem = problem_of(lambda theta: theta.sum(axis=-1), vectorized)
    result = evaluate(problem, THETA, chunk_size=chunk_size)
    np.testing.assert_array_equal(result.log_likelihood, EXPECTED)
    np.testing.assert_array_equal(result.theta, THETA)
    assert (result.n_calls, result.messages, result.failed.any()) == (20, (), False)


def test_functions_get_chunks_of_the_size_asked_for():
    sizes = []

    def sized(theta):
        sizes.append(len(theta))
        return theta.sum(axis=1)

    evaluate(problem_of(sized), THETA, chunk_size=8)
    evaluate(problem_of(sized), THETA)
    assert sizes == [8, 8, 4, 20]


def test_no_points():
    result = evaluate(problem_of(raising), THETA[:0])
    assert result.theta.shape == (0, 2)
    assert result.log_likelihood.shape == result.failed.shape == (0,)


def test_the_points_are_a_copy():
    theta = THETA.copy()
    result = evaluate(problem_of(lambda t: t[:, 0]), theta)
    theta[:] = 0
    np.testing.assert_array_equal(result.theta, THETA)


def test_minus_infinity_is_a_value():
    result = evaluate(problem_of(spoiled(-np.inf)), THETA)
    assert not result.failed.any()
    np.testing.assert_array_equal(result.log_likelihood == -np.inf, BAD)


@either_kind
@every_size
@every_failure
@pytest.mark.parametrize("failures", ["drop", "zero"])
def test_failures_are_marked_point_by_point(name, failures, chunk_size, vectorized):
    problem = problem_of(FAILING[name], vectorized)
    result = evaluate(problem, THETA, failures=failures, chunk_size=chunk_size)
    np.testing.assert_array_equal(result.failed, BAD)
    np.testing.assert_array_equal(result.log_likelihood[~BAD], EXPECTED[~BAD])
    marks = result.log_likelihood[BAD]
    assert np.all(np.isnan(marks)) if failures == "drop" else np.all(marks == -np.inf)
    text = "FloatingPointError: too deep" if name == "exception" else f"log-likelihood {name}"
    assert result.messages == (text,) * 3
    assert result.n_calls >= 20


def test_calls_made_to_find_a_failure_count():
    def last_raises(theta):
        if np.any(theta[:, 0] == THETA[3, 0]):
            raise FloatingPointError
        return theta.sum(axis=1)

    result = evaluate(problem_of(last_raises), THETA[:4], failures="drop")
    assert result.n_calls == 4 + 4 + 2
    assert evaluate(problem_of(raising), THETA, failures="drop", chunk_size=1).n_calls == 20


@pytest.mark.parametrize("kind", ["nan", "inf"])
def test_a_failed_value_stops_with_its_point_and_the_results_so_far(kind):
    with pytest.raises(EvaluationError) as caught:
        evaluate(problem_of(FAILING[kind]), THETA, chunk_size=8)
    error, text = caught.value, str(caught.value)
    assert f"got {kind} at 2 of 8 points" in text
    mass, offset = THETA[3].tolist()
    assert f"\n  mass={mass!r}, offset={offset!r}\n" in text
    assert "(the error's `partial` holds the 8 calls so far)" in text
    assert 'failures="drop"' in text
    np.testing.assert_array_equal(error.theta, THETA[[3, 4]])
    np.testing.assert_array_equal(error.partial.theta, THETA[:8])
    np.testing.assert_array_equal(error.partial.failed, BAD[:8])


def test_an_exception_stops_with_its_cause_and_the_results_so_far():
    with pytest.raises(EvaluationError) as caught:
        evaluate(problem_of(raising), THETA[5:], chunk_size=4)
    error = caught.value
    assert "got FloatingPointError (too deep) at a chunk of 4 points that starts with" in str(error)
    assert "holds the 4 calls so far)" in str(error)
    assert isinstance(error.__cause__, FloatingPointError)
    np.testing.assert_array_equal(error.theta, THETA[9:13])
    np.testing.assert_array_equal(error.partial.log_likelihood, EXPECTED[5:9])


def test_an_exception_at_the_first_point():
    with pytest.raises(EvaluationError, match=r"too deep\) at the point\n  mass=") as caught:
        evaluate(problem_of(raising, vectorized=False), THETA[3:])
    assert caught.value.partial.theta.shape == (0, 2)
    np.testing.assert_array_equal(caught.value.theta, THETA[3:4])


def test_many_parameters_are_shortened():
    prior = Prior({f"p{j}": st.norm(0, 1) for j in range(15)})
    with pytest.raises(EvaluationError, match=r"p11=[^,]*, \.\.\.\n"):
        evaluate(Problem(prior, lambda t: t[:, 0] * np.nan), prior.sample(2, 0))


@pytest.mark.parametrize("failures", ["raise", "drop", "zero"])
def test_mistakes_of_shape_always_stop(failures):
    with pytest.raises(ProblemError, match="pass vectorized=False"):
        evaluate(problem_of(np.sum), THETA, failures=failures)

    def sometimes(theta):
        if len(theta) > 4:
            raise FloatingPointError
        return theta

    with pytest.raises(ProblemError if failures != "raise" else EvaluationError):
        evaluate(problem_of(sometimes), THETA, failures=failures)


@pytest.mark.parametrize("failures", ["raise", "drop", "zero"])
def test_interrupts_pass(failures):
    def interrupted(theta):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(problem_of(interrupted), THETA, failures=failures)


def test_progress_is_told():
    calls = []
    evaluate(
        problem_of(lambda t: t[:, 0]),
        THETA,
        chunk_size=8,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(8, 20), (16, 20), (20, 20)]


def test_forward_models_and_observations():
    problem = Problem(
        PRIOR, forward=lambda t: np.where(is_bad(t)[:, None], np.inf, t), noise=noise.Gaussian(1.0)
    )
    result = evaluate(problem, THETA, [0.0, 0.0], failures="drop")
    np.testing.assert_array_equal(result.failed, BAD)
    with pytest.raises(InputError, match="pass x=your data"):
        evaluate(problem, THETA, failures="drop")


def test_jax_problems():
    problem = Problem(PRIOR, lambda theta: theta.sum(), jax=True)
    np.testing.assert_allclose(evaluate(problem, THETA).log_likelihood, EXPECTED, rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"failures": "ignore"}, "Expected failures to be .*; got 'ignore'"),
        ({"failures": None}, "Expected failures to be .*; got None"),
        ({"chunk_size": 0}, "Expected chunk_size to be an int >= 1; got 0"),
        ({"chunk_size": 1.5}, "Expected chunk_size to be an int >= 1; got 1.5"),
        (
            {"theta": np.zeros((3, 5))},
            r"shape \(n, 2\) or \(2,\), a column for each of mass, offset",
        ),
        ({"theta": [[0, 1], [np.nan, 1]]}, r"Expected finite points; got \[nan, 1.0\] in row 1"),
    ],
)
def test_mistakes_in_settings_are_told(options, text):
    with pytest.raises(InputError, match=text):
        evaluate(problem_of(raising), **{"theta": THETA[5:8], **options})
