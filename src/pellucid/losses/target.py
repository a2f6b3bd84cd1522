"""The unit of a target: what stands between the scores of a network and the numbers it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pellucid.typing import Array, Floats
from pellucid.validation import check_number

Number: TypeAlias = float | tuple[float, ...]
"""One for all outputs, or one for each."""


@dataclass(frozen=True)
class TargetScaling:
    """Predictions are score·scale + mean, clipped to [low, high]; training compares scores with (y − mean)/scale.

    A network learns numbers around 0 of size 1 far better than prices in the thousands. This is the unit between the
    two: it belongs to the network (`network.target`), travels in its file and its exports, and is undone in `predict`.
    Where scores are logarithms (`Poisson`), predictions are exp(score)·scale, and there is no mean: counts are learnt
    in units of theirs, so that all of them start alike.

    Parameters
    ----------
    mean, scale : float or tuple of float
        In the unit of the target; one number for all outputs, or one for each. `scale` is above 0.
    low, high : float, tuple of float or None
        The least and the largest prediction, in the unit of the target; None: there is none.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> unit = pl.TargetScaling(mean=100.0, scale=20.0, low=90.0)
    >>> unit.standardized(np.array([[80.0], [120.0]])).tolist()
    [[-1.0], [1.0]]
    >>> unit.predictions(np.array([[-1.0], [1.0]])).tolist()
    [[90.0], [120.0]]
    """

    mean: Number = 0.0
    scale: Number = 1.0
    low: Number | None = None
    high: Number | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "scale", "low", "high"):
            value = getattr(self, name)
            above = {"above": 0.0} if name == "scale" else {}
            if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
                if len(value) == 0:
                    raise ValueError(f"{name} must be a number or one for each output, not an empty list.")
                value = tuple(check_number(f"{name}[{place}]", each, **above) for place, each in enumerate(value))
            elif value is not None or name in ("mean", "scale"):
                value = check_number(name, value, **above)
            object.__setattr__(self, name, value)
        if len(self._lengths) > 1:
            raise ValueError(f"mean, scale, low and high must have one number for each output, not {self}.")
        low, high = self._limits
        if (low > high).any():
            raise ValueError(f"low must be at most high, but low is {self.low} and high is {self.high}.")

    @staticmethod
    def measured(
        targets: Array, *, standardize: bool = True, clamp: bool = True, link: str = "identity"
    ) -> TargetScaling:
        """The unit of training targets (n, outputs): their mean and standard deviation, their least and largest.

        Where a column of targets is constant, its scale is 1. Of the link "exponential" the mean is the scale; where
        it is 0, that is 1.

        Parameters
        ----------
        standardize : bool
            False: the mean is 0 and the scale 1.
        clamp : bool
            False: predictions have no limits.
        link : {"identity", "exponential"}
            What stands between scores and numbers.
        """
        if len(targets) > 0 and targets.strides[1] == 0:  # one column for all outputs, as for quantiles
            targets = targets[:, :1]
        found: dict[str, Number] = {}
        if standardize and link == "exponential":
            mean = targets.mean(axis=0, dtype=np.float64)
            found["scale"] = _plain(np.where(mean > 0, mean, 1.0))
        elif standardize:
            deviation = targets.std(axis=0, dtype=np.float64)
            found["mean"] = _plain(targets.mean(axis=0, dtype=np.float64))
            found["scale"] = _plain(np.where(deviation > 0, deviation, 1.0))
        if clamp:
            found["low"], found["high"] = _plain(targets.min(axis=0)), _plain(targets.max(axis=0))
        return TargetScaling(**found)

    @property
    def _lengths(self) -> set[int]:
        """How many numbers those have that have one for each output."""
        return {len(value) for value in (self.mean, self.scale, self.low, self.high) if isinstance(value, tuple)}

    @property
    def _limits(self) -> tuple[Floats, Floats]:
        low = -np.inf if self.low is None else self.low
        return np.atleast_1d(low).astype(np.float64), np.atleast_1d(np.inf if self.high is None else self.high)

    def describe(self, link: str = "identity") -> str:
        """The function of a score: "score·20 + 100, at least 90"."""
        shown = {name: _shown(getattr(self, name)) for name in ("mean", "scale", "low", "high")}
        score = "exp(score)" if link == "exponential" else "score"
        words = score if self.scale == 1.0 else f"{score}·{shown['scale']}"
        words += "" if self.mean == 0.0 else f" + {shown['mean']}"
        low = [] if self.low is None else [f"at least {shown['low']}"]
        return ", ".join([words, *low, *([] if self.high is None else [f"at most {shown['high']}"])])

    def check(self, outputs: int) -> None:
        """Raise if there is a number for each output, and not as many as the network has."""
        for length in self._lengths - {outputs}:
            raise ValueError(
                f"The target scaling has numbers for {length} outputs, but the network has {outputs}: {self}."
            )

    def column(self, name: str, outputs: int) -> Floats | None:
        """`mean`, `scale`, `low` or `high` as float64 (outputs,); None where there is no limit."""
        value = getattr(self, name)
        return None if value is None else np.broadcast_to(np.asarray(value, dtype=np.float64), (outputs,)).copy()

    def standardized(self, targets: Array) -> Floats:
        """(y − mean)/scale in float64, (n, outputs)."""
        if isinstance(self.mean, float) and isinstance(self.scale, float) and len(targets) and targets.strides[1] == 0:
            column = self.standardized(targets[:, :1].copy())
            return np.broadcast_to(column, targets.shape)  # one column for all outputs: not a copy of it for each
        return (targets - np.asarray(self.mean)) / np.asarray(self.scale)

    def predictions(self, scores: Floats) -> Floats:
        """Clip(score·scale + mean, low, high) in float64, (n, outputs), of scores or of their exponentials."""
        answer = scores.astype(np.float64) * np.asarray(self.scale) + np.asarray(self.mean)
        return np.clip(answer, *self._limits)

    def clipped(self, scores: Floats) -> Floats:
        """The scores (n, outputs) as far as predictions go: what `predictions` come from after clipping."""
        low, high = ((limit - np.asarray(self.mean)) / np.asarray(self.scale) for limit in self._limits)
        return np.clip(scores, low.astype(scores.dtype), high.astype(scores.dtype))


def _shown(value: Number | None) -> str:
    if not isinstance(value, tuple):
        return f"{value:.6g}" if value is not None else ""
    return f"({', '.join(f'{each:.6g}' for each in value)})"


def _plain(values: Array) -> Number:
    """A number of each column; a plain one where there is a single column."""
    numbers = tuple(float(value) for value in values)
    return numbers[0] if len(numbers) == 1 else numbers
