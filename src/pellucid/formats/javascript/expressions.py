"""Activations in JavaScript: one expression in z for each, and the functions that steps and answers call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pellucid import layers
from pellucid.layers.base import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE

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
    "meanOf": """\
/** The mean of what each network says. */
function meanOf(parts) {
  return parts[0].map((_, i) => parts.reduce((sum, part) => sum + part[i], 0) / parts.length);
}""",
    "inUnit": """\
/** Scores in a network's unit: z scale + mean, from low to high. */
function inUnit(scores, { scale, mean, low, high }) {
  return Float64Array.from(scores, (z, i) => Math.min(Math.max(z * scale[i] + mean[i], low[i]), high[i]));
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
