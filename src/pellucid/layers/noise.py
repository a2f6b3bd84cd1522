"""Noise."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.typing import Floats
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """y = x + N(0, scale²) in training, y = x in prediction; ∂x = g.

    Parameters
    ----------
    scale : float
        The standard deviation, at least 0.

    Notes
    -----
    In front of the network this is the same as a penalty on the size of its derivatives. Source: Bishop, "Training
    with noise is equivalent to Tikhonov regularization", Neural Computation 7, 1995.
    """

    scale: float = 0.1
    draws: ClassVar[bool] = True
    formulas: ClassVar[Formulas] = Formulas(
        symbol="e", value="{x} + ε", derivative="1", where="ε is drawn from N(0, {scale}²); 0 in prediction"
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "scale", minimum=0.0)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """x (n, d) -> x + noise."""
        if not context.training or context.stream is None or self.scale == 0.0:
            return x, None
        return x + context.stream.normal(x.shape, scale=self.scale).astype(x.dtype), None

    def backward(
        self, gradient: Floats, saved: None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g."""
        return gradient, {}

    def kernel(self) -> Kernel:
        """`gaussian_noise`, with its scale."""
        return Kernel("gaussian_noise", (self.scale,))
