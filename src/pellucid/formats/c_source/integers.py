"""A prediction in whole numbers: the bodies of `NAME_quantize`, from float to int8, and `NAME_run`, from int8 to int16,
in which there is no float.

Static arrays of bytes serve as buffers. The arithmetic is that of `operations.py`, to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from pellucid.formats.c_source.floats import FloatBody
from pellucid.formats.c_source.operations import (
    Multiplier,
    Operation,
    QuantizedDense,
    QuantizedLargest,
    QuantizedLines,
    QuantizedTable,
)
from pellucid.formats.c_source.quantize import Quantized
from pellucid.formats.c_source.text import Constants, comment, number
from pellucid.formats.loops import statements_of
from pellucid.formats.prediction import Prediction

FUNCTIONS = {
    "rescaled": """\
/* sum * multiplier / 2^shift, rounded half away from zero, plus zero; not below low, not above high. */
static int32_t rescaled(int32_t sum, int32_t multiplier, int shift, int32_t zero, int32_t low, int32_t high)
{
    const int64_t product = (int64_t)sum * multiplier, half = (int64_t)1 << (shift - 1);
    const int64_t value = (product < 0 ? -((half - product) >> shift) : (product + half) >> shift) + zero;
    return value < low ? low : value > high ? high : (int32_t)value;
}""",
    "products": """\
/* bias + x[0] * weight[0] + x[1] * weight[1] + ... */
static int32_t products(const int8_t *x, int inputs, const int8_t *weight, int32_t bias)
{
    for (int i = 0; i < inputs; i++)
        bias += x[i] * weight[i];
    return bias;
}""",
    "nearest": """\
/* The whole number nearest to z, plus zero, as far as a byte reaches. */
static int8_t nearest(float z, float zero)
{
    const float q = floorf(z + 0.5f) + zero;
    return (int8_t)(q > -128.0f ? q < 127.0f ? q : 127.0f : -128.0f);
}""",
    "largest_whole": """\
