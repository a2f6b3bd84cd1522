"""Convolution: the same small function of a neighbourhood, at every position.

All of it is correlation, with the kernel as it lies: y at a position is the sum over the kernel's taps of x at the tap
times the tap's matrix (c_in × filters). So one product serves a dense layer and a convolution: a tap is a dense layer
on rows that are shifted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from pellucid.formulas import Formulas
from pellucid.initializers import Fans, Initializer, find_initializer
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.layers.windows import (
    Padding,
    PerAxis,
    Windows,
    at_tap,
    check_positions,
    coerce_axes_field,
    coerce_padding_field,
    per_axis,
    sides_of,
    windows_over,
)
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_integer_field


class SlidingKernel(Layer):
    """What the layers with a kernel (*size, c_in/groups, filters) have in common."""

    preferred_initializer: ClassVar[str | None] = "glorot_uniform"  # a layer in front of this one is linear
    rank: ClassVar[int] = 2
    """The number of axes of positions."""
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    """The paddings that have a name."""
    formulas: ClassVar[Formulas] = Formulas(
        symbol="z",
        value="{x} ⋆ {weight}[ + {bias}]",
        gradient="{g}·{weight}ᵀ at each tap, added up where the windows overlap",
        parameters={"weight": ("W", "Σ {x}ᵀ·{g} at each tap, over rows and windows"), "bias": ("b", "Σ {g}")},
        where="⋆ adds up, over the taps of the kernel, {x} at the tap times the tap's matrix",
    )

    kernel_size: PerAxis
    stride: PerAxis
    padding: Padding
    dilation: PerAxis
    bias: bool
    weight_initializer: Initializer | str | None
    bias_initializer: Initializer | str

    def __post_init__(self) -> None:
        for field in ("kernel_size", "stride", "dilation"):
            coerce_axes_field(self, field, self.rank)
        coerce_padding_field(self, self.rank, self.paddings)
        if self.weight_initializer is not None:
            initializer = find_initializer(self.weight_initializer, "weight_initializer")
            object.__setattr__(self, "weight_initializer", initializer)
        if self.bias_initializer != "zeros":
            object.__setattr__(self, "bias_initializer", find_initializer(self.bias_initializer, "bias_initializer"))
        if not isinstance(self.bias, bool):
            raise TypeError(f"bias must be True or False, not {self.bias!r}.")

    def filters_of(self, channels: int) -> int:
        """The number of channels of the output, for that of the input."""
        raise NotImplementedError

    def groups_of(self, channels: int) -> int:
        """The number of groups of channels that do not meet."""
        raise NotImplementedError

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over inputs (*positions, c_in)."""
        return windows_over(self, input_shape, self.kernel_size, self.stride, self.dilation, self.padding, self.rank)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, c_in) -> (*windows, filters)."""
        return (*self.windows(input_shape).outputs, self.filters_of(input_shape[-1]))

    def fans(self, channels: int) -> Fans:
        """The numbers that meet in one output, and the outputs that one number of the input has with stride 1."""
        taps, groups = math.prod(per_axis(self.kernel_size, self.rank)), self.groups_of(channels)
        return Fans(taps * channels // groups, taps * self.filters_of(channels) // groups)

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The kernel (*kernel_size, c_in/groups, filters), named weight, penalized, and the bias (filters,), not."""
        channels, size = input_shape[-1], per_axis(self.kernel_size, self.rank)
        filters, groups, weight = self.filters_of(channels), self.groups_of(channels), self.weight_initializer
        specs = {
            "weight": ParameterSpec(
                (*size, channels // groups, filters),
                None if weight is None else find_initializer(weight, "weight_initializer"),
                penalized=True,
                fans=self.fans(channels),
            )
        }
        if self.bias:
            start = find_initializer(self.bias_initializer, "bias_initializer")
            specs["bias"] = ParameterSpec((filters,), start, penalized=False)
        return specs

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """x (n, *positions, c_in) -> y (n, *windows, filters); saved: x."""
        y = correlate(x, parameters.weight, self.windows(x.shape[1:]), self.groups_of(x.shape[-1]))
        return (y + parameters.bias if self.bias else y), x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats | None, Gradients]:
        """Gradient (n, *windows, filters), saved = x (n, *positions, c_in) -> gradients of x, W and b."""
        windows, groups = self.windows(saved.shape[1:]), self.groups_of(saved.shape[-1])
        gradients = {"weight": kernel_gradient(saved, gradient, windows, groups)}
        if self.bias:
            gradients["bias"] = as_rows(gradient).sum(axis=0)  # (filters,)
        if not context.input_gradient:
            return None, gradients
        turned = transposed(parameters.weight, groups)  # (*size, filters/groups, c_in)
        return windows.spread(tap_product(gradient, turned[tap], groups) for tap in windows.taps), gradients


