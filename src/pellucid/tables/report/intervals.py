"""How far scores can be trusted: 95 % intervals by a bootstrap over the rows.

Contract: `bootstrap` draws the rows anew many times and measures everything on the same draws, so that two models are
compared pair by pair. Its interval speaks of which rows happened to be measured; how much another training would
differ, the spread over the folds shows.

Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13 (percentile intervals).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pellucid.metrics import Weighted
from pellucid.typing import Array

LEVEL = 0.95
_DRAWS = 400
_LEAST_DRAWS = 100
_MOST_ROWS = 20_000_000  # of all draws together: with very many rows fewer draws do


class Interval(NamedTuple):
    """A number, and between what it lies with a probability of 95 %."""

    value: float
    low: float
    high: float

    def __neg__(self) -> Interval:
        """The interval of the number with the other sign."""
        return Interval(-self.value, -self.high, -self.low)


def bootstrap(
    measures: Sequence[Weighted], rows: int, weight: Array | None = None, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Each measure of the rows as they are, then of rows drawn with replacement: (1 + draws, measures)."""
    own = np.ones(rows) if weight is None else np.asarray(weight, dtype=np.float64)
    draws = max(_LEAST_DRAWS, min(_DRAWS, _MOST_ROWS // max(rows, 1)))
    generator = np.random.Generator(np.random.Philox(seed))
    values = np.empty((1 + draws, len(measures)))
    values[0] = [measure(own) for measure in measures]
    for draw in range(1, 1 + draws):
        drawn = own * np.bincount(generator.integers(rows, size=rows), minlength=rows)
        values[draw] = [measure(drawn) for measure in measures]
    return values


def interval(values: npt.NDArray[np.float64]) -> Interval:
    """The interval of one of the columns that `bootstrap` returns, or of a difference of two."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn):
        return Interval(float(values[0]), float(values[0]), float(values[0]))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values[0]), float(low), float(high))
