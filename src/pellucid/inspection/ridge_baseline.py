"""A yardstick: how well the targets can be told from the inputs by a model that cannot fail to train.

Ridge regression on the standardized inputs and on random rectified features of them has one solution, which linear
algebra finds: no learning rate, no first weights, nothing to diverge. What it reaches, a network should reach too.

    features  φ = [1, x, max(0, x A + b)]        A, b: random numbers
    weights   (φᵀφ + λ n I) W = φᵀ y             y: numbers, or one column a class

Source: Rahimi and Recht, "Weighted sums of random kitchen sinks", NIPS 2008.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats

_RANDOM_FEATURES = 256
_MOST_INPUTS = 1000  # more columns are not taken as they are: the random features see them all
_STRENGTHS = (1e-4, 1e-2, 1.0)
_LIMIT = 8.0  # standard deviations: beyond them an input says no more


class BaselineScore(NamedTuple):
    """How much of the targets stays unexplained on rows that were not trained on: a share of wrong rows, or 1 − R²."""

    unexplained: float
    """By the yardstick."""
    chance: float
    """By the best constant."""
    standard_error: float
    """Of `unexplained`, roughly."""
    signal: float
    """How much of the targets' variance the yardstick explains there, classes taken as columns of 0 and 1."""


@dataclass(frozen=True, eq=False)
class RidgeBaseline:
    """A fitted ridge regression; `fit` makes one."""

    mean: Floats
    scale: Floats
    directions: Floats
    shifts: Floats
    weights: Floats

    @staticmethod
    def fit(x: Array, targets: Floats, strength: float = _STRENGTHS[1]) -> RidgeBaseline:
        """From rows (n, d) and numbers (n, k)."""
        return next(RidgeBaseline.path(x, targets, (strength,)))

    @staticmethod
    def path(x: Array, targets: Floats, strengths: tuple[float, ...] = _STRENGTHS) -> Iterator[RidgeBaseline]:
        """One for each strength of the ridge."""
        rows = x.reshape(len(x), -1).astype(np.float64)  # (n, d)
        mean, scale = rows.mean(axis=0), rows.std(axis=0)
        scale[scale <= 1e-12 * np.maximum(1.0, np.abs(mean))] = np.inf  # a constant column says nothing
        stream = Stream(0, Purpose.DATA)
        inputs = max(1, int(np.isfinite(scale).sum()))
        directions = stream.normal((rows.shape[1], _RANDOM_FEATURES)) * np.sqrt(2 / inputs)
        shifts = stream.at(1).uniform(_RANDOM_FEATURES, -1.5, 1.5)
        empty = RidgeBaseline(mean, scale, directions, shifts, np.empty((0, 0)))
        features = empty.features(rows)  # (n, m)
        gram = features.T @ features / len(rows)
        products = features.T @ targets / len(rows)  # (m, k)
        ridge = np.r_[0.0, np.ones(len(gram) - 1)]  # the constant is free
        for strength in strengths:
            weights = np.linalg.solve(gram + np.diag(strength * ridge + 1e-9), products)
            yield RidgeBaseline(mean, scale, directions, shifts, weights)

    def features(self, x: Array) -> Floats:
        """[1, x, max(0, x A + b)] of the standardized rows."""
        z = (x.reshape(len(x), -1) - self.mean) / self.scale  # (n, d)
        z = np.clip(z, -_LIMIT, _LIMIT)
        random = np.maximum(0.0, z @ self.directions + self.shifts)
        parts = [np.ones((len(z), 1)), random] if z.shape[1] > _MOST_INPUTS else [np.ones((len(z), 1)), z, random]
        return np.concatenate(parts, axis=1)

    def predict(self, x: Array) -> Floats:
        """Numbers (n, k)."""
        return self.features(x) @ self.weights


def as_columns(targets: Array, outputs: int) -> Floats:
    """Targets as numbers (n, k): classes (n,) become a column each."""
    if targets.ndim == 2:
        return targets.astype(np.float64)
    columns = np.zeros((len(targets), outputs))
    columns[np.arange(len(targets)), targets] = 1.0
    return columns


def unexplained(predicted: Floats, targets: Floats, of_classes: bool, *, balanced: bool = False) -> float:
    """The share of rows whose highest column is another than the target's, or whose yes-or-no is; for numbers
    Σ(y − a)²/Σ(y − ȳ)². Balanced: every class counts the same.
    """
    if not of_classes:
        spread = np.square(targets - targets.mean(axis=0)).mean()
        return float(np.square(targets - predicted).mean() / spread) if spread > 0 else 0.0
    if targets.shape[1] == 1:
        classes, message = targets[:, 0] > 0.5, predicted[:, 0] > 0.5
    elif ((targets > 0.5).sum(axis=1) == 1).all():
        classes, message = targets.argmax(axis=1), predicted.argmax(axis=1)
    else:  # several independent answers
        return float(((predicted > 0.5) != (targets > 0.5)).any(axis=1).mean())
    wrong = classes != message
    if balanced:
        return float(np.mean([wrong[classes == each].mean() for each in np.unique(classes)]))
    return float(wrong.mean())


def reach(
    x: Array,
    targets: Floats,
    of_classes: bool,
    *,
    balanced: bool = False,
    others: tuple[Array, Floats] | None = None,
) -> BaselineScore:
    """How far the yardstick gets: trained on the rows, measured on `others`; without others, on every second row.

    The strength of the ridge is chosen where it is measured: a yardstick may be a little too good, not too bad.
    """
    if others is None:
        x, targets, others = x[::2], targets[::2], (x[1::2], targets[1::2])
    test_x, test_y = others
    errors, signals = [], []
    for model in RidgeBaseline.path(x, targets):
        predicted = model.predict(test_x)
        errors.append(unexplained(predicted, test_y, of_classes, balanced=balanced))
        signals.append(1 - unexplained(predicted, test_y, False))
    best = min(errors)
    guess = np.broadcast_to(targets.mean(axis=0), test_y.shape)
    chance = unexplained(guess, test_y, of_classes, balanced=balanced)
    error = standard_error(best, len(test_y), of_classes)
    return BaselineScore(best, chance, error, max(signals))


def standard_error(error: float, rows: int, of_classes: bool) -> float:
    """How far an error on this many rows lies from the true one, roughly: of a share √(e(1 − e)/n), at least half a
    row; of 1 − R², a ratio of mean squares, e·√(2/n).
    """
    share = min(max(error, 0.0), 1.0)
    return (
        max(float(np.sqrt(share * (1 - share) / rows)), 0.5 / rows) if of_classes else share * float(np.sqrt(2 / rows))
    )
