r"""What other programs have made, and what they can read.

**In**: points that another program evaluated become :class:`skerry.Recycled` points, which
``skerry.fit`` turns into a posterior without a further likelihood call. Each reader says, in
``recycled.assumed``, what it took for granted of the density they were drawn from; the posterior's
summary repeats it.

=====================  =============================================  ===========================
reader                 proposal density g assumed                     log Z
=====================  =============================================  ===========================
``from_dynesty``       prior over the volume each dead point stands   the run's, with its error
                       for
``from_ultranest``,    the same                                       the run's, with its error
``from_anesthetic``
``from_nautilus``      points of a shell over its volume              the run's, error by its
                                                                      effective size
``from_emcee``,        the posterior itself, equal weights            not known
``from_chains``
``from_getdist``       the posterior itself, getdist's weights        not known
``read_table``,        ``log_proposal``, the prior, or                the mean weight; not known
``from_table``         ``log_weight``                                 from ``log_weight``
=====================  =============================================  ===========================

Priors and problems written for another program are taken as they are: ``prior_from_numpyro``,
``prior_from_bilby``, ``prior_from_nautilus``, ``prior_from_transform``, ``problem_from_numpyro``,
``problem_from_bilby``, ``problem_from_pyhf``.

**Out**: ``to_arviz`` (also ``posterior.to_arviz()``), ``to_netcdf``, ``to_getdist``,
``to_anesthetic``, ``to_corner``, ``to_pandas`` and ``to_text`` hand a posterior on with its
weights.

The packages themselves are only imported where a function can't do without.
"""

from skerry.interop._anesthetic import to_anesthetic
from skerry.interop._arviz import to_arviz, to_netcdf
from skerry.interop._bilby import prior_from_bilby, problem_from_bilby
from skerry.interop._chains import from_chains
from skerry.interop._corner import to_corner
from skerry.interop._dynesty import from_dynesty
from skerry.interop._emcee import from_emcee
from skerry.interop._from_anesthetic import from_anesthetic
from skerry.interop._from_getdist import from_getdist
from skerry.interop._from_nautilus_prior import prior_from_nautilus
from skerry.interop._nautilus import from_nautilus
from skerry.interop._numpyro import prior_from_numpyro
from skerry.interop._numpyro_model import problem_from_numpyro
from skerry.interop._pandas import to_pandas
from skerry.interop._pyhf import problem_from_pyhf
from skerry.interop._tables import from_table, read_table
from skerry.interop._text import to_text
from skerry.interop._to_getdist import to_getdist
from skerry.interop._transform import prior_from_transform
from skerry.interop._ultranest import from_ultranest

__all__ = [
    "from_anesthetic",
    "from_chains",
    "from_dynesty",
    "from_emcee",
    "from_getdist",
    "from_nautilus",
    "from_table",
    "from_ultranest",
    "prior_from_bilby",
    "prior_from_nautilus",
    "prior_from_numpyro",
    "prior_from_transform",
    "problem_from_bilby",
    "problem_from_numpyro",
    "problem_from_pyhf",
    "read_table",
    "to_anesthetic",
    "to_arviz",
    "to_corner",
    "to_getdist",
    "to_netcdf",
    "to_pandas",
    "to_text",
]
