"""A loss of one's own: two functions, checked when they are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.losses.links import LINKS
from pellucid.losses.loss import Loss, class_indices, matrix
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats
from pellucid.validation import check_array, check_choice, coerce_integer_field

_ROWS = 8  # examples that the gradient is checked on
_STEP = 1e-6
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class CustomLoss(Loss):
    """A loss from a pair of functions, whose gradient is checked against central differences when it is made.

    Parameters
    ----------
    value : callable
        (scores (n, outputs), targets) -> (n,), the loss of each example.
    derivative : callable
        (scores (n, outputs), targets) -> (n, outputs), the derivative of each example's own loss.
    outputs : int
        With how many outputs it is checked.
    predicts : {"identity", "sigmoid", "softmax", "argmax", "sign", "exponential"}
        How scores become predictions. With "softmax" and "argmax" targets are classes (n,), else numbers (n, outputs).

    Raises
    ------
    ValueError
        If the shapes are wrong, or the gradient differs from the differences of the value; the message names the worst
        entry.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> def value(scores, targets):
    ...     return np.cosh(scores - targets).sum(axis=1)
    >>> def derivative(scores, targets):
    ...     return np.sinh(scores - targets)
    >>> loss = pl.CustomLoss(value, derivative, outputs=2)
    """

    value: Callable[[Floats, Array], Floats]
    derivative: Callable[[Floats, Array], Floats]
    outputs: int = 1
    predicts: str = "identity"

    def __post_init__(self) -> None:
        coerce_integer_field(self, "outputs", minimum=1)
        check_choice("predicts", self.predicts, LINKS)
        for name in ("value", "derivative"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name} must be a function of scores and targets, not {getattr(self, name)!r}.")
        self._check_gradient()

    @property
    def _of_classes(self) -> bool:
        return self.predicts in ("softmax", "argmax")

    def _check_gradient(self) -> None:
        """Compare the derivative with central differences on a few random examples, in float64."""
        stream = Stream(0, Purpose.DATA)
        scores = stream.normal((_ROWS, self.outputs))  # (n, outputs)
        targets = stream.at(1).uniform((_ROWS, self.outputs))
        if self._of_classes:
            targets = (targets[:, 0] * self.outputs).astype(np.int64)
        gradient = np.asarray(self.derivative(scores, targets))
        differences = np.empty_like(scores)
        for column in range(self.outputs):
            step = np.zeros(self.outputs)
            step[column] = _STEP
            ahead, behind = self.value(scores + step, targets), self.value(scores - step, targets)
            if np.shape(ahead) != (_ROWS,):
                raise ValueError(f"value must answer one number a row, ({_ROWS},), but its shape is {np.shape(ahead)}.")
            differences[:, column] = (ahead - behind) / (2 * _STEP)
        if gradient.shape != scores.shape:
            raise ValueError(f"derivative must answer the shape of the scores, {scores.shape}, not {gradient.shape}.")
        error = np.abs(gradient - differences) / np.maximum(1.0, np.abs(differences))
        if not error.max() <= _TOLERANCE:
            row, column = divmod(int(np.argmax(error)), self.outputs)
            raise ValueError(
                f"The derivative is wrong: at scores {scores[row].round(4).tolist()} and target "
                f"{np.round(targets[row], 4).tolist()}, output {column}, it says {gradient[row, column]:.6g}, but "
                f"central differences of the value say {differences[row, column]:.6g}."
            )

    def encode(self, y: Any, outputs: int) -> Array:
        """Classes (n,), or numbers (n, outputs)."""
        targets = check_array(y, "y")
        return class_indices(targets, outputs) if self._of_classes and targets.ndim == 1 else matrix(targets, outputs)

    def values(self, scores: Floats, targets: Array) -> Floats:
        """What the first function answers."""
        return np.asarray(self.value(scores, targets))

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """What the second function answers."""
        return np.asarray(self.derivative(scores, targets), dtype=scores.dtype)

    def link(self, targets: Array) -> str:
        """What was given."""
        return self.predicts
