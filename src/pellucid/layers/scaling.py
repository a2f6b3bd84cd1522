"""Scaling of inputs, as layers: what was measured in training travels with the network."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from pellucid.kernel import Kernel
from pellucid.layers.base import Context, Gradients, Layer
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import check_number

_ROWS_AT_A_TIME = 4096  # statistics are summed over slices: the data may be far larger than its float64 copy could be


@dataclass(frozen=True)
class Standardize(Layer):
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

    scales_input: ClassVar[bool] = True

    def statistic_specs(self, input_shape: Shape) -> dict[str, tuple[Shape, float]]:
        """The mean and the scale of each feature."""
        return {"mean": (input_shape, 0.0), "scale": (input_shape, 1.0)}

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

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """X (n, d) -> (x − mean)·scale."""
        return (x - context.statistics.mean) * context.statistics.scale, None

    def backward(
        self, gradient: Floats, saved: None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·scale."""
        return gradient * context.statistics.scale, {}

    def kernel(self) -> Kernel:
        """`standardize`, with its statistics."""
        return Kernel("standardize")


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
    scales_input: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", check_number("scale", self.scale))
        object.__setattr__(self, "offset", check_number("offset", self.offset))

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """X (n, d) -> x·scale + offset."""
        return x * x.dtype.type(self.scale) + x.dtype.type(self.offset), None

    def backward(
        self, gradient: Floats, saved: None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·scale."""
        return gradient * gradient.dtype.type(self.scale), {}

    def kernel(self) -> Kernel:
        """`rescale`, with its scale and offset."""
        return Kernel("rescale", (self.scale, self.offset))
