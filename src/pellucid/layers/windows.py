"""Windows that slide over positions: what convolution and pooling have in common.

A window takes `size` numbers along each axis of positions, its *taps*, which lie `dilation` apart, and moves on by
`stride`. Over n positions with a padding (before, after) there are ⌊(n + before + after − span)/stride⌋ + 1 windows,
span = (size − 1)·dilation + 1: windows that do not fit are not used. "same" pads so that there are ⌈n/stride⌉ of them,
the odd one on the right and at the bottom; "causal" pads in front alone, so that no window looks ahead.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from pellucid import numerics
from pellucid.layers.layer import Layer
from pellucid.typing import Floats, Shape
from pellucid.validation import check_choice, check_integer

AXES = {1: ("time",), 2: ("height", "width")}
"""The names of the axes of positions, by their number."""

PerAxis: TypeAlias = int | tuple[int, ...]
"""A whole number for all axes of positions, or one for each."""

Padding: TypeAlias = str | int | tuple[Any, ...]
"""A name, or a number of positions: for all sides, for both sides of each axis, or for each side of each axis."""

Sides: TypeAlias = tuple[tuple[int, int], ...]
"""The padding before and behind, for each axis of positions."""


@dataclass(frozen=True)
class Windows:
    """The windows over arrays (n, *positions, c)."""

    positions: Shape
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Sides

    @property
    def spans(self) -> tuple[int, ...]:
        """How many positions a window reaches over, by axis."""
        return tuple((size - 1) * apart + 1 for size, apart in zip(self.size, self.dilation, strict=True))

    @property
    def padded(self) -> Shape:
        """The number of positions with the padding, by axis."""
        return tuple(n + sum(sides) for n, sides in zip(self.positions, self.padding, strict=True))

    @property
    def outputs(self) -> Shape:
        """The number of windows, by axis."""
        along = zip(self.padded, self.spans, self.stride, strict=True)
        return tuple((n - span) // stride + 1 for n, span, stride in along)

    @property
    def taps(self) -> Iterator[tuple[int, ...]]:
        """The places in a window, row by row."""
        return itertools.product(*map(range, self.size))

    def as_numbers(self) -> tuple[int, ...]:
        """As the native core takes them, with two axes: positions, size, stride, dilation, padding before, windows."""
        rank = len(self.positions)
        if rank > 2:  # one window over everything: a line of positions
            count = math.prod(self.positions)
            return (1, count, 1, count, 1, 1, 1, 1, 0, 0, 1, 1)
        front = tuple(before for before, _ in self.padding)
        axes = (self.positions, self.size, self.stride, self.dilation, front, self.outputs)
        fill = (1, 1, 1, 1, 0, 1)
        return tuple(each for numbers, one in zip(axes, fill, strict=True) for each in ((one,) * (2 - rank) + numbers))

    @property
    def tap_axes(self) -> tuple[int, ...]:
        """The axes of the taps in an array of windows (n, *outputs, *size, c)."""
        rank = len(self.size)
        return tuple(range(1 + rank, 1 + 2 * rank))

    def of(self, x: Floats, value: float = 0.0) -> Floats:
        """The windows of x (n, *positions, c), padded with a value: (n, *outputs, *size, c)."""
        return numerics.windows(
            x, size=self.size, stride=self.stride, dilation=self.dilation, padding=self.padding, value=value
        )

    def spread(self, parts: Iterable[Floats]) -> Floats:
        """The derivative of `of`: what belongs to each tap, (n, *outputs, c), added up where it came from.

        `parts` are those of all taps, row by row; the sum is (n, *positions, c), without the padding.
        """
        total: Any = None
        for tap, part in zip(self.taps, parts, strict=True):
            if total is None:
                total = np.zeros((len(part), *self.padded, part.shape[-1]), part.dtype)
            along = zip(tap, self.dilation, self.stride, self.outputs, strict=True)
            places = (slice(None), *(slice(k * d, k * d + (count - 1) * s + 1, s) for k, d, s, count in along))
            total[places] += part
        sides = zip(self.positions, self.padding, strict=True)
        inside = (slice(None), *(slice(before, before + n) for n, (before, _) in sides))
        return total[inside]


def at_tap(windows: Floats, tap: tuple[int, ...]) -> Floats:
    """What windows (…, *size, c) hold at one tap, (…, c)."""
    place: tuple[Any, ...] = (Ellipsis, *tap, slice(None))
    return windows[place]


@runtime_checkable
class SlidesOverPositions(Protocol):
    """A layer whose native form has its windows for numbers."""

    def windows(self, input_shape: Shape) -> Windows:
        """The windows over inputs (*positions, c)."""


def windows_over(
    layer: Layer, input_shape: Shape, size: PerAxis, stride: PerAxis, dilation: PerAxis, padding: Padding, rank: int
) -> Windows:
    """The windows of a layer over an input (*positions, c), or a ValueError that says why there are none."""
    check_positions(layer, input_shape, rank)
    positions = tuple(input_shape[:-1])
    sizes, strides, dilations = (per_axis(value, rank) for value in (size, stride, dilation))
    spans = tuple((count - 1) * apart + 1 for count, apart in zip(sizes, dilations, strict=True))
    sides = sides_of(padding, positions, spans, strides)
    for axis, n, span, around in zip(AXES[rank], positions, spans, sides, strict=True):
        if span > n + sum(around):
            padded = f", {n + sum(around)} with its padding" if any(around) else ""
            raise ValueError(
                f"the window reaches over {span} positions of the {axis}, but the input {tuple(input_shape)} has "
                f"{n}{padded}: take a smaller window or padding='same'.{_channels_first(input_shape, rank)}"
            )
    return Windows(positions, sizes, strides, dilations, sides)


def check_positions(layer: Layer, input_shape: Shape, rank: int) -> None:
    """Raise unless an input is (*positions, c) with as many axes of positions."""
    if len(input_shape) == rank + 1:
        return
    axes = ", ".join((*AXES[rank], "channels"))
    kind = "sequences" if rank == 1 else "images"
    raise ValueError(
        f"{type(layer).__name__} takes {kind} ({axes}), but its input has the shape {tuple(input_shape)}: "
        f"{_way_there(tuple(input_shape), rank)}"
    )


def _way_there(shape: Shape, rank: int) -> str:
    """What brings an example of some shape to (*positions, c)."""
    if len(shape) > rank + 1:
        return f"put a Reshape(…) to {rank + 1} axes in front, or take a layer for more positions."
    if len(shape) == rank:  # the channels are missing
        return f"add a Reshape({(*shape, 1)}) in front."
    for channels in (1, 3):
        side = math.isqrt(shape[0] // channels)
        if side * side * channels == shape[0] and side > 1:
            return f"add a Reshape({(side, side, channels)}) in front."
    return f"add a Reshape(({', '.join((*AXES[rank], 'channels'))})) in front."


def _channels_first(shape: Shape, rank: int) -> str:
    """A hint where an image seems to have its channels first."""
    if rank == 2 and shape[0] in (1, 2, 3, 4) and shape[0] < min(shape[1:]):
        return (
            " If its first axis holds the channels, bring them last: numpy.moveaxis(x, 1, -1) of the data "
            "(n, channels, height, width)."
        )
    return ""


def sides_of(padding: Padding, positions: Shape, spans: Sequence[int], strides: Sequence[int]) -> Sides:
    """The padding before and behind, by axis, of a checked value of `padding`."""
    rank = len(positions)
    if padding == "valid":
        return ((0, 0),) * rank
    if padding == "causal":
        return tuple((span - 1, 0) for span in spans)
    if padding == "same":
        missing = (
            max((-(-n // stride) - 1) * stride + span - n, 0)
            for n, span, stride in zip(positions, spans, strides, strict=True)
        )
        return tuple((total // 2, total - total // 2) for total in missing)
    if isinstance(padding, int):
        return ((padding, padding),) * rank
    if rank == 1:
        return (tuple(padding),)
    return tuple((side, side) if isinstance(side, int) else tuple(side) for side in padding)


def per_axis(value: PerAxis, rank: int) -> tuple[int, ...]:
    """A number for each axis of positions."""
    return (value,) * rank if isinstance(value, int) else value


def coerce_axes_field(layer: Layer, field: str, rank: int) -> None:
    """Keep a field as a plain whole number of at least 1, or as a tuple of one for each axis where they differ."""
    value = getattr(layer, field)
    if not isinstance(value, tuple | list):
        numbers: tuple[int, ...] = (check_integer(field, value, minimum=1),)
    elif len(value) != rank:
        axes = "(time,)" if rank == 1 else "(height, width)"
        raise ValueError(f"{field} must be a whole number, or one for each axis, {axes}, not {tuple(value)}.")
    else:
        numbers = tuple(
            check_integer(f"{field} along the {axis}", each, minimum=1)
            for axis, each in zip(AXES[rank], value, strict=True)
        )
    object.__setattr__(layer, field, numbers[0] if len(set(numbers)) == 1 else numbers)


def coerce_padding_field(layer: Any, rank: int, words: Sequence[str]) -> None:
    """Keep `padding` as one of some words, or as plain whole numbers in the shortest form that says the same."""
    value = layer.padding
    if isinstance(value, str):
        check_choice("padding", value, words)
        return
    if not isinstance(value, tuple | list):
        object.__setattr__(layer, "padding", check_integer("padding", value, minimum=0))
        return
    given = [value] if rank == 1 else value
    if len(given) != rank or any(isinstance(each, tuple | list) and len(each) != 2 for each in given):
        forms = "(before, after)" if rank == 1 else "(height, width) or ((top, bottom), (left, right))"
        raise ValueError(f"padding must be {', '.join(map(repr, words))}, a whole number or {forms}, not {value!r}.")
    sides = [
        tuple(
            check_integer("padding", side, minimum=0) for side in (each if isinstance(each, tuple | list) else [each])
        )
        for each in given
    ]
    short: list[Any] = [each[0] if len(set(each)) == 1 else each for each in sides]
    shortest = short[0] if len(set(short)) == 1 and (rank == 1 or isinstance(short[0], int)) else tuple(short)
    object.__setattr__(layer, "padding", shortest)