/* The place of the largest of n whole numbers; of equal ones, the first. */
static int largest_whole(const int16_t *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}""",
}
"""What a program in whole numbers may call, in the order in which it is written."""

_WIDE = ("wide", "outputs")  # buffers of int16_t


@dataclass
class WholeBody:
    """The lines of both functions, their constants, and the buffers they need: `row` and `outputs` are for whoever
    begins with a row in float.
    """

    prediction: Prediction
    network: Quantized
    constants: Constants = field(default_factory=Constants)
    quantize_lines: list[str] = field(default_factory=list)
    run_lines: list[str] = field(default_factory=list)
    buffers: dict[str, int] = field(default_factory=dict)
    float_buffers: dict[str, int] = field(default_factory=dict)
    """What scaling that looks at the whole row needs."""

    def __post_init__(self) -> None:
        self.width = math.prod(self.network.head.output.example_shape)
        self._quantize()
        self.buffers["row"] = self.width
        source, width = "q", self.width
        for operation in self.network.operations:
            source, width = self._operation(operation, source, width)
        self.buffers["outputs"] = width

    @property
    def memory(self) -> int:
        """Bytes of static memory."""
        whole = sum(count * (2 if name in _WIDE else 1) for name, count in self.buffers.items())
        return whole + 4 * sum(self.float_buffers.values())

    def declarations(self) -> list[str]:
        """The buffers."""
        whole = [f"static {'int16_t' if k in _WIDE else 'int8_t'} {k}[{n}];" for k, n in self.buffers.items()]
        return [*(f"static float {name}[{n}];" for name, n in self.float_buffers.items()), *whole]

    def _quantize(self) -> None:
        """From x to q: in the last loop of what is computed in front, or by way of a buffer of floats."""
        grid, head, source = self.network.input, self.network.head, "x"
        finish = f"q[i] = nearest({{}} * {number(1 / grid.step)}, {number(grid.zero)});"
        statements = statements_of(head)
        if statements and statements[-1].body:
            body = FloatBody(self.constants, self.quantize_lines, self.float_buffers, "q", "front_", finish)
            body.write(self.prediction._replace(graph=head))
            return
        if statements:
            body = FloatBody(self.constants, self.quantize_lines, self.float_buffers, "scaled", "front_")
            body.write(self.prediction._replace(graph=head))
            self.float_buffers["scaled"] = self.width
            source = "scaled"
        self.quantize_lines += [f"for (int i = 0; i < {self.width}; i++)", f"    {finish.format(f'{source}[i]')}"]

    def _operation(self, operation: Operation, source: str, width: int) -> tuple[str, int]:
        """Write one operation; answer where its result stands, and how many numbers it has."""
        rest = self.network.operations[self.network.operations.index(operation) + 1 :]
        after = operation.origin.width
        if not rest:
            target = "y"
        elif all(isinstance(each, QuantizedLargest) for each in rest):
            target = "wide"
        elif source in ("a", "b") and not isinstance(operation, QuantizedDense):
            target = source
        else:
            target = "b" if source == "a" else "a"
        if target != "y":
            self.buffers[target] = max(after, self.buffers.get(target, 0))
        kind = "int16_t" if target in ("y", "wide") else "int8_t"
        words = comment(operation.origin.label)
        if isinstance(operation, QuantizedDense):
            self._dense(operation, source, target, width, kind)
        elif isinstance(operation, QuantizedTable):
            table = self.constants.array(f"table_{operation.origin.layer}", operation.table, words)
            self._loop(after, f"{target}[i] = {table}[{source}[i] + 128];", words)
        elif isinstance(operation, QuantizedLines):
            self._lines(operation, source, target, after, kind)
        else:
            self._largest(operation, source, target, after, kind)
        return target, after

    def _loop(self, count: int, line: str, words: str) -> None:
        self.run_lines += [f"for (int i = 0; i < {count}; i++)  /* {words} */", f"    {line}"]

    def _factors(self, name: str, factors: Multiplier) -> str:
        shift = self.constants.array(f"shift_{name}", factors.shift)
        return f"{self.constants.array(f'multiplier_{name}', factors.number)}[i], {shift}[i]"

    def _dense(self, operation: QuantizedDense, source: str, target: str, width: int, kind: str) -> None:
        index, grid = operation.origin.layer, operation.output
        weight = self.constants.array(f"weight_{index}", operation.weight, "one unit after the other")
        bias = self.constants.array(f"bias_{index}", operation.bias)
        factors = self._factors(str(index), operation.multiplier)
        total = f"products({source}, {width}, {weight} + {width} * i, {bias}[i])"
        line = f"{target}[i] = ({kind})rescaled({total}, {factors}, {grid.zero}, {grid.low}, {grid.high});"
        self._loop(len(operation.bias), line, comment(operation.origin.label))

    def _lines(self, operation: QuantizedLines, source: str, target: str, count: int, kind: str) -> None:
        index, grid, words = operation.origin.layer, operation.output, comment(operation.origin.label)
        offset = self.constants.array(f"offset_{index}", operation.offset)
        r = f"{source}[i]" if operation.zero == 0 else f"{source}[i] - ({operation.zero})"
        limits = f"{offset}[i], {grid.low}, {grid.high}"
        up = f"rescaled({r}, {self._factors(str(index), operation.positive)}, {limits})"
        if np.array_equal(operation.positive.number, operation.negative.number) and np.array_equal(
            operation.positive.shift, operation.negative.shift
        ):
            self._loop(count, f"{target}[i] = ({kind}){up};", words)
            return
        down = f"rescaled({r}, {self._factors(f'{index}_below', operation.negative)}, {limits})"
        self._loop(count, f"{target}[i] = ({kind})({source}[i] > {operation.zero} ? {up} : {down});", words)

    def _largest(self, operation: QuantizedLargest, source: str, target: str, count: int, kind: str) -> None:
        pieces = operation.pieces
        self.run_lines += [
            f"for (int i = 0; i < {count}; i++) {{  /* {comment(operation.origin.label)}: the largest piece */",
            f"    {kind} z = {source}[{pieces} * i];",
            f"    for (int k = 1; k < {pieces}; k++)",
            f"        if ({source}[{pieces} * i + k] > z)",
            f"            z = {source}[{pieces} * i + k];",
            f"    {target}[i] = z;",
            "}",
        ]
