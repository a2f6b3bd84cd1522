"""How the operations of a prediction are written in ONNX: the table the writer goes by, and no layer in it.

Contract: a function of `WRITERS` takes a `Place`, adds what computes the node, and returns the name of its output.
A function of `PATTERNS` does so for a node that ends something ONNX has one operator for, and returns None for any
other; what was written of it before is left out of the file, since nothing reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.formats.onnx.graph import Graph
from pellucid.program import operations
from pellucid.program.operations import Node
from pellucid.program.simplification import product_of
from pellucid.typing import Array


class Place(NamedTuple):
    """A node, and where it is written."""

    graph: Graph
    node: Node
    name_of: Callable[[Node], str]
    """The name of a node's result; of a constant, it puts the numbers into the file."""

    def write(self, operator: str, *reads: Node | Array | float, **attributes: Any) -> str:
        """One operator behind results and numbers."""
        names = (
            self.name_of(each) if isinstance(each, Node) else self.graph.constant(each, "number") for each in reads
        )
        return self.graph.node(operator, *names, **attributes)


Writer = Callable[[Place], str]


def _operator(name: str, **attributes: Any) -> Writer:
    return lambda place: place.write(name, *place.node.inputs, **attributes)


def _reduction(name: str) -> Writer:
    def write(place: Place) -> str:
        axes, keepdims = np.array(place.node.options["axis"]), int(place.node.options["keepdims"])
        return place.write(name, place.node.inputs[0], axes, keepdims=keepdims)

    return write


def _square(place: Place) -> str:
    return place.write("Mul", *2 * place.node.inputs)


def _expm1(place: Place) -> str:
    return place.graph.node("Sub", place.write("Exp", *place.node.inputs), place.graph.constant(1.0, "one"))


def _log1p(place: Place) -> str:
    return place.graph.node("Log", place.write("Add", *place.node.inputs, 1.0))


def _reshape(place: Place) -> str:
    return place.write("Reshape", *place.node.inputs, np.array(place.node.options["shape"]))


def _slice(place: Place) -> str:
    start, stop, axis = (np.array([place.node.options[name]]) for name in ("start", "stop", "axis"))
    return place.write("Slice", *place.node.inputs, start, stop, axis)


def _fill(place: Place) -> str:
    shape = place.write("Shape", *place.node.inputs)
    return place.graph.node("Expand", place.graph.constant(place.node.options["value"], "number"), shape)


def _cast(dtype: type) -> Writer:
    return lambda place: place.graph.cast(place.name_of(place.node.inputs[0]), dtype)


