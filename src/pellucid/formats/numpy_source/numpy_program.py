"""The operations of a network in NumPy: lines, the arrays that they name, and the functions that they call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pellucid.formats import expressions
from pellucid.formats.expressions import ATOM, INFIX, PRODUCT, Expression, arithmetic, infix
from pellucid.formats.prediction import Prediction
from pellucid.program.operations import ARITHMETIC, Graph, Node
from pellucid.typing import Array

_WIDTH = 100  # an expression that is longer gets a line of its own

_METHODS: dict[str, Callable[[Node], str]] = {
    **dict.fromkeys(("sum", "mean", "max", "min"), lambda node: f"{node.operation}({_axes(node)})"),
    "reshape": lambda node: f"reshape({', '.join(map(str, node.options['shape']))})",
    "transpose": lambda node: f"transpose({', '.join(map(str, node.options['axes']))})",
    "to_integer": lambda node: "astype(np.int64)",
}

FUNCTIONS = {
    "sigmoid": '''\
def sigmoid(z):
    """1 / (1 + exp(-z)), in a form that cannot overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))''',
    "softplus": '''\
def softplus(z):
    """log(1 + exp(z)), without overflow."""
    return np.logaddexp(z, z.dtype.type(0))''',
    "erf": '''\
def erf(z):
    """The error function, which NumPy has not, number by number."""
    return np.array([math.erf(value) for value in z.ravel()], dtype=z.dtype).reshape(z.shape)''',
    "softmax": '''\
def softmax(z):
    """exp(z) / sum(exp(z)) over the last axis; the shift by the largest number keeps exp from overflowing."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)''',
    "mean": '''\
def mean(parts):
    """The mean over the networks, the first axis, summed in double precision."""
    return np.mean(parts, axis=0, dtype=np.float64).astype(parts[0].dtype)''',
}
"""What the lines call and NumPy has not, in the order in which it is written."""


class NumpyProgram:
    """The lines that compute a network's scores z from x, the arrays they name, and the functions they call."""

    def __init__(self, prediction: Prediction, prefix: str = "") -> None:
        self.prediction, self.prefix = prediction, prefix
        self.arrays: dict[str, Array] = {}
        self.functions: set[str] = set()
        self.lines: list[str] = []
        self._graph: Graph = prediction.graph
        self._wide, self._cuts = self._graph.before_dtype(), self._graph.cuts()
        self._texts: dict[Node, Expression] = {}
        self._names: dict[Node, str] = {}
        self.start = "float64" if self._wide else prediction.dtype.name
        self._count, self._written, readers = 0, 0, self._graph.readers()
        nodes = [node for node in self._graph if not node.is_constant]
        for node, following in zip(nodes, [*nodes[1:], None], strict=True):
            text = Expression("z") if node is self._graph.input else self._expression(node)
            ends = (following is not None and following.layer != node.layer) or following is None
            if node is not self._graph.input and (ends or readers[node] > 1 or len(text.text) > _WIDTH):
                text = Expression(self._assign(node, text.text, ends))
            self._texts[node] = text

    def _assign(self, node: Node, text: str, ends: bool) -> str:
        """A line; the name of its result: z at the end of a layer, where nothing behind it reads the z before."""
        if ends and node in self._cuts:
            name = "z"
        else:
            self._count += 1
            name = f"a{self._count}"
        if text != name:
            words = self._words(node) if ends else ""
            shape = ", ".join("n" if size is None else str(size) for size in node.shape)
            comment = f"  # {words}: ({shape})" if words else ""
            self.lines.append(f"{name} = {text}{comment}")
        return name

    def _words(self, node: Node) -> str:
        """The layers that end with a node, from the last one that did."""
        layers = self._graph.layers[self._written : node.layer + 1]
        self._written = node.layer + 1
        return ", ".join(layer for layer in layers if layer)

    def _expression(self, node: Node) -> Expression:
        operation, operands = node.operation, [self._operand(read, node) for read in node.inputs]
        first = operands[0].within(ATOM)
        if operation == "to_dtype":
            return Expression(f"{first}.astype(np.{self.prediction.dtype.name})")
        if operation in INFIX or operation == "negative":
            return arithmetic(node, operands, {})
        if operation == "matmul":
            return infix("@", PRODUCT, *operands)
        if operation in _METHODS:
            return Expression(f"{first}.{_METHODS[operation](node)}")
        if operation == "slice":
            places = ":, " * node.options["axis"] + f"{node.options['start']}:{node.options['stop']}"
            return Expression(f"{first}[{places}]")
        if operation == "take":
            return Expression(f"{first}[{operands[1].text}]")
        if operation == "fill":
            return Expression(f"np.full_like({operands[0].text}, {_number(node.options['value'])})")
        listed = ", ".join(each.text for each in operands)
        if operation == "concatenate":
            return Expression(f"np.concatenate([{listed}], axis={node.options['axis']})")
        if operation in FUNCTIONS:
            self.functions.add(operation)
            return Expression(f"{operation}({listed})")
        return Expression(f"np.{operation}({listed})")

    def _operand(self, read: Node, reader: Node) -> Expression:
        return self._constant(read, reader) if read.is_constant else self._texts[read]

    def _constant(self, node: Node, reader: Node) -> Expression:
        """A number, or the name of an array of the file."""
        values = node.value
        assert values is not None
        precise = reader in self._wide
        others = [each for each in reader.inputs if each is not node]
        spreads = values.ndim == 0 or any(each.shape == reader.shape for each in others)
        if reader.operation in ARITHMETIC and spreads and (values == values.flat[0]).all():
            number = values.flat[0].item()
            return expressions.number(_number(number if precise else self.prediction.dtype.type(number)))
        if node not in self._names:
            stem = name = f"{self.prefix}{node.name or 'constant'}_{node.layer}"
            while name in self.arrays:
                name = f"{stem}_{len(self.arrays)}"
            self._names[node] = name
            whole = values.dtype.kind in "iub"
            self.arrays[name] = values if whole or precise else values.astype(self.prediction.dtype)
        return Expression(self._names[node])


def _number(value: Any) -> str:
    """A number of Python."""
    return str(value) if math.isfinite(value) else f"float('{value}')"


def _axes(node: Node) -> str:
    axes = node.options["axis"]
    return f"axis={axes[0] if len(axes) == 1 else axes}" + (", keepdims=True" if node.options["keepdims"] else "")
