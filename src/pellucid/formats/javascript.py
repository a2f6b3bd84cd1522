"""A network as one JavaScript module that predicts in a browser or in Node, without anything else.

Weights stand in it as base64 of their bytes (little-endian, in the network's own precision); sums are JavaScript's own
doubles, and what passes from layer to layer is rounded as the network rounds it.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pellucid import layers
from pellucid.formats.encoding.javascript import ROW, encoding_parts
from pellucid.formats.steps import (
    Affine,
    Bend,
    DenseStep,
    Elementwise,
    Largest,
    Lookup,
    NormalizeRow,
    Prediction,
    Slopes,
    SoftClip,
    SoftmaxStep,
    Step,
    Waves,
    prediction_of,
)
from pellucid.formats.writing import Report, identifier, signature, size, without_ending, write_files
from pellucid.layers.base import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE
from pellucid.network import Network
from pellucid.typing import Array


def write_javascript(network: Network, path: str | os.PathLike[str]) -> Report:
    """Write a network as an ES module, `NAME.mjs`, that exports `scores(x)`, `predict(x)` and, for probabilities,
    `predictProba(x)`; x is one row of numbers.

    Parameters
    ----------
    network : Network
        Built or trained.
    path : path
        Where to, with or without `.mjs`.

    Returns
    -------
    Report
        The file and its size.

    Raises
    ------
    ValueError
        If a layer of one's own stands in the network, or a number is not finite.
    FileExistsError
        If a file of the name is there that no export wrote.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(3), pl.ReLU(), pl.Dense(2)]).build(4)
    >>> path = os.path.join(tempfile.mkdtemp(), "small.mjs")
    >>> [file.name for file in write_javascript(network, path).files]
    ['small.mjs']
    """
    prediction = prediction_of(network)
    place = without_ending(path, (".mjs", ".js"))
    target = place.with_name(f"{identifier(place.name)}.mjs")
    text = _Program(prediction).text(target.stem)
    write_files({target: text})
    names = "predict, predictProba" if prediction.probability_count else "predict"
    use = f'Use it: import {{ {names} }} from "./{target.name}";'
    return Report((Path(target),), (f"{size(len(text.encode()))}", use))


EXPRESSIONS: dict[type[Layer], Callable[[Any], str]] = {
    layers.Sigmoid: lambda _: "1 / (1 + Math.exp(-z))",
    layers.Tanh: lambda _: "Math.tanh(z)",
    layers.HardTanh: lambda a: f"Math.min(Math.max(z, {a.minimum!r}), {a.maximum!r})",
    layers.ReLU: lambda _: "Math.max(z, 0)",
    layers.LeakyReLU: lambda a: f"z > 0 ? z : {a.slope!r} * z",
    layers.ELU: lambda a: f"z > 0 ? z : {a.alpha!r} * Math.expm1(z)",
    layers.SELU: lambda _: f"z > 0 ? {SELU_SCALE!r} * z : {SELU_SCALE * SELU_ALPHA!r} * Math.expm1(z)",
    layers.GELU: lambda a: (
        "0.5 * z * (1 + erf(z * Math.SQRT1_2))"
        if a.approximate == "none"
        else f"0.5 * z * (1 + Math.tanh({math.sqrt(2 / math.pi)!r} * (z + 0.044715 * z ** 3)))"
    ),
    layers.SiLU: lambda _: "z / (1 + Math.exp(-z))",
    layers.Mish: lambda _: "z * Math.tanh(softplus(z))",
    layers.Softplus: lambda a: "softplus(z)" if a.beta == 1 else f"softplus({a.beta!r} * z) / {a.beta!r}",
    layers.Softsign: lambda _: "z / (1 + Math.abs(z))",
}
"""The value of each activation at z."""

FUNCTIONS = {
    "softplus": """\
/** log(1 + e^z), without overflow. */
function softplus(z) {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}""",
    "erf": """\
/** The error function: 2/√π · e^(−z²) · Σ 2ⁿ z^(2n+1) / (1·3·5·…·(2n+1)), whose terms all have one sign. */
function erf(z) {
  if (Math.abs(z) > 6) return Math.sign(z);
  let term = z, sum = z;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}""",
    "dense": """\
/** x W + b, with W (inputs, outputs) row by row. */
function dense(x, weight, bias) {
  const sums = Float64Array.from(bias);
  for (let i = 0; i < x.length; i++) {
    for (let j = 0, k = i * sums.length; j < sums.length; j++, k++) sums[j] += x[i] * weight[k];
  }
  return NUMBERS.from(sums);
}""",
    "largestPieces": """\
/** The largest of each `pieces` numbers that stand side by side. */
function largestPieces(x, pieces) {
  return NUMBERS.from({ length: x.length / pieces }, (_, i) => Math.max(...x.subarray(i * pieces, (i + 1) * pieces)));
}""",
    "standard": """\
/** (x − mean)/√(variance + epsilon), both of x itself. */
function standard(x, epsilon) {
  const mean = x.reduce((sum, z) => sum + z, 0) / x.length;
  const variance = x.reduce((sum, z) => sum + (z - mean) ** 2, 0) / x.length;
  return NUMBERS.from(x, (z) => (z - mean) / Math.sqrt(variance + epsilon));
}""",
    "waves": """\
