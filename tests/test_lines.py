"""Searches along lines that ask for slopes only where the value has fallen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from skerry.modes.lines import ThriftyObjective


class Counted:
    """An objective that counts what it is asked for."""

    def __init__(self, function, slope):
        self.function, self.slope, self.looks, self.slopes = function, slope, [], []

    def look(self, x):
        self.looks.append(x.copy())
        return float(self.function(x)), None

    def differences(self, x, value):
        assert value == self.function(x)
        self.slopes.append(x.copy())
        return self.slope(x)


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def rosenbrock_slope(x):
    bend = x[1] - x[0] ** 2
    return np.array([-400 * x[0] * bend - 2 * (1 - x[0]), 200 * bend])


def narrow(x):
    return 1e4 * np.sum((x - 3.0) ** 2)


def descend(counted, start):
    objective = ThriftyObjective(counted.look, counted.differences)
    return minimize(
        objective, np.array(start), jac=True, method="L-BFGS-B", callback=objective.accept
    )


@pytest.mark.parametrize("start", [(-1.2, 1.0), (2.0, -3.0), (0.0, 4.0)])
def test_ends_where_the_plain_objective_does_with_fewer_slopes(start):
    counted = Counted(rosenbrock, rosenbrock_slope)
    found = descend(counted, start)
    plain = minimize(rosenbrock, np.array(start), jac=rosenbrock_slope, method="L-BFGS-B")
    assert np.allclose(found.x, 1.0, atol=1e-3)
    assert len(counted.slopes) < plain.nfev
    assert len(counted.slopes) < len(counted.looks)


def test_slopes_are_asked_for_only_below_where_the_line_began():
    counted = Counted(narrow, lambda x: 2e4 * (x - 3.0))
    found = descend(counted, (0.0, 1.0))
    assert np.allclose(found.x, 3.0, atol=1e-4)
    heights = [narrow(x) for x in counted.slopes]
    assert heights == sorted(heights, reverse=True)


def test_a_rejected_trial_has_the_slope_of_the_parabola():
    # Along the line f(0) = 1, f'(0) = -2, f(1) = 5: a parabola 1 - 2 t + 6 t^2 of slope 10 at 1.
    values = {0.0: 1.0, 1.0: 5.0}
    objective = ThriftyObjective(
        lambda x: (values[float(x[0])], None), lambda x, value: np.array([-2.0])
    )
    assert objective(np.array([0.0]))[1] == -2.0
    value, slope = objective(np.array([1.0]))
    assert (value, slope[0]) == (5.0, 10.0)


@pytest.mark.parametrize("wall", [np.inf, np.nan])
def test_a_wall_shortens_the_step_to_a_quarter(wall):
    tried = []

    def look(x):
        tried.append(float(x[0]))
        return (wall if x[0] > 0.5 else (x[0] - 0.4) ** 2), None

    objective = ThriftyObjective(look, lambda x, value: 2 * (x - 0.4))
    found = minimize(
        objective, np.array([-0.6]), jac=True, method="L-BFGS-B", callback=objective.accept
    )
    assert abs(found.x[0] - 0.4) < 1e-4
    assert len(tried) < 15


def test_a_start_on_a_wall_ends_there():
    objective = ThriftyObjective(lambda x: (np.nan, None), lambda x, value: 1 / 0)
    found = minimize(objective, np.zeros(2), jac=True, method="L-BFGS-B")
    assert found.fun == np.inf
    assert found.nfev == 1


def test_slopes_that_come_with_the_value_are_taken():
    objective = ThriftyObjective(
        lambda x: (rosenbrock(x), rosenbrock_slope(x)), lambda x, value: 1 / 0
    )
    found = minimize(
        objective, np.array([-1.2, 1.0]), jac=True, method="L-BFGS-B", callback=objective.accept
    )
    assert np.allclose(found.x, 1.0, atol=1e-3)
