"""Losses for classes, and for answers of yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pellucid.formulas import LossFormulas
from pellucid.kernel import Kernel
from pellucid.losses.loss import Loss, as_numbers, check_probabilities, class_indices, matrix
from pellucid.numerics import sigmoid, softmax
from pellucid.typing import Array, Floats
from pellucid.validation import check_array, coerce_number_field


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """−Σⱼ yⱼ log softmax(z)ⱼ = log Σₖ exp(zₖ) − z of the true class; the gradient is softmax(z) − y.

    The network ends in plain scores: this loss contains the softmax, shifted by the row's maximum. Targets are classes
    0 … K − 1, (n,), or probabilities (n, K) whose rows sum to 1.

    Parameters
    ----------
    label_smoothing : float
        ε in y ← (1 − ε)·y + ε/K: how much of each target is spread evenly over the classes, 0 <= ε < 1.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.SoftmaxCrossEntropy().values(np.zeros((1, 10)), np.array([3])).round(4)   # log 10
    array([2.3026])
    """

    contains: ClassVar[str] = "softmax"

    label_smoothing: float = 0.0
    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="−Σ {t}·log {p}",
        gradient="{p} − {t}",
        prediction="softmax({x})",
        term="−{t}·log {p}",
        target="[(1 − {label_smoothing})·y + {label_smoothing}/K]",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "label_smoothing", minimum=0.0, below=1.0)

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
            return class_indices(targets, outputs)
        targets = matrix(targets, outputs)
        check_probabilities(targets)
        sums = targets.sum(axis=1)
        if (np.abs(sums - 1.0) > 1e-4).any():
            row = int(np.argmax(np.abs(sums - 1.0) > 1e-4))
            raise ValueError(f"y must hold probabilities whose rows sum to 1, but row {row} sums to {sums[row]:g}.")
        return targets

    def values(self, scores: Floats, targets: Array) -> Floats:
        """Log Σₖ exp(zₖ) − Σⱼ yⱼ zⱼ, shifted; with ε the mean over the classes takes part."""
        shifted = scores - scores.max(axis=1, keepdims=True)  # (n, K)
        normalizer = np.log(np.exp(shifted).sum(axis=1))  # (n,)
        if targets.ndim == 1:
            values = normalizer - shifted[np.arange(len(targets)), targets]
        else:
            values = ((normalizer[:, None] - shifted) * targets).sum(axis=1)
        if self.label_smoothing:
            values = values + self.label_smoothing * (normalizer - shifted.mean(axis=1) - values)
        return values

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """Softmax(z) − y, with y smoothed."""
        gradient = softmax(scores)  # (n, K)
        smoothing = scores.dtype.type(self.label_smoothing)
        if targets.ndim == 1:
            gradient[np.arange(len(targets)), targets] -= 1 - smoothing
        else:
            gradient -= (1 - smoothing) * targets.astype(scores.dtype, copy=False)
        return gradient - smoothing / scores.shape[1] if self.label_smoothing else gradient

    def link(self, targets: Array) -> str:
        """Softmax."""
        return "softmax"

    def kernel(self) -> Kernel:
        """`softmax_cross_entropy`, with ε."""
        return Kernel("softmax_cross_entropy", (self.label_smoothing,))


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """−Σⱼ [yⱼ log σ(zⱼ) + (1 − yⱼ) log(1 − σ(zⱼ))]; the gradient is σ(z) − y.

    The logistic loss of one yes-or-no output, or of several that are independent (multi-label). The network ends in
    plain scores: this loss contains the sigmoid. Targets lie in [0, 1]: (n,) for one output, (n, outputs) for several.

    Computed as Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))], which cannot overflow.

    Parameters
    ----------
    label_smoothing : float
        ε in y ← (1 − ε)·y + ε/2: how much of each target is spread evenly over yes and no, 0 <= ε < 1.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.SigmoidCrossEntropy().values(np.array([[0.0], [1000.0]]), np.array([[1.0], [0.0]])).tolist()
    [0.6931471805599453, 1000.0]
    """

    contains: ClassVar[str] = "sigmoid"

    label_smoothing: float = 0.0
    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="−Σ ({t}·log {p} + (1 − {t})·log(1 − {p}))",
        gradient="{p} − {t}",
        prediction="σ({x})",
        term="−({t}·log {p} + (1 − {t})·log(1 − {p}))",
        target="[(1 − {label_smoothing})·y + {label_smoothing}/2]",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "label_smoothing", minimum=0.0, below=1.0)

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers in [0, 1], (n,) or (n, outputs)."""
        targets = matrix(check_array(y, "y"), outputs)
        check_probabilities(targets)
        return targets

    def values(self, scores: Floats, targets: Array) -> Floats:
        """Σⱼ [max(zⱼ, 0) − zⱼ yⱼ + log(1 + exp(−|zⱼ|))]."""
        y = self._smoothed(targets, scores)  # (n, outputs)
        return (np.maximum(scores, 0) - scores * y + np.log1p(np.exp(-np.abs(scores)))).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """σ(z) − y, with y smoothed."""
        return sigmoid(scores) - self._smoothed(targets, scores)  # (n, outputs)

    def _smoothed(self, targets: Array, scores: Floats) -> Floats:
        """(1 − ε)·y + ε/2, (n, outputs)."""
        y, smoothing = as_numbers(targets, scores), scores.dtype.type(self.label_smoothing)
        return (1 - smoothing) * y + smoothing / 2 if self.label_smoothing else y

    def link(self, targets: Array) -> str:
        """Sigmoid."""
        return "sigmoid"

    def kernel(self) -> Kernel:
        """`sigmoid_cross_entropy`, with ε."""
        return Kernel("sigmoid_cross_entropy", (self.label_smoothing,))


