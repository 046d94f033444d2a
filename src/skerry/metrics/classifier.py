"""The classifier two-sample test."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skerry._seeds import SeedLike, as_seed
from skerry.errors import InputError
from skerry.metrics._arrays import as_two_samples


def c2st(a: npt.ArrayLike, b: npt.ArrayLike, seed: SeedLike = 0, folds: int = 5) -> float:
    """Held-out accuracy of a classifier that tells a (n, d) from b (m, d): 0.5 is perfect.

    A network of two hidden layers of 10 d units (relu, adam), shuffled cross-validation, points
    scaled by a's mean and standard deviation: the test of the sbibm benchmark (Lueckmann et al.
    2021; Lopez-Paz & Oquab 2017). Give samples of equal size: else guessing beats 0.5.
    """
    a, b = as_two_samples(a, b)
    if folds < 2 or len(a) + len(b) < folds:
        raise InputError(f"Expected from 2 folds to one a point; got {folds}.")
    scale = a.std(axis=0)
    if not (scale > 0.0).all():
        raise InputError("Expected a to vary in each dimension; got a constant one; drop it.")
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    state = int(as_seed(seed).numpy().integers(2**31))
    points = (np.concatenate([a, b]) - a.mean(axis=0)) / scale
    labels = np.repeat([0, 1], [len(a), len(b)])
    width = 10 * a.shape[1]
    network = MLPClassifier(
        activation="relu",
        hidden_layer_sizes=(width, width),
        max_iter=10_000,
        solver="adam",
        random_state=state,
    )
    split = KFold(n_splits=folds, shuffle=True, random_state=state)
    return float(np.mean(cross_val_score(network, points, labels, cv=split, scoring="accuracy")))
