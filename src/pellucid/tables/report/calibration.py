"""Whether probabilities mean what they say, and quantiles hold what they promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.tables.targets import Target
from pellucid.typing import Array, Floats

_BINS = 10
_LEAST_IN_A_BIN = 10  # rows: a share of fewer says nothing


@dataclass(frozen=True)
class Calibration:
    """What was said, and what came true, from the least said to the most.

    Parameters
    ----------
    said, came : tuple of float
        Of each bin the mean probability that was said, and the share of rows that it came true for; of quantiles the
        level, and the share of rows below the prediction.
    rows : tuple of int
        The rows of each bin.
    of : str
        Of what: "yes", "the most likely class", "quantiles".
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]
    of: str

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over the rows of |said − came|."""
        gaps = np.abs(np.array(self.predicted) - np.array(self.observed))
        return float(np.average(gaps, weights=self.rows))

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "of": self.of,
            "predicted": list(self.predicted),
            "observed": list(self.observed),
            "rows": list(self.rows),
            "error": self.error,
        }


def calibration_of(target: Target, truth: Array, answers: Floats) -> Calibration | None:
    """The calibration of answers to rows that were not trained on; None of numbers, which promise nothing.

    Of two classes the second one's probability is looked at, of more the highest one. Bins hold equally many rows.
    """
    if target.task == "classes":
        if len(target.classes) == 2:
            return _binned(answers[:, 1], truth == 1, target.class_names[1])
        return _binned(answers.max(axis=1), answers.argmax(axis=1) == truth, "the most likely class")
    if target.levels:
        below = (truth[:, None] <= answers.reshape(len(truth), -1)).mean(axis=0)  # (levels,)
        return Calibration(target.levels, tuple(map(float, below)), (len(truth),) * len(below), "quantiles")
    return None


def _binned(probability: Floats, observed: Array, of: str) -> Calibration:
    """Bins of equally many rows, as many as have rows enough; equal probabilities stay together."""
    bins = max(1, min(_BINS, len(probability) // _LEAST_IN_A_BIN))
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, probability)  # (n,)
    rows = np.bincount(place, minlength=len(edges) + 1)
    kept = rows > 0
    predicted = np.bincount(place, weights=probability, minlength=len(rows))[kept] / rows[kept]
    share = np.bincount(place, weights=observed, minlength=len(rows))[kept] / rows[kept]
    return Calibration(tuple(predicted.tolist()), tuple(share.tolist()), tuple(rows[kept].tolist()), of)
