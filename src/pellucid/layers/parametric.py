"""Activations with a learnt share in each unit."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from pellucid.formulas import Formulas
from pellucid.initializers import Constant
from pellucid.kernel import Kernel
from pellucid.layers.activations import HardTanh, ReLU, Sigmoid, Softsign, Tanh
from pellucid.layers.layer import NO_NAMES, Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.layers.rectifiers import ELU, GELU, SELU, LeakyReLU, Mish, SiLU, Softplus
from pellucid.typing import Floats, Shape
from pellucid.validation import check_choice

FUNCTIONS: dict[str, Layer] = {
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "hard_tanh": HardTanh(),
    "relu": ReLU(),
    "leaky_relu": LeakyReLU(),
    "elu": ELU(),
    "selu": SELU(),
    "gelu": GELU(),
    "silu": SiLU(),
    "mish": Mish(),
    "softplus": Softplus(),
    "softsign": Softsign(),
}
"""What a parametric activation may be made of: functions of one number, without parameters of their own."""


@dataclass(frozen=True)
class ParametricActivation(Layer):
    """y = x + a·(f(x) − x), with a learnt share a for each unit, from 1 on: 0 is a linear unit, 1 the activation f.

    ∂x = g·(1 + a·(f′(x) − 1)), ∂a = Σ g·(f(x) − x) over the rows.

    Parameters
    ----------
    function : str
        The activation f by its name: "sigmoid", "tanh", "hard_tanh", "relu", "leaky_relu", "elu", "selu", "gelu",
        "silu", "mish", "softplus" or "softsign", as it is without arguments.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.ParametricActivation("relu")]).build(3)
    >>> network.set("0.share", [1.0, 0.5, 0.0])
    >>> network.scores([[-2.0, -2.0, -2.0]])
    array([[ 0., -1., -2.]], dtype=float32)

    Notes
    -----
    Shares are not penalized. Source: Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024,
    section 3 (there with "selu" for classes, "mish" for numbers).
    """

    function: str
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x} + {share}·(f({x}) − {x})",
        function="parametric",
        derivative="1 + {share}·(f′({x}) − 1)",
        parameters={"share": ("α", "Σ {g}·(f({x}) − {x})")},
        where="f is {function}",
    )

    def __post_init__(self) -> None:
        check_choice("function", self.function, FUNCTIONS)

    @property
    def activation(self) -> Layer:
        """The activation f."""
        return FUNCTIONS[self.function]

    @property
    def preferred_initializer(self) -> str | None:  # type: ignore[override]
        """That of f, which it begins as."""
        return self.activation.preferred_initializer

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The shares, one for each unit, not penalized."""
        return {"share": ParameterSpec(input_shape[-1:], Constant(1.0), penalized=False)}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, tuple[Floats, Any]]:
        """x (n, d) -> y (n, d); saved: f(x) − x and what f saves."""
        f, saved = self.activation.forward(x, NO_NAMES, context)  # (n, d)
        bend = f - x
        return x + parameters.share * bend, (bend, saved)

    def backward(
        self, gradient: Floats, saved: tuple[Floats, Any], parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = (1 − a)·g + a·g·f′; ∂a = Σ g·(f(x) − x)."""
        bend, of_function = saved
        through, _ = self.activation.backward(parameters.share * gradient, of_function, NO_NAMES, context)
        assert through is not None
        return (1 - parameters.share) * gradient + through, {"share": as_rows(gradient * bend).sum(axis=0)}

    def kernel(self) -> Kernel:
        """`parametric_` and the name of f's kernel, with its numbers."""
        inner = self.activation.kernel()
        assert inner is not None
        return Kernel(f"parametric_{inner.name}", inner.numbers)
