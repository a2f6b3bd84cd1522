"""Losses: how wrong the scores are, in which direction they should move, and what they predict.

Contract: a frozen dataclass with

    encode(y, outputs)         what the user gave -> targets: class indices (n,) or numbers (n, outputs); checks them
    values(scores, targets)    (n, outputs) -> (n,): the loss of each example, summed over its outputs
    gradient(scores, targets)  (n, outputs) -> (n, outputs): its derivative, of each example's own loss
    link(targets)              how scores become predictions: one of `LINKS`

The loss of a batch is the mean over its examples, or the weighted mean Σ wᵢ lᵢ / Σ wᵢ with sample weights. A loss that
belongs to an output function contains it (softmax, sigmoid), so that neither log 0 nor an overflow can occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.kernel import Kernel
from pellucid.layers.activations import sigmoid, softmax
from pellucid.typing import Array, Floats
from pellucid.validation import check_array, check_finite, unknown_name

LINKS = ("identity", "sigmoid", "softmax", "argmax")
"""identity: the scores are the predictions; sigmoid: each score is the logit of a yes-or-no; softmax: the scores are
the logits of classes; argmax: the highest score is the class, and the scores are no probabilities."""


@dataclass(frozen=True)
class Loss:
    """The family's base. See the head of this file."""

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

    def kernel(self) -> Kernel | None:
        """The loss' line in the native instruction table; None: the reference engine alone runs it."""
        return None


@dataclass(frozen=True)
class SquaredError(Loss):
    """½ Σⱼ (aⱼ − yⱼ)² for each example; the gradient is a − y.

    Targets are numbers (n, outputs), or (n,) for a single output. Whole numbers (n,) in front of several outputs are
    classes: the target of the right one is 1, of the others 0, and the highest output is the prediction.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.SquaredError().values(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]))
    array([2.5])

    Notes
    -----
    PyTorch's `MSELoss` has neither the ½ nor the sum over outputs (it takes their mean).
    """

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers (n, outputs) as they are; (n,) as a column; whole numbers (n,) for several outputs as classes."""
        targets = check_array(y, "y")
        if targets.ndim == 1 and outputs > 1 and targets.dtype.kind in "ui":
            return _class_indices(targets, outputs)
        return _matrix(targets, outputs, or_classes=True)

    def values(self, scores: Floats, targets: Array) -> Floats:
        """½ Σⱼ (aⱼ − yⱼ)²."""
        return self.values_and_gradient(scores, targets)[0]

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """A − y."""
        return scores - _dense(targets, scores)  # (n, outputs)

    def values_and_gradient(self, scores: Floats, targets: Array) -> tuple[Floats, Floats]:
        """½ Σⱼ gⱼ² and g, with g = a − y."""
        difference = self.gradient(scores, targets)  # (n, outputs)
        return 0.5 * np.square(difference).sum(axis=1), difference

    def link(self, targets: Array) -> str:
        """Identity; argmax where the targets are classes."""
        return "argmax" if targets.ndim == 1 else "identity"

    def kernel(self) -> Kernel:
        """`squared_error`."""
        return Kernel("squared_error")


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """−Σⱼ yⱼ log softmax(z)ⱼ = log Σₖ exp(zₖ) − z of the true class; the gradient is softmax(z) − y.

    The network ends in plain scores: this loss contains the softmax, shifted by the row's maximum. Targets are classes
    0 … K − 1, (n,), or probabilities (n, K) whose rows sum to 1.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.SoftmaxCrossEntropy().values(np.zeros((1, 10)), np.array([3])).round(4)   # log 10
    array([2.3026])
    """

    def encode(self, y: Any, outputs: int) -> Array:
        """Classes (n,) or probabilities (n, outputs)."""
        if outputs < 2:
            raise ValueError(
                "SoftmaxCrossEntropy needs one output a class, at least 2, but the network has 1. "
                "Use SigmoidCrossEntropy for a single yes-or-no output, or SquaredError for a number."
            )
        targets = check_array(y, "y")
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if targets.ndim == 1:
            return _class_indices(targets, outputs)
        targets = _matrix(targets, outputs)
        _check_probabilities(targets)
        sums = targets.sum(axis=1)
        if (np.abs(sums - 1.0) > 1e-4).any():
            row = int(np.argmax(np.abs(sums - 1.0) > 1e-4))
            raise ValueError(f"y must hold probabilities whose rows sum to 1, but row {row} sums to {sums[row]:g}.")
        return targets

    def values(self, scores: Floats, targets: Array) -> Floats:
        """Log Σₖ exp(zₖ) − Σⱼ yⱼ zⱼ, shifted."""
        shifted = scores - scores.max(axis=1, keepdims=True)  # (n, K)
        normalizer = np.log(np.exp(shifted).sum(axis=1))  # (n,)
        if targets.ndim == 1:
            return normalizer - shifted[np.arange(len(targets)), targets]
        return ((normalizer[:, None] - shifted) * targets).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """Softmax(z) − y."""
        gradient = softmax(scores)  # (n, K)
        if targets.ndim == 1:
            gradient[np.arange(len(targets)), targets] -= 1
            return gradient
        return gradient - targets.astype(scores.dtype, copy=False)

    def link(self, targets: Array) -> str:
        """Softmax."""
        return "softmax"

    def kernel(self) -> Kernel:
        """`softmax_cross_entropy`."""
        return Kernel("softmax_cross_entropy")


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """−Σⱼ [yⱼ log σ(zⱼ) + (1 − yⱼ) log(1 − σ(zⱼ))]; the gradient is σ(z) − y.

    The logistic loss of one yes-or-no output, or of several that are independent (multi-label). The network ends in
    plain scores: this loss contains the sigmoid. Targets lie in [0, 1]: (n,) for one output, (n, outputs) for several.

    Computed as Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))], which cannot overflow.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.SigmoidCrossEntropy().values(np.array([[0.0], [1000.0]]), np.array([[1.0], [0.0]])).tolist()
    [0.6931471805599453, 1000.0]
    """

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers in [0, 1], (n,) or (n, outputs)."""
        targets = _matrix(check_array(y, "y"), outputs)
        _check_probabilities(targets)
        return targets

    def values(self, scores: Floats, targets: Array) -> Floats:
        """Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))]."""
        y = _dense(targets, scores)  # (n, outputs)
        return (np.maximum(scores, 0) - scores * y + np.log1p(np.exp(-np.abs(scores)))).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """σ(z) − y."""
        return sigmoid(scores) - _dense(targets, scores)  # (n, outputs)

    def link(self, targets: Array) -> str:
        """Sigmoid."""
        return "sigmoid"

    def kernel(self) -> Kernel:
        """`sigmoid_cross_entropy`."""
        return Kernel("sigmoid_cross_entropy")


