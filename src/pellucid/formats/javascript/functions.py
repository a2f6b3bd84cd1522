"""What modules in JavaScript are made of: what operations are called, and the functions that lines call."""

from __future__ import annotations

import math

WORDS = {
    "power": "{0} ** {1}",
    "square": "{0} ** 2",
    "maximum": "Math.max",
    "minimum": "Math.min",
    "absolute": "Math.abs",
    "sqrt": "Math.sqrt",
    "exp": "Math.exp",
    "expm1": "Math.expm1",
    "log": "Math.log",
    "log1p": "Math.log1p",
    "tanh": "Math.tanh",
    "cos": "Math.cos",
    "sin": "Math.sin",
    "sigmoid": "1 / (1 + Math.exp(-{0}))",
    "softplus": "softplus",
    "erf": "erf",
    "to_integer": "Math.trunc",
}
"""What operations on numbers at the same place are called: see `pellucid.formats.expressions`."""


def number(value: float) -> str:
    """A number of JavaScript."""
    if not math.isfinite(value):
        return repr(value).replace("inf", "Infinity").replace("nan", "NaN")
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


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
    "checkCodes": """\
/** Raise unless the last of each `width` numbers of x are codes, 0 to count - 1 each. */
function checkCodes(x, width, counts) {
  for (let first = width - counts.length; first < x.length; first += width) {
    counts.forEach((count, i) => {
      const code = x[first + i];
      if (!(Number.isInteger(code) && code >= 0 && code < count)) {
        throw new RangeError(`x[${first + i}] must be a whole number from 0 to ${count - 1}, not ${code}.`);
      }
    });
  }
}""",
    "product": """\
/** x W + b for each row of x, with W (inputs, width) row by row; sums in double precision. */
function product(x, width, weight, bias) {
  const inputs = weight.length / width;
  const y = new NUMBERS((x.length / inputs) * width);
  const sums = new Float64Array(width);
  for (let row = 0, to = 0; row < x.length; row += inputs, to += width) {
    if (bias) sums.set(bias);
    else sums.fill(0);
    for (let i = 0, k = 0; i < inputs; i++) {
      const z = x[row + i];
      for (let j = 0; j < width; j++, k++) sums[j] += z * weight[k];
    }
    y.set(sums, to);
  }
  return y;
}""",
    "products": """\
/** Each of some blocks of x (rows, inner) times its own matrix (inner, width). */
function products(x, matrices, blocks, rows, inner, width) {
  const y = new NUMBERS(blocks * rows * width);
  for (let block = 0; block < blocks; block++) {
    const matrix = matrices.subarray(block * inner * width, (block + 1) * inner * width);
    y.set(product(x.subarray(block * rows * inner, (block + 1) * rows * inner), width, matrix), block * rows * width);
  }
  return y;
}""",
    "reduce": """\
/** A sum, mean or extreme along the middle of x (outer, length, inner). */
function reduce(x, outer, length, inner, start, step, mean = false) {
  return x.constructor.from({ length: outer * inner }, (_, i) => {
    let value = start;
    const first = Math.floor(i / inner) * length * inner + (i % inner);
    for (let k = 0; k < length; k++) value = step(value, x[first + k * inner]);
    return mean ? value / length : value;
  });
}""",
    "softmax": """\
/** exp(x − max x), divided by its sum, for each `width` numbers of x. */
function softmax(x, width = x.length) {
  const y = NUMBERS.from(x);
  for (let row = 0; row < x.length; row += width) {
    const part = x.subarray(row, row + width);
    const max = part.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = Float64Array.from(part, (z) => Math.exp(z - max));
    const sum = powers.reduce((a, b) => a + b, 0);
    y.set(powers.map((z) => z / sum), row);
  }
  return y;
}""",
    "takeRows": """\
/** The rows of a table, `width` numbers each, that some codes stand for. */
function takeRows(table, width, codes) {
  const y = new NUMBERS(codes.length * width);
  codes.forEach((code, i) => y.set(table.subarray(code * width, (code + 1) * width), i * width));
  return y;
}""",
    "part": """\
/** The numbers from `start` to `stop` of each row of x, `width` numbers long. */
function part(x, rows, width, start, stop) {
  const y = new x.constructor(rows * (stop - start));
  for (let row = 0; row < rows; row++) {
    y.set(x.subarray(row * width + start, row * width + stop), row * (stop - start));
  }
  return y;
}""",
    "concatenate": """\
/** The rows of some arrays side by side. */
function concatenate(rows, parts) {
  const y = new parts[0].constructor(parts.reduce((sum, x) => sum + x.length, 0));
  for (let row = 0, to = 0; row < rows; row++) {
    for (const x of parts) {
      const width = x.length / rows;
      y.set(x.subarray(row * width, (row + 1) * width), to);
      to += width;
    }
  }
  return y;
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
