"""Losses for numbers, in order of complexity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pellucid.formulas import LossFormulas
from pellucid.kernel import Kernel
from pellucid.losses.loss import Loss, as_numbers, class_indices, matrix
from pellucid.typing import Array, Floats
from pellucid.validation import check_array, check_number, coerce_number_field, counted


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

    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="½ Σ ({x} − {t})²",
        gradient="{x} − {t}",
        term="½({x} − {t})²",
    )

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers (n, outputs) as they are; (n,) as a column; whole numbers (n,) for several outputs as classes."""
        targets = check_array(y, "y")
        if targets.ndim == 1 and outputs > 1 and targets.dtype.kind in "ui":
            return class_indices(targets, outputs)
        return matrix(targets, outputs, or_classes=True)

    def values(self, scores: Floats, targets: Array) -> Floats:
        """½ Σⱼ (aⱼ − yⱼ)²."""
        return self.values_and_gradient(scores, targets)[0]

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """a − y."""
        return scores - as_numbers(targets, scores)  # (n, outputs)

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
class AbsoluteError(Loss):
    """Σⱼ |aⱼ − yⱼ|; the gradient is sign(a − y), 0 where they are equal. Its best constant is the median.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.AbsoluteError().values(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]]))
    array([3.])
    """

    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="Σ |{x} − {t}|",
        gradient="sign({x} − {t})",
        term="|{x} − {t}|",
    )

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers (n, outputs), or (n,) for a single output."""
        return matrix(check_array(y, "y"), outputs)

    def values(self, scores: Floats, targets: Array) -> Floats:
        """Σⱼ |aⱼ − yⱼ|."""
        return np.abs(scores - as_numbers(targets, scores)).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """Sign(a − y)."""
        return np.sign(scores - as_numbers(targets, scores))

    def kernel(self) -> Kernel:
        """`absolute_error`."""
        return Kernel("absolute_error")


@dataclass(frozen=True)
class Huber(Loss):
    """Σⱼ ½rⱼ² where |rⱼ| <= δ, else δ(|rⱼ| − ½δ), with r = a − y; the gradient is r clipped to [−δ, δ].

    Parameters
    ----------
    delta : float
        δ, the residual at which the parabola becomes a line, above 0.

    Notes
    -----
    Source: Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.
    """

    delta: float = 1.0
    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="Σ ½r² where |r| <= {delta}, else {delta}·(|r| − ½·{delta}), with r = {x} − {t}",
        gradient="r clipped to ±{delta}",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "delta", above=0.0)

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers (n, outputs), or (n,) for a single output."""
        return matrix(check_array(y, "y"), outputs)

    def values(self, scores: Floats, targets: Array) -> Floats:
        """½r² or δ(|r| − ½δ), summed."""
        delta = scores.dtype.type(self.delta)
        size = np.abs(scores - as_numbers(targets, scores))  # (n, outputs)
        near = np.minimum(size, delta)
        return (0.5 * near * near + delta * (size - near)).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """R, clipped."""
        delta = scores.dtype.type(self.delta)
        return np.clip(scores - as_numbers(targets, scores), -delta, delta)

    def kernel(self) -> Kernel:
        """`huber`, with δ."""
        return Kernel("huber", (self.delta,))


