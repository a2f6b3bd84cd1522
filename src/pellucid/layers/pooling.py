"""Pooling: one number for each window and channel, its maximum or its mean; and the way back, by repetition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.layers.windows import (
    PerAxis,
    Windows,
    at_tap,
    check_positions,
    coerce_axes_field,
    coerce_padding_field,
    per_axis,
    windows_over,
)
from pellucid.typing import Floats, Shape


class _Maximum(Layer):
    """What the layers that take the maximum have in common: the derivative goes to where it is, the first of equals."""

    formulas: ClassVar[Formulas] = Formulas(
        symbol="m",
        value="the largest {x} of each window",
        gradient="{g} at the first largest {x} of each window, 0 elsewhere, added up where windows overlap",
    )

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over inputs (*positions, c)."""
        raise NotImplementedError

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, tuple[Floats, Floats]]:
        """x (n, *positions, c) -> y (n, *windows, c); saved: x and y."""
        windows = self.windows(x.shape[1:])
        y = windows.of(x, -np.inf).max(axis=windows.tap_axes)
        y = y.reshape(len(x), *self.output_shape(x.shape[1:]))
        return y, (x, y)

    def backward(
        self, gradient: Floats, saved: tuple[Floats, Floats], parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """The gradient of each window at its first maximum."""
        x, y = saved
        windows = self.windows(x.shape[1:])
        shape = (len(x), *windows.outputs, x.shape[-1])
        gradient, largest = gradient.reshape(shape), y.reshape(shape)
        of_taps = windows.of(x, -np.inf)

        def parts() -> Iterator[Floats]:
            free = np.ones(shape, dtype=bool)  # no tap before was the maximum
            for tap in windows.taps:
                wins = free & (at_tap(of_taps, tap) == largest)
                free &= ~wins
                yield gradient * wins

        return windows.spread(parts()), {}

    def kernel(self) -> Kernel:
        """`max_pooling`: the windows say the rest."""
        return Kernel("max_pooling")


class _Mean(Layer):
    """What the layers that take the mean have in common: padding never counts."""

    formulas: ClassVar[Formulas] = Formulas(
        symbol="m",
        value="the mean of {x} over each window",
        gradient="{g} divided by the size of its window, added up where windows overlap",
    )

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over inputs (*positions, c)."""
        raise NotImplementedError

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Shape]:
        """x (n, *positions, c) -> y (n, *windows, c); saved: the shape of x."""
        windows = self.windows(x.shape[1:])
        y = windows.of(x).sum(axis=windows.tap_axes) / _counts(windows, x.dtype)
        return y.reshape(len(x), *self.output_shape(x.shape[1:])), x.shape

    def backward(
        self, gradient: Floats, saved: Shape, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """Each window's gradient to all of its positions alike."""
        windows = self.windows(saved[1:])
        each = gradient.reshape(saved[0], *windows.outputs, saved[-1]) / _counts(windows, gradient.dtype)
        return windows.spread(each for _ in windows.taps), {}

    def kernel(self) -> Kernel:
        """`average_pooling`: the windows say the rest."""
        return Kernel("average_pooling")


def _counts(windows: Windows, dtype: np.dtype[np.floating]) -> Floats:
    """How many positions of each window are no padding, (1, *windows, 1)."""
    ones = np.ones((1, *windows.positions, 1), dtype)
    return windows.of(ones).sum(axis=windows.tap_axes)


class _Sliding(Layer):
    """The fields of a pooling with windows."""

    rank: ClassVar[int]
    size: PerAxis
    stride: PerAxis | None
    padding: str

    def __post_init__(self) -> None:
        coerce_axes_field(self, "size", self.rank)
        if self.stride is not None:
            coerce_axes_field(self, "stride", self.rank)
        coerce_padding_field(self, self.rank, ("valid", "same"))

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over inputs (*positions, c)."""
        stride = self.size if self.stride is None else self.stride
        return windows_over(self, input_shape, self.size, stride, 1, self.padding, self.rank)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, c) -> (*windows, c)."""
        return (*self.windows(input_shape).outputs, input_shape[-1])


class _Global(Layer):
    """One window over all positions."""

    def windows(self, input_shape: Shape) -> Windows:
        """The window over inputs (*positions, c), as a sequence where there are more than two axes."""
        if len(input_shape) < 2:
            raise ValueError(
                f"{type(self).__name__} takes positions, (*positions, channels), but its input has the shape "
                f"{tuple(input_shape)}: omit it."
            )
        ones, positions = (1,) * (len(input_shape) - 1), tuple(input_shape[:-1])
        return Windows(positions, positions, ones, ones, ((0, 0),) * len(positions))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, c) -> (c,)."""
        self.windows(input_shape)
        return (input_shape[-1],)


@dataclass(frozen=True)
class MaxPooling1D(_Sliding, _Maximum):
    """The largest number of each window and channel of a sequence: x (n, time, c) -> y (n, windows, c).

    Parameters
    ----------
    size : int
        How many positions a window takes.
    stride : int or None
        How far it moves on; None: `size`.
    padding : {"valid", "same"} or int or (int, int)
        As in `Conv1D`; padding never wins. "valid": windows that do not fit are not used.

    Notes
    -----
    Of equal numbers the first has the gradient.
    """

    rank: ClassVar[int] = 1
    size: PerAxis
    stride: PerAxis | None = None
    padding: str = "valid"


@dataclass(frozen=True)
class MaxPooling2D(_Sliding, _Maximum):
    """The largest number of each window and channel of an image: x (n, height, width, c) -> y (n, rows, columns, c).

    Parameters
    ----------
    size : int or (int, int)
        How many positions a window takes along height and width.
    stride : int or (int, int) or None
        How far it moves on; None: `size`.
    padding : {"valid", "same"} or int or tuple
        As in `Conv2D`; padding never wins. "valid": windows that do not fit are not used.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.MaxPooling2D(2)]).build((4, 4, 1))
    >>> network.scores(np.arange(16.0).reshape(1, 4, 4, 1))[..., 0]
    array([[[ 5.,  7.],
            [13., 15.]]], dtype=float32)

    Notes
    -----
    Of equal numbers the first, row by row, has the gradient.
    """

    rank: ClassVar[int] = 2
    size: PerAxis
    stride: PerAxis | None = None
    padding: str = "valid"


@dataclass(frozen=True)
class AveragePooling1D(_Sliding, _Mean):
    """The mean of each window and channel of a sequence: x (n, time, c) -> y (n, windows, c).

    Parameters
    ----------
    size, stride, padding
        As in `MaxPooling1D`; padding does not count.
    """

    rank: ClassVar[int] = 1
    size: PerAxis
    stride: PerAxis | None = None
    padding: str = "valid"


@dataclass(frozen=True)
class AveragePooling2D(_Sliding, _Mean):
    """The mean of each window and channel of an image: x (n, height, width, c) -> y (n, rows, columns, c).

    Parameters
    ----------
    size, stride, padding
        As in `MaxPooling2D`; padding does not count.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.AveragePooling2D(3, stride=1, padding="same")]).build((2, 2, 1))
    >>> network.scores(np.arange(4.0).reshape(1, 2, 2, 1)).ravel()  # each window holds all four numbers
    array([1.5, 1.5, 1.5, 1.5], dtype=float32)
    """

    rank: ClassVar[int] = 2
    size: PerAxis
    stride: PerAxis | None = None
    padding: str = "valid"


@dataclass(frozen=True)
class GlobalMaxPooling(_Global, _Maximum):
    """The largest number of each channel over all positions: x (n, *positions, c) -> y (n, c).

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.GlobalMaxPooling()]).build((3, 2)).scores([[[1.0, 2.0], [5.0, 0.0], [3.0, 4.0]]])
    array([[5., 4.]], dtype=float32)
    """


@dataclass(frozen=True)
class GlobalAveragePooling(_Global, _Mean):
    """The mean of each channel over all positions: x (n, *positions, c) -> y (n, c).

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.GlobalAveragePooling()]).build((3, 2)).scores([[[1.0, 2.0], [5.0, 0.0], [3.0, 4.0]]])
    array([[3., 2.]], dtype=float32)

    Notes
    -----
    Source: Lin, Chen and Yan, "Network in network", 2014, section 3.2.
    """


@dataclass(frozen=True)
class UpSampling2D(Layer):
    """Each position several times: y[i, j] = x[i // size, j // size], x (n, height, width, c) -> (n, rows, columns, c).

    Parameters
    ----------
    size : int or (int, int)
        How many times along height and width.

    Raises
    ------
    ValueError
        If the input is no image.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.UpSampling2D(2)]).build((1, 2, 1)).scores([[[[3.0], [5.0]]]])[0, ..., 0]
    array([[3., 3., 5., 5.],
           [3., 3., 5., 5.]], dtype=float32)
    """

    size: PerAxis = 2
    formulas: ClassVar[Formulas] = Formulas(
        symbol="u", value="{x}, each position several times", gradient="the sum of {g} over the copies of a position"
    )

    def __post_init__(self) -> None:
        coerce_axes_field(self, "size", 2)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(height, width, c) -> (height·size, width·size, c)."""
        check_positions(self, input_shape, 2)
        down, across = per_axis(self.size, 2)
        return (input_shape[0] * down, input_shape[1] * across, input_shape[2])

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Shape]:
        """x (n, height, width, c) -> y; saved: the shape of x."""
        down, across = per_axis(self.size, 2)
        n, height, width, channels = x.shape
        y = x.reshape(n, height, 1, width, 1, channels)
        y = np.concatenate([y] * down, axis=2)
        y = np.concatenate([y] * across, axis=4)
        return y.reshape(n, height * down, width * across, channels), x.shape

    def backward(
        self, gradient: Floats, saved: Shape, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """The sum over the copies."""
        down, across = per_axis(self.size, 2)
        n, height, width, channels = saved
        return gradient.reshape(n, height, down, width, across, channels).sum(axis=(2, 4)), {}

    def kernel(self) -> Kernel:
        """`up_sampling`: the windows, in which a position has its copies, say the rest."""
        return Kernel("up_sampling")

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over the output that hold the copies of a position each."""
        size = per_axis(self.size, 2)
        rows, columns, _ = self.output_shape(input_shape)
        return Windows((rows, columns), size, size, (1, 1), ((0, 0), (0, 0)))
