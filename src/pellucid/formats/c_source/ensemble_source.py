"""Several networks in one C program: the scores of each, and what they say together.

`NAME_scores` fills an array with the scores of one network after the other; `all` is the buffer for them, `common` the
one for what is made of them. Means are summed in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.formats.c_source.floats import FloatBody
from pellucid.formats.c_source.interface import NONE, Function, in_order, scores_of, words_of_numbers, yes_or_no
from pellucid.formats.ensemble_prediction import units_of
from pellucid.formats.prediction import Prediction
from pellucid.typing import Floats

FUNCTIONS = {
    "mean_of": """\
/* y = the mean of k rows of n numbers. */
static void mean_of(const float *rows, int k, int n, float *y)
{
    for (int i = 0; i < n; i++) {
        double sum = 0.0;
        for (int j = 0; j < k; j++)
            sum += (double)rows[n * j + i];
        y[i] = (float)(sum / k);
    }
}""",
}


def bodies_of(parts: Sequence[Prediction], name: str) -> tuple[list[Function], Function, FloatBody]:
    """A function for each network, `NAME_scores`, and the constants and buffers that they share."""
    shared, each = FloatBody(), []
    for number, part in enumerate(parts, start=1):
        shared.constants.prefix = f"net{number}_"
        body = FloatBody(shared.constants, buffers=shared.buffers)
        body.write(part)
        each.append(Function(f"static void network_{number}(const float *x, float *scores)", "", body.lines))
    big = name.upper()
    shared.buffers["all"] = len(parts) * parts[0].outputs
    calls = [f"network_{number}(x, scores + {number - 1} * {big}_OUTPUTS);" for number in range(1, len(parts) + 1)]
    words = "The last layer's outputs of each network, one network after the other."
    return each, scores_of(name, f"{big}_NETWORKS * {big}_OUTPUTS", calls, words), shared


def functions_of_several(parts: Sequence[Prediction], name: str, body: FloatBody) -> list[Function]:
    """What the networks predict together, and the probabilities if there are any; the buffers go into the body."""
    p, big = parts[0], name.upper()
    if p.link in ("softmax", "sigmoid"):
        return _with_probabilities(p, name, body)
    x, ask = f"const float x[{big}_INPUTS]", f"{name}_scores(x, all);"
    if p.link in ("argmax", "sign"):
        body.buffers["common"] = p.outputs
        lines = [ask, f"mean_of(all, {big}_NETWORKS, {big}_OUTPUTS, common);"]
        return [_decision(p, name, lines, yes_or_no("common[{0}]"))]
    lines = [ask, *_means(parts, big), *in_order(p, big)]
    return [Function(f"void {name}_predict({x}, float y[{big}_OUTPUTS])", words_of_numbers(p), lines)]


def _with_probabilities(p: Prediction, name: str, body: FloatBody) -> list[Function]:
    big = name.upper()
    x, count = f"const float x[{big}_INPUTS]", f"{big}_NETWORKS * {big}_OUTPUTS"
    logistic = [f"for (int i = 0; i < {count}; i++)", "    all[i] = 1.0f / (1.0f + expf(-all[i]));"]
    shares = [
        f"for (int i = 0; i < {count}; i += {big}_OUTPUTS)",
        f"    softmax(all + i, {big}_OUTPUTS, all + i);",
    ]
    lines = [f"{name}_scores(x, all);", *(shares if p.link == "softmax" else logistic)]
    if not p.class_count:
        lines.append(f"mean_of(all, {big}_NETWORKS, {big}_OUTPUTS, p);")
        words = "The probability of each output's yes into p."
        body.buffers["common"] = p.outputs
        proba = Function(f"void {name}_predict_proba({x}, float p[{big}_OUTPUTS])", words, lines)
        return [_decision(p, name, [f"{name}_predict_proba(x, common);"], yes_or_no("common[{0}]", "0.5f")), proba]
    if p.link == "softmax":
        lines += [f"mean_of(all, {big}_NETWORKS, {big}_OUTPUTS, p);", f"return largest(p, {big}_OUTPUTS);"]
        words, size = "The probabilities of the classes into p; the class is returned.", f"{big}_OUTPUTS"
    else:
        lines += [
            f"mean_of(all, {big}_NETWORKS, 1, p + 1);",
            "p[0] = 1.0f - p[1];",
            f"return {yes_or_no('p[1]', 'p[0]')};",
        ]
        words, size = "The probabilities of no and yes into p; the class is returned.", "2"
    body.buffers["common"] = p.probability_count
    proba = Function(f"int {name}_predict_proba({x}, float p[{size}])", words, lines)
    return [_decision(p, name, [], f"{name}_predict_proba(x, common)"), proba]


def _decision(p: Prediction, name: str, lines: list[str], answer: str) -> Function:
    """`NAME_predict` for classes: an expression for the class, or one for each output of several yes-or-no."""
    big = name.upper()
    x = f"const float x[{big}_INPUTS]"
    if p.link in ("softmax", "argmax"):
        words = f"The class of x, 0 to {p.outputs - 1}; of equal ones, the lowest; {NONE}."
        answer = answer if p.link == "softmax" else f"largest(common, {big}_OUTPUTS)"
        return Function(f"int {name}_predict({x})", words, [*lines, f"return {answer};"])
    if p.outputs == 1:
        words, lines = f"The class of x: 1 for yes, 0 for no; {NONE}.", [*lines, f"return {answer.format(0)};"]
        return Function(f"int {name}_predict({x})", words, lines)
    words = f"Yes (1) or no (0) for each output into y; {NONE}."
    each = [f"for (int i = 0; i < {big}_OUTPUTS; i++)", f"    y[i] = {answer.format('i')};"]
    return Function(f"void {name}_predict({x}, int y[{big}_OUTPUTS])", words, [*lines, *each])


def _means(parts: Sequence[Prediction], big: str) -> list[str]:
    """From the scores in `all` to the mean numbers in y."""
    units, exponentials = units_of(parts), []
    if parts[0].link == "exponential":
        exponentials = [f"for (int i = 0; i < {big}_NETWORKS * {big}_OUTPUTS; i++)", "    all[i] = expf(all[i]);"]
    if units is None:
        return [*exponentials, f"mean_of(all, {big}_NETWORKS, {big}_OUTPUTS, y);"]
    limited = bool(np.isfinite(units["low"]).any() or np.isfinite(units["high"]).any())
    names = ("scale", "mean", "low", "high") if limited else ("scale", "mean")
    tables = {name: _table(name, units[name], big) for name in names}
    words = {name: place for name, (_, place) in tables.items()}
    clipped = f"z < {words['low']} ? {words['low']} : z > {words['high']} ? {words['high']} : z" if limited else "z"
    score = f"(double)all[{big}_OUTPUTS * k + i]"
    score = f"exp({score})" if parts[0].link == "exponential" else score
    return [
        *exponentials,
        *(text for text, _ in tables.values()),
        f"for (int i = 0; i < {big}_OUTPUTS; i++) {{",
        "    double sum = 0.0;",
        f"    for (int k = 0; k < {big}_NETWORKS; k++) {{",
        f"        const double z = {score} * {words['scale']} + {words['mean']};",
        f"        sum += {clipped};",
        "    }",
        f"    y[i] = (float)(sum / {big}_NETWORKS);",
        "}",
    ]


def _table(name: str, values: Floats, big: str) -> tuple[str, str]:
    """Numbers (networks, outputs) as an array of doubles, and the element for network k and output i."""
    same = bool((values == values[:, :1]).all())
    flat = values[:, 0] if same else values.ravel()
    numbers = ", ".join(repr(z) if np.isfinite(z) else f"{'-' * (z < 0)}HUGE_VAL" for z in flat.tolist())
    place = f"{name}[k]" if same else f"{name}[{big}_OUTPUTS * k + i]"
    return f"static const double {name}[] = {{{numbers}}};", place