@dataclass(frozen=True)
class Quantile(Loss):
    """Σⱼ max(qⱼrⱼ, (qⱼ − 1)rⱼ) with r = y − a (the pinball loss); the gradient is −q where y > a, 1 − q where y < a.

    Its best constant is the q-quantile. With several levels the network has an output for each, and one target (n,)
    serves them all; what it predicts is put in order, row by row: the higher quantile is never the lower number.

    Parameters
    ----------
    levels : tuple of float
        The quantiles wanted, each strictly between 0 and 1.

    Notes
    -----
    At y = a the gradient is 0. Source: Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978. Putting
    quantiles in order never makes the loss larger: Chernozhukov, Fernández-Val and Galichon, "Quantile and probability
    curves without crossing", Econometrica 78, 2010.
    """

    levels: tuple[float, ...] = (0.5,)
    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="Σ max(q·r, (q − 1)·r) with r = {t} − {x}",
        gradient="−q where {t} > {x}, 1 − q where {t} < {x}",
    )

    def __post_init__(self) -> None:
        levels = self.levels if isinstance(self.levels, tuple | list) else (self.levels,)
        if not levels:
            raise ValueError("levels must hold at least one quantile, such as (0.1, 0.5, 0.9).")
        for level in levels:
            check_number("levels", level, above=0.0, below=1.0)
        object.__setattr__(self, "levels", tuple(float(level) for level in levels))

    def encode(self, y: Any, outputs: int) -> Array:
        """Numbers (n,) for all levels, or (n, outputs)."""
        if outputs != len(self.levels):
            raise ValueError(
                f"Quantile has {counted(len(self.levels), 'level')}, but the network has {counted(outputs, 'output')}."
            )
        targets = check_array(y, "y")
        if targets.ndim == 1 or targets.shape[1:] == (1,):
            targets = np.broadcast_to(targets.reshape(-1, 1), (len(targets), outputs))
        return matrix(targets, outputs)

    def values(self, scores: Floats, targets: Array) -> Floats:
        """The pinball loss, summed over the levels."""
        level = np.asarray(self.levels, dtype=scores.dtype)  # (outputs,)
        residual = as_numbers(targets, scores) - scores  # (n, outputs)
        return np.maximum(level * residual, (level - 1) * residual).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """−q or 1 − q."""
        level = np.asarray(self.levels, dtype=scores.dtype)  # (outputs,)
        residual = as_numbers(targets, scores) - scores  # (n, outputs)
        return np.where(residual > 0, -level, (residual < 0) * (1 - level)).astype(scores.dtype, copy=False)

    @property
    def places(self) -> tuple[int, ...]:
        """The place of each level among all levels in order; () where there is a single one."""
        order = sorted(range(len(self.levels)), key=self.levels.__getitem__)
        return tuple(order.index(level) for level in range(len(order))) if len(order) > 1 else ()

    def ordered(self, predictions: Array) -> Array:
        """The numbers of each row (n, levels), dealt out to the levels by size."""
        if predictions.ndim != 2 or predictions.shape[1] != len(self.places):
            return predictions
        return np.sort(predictions, axis=1)[:, self.places]

    def kernel(self) -> Kernel:
        """`quantile`, with its levels."""
        return Kernel("quantile", self.levels)


@dataclass(frozen=True)
class Poisson(Loss):
    """Σⱼ exp(zⱼ) − yⱼzⱼ: the likelihood of counts y with the mean exp(z), without what depends on y alone.

    The gradient is exp(z) − y. The network ends in plain scores; its predictions are exp(z).

    Notes
    -----
    PyTorch's `PoissonNLLLoss(log_input=True)`, summed over outputs.
    """

    formulas: ClassVar[LossFormulas] = LossFormulas(
        value="Σ exp({x}) − {t}·{x}",
        gradient="{p} − {t}",
        prediction="exp({x})",
        term="{p} − {t}·{x}",
    )

    def encode(self, y: Any, outputs: int) -> Array:
        """Counts (any numbers of at least 0), (n, outputs), or (n,) for a single output."""
        targets = matrix(check_array(y, "y"), outputs)
        if (targets < 0).any():
            row, column = (int(i) for i in np.argwhere(targets < 0)[0])
            raise ValueError(
                f"y holds {targets[row, column]} at row {row}, column {column}: Poisson needs counts, at least 0."
            )
        return targets

    def values(self, scores: Floats, targets: Array) -> Floats:
        """Σⱼ exp(zⱼ) − yⱼzⱼ."""
        return (np.exp(scores) - as_numbers(targets, scores) * scores).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        """exp(z) − y."""
        return np.exp(scores) - as_numbers(targets, scores)

    def link(self, targets: Array) -> str:
        """Exponential."""
        return "exponential"

    def kernel(self) -> Kernel:
        """`poisson`."""
        return Kernel("poisson")