WRITERS: dict[str, Writer] = {
    "add": _operator("Add"),
    "subtract": _operator("Sub"),
    "multiply": _operator("Mul"),
    "divide": _operator("Div"),
    "power": _operator("Pow"),
    "maximum": _operator("Max"),
    "minimum": _operator("Min"),
    "negative": _operator("Neg"),
    "absolute": _operator("Abs"),
    "square": _square,
    "sqrt": _operator("Sqrt"),
    "exp": _operator("Exp"),
    "expm1": _expm1,
    "log": _operator("Log"),
    "log1p": _log1p,
    "tanh": _operator("Tanh"),
    "cos": _operator("Cos"),
    "sin": _operator("Sin"),
    "sigmoid": _operator("Sigmoid"),
    "softplus": _operator("Softplus"),
    "erf": _operator("Erf"),
    "greater": _operator("Greater"),
    "greater_equal": _operator("GreaterOrEqual"),
    "less": _operator("Less"),
    "less_equal": _operator("LessOrEqual"),
    "logical_and": _operator("And"),
    "where": _operator("Where"),
    "sum": _reduction("ReduceSum"),
    "mean": _reduction("ReduceMean"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "matmul": _operator("MatMul"),
    "softmax": _operator("Softmax", axis=-1),
    "reshape": _reshape,
    "transpose": lambda place: place.write("Transpose", *place.node.inputs, perm=place.node.options["axes"]),
    "slice": _slice,
    "concatenate": lambda place: place.write("Concat", *place.node.inputs, axis=place.node.options["axis"]),
    "fill": _fill,
    "take": _operator("Gather", axis=0),
    "to_integer": _cast(np.int64),
    "to_dtype": _cast(np.float32),
}
"""Every operation of `pellucid.program.operations`, by its name there."""


# -- several operations that are one operator ------------------------------------------------------------------------


def _number_in(node: Node) -> tuple[float, Node] | None:
    """(c, x) of an operation between a single number c and x, in any order."""
    for number, x in (node.inputs, node.inputs[::-1]) if len(node.inputs) == 2 else ():
        if number.value is not None and number.value.size == 1 and x.shape == node.shape:
            return float(number.value.item()), x
    return None


def _gemm(place: Place) -> str | None:
    """x W + b of rows."""
    parts = product_of(place.node)
    if parts is None or len(place.node.shape) != 2:
        return None
    x, weight, bias = parts
    return place.write("Gemm", x, weight, *(() if bias is None else (bias,)))


def _clip(place: Place) -> str | None:
    """max(x, 0), and min(max(x, c), d)."""
    outer = _number_in(place.node)
    if outer is None or place.node.operation not in ("maximum", "minimum"):
        return None
    inner = _number_in(outer[1])
    if place.node.operation == "minimum" and outer[1].operation == "maximum" and inner is not None:
        return place.write("Clip", inner[1], inner[0], outer[0])
    return place.write("Relu", outer[1]) if (place.node.operation, outer[0]) == ("maximum", 0.0) else None


def _bent(place: Place) -> str | None:
    """Where x > 0, x or a multiple of it, else a multiple of x or of exp x − 1."""
    if place.node.operation != "where":
        return None
    condition, above, below = place.node.inputs
    if condition.operation != "greater" or condition.inputs[1].value is None or condition.inputs[1].value.any():
        return None
    x = condition.inputs[0]
    above_factor, below_factor = _multiple_of(above, x), _multiple_of(below, x)
    if above is x and below_factor is not None:
        if below_factor.name:
            return place.write("PRelu", x, below_factor)
        return place.write("LeakyRelu", x, alpha=_single(below_factor)) if _single(below_factor) is not None else None
    factor = _number_in(below) if below.operation == "multiply" else (1.0, below)
    gamma = 1.0 if above is x else None if above_factor is None else _single(above_factor)
    if factor is None or gamma is None or gamma <= 0 or not _is_exponential(factor[1], x):
        return None
    if above is x:
        return place.write("Elu", x, alpha=factor[0])
    return place.write("Selu", x, alpha=factor[0] / gamma, gamma=gamma)


def _multiple_of(node: Node, x: Node) -> Node | None:
    """The constant c of c·x: a number, or one for each feature."""
    if node.operation != "multiply" or x not in node.inputs or node.shape != x.shape:
        return None
    factor = node.inputs[1 - node.inputs.index(x)]
    return factor if factor.value is not None and factor.value.ndim < 2 else None


def _single(constant: Node) -> float | None:
    assert constant.value is not None
    return float(constant.value.item()) if constant.value.size == 1 else None


def _is_exponential(node: Node, x: Node) -> bool:
    """Whether it is exp(min(x, 0)) − 1."""
    inner = node.inputs[0] if node.operation == "expm1" else node
    return inner.operation == "minimum" and node is not inner and _number_in(inner) == (0.0, x)


PATTERNS: Sequence[Callable[[Place], str | None]] = (_gemm, _clip, _bent)


def write(graph: Graph, prediction: operations.Graph, source: str, prefix: str) -> str:
    """A prediction from the value `source` on; the name of its output.

    In front of `to_dtype` the graph computes in float64, from there on in float32. Constants have the names of our
    parameters: `prefix`, the layer's path, and theirs in the layer.
    """
    wide, names, constants = (
        prediction.before_dtype(),
        {prediction.input: source},
        dict[tuple[Node, np.dtype[Any]], str](),
    )
    for node in prediction:
        if node.is_constant or node is prediction.input:
            continue
        graph.dtype = np.dtype(np.float64 if node in wide else np.float32)

        def name_of(read: Node, node: Node = node) -> str:
            dtype = np.dtype({"f": graph.dtype.name, "i": "int64", "b": "bool"}[_kind_read(node, read)])
            if read.value is None:
                return names[read] if read.kind == _kind_read(node, read) else graph.cast(names[read], dtype)
            if (read, dtype) not in constants:
                before, graph.prefix = graph.prefix, f"{prefix}{prediction.paths[read.layer]}."
                constants[read, dtype] = graph.constant(read.value.astype(dtype), read.name or "number")
                graph.prefix = before
            return constants[read, dtype]

        graph.prefix = f"{prefix}{prediction.paths[node.layer]}."
        place = Place(graph, node, name_of)
        written = (pattern(place) for pattern in PATTERNS)
        names[node] = next((name for name in written if name is not None), "") or WRITERS[node.operation](place)
    graph.prefix = prefix
    return names[prediction.output]


def _kind_read(node: Node, read: Node) -> str:
    """What an operation reads an operand as, numbers, whole numbers or truth values: ONNX mixes none of them."""
    if node.operation in ("take", "to_integer") or (node.operation == "where" and read is node.inputs[0]):
        return read.kind
    kinds = [each.kind for each in node.inputs]
    return node.kind if node.kind != "b" else max(kinds, key="bif".index)
