"""Whether an observation is like those an estimator was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skerry._types import BoolArray, FloatArray

KEPT = 1000
MARGIN = 1.25  # how much farther than the farthest trained on


@dataclass(frozen=True)
class Familiar:
    """Where training observations lie in a network's features: an ellipsoid and its reach.

    A hole inside of the ellipsoid isn't seen; the refinement's weights see that.

    Attributes:
        mean: ``(e,)``.
        whitener: ``(e, e)``; distances are norms of ``(features - mean) @ whitener``.
        distances: of the training observations, sorted, at most 1,000 of them.
    """

    mean: FloatArray
    whitener: FloatArray
    distances: FloatArray

    def distance(self, features: FloatArray) -> FloatArray:
        """Features ``(k, e)`` to distances ``(k,)``, about 1 for a typical observation."""
        z = (features - self.mean) @ self.whitener
        return np.asarray(np.sqrt(np.mean(z**2, axis=1)))

    def outside(self, features: FloatArray) -> BoolArray:
        """Which of k observations lie farther out than any that was trained on."""
        return np.asarray(self.distance(features) > MARGIN * self.distances[-1])


def familiar(features: FloatArray) -> Familiar:
    """The ellipsoid of training features ``(k, e)``."""
    mean = features.mean(axis=0)
    covariance = np.atleast_2d(np.cov(features.T)) if len(features) > 1 else np.eye(len(mean))
    values, vectors = np.linalg.eigh(covariance)
    floor = max(float(values[-1]) * 1e-6, 1e-12)
    found = Familiar(mean, vectors / np.sqrt(np.maximum(values, floor)), np.ones(1))
    places = np.linspace(0, len(features) - 1, min(KEPT, len(features))).round().astype(int)
    return Familiar(mean, found.whitener, np.sort(found.distance(features))[places])