def _dense(targets: Array, scores: Floats) -> Floats:
    """Targets as numbers (n, outputs) in the scores' dtype; classes become rows with a single 1."""
    if targets.ndim == 2:
        return targets.astype(scores.dtype, copy=False)
    rows = np.zeros_like(scores)  # (n, outputs)
    rows[np.arange(len(targets)), targets] = 1
    return rows


def _class_indices(targets: Array, classes: int) -> npt.NDArray[np.int64]:
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


def _matrix(targets: Array, outputs: int, *, or_classes: bool = False) -> Array:
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


def _check_probabilities(targets: Array) -> None:
    outside = (targets < 0) | (targets > 1)
    if outside.any():
        row, column = (int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"y holds {targets[row, column]} at row {row}, column {column}: it must lie in [0, 1].")


LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "sigmoid_cross_entropy": SigmoidCrossEntropy,
}


def find_loss(value: Any) -> Loss:
    """The loss that `value` is or names ("squared_error")."""
    if isinstance(value, Loss):
        return value
    if isinstance(value, str) and value in LOSSES:
        return LOSSES[value]()
    raise ValueError(unknown_name("loss", value, LOSSES))


def predictions(scores: Floats, link: str) -> Array:
    """What scores (n, outputs) predict: classes (n,) (ties: the lowest), yes-or-no as 1 or 0, or numbers.

    A single output gives (n,), several yes-or-no outputs or numbers give (n, outputs).
    """
    if link in ("softmax", "argmax"):
        return scores.argmax(axis=1)
    answer = (scores > 0).astype(np.int64) if link == "sigmoid" else scores  # (n, outputs)
    return answer[:, 0] if answer.shape[1] == 1 else answer


def probabilities(scores: Floats, link: str) -> Floats:
    """The probabilities that scores (n, outputs) stand for: (n, K); (n, 2) for a single yes-or-no output.

    Raises
    ------
    ValueError
        If the scores are no logits of probabilities (links identity and argmax).
    """
    if link == "softmax":
        return softmax(scores)
    if link == "sigmoid":
        yes = sigmoid(scores)  # (n, outputs)
        return np.concatenate([1 - yes, yes], axis=1) if yes.shape[1] == 1 else yes
    raise ValueError(
        "This network has no probabilities: it was not trained with SoftmaxCrossEntropy or SigmoidCrossEntropy. "
        "Use scores(x) for its outputs."
    )


def correct(scores: Floats, targets: Array, link: str) -> npt.NDArray[np.bool_] | None:
    """Which examples are predicted right, (n,); None where the scores predict numbers and not classes."""
    if link == "identity":
        return None
    if link == "sigmoid":
        right: npt.NDArray[np.bool_] = ((scores > 0) == (targets > 0.5)).all(axis=1)
        return right
    truth = targets if targets.ndim == 1 else targets.argmax(axis=1)  # (n,)
    return scores.argmax(axis=1) == truth


def metrics(scores: Floats, targets: Array, link: str, sample_weight: Array | None = None) -> dict[str, float]:
    """`accuracy`, the fraction predicted right, for classes; `r2`, 1 − Σ(y − a)²/Σ(y − ȳ)², for numbers.

    For several outputs r2 is the mean of the outputs' values; of a constant target it is 1 if it is met, else 0.
    """
    right = correct(scores, targets, link)
    if right is not None:
        return {"accuracy": float(np.average(right, weights=sample_weight))}
    y = targets.astype(np.float64)  # (n, outputs)
    mean = np.average(y, axis=0, weights=sample_weight)  # (outputs,)
    residual = np.average(np.square(y - scores), axis=0, weights=sample_weight)
    spread = np.average(np.square(y - mean), axis=0, weights=sample_weight)
    constant = spread == 0
    ratio = residual / np.where(constant, 1.0, spread)
    return {"r2": float(np.where(constant, residual == 0, 1.0 - ratio).mean())}
