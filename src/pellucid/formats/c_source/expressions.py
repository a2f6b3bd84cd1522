"""Activations and scalings as C99: one expression in z for each, and the functions that some of them call.

A statement works on `float z`, the number at place `i`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid import layers
from pellucid.formats.c_source.text import Constants, comment, number
from pellucid.formats.steps import Affine, Bend, Elementwise, Slopes, SoftClip, Step
from pellucid.layers.base import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE
from pellucid.typing import Floats

SCALAR_STEPS = (Affine, Bend, Elementwise, Slopes, SoftClip)
"""The steps that take each number on its own."""

EXPRESSIONS: dict[type[Layer], Callable[[Any], str]] = {
    layers.Sigmoid: lambda _: "1.0f / (1.0f + expf(-z))",
    layers.Tanh: lambda _: "tanhf(z)",
    layers.HardTanh: lambda a: (
        f"z < {number(a.minimum)} ? {number(a.minimum)} : z > {number(a.maximum)} ? {number(a.maximum)} : z"
    ),
    layers.ReLU: lambda _: "z < 0.0f ? 0.0f : z",
    layers.LeakyReLU: lambda a: f"z > 0.0f ? z : {number(a.slope)} * z",
    layers.ELU: lambda a: f"z > 0.0f ? z : {number(a.alpha)} * expm1f(z)",
    layers.SELU: lambda _: f"z > 0.0f ? {number(SELU_SCALE)} * z : {number(SELU_SCALE * SELU_ALPHA)} * expm1f(z)",
    layers.GELU: lambda a: (
        f"0.5f * z * (1.0f + erff({number(math.sqrt(0.5))} * z))"
        if a.approximate == "none"
        else f"0.5f * z * (1.0f + tanhf({number(math.sqrt(2 / math.pi))} * (z + {number(0.044715)} * z * z * z)))"
    ),
    layers.SiLU: lambda _: "z / (1.0f + expf(-z))",
    layers.Mish: lambda _: "z * tanhf(softplus(z))",
    layers.Softplus: lambda a: "softplus(z)" if a.beta == 1 else f"softplus({number(a.beta)} * z) / {number(a.beta)}",
    layers.Softsign: lambda _: "z / (1.0f + fabsf(z))",
}
"""The value of each activation at z."""


def statement(step: Step, constants: Constants, *, leading: bool) -> str:
    """What a step does to z; `leading`: the step works on the data's own numbers."""
    if isinstance(step, Affine):
        right = _affine(step, constants, leading)
    elif isinstance(step, Slopes):
        slope = constants.of_features(f"slope_{step.index}", step.slope)
        right = f"z > 0.0f ? z : {slope} * z"
    elif isinstance(step, Bend):
        share = constants.of_features(f"share_{step.index}", step.share)
        right = f"z + {share} * (({EXPRESSIONS[type(step.layer)](step.layer)}) - z)"
    elif isinstance(step, SoftClip):
        limit = number(step.limit)
        right = f"z / sqrtf(1.0f + (z / {limit}) * (z / {limit}))"
    else:
        assert isinstance(step, Elementwise), step
        right = EXPRESSIONS[type(step.layer)](step.layer)
    return f"z = {right};  /* {comment(step.words)} */"


def _affine(step: Affine, constants: Constants, leading: bool) -> str:
    """((z − centre) − rest)·scale + shift, without what changes nothing."""
    words = "z"
    if step.centre.any():
        words = f"({words} - {constants.of_features(f'centre_{step.index}', step.centre)})"
        rest = rest_of(step.centre)
        if leading and np.abs(rest * step.scale).max() > 2.0**-24:  # it would show in a number of size 1
            words = f"({words} - {constants.of_features(f'centre_rest_{step.index}', rest)})"
    if (step.scale != 1).any():
        words = f"{words} * {constants.of_features(f'scale_{step.index}', step.scale)}"
    if step.shift.any():
        words = f"{words} + {constants.of_features(f'shift_{step.index}', step.shift)}"
    return words


def rest_of(values: Floats) -> Floats:
    """What a float cannot hold of each number: z − centre is right to the last bit of z where it is taken off, too."""
    with np.errstate(over="ignore"):
        return values - values.astype(np.float32).astype(np.float64)


