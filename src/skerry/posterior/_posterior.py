"""The posterior of one observation."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from skerry import weights
from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError, UnsupportedError
from skerry.modes import Islands, Topology
from skerry.posterior._flow import PosteriorFlow
from skerry.posterior._history import Failed, Round, Search
from skerry.posterior._status import Status
from skerry.training import Fitted

if TYPE_CHECKING:
    from xarray import DataTree


@dataclass(frozen=True)
class Mode:
    """One island of the posterior.

    Attributes:
        mass: its share of the posterior.
        mass_error: the standard error of that share.
        location: the point of highest posterior density found in it, ``(d,)``.
        covariance: of its samples, ``(d, d)``.
        log_evidence: ``log(Z mass)``: what this island alone adds to the evidence.
        log_evidence_error: the standard error of that, those of log Z and log mass combined as
            if independent.
        n_samples: weighted samples in it.
    """

    mass: float
    mass_error: float
    location: FloatArray
    covariance: FloatArray
    log_evidence: float
    log_evidence_error: float
    n_samples: int

    def __post_init__(self) -> None:
        for array in (self.location, self.covariance):
            array.setflags(write=False)


@dataclass(frozen=True)
class Posterior:
    """Weighted samples, evidence, islands and a density: the answer, and how far to trust it.

    Attributes:
        names: of the d parameters.
        samples: weighted draws, ``(n, d)``; points of negligible weight are left out.
        log_weights: theirs, ``(n,)``, logsumexp 0.
        log_likelihood: theirs, ``(n,)``.
        labels: the mode of each sample, ``(n,)``: an index into ``modes``, or -1 for a peak that
            carries less than a millionth of the mass.
        log_evidence: log Z.
        log_evidence_error: its standard error.
        n_effective: Kish's effective number of samples.
        n_calls: points the likelihood was evaluated at, impossible and failed ones included, and
            those of the first trial.
        n_failed: calls that failed and were left out or set to zero.
        khat: Pareto shape of the weights; above 0.7 they are unreliable.
        modes: heaviest first.
        status: a verdict with advice; ``print(posterior.status)``.
        topology: the peaks' persistence diagram, the evidence for the number of modes.
        islands: the Gaussian mixture from which the density started.
        flow: the trained density q(theta).
        training: its history, if a flow was trained.
        rounds: of an adaptive run.
        search: what the hunts for islands met; None if there were none.
        failed: the calls that failed, with their points and reasons; None if not recorded.
        settings: how the run was made, as plain values.
    """

    names: tuple[str, ...]
    samples: FloatArray
    log_weights: FloatArray
    log_likelihood: FloatArray
    labels: IntArray
    log_evidence: float
    log_evidence_error: float
    n_effective: float
    n_calls: int
    n_failed: int
    khat: float
    modes: tuple[Mode, ...]
    status: Status
    topology: Topology | None = field(repr=False, default=None)
    islands: Islands | None = field(repr=False, default=None)
    flow: PosteriorFlow | None = field(repr=False, default=None)
    training: Fitted | None = field(repr=False, default=None)
    rounds: tuple[Round, ...] = field(repr=False, default=())
    search: Search | None = field(repr=False, default=None)
    failed: Failed | None = field(repr=False, default=None)
    settings: dict[str, str | int | float] = field(repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.samples, self.log_weights, self.log_likelihood, self.labels):
            array.setflags(write=False)

    @property
    def ndim(self) -> int:
        """The number of parameters, d."""
        return len(self.names)

    @property
    def converged(self) -> bool:
        """Whether the status is :attr:`Status.CONVERGED`."""
        return self.status is Status.CONVERGED

    @property
    def mean(self) -> FloatArray:
        """The posterior mean, ``(d,)``."""
        return np.asarray(np.exp(self.log_weights) @ self.samples)

    @property
    def covariance(self) -> FloatArray:
        """The posterior covariance, ``(d, d)``."""
        centred = self.samples - self.mean
        return np.asarray((centred * np.exp(self.log_weights)[:, None]).T @ centred)

    def sample(self, n: int, seed: SeedLike) -> FloatArray:
        """``n`` equal-weight draws ``(n, d)``: the weighted samples, resampled systematically.

        Points repeat where n is large beside ``n_effective``; ``posterior.flow.sample`` never
        repeats one, but is a fit.
        """
        return self.samples[self.resample(n, seed)]

    def resample(self, n: int, seed: SeedLike) -> IntArray:
        """The rows of ``samples`` that :meth:`sample` draws, ``(n,)``."""
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise InputError(f"Expected n to be an int >= 0; got {n!r}; pass a number of draws.")
        generator = as_seed(seed).child("posterior sample").numpy()
        return weights.systematic_resample(self.log_weights, n, generator)

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """The trained density's log value at points ``(n, d)``, normalised over theta."""
        if self.flow is None:
            raise UnsupportedError(
                "Expected a posterior with a trained flow; this one has none (its prior could not "
                "be stored, or its weights had collapsed). Use posterior.samples and log_weights, "
                "or skerry.load(path, prior=prior)."
            )
        return self.flow.log_prob(theta)

    def summary(self) -> str:
        """A page of text: verdict, evidence, parameters, islands."""
        from skerry.posterior._summary import summarize

        return summarize(self)

    def to_arviz(
        self, n: int | None = None, seed: SeedLike = 0, *, observed: Any | None = None
    ) -> DataTree:
        """As ArviZ keeps posteriors, for its plots and statistics.

        Groups: ``posterior``, n equal-weight draws ``(1, n)`` over ``chain`` and ``draw``;
        ``sample_stats``, their ``log_likelihood`` and ``mode`` (-1: none); ``weighted_posterior``,
        all weighted samples with ``log_weight`` (logsumexp 0), which lose nothing; ``modes``;
        ``observed_data`` if given. Evidence, effective size, k-hat, status and settings are
        attributes. Beware: ``arviz_stats``' ``psislw`` takes *minus* these log weights, and
        ``arviz_base.extract(weights=...)`` ignores ``num_samples`` unless told
        ``resampling_method="multinomial"``.

        Args:
            n: draws; None: as many as the effective size.
            seed: of :meth:`sample`, whose draws these are.
            observed: the observation: an array, or a dictionary of arrays.

        Raises:
            InputError: for names that xarray can't keep.
        """
        from skerry.posterior._arviz import to_datatree

        return to_datatree(self, n, seed, observed)

    def save(self, path: str | PathLike[str]) -> None:
        """Write to one file (NumPy's npz: arrays and JSON, no pickle); see :func:`skerry.load`."""
        from skerry.posterior._file import save

        save(self, path)
