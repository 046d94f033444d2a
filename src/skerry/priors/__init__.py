"""Priors: what is known of the parameters before the data.

A prior does two things. It knows its density in the parameters theta, and it maps theta to
coordinates u in which it is a standard normal,

    u_j = Phi^-1(F_j(theta_j)),        F_j the cumulative distribution of parameter j,

so that bounds and half-lines vanish and nothing drawn in u ever leaves the support. Everything
else is derived: a draw is ``from_u`` of standard normal numbers, and the log-Jacobian of the map is
``log_prob(theta)`` minus the standard normal log-density of u.

A prior is made of named, independent parts (``Prior({...})``), or of a transform from the unit
cube, for parameters which depend on each other (``Prior.from_transform``).

>>> import scipy.stats as st
>>> prior = Prior({"mass": st.uniform(0, 10), "phase": Periodic(0, 1)})
>>> prior.names, prior.ndim
(('mass', 'phase'), 2)
>>> prior.to_u([[5.0, 0.5]]).round(6).tolist()
[[0.0, 0.0]]
"""

from skerry.priors._columns import Periodic
from skerry.priors._prior import Prior, as_points

__all__ = ["Periodic", "Prior", "as_points"]
