"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.base import Context, Gradients, Layer
from pellucid.typing import Floats
from pellucid.validation import keep_number


@dataclass(frozen=True)
class Dropout(Layer):
    """Sets a random fraction of its inputs to zero in each training step, and is absent in prediction.

    y = x·m/(1 − rate), with m = 0 for the fraction `rate` of the elements and 1 for the rest, so that the mean of y
    is x. The mask of layer l at step s is a pure function of (seed, l, s).

    Parameters
    ----------
    rate : float
        The fraction set to zero, 0 <= rate < 1. Survivors are scaled up by 1/(1 − rate).

    Notes
    -----
    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 15, 2014, section 10 (the
    form that scales in training).
    """

    rate: float
    draws: ClassVar[bool] = True
    formulas: ClassVar[Formulas] = Formulas(
        symbol="d",
        value="{x}·{factor}",
        derivative="{factor}",
        where="m is 0 for the fraction {rate}, else 1/(1 − {rate}); 1 in prediction",
    )

    def __post_init__(self) -> None:
        keep_number(self, "rate", minimum=0.0, below=1.0)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats | None]:
        """X (n, d) -> y (n, d); saved: the mask, already divided by 1 − rate."""
        if not context.training or context.stream is None or self.rate == 0.0:
            return x, None
        kept = context.stream.words(x.shape) >= self.threshold  # (n, d)
        mask = kept.astype(x.dtype) * x.dtype.type(1.0 / (1.0 - self.rate))  # (n, d)
        return x * mask, mask

    def backward(
        self, gradient: Floats, saved: Floats | None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·m/(1 − rate)."""
        return (gradient if saved is None else gradient * saved), {}

    @property
    def threshold(self) -> int:
        """An element is dropped when its 32-bit random word is below rate·2³²."""
        return min(round(self.rate * 2**32), 2**32 - 1)

    def kernel(self) -> Kernel:
        """`dropout`, with its threshold and the survivors' factor."""
        return Kernel("dropout", (float(self.threshold), 1.0 / (1.0 - self.rate)))
