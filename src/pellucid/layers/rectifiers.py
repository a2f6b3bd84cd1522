"""The kin of ReLU: activations that let positive values pass and bend negative ones.

Value and derivative stand side by side, for each unit. `activations.py` has the older ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from pellucid.formulas import Formulas
from pellucid.initializers import Constant
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.numerics import erf, sigmoid, softplus
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import check_choice, coerce_number_field

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """a = z for z > 0, else slope·z; a′ = 1 or slope (at z = 0: slope).

    Parameters
    ----------
    slope : float
        What negative values are multiplied with. The "PReLU" with a fixed slope of older texts is this one.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.LeakyReLU(0.1)]).build(2).scores([[-2.0, 3.0]])
    array([[-0.2,  3. ]], dtype=float32)

    Notes
    -----
    Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """

    slope: float = 0.01
    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x} where {x} > 0, else {slope}·{x}",
        function="leaky",
        derivative="1 where {x} > 0, else {slope}",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "slope")

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Array]:
        """z (n, d) -> a (n, d); saved: where z > 0."""
        positive = x > 0  # (n, d)
        return np.where(positive, x, x.dtype.type(self.slope) * x), positive

    def backward(
        self, gradient: Floats, saved: Array, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = 1 or slope."""
        return np.where(saved, gradient, gradient.dtype.type(self.slope) * gradient), {}

    def kernel(self) -> Kernel:
        """`leaky_relu`, with its slope."""
        return Kernel("leaky_relu", (self.slope,))


