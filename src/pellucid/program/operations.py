"""The operations that every layer comes to, each with its meaning in NumPy.

Contract: a `Node` is one operation on the results of others; `OPERATIONS[node.operation](*inputs, **node.options)`
computes it. A language (NumPy, C, JavaScript, ONNX, PyTorch) has to know these operations, and no layer. A node's shape
has None at the axis along which the examples of a batch lie; a node without one is the same for every example. All
numbers are float64 here and are rounded where they are written; `to_dtype` marks where that begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid import numerics
from pellucid.typing import Array, Floats

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "power": np.power,
    "maximum": np.maximum, "minimum": np.minimum,
    "negative": np.negative, "absolute": np.absolute, "square": np.square, "sqrt": np.sqrt,
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh, "cos": np.cos, "sin": np.sin,
    "sigmoid": numerics.sigmoid, "softplus": numerics.softplus, "erf": numerics.erf,
    "greater": np.greater, "greater_equal": np.greater_equal, "less": np.less, "less_equal": np.less_equal,
    "logical_and": np.logical_and, "where": np.where,
}  # fmt: skip
"""Number by number; shapes are broadcast as in NumPy."""

REDUCTIONS: dict[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}
"""Over the axes `axis` (a tuple), which stay as 1 with `keepdims`."""


def _reshape(x: Array, shape: tuple[int, ...]) -> Array:
    return x.reshape(shape)


def _slice(x: Array, axis: int, start: int, stop: int) -> Array:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _concatenate(*parts: Array, axis: int) -> Array:
    return np.concatenate(parts, axis)


def _fill(x: Array, value: float) -> Array:
    return np.full(x.shape, value)


def _transpose(x: Array, axes: tuple[int, ...]) -> Array:
    return x.transpose(axes)


def _take(table: Array, rows: Array) -> Array:
    return table[rows]


def _to_integer(x: Array) -> Array:
    return x.astype(np.int64)


def _to_dtype(x: Floats) -> Floats:
    return x


OPERATIONS: dict[str, Callable[..., Any]] = {
    **ARITHMETIC,
    **REDUCTIONS,
    "matmul": np.matmul,
    "softmax": numerics.softmax,  # over the last axis
    "reshape": _reshape,  # shape: -1 where the examples lie
    "transpose": _transpose,
    "slice": _slice,  # axis, start, stop
    "concatenate": _concatenate,  # axis
    "fill": _fill,  # one number, `value`, in the shape of another array
    "take": _take,  # rows of a table, by whole numbers
    "to_integer": _to_integer,
    "to_dtype": _to_dtype,  # from here on in the precision of the network
}
"""Every operation by name. `input` and `constant` are nodes that compute nothing."""


@dataclass(frozen=True, eq=False)
class Node:
    """One operation at work.

    Parameters
    ----------
    operation : str
        A key of `OPERATIONS`, "input" or "constant".
    inputs : tuple of Node
        What it reads.
    options : mapping
        The operation's keyword arguments.
    shape : tuple of int or None
        Of its result; None at the axis of the examples.
    layer : int
        The layer that it is a part of; −1 for the input.
    value : array or None
        A constant's numbers, float64 or int64.
    name : str
        A constant's name in its layer: "weight", "mean", …; "" where it has none.
    kind : {"f", "i", "b"}
        Of its result: numbers, whole numbers or truth values.
    rows : int
        How many places each example has along the axis of the examples: more than 1 behind a reshape of (n, m, d) to
        (n·m, d).
    """

    operation: str
    inputs: tuple[Node, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int | None, ...] = ()
    layer: int = -1
    value: Array | None = None
    name: str = ""
    kind: str = "f"
    rows: int = 1

    @property
    def is_constant(self) -> bool:
        """Whether it is a number or array that does not depend on the input."""
        return self.value is not None

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape for one example: without the axis of the examples, where it has one place along it."""
        return tuple(self.rows if size is None else size for size in self.shape if size is not None or self.rows > 1)

    @property
    def example_axis(self) -> int | None:
        """The axis that the shape for one example is without."""
        return self.shape.index(None) if None in self.shape and self.rows == 1 else None

    def compute(self, values: Sequence[Array]) -> Array:
        """Its result for those of its inputs."""
        result: Array = OPERATIONS[self.operation](*values, **self.options)
        return result


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes from an input (n, *shape) to an output."""

    input: Node
    output: Node
    layers: tuple[str, ...] = ()
    """Each layer as one would type it, by its index; "" for one that does nothing in prediction."""
    paths: tuple[str, ...] = ()
    """Each layer's name in the network: "3", or "3.1" within a container."""

    def __iter__(self) -> Iterator[Node]:
        """Every node that the output needs, each behind those it reads."""
        return iter(_ordered(self.output, self.input))

    def readers(self) -> dict[Node, int]:
        """How many times each node is read; the output once more."""
        counts: dict[Node, int] = {self.output: 1}
        for node in self:
            for read in node.inputs:
                counts[read] = counts.get(read, 0) + 1
        return counts

    def cuts(self) -> set[Node]:
        """The nodes through which everything behind them depends on the input: no later one reads past them."""
        nodes = [node for node in self if not node.is_constant]
        last_reader = {read: place for place, node in enumerate(nodes) for read in node.inputs}
        cuts, open_until = set(), -1
        for place, node in enumerate(nodes):
            if open_until <= place:
                cuts.add(node)
            open_until = max(open_until, last_reader.get(node, place))
        return cuts

    def before_dtype(self) -> set[Node]:
        """The nodes that work on the data's own numbers, in float64: those in front of `to_dtype`."""
        border = next((node for node in self if node.operation == "to_dtype"), None)
        return set() if border is None else set(_ordered(border, self.input)) - {border}

    def run(self, x: Array) -> Array:
        """The output for x (n, *shape), computed in float64: what every language is to return but for rounding."""
        results: dict[Node, Array] = {}
        for node in self:
            if node is self.input:
                results[node] = np.asarray(x, np.float64)
            elif node.value is not None:
                results[node] = node.value
            else:
                results[node] = node.compute([results[read] for read in node.inputs])
        return results[self.output]


def constant(value: Any, layer: int = -1, name: str = "") -> Node:
    """A number or an array: whole numbers and truth values stay what they are, others become float64."""
    array = np.asarray(value)
    if array.dtype.kind not in "iub":
        array = array.astype(np.float64)
    return Node("constant", shape=array.shape, layer=layer, value=array, name=name, kind=kind_of(array))


def kind_of(array: Array) -> str:
    """Whether an array holds numbers, whole numbers or truth values: "f", "i" or "b"."""
    return {"u": "i"}.get(array.dtype.kind, array.dtype.kind)


def _ordered(output: Node, source: Node) -> list[Node]:
    """Depth first from the source on, without recursion: a program may be long."""
    order: dict[Node, None] = {source: None}
    waiting = [(output, iter(output.inputs))]
    while waiting:
        node, inputs = waiting[-1]
        read = next((each for each in inputs if each not in order), None)
        if read is None:
            order[node] = None
            waiting.pop()
        else:
            waiting.append((read, iter(read.inputs)))
    return list(order)
