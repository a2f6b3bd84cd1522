"""Whole numbers in place of real ones: grids, factors, and what a layer computes on them.

`run` of each operation computes what the program in C computes, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.typing import Array, Floats

LOW, HIGH = -128, 127
"""The numbers of a byte."""


@dataclass(frozen=True)
class Grid:
    """How numbers are kept as whole ones: r = step·(q − zero), q from low to high."""

    step: float
    zero: int
    low: int = LOW
    high: int = HIGH

    def quantize(self, values: Floats) -> Array:
        """The nearest whole numbers, (…) int64."""
        return np.clip(np.floor(values / self.step + 0.5) + self.zero, self.low, self.high).astype(np.int64)

    def real(self, q: Array) -> Floats:
        """What whole numbers stand for."""
        return self.step * (q - self.zero)


class Multiplier(NamedTuple):
    """Factors as whole numbers m and shifts s: each is m·2⁻ˢ, 2³⁰ <= |m| < 2³¹, to 30 bits."""

    number: Array
    shift: Array

    @staticmethod
    def of(factors: Floats) -> Multiplier:
        """The factors (d,), rounded."""
        fraction, exponent = np.frexp(factors)  # fraction·2^exponent, ½ <= |fraction| < 1
        number, shift = np.round(fraction * 2.0**31).astype(np.int64), 31 - exponent.astype(np.int64)
        too_large = np.abs(number) == 2**31
        number, shift = np.where(too_large, number // 2, number), np.where(too_large, shift - 1, shift)
        vanishing = shift > 62
        number, shift = np.where(vanishing, 0, number), np.where(vanishing, 1, shift)
        if (shift < 1).any():
            raise ValueError("A layer's outputs are so much smaller than its sums that int8 cannot hold them.")
        return Multiplier(number.astype(np.int32), shift.astype(np.uint8))

    def apply(self, sums: Array) -> Array:
        """The sums times the factors, rounded half away from zero: what `rescaled` does in C."""
        product = sums.astype(np.int64) * self.number.astype(np.int64)
        shift = self.shift.astype(np.int64)
        half = np.int64(1) << (shift - 1)
        return np.sign(product) * ((np.abs(product) + half) >> shift)


class Origin(NamedTuple):
    """Where an operation comes from: the index of a layer, the layers as one would type them, and what comes out."""

    layer: int
    label: str
    width: int


@dataclass(frozen=True, eq=False)
class QuantizedDense:
    """Sums of products and what brings them into the output's units; a ReLU ends at the lowest number of the output."""

    origin: Origin
    weight: Array
    """(units, inputs) int8."""
    bias: Array
    """(units,) int32; the input's zero is in it."""
    multiplier: Multiplier
    output: Grid

    def run(self, q: Array) -> Array:
        """(n, inputs) -> (n, units); sums in float64, which holds every one of them exactly."""
        sums = np.rint(q.astype(np.float64) @ self.weight.T.astype(np.float64)).astype(np.int64) + self.bias
        return np.clip(self.multiplier.apply(sums) + self.output.zero, self.output.low, self.output.high)


@dataclass(frozen=True, eq=False)
class QuantizedTable:
    """An activation: its value at each of the 256 numbers."""

    origin: Origin
    table: Array
    output: Grid

    def run(self, q: Array) -> Array:
        """(n, d) -> (n, d)."""
        return self.table.astype(np.int64)[q - LOW]


@dataclass(frozen=True, eq=False)
class QuantizedLargest:
    """The largest of each `pieces` numbers; their grid stays."""

    origin: Origin
    pieces: int
    output: Grid

    def run(self, q: Array) -> Array:
        """(n, d·pieces) -> (n, d)."""
        return q.reshape(len(q), -1, self.pieces).max(axis=2)


@dataclass(frozen=True, eq=False)
class QuantizedLines:
    """A line for each feature, bent at 0: factor(positive or negative)·(q − zero) + offset."""

    origin: Origin
    zero: int
    positive: Multiplier
    negative: Multiplier
    offset: Array
    """(d,) int32, the output's zero in it."""
    output: Grid

    def run(self, q: Array) -> Array:
        """(n, d) -> (n, d)."""
        r = q - self.zero
        lines = np.where(r > 0, self.positive.apply(r), self.negative.apply(r)) + self.offset
        return np.clip(lines, self.output.low, self.output.high)


Operation = QuantizedDense | QuantizedTable | QuantizedLargest | QuantizedLines
