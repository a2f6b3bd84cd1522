"""The operations of a network in JavaScript: a line for each statement, and the arrays that they name."""

from __future__ import annotations

import math
import re

import numpy as np

from pellucid.formats import expressions
from pellucid.formats.expressions import Expression, arithmetic
from pellucid.formats.javascript.functions import WORDS, number
from pellucid.formats.loops import (
    Statement,
    around,
    blocks_of,
    example_axes,
    place_in_loop,
    place_of,
    read_again,
    root_of,
    statements_of,
    strides_of,
)
from pellucid.formats.prediction import Prediction
from pellucid.program.operations import REDUCTIONS, Node
from pellucid.program.simplification import product_of
from pellucid.typing import Array


class JavaScriptProgram:
    """The lines from x, one example, to its scores z, and the arrays they name, whose names begin with the prefix."""

    def __init__(self, prediction: Prediction, prefix: str = "") -> None:
        self.prediction, self.prefix = prediction, prefix
        self.arrays: dict[str, Array] = {}
        self.lines: list[str] = []
        graph = prediction.graph
        self._wide, self._cuts = graph.before_dtype(), graph.cuts()
        self._names: dict[Node, str] = {graph.input: "z"}
        self._constants: dict[Node, str] = {}
        if prediction.codes:
            self.lines.append(
                f"checkCodes(x, {prediction.input_shape[-1]}, [{', '.join(map(str, prediction.codes))}]);"
            )
        self.lines.append(f"let z = {'Float64Array' if self._wide else self.numbers}.from(x);")
        for count, statement in enumerate(statements_of(graph)):
            node = statement.node
            ends_in_z = node in self._cuts
            name = "z" if ends_in_z else f"a{count}"
            words = ", ".join(layer for layer in graph.layers[slice(*statement.layers)] if layer)
            text = self._loop(statement) if statement.body else self._call(statement)
            head = "" if ends_in_z else "const "
            self.lines.append(f"{head}{name} = {text};{f' // {words}' if words else ''}")
            self._names[node] = name

    @property
    def numbers(self) -> str:
        """The array type of the network's precision."""
        return "Float64Array" if self.prediction.dtype == np.float64 else "Float32Array"

    def _name(self, node: Node) -> str:
        """The array that holds the result of a node, or a constant."""
        if not node.is_constant:
            return self._names[root_of(node)]
        if node not in self._constants:
            stem = name = f"{self.prefix}{node.name or 'constant'}{node.layer}"
            while name in self.arrays:
                name = f"{stem}_{len(self.arrays)}"
            assert node.value is not None
            self.arrays[name] = node.value
            self._constants[node] = name
        return self._constants[node]

    def _loop(self, statement: Statement) -> str:
        """All numbers of an array, one after the other."""
        node, texts = statement.node, dict[Node, Expression]()
        again, names = read_again(statement.body), list[str]()
        first = statement.reads[0]
        mapped = math.prod(first.example_shape) == math.prod(node.example_shape)
        mapped = mapped and (first in self._wide) == (node in self._wide)  # the array type stays
        for each in statement.body:
            if each.operation == "fill":
                texts[each] = expressions.number(number(each.options["value"]))
                continue
            operands = [texts.get(read) or self._operand(read, each, first if mapped else None) for read in each.inputs]
            texts[each] = arithmetic(each, operands, WORDS)
            if each in again:
                names.append(f"    const t{len(names)} = {texts[each].text};\n")
                texts[each] = Expression(f"t{len(names) - 1}")
        text = texts[node].text
        if names:
            text = f"{{\n{''.join(names)}    return {text};\n  }}"
        if mapped:
            arguments = "v, i" if re.search(r"\bi\b", text) else "v"
            return f"{self._name(first)}.map(({arguments}) => {text})"
        kind = "Float64Array" if node in self._wide else self.numbers
        return f"{kind}.from({{ length: {math.prod(node.example_shape)} }}, (_, i) => {text})"

    def _operand(self, read: Node, reader: Node, mapped: Node | None) -> Expression:
        """What stands for the number i of an array in a loop, or for v where the loop goes over that array."""
        if read.value is not None and (read.value.size == 1 or (read.value == read.value.flat[0]).all()):
            return expressions.number(number(self._rounded(read, reader)))
        at = place_in_loop(read, reader)
        if root_of(read) is mapped and at == "i":
            return Expression("v")
        return Expression(f"{self._array(read, reader)}[{self._index(at, reader)}]")

    def _array(self, read: Node, reader: Node) -> str:
        name = self._name(read)
        if read.value is not None:
            self._round(name, read, reader)
        return name

    def _round(self, name: str, constant: Node, reader: Node) -> None:
        """Constants of the network take its precision; those of scalings in front keep theirs."""
        assert constant.value is not None
        if constant.value.dtype.kind in "iub":
            self.arrays[name] = constant.value.astype(np.float64)
        elif reader not in self._wide:
            self.arrays[name] = constant.value.astype(self.prediction.dtype)

    def _rounded(self, constant: Node, reader: Node) -> float:
        assert constant.value is not None
        value = constant.value.flat[0].item()
        return value if reader in self._wide else float(str(self.prediction.dtype.type(value)))

    @staticmethod
    def _index(at: str, node: Node) -> str:
        channels = node.example_shape[-1] if node.example_shape else 1
        return {"j": f"i % {channels}", "p": f"Math.floor(i / {channels})"}.get(at, at.replace("INT", "Math.floor"))

    def _call(self, statement: Statement) -> str:
        node = statement.node
        if (parts := product_of(node)) is not None:
            x, weight, bias = parts
            names = [self._array(each, node) for each in (weight, *(() if bias is None else (bias,)))]
            if bias is not None and bias.value is not None and bias.value.size == 1:
                self.arrays[names[1]] = np.full(node.example_shape[-1], self.arrays[names[1]])
            return f"product({self._name(x)}, {node.shape[-1]}, {', '.join(names)})"
        names = [self._array(each, node) for each in node.inputs]
        if node.operation == "matmul":
            blocks, rows, inner, width, _ = blocks_of(node)
            return f"products({names[0]}, {names[1]}, {blocks}, {rows}, {inner}, {width})"
        if node.operation == "softmax":
            return f"softmax({names[0]}, {node.example_shape[-1]})"
        if node.operation in REDUCTIONS:
            axes = example_axes(node.inputs[0], node.options["axis"])
            sizes = around(node.inputs[0].example_shape, axes[0], axes[-1])
            return f"reduce({names[0]}, {', '.join(map(str, sizes))}, {_REDUCERS[node.operation]})"
        if node.operation == "take":
            return f"takeRows({names[0]}, {node.inputs[0].shape[-1]}, {names[1]})"
        if node.operation == "slice":
            (axis,) = example_axes(node.inputs[0], [node.options["axis"]])
            outer, length, inner = around(node.inputs[0].example_shape, axis, axis)
            start, stop = node.options["start"], node.options["stop"]
            if outer == 1:
                return f"{names[0]}.subarray({start * inner}, {stop * inner})"
            return f"part({names[0]}, {outer}, {length * inner}, {start * inner}, {stop * inner})"
        if node.operation == "concatenate":
            (axis,) = example_axes(node, [node.options["axis"]])
            outer = around(node.example_shape, axis, axis)[0]
            return f"concatenate({outer}, [{', '.join(names)}])"
        assert node.operation == "transpose", node.operation
        source = node.inputs[0]
        axes = example_axes(source, node.options["axes"])
        strides = strides_of(source.example_shape)
        place = place_of(node.example_shape, [strides[axis] for axis in axes])
        if place == "i":
            return names[0]
        return f"{names[0]}.map((_, i) => {names[0]}[{place.replace('INT', 'Math.floor')}])"


_REDUCERS = {
    "sum": "0, (a, b) => a + b",
    "mean": "0, (a, b) => a + b, true",
    "max": "-Infinity, (a, b) => Math.max(a, b)",
    "min": "Infinity, (a, b) => Math.min(a, b)",
}
"""Where each begins, what it does with one number more, and whether it divides by their count."""
