"""Checks of a posterior, and replicas of its data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as st

import skerry
from made_up import made_up
from skerry import diagnostics, plot
from skerry.errors import InputError, UnsupportedError
from skerry.posterior import Round, Search

Z = 5.0
SIGMA = 0.5


def found(**changes):
    """The checks by their names."""
    p = replace(made_up(2, [0.7, 0.3]), search=Search(40, (30, 10)), **changes)
    return {check.name: check for check in diagnostics.checks(p)}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Effective samples", {"n_effective": 100.0}, {"n_effective": 99.0}),
        ("Effective samples", {"n_effective": 300.0}, {"settings": {"n_effective": 300.0}}),
        ("Tail of the weights, Pareto k-hat", {"khat": 0.7}, {"khat": 0.71}),
        ("Likelihood calls that failed", {"n_failed": 80}, {"n_failed": 81}),
    ],
)
def test_each_check_has_its_limit(name, good, bad):
    assert found(**good)[name].verdict == "fine"
    assert found(**good)[name].advice == ""
    assert found(**bad)[name].verdict == "look"
    assert found(**bad)[name].advice.endswith(".")
    assert str(found(**bad)[name]).startswith("look: ")


def test_one_point_that_outweighs_the_rest_is_told():
    log_weights = np.full(800, -np.log(800.0))
    log_weights[3] += 5.0
    check = found(log_weights=log_weights - np.logaddexp.reduce(log_weights))[
        "Share of the heaviest sample"
    ]
    assert check.value == "16 %"
    assert check.passed is False


def test_draws_that_nothing_has_weighed_are_not_fine():
    checks = found(n_calls=0, n_failed=0)
    assert checks["Weights by the likelihood"].passed is None
    assert not {"Effective samples", "Tail of the weights, Pareto k-hat"} & set(checks)


def test_a_search_nobody_made_is_not_a_pass():
    p = made_up(2, [0.7, 0.3])
    unknown = [c for c in diagnostics.checks(p) if c.passed is None]
    assert [c.name.split()[0] for c in unknown] == ["Islands"]
    assert "Nobody searched" in unknown[0].advice
    stopped = replace(p, rounds=(Round("prior", 500, 0.0, 800, 40.0, 0.05, 2, -3.9, 1.3),))
    advice = [c.advice for c in diagnostics.checks(stopped) if c.passed is None]
    assert advice == ["The run was stopped before its search was summed up. Run it to the end."]
    few = replace(p, search=Search(4, (2, 1)))
    assert all(c.passed is not None for c in diagnostics.checks(few))


def line(noise=None):
    """A straight line through eight places; the posterior is broad, the fit is what is checked."""
    places = np.linspace(0.0, 1.0, 8)
    prior = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
    return skerry.Problem(
        prior,
        forward=lambda theta: theta[:, :1] + theta[:, 1:] * places,
        noise=noise or skerry.noise.Gaussian(SIGMA),
    )


@pytest.fixture(scope="module")
def fitted():
    x = line().simulate(np.array([[1.0, -0.5]]), 3)[0]
    scheme = skerry.Static(20_000, density="islands")
    return skerry.infer(line(), x, scheme=scheme, n_effective=100), x


def test_replicas_are_predictions_with_noise(fitted):
    """Their variance about the predictions is the noise's, within Z errors."""
    posterior, x = fitted
    r = diagnostics.replicate(posterior, line(), x, n=400, seed=1)
    assert r.predictions.shape == r.data.shape == (400, 8)
    square = ((r.data - r.predictions) ** 2).ravel()
    assert abs(square.mean() - SIGMA**2) < Z * square.std() / np.sqrt(len(square))
    again = diagnostics.replicate(posterior, line(), x, n=400, seed=1)
    np.testing.assert_array_equal(again.data, r.data)
    assert 0.02 < r.p_value < 0.98
    assert r.inside(1.0) >= r.inside(0.5)


def test_the_p_value_sees_data_too_far_off_and_too_close(fitted):
    posterior, x = fitted
    far = x + np.where(np.arange(8) == 4, 20 * SIGMA, 0.0)
    assert diagnostics.replicate(posterior, line(), far).p_value == 0.0
    close = diagnostics.replicate(posterior, line(), line().predict(posterior.mean[None])[0])
    exact = st.beta(1, 4).cdf(0.5)  # of chi-square of 2 below that of 8: two parameters, eight data
    assert close.p_value == pytest.approx(exact, abs=Z * close.p_error)


