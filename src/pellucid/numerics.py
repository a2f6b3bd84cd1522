"""Functions of numbers that NumPy has not, each once for the whole library: stable in every range, any shape.

Contract: an `operation` computes in NumPy, and is one operation where a computation is recorded on symbols
(`pellucid.program.symbols`): a language then writes it in its own words.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pellucid.typing import Floats


def operation(function: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """A function of one array that symbols record under its name."""

    @functools.wraps(function)
    def call(z: Floats) -> Floats:
        record = getattr(z, "record_operation", None)
        return function(z) if record is None else record(function.__name__, z)

    return call


@operation
def sigmoid(z: Floats) -> Floats:
    """1/(1 + e⁻ᶻ) as ½(1 + tanh(z/2)), which cannot overflow."""
    half = z.dtype.type(0.5)
    return half * (1 + np.tanh(half * z))


def logistic(z: Floats) -> Floats:
    """1/(1 + e⁻ᶻ) to full relative precision where it is close to 0, so that its logarithm is right."""
    small = np.exp(-np.abs(z))
    return np.where(z < 0, small, z.dtype.type(1)) / (1 + small)


@operation
def softmax(z: Floats) -> Floats:
    """exp(zⱼ − max z)/Σₖ exp(zₖ − max z) over the last axis."""
    a = z - np.maximum.reduce(z, axis=-1, keepdims=True)  # (n, d)
    np.exp(a, out=a)
    a /= np.add.reduce(a, axis=-1, keepdims=True)
    return a


@operation
def softplus(z: Floats) -> Floats:
    """log(1 + eᶻ), without overflow."""
    return np.logaddexp(z, z.dtype.type(0))


@operation
def erf(z: Floats) -> Floats:
    """The error function, number by number."""
    return np.asarray(_scalar_erf(z)).astype(z.dtype)


_scalar_erf = np.frompyfunc(math.erf, 1, 1)


def windows(
    x: Floats,
    *,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    value: float = 0.0,
) -> Floats:
    """Windows that slide over positions: x (n, *positions, c) -> (n, *outputs, *size, c), a view of the padded x.

    Every option has an entry for each axis of positions: how many numbers a window takes, how far it moves on, how far
    its numbers lie apart, and how many times `value` stands before and behind.
    """
    if any(map(any, padding)):
        x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)
    rank = len(size)
    if not isinstance(x, np.ndarray):  # symbols
        return _windows_by_slices(x, size, stride, dilation)
    spans = tuple((count - 1) * apart + 1 for count, apart in zip(size, dilation, strict=True))
    view = sliding_window_view(x, spans, axis=tuple(range(1, rank + 1)))  # (n, *starts, c, *spans)
    every, steps = slice(None), [[slice(None, None, step) for step in steps] for steps in (stride, dilation)]
    places: tuple[Any, ...] = (every, *steps[0], every, *steps[1])
    return np.moveaxis(view[places], rank + 1, -1)


def _windows_by_slices(x: Any, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """`windows` of a padded x, put together of a slice for each tap: of operations that every language has."""
    parts: list[Any] = []
    counts = tuple(
        (n - (taps - 1) * apart - 1) // step + 1
        for n, taps, step, apart in zip(x.shape[1:], size, stride, dilation, strict=False)
    )
    room = [(0, 0), *((0, step - 1) for step in stride), (0, 0)]  # behind the last window, for its share of a stride
    x = np.pad(x, room) if any(step > 1 for step in stride) else x
    for tap in itertools.product(*map(range, size)):
        part = x
        for axis, (place, apart, step, count) in enumerate(zip(tap, dilation, stride, counts, strict=True), start=1):
            every = (slice(None),) * axis
            places: Any = (*every, slice(place * apart, place * apart + count * step))
            part = part[places]
            if step > 1:
                part = part.reshape(*part.shape[:axis], count, step, *part.shape[axis + 1 :])
                places = (*every, slice(None), slice(0, 1))
                part = part[places]
                part = part.reshape(*part.shape[: axis + 1], *part.shape[axis + 2 :])
        parts.append(part.reshape(*part.shape[:-1], 1, part.shape[-1]))
    taps = np.concatenate(parts, axis=-2) if len(parts) > 1 else parts[0]
    return taps.reshape(*taps.shape[:-2], *size, taps.shape[-1])
