"""A prediction in float arithmetic: the body of `NAME_scores`.

Static arrays serve as buffers; one is used again as soon as nothing needs what it holds. A loop may write where it
reads. What comes last is written where the scores are wanted, and so is what is then changed in place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pellucid.formats import expressions
from pellucid.formats.c_source.expressions import WORDS
from pellucid.formats.c_source.text import Constants, comment, number, single
from pellucid.formats.expressions import PRODUCT, SUM, Expression, arithmetic, infix
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
from pellucid.program.operations import REDUCTIONS, Graph, Node
from pellucid.program.simplification import product_of
from pellucid.typing import Array


@dataclass
class FloatBody:
    """The lines of a function from `x` to `scores`, its constants, and the buffers it needs."""

    constants: Constants = field(default_factory=Constants)
    lines: list[str] = field(default_factory=list)
    buffers: dict[str, int] = field(default_factory=dict)
    result: str = "scores"
    """Where the outcome is wanted."""
    prefix: str = ""
    """What the names of buffers begin with."""
    finish: str = ""
    """What the last loop does with number i, {}, in place of storing it; "" where it stores it."""

    @property
    def memory(self) -> int:
        """Bytes of static memory."""
        return 4 * sum(self.buffers.values())

    def declarations(self) -> list[str]:
        """The buffers."""
        return [f"static float {name}[{size}];" for name, size in self.buffers.items()]

    def write(self, prediction: Prediction) -> None:
        """All operations, from `x` to the result."""
        graph, source = prediction.graph, "x"
        if prediction.codes:
            source = self._buffer("checked", prediction.inputs)
            counts = self.constants.array("code_counts", np.array(prediction.codes, dtype=np.int32))
            width = prediction.input_shape[-1]
            rows = ("r", prediction.inputs // width)
            at = _plus(_at([(*rows, width)]))
            call = f"codes(x{at}, {width}, {len(prediction.codes)}, {counts}, {source}{at});"
            self.lines += _nested([rows], call)
        self.write_graph(graph, source)

    def write_graph(self, graph: Graph, source: str) -> None:
        """A graph, from an array of its input to the result."""
        _GraphWriter(self, graph, source).write()

    def _buffer(self, name: str, size: int) -> str:
        full = f"{self.prefix}{name}"
        self.buffers[full] = max(size, self.buffers.get(full, 0))
        return full


class _GraphWriter:
    """The statements of one graph, and where each finds and leaves its numbers."""

    def __init__(self, body: FloatBody, graph: Graph, source: str) -> None:
        self.body, self.graph = body, graph
        self.wide = graph.before_dtype()
        self.statements = statements_of(graph)
        self.places = {graph.input: source}
        self.names: dict[tuple[Node, bool], str] = {}
        self.last_use: dict[Node, int] = {}
        for count, statement in enumerate(self.statements):
            for read in statement.reads:
                for each in self._bases(read):
                    self.last_use[each] = count
        self.in_result = {root_of(graph.output)} if body.finish else self._in_result()

    def _bases(self, node: Node) -> list[Node]:
        """The node, and those whose array it is a part of."""
        bases = [node]
        while self._is_view(node):
            node = root_of(node.inputs[0])
            bases.append(node)
        return bases

    def _is_view(self, node: Node) -> bool:
        """Whether it is a stretch of another array, and needs none of its own."""
        if node.operation != "slice" or node is root_of(self.graph.output):
            return False
        (axis,) = example_axes(node.inputs[0], [node.options["axis"]])
        return math.prod(node.inputs[0].example_shape[:axis]) == 1

    def _in_result(self) -> set[Node]:
        """The nodes that are written where the result is wanted: the last one, and what it changes in place."""
        node, chosen = root_of(self.graph.output), set[Node]()
        by_node = {statement.node: (count, statement) for count, statement in enumerate(self.statements)}
        while node in by_node:
            chosen.add(node)
            count, statement = by_node[node]
            before = [read for read in statement.reads if self._may_replace(statement, read, count)]
            if len(statement.reads) != 1 or not before or before[0] is self.graph.input:
                break
            node = before[0]
        return chosen

    def _may_replace(self, statement: Statement, read: Node, count: int) -> bool:
        """Whether a statement may write over an array that it reads."""
        if self.last_use.get(read) != count or self._is_view(read) or len(self._readers_of(read)) > 1:
            return False
        if statement.node.operation == "softmax":
            return True
        if not statement.body or math.prod(read.example_shape) != math.prod(statement.node.example_shape):
            return False
        uses = [(each, i) for each in statement.body for i in each.inputs if not i.is_constant and root_of(i) is read]
        return all(place_in_loop(operand, each) == "i" for each, operand in uses)

    def _readers_of(self, node: Node) -> list[Statement]:
        return [each for each in self.statements if any(node in self._bases(read) for read in each.reads)]

    def write(self) -> None:
        """All statements; of none, a copy."""
        free: list[str] = []
        if not self.statements:
            size = math.prod(self.graph.output.example_shape)
            self._lines(
                [
                    f"for (int i = 0; i < {size}; i++)",
                    f"    {self.body.result}[i] = {self.places[self.graph.input]}[i];",
                ]
            )
        for count, statement in enumerate(self.statements):
            node = statement.node
            if self._is_view(node):
                self.places[node] = self._view(node)
                continue
            size = math.prod(node.example_shape)
            over = next((r for r in statement.reads if self._may_replace(statement, r, count) and self._owned(r)), None)
            if node in self.in_result:
                target = self.body.result
            elif over is not None:
                target = self.places[over]
            else:
                target = free.pop() if free else f"{self.body.prefix}{_letter(len(self._used()))}"
            if target != self.body.result:
                self.body.buffers[target] = max(size, self.body.buffers.get(target, 0))
            words = ", ".join(layer for layer in self.graph.layers[slice(*statement.layers)] if layer)
            text = self._loop(statement, target) if statement.body else self._call(node, target)
            if words:
                text[0] += f"  /* {comment(words)} */"
            self._lines(text)
            self.places[node] = target
            for read in {base for each in statement.reads for base in self._bases(each)}:
                place = self.places[read]
                if self.last_use[read] == count and self._owned(read) and place != target and place not in free:
                    free.append(place)

    def _used(self) -> set[str]:
        """The buffers that this graph has taken so far."""
        mine = {f"{self.body.prefix}{_letter(k)}" for k in range(len(self.statements))}
        return mine & set(self.places.values())

    def _owned(self, node: Node) -> bool:
        """Whether it lies in a buffer of this graph."""
        return not self._is_view(node) and node is not self.graph.input and self.places[node] != self.body.result

    def _lines(self, lines: Sequence[str]) -> None:
        self.body.lines += lines

    def _view(self, node: Node) -> str:
        (axis,) = example_axes(node.inputs[0], [node.options["axis"]])
        offset = node.options["start"] * around(node.inputs[0].example_shape, axis, axis)[2]
        place = self.places[root_of(node.inputs[0])]
        return place if offset == 0 else f"({place} + {offset})"

    def _place(self, node: Node) -> str:
        """The array of a result or of a constant."""
        if not node.is_constant:
            return self.places[root_of(node)]
        return self._constant(node, "", single(np.asarray(node.value, np.float64)))

    def _constant(self, node: Node, kind: str, values: Array) -> str:
        if (node, bool(kind)) not in self.names:
            name = f"{node.name or 'constant'}{kind}_{max(node.layer, 0)}"
            self.names[node, bool(kind)] = self.body.constants.array(name, values)
        return self.names[node, bool(kind)]

    # -- loops ---------------------------------------------------------------------------------------------------

    def _loop(self, statement: Statement, target: str) -> list[str]:
        node, body = statement.node, statement.body
        again = read_again(body)
        texts: dict[Node, Expression] = {}
        locals_: list[str] = []
        for each in body:
            operands = [texts.get(read) or self._operand(read, each) for read in each.inputs]
            texts[each] = self._expression(each, operands)
            if each in again:
                name = f"t{len(locals_)}"
                locals_.append(f"const {'int' if each.kind == 'b' else 'float'} {name} = {texts[each].text};")
                texts[each] = Expression(name)
        last, shape = f"{target}[i] = {texts[node].text};", node.example_shape
        if self.body.finish and target == self.body.result:
            last = self.body.finish.format(texts[node].within(PRODUCT))
        lines = [*locals_, last]
        text = "\n".join(lines)
        if math.prod(shape) == 1:
            return _within(["{"][: len(lines) > 1], [re.sub(r"\[[ijp]\]", "[0]", line) for line in lines])
        if len(shape) > 1 and ("[j]" in text or "[p]" in text):
            heads = [f"for (int p = 0, i = 0; p < {math.prod(shape[:-1])}; p++)"]
            heads.append(f"for (int j = 0; j < {shape[-1]}; j++, i++)")
        else:
            heads = [f"for (int i = 0; i < {math.prod(shape)}; i++)"]
        return _within(heads, lines)

    def _operand(self, operand: Node, reader: Node) -> Expression:
        values = operand.value
        if values is not None and (values.size == 1 or (values == values.flat[0]).all()):
            return expressions.number(number(float(values.flat[0])))
        return Expression(f"{self._place(operand)}[{_index(operand, reader)}]")

    def _expression(self, node: Node, operands: Sequence[Expression]) -> Expression:
        """An operation; (z − c) − rest in front of the network, where a float cannot hold c to the last digit."""
        if node.operation == "fill":
            return expressions.number(number(node.options["value"]))
        written = arithmetic(node, operands, WORDS)
        centre = node.inputs[-1]
        if node.operation != "subtract" or node not in self.wide or centre.value is None:
            return written
        rest = rest_of(centre.value)
        if not rest.any():
            return written
        if rest.size == 1 or (rest == rest.flat[0]).all():
            return infix("-", SUM, written, expressions.number(number(float(rest.flat[0]))))
        second = f"{self._constant(centre, '_rest', single(rest))}[{_index(centre, node)}]"
        return infix("-", SUM, written, Expression(second))

    # -- single operations -----------------------------------------------------------------------------------------

    def _call(self, node: Node, target: str) -> list[str]:
        if (parts := product_of(node)) is not None:
            x, weight, bias = parts
            assert weight.value is not None
            inner, width = weight.value.shape
            second = "NULL"
            if bias is not None and bias.value is not None:
                second = self._constant(bias, "", single(np.broadcast_to(bias.value.reshape(-1), (width,))))
            rows = ("r", math.prod(x.example_shape[:-1]))
            of_x, of_y = (_plus(_at([(*rows, size)])) for size in (inner, width))
            matrix = f"{self._place(weight)}, {second}"
            return _nested([rows], f"dense({self._place(x)}{of_x}, {inner}, {matrix}, {width}, {target}{of_y});")
        names, source = [self._place(each) for each in node.inputs], node.inputs[0]
        if node.operation == "matmul":
            count, height, inner, width, _ = blocks_of(node)
            blocks, rows = ("m", count), ("r", height)
            of_x, of_y = (_plus(_at([(*blocks, height * size), (*rows, size)])) for size in (inner, width))
            matrix = f"{names[1]}{_plus(_at([(*blocks, inner * width)]))}"
            return _nested(
                [blocks, rows], f"dense({names[0]}{of_x}, {inner}, {matrix}, NULL, {width}, {target}{of_y});"
            )
        if node.operation == "softmax":
            rows, width = ("r", math.prod(node.example_shape[:-1])), node.example_shape[-1]
            at = _plus(_at([(*rows, width)]))
            return _nested([rows], f"softmax({names[0]}{at}, {width}, {target}{at});")
        if node.operation in REDUCTIONS:
            return self._reduction(node, names[0], target)
        if node.operation == "take":
            rows, columns = ("r", math.prod(node.inputs[1].example_shape)), ("j", node.shape[-1] or 1)
            number_of_row = f"(int){names[1]}[{_at([(*rows, 1)])}]"
            read = f"{names[0]}[{number_of_row} * {columns[1]}{_plus(_at([(*columns, 1)]))}]"
            return _nested([rows, columns], f"{target}[{_at([(*rows, columns[1]), (*columns, 1)])}] = {read};")
        if node.operation == "slice":
            (axis,) = example_axes(source, [node.options["axis"]])
            outer, length, inner = around(source.example_shape, axis, axis)
            start, stop = node.options["start"] * inner, node.options["stop"] * inner
            return _copied(outer, stop - start, (names[0], length * inner, start), (target, stop - start, 0))
        if node.operation == "concatenate":
            return self._concatenation(node, names, target)
        assert node.operation == "transpose", node.operation
        strides = strides_of(source.example_shape)
        axes = example_axes(source, node.options["axes"])
        place = place_of(node.example_shape, [strides[axis] for axis in axes]).replace("INT", "")
        return _nested([("i", math.prod(node.example_shape))], f"{target}[i] = {names[0]}[{place}];")

    def _reduction(self, node: Node, x: str, target: str) -> list[str]:
        source = node.inputs[0]
        axes = example_axes(source, node.options["axis"])
        outer, length, inner = around(source.example_shape, axes[0], axes[-1])
        rows, columns = ("r", outer), ("j", inner)
        first = [(*rows, length * inner), (*columns, 1)]
        at = f"{x}[{_at([*first, ('k', length, inner)])}]"
        adds = node.operation in ("sum", "mean")
        step = f"z += {at};" if adds else f"z = {'maximum' if node.operation == 'max' else 'minimum'}(z, {at});"
        mean = f" / {number(length)}" if node.operation == "mean" else ""
        return _nested(
            [rows, columns],
            f"float z = {'0.0f' if adds else f'{x}[{_at(first)}]'};",
            f"for (int k = {0 if adds else 1}; k < {length}; k++)",
            f"    {step}",
            f"{target}[{_at([(*rows, inner), (*columns, 1)])}] = z{mean};",
        )

    def _concatenation(self, node: Node, names: Sequence[str], target: str) -> list[str]:
        (axis,) = example_axes(node, [node.options["axis"]])
        outer, length, inner = around(node.example_shape, axis, axis)
        lines, start = list[str](), 0
        for part, name in zip(node.inputs, names, strict=True):
            count = math.prod(part.example_shape) // outer
            lines += _copied(outer, count, (name, count, 0), (target, length * inner, start))
            start += count
        return lines


def _copied(rows: int, count: int, source: tuple[str, int, int], target: tuple[str, int, int]) -> list[str]:
    """Rows of `count` numbers from one array to another: (name, from row to row, where the first one begins) each."""
    read, write = (
        f"{name}[{_at([('r', rows, step), ('j', count, 1)], first)}]" for name, step, first in (source, target)
    )
    return _nested([("r", rows), ("j", count)], f"{write} = {read};")


def _at(terms: Sequence[tuple[str, int, int]], offset: int = 0) -> str:
    """The sum of (variable, how far it counts, stride) and an offset, without what is 0."""
    parts = [name if stride == 1 else f"{name} * {stride}" for name, count, stride in terms if count > 1]
    parts += [str(offset)] if offset else []
    return " + ".join(parts) or "0"


def _plus(place: str) -> str:
    return "" if place == "0" else f" + {place}"


def _index(operand: Node, reader: Node) -> str:
    """The place of an operand's number in its array, within a loop over those of its reader."""
    return place_in_loop(operand, reader).replace("INT", "")


def _nested(loops: Sequence[tuple[str, int]], *lines: str) -> list[str]:
    """Lines within loops over (variable, how far it counts), without those that go round once."""
    heads = [f"for (int {name} = 0; {name} < {count}; {name}++)" for name, count in loops if count > 1]
    return _within(heads or ["{"][: len(lines) > 1], lines)


def _within(heads: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Lines within loops, or a block; braces around several."""
    text = [f"{'    ' * depth}{head}" for depth, head in enumerate(heads)]
    inside = [f"{'    ' * len(heads)}{line}" for line in lines]
    if len(lines) == 1:
        return [*text, *inside]
    brace = "" if text[-1] == "{" else " {"
    return [*text[:-1], f"{text[-1]}{brace}", *inside, f"{'    ' * (len(heads) - 1)}}}"]


def _letter(count: int) -> str:
    """Names of buffers: a, b, … h, a1, b1 and so on; no loop counts by one of these letters."""
    return f"{chr(ord('a') + count % 8)}{count // 8 or ''}"


def rest_of(values: Array) -> Array:
    """What a float cannot hold of each number: z − centre is right to the last bit of z where it is taken off, too."""
    with np.errstate(over="ignore"):
        return np.asarray(values - values.astype(np.float32).astype(np.float64))
