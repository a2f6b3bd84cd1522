"""Scaling of inputs, as layers: what was measured in training travels with the network.

Contract: a layer that only scales each column by itself is a `FrontScaling`. Where such layers stand in front of all
others, they work on the data's own numbers, in float64; the native engine joins them into one, where a row comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import coerce_number_field

_ROWS_AT_A_TIME = 4096  # statistics are summed over slices: the data may be far larger than its float64 copy could be


class Scaling(NamedTuple):
    """y = z/√(1 + (z/limit)²) with z = (x − mean)·scale + offset; with a limit of 0, y = z."""

    mean: Floats | float = 0.0
    scale: Floats | float = 1.0
    offset: Floats | float = 0.0
    limit: float = 0.0


@runtime_checkable
class FrontScaling(Protocol):
    """A layer that scales each column by itself."""

    def as_scaling(self, statistics: SimpleNamespace) -> Scaling:
        """What it does, with its statistics."""


@dataclass(frozen=True)
class _MeasuredScaling(Layer):
    """s = (x − mean)·scale, with what is measured of each feature."""

    formulas: ClassVar[Formulas] = Formulas(symbol="s", value="({x} − {mean})·{scale}", derivative="{scale}")

    def statistic_specs(self, input_shape: Shape) -> dict[str, tuple[Shape, float]]:
        """The mean and the scale of each feature."""
        return {"mean": (input_shape[-1:], 0.0), "scale": (input_shape[-1:], 1.0)}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """x (n, d) -> (x − mean)·scale."""
        return (x - context.statistics.mean) * context.statistics.scale, None

    def backward(
        self, gradient: Floats, saved: None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·scale."""
        return gradient * context.statistics.scale, {}

    def kernel(self) -> Kernel:
        """`standardize`, with its statistics."""
        return Kernel("standardize")

    def as_scaling(self, statistics: SimpleNamespace) -> Scaling:
        """With the mean and the scale of each feature."""
        return Scaling(statistics.mean, statistics.scale)


@dataclass(frozen=True)
class Standardize(_MeasuredScaling):
    """y = (x − mean)·scale with scale = 1/σ: every feature with mean 0 and standard deviation 1.

    Mean and standard deviation are measured once on the training inputs (σ² = the mean of (x − mean)²) and kept
    with the network. A feature that never changed in training gets the scale 0: it comes out as 0, always.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> x = np.array([[0.0, 5.0], [2.0, 5.0]])
    >>> network = pl.Network([pl.Standardize()]).build(2)
    >>> network.fit_statistics(x)
    >>> network.scores(x)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)

    Notes
    -----
    The same as scikit-learn's `StandardScaler`, but for constant features (there scale 1).
    """

    def fit_statistics(self, x: Array) -> dict[str, Floats]:
        """Mean and 1/σ of each column of x (n, d), in float64 and two passes."""
        slices = [x[start : start + _ROWS_AT_A_TIME] for start in range(0, len(x), _ROWS_AT_A_TIME)]
        mean = sum(part.sum(axis=0, dtype=np.float64) for part in slices) / len(x)  # (d,)
        constant = x.max(axis=0) == x.min(axis=0)  # (d,): exact, where the variance of 0.1, 0.1, … is not quite 0
        mean = np.where(constant, x[0], mean)
        variance = sum(np.square(part - mean).sum(axis=0) for part in slices) / len(x)  # (d,)
        deviation = np.sqrt(np.where(constant, 1.0, variance))
        deviation[deviation == 0.0] = 1.0  # a spread so small that its square is 0
        return {"mean": mean, "scale": np.where(constant, 0.0, 1.0 / deviation)}