/** Each of the first n numbers x as x, bias + cos(x angle + phase) mixture; behind them all the others. */
function waves(x, n, count, more, angle, phase, mixture, bias) {
  const y = [];
  for (let i = 0; i < n; i++) {
    const sums = Float64Array.from(bias.subarray(i * more, (i + 1) * more));
    for (let k = i * count; k < (i + 1) * count; k++) {
      const wave = Math.cos(x[i] * angle[k] + phase[k]);
      for (let j = 0; j < more; j++) sums[j] += wave * mixture[k * more + j];
    }
    y.push(x[i], ...sums);
  }
  return NUMBERS.from([...y, ...x.subarray(n)]);
}""",
    "lookup": """\
/** The last of x are codes, 0 to count - 1 each, and are replaced by their rows of the table. */
function lookup(x, counts, table, size) {
  const first = x.length - counts.length;
  const y = Array.from(x.subarray(0, first));
  let row = 0;
  counts.forEach((count, i) => {
    const code = x[first + i];
    if (!(Number.isInteger(code) && code >= 0 && code < count)) {
      throw new RangeError(`x[${first + i}] must be a whole number from 0 to ${count - 1}, not ${code}.`);
    }
    y.push(...table.subarray((row + code) * size, (row + code + 1) * size));
    row += count;
  });
  return NUMBERS.from(y);
}""",
    "softmax": """\
/** exp(x − max x), divided by its sum. */
function softmax(x) {
  const max = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(x, (z) => Math.exp(z - max));
  const sum = powers.reduce((a, b) => a + b, 0);
  return NUMBERS.from(powers, (z) => z / sum);
}""",
    "decode": """\
/** Little-endian numbers from base64. */
function decode(text, double = false) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return double
    ? Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true))
    : Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}""",
}
"""What a module may call, in the order in which it is written; NUMBERS is the array type of the network's precision."""


class _Program:
    """The lines of `scores` and the arrays they name."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction
        self.arrays: dict[str, Array] = {}
        self.lines: list[str] = []
        self._dtype = np.dtype(np.float64)
        for step in prediction.scaling:
            self._step(step)
        self._dtype = prediction.dtype
        if not prediction.scaling or prediction.dtype != np.float64:
            self.lines.append(f"z = {self.numbers}.from(z);")
        for step in prediction.steps:
            self._step(step)

    @property
    def numbers(self) -> str:
        """The array type of the network's precision."""
        return "Float64Array" if self.prediction.dtype == np.float64 else "Float32Array"

    def _array(self, name: str, values: Array) -> str:
        """An element of an array of the module, or a plain number where all are the same."""
        if (values == values[0]).all():
            return _number(float(values[0]))
        self.arrays[name] = values.astype(self._dtype)
        return f"{name}[i]"

    def _step(self, step: Step) -> None:
        if isinstance(step, DenseStep):
            self.arrays[f"weight{step.index}"] = step.weight.astype(self._dtype)
            self.arrays[f"bias{step.index}"] = step.bias.astype(self._dtype)
            line = f"z = dense(z, weight{step.index}, bias{step.index});"
        elif isinstance(step, Largest):
            line = f"z = largestPieces(z, {step.pieces});"
        elif isinstance(step, Waves):
            numbers, count, more = step.mixture.shape
            parts = {"angle": step.angle, "phase": step.phase, "mixture": step.mixture, "bias": step.bias}
            self.arrays |= {f"{name}{step.index}": values.ravel().astype(self._dtype) for name, values in parts.items()}
            names = ", ".join(f"{name}{step.index}" for name in parts)
            line = f"z = waves(z, {numbers}, {count}, {more}, {names});"
        elif isinstance(step, Lookup):
            self.arrays[f"table{step.index}"] = step.table.astype(self._dtype)
            line = f"z = lookup(z, {list(step.cardinalities)}, table{step.index}, {step.table.shape[1]});"
        elif isinstance(step, SoftmaxStep):
            line = "z = softmax(z);"
        elif isinstance(step, NormalizeRow):
            scale = self._array(f"scale{step.index}", step.scale)
            shift = self._array(f"shift{step.index}", step.shift)
            line = f"z = standard(z, {_number(step.epsilon)}).map((z, i) => z * {scale} + {shift});"
        else:
            expression = self._expression(step)
            arguments = "z, i" if "[i]" in expression else "z"
            line = f"z = z.map(({arguments}) => {expression});"
        self.lines.append(f"{line} // {step.words}")

    def _expression(self, step: Step) -> str:
        if isinstance(step, Affine):
            words = "z"
            if step.centre.any():
                words = f"({words} - {self._array(f'centre{step.index}', step.centre)})"
            if (step.scale != 1).any():
                words = f"{words} * {self._array(f'scale{step.index}', step.scale)}"
            return f"{words} + {self._array(f'shift{step.index}', step.shift)}" if step.shift.any() else words
        if isinstance(step, Slopes):
            return f"z > 0 ? z : {self._array(f'slope{step.index}', step.slope)} * z"
        if isinstance(step, Bend):
            share = self._array(f"share{step.index}", step.share)
            return f"z + {share} * (({EXPRESSIONS[type(step.layer)](step.layer)}) - z)"
        if isinstance(step, SoftClip):
            return f"z / Math.sqrt(1 + (z / {step.limit!r}) ** 2)"
        assert isinstance(step, Elementwise), step
        return EXPRESSIONS[type(step.layer)](step.layer)

    def text(self, name: str) -> str:
        """The whole module."""
        p = self.prediction
        table = "\n".join(f" *     {line}".rstrip() for line in p.summary.splitlines())
        body = "\n".join(f"  {line}" for line in self.lines)
        parts = [f"/**\n * {name}: a neural network. {signature()}.\n *\n{table}\n */"]
        parts.append(f"export const inputs = {p.inputs};\nexport const outputs = {p.outputs};")
        if p.classes is not None and p.class_count:
            parts[-1] += f"\nexport const classes = {json.dumps(p.classes, ensure_ascii=False)};"
        parts.append(
            f"/** The last layer's {p.outputs} outputs for a row x of {p.inputs} numbers. */\n"
            f"export function scores(x) {{\n{'' if p.encoder is None else ROW}"
            f"  if (x.length !== {p.inputs}) "
            f"throw new RangeError(`x must hold {p.inputs} numbers, not ${{x.length}}.`);\n"
            f"  let z = Float64Array.from(x);\n"
            f"{body}\n"
            f"  return z;\n}}"
        )
        parts += _predictions(p, self.numbers)
        parts += [] if p.encoder is None else encoding_parts(p.encoder)
        code = "\n".join([*parts, "decode(" if self.arrays else ""])
        parts += [body.replace("NUMBERS", self.numbers) for key, body in FUNCTIONS.items() if f"{key}(" in code]
        if self.arrays:
            parts.append("\n".join(_constant(key, values) for key, values in self.arrays.items()))
        return "\n\n".join(parts) + "\n"