@dataclass(frozen=True)
class _Convolution(SlidingKernel):
    """The fields of the convolutions."""

    filters: int
    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: Padding = "valid"
    dilation: PerAxis = 1
    groups: int = 1
    bias: bool = True
    weight_initializer: Initializer | str | None = None
    bias_initializer: Initializer | str = "zeros"

    def __post_init__(self) -> None:
        coerce_integer_field(self, "filters", minimum=1)
        coerce_integer_field(self, "groups", minimum=1)
        super().__post_init__()
        if self.filters % self.groups:
            raise ValueError(f"groups must divide the number of filters, {self.filters}, but it is {self.groups}.")

    def filters_of(self, channels: int) -> int:
        """The filters."""
        return self.filters

    def groups_of(self, channels: int) -> int:
        """The groups, which must divide the channels."""
        if channels % self.groups:
            raise ValueError(f"groups must divide the number of input channels, {channels}, but it is {self.groups}.")
        return self.groups

    def kernel(self) -> Kernel | None:
        """The core has one group of channels."""
        return Kernel("convolution") if self.groups == 1 else None


@dataclass(frozen=True)
class Conv1D(_Convolution):
    """Filters that slide along a sequence: y[t] = Σₖ x[t·stride + k·dilation] W[k] + b.

    x is (n, time, c_in), W (kernel_size, c_in/groups, filters), y (n, windows, filters). With g the gradient of the
    loss with respect to y: ∂W[k] = Σₜ x[t·stride + k·dilation]ᵀ g[t], and ∂x is g[t] W[k]ᵀ, added up where windows
    overlap.

    Parameters
    ----------
    filters : int
        The number of channels of the output, at least 1.
    kernel_size : int
        How many positions a filter sees.
    stride : int
        How far it moves on from one output to the next.
    padding : {"valid", "same", "causal"} or int or (int, int)
        Zeros around the sequence. "valid": none; windows that do not fit are not used. "same": ⌈time/stride⌉ outputs,
        the odd zero behind. "causal": all in front, so that no output sees what comes later. A number: on both sides;
        two: in front and behind.
    dilation : int
        How far apart the positions are that a filter sees.
    groups : int
        Into how many groups the channels are divided; each filter sees one group. Divides c_in and `filters`.
    bias : bool
        False: without b.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows (He for ReLU, Glorot otherwise), with
        fan-in kernel_size·c_in/groups and fan-out kernel_size·filters/groups.
    bias_initializer : Initializer or str
        What b starts from.

    Raises
    ------
    ValueError
        If the input is no sequence, a filter does not fit on it, or `groups` does not divide the channels.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Conv1D(1, 2)]).build((4, 1))
    >>> network.set("0.weight", [[[-1.0]], [[1.0]]])  # the difference of neighbours
    >>> network.scores([[[1.0], [2.0], [4.0], [8.0]]])[..., 0]
    array([[1., 2., 4.]], dtype=float32)

    Notes
    -----
    Correlation: the kernel is not flipped. Source: as `Conv2D`; dilation and causal padding: van den Oord and others,
    "WaveNet", 2016, section 2.1.
    """

    rank: ClassVar[int] = 1
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same", "causal")


@dataclass(frozen=True)
class Conv2D(_Convolution):
    """Filters that slide over an image: y[i, j] = Σₖₗ x[i·stride + k·dilation, j·stride + l·dilation] W[k, l] + b.

    x is (n, height, width, c_in), W (kh, kw, c_in/groups, filters), y (n, rows, columns, filters). With g the gradient
    of the loss with respect to y: ∂W[k, l] = Σᵢⱼ x[…]ᵀ g[i, j], and ∂x is g[i, j] W[k, l]ᵀ, added up where windows
    overlap.

    Parameters
    ----------
    filters : int
        The number of channels of the output, at least 1.
    kernel_size : int or (int, int)
        How many positions a filter sees along height and width.
    stride : int or (int, int)
        How far it moves on from one output to the next.
    padding : {"valid", "same"} or int or tuple
        Zeros around the image. "valid": none; windows that do not fit are not used. "same": ⌈height/stride⌉ times
        ⌈width/stride⌉ outputs, the odd zero on the right and at the bottom. A number: on all sides; (height, width): on
        both sides of each axis; ((top, bottom), (left, right)): on each side.
    dilation : int or (int, int)
        How far apart the positions are that a filter sees.
    groups : int
        Into how many groups the channels are divided; each filter sees one group. Divides c_in and `filters`.
    bias : bool
        False: without b.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows (He for ReLU, Glorot otherwise), with
        fan-in kh·kw·c_in/groups and fan-out kh·kw·filters/groups.
    bias_initializer : Initializer or str
        What b starts from.

    Raises
    ------
    ValueError
        If the input is no image, a filter does not fit on it, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Conv2D(1, 2, stride=2)]).build((4, 4, 1))
    >>> network.set("0.weight", np.full((2, 2, 1, 1), 0.25))  # the mean of four neighbours
    >>> network.scores(np.arange(16.0).reshape(1, 4, 4, 1))[..., 0]
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]], dtype=float32)

    Notes
    -----
    Correlation: the kernel is not flipped. Keras's layout of the kernel, and PyTorch's numbers where the kernel is
    turned to (filters, c_in, kh, kw). Sources: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to
    document recognition", 1998, section II; Dumoulin and Visin, "A guide to convolution arithmetic", 2016.
    """