@dataclass(frozen=True)
class Hinge(Loss):
    """Σ over the wrong classes j of max(0, margin − z_y + zⱼ); for a single output max(0, margin − s·z), s = ±1.

    The gradient is 1 for each wrong class inside the margin, and minus their number for the right one. Targets are
    classes (n,); 1 or 0 for a single output (s = 2y − 1).

    Parameters
    ----------
    margin : float
        By how much the right score must lead, above 0.

    Notes
    -----
    Scores are no probabilities. Source: Weston and Watkins, "Support vector machines for multi-class pattern
    recognition", 1999. PyTorch's `MultiMarginLoss` divides by the number of classes.
    """

    margin: float = 1.0
    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="Σ max(0, {margin} − the right score + the wrong one), over the wrong classes",
        gradient="1 for each wrong class inside the margin, minus their number for the right one",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "margin", above=0.0)

    def encode(self, y: Any, outputs: int) -> Array:
        """Classes (n,); for a single output 1 or 0 as (n, 1)."""
        targets = check_array(y, "y")
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if targets.ndim != 1:
            raise ValueError(f"y has the shape {targets.shape}, but Hinge needs one class a row: the shape (n,).")
        indices = class_indices(targets, max(outputs, 2))
        return indices if outputs > 1 else indices[:, None]

    def _violations(self, scores: Floats, targets: Array) -> tuple[Floats, Floats]:
        """How far each output is inside the margin (n, outputs), and the sign of its target (n, outputs)."""
        if targets.ndim == 2:
            sign = (2 * targets - 1).astype(scores.dtype)  # (n, 1)
            return np.maximum(scores.dtype.type(self.margin) - sign * scores, 0), sign
        rows = np.arange(len(targets))
        violation = np.maximum(scores.dtype.type(self.margin) - scores[rows, targets][:, None] + scores, 0)
        violation[rows, targets] = 0
        return violation, violation

    def values(self, scores: Floats, targets: Array) -> Floats:
        """The violations, summed."""
        return self._violations(scores, targets)[0].sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """1 for each wrong class inside the margin, minus their number for the right one."""
        violation, sign = self._violations(scores, targets)
        gradient = (violation > 0).astype(scores.dtype)  # (n, outputs)
        if targets.ndim == 2:
            return -sign * gradient
        gradient[np.arange(len(targets)), targets] = -gradient.sum(axis=1)
        return gradient

    def link(self, targets: Array) -> str:
        """Sign for a single output, else argmax."""
        return "sign" if targets.ndim == 2 else "argmax"

    def kernel(self) -> Kernel:
        """`hinge`, with its margin."""
        return Kernel("hinge", (self.margin,))
