"""A network in whole numbers: int8 weights and activations, int32 sums.

Between the first and the last dense layer a number r is kept as q = round(r/step) + zero in one byte, with a step and a
zero for each layer, and every unit's weights as −127 … 127 with a step of its own. What a dense layer computes is then

    Σᵢ (qᵢ − zero)·wᵢⱼ + bⱼ      an int32, exact, in units of (step of the input)·(step of the unit's weights)

and is brought into the units of its own output by a multiplication with a whole number and a shift (`Multiplier`),
rounded half away from zero. An activation of one number is a table of 256 answers; a ReLU costs nothing, as the lowest
number of its output is its 0. The last layer answers int16. In front of the first dense layer (scaling) and behind the
last one (a softmax) is float.

The ranges are measured on given rows, each tightened where that lowers the mean squared error on them. `run` computes
here what the program in C computes, to the bit. Source of the scheme: Jacob and others, "Quantization and training of
neural networks for efficient integer-arithmetic-only inference", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pellucid.formats.c_source.operations import (
    HIGH,
    LOW,
    Grid,
    Multiplier,
    Operation,
    Origin,
    QuantizedDense,
    QuantizedLargest,
    QuantizedLines,
    QuantizedTable,
)
from pellucid.formats.loops import Statement, root_of, statements_of
from pellucid.formats.prediction import Prediction
from pellucid.program.operations import Graph, Node
from pellucid.program.simplification import product_of
from pellucid.typing import Array, Floats

_LAST = 32767  # the largest number of an output
_HEADROOM = 2.0  # the outputs may be this many times larger than on the rows they were measured on
_LARGEST_SUM = 2**31 - 1
_SAMPLES = 65536  # numbers that a range is chosen by


class Quantized(NamedTuple):
    """A network in whole numbers."""

    head: Graph
    """What is computed in float in front."""
    input: Grid
    operations: tuple[Operation, ...]
    tail: Graph | None
    """What is computed in float behind: a softmax, or nothing."""

    @property
    def unit(self) -> float:
        """What 1 of an output stands for."""
        return self.operations[-1].output.step

    def inputs(self, x: Floats) -> Array:
        """Rows (n, inputs) as whole numbers (n, d)."""
        return self.input.quantize(self.head.run(x)).reshape(len(x), -1)

    def run(self, q: Array) -> Array:
        """Whole numbers in, whole numbers out: (n, d) -> (n, outputs)."""
        for operation in self.operations:
            q = operation.run(q)
        return q

    def scores(self, x: Floats) -> Floats:
        """The scores (n, outputs) of rows (n, inputs)."""
        scores = self.unit * self.run(self.inputs(x))  # the last zero is 0
        return scores if self.tail is None else self.tail.run(scores)


class _Stage(NamedTuple):
    """One statement in float: from the result of the one before it to its own."""

    statement: Statement
    graph: Graph
    label: str

    @property
    def node(self) -> Node:
        return self.statement.node

    @property
    def path(self) -> str:
        return self.graph.paths[self.node.layer]

    @property
    def origin(self) -> Origin:
        return Origin(self.node.layer, self.label, self.node.example_shape[-1])

    def apply(self, x: Floats) -> Floats:
        """The result (n, d_out) for that of the one before (n, d_in)."""
        return self.graph.run(x)


def quantize(prediction: Prediction, x: Floats) -> Quantized:
    """The network in whole numbers, its ranges measured on rows x (n, inputs).

    Raises
    ------
    ValueError
        If there is no dense layer, or a layer between the first and the last is none of those that int8 knows: the
        message names it.
    """
    head, stages, tail = _divide(prediction)
    x = head.run(x)
    grid = first = _grid(x, x.min(), x.max())
    operations: list[Operation] = []
    while stages:
        stage = stages.pop(0)
        values = stage.apply(x)
        relu = product_of(stage.node) is not None and bool(stages) and _is_relu(stages[0])
        if relu:
            values = stages.pop(0).apply(values)
        last = all(_pieces(stage) for stage in stages)  # which keep the grid of what comes in
        operations.append(_operation(stage, grid, values, relu=relu, last=last, after=stages[0] if stages else None))
        grid, x = operations[-1].output, values
    return Quantized(head, first, tuple(operations), tail)


def _divide(prediction: Prediction) -> tuple[Graph, list[_Stage], Graph | None]:
    """What is float in front, what becomes whole numbers, and what is float behind."""
    graph = prediction.graph
    statements = statements_of(graph, across_layers=False)
    begin = next((place for place, each in enumerate(statements) if product_of(each.node)), None)
    if begin is None:
        raise ValueError("The network has no dense layer: there is nothing that int8 could make smaller.")
    end = len(statements) - (statements[-1].node.operation == "softmax")
    before = statements[begin].reads[0]
    head, stages = replace(graph, output=before), list[_Stage]()
    for statement in statements[begin:end]:
        layers = ", ".join(layer for layer in graph.layers[slice(*statement.layers)] if layer)
        words = layers or graph.layers[statement.node.layer]
        if statement.reads != (before,) or not _is_known(statement):
            place = statement.node.layer
            raise ValueError(
                f"layer {graph.paths[place]}, {graph.layers[place]}, behind a dense layer cannot be computed in int8, "
                f"which knows products, activations of each number and maxima of neighbours, all of one row: omit "
                f"int8, or train with another layer in its place (BatchNormalization for LayerNormalization)."
            )
        stage = _Stage(statement, Graph(before, statement.node, graph.layers, graph.paths), words)
        if product_of(statement.node) and stages and (affine := _affine(stages[-1])) is not None:
            stage = _taken_in(*affine, stages.pop(), stage)
        stages += _split(stage)
        before = root_of(statement.node)
    tail = replace(graph, input=before) if end < len(statements) else None
    return head, stages, tail


def _split(stage: _Stage) -> list[_Stage]:
    """A loop as a line for each feature and one curve for all, where int8 knows these two and not the whole."""
    body, before = stage.statement.body, stage.graph.input
    if not body or _is_table(stage) or _lines_of(stage) is not None:
        return [stage]
    cuts = stage.graph.cuts()
    for count, cut in enumerate(body[:-1], start=1):
        first, second = (
            _Stage(Statement(node, nodes, (read,)), replace(stage.graph, input=read, output=node), stage.label)
            for read, node, nodes in ((before, cut, body[:count]), (cut, stage.node, body[count:]))
        )
        if cut in cuts and _is_table(second) and _lines_of(first) is not None:
            return [first, second]
    return [stage]


def _is_known(statement: Statement) -> bool:
    node = statement.node
    known = bool(statement.body) or product_of(node) is not None or bool(_pieces_of(node))
    return known and len(node.example_shape) == 1


def _pieces_of(node: Node) -> int:
    """How many neighbours a maximum along the last axis takes; 0 for anything else."""
    if node.operation != "max" or node.inputs[0].operation != "reshape":
        return 0
    shape = node.inputs[0].shape
    return shape[-1] or 0 if node.options["axis"] == (len(shape) - 1,) else 0


def _pieces(stage: _Stage) -> int:
    return _pieces_of(stage.node)


def _affine(stage: _Stage) -> tuple[Floats, Floats] | None:
    """(factor, shift) of each feature, where a loop comes to that and nothing else."""
    if not stage.statement.body or (lines := _lines_of(stage)) is None:
        return None
    up, down, shift = lines
    return (up, shift) if np.array_equal(up, down) else None


def _taken_in(factor: Floats, shift: Floats, affine: _Stage, stage: _Stage) -> _Stage:
    """x W + b with (x·factor + shift) in the place of x, as one product."""
    parts = product_of(stage.node)
    assert parts is not None
    _, weight, bias = parts
    assert weight.value is not None
    source = Node("input", shape=affine.graph.input.shape)
    new_bias = shift @ weight.value + (0.0 if bias is None or bias.value is None else bias.value)
    product = Node(
        "matmul", (source, _constant(factor[:, None] * weight.value)), {}, stage.node.shape, stage.node.layer
    )
    node = Node("add", (product, _constant(new_bias)), {}, stage.node.shape, stage.node.layer)
    words = f"{affine.label}, {stage.label}"
    return _Stage(Statement(node, (), (source,)), Graph(source, node, paths=stage.graph.paths), words)


def _constant(values: Floats) -> Node:
    return Node("constant", shape=values.shape, value=values)


def _is_relu(stage: _Stage) -> bool:
    """max(z, 0) and nothing else."""
    if len(stage.statement.body) != 1 or stage.node.operation != "maximum":
        return False
    values = [read.value for read in stage.node.inputs if read.value is not None]
    return len(values) == 1 and not values[0].any()


_AT = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])


def _lines_of(stage: _Stage) -> tuple[Floats, Floats, Floats] | None:
    """(slope above 0, slope below, value at 0) of each feature, where the function has two straight sides."""
    width = stage.node.example_shape[-1]
    values = stage.apply(np.tile(_AT[:, None], width))  # (7, d)
    shift, up, down = values[3], values[4] - values[3], values[3] - values[2]
    straight = shift + np.where(_AT[:, None] > 0, up, down) * _AT[:, None]
    if np.abs(straight - values).max() > 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    rounded = np.abs(up - down) <= 1e-12 * np.maximum(1.0, np.abs(up))  # one line, but for rounding
    return up, np.where(rounded, up, down), shift


def _operation(stage: _Stage, grid: Grid, values: Floats, *, relu: bool, last: bool, after: _Stage | None) -> Operation:
    """A stage in whole numbers; `values` are what comes out of it (n, d)."""
    if pieces := _pieces(stage):
        return QuantizedLargest(stage.origin, pieces, grid)
    follow = after.apply if after is not None and _is_table(after) else None
    output = _last_grid(values) if last else _grid(values, values.min(), values.max(), follow)
    if relu:
        output = Grid(output.step, output.zero, max(output.low, min(output.zero, output.high)), output.high)
    if product_of(stage.node) is not None:
        return _dense(stage, grid, output)
    if not _is_table(stage):
        return _lines(stage, grid, output)
    width = stage.node.example_shape[-1]
    answers = stage.apply(np.tile(grid.real(np.arange(LOW, HIGH + 1))[:, None], width))[:, 0]  # (256,)
    return QuantizedTable(stage.origin, output.quantize(answers).astype(np.int16 if last else np.int8), output)


def _is_table(stage: _Stage) -> bool:
    """Whether it is one function for all features, and none of two straight lines with numbers of their own."""
    if not stage.statement.body:
        return False
    constants = [i.value for each in stage.statement.body for i in each.inputs if i.value is not None]
    return all((values == values.flat[0]).all() for values in constants)


def _dense(stage: _Stage, grid: Grid, output: Grid) -> QuantizedDense:
    parts = product_of(stage.node)
    assert parts is not None
    weights, biases = parts[1].value, 0.0 if parts[2] is None else parts[2].value
    assert weights is not None
    biases = np.broadcast_to(np.asarray(biases), weights.shape[1:])
    largest = np.abs(weights).max(axis=0)  # (units,)
    steps = np.where(largest > 0, largest, 127.0) / 127
    weight = np.rint(weights / steps).astype(np.int64)  # (inputs, units)
    units = grid.step * steps  # what 1 of each sum stands for
    bias = np.rint(biases / units) - grid.zero * weight.sum(axis=0)
    reach = 128 * np.abs(weight).sum(axis=0) + np.abs(bias)
    if (reach > _LARGEST_SUM).any():
        unit = int(reach.argmax())
        raise ValueError(
            f"The sums of layer {stage.path}, {stage.label}, unit {unit} may leave 32 bits: its bias of "
            f"{biases[unit]:.3g} is too large beside its weights, or it has too many inputs. Omit int8."
        )
    return QuantizedDense(
        stage.origin, weight.T.astype(np.int8), bias.astype(np.int32), Multiplier.of(units / output.step), output
    )


def _lines(stage: _Stage, grid: Grid, output: Grid) -> QuantizedLines:
    lines = _lines_of(stage)
    if lines is None:
        raise ValueError(
            f"layer {stage.path}, {stage.label}, between two dense layers has parameters of each unit: int8 "
            f"would need a table of 256 values for each. Omit int8, or train with the plain activation in its place."
        )
    up, down, shift = lines
    whole = np.rint(shift / output.step) + output.zero  # (d,)
    if (np.abs(whole) > 2**30).any():
        raise ValueError(f"layer {stage.path}, {stage.label}, shifts too far for int8: omit int8.")
    factor = grid.step / output.step
    return QuantizedLines(
        stage.origin,
        grid.zero,
        Multiplier.of(up * factor),
        Multiplier.of(down * factor),
        whole.astype(np.int32),
        output,
    )


def _last_grid(values: Floats) -> Grid:
    """For outputs: int16 around 0."""
    return Grid(max(float(np.abs(values).max()), 1e-30) * _HEADROOM / _LAST, 0, -_LAST, _LAST)


def _grid(values: Floats, low: float, high: float, follow: Callable[[Floats], Floats] | None = None) -> Grid:
    """The grid of the least mean squared error on some values; with `follow`, of what that makes of them."""
    sample = values[:: -(-values.size // _SAMPLES)]  # (m, d)
    truth = sample if follow is None else follow(sample)
    best, least = None, np.inf
    for part in np.linspace(1.0, 0.2, 33):
        grid = _between(float(low) * part, float(high) * part)
        kept = grid.real(grid.quantize(sample))
        error = float(np.square((kept if follow is None else follow(kept)) - truth).mean())
        if error < least:
            best, least = grid, error
    assert best is not None
    return best


def _between(low: float, high: float) -> Grid:
    """The grid that just reaches from low to high, with 0 on it."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / (HIGH - LOW) or 1.0
    return Grid(step, round(LOW - low / step))