@dataclass(frozen=True)
class PReLU(Layer):
    """a = z for z > 0, else s·z with a learnt slope s; ∂s = Σ g·z over z <= 0.

    Parameters
    ----------
    slope : float
        Where the slope starts.
    per_unit : bool
        Whether each unit learns a slope of its own; otherwise the layer has one.

    Notes
    -----
    Slopes are not penalized. Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015, equation 1.
    """

    slope: float = 0.25
    per_unit: bool = False
    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x} where {x} > 0, else {slope}·{x}",
        function="prelu",
        derivative="1 where {x} > 0, else {slope}",
        parameters={"slope": ("α", "Σ {g}·{x} over {x} <= 0")},
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "slope")

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The slope: (1,), or one for each unit."""
        shape = input_shape[-1:] if self.per_unit else (1,)
        return {"slope": ParameterSpec(shape, Constant(self.slope), penalized=False)}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: z."""
        return np.where(x > 0, x, parameters.slope * x), x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = 1 or s; ∂s = Σ g·z over z <= 0."""
        negative = saved <= 0  # (n, d)
        of_slope = as_rows(gradient * saved * negative).sum(axis=0)  # (d,)
        total = of_slope if self.per_unit else of_slope.sum(keepdims=True).reshape(1)
        return np.where(negative, parameters.slope * gradient, gradient), {"slope": total}

    def kernel(self) -> Kernel:
        """`prelu`."""
        return Kernel("prelu")


@dataclass(frozen=True)
class ELU(Layer):
    """a = z for z > 0, else α(eᶻ − 1); a′ = 1, else a + α.

    Parameters
    ----------
    alpha : float
        Where the negative side ends, −α; above 0.

    Notes
    -----
    Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016, equation 16.
    """

    alpha: float = 1.0
    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x} where {x} > 0, else {alpha}·(exp({x}) − 1)",
        function="elu",
        derivative="1 where {x} > 0, else {y} + {alpha}",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "alpha", above=0.0)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: the output."""
        a = np.where(x > 0, x, x.dtype.type(self.alpha) * np.expm1(np.minimum(x, 0)))  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = 1, else a + α."""
        return np.where(saved > 0, gradient, gradient * (saved + gradient.dtype.type(self.alpha))), {}

    def kernel(self) -> Kernel:
        """`elu`, with α and the scale 1."""
        return Kernel("elu", (self.alpha, 1.0))


@dataclass(frozen=True)
class SELU(Layer):
    """a = λz for z > 0, else λα(eᶻ − 1), with λ ≈ 1.0507 and α ≈ 1.6733; a′ = λ, else a + λα.

    The two constants make mean 0 and variance 1 a fixed point, for weights that start with variance 1/n.

    Notes
    -----
    Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NeurIPS 2017, equation 2.
    """

    preferred_initializer: ClassVar[str | None] = "lecun_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="1.0507·{x} where {x} > 0, else 1.7581·(exp({x}) − 1)",
        function="selu",
        derivative="1.0507 where {x} > 0, else {y} + 1.7581",
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: the output."""
        scale, slope = x.dtype.type(SELU_SCALE), x.dtype.type(SELU_SCALE * SELU_ALPHA)
        a = np.where(x > 0, scale * x, slope * np.expm1(np.minimum(x, 0)))  # (n, d)
        return a, a

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = λ, else a + λα."""
        scale, slope = gradient.dtype.type(SELU_SCALE), gradient.dtype.type(SELU_SCALE * SELU_ALPHA)
        return gradient * np.where(saved > 0, scale, saved + slope), {}

    def kernel(self) -> Kernel:
        """`elu`, with α and the scale λ."""
        return Kernel("elu", (SELU_ALPHA, SELU_SCALE))


@dataclass(frozen=True)
class GELU(Layer):
    """a = z·Φ(z), with Φ the normal distribution function; a′ = Φ(z) + z·φ(z).

    Parameters
    ----------
    approximate : {"none", "tanh"}
        "none": Φ(z) = ½(1 + erf(z/√2)). "tanh": Φ(z) ≈ ½(1 + tanh(√(2/π)(z + 0.044715 z³))).

    Notes
    -----
    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016, section 2.
    """

    approximate: str = "none"
    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x}·Φ({x})",
        function="gelu",
        derivative="Φ({x}) + {x}·Φ′({x})",
        where="Φ is the normal distribution function",
    )

    def __post_init__(self) -> None:
        check_choice("approximate", self.approximate, ("none", "tanh"))

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> z·Φ(z); saved: z."""
        return x * self._share(x)[0], x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = Φ + z·Φ′."""
        share, density = self._share(saved)  # (n, d) each
        return gradient * (share + saved * density), {}

    def _share(self, z: Floats) -> tuple[Floats, Floats]:
        """Φ(z) and its derivative."""
        dtype = z.dtype.type
        if self.approximate == "none":
            share = dtype(0.5) * (1 + erf(z * dtype(math.sqrt(0.5))))
            return share, dtype(1 / math.sqrt(2 * math.pi)) * np.exp(dtype(-0.5) * z * z)
        root, cubic = dtype(math.sqrt(2 / math.pi)), dtype(0.044715)
        t = np.tanh(root * (z + cubic * z * z * z))  # (n, d)
        inner = root * (1 + 3 * cubic * z * z)
        return dtype(0.5) * (1 + t), dtype(0.5) * (1 - t * t) * inner

    def kernel(self) -> Kernel:
        """`gelu` or `gelu_tanh`."""
        return Kernel("gelu" if self.approximate == "none" else "gelu_tanh")


@dataclass(frozen=True)
class SiLU(Layer):
    """a = z·σ(z), also called swish; a′ = σ(z)(1 + z(1 − σ(z))).

    Notes
    -----
    Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", Neural Networks 107, 2018, equation 4.
    """

    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a", value="{x}·σ({x})", function="silu", derivative="σ({x})·(1 + {x}·(1 − σ({x})))"
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> z·σ(z); saved: z."""
        return x * sigmoid(x), x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = σ(1 + z(1 − σ))."""
        s = sigmoid(saved)  # (n, d)
        return gradient * s * (1 + saved * (1 - s)), {}

    def kernel(self) -> Kernel:
        """`silu`."""
        return Kernel("silu")


@dataclass(frozen=True)
class Mish(Layer):
    """a = z·tanh(log(1 + eᶻ)); a′ = t + z(1 − t²)σ(z) with t = tanh(log(1 + eᶻ)).

    Notes
    -----
    Source: Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020, equation 1.
    """

    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a",
        value="{x}·tanh(log(1 + exp({x})))",
        function="mish",
        derivative="t + {x}·(1 − t²)·σ({x}) with t = tanh(log(1 + exp({x})))",
    )

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: z."""
        return x * np.tanh(softplus(x)), x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = t + z(1 − t²)σ(z)."""
        t = np.tanh(softplus(saved))  # (n, d)
        return gradient * (t + saved * (1 - t * t) * sigmoid(saved)), {}

    def kernel(self) -> Kernel:
        """`mish`."""
        return Kernel("mish")


@dataclass(frozen=True)
class Softplus(Layer):
    """a = log(1 + e^(βz))/β, a smooth ReLU; a′ = σ(βz).

    Parameters
    ----------
    beta : float
        How sharp the bend is, above 0.

    Notes
    -----
    Computed without overflow at any z, so there is no threshold as in PyTorch. Source: Dugas, Bengio, Bélisle, Nadeau
    and Garcia, "Incorporating second-order functional knowledge for better option pricing", NeurIPS 2000.
    """

    beta: float = 1.0
    preferred_initializer: ClassVar[str | None] = "he_normal"
    formulas: ClassVar[Formulas] = Formulas(
        symbol="a", value="log(1 + exp({beta}·{x}))/{beta}", function="softplus", derivative="σ({beta}·{x})"
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "beta", above=0.0)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """z (n, d) -> a (n, d); saved: z."""
        beta = x.dtype.type(self.beta)
        return softplus(beta * x) / beta, x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """a′ = σ(βz)."""
        return gradient * sigmoid(saved.dtype.type(self.beta) * saved), {}

    def kernel(self) -> Kernel:
        """`softplus`, with β."""
        return Kernel("softplus", (self.beta,))