@dataclass(frozen=True)
class DepthwiseConv2D(SlidingKernel):
    """Filters that each see one channel: `Conv2D` with as many groups as there are channels.

    x is (n, height, width, c), W (kh, kw, 1, c·multiplier), y (n, rows, columns, c·multiplier): the filters of the
    first channel come first. Behind it, Conv2D(filters, 1) mixes the channels: together they are a separable
    convolution.

    Parameters
    ----------
    kernel_size : int or (int, int)
        How many positions a filter sees along height and width.
    multiplier : int
        How many filters each channel has.
    stride, padding, dilation
        As in `Conv2D`.
    bias : bool
        False: without b.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows, with fan-in kh·kw and fan-out
        kh·kw·multiplier.
    bias_initializer : Initializer or str
        What b starts from.

    Raises
    ------
    ValueError
        If the input is no image, or a filter does not fit on it.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Network([pl.DepthwiseConv2D(3, multiplier=2)]).build((8, 8, 5)).get("0.weight").shape
    (3, 3, 1, 10)

    Notes
    -----
    Source: Chollet, "Xception", CVPR 2017, section 3.
    """

    kernel_size: PerAxis
    multiplier: int = 1
    stride: PerAxis = 1
    padding: Padding = "valid"
    dilation: PerAxis = 1
    bias: bool = True
    weight_initializer: Initializer | str | None = None
    bias_initializer: Initializer | str = "zeros"

    def __post_init__(self) -> None:
        coerce_integer_field(self, "multiplier", minimum=1)
        super().__post_init__()

    def kernel(self) -> Kernel:
        """`depthwise_convolution`: shapes and windows say the rest."""
        return Kernel("depthwise_convolution")

    def filters_of(self, channels: int) -> int:
        """`multiplier` of each channel."""
        return channels * self.multiplier

    def groups_of(self, channels: int) -> int:
        """One of each channel."""
        return channels


