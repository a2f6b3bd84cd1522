"""The dense (fully connected) layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar, Protocol, runtime_checkable

from pellucid.formulas import Formulas
from pellucid.initializers import Initializer, Normal, find_initializer
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.typing import Floats, Shape
from pellucid.validation import check_choice, coerce_integer_field

_STANDARD = Formulas(
    symbol="z",
    value="{x}·{weight}[ + {bias}]",
    gradient="{g}·{weight}ᵀ",
    parameters={"weight": ("W", "{x}ᵀ·{g}"), "bias": ("b", "Σ {g}")},
)
_NTK = Formulas(
    symbol="z",
    value="{x}·{weight}/√d[ + {bias}]",
    gradient="{g}·{weight}ᵀ/√d",
    parameters={"weight": ("W", "{x}ᵀ·{g}/√d"), "bias": ("b", "Σ {g}")},
    where="d is the number of inputs",
)


@runtime_checkable
class ScaledInput(Protocol):
    """A layer that multiplies another array than its input with its weight."""

    def scaled_input(self, x: Floats) -> Floats:
        """What meets the weight, for the input x (n, …, d_in)."""


@runtime_checkable
class PreActivation(Protocol):
    """A layer that does more with its weighted sums than to return them."""

    def pre_activation(self, x: Floats, parameters: SimpleNamespace, context: Context) -> Floats:
        """What weights and biases alone make of x, (n, …, units)."""


@dataclass(frozen=True)
class Dense(Layer):
    """A layer in which every unit sees every input.

    y = x W + b, with x (n, …, d_in), W (d_in, units), b (units), y (n, …, units): the same at every position. With g
    the gradient of the loss with respect to y: ∂x = g Wᵀ, ∂W = xᵀ g, ∂b = Σ g over rows and positions.

    Parameters
    ----------
    units : int
        How many outputs there are, at least 1.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows (He for ReLU, Glorot otherwise); with
        `parametrization="ntk"` N(0, 1), whatever follows.
    bias_initializer : Initializer or str
        What b starts from.
    bias : bool
        False: y = x W.
    parametrization : {"standard", "ntk"}
        "ntk": y = x W/√d_in + b, so that weights have the size 1 in layers of every width, and one learning rate and
        one weight decay suit them all; ∂x = g Wᵀ/√d_in, ∂W = xᵀ g/√d_in.

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
    The weight lies as (d_in, d_out), the transpose of PyTorch's. The factor 1/√d_in is that of Jacot, Gabriel and
    Hongler, "Neural tangent kernel", NeurIPS 2018, section 3. Weights that `load_torch_weights` and its kin find are
    taken as they are, so of a layer with the same factor.
    """

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"  # a layer in front of this one is linear

    units: int
    weight_initializer: Initializer | str | None = None
    bias_initializer: Initializer | str = "zeros"
    bias: bool = True
    parametrization: str = "standard"

    def __post_init__(self) -> None:
        coerce_integer_field(self, "units", minimum=1)
        if self.weight_initializer is not None:
            initializer = find_initializer(self.weight_initializer, "weight_initializer")
            object.__setattr__(self, "weight_initializer", initializer)
        if self.bias_initializer != "zeros":
            object.__setattr__(self, "bias_initializer", find_initializer(self.bias_initializer, "bias_initializer"))
        if not isinstance(self.bias, bool):
            raise TypeError(f"bias must be True or False, not {self.bias!r}.")
        check_choice("parametrization", self.parametrization, ("standard", "ntk"))

    @property
    def formulas(self) -> Formulas:  # type: ignore[override]
        """With the factor or without it."""
        return _NTK if self.parametrization == "ntk" else _STANDARD

    def factor(self, inputs: int) -> float:
        """What x W is multiplied with: 1, or 1/√d_in."""
        return 1 / math.sqrt(inputs) if self.parametrization == "ntk" else 1.0

    def scaled_input(self, x: Floats) -> Floats:
        """x (n, …, d_in), with the factor."""
        return x if self.parametrization == "standard" else x * x.dtype.type(self.factor(x.shape[-1]))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, d_in) -> (*positions, units)."""
        return (*input_shape[:-1], self.units)

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The weight (d_in, units), penalized, and the bias (units,), not."""
        weight = self.weight_initializer
        if weight is None and self.parametrization == "ntk":
            weight = Normal(1.0)
        specs = {
            "weight": ParameterSpec(
                (input_shape[-1], self.units),
                None if weight is None else find_initializer(weight, "weight_initializer"),
                penalized=True,
            )
        }
        if self.bias:
            start = find_initializer(self.bias_initializer, "bias_initializer")
            specs["bias"] = ParameterSpec((self.units,), start, penalized=False)
        return specs

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """x (n, …, d_in) -> y (n, …, units); saved: x, with the factor."""
        x = self.scaled_input(x)
        y = x @ parameters.weight  # (n, …, d_in) @ (d_in, units) -> (n, …, units)
        if self.bias:
            y += parameters.bias  # (units,)
        return y, x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats | None, Gradients]:
        """Gradient (n, …, units), saved = x (n, …, d_in), with the factor -> gradients of x, W and b."""
        gradients = {"weight": as_rows(saved).T @ as_rows(gradient)}  # (d_in, n·) @ (n·, units) -> (d_in, units)
        if self.bias:
            gradients["bias"] = as_rows(gradient).sum(axis=0)  # (units,)
        if not context.input_gradient:
            return None, gradients
        passed = gradient @ parameters.weight.T  # (n, …, units) @ (units, d_in) -> (n, …, d_in)
        return self.scaled_input(passed), gradients

    def kernel(self) -> Kernel:
        """`dense` or `dense_ntk`."""
        return Kernel("dense" if self.parametrization == "standard" else "dense_ntk")
