"""Maxout: an activation that is learnt, as the highest of several linear functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from pellucid.formulas import Formulas
from pellucid.initializers import Initializer, find_initializer
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import coerce_integer_field


@dataclass(frozen=True)
class Maxout(Layer):
    """yⱼ = max over k of (x W + b)ⱼₖ: each unit is the highest of `pieces` linear functions of its inputs.

    W is (d_in, units·pieces), the pieces of a unit side by side. The gradient flows to the piece that won (ties: the
    first).

    Parameters
    ----------
    units : int
        How many outputs there are.
    pieces : int
        How many linear functions each has, at least 2.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows.

    Notes
    -----
    Source: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013, section 3.
    """

    units: int
    pieces: int = 2
    weight_initializer: Initializer | str | None = None
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="the highest piece of {x}·{weight} + {bias}",
        gradient="{g}·{weight}ᵀ, through the pieces that won",
        parameters={
            "weight": ("W", "{x}ᵀ·{g}, for the pieces that won"),
            "bias": ("b", "Σ {g}, for the pieces that won"),
        },
    )

    def __post_init__(self) -> None:
        coerce_integer_field(self, "units", minimum=1)
        coerce_integer_field(self, "pieces", minimum=2)
        if self.weight_initializer is not None:
            initializer = find_initializer(self.weight_initializer, "weight_initializer")
            object.__setattr__(self, "weight_initializer", initializer)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, d_in) -> (*positions, units)."""
        return (*input_shape[:-1], self.units)

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The weight (d_in, units·pieces), penalized, and the bias (units·pieces,), not."""
        weight = self.weight_initializer
        initializer = None if weight is None else find_initializer(weight, "weight_initializer")
        columns = self.units * self.pieces
        return {
            "weight": ParameterSpec((input_shape[-1], columns), initializer, penalized=True),
            "bias": ParameterSpec((columns,), find_initializer("zeros", "bias_initializer"), penalized=False),
        }

    def pre_activation(self, x: Floats, parameters: SimpleNamespace, context: Context) -> Floats:
        """X W + b, (n, units·pieces): all pieces."""
        return x @ parameters.weight + parameters.bias

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, tuple[Floats, Array]]:
        """x (n, …, d_in) -> y (n, …, units); saved: x and all pieces (n, …, units, pieces)."""
        z = self.pre_activation(x, parameters, context).reshape(*x.shape[:-1], self.units, self.pieces)
        return z.max(axis=-1), (x, z)

    def backward(
        self, gradient: Floats, saved: tuple[Floats, Array], parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats | None, Gradients]:
        """The gradient (n, …, units) goes to the largest piece, the first of equal ones, and on as in a dense layer."""
        x, z = saved
        pieces = np.zeros_like(z)
        np.put_along_axis(pieces, z.argmax(axis=-1)[..., None], gradient[..., None], axis=-1)
        flat = pieces.reshape(*x.shape[:-1], -1)  # (n, …, units·pieces)
        gradients = {"weight": as_rows(x).T @ as_rows(flat), "bias": as_rows(flat).sum(axis=0)}
        return (flat @ parameters.weight.T if context.input_gradient else None), gradients

    def kernel(self) -> Kernel:
        """`maxout`, with the number of pieces."""
        return Kernel("maxout", (float(self.pieces),))
