"""Losses: how wrong the scores are, in which direction they should move, and what they predict.

Contract: a frozen dataclass with

    encode(y, outputs)         what the user gave -> targets: class indices (n,) or numbers (n, outputs); checks them
    values(scores, targets)    (n, outputs) -> (n,): the loss of each example, summed over its outputs
    gradient(scores, targets)  (n, outputs) -> (n, outputs): its derivative, of each example's own loss
    link(targets)              how scores become predictions: one of `LINKS`
    ordered(predictions)       numbers that follow from one another, quantiles, as they must; all others as they are

The loss of a batch is the mean over its examples, or the weighted mean Σ wᵢ lᵢ / Σ wᵢ with sample weights. A loss that
belongs to an output function contains it (softmax, sigmoid), so that neither log 0 nor an overflow can occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pellucid.formulas import LossFormulas
from pellucid.kernel import Kernel
from pellucid.typing import Array, Floats
from pellucid.validation import check_finite


@dataclass(frozen=True)
class Loss:
    """The family's base. See the head of this file."""

    formulas: ClassVar[LossFormulas | None] = None
    """The loss in symbols, for those who read along; None: it has no words of its own."""

    contains: ClassVar[str] = ""
    """The output function that the loss contains, "softmax" or "sigmoid"; "" where it takes the scores as they are."""

    def encode(self, y: Any, outputs: int) -> Array:
        """Check what the user gave as targets and bring it into the form the engines take."""
        raise NotImplementedError

    def values(self, scores: Floats, targets: Array) -> Floats:
        """The loss of each example, (n,)."""
        raise NotImplementedError

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """The derivative of each example's loss with respect to its scores, (n, outputs)."""
        raise NotImplementedError

    def values_and_gradient(self, scores: Floats, targets: Array) -> tuple[Floats, Floats]:
        """Both at once, for losses that can share work between them."""
        return self.values(scores, targets), self.gradient(scores, targets)

    def link(self, targets: Array) -> str:
        """How scores become predictions, one of `LINKS`."""
        return "identity"

    def ordered(self, predictions: Array) -> Array:
        """Predictions (n,) or (n, outputs) in the order that they must have; they have none but for quantiles."""
        return predictions

    def kernel(self) -> Kernel | None:
        """The loss' line in the native instruction table; None: the reference engine alone runs it."""
        return None


def as_numbers(targets: Array, scores: Floats) -> Floats:
    """Targets as numbers (n, outputs) in the scores' dtype; classes become rows with a single 1."""
    if targets.ndim == 2:
        return targets.astype(scores.dtype, copy=False)
    rows = np.zeros_like(scores)  # (n, outputs)
    rows[np.arange(len(targets)), targets] = 1
    return rows


def class_indices(targets: Array, classes: int) -> npt.NDArray[np.int64]:
    """Whole numbers 0 … classes − 1 as int64 (n,)."""
    check_finite(targets, "y")
    with np.errstate(invalid="ignore"):  # a float far beyond the whole numbers
        indices = targets.astype(np.int64)
    outside = (indices != targets) | (indices < 0) | (indices >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"y holds the label {targets[row]} at row {row}, but the network has {classes} outputs: "
            f"labels must be whole numbers from 0 to {classes - 1}."
        )
    return indices


def matrix(targets: Array, outputs: int, *, or_classes: bool = False) -> Array:
    """Numbers (n, outputs); (n,) becomes a column for a single output. `or_classes`: the loss takes these, too."""
    if targets.ndim == 1 and outputs == 1:
        targets = targets[:, None]
    if targets.ndim != 2 or targets.shape[1] != outputs:
        other = " or (n,)" if outputs == 1 else ", or hold whole numbers (n,) that are classes" if or_classes else ""
        raise ValueError(
            f"y has the shape {targets.shape}, but the network has {outputs} "
            f"output{'s' if outputs > 1 else ''}: y must have the shape (n, {outputs}){other}."
        )
    check_finite(targets, "y")
    return targets


def check_probabilities(targets: Array) -> None:
    """Raise unless every number lies in [0, 1]."""
    outside = (targets < 0) | (targets > 1)
    if outside.any():
        row, column = (int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"y holds {targets[row, column]} at row {row}, column {column}: it must lie in [0, 1].")