@dataclass(frozen=True)
class Conv2DTranspose(_Convolution):
    """What takes an image apart is put together: the derivative of `Conv2D` with respect to its input, as a layer.

    y is b plus x[i, j] W[k, l], added up at (i·stride + k·dilation, j·stride + l·dilation). x is (n, height, width,
    c_in), W (kh, kw, c_in/groups, filters), and y has (height − 1)·stride + span rows without padding, span =
    (kh − 1)·dilation + 1: with a stride it enlarges. With g the gradient of the loss with respect to y, ∂x is the
    `Conv2D` of g with the kernel's matrices transposed.

    Parameters
    ----------
    filters, kernel_size, stride, dilation, groups, bias, bias_initializer
        As in `Conv2D`.
    padding : {"valid", "same"} or int or tuple
        How much of the sum is cut off at its sides. "valid": nothing. "same": as much as leaves height·stride times
        width·stride; where the kernel is smaller than the stride, what is missing is b. Numbers: as in `Conv2D`.
    weight_initializer : Initializer or str or None
        What W starts from. None: what suits the activation that follows, with fan-in kh·kw·c_in/(groups·stride²), the
        numbers that meet in one output.

    Raises
    ------
    ValueError
        If the input is no image, nothing is left of the sum, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Conv2DTranspose(1, 2, stride=2)]).build((1, 2, 1))
    >>> network.set("0.weight", np.ones((2, 2, 1, 1)))
    >>> network.scores([[[[3.0], [5.0]]]])[0, ..., 0]
    array([[3., 3., 5., 5.],
           [3., 3., 5., 5.]], dtype=float32)

    Notes
    -----
    PyTorch's numbers with output_padding=0 (Keras adds rows of b where the kernel is smaller than the stride, also for
    "valid"). Source: Dumoulin and Visin, "A guide to convolution arithmetic", 2016, chapter 4.
    """

    formulas: ClassVar[Formulas] = Formulas(
        symbol="z",
        value="{x}·{weight} at each tap, added up where the windows overlap[, + {bias}]",
        gradient="{g} ⋆ {weight}ᵀ",
        parameters={"weight": ("W", "Σ {x}ᵀ·{g} at each tap, over rows and windows"), "bias": ("b", "Σ {g}")},
        where="⋆ adds up, over the taps of the kernel, {g} at the tap times the tap's matrix",
    )

    def kernel(self) -> None:
        """The reference engine's alone."""

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over the *output*, which are as many as the input has positions."""
        check_positions(self, input_shape, self.rank)
        positions = tuple(input_shape[:-1])
        size, stride, dilation = (per_axis(each, self.rank) for each in (self.kernel_size, self.stride, self.dilation))
        spans = tuple((count - 1) * apart + 1 for count, apart in zip(size, dilation, strict=True))
        whole = tuple((n - 1) * step + span for n, step, span in zip(positions, stride, spans, strict=True))
        if self.padding == "same":
            outputs = tuple(n * step for n, step in zip(positions, stride, strict=True))
            sides = sides_of("same", outputs, spans, stride)
        else:
            sides = sides_of(self.padding, positions, spans, stride)
            outputs = tuple(n - sum(cut) for n, cut in zip(whole, sides, strict=True))
        for axis, n, span, cut in zip(("height", "width"), whole, spans, sides, strict=True):
            if max(cut) >= span or n - sum(cut) < 1:
                raise ValueError(
                    f"the padding cuts {cut[0]} and {cut[1]} positions off the {axis}, which has {n}, and a window "
                    f"reaches over {span}: at least one must be left, and less than a window be cut off."
                )
        return Windows(outputs, size, stride, dilation, sides)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(height, width, c_in) -> (rows, columns, filters)."""
        return (*self.windows(input_shape).positions, self.filters_of(input_shape[-1]))

    def fans(self, channels: int) -> Fans:
        """The numbers that meet in one output, and the outputs that one number of the input has."""
        inputs, outputs = super().fans(channels)
        return Fans(max(inputs // math.prod(per_axis(self.stride, self.rank)), 1), outputs)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        """x (n, height, width, c_in) -> y (n, rows, columns, filters); saved: x."""
        windows, groups, weight = self.windows(x.shape[1:]), self.groups_of(x.shape[-1]), parameters.weight
        if isinstance(x, np.ndarray):
            y = windows.spread(tap_product(x, weight[tap], groups) for tap in windows.taps)
        else:  # on symbols, which nothing can be added into: the same as a correlation
            y = correlate(zeros_between(x, windows), backwards(weight), _around(windows), groups)
        return (y + parameters.bias if self.bias else y), x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats | None, Gradients]:
        """Gradient (n, rows, columns, filters), saved = x (n, height, width, c_in) -> gradients of x, W and b."""
        windows, groups = self.windows(saved.shape[1:]), self.groups_of(saved.shape[-1])
        of_turned = kernel_gradient(gradient, saved, windows, groups)  # (*size, filters/groups, c_in)
        gradients = {"weight": transposed(of_turned, groups)}
        if self.bias:
            gradients["bias"] = as_rows(gradient).sum(axis=0)  # (filters,)
        if not context.input_gradient:
            return None, gradients
        return correlate(gradient, transposed(parameters.weight, groups), windows, groups), gradients


# -- products at taps --------------------------------------------------------------------------------------------------


def correlate(x: Floats, kernel: Floats, windows: Windows, groups: int) -> Floats:
    """Σ over taps of x at the tap times the tap's matrix.

    x (n, *positions, c), kernel (*size, c/groups, filters) -> (n, *outputs, filters).
    """
    inputs, filters = kernel.shape[-2:]
    if groups > 1 and inputs > 1:
        parts = (
            (x[..., g * inputs : (g + 1) * inputs], kernel[..., g * filters // groups : (g + 1) * filters // groups])
            for g in range(groups)
        )
        return np.concatenate([correlate(of_x, matrices, windows, 1) for of_x, matrices in parts], axis=-1)
    view = windows.of(x)  # (n, *outputs, *size, c)
    if not isinstance(x, np.ndarray):
        return _product_of_symbols(view, kernel, windows, groups)
    if groups == 1:  # a row of taps lies in one piece: one product serves all of it
        view = view.reshape(*view.shape[:-2], -1)  # (n, *outputs, *size but the last, last·c)
        kernel = kernel.reshape(*kernel.shape[:-3], -1, filters)
    total: Floats | None = None
    for tap in np.ndindex(kernel.shape[:-2]):
        part = tap_product(at_tap(view, tap), kernel[tap], groups)  # (n, *outputs, filters)
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total


def _product_of_symbols(view: Floats, kernel: Floats, windows: Windows, groups: int) -> Floats:
    """The windows (n, *outputs, *size, c) as rows times the kernel as a matrix: one operation, which languages know."""
    filters, before = kernel.shape[-1], view.shape[: 1 + len(windows.size)]
    if groups == 1:
        return view.reshape(*before, -1) @ kernel.reshape(-1, filters)
    own = kernel.reshape(*windows.size, groups, filters // groups)
    return (view[..., None] * own).sum(axis=windows.tap_axes).reshape(*before, filters)


def tap_product(x: Floats, matrix: Floats, groups: int) -> Floats:
    """x (…, c) times the matrix of a tap (c/groups, filters), group by group: (…, filters)."""
    if groups == 1:
        return x @ matrix
    inputs, filters = matrix.shape[0], matrix.shape[1] // groups
    if inputs == 1:
        return (x[..., None] * matrix.reshape(groups, filters)).reshape(*x.shape[:-1], -1)
    return np.concatenate(
        [x[..., g * inputs : (g + 1) * inputs] @ matrix[:, g * filters : (g + 1) * filters] for g in range(groups)],
        axis=-1,
    )


def kernel_gradient(x: Floats, gradient: Floats, windows: Windows, groups: int) -> Floats:
    """xᵀ g at each tap: x (n, *positions, c), g (n, *outputs, filters) -> (*size, c/groups, filters)."""
    inputs, filters = x.shape[-1] // groups, gradient.shape[-1] // groups
    result = np.empty((*windows.size, inputs, groups * filters), gradient.dtype)
    of_groups = as_rows(gradient).reshape(-1, groups, filters).transpose(1, 0, 2)  # (groups, windows, filters/groups)
    view = windows.of(x)  # (n, *outputs, *size, c)
    for tap in windows.taps:
        rows = at_tap(view, tap).reshape(-1, groups, inputs).transpose(1, 2, 0)
        of_tap = rows @ of_groups  # (groups, c/groups, windows) @ (groups, windows, filters/groups)
        result[tap] = of_tap.transpose(1, 0, 2).reshape(inputs, groups * filters)
    return result


def transposed(kernel: Floats, groups: int) -> Floats:
    """Each group's matrices transposed: (*size, c/groups, filters) -> (*size, filters/groups, c)."""
    *size, inputs, filters = kernel.shape
    own = kernel.reshape(*size, inputs, groups, filters // groups)
    return np.moveaxis(own, -1, -3).swapaxes(-1, -2).reshape(*size, filters // groups, groups * inputs)


def zeros_between(x: Floats, windows: Windows) -> Floats:
    """x (n, *positions, c) with stride − 1 zeros between two positions."""
    for axis, stride in enumerate(windows.stride, start=1):
        shape = x.shape
        apart = x.reshape(*shape[: axis + 1], 1, *shape[axis + 1 :])
        apart = np.pad(apart, [(0, stride - 1) if each == axis + 1 else (0, 0) for each in range(apart.ndim)])
        x = apart.reshape(*shape[:axis], shape[axis] * stride, *shape[axis + 1 :])
        inside: Any = (*(slice(None),) * axis, slice(0, (shape[axis] - 1) * stride + 1))
        x = x[inside]
    return x


def backwards(kernel: Floats) -> Floats:
    """The taps of a kernel (*size, a, b) in the opposite order."""
    taps = kernel.reshape(-1, *kernel.shape[-2:])
    return np.concatenate([taps[k : k + 1] for k in reversed(range(len(taps)))], axis=0).reshape(*kernel.shape)


def _around(windows: Windows) -> Windows:
    """The windows over what `zeros_between` returns: a correlation with stride 1, as many as the sum has positions."""
    inputs = tuple((n - 1) * stride + 1 for n, stride in zip(windows.outputs, windows.stride, strict=True))
    along = zip(windows.positions, inputs, windows.spans, windows.padding, strict=True)
    padding = tuple((span - 1 - before, n - m + before) for n, m, span, (before, _) in along)
    return Windows(inputs, windows.size, (1,) * len(inputs), windows.dilation, padding)
