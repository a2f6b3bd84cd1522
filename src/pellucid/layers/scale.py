"""A scale that is learnt: how much each feature counts."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

from pellucid.formulas import Formulas
from pellucid.initializers import Constant
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class Scale(Layer):
    """y = x ⊙ s, with a learnt factor s for each feature; ∂x = g ⊙ s, ∂s = Σ g ⊙ x over the rows.

    In front of a network of tables, with a learning rate several times that of the rest, it learns which features
    matter: what is small counts little.

    Parameters
    ----------
    initial : float
        Where every factor starts.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Scale()]).build(3)
    >>> network.set("0.scale", [1.0, 0.0, -2.0])
    >>> network.scores([[4.0, 5.0, 6.0]])
    array([[  4.,   0., -12.]], dtype=float32)

    Notes
    -----
    Factors are not penalized. Unlike `Standardize` and its kin nothing is measured. Source: Holzmüller, Grinsztajn and
    Steinwart, "Better by default", NeurIPS 2024, section 3.
    """

    initial: float = 1.0
    formulas: ClassVar[Formulas] = Formulas(
        symbol="s", value="{x}·{scale}", derivative="{scale}", parameters={"scale": ("γ", "Σ {g}·{x}")}
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "initial")

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The factors, one for each feature, not penalized."""
        return {"scale": ParameterSpec(input_shape[-1:], Constant(self.initial), penalized=False)}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """x (n, d) -> x ⊙ s; saved: x."""
        return x * parameters.scale, x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g ⊙ s; ∂s = Σ g ⊙ x."""
        return gradient * parameters.scale, {"scale": as_rows(gradient * saved).sum(axis=0)}

    def kernel(self) -> Kernel:
        """`scale`."""
        return Kernel("scale")