FUNCTIONS: dict[str, str] = {
    "softplus": """\
/* log(1 + e^z), without overflow. */
static float softplus(float z)
{
    return (z > 0.0f ? z : 0.0f) + log1pf(expf(-fabsf(z)));
}""",
    "dense": """\
/* y = x W + b, with W (inputs, units) row by row. Four rows at a time: y is seldom read and written. */
static void dense(const float *x, int inputs, const float *weight, const float *bias, int units, float *y)
{
    const float *end = x + inputs;
    for (int j = 0; j < units; j++)
        y[j] = bias[j];
    for (int rest = inputs % 4; rest > 0; rest--, x++, weight += units) {
        const float x0 = x[0];
        for (int j = 0; j < units; j++)
            y[j] += x0 * weight[j];
    }
    for (; x != end; x += 4, weight += 4 * units) {
        const float x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
        const float *w1 = weight + units, *w2 = w1 + units, *w3 = w2 + units;
        for (int j = 0; j < units; j++)
            y[j] += x0 * weight[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j];
    }
}""",
    "waves": """\
/* Each of the first n numbers x as x, bias + cos(x * angle + phase) mixture; behind them all the others of x. */
static void waves(const float *x, int inputs, int n, int count, int more, const float *angle, const float *phase,
                  const float *mixture, const float *bias, float *y)
{
    for (int i = 0; i < n; i++, angle += count, phase += count, mixture += count * more, bias += more) {
        *y++ = x[i];
        for (int j = 0; j < more; j++)
            y[j] = bias[j];
        for (int k = 0; k < count; k++) {
            const float wave = cosf(x[i] * angle[k] + phase[k]);
            for (int j = 0; j < more; j++)
                y[j] += wave * mixture[k * more + j];
        }
        y += more;
    }
    for (int i = n; i < inputs; i++)
        *y++ = x[i];
}""",
    "lookup": """\
/* The last n of x are codes, 0 to counts[i] - 1, and are replaced by their rows of the table. What is no code is 0. */
static void lookup(const float *x, int inputs, int n, const int32_t *counts, const float *table, int size, float *y)
{
    for (int i = 0; i < inputs - n; i++)
        *y++ = x[i];
    for (int i = 0; i < n; i++, table += counts[i - 1] * size) {
        const float code = x[inputs - n + i];
        const float *vector = table + (code >= 0.0f && code < (float)counts[i] ? (int)code : 0) * size;
        for (int j = 0; j < size; j++)
            *y++ = vector[j];
    }
}""",
    "largest": """\
/* The place of the largest of n numbers; of equal ones, the first; -1 if one is NaN. */
static int largest(const float *x, int n)
{
    int best = 0;
    for (int i = 0; i < n; i++) {
        if (isnan(x[i]))
            return -1;
        if (x[i] > x[best])
            best = i;
    }
    return best;
}""",
    "all_finite": """\
/* Whether none of n numbers is NaN or infinite. */
static int all_finite(const float *x, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return 0;
    return 1;
}""",
    "softmax": """\
/* y = exp(x - max x) / sum; y may be x. */
static void softmax(const float *x, int n, float *y)
{
    float max = x[0], sum = 0.0f;
    for (int i = 1; i < n; i++)
        if (x[i] > max)
            max = x[i];
    for (int i = 0; i < n; i++) {
        y[i] = expf(x[i] - max);
        sum += y[i];
    }
    for (int i = 0; i < n; i++)
        y[i] /= sum;
}""",
    "ascending": """\
/* The n numbers of y in order, by insertion. */
static void ascending(float *y, int n)
{
    for (int i = 1; i < n; i++) {
        const float z = y[i];
        int j = i;
        for (; j > 0 && y[j - 1] > z; j--)
            y[j] = y[j - 1];
        y[j] = z;
    }
}""",
    "standard": """\
/* y = (x - mean) / sqrt(variance + epsilon), both of x itself; y may be x. */
static void standard(const float *x, int n, float epsilon, float *y)
{
    float mean = 0.0f, variance = 0.0f;
    for (int i = 0; i < n; i++)
        mean += x[i];
    mean /= (float)n;
    for (int i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean);
    variance /= (float)n;
    const float inverse = 1.0f / sqrtf(variance + epsilon);
    for (int i = 0; i < n; i++)
        y[i] = (x[i] - mean) * inverse;
}""",
}
"""What a program may call, in the order in which it is written."""


def functions_in(code: Sequence[str], functions: Mapping[str, str]) -> list[str]:
    """The functions of a table that some code calls."""
    text = "\n".join(code)
    return [body for name, body in functions.items() if re.search(rf"\b{name}\(", text)]
