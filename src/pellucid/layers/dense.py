"""The dense (fully connected) layer."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

from pellucid.formulas import Formulas
from pellucid.initializers import Initializer, find_initializer
from pellucid.kernel import Kernel
from pellucid.layers.base import Context, Gradients, Layer, ParameterSpec
from pellucid.typing import Floats, Shape
from pellucid.validation import keep_integer


@dataclass(frozen=True)
class Dense(Layer):
    """A layer in which every unit sees every input.

    y = x W + b, with x (n, d_in), W (d_in, units), b (units), y (n, units). With g the gradient of the loss with
    respect to y: ∂x = g Wᵀ, ∂W = xᵀ g, ∂b = Σ g over the rows.

    Parameters
    ----------
    units : int
        How many outputs there are, at least 1.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows (He for ReLU, Glorot otherwise).
    bias_initializer : Initializer or str
        What b starts from.
    bias : bool
        False: y = x W.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(2)]).build(3)
    >>> network.set("0.weight", [[1, 0], [0, 1], [1, 1]])
    >>> network.set("0.bias", [0.5, -0.5])
    >>> network.scores([[1.0, 2.0, 3.0]])
    array([[4.5, 4.5]], dtype=float32)

    Notes
    -----
    The weight lies as (d_in, d_out), the transpose of PyTorch's.
    """

    initializer_before: ClassVar[str | None] = "glorot_uniform"  # a layer in front of this one is linear

    units: int
    weight_initializer: Initializer | str | None = None
    bias_initializer: Initializer | str = "zeros"
    bias: bool = True
    formulas: ClassVar[Formulas] = Formulas(
        symbol="z",
        value="{x}·{weight}[ + {bias}]",
        gradient="{g}·{weight}ᵀ",
        parameters={"weight": ("W", "{x}ᵀ·{g}"), "bias": ("b", "Σ {g}")},
    )

    def __post_init__(self) -> None:
        keep_integer(self, "units", minimum=1)
        if self.weight_initializer is not None:
            initializer = find_initializer(self.weight_initializer, "weight_initializer")
            object.__setattr__(self, "weight_initializer", initializer)
        if self.bias_initializer != "zeros":
            object.__setattr__(self, "bias_initializer", find_initializer(self.bias_initializer, "bias_initializer"))
        if not isinstance(self.bias, bool):
            raise TypeError(f"bias must be True or False, not {self.bias!r}.")

    def output_shape(self, input_shape: Shape) -> Shape:
        """(d_in,) -> (units,)."""
        if len(input_shape) != 1:
            raise ValueError(
                f"Dense needs rows of features, but its input has the shape {input_shape}. "
                f"Flatten it first: x.reshape(len(x), -1)."
            )
        return (self.units,)

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The weight (d_in, units), penalized, and the bias (units,), not."""
        weight = self.weight_initializer
        specs = {
            "weight": ParameterSpec(
                (input_shape[0], self.units),
                None if weight is None else find_initializer(weight, "weight_initializer"),
                penalized=True,
            )
        }
        if self.bias:
            start = find_initializer(self.bias_initializer, "bias_initializer")
            specs["bias"] = ParameterSpec((self.units,), start, penalized=False)
        return specs

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """X (n, d_in) -> y (n, units); saved: x."""
        y = x @ parameters.weight  # (n, d_in) @ (d_in, units) -> (n, units)
        if self.bias:
            y += parameters.bias  # (units,)
        return y, x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats | None, Gradients]:
        """Gradient (n, units), saved = x (n, d_in) -> gradients of x, W and b."""
        gradients = {"weight": saved.T @ gradient}  # (d_in, n) @ (n, units) -> (d_in, units)
        if self.bias:
            gradients["bias"] = gradient.sum(axis=0)  # (units,)
        if not context.input_gradient:
            return None, gradients
        return gradient @ parameters.weight.T, gradients  # (n, units) @ (units, d_in) -> (n, d_in)

    def kernel(self) -> Kernel:
        """`dense`, with or without a bias."""
        return Kernel("dense", (float(self.bias),))
