"""Every way to get it wrong through the public door, and what the error says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry.errors import EvaluationError, InputError, PriorError, ProblemError, SkerryError
from skerry.flows import CouplingSettings

LIGHT = CouplingSettings(kind="affine", layers=1, width=8, depth=1)
CHEAP = {"couplings": LIGHT, "training": skerry.Training(max_epochs=1, steps=5, batch=64)}
STATIC = skerry.Static(200, **CHEAP)
PRIOR = skerry.Prior({"a": st.norm(0, 1), "b": st.uniform(-1, 2)})
THETA = PRIOR.sample(50, 0)


def rows(theta):
    return -np.sum(theta**2, axis=1)


PROBLEM = skerry.Problem(PRIOR, rows)
WITH_X = skerry.Problem(PRIOR, lambda theta, x: rows(theta - x))


def spoiled(value, share=1.0):
    """The value on a share of the space."""
    return lambda theta: np.where(theta[:, 0] < st.norm.ppf(share), value, rows(theta))


def raising(theta):
    raise ZeroDivisionError("mine")


def assert_three_parts(error):
    """What was expected, what came, what to do (or what there is)."""
    text = str(error)
    assert text.startswith("Expected"), text
    assert text.rstrip().endswith((".", "?")), text
    assert isinstance(error, SkerryError)


# Likelihoods

LIKELIHOODS = {
    "one number for all": (np.sum, ProblemError, r"return shape \(8,\).*vectorized=False"),
    "a column": (lambda t: rows(t)[:, None], ProblemError, r"return values\[:, 0\]"),
    "a matrix": (lambda t: -(t**2), ProblemError, "sum over the last axis"),
    "the wrong axis": (lambda t: t.sum(axis=0), ProblemError, r"got shape \(2,\)"),
    "a point too few": (lambda t: rows(t)[:-1], ProblemError, r"got shape \(7,\)"),
    "complex": (lambda t: rows(t) + 0j, ProblemError, "got complex numbers; take the real part"),
    "booleans": (lambda t: rows(t) > -1, ProblemError, "got booleans; return floats"),
    "nothing": (lambda t: None, ProblemError, "got None; does it end with a return"),
    "text": (lambda t: ["a"] * len(t), ProblemError, "real numbers; got text"),
    "ragged": (lambda t: [[1], [1, 2]], ProblemError, "values of unequal shapes"),
    "a mean over points": (
        lambda t: rows(t) - rows(t).mean(),
        ProblemError,
        "no sum or mean over axis 0",
    ),
    "random": (
        lambda t: np.random.default_rng().normal(size=len(t)),
        ProblemError,
        "no random numbers",
    ),
    "one point at a time, ignoring the rest": (
        lambda t: np.full(len(t), -float(t[0] @ t[0])),
        ProblemError,
        "the same in any batch",
    ),
    "NaN": (spoiled(np.nan), EvaluationError, "got nan at 8 of 8 points:\n  a="),
    "sometimes NaN": (spoiled(np.nan, 0.2), EvaluationError, r'failures="drop"'),
    "+inf": (spoiled(np.inf), EvaluationError, "got inf at 8 of 8"),
    "sometimes +inf": (spoiled(np.inf, 0.2), EvaluationError, "numbers, or -inf; got inf"),
    "all -inf": (spoiled(-np.inf), EvaluationError, "all 200 are -inf. Check the likelihood"),
    "an exception": (raising, EvaluationError, "got ZeroDivisionError: mine at 8 of 8"),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_a_likelihood_does_wrong_is_told(name):
    function, error, text = LIKELIHOODS[name]
    with pytest.raises(error, match=text) as caught:
        skerry.infer(skerry.Problem(PRIOR, function), scheme=STATIC)
    assert_three_parts(caught.value)


def test_a_failure_carries_its_cause_its_points_and_the_results_so_far():
    with pytest.raises(EvaluationError) as caught:
        skerry.infer(skerry.Problem(PRIOR, raising), scheme=STATIC)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.theta.shape == (8, 2)  # the first trial
    assert caught.value.partial.failed.all()


@pytest.mark.parametrize("failures", ["drop", "zero"])
def test_a_likelihood_that_raises_at_some_points_is_a_failure_like_others(failures):
    """At the first trial of a few points, too."""

    def sometimes(theta):
        if np.any(theta[:, 0] > 0):
            raise FloatingPointError
        return rows(theta)

    for vectorized in (True, False):
        function = sometimes if vectorized else lambda t: sometimes(t[None])[0]
        problem = skerry.Problem(PRIOR, function, vectorized=vectorized)
        posterior = skerry.infer(problem, scheme=STATIC, failures=failures)
        assert 50 < posterior.n_failed < 150
        assert np.all(posterior.samples[:, 0] <= 0)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupts_are_not_swallowed(interrupt):
    def stopped(theta):
        raise interrupt

    with pytest.raises(interrupt):
        skerry.infer(skerry.Problem(PRIOR, stopped), scheme=STATIC, failures="drop")


def test_a_likelihood_that_changes_its_points_changes_nothing():
    def greedy(theta):
        values = rows(theta)
        theta[:] = 99.0
        return values

    one = skerry.infer(PROBLEM, scheme=STATIC)
    two = skerry.infer(skerry.Problem(PRIOR, greedy), scheme=STATIC)
    np.testing.assert_array_equal(one.samples, two.samples)


# Arguments of infer

ARGUMENTS = {
    "no problem": ({"problem": rows}, "Expected a skerry.Problem; got function; build one with"),
    "a prior for a problem": ({"problem": PRIOR}, "Expected a skerry.Problem; got Prior"),
    "x missing": ({"problem": WITH_X}, "Expected an observation.*got x=None; pass x=your data"),
    "x not wanted": ({"x": [1.0, 2.0]}, "takes theta alone; got x; leave x out"),
    "n_effective zero": ({"n_effective": 0}, "Expected n_effective > 0; got 0"),
    "n_effective negative": ({"n_effective": -5.0}, "n_effective > 0; got -5.0"),
    "n_effective NaN": ({"n_effective": np.nan}, "n_effective > 0; got nan"),
    "n_effective text": ({"n_effective": "many"}, "n_effective > 0; got 'many'"),
    "n_effective None": ({"n_effective": None}, "n_effective > 0; got None"),
    "max_calls zero": ({"max_calls": 0}, "max_calls, an int >= 10, or None; got 0"),
    "max_calls a fraction": ({"max_calls": 100.5}, "max_calls, an int >= 10, or None; got 100.5"),
    "max_calls text": ({"max_calls": "100"}, "max_calls, an int >= 10, or None; got '100'"),
    "a scheme's name": ({"scheme": "static"}, r"skerry.Static\(n, \.\.\.\); got 'st"),
    "a scheme's class": ({"scheme": skerry.Static}, "Expected a scheme"),
    "a scheme that is false": ({"scheme": 0}, "Expected a scheme.*got 0"),
    "a Fit for a scheme": ({"scheme": skerry.Fit()}, r"Expected a scheme.*got Fit\("),
    "failures": ({"failures": "ignore"}, '"raise", "drop" or "zero"; got \'ignore\''),
    "seed None": ({"seed": None}, "Expected a seed: an int, a numpy Generator or a JAX key"),
    "seed negative": ({"seed": -1}, "Expected a seed >= 0; got -1"),
    "seed a float": ({"seed": 1.0}, "Expected a seed.*got float"),
    "seed a bool": ({"seed": True}, "Expected a seed.*got bool"),
    "seed text": ({"seed": "0"}, "Expected a seed.*got str"),
    "seed a SeedSequence": ({"seed": np.random.SeedSequence(0)}, "got SeedSequence"),
    "seed an old generator": ({"seed": np.random.RandomState(0)}, "got RandomState"),
    "seed an array": ({"seed": np.array([1, 2])}, "got ndarray"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_of_infer_that_cannot_be_used_are_told(name):
    options, text = ARGUMENTS[name]
    with pytest.raises(InputError, match=text) as caught:
        skerry.infer(**{"problem": PROBLEM, "scheme": STATIC, **options})
    assert_three_parts(caught.value)


@pytest.mark.parametrize("n", [0, -1, 9, 100.0, "100", True, None, np.nan])
def test_numbers_of_draws_that_cannot_be_used_are_told(n):
    with pytest.raises(InputError, match="n, the number of prior draws, >= 10; got"):
        skerry.Static(n)


def test_more_draws_than_any_memory_holds_are_refused_before_they_are_made():
    with pytest.raises(InputError, match=r"<= 1,000,000,000; got 10,000,000,000: they are all"):
        skerry.Static(10**10)


def test_more_processes_than_a_machine_can_run_are_refused():
    with pytest.raises(InputError, match="at most 4096 worker processes on one machine; got 99999"):
        skerry.infer(PROBLEM, scheme=STATIC, executor=99999)


FITS = {
    "density": ({"density": "planar"}, "'islands'; got 'planar'"),
    "start": ({"start": "anywhere"}, "Expected start 'modes' or 'random'; got 'anywhere'"),
    "no modes": ({"n_modes": 0}, "n_modes, an int >= 1, or None; got 0"),
    "half a mode": ({"n_modes": 2.5}, "n_modes, an int >= 1, or None; got 2.5"),
    "modes as text": ({"n_modes": "2"}, "n_modes, an int >= 1, or None; got '2'"),
    "threshold zero": ({"threshold": 0}, "threshold > 0 nats; got 0"),
    "threshold NaN": ({"threshold": np.nan}, "threshold > 0 nats; got nan"),
    "threshold text": ({"threshold": "3"}, "threshold > 0 nats; got '3'"),
    "training": ({"training": {"max_epochs": 3}}, "training to be a Training; got {'max_epochs'"),
    "couplings": ({"couplings": "spline"}, "couplings to be a CouplingSettings; got 'spline'"),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("where", ["Static", "Fit", "fit"])
def test_settings_of_a_fit_are_told_before_any_work(name, where):
    options, text = FITS[name]
    makers = {
        "Static": lambda: skerry.Static(200, **options),
        "Fit": lambda: skerry.Fit(**options),
        "fit": lambda: skerry.fit(THETA, rows(THETA), PRIOR, **options),
    }
    with pytest.raises(InputError, match=text) as caught:
        makers[where]()
    assert_three_parts(caught.value)


@pytest.mark.parametrize("make", [skerry.Static, skerry.Fit, skerry.Training])
def test_options_that_do_not_exist_are_told(make):
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        make(speed=11)


# Tables

VALUES = rows(THETA)
TABLES = {
    "too few points": ({"theta": THETA[:9], "log_likelihood": VALUES[:9]}, "at least 10 points"),
    "no points": ({"theta": THETA[:0], "log_likelihood": VALUES[:0]}, r"n >= 1; got shape \(0,\)"),
    "unequal lengths": ({"log_likelihood": VALUES[:-1]}, "50 points and 49 values"),
    "a column of values": ({"log_likelihood": VALUES[:, None]}, r"log_likelihood of shape \(n,\)"),
    "NaN in values": (
        {"log_likelihood": np.where(np.arange(50) == 7, np.nan, VALUES)},
        "log_likelihood that are finite or -inf; got 1 NaN .* the first at index 7",
    ),
    "+inf in values": (
        {"log_likelihood": np.where(np.arange(50) == 3, np.inf, VALUES)},
        "the first at index 3",
    ),
    "complex values": ({"log_likelihood": VALUES + 1j}, "log_likelihood as real numbers"),
    "text values": ({"log_likelihood": ["a"] * 50}, "log_likelihood as real numbers"),
    "a point": ({"theta": THETA[0]}, "1 points and 50 values"),
    "columns too many": ({"theta": np.zeros((50, 3))}, "a column for each of a, b; got shape"),
    "complex points": ({"theta": THETA + 0j}, "points as real numbers"),
    "ragged points": ({"theta": [[1, 2], [1]]}, "points as real numbers"),
    "NaN in points": (
        {"theta": np.where(np.arange(50)[:, None] == 4, np.nan, THETA)},
        "Expected finite points; got .nan, nan. in row 4",
    ),
    "infinite points": (
        {"theta": np.where(np.arange(50)[:, None] == 4, np.inf, THETA)},
        "Expected finite points; got .inf, inf. in row 4",
    ),
    "points outside": (
        {"theta": THETA + np.array([0, 9.0])},
        "50 of 50 lie outside its support; pass their log_proposal, or leave them out",
    ),
    "a proposal of another length": (
        {"log_proposal": np.zeros(49)},
        r"log_proposal of shape \(50,\), finite; got shape \(49,\)",
    ),
    "a proposal that is -inf": ({"log_proposal": np.full(50, -np.inf)}, "not finite"),
    "a proposal that is text": ({"log_proposal": "prior"}, "log_proposal as real numbers"),
    "no prior": ({"prior": {"a": st.norm()}}, "Expected a Prior; got dict"),
    "n_effective": ({"n_effective": 0}, "n_effective > 0; got 0"),
    "seed": ({"seed": None}, "Expected a seed"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_cannot_be_used_are_told(name):
    options, text = TABLES[name]
    arguments = {"theta": THETA, "log_likelihood": VALUES, "prior": PRIOR, **options}
    with pytest.raises(InputError, match=text) as caught:
        skerry.fit(**arguments, **CHEAP)
    assert_three_parts(caught.value)


def test_a_table_of_impossible_points_is_told():
    with pytest.raises(EvaluationError, match="all 50 are -inf"):
        skerry.fit(THETA, np.full(50, -np.inf), PRIOR)
    with pytest.raises(EvaluationError, match="all 50 are -inf"):
        skerry.fit(THETA + np.array([0, 9.0]), VALUES, PRIOR, log_proposal=np.zeros(50))


@pytest.mark.parametrize("kind", [list, np.float32, "integers", "Fortran order"], ids=str)
def test_tables_of_other_kinds_of_numbers_are_welcome(kind):
    theta, values = THETA, VALUES
    if kind is list:
        theta, values = theta.tolist(), values.tolist()
    elif kind == "integers":
        theta, values = np.zeros((50, 2), np.int64), np.arange(50)
    elif kind == "Fortran order":
        theta = np.asfortranarray(theta)
    else:
        theta, values = theta.astype(kind), values.astype(kind)
    posterior = skerry.fit(theta, values, PRIOR, **CHEAP)
    assert posterior.samples.dtype == np.float64
    assert np.isfinite(posterior.log_evidence)


# Priors and problems

PRIORS = {
    "nothing": ({}, "an empty one"),
    "a list": ([st.norm()], "got list"),
    "a family": ({"a": st.norm}, "got the family norm itself; call it"),
    "a discrete part": ({"a": st.poisson(3)}, "got a discrete one"),
    "a number": ({"a": 3.0}, "Expected a distribution of one parameter.*got float"),
    "a name that is a number": ({1: st.norm()}, "non-empty strings; got 1"),
    "an empty name": ({" ": st.norm()}, "non-empty strings; got ' '"),
    "a negative width": ({"a": st.uniform(0, -1)}, "a proper distribution for 'a'"),
    "several numbers in one": ({"a": st.norm([0, 1], 1)}, "for 'a'"),
}


@pytest.mark.parametrize("name", PRIORS)
def test_mistakes_in_priors_are_told(name):
    parts, text = PRIORS[name]
    with pytest.raises(PriorError, match=text) as caught:
        skerry.Prior(parts)
    assert_three_parts(caught.value)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a", "a"], "names, each once; got 'a' twice"),
        ([], "each once; got none"),
        (["a", ""], "non-empty strings"),
        (["a", "b", "c"], "returns shape"),
    ],
)
def test_names_of_a_transform_that_cannot_be_used_are_told(names, text):
    with pytest.raises(PriorError, match=text):
        skerry.Prior.from_transform(names, lambda cube: cube[:, :2] * 1.0)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1), ("a", "b")])
def test_circles_that_cannot_be_used_are_told(ends):
    with pytest.raises(PriorError, match=r"Periodic\(low, high\) with finite low < high"):
        skerry.Periodic(*ends)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "got none; pass one or the other"),
        ({"log_likelihood": 3}, "log_likelihood to be a function; got int"),
        ({"log_likelihood": lambda: 0}, "to take theta"),
        ({"log_likelihood": rows, "forward": rows}, "got log_likelihood, forward"),
        ({"forward": rows}, "got forward"),
        ({"forward": rows, "noise": 0.1}, "Expected a noise model; got float"),
        ({"prior": None, "log_likelihood": rows}, "Expected a Prior; got NoneType"),
    ],
)
def test_mistakes_in_problems_are_told(arguments, text):
    with pytest.raises(ProblemError, match=text):
        skerry.Problem(**{"prior": PRIOR, **arguments})


@pytest.mark.parametrize("x", [np.ones(3), "data", [np.nan], None], ids=repr)
def test_observations_that_do_not_fit_the_noise_are_told(x):
    problem = skerry.Problem(PRIOR, forward=lambda t: t, noise=skerry.noise.Gaussian(1.0))
    with pytest.raises(SkerryError, match="Expected"):
        skerry.infer(problem, x, scheme=STATIC)


def test_a_bare_transform_says_what_it_lacks():
    bare = skerry.Prior.from_transform(["a", "b"], lambda cube: 2 * cube - 1)
    with pytest.raises(SkerryError, match="pass log_prob=function of theta"):
        skerry.fit(THETA / 9, VALUES, bare)
    posterior = skerry.infer(skerry.Problem(bare, rows), scheme=STATIC)
    assert posterior.flow.sample(5, 0).shape == (5, 2)
    with pytest.raises(SkerryError, match="pass log_prob=function of theta"):
        posterior.log_prob(posterior.samples)


# One parameter


def test_one_parameter_works_throughout(tmp_path):
    prior = skerry.Prior({"only": st.norm(0, 1)})
    for options in ({}, {"vectorized": False}):
        function = rows if not options else (lambda t: -float(t[0] ** 2))
        posterior = skerry.infer(skerry.Problem(prior, function, **options), scheme=STATIC)
        assert posterior.samples.shape[1:] == (1,)
        assert posterior.log_prob(posterior.samples[:3]).shape == (3,)
        assert np.shape(posterior.log_prob(np.array([0.1]))) == ()
        assert posterior.modes[0].covariance.shape == (1, 1)
        posterior.save(tmp_path / "one.npz")
        assert skerry.load(tmp_path / "one.npz").names == ("only",)
    table = skerry.fit(posterior.samples, posterior.log_likelihood, prior, **CHEAP)
    assert table.ndim == 1
    with pytest.raises(InputError, match=r"shape \(n, 1\) or \(1,\), a column for each of only"):
        skerry.fit(posterior.samples[:, 0], posterior.log_likelihood, prior)
    with pytest.raises(ProblemError, match=r"got shape \(8, 1\); return values\[:, 0\]"):
        skerry.infer(skerry.Problem(prior, lambda t: -(t**2)), scheme=STATIC)
