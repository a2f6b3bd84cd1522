"""What the names in an ONNX graph stand for while it is read.

A dense network is a chain: the input, and one step after the other. Reading a node answers a new value, and changes
none; so a value can be compared by identity, and several nodes that together are one layer are known by their chain:
x·σ(x) is the product of a chain and of the same chain with a sigmoid behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from pellucid.layers.layer import Layer
from pellucid.typing import Array, Floats, Shape


@dataclass(frozen=True, eq=False)
class Linear:
    """y = x W + b; W (d_in, d_out), b (d_out,)."""

    weight: Floats
    bias: Floats | None = None


@dataclass(frozen=True, eq=False)
class AffineValue:
    """y = (x − center)·scale + offset, each a number or one for each feature, in float64."""

    center: Floats
    scale: Floats
    offset: Floats


@dataclass(frozen=True, eq=False)
class Clip:
    """y = x within [low, high], either of which may be infinite."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Function:
    """A function that is no layer by itself, but a part of some: exp, erf, a power. `number` is its parameter."""

    name: str
    number: float = 0.0


@dataclass(frozen=True, eq=False)
class Whole:
    """A layer of Pellucid, with its parameters and statistics by name."""

    layer: Layer
    numbers: dict[str, Floats] = field(default_factory=dict)


Step: TypeAlias = Linear | AffineValue | Clip | Function | Whole


@dataclass(frozen=True, eq=False)
class Chain:
    """The rows as they are behind some steps: (rows, *shape)."""

    shape: Shape
    parent: Chain | None = None
    step: Step | None = None

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return math.prod(self.shape)

    def then(self, step: Step, shape: Shape | None = None) -> Chain:
        """This chain with one step more."""
        return Chain(self.shape if shape is None else shape, self, step)

    def links(self) -> Iterator[Chain]:
        """This chain, what it was before its last step, and so on to the input."""
        chain: Chain | None = self
        while chain is not None:
            yield chain
            chain = chain.parent

    def before(self, layer: type[Layer]) -> Chain | None:
        """What stands before the last step, if that is a layer of this class."""
        return self.parent if isinstance(self.step, Whole) and type(self.step.layer) is layer else None

    def argument(self, name: str) -> Chain | None:
        """What stands before the last step, if that is the function of this name."""
        return self.parent if isinstance(self.step, Function) and self.step.name == name else None


@dataclass(frozen=True, eq=False)
class Pair:
    """The probabilities of no and yes, 1 − p and p, of a chain p."""

    chain: Chain


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided from a chain: `argmax`, the place of a row's largest number, or `threshold`, whether it is
    above one; with the names of the classes where they are told.
    """

    chain: Chain
    by: str
    threshold: float = 0.0
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Named:
    """Probabilities (a chain or a pair) with the names of their classes."""

    of: Chain | Pair
    classes: tuple[str, ...] | None


Value: TypeAlias = Array | Chain | Pair | Decision | Named
"""Arrays are the graph's constants."""


def size_of(value: Value) -> int:
    """How many numbers a value holds by itself, without what stands before it."""
    if not isinstance(value, Chain):
        return getattr(value, "size", 0)
    step = value.step
    if isinstance(step, Linear):
        return step.weight.size + (0 if step.bias is None else step.bias.size)
    if isinstance(step, AffineValue):
        return step.center.size + step.scale.size + step.offset.size
    return sum(array.size for array in step.numbers.values()) if isinstance(step, Whole) else 0
