"""Activations: functions without parameters, applied to each unit (softmax: to each row).

Value and derivative stand side by side; the derivative is taken from the output a = f(z) where that is possible,
so that only the output has to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.numerics import sigmoid, softmax
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class Identity(Layer):
    """a = z: no activation, where one wants to say so."""

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"
    formulas: ClassVar[Formulas] = Formulas(symbol="a", value="{x}", derivative="1")

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """z (n, d) -> z."""
        return x, None

    def backward(
        self, gradient: Floats, saved: None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = 1."""
        return gradient, {}

    def passes_through(self, columns: int, input_shape: Shape) -> bool:
        """All of them."""
        return True

    def kernel(self) -> Kernel:
        """`identity`."""
        return Kernel("identity")


@dataclass(frozen=True)
class ReLU(Layer):
    """a = max(z, 0); a′ = 1 for z > 0, else 0 (0 at z = 0).

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.ReLU()]).build(3).scores([[-1.0, 0.0, 2.0]])
    array([[0., 0., 2.]], dtype=float32)

    Notes
    -----
    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a", value="max({x}, 0)", function="relu", derivative="1 where {x} > 0, else 0"
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> max(z, 0); saved: the output."""
        a = np.maximum(x, 0)  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = [a > 0]."""
        return gradient * (saved > 0), {}

    def kernel(self) -> Kernel:
        """`relu`."""
        return Kernel("relu")


@dataclass(frozen=True)
class Sigmoid(Layer):
    """a = 1/(1 + e⁻ᶻ); a′ = a(1 − a).

    Computed as ½(1 + tanh(z/2)), which is the same function and cannot overflow.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.Sigmoid()]).build(3).scores([[-1000.0, 0.0, 1000.0]])
    array([[0. , 0.5, 1. ]], dtype=float32)
    """

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a", value="1/(1 + exp(−{x}))", function="σ", derivative="{y}(1 − {y})"
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> σ(z); saved: the output."""
        a = sigmoid(x)  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = a(1 − a)."""
        return gradient * saved * (1 - saved), {}

    def kernel(self) -> Kernel:
        """`sigmoid`."""
        return Kernel("sigmoid")


@dataclass(frozen=True)
class Tanh(Layer):
    """a = tanh z; a′ = 1 − a².

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.Tanh()], dtype="float64").build(2).scores([[0.0, 1.0]]).round(4)
    array([[0.    , 0.7616]])
    """

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a", value="(exp({x}) − exp(−{x}))/(exp({x}) + exp(−{x}))", function="tanh", derivative="1 − {y}²"
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> tanh z; saved: the output."""
        a = np.tanh(x)  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = 1 − a²."""
        return gradient * (1 - saved * saved), {}

    def kernel(self) -> Kernel:
        """`tanh`."""
        return Kernel("tanh")


@dataclass(frozen=True)
class HardTanh(Layer):
    """a = z clipped to [minimum, maximum]; a′ = 1 strictly between them, else 0.

    Parameters
    ----------
    minimum, maximum : float
        Where the line ends, minimum < maximum.
    """

    minimum: float = -1.0
    maximum: float = 1.0
    preferred_initializer: ClassVar[str | None] = "glorot_uniform"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x} clipped to {minimum} … {maximum}",
        function="hard",
        derivative="1 strictly between {minimum} and {maximum}, else 0",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "minimum")
        coerce_number_field(self, "maximum", above=self.minimum)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: the output."""
        a = np.clip(x, x.dtype.type(self.minimum), x.dtype.type(self.maximum))  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = [minimum < a < maximum]."""
        low, high = saved.dtype.type(self.minimum), saved.dtype.type(self.maximum)
        return gradient * ((saved > low) & (saved < high)), {}

    def kernel(self) -> Kernel:
        """`hard_tanh`, with its ends."""
        return Kernel("hard_tanh", (self.minimum, self.maximum))


@dataclass(frozen=True)
class Softsign(Layer):
    """a = z/(1 + |z|); a′ = (1 − |a|)².

    Notes
    -----
    Source: Bergstra, Desjardins, Lamblin and Bengio, "Quadratic polynomials learn better image features", 2009.
    """

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a", value="{x}/(1 + |{x}|)", function="softsign", derivative="(1 − |{y}|)²"
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: the output."""
        a = x / (1 + np.abs(x))  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = (1 − |a|)²."""
        return gradient * np.square(1 - np.abs(saved)), {}

    def kernel(self) -> Kernel:
        """`softsign`."""
        return Kernel("softsign")


@dataclass(frozen=True)
class Softmax(Layer):
    """aⱼ = exp(zⱼ − max z) / Σₖ exp(zₖ − max z), over each row; ∂z = a·(g − Σₖ gₖ aₖ).

    The shift by the row's maximum changes nothing in the result and keeps every exponential at or below 1.
    For classification leave it out and train with `SoftmaxCrossEntropy`, which contains it.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.Softmax()]).build(2).scores([[1000.0, 1000.0]])
    array([[0.5, 0.5]], dtype=float32)
    """

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"
    formulas: ClassVar[Formulas] = Formulas(symbol="a", value="exp({x}) / Σ exp({x})", gradient="{y}·({g} − Σ {g}·{y})")

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d), rows that sum to 1; saved: the output."""
        a = softmax(x)  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂z = a·(g − Σₖ gₖ aₖ)."""
        mean = (gradient * saved).sum(axis=-1, keepdims=True)  # (n, 1)
        return saved * (gradient - mean), {}

    def kernel(self) -> Kernel:
        """`softmax`."""
        return Kernel("softmax")