@pytest.mark.statistical
def test_the_p_value_of_true_parameters_is_uniform():
    """With theta known, p is the chi-square's own p-value: Kolmogorov-Smirnov at 1e-4."""
    problem, theta = line(), np.array([1.0, -0.5])
    point = made_up(2, [1.0])
    point = replace(point, names=("a", "b"), samples=np.tile(theta, (len(point.samples), 1)))
    rng, values = np.random.default_rng(0), []
    for seed in range(300):
        x = problem.simulate(theta[None], rng)[0]
        values.append(diagnostics.replicate(point, problem, x, seed=seed).p_value)
    assert st.kstest(values, "uniform").pvalue > 1e-4


def test_noise_that_cannot_be_sampled_leaves_predictions(fitted):
    posterior, x = fitted
    plain = skerry.noise.Custom(lambda x, y: -0.5 * np.sum((x - y) ** 2, axis=-1))
    r = diagnostics.replicate(posterior, line(plain), x)
    assert r.data is None
    assert np.isnan(r.p_value)
    assert np.isnan(r.inside(0.5))
    assert "can't be sampled" in plot.predictive(r).axes[0].get_title("left")


def test_replicas_need_the_problem_of_the_posterior(fitted):
    posterior, x = fitted
    with pytest.raises(InputError, match=r"data of shape \(8,\).*got \(3,\)"):
        diagnostics.replicate(posterior, line(), x[:3])
    prior, noise = skerry.Prior({"c": st.norm(0, 1)}), skerry.noise.Gaussian(1.0)
    other = skerry.Problem(prior, forward=lambda theta: theta, noise=noise)
    with pytest.raises(InputError, match="posterior's own problem, of a, b; got one of c"):
        diagnostics.replicate(posterior, other, x)
    alone = skerry.Problem(line().prior, lambda theta: -theta[:, 0])
    with pytest.raises(UnsupportedError, match="forward model"):
        diagnostics.replicate(posterior, alone, x)


def test_the_picture_of_replicas_says_how_well_it_fits(fitted):
    posterior, x = fitted
    r = diagnostics.replicate(posterior, line(), x)
    figure = plot.predictive(r, at=np.linspace(0, 1, 8), names=("time", "signal"))
    figure.savefig("/dev/null", format="png")
    assert figure.axes[0].get_title("left").startswith(f"p = {r.p_value:.2f}: the model fits")
    assert figure.axes[1].get_xlabel() == "time"
    shown = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert {"data", "replicas, 95 %", "predictions, 95 %", "island A, median"} <= shown
    np.testing.assert_array_equal(figure.axes[0].lines[-1].get_ydata(), x)
    far = diagnostics.replicate(posterior, line(), x + 20.0)
    assert "p < 0.005: DATA LIE FARTHER OFF" in plot.predictive(far).axes[0].get_title("left")
    with pytest.raises(InputError, match="a place for each of 8 data"):
        plot.predictive(r, at=np.zeros(3))


def test_many_data_make_a_band():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((50, 100))
    r = diagnostics.Replicas(values[0], values, values, np.zeros(50, np.int64), 0.5)
    axes = plot.predictive(r).axes[0]
    assert len(axes.collections) == 2
    assert not axes.patches


def test_evidences_are_ordered_and_their_probabilities_add_up():
    good = replace(made_up(1, [1.0]), log_evidence=-3.0, status=skerry.Status.CONVERGED)
    models = {"b": (-5.0, 0.1), "a": good, "c": replace(good, status=skerry.Status.SHORT)}
    figure = plot.evidences(models)
    figure.savefig("/dev/null", format="png")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "c", "b"]
    texts = [text.get_text() for text in axes.texts]
    z = np.exp([0.0, 0.0, -2.0])
    for text, share in zip(texts, z / z.sum(), strict=False):
        assert text.startswith(f"{100 * share:.1f} %")
    assert [text.endswith("not converged") for text in texts[:3]] == [False, True, False]
    assert axes.get_title("left") == "Best: log Z = -3.00 ± 0.10"


@pytest.mark.parametrize("models", [{"a": (0.0, 0.1)}, {"a": (0.0, 0.1), "b": (np.nan, 0.1)}])
def test_evidences_need_two_that_are_known(models):
    with pytest.raises(InputError, match="Expected"):
        plot.evidences(models)