def _number(value: float) -> str:
    """A number of JavaScript; in brackets where it is negative, so that no two signs meet."""
    return f"({value!r})" if value < 0 else repr(value)


def _constant(name: str, values: Array) -> str:
    text = base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()
    double = ", true" if values.dtype == np.float64 else ""
    return f'const {name} = decode("{text}"{double}); // {" × ".join(map(str, values.shape))}'


def _predictions(p: Prediction, numbers: str) -> list[str]:
    """`predict`, and `predictProba` if there are probabilities."""
    proba, one = "", p.outputs == 1
    if p.link == "softmax":
        proba = "softmax(scores(x))"
    elif p.link == "sigmoid":
        proba = "scores(x).map((z) => 1 / (1 + Math.exp(-z)))"
    if p.target is not None:
        words = "The predicted number for a row x." if one else "The predicted numbers for a row x."
        answer = f"Array.from(scores(x), (z, i) => {_in_unit(p)})" + ("[0]" if one else "")
    elif p.link in ("softmax", "argmax"):
        words = f"The class of a row x, 0 to {p.outputs - 1}; of equal scores, the lowest."
        answer = "scores(x).reduce((best, z, i, all) => (z > all[best] ? i : best), 0)"
    elif p.link in ("sigmoid", "sign"):
        words = "1 for yes, 0 for no." if one else "1 for yes, 0 for no, of each output."
        answer = "Number(scores(x)[0] > 0)" if one else "Array.from(scores(x), (z) => Number(z > 0))"
    else:
        words = "The predicted number for a row x." if one else "The predicted numbers for a row x."
        answer = "scores(x)" + (".map((z) => Math.exp(z))" if p.link == "exponential" else "") + ("[0]" if one else "")
    texts = [f"/** {words} */\nexport function predict(x) {{\n  return {answer};\n}}"]
    if proba and p.link == "sigmoid" and one:
        head = "The probabilities of no and yes."
        lines = f"  const [yes] = {proba};\n  return {numbers}.of(1 - yes, yes);"
        texts.append(f"/** {head} */\nexport function predictProba(x) {{\n{lines}\n}}")
    elif proba:
        head = "The probabilities of the classes." if p.class_count else "The probability of each output's yes."
        texts.append(f"/** {head} */\nexport function predictProba(x) {{\n  return {proba};\n}}")
    return texts


def _in_unit(p: Prediction) -> str:
    """A score z of output i in the unit of the target."""
    target, outputs = p.target, p.outputs
    assert target is not None

    def number(name: str) -> str:
        column = target.column(name, outputs)
        if column is None:
            return {"low": "-Infinity", "high": "Infinity"}[name]
        return (
            _number(float(column[0]))
            if (column == column[0]).all()
            else f"[{', '.join(map(repr, column.tolist()))}][i]"
        )

    z = "Math.exp(z)" if p.link == "exponential" else "z"
    answer = f"{z} * {number('scale')} + {number('mean')}"
    if target.low is None and target.high is None:
        return answer
    return f"Math.min(Math.max({answer}, {number('low')}), {number('high')})"
