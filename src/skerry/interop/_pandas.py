"""pandas: one row a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skerry.errors import InputError
from skerry.posterior import Posterior

if TYPE_CHECKING:
    from pandas import DataFrame

FACTS = ("log_evidence", "log_evidence_error", "n_effective", "n_calls", "khat")
OWN = ("log_weight", "log_likelihood", "mode")


def to_pandas(posterior: Posterior) -> DataFrame:
    """The weighted samples as a data frame.

    A column for each parameter, ``log_weight`` (logsumexp 0), ``log_likelihood`` and ``mode`` (an
    index into ``posterior.modes``; -1: none). Evidence, sizes, k-hat and status are ``attrs``.
    ``skerry.interop.from_table`` reads it back as points with weights.

    Args:
        posterior: the posterior.

    Raises:
        InputError: if a parameter has the name of one of these columns.
    """
    import pandas as pd

    taken = [name for name in posterior.names if name in OWN]
    if taken:
        raise InputError(
            f"Expected parameters beside the columns {', '.join(OWN)}; got {', '.join(taken)}; "
            "rename the parameter."
        )
    frame = pd.DataFrame(posterior.samples, columns=list(posterior.names))
    columns = (posterior.log_weights, posterior.log_likelihood, posterior.labels)
    for name, values in zip(OWN, columns, strict=True):
        frame[name] = values
    frame.attrs = {name: getattr(posterior, name) for name in FACTS}
    frame.attrs["status"] = str(posterior.status)
    return frame
