"""Arithmetic in C99: what operations are called, and the functions that programs call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

WORDS = {
    "power": "powf",
    "square": "square",
    "maximum": "maximum",
    "minimum": "minimum",
    "absolute": "fabsf",
    "sqrt": "sqrtf",
    "exp": "expf",
    "expm1": "expm1f",
    "log": "logf",
    "log1p": "log1pf",
    "tanh": "tanhf",
    "cos": "cosf",
    "sin": "sinf",
    "erf": "erff",
    "sigmoid": "logistic",
    "softplus": "softplus",
    "to_integer": "truncf",
}
"""What operations on numbers at the same place are called: see `pellucid.formats.expressions`."""

FUNCTIONS: dict[str, str] = {
    "maximum": """\
/* The larger number; NaN where one of them is. */
static float maximum(float y, float z)
{
    return y < z || z != z ? z : y;
}""",
    "minimum": """\
/* The smaller number; NaN where one of them is. */
static float minimum(float y, float z)
{
    return y > z || z != z ? z : y;
}""",
    "square": """\
static float square(float z)
{
    return z * z;
}""",
    "logistic": """\
/* 1 / (1 + e^-z). */
static float logistic(float z)
{
    return 1.0f / (1.0f + expf(-z));
}""",
    "softplus": """\
/* log(1 + e^z), without overflow. */
static float softplus(float z)
{
    return (z > 0.0f ? z : 0.0f) + log1pf(expf(-fabsf(z)));
}""",
    "codes": """\
/* y = x, whose last n numbers are codes, 0 to counts[i] - 1; what is no code becomes 0. */
static void codes(const float *x, int inputs, int n, const int32_t *counts, float *y)
{
    for (int i = 0; i < inputs; i++)
        y[i] = x[i];
    for (int i = 0; i < n; i++) {
        const float code = y[inputs - n + i];
        y[inputs - n + i] = code >= 0.0f && code < (float)counts[i] ? truncf(code) : 0.0f;
    }
}""",
    "dense": """\
/* y = x W + b, with W (inputs, units) row by row; b may be NULL. Four rows at a time: y is seldom read and written. */
static void dense(const float *x, int inputs, const float *weight, const float *bias, int units, float *y)
{
    const float *end = x + inputs;
    for (int j = 0; j < units; j++)
        y[j] = bias ? bias[j] : 0.0f;
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
}
"""What a program may call, in the order in which it is written."""


def functions_in(code: Sequence[str], functions: Mapping[str, str]) -> list[str]:
    """The functions of a table that some code calls."""
    text = "\n".join(code)
    return [body for name, body in functions.items() if re.search(rf"\b{name}\(", text)]
