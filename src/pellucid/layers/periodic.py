"""Numbers as waves: an embedding that lets a network bend quickly along one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import numpy as np

from pellucid.formulas import Formulas
from pellucid.initializers import Normal, Uniform
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_integer_field, coerce_number_field


class _Saved(NamedTuple):
    x: Floats  # (n, m)
    angle: Floats  # (n, m, frequencies)


@dataclass(frozen=True)
class PeriodicEmbedding(Layer):
    """Each of the first m numbers x becomes (x, h V + c) with h = cos(2π x w + b): itself, and a mixture of waves.

    Every number has frequencies w and phases b of its own, (frequencies,) each, and a mixture V of the shape
    (frequencies, outputs − 1) with a bias c. All of them are trained. The outputs of a number stand side by side; the
    columns behind the first m pass unchanged behind all of them.

    With g the gradient of h V + c and q = −sin(2π x w + b) ⊙ (g Vᵀ): ∂V = hᵀ g, ∂c = Σ g, ∂b = Σ q, ∂w = 2π Σ x q,
    ∂x = that of x itself + 2π q·w.

    Parameters
    ----------
    numbers : int or None
        m, how many columns are numbers. None: all.
    frequencies : int
        How many waves each number has.
    outputs : int
        How many columns each number becomes, itself among them: at least 2.
    sigma : float
        The standard deviation of the first frequencies, above 0. Larger: the network may bend more quickly, and
        overfit sooner. Suited to numbers that are scaled.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.PeriodicEmbedding(1, frequencies=1, outputs=2)], dtype="float64").build(2)
    >>> network.set("0.frequency", [[0.25]])
    >>> network.set("0.phase", [[0.0]])
    >>> network.set("0.weight", [[10.0]])
    >>> network.set("0.bias", [[1.0]])
    >>> network.scores([[0.0, 7.0], [2.0, 7.0]])                 # cos 0 and cos π
    array([[ 0., 11.,  7.],
           [ 2., -9.,  7.]])

    Notes
    -----
    At the start w ~ N(0, σ²), b ~ U(−π, π), V and c ~ U(−1/√frequencies, 1/√frequencies). The parameters are called
    `frequency`, `phase`, `weight` (m, frequencies·(outputs − 1)) and `bias`; the weight alone is penalized. Source:
    Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024, section 3, after Gorishniy, Rubachev and
    Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022, section 3.3 (there without
    phases and x itself).
    """

    numbers: int | None = None
    frequencies: int = 16
    outputs: int = 4
    sigma: float = 0.1
    formulas: ClassVar[Formulas] = Formulas(
        symbol="e",
        value="each number beside cos(2π·{x}·{frequency} + {phase})·{weight} + {bias}",
        gradient="{g} of {x} itself + 2π·q·{frequency}",
        parameters={
            "frequency": ("w", "2π·Σ {x}·q"),
            "phase": ("b", "Σ q"),
            "weight": ("V", "cos(2π·{x}·{frequency} + {phase})ᵀ·{g}"),
            "bias": ("c", "Σ {g}"),
        },
        where="q is −sin(2π·{x}·{frequency} + {phase})·({g}·{weight}ᵀ)",
    )

    def __post_init__(self) -> None:
        if self.numbers is not None:
            coerce_integer_field(self, "numbers", minimum=1)
        coerce_integer_field(self, "frequencies", minimum=1)
        coerce_integer_field(self, "outputs", minimum=2)
        coerce_number_field(self, "sigma", above=0.0)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, d) -> (*positions, d + m·(outputs − 1))."""
        return (*input_shape[:-1], input_shape[-1] + self._numbers(input_shape) * (self.outputs - 1))

    def _numbers(self, input_shape: Shape) -> int:
        """How many columns are numbers."""
        if self.numbers is not None and self.numbers > input_shape[-1]:
            raise ValueError(
                f"PeriodicEmbedding takes the first {self.numbers} columns for numbers, but its input has "
                f"{input_shape[-1]}. Omit numbers to embed every column."
            )
        return self.numbers or input_shape[-1]

    def passes_through(self, columns: int, input_shape: Shape) -> bool:
        """Those that are no numbers."""
        return self._numbers(input_shape) + columns <= input_shape[-1]

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """Frequencies and phases (m, frequencies), the mixture and its bias; the mixture alone is penalized."""
        m, k, rest = self._numbers(input_shape), self.frequencies, self.outputs - 1
        mixture = Uniform(1 / math.sqrt(k))
        return {
            "frequency": ParameterSpec((m, k), Normal(self.sigma), penalized=False),
            "phase": ParameterSpec((m, k), Uniform(math.pi), penalized=False),
            "weight": ParameterSpec((m, k * rest), mixture, penalized=True),
            "bias": ParameterSpec((m, rest), mixture, penalized=False),
        }

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, _Saved]:
        """x (n, …, d) -> y (n, …, d + m·(outputs − 1)); saved: numbers (n·, m) and angles (n·, m, frequencies)."""
        positions, x = x.shape[:-1], as_rows(x)  # (n·, d)
        m, k = parameters.frequency.shape
        numbers = x[:, :m]
        angle = x.dtype.type(2 * math.pi) * numbers[:, :, None] * parameters.frequency + parameters.phase  # (n, m, k)
        mixture = parameters.weight.reshape(m, k, -1)  # (m, k, outputs − 1)
        mixed = (np.cos(angle).transpose(1, 0, 2) @ mixture).transpose(1, 0, 2)  # (m, n, k) @ (m, k, ·) -> (n, m, ·)
        embedded = np.concatenate([numbers[:, :, None], mixed + parameters.bias], axis=2)  # (n, m, outputs)
        y = np.concatenate([embedded.reshape(len(x), -1), x[:, m:]], axis=1)
        return y.reshape(*positions, -1), _Saved(numbers, angle)

    def backward(
        self, gradient: Floats, saved: _Saved, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """Gradients of the input (n, …, d), and of frequencies, phases, mixture and bias."""
        positions, gradient = gradient.shape[:-1], as_rows(gradient)  # (n·, d + m·(outputs − 1))
        m, k = parameters.frequency.shape
        turn = gradient.dtype.type(2 * math.pi)
        mine = gradient[:, : m * self.outputs].reshape(len(gradient), m, self.outputs)  # (n, m, outputs)
        of_mixed = mine[:, :, 1:].transpose(1, 0, 2)  # (m, n, outputs − 1)
        mixture = parameters.weight.reshape(m, k, -1)  # (m, k, outputs − 1)
        of_wave = (of_mixed @ mixture.transpose(0, 2, 1)).transpose(1, 0, 2)  # (m, n, ·) @ (m, ·, k) -> (n, m, k)
        of_angle = -np.sin(saved.angle) * of_wave  # (n, m, k)
        of_mixture = np.cos(saved.angle).transpose(1, 2, 0) @ of_mixed  # (m, k, n) @ (m, n, ·) -> (m, k, ·)
        of_numbers = mine[:, :, 0] + turn * (of_angle * parameters.frequency).sum(axis=2)  # (n, m)
        of_input = np.concatenate([of_numbers, gradient[:, m * self.outputs :]], axis=1)
        return of_input.reshape(*positions, -1), {
            "frequency": turn * (of_angle * saved.x[:, :, None]).sum(axis=0),  # (m, k)
            "phase": of_angle.sum(axis=0),  # (m, k)
            "weight": of_mixture.reshape(m, -1),
            "bias": of_mixed.sum(axis=1),  # (m, outputs − 1)
        }

    def kernel(self) -> Kernel:
        """`periodic_embedding`: its parameters' shapes say the rest."""
        return Kernel("periodic_embedding")