@dataclass(frozen=True)
class MinMax(_MeasuredScaling):
    """y = (x − mean)·scale, such that the training inputs just fill [low, high] in every feature.

    With m and M a feature's lowest and highest training value, scale = (high − low)/(M − m) and mean = m − low/scale.
    A feature that never changed in training comes out as 0, always.

    Parameters
    ----------
    low, high : float
        The ends of the range, low < high.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> x = np.array([[0.0], [1.0], [4.0]])
    >>> network = pl.Network([pl.MinMax(-1, 1)]).build(1)
    >>> network.fit_statistics(x)
    >>> network.scores(x).ravel()
    array([-1. , -0.5,  1. ], dtype=float32)
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        coerce_number_field(self, "low")
        coerce_number_field(self, "high", above=self.low)

    def fit_statistics(self, x: Array) -> dict[str, Floats]:
        """Where the range begins, and how many times it must be stretched, from x (n, d)."""
        least, most = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)  # (d,)
        constant = least == most
        scale = np.where(constant, 0.0, (self.high - self.low) / np.where(constant, 1.0, most - least))
        return {"mean": least - np.where(constant, 0.0, self.low / np.where(constant, 1.0, scale)), "scale": scale}


@dataclass(frozen=True)
class Center(_MeasuredScaling):
    """y = x − mean, feature by feature: for images the subtraction of the mean image.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Center()]).build(2)
    >>> network.fit_statistics(np.array([[0.0, 1.0], [2.0, 5.0]]))
    >>> network.get("0.mean")
    array([1., 3.])
    """

    def fit_statistics(self, x: Array) -> dict[str, Floats]:
        """The mean of each column of x (n, d)."""
        return {"mean": x.mean(axis=0, dtype=np.float64), "scale": np.ones(x.shape[1:])}


@dataclass(frozen=True)
class RobustScale(Layer):
    """y = z/√(1 + (z/limit)²) with z = (x − median)·scale: robust scaling, then a smooth clip to |y| < limit.

    scale = 1/(q₇₅ − q₂₅), the inverse of the distance of the quartiles; where that is 0, 2/(max − min); of a feature
    that never changed, 0. Outliers neither decide the scale nor leave the range.

    Parameters
    ----------
    limit : float or None
        Where values are clipped to, above 0; None: not at all.

    Notes
    -----
    Source: Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024, section 3 (limit 3).
    """

    limit: float | None = 3.0
    formulas: ClassVar[Formulas] = Formulas(
        symbol="s",
        value="z[/√(1 + (z/{limit})²)] with z = ({x} − {mean})·{scale}",
        derivative="{scale}[·(1 + (z/{limit})²)^(−3/2)]",
    )

    def __post_init__(self) -> None:
        if self.limit is not None:
            coerce_number_field(self, "limit", above=0.0)

    statistic_specs = _MeasuredScaling.statistic_specs

    def fit_statistics(self, x: Array) -> dict[str, Floats]:
        """The median and the inverse spread of each column of x (n, d)."""
        low, median, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)  # (d,) each
        whole = x.max(axis=0).astype(np.float64) - x.min(axis=0)  # (d,)
        spread = np.where(high > low, high - low, 0.5 * whole)
        return {"mean": median, "scale": np.where(spread > 0, 1.0 / np.where(spread > 0, spread, 1.0), 0.0)}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """x (n, d) -> y (n, d); saved: the factor 1/√(1 + (z/limit)²)."""
        z = (x - context.statistics.mean) * context.statistics.scale  # (n, d)
        factor = 1 / np.sqrt(1 + np.square(z / z.dtype.type(self.limit))) if self.limit else np.ones_like(z)
        return z * factor, factor

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·scale·(1 + (z/limit)²)^(−3/2)."""
        return gradient * saved**3 * context.statistics.scale, {}

    def kernel(self) -> Kernel:
        """`robust_scale`, with its limit (0: none)."""
        return Kernel("robust_scale", (self.limit or 0.0,))

    def as_scaling(self, statistics: SimpleNamespace) -> Scaling:
        """With the median and the scale of each feature, and the limit."""
        return Scaling(statistics.mean, statistics.scale, limit=self.limit or 0.0)


@dataclass(frozen=True)
class Rescale(Layer):
    """y = x·scale + offset, the same for every feature: `Rescale(1/255)` brings images of bytes into [0, 1].

    Parameters
    ----------
    scale : float
        The factor.
    offset : float
        What is added afterwards.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.Network([pl.Rescale(2 / 255, -1)]).build(3).scores(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[-1. , -0.6,  1. ]], dtype=float32)
    """

    scale: float
    offset: float = 0.0
    formulas: ClassVar[Formulas] = Formulas(symbol="s", value="{x}·{scale}[ + {offset}]", derivative="{scale}")

    def __post_init__(self) -> None:
        coerce_number_field(self, "scale")
        coerce_number_field(self, "offset")

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """x (n, d) -> x·scale + offset."""
        return x * x.dtype.type(self.scale) + x.dtype.type(self.offset), None

    def backward(
        self, gradient: Floats, saved: None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·scale."""
        return gradient * gradient.dtype.type(self.scale), {}

    def kernel(self) -> Kernel:
        """`rescale`, with its scale and offset."""
        return Kernel("rescale", (self.scale, self.offset))

    def as_scaling(self, statistics: SimpleNamespace) -> Scaling:
        """The same factor and offset for every feature."""
        return Scaling(scale=self.scale, offset=self.offset)
