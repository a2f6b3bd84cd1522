"""The functions of a program that follow from its scores: classes, probabilities, numbers; and the header.

Contract: a `Function` has a declaration, a comment for the header, and the lines of its body. All names begin with the
program's, so that many models live in one program. They are the same for float and for int8 arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pellucid.formats.c_source.column_source import row_source
from pellucid.formats.c_source.text import comment, string
from pellucid.formats.ensemble_prediction import summary_of
from pellucid.formats.prediction import Prediction
from pellucid.formats.writing import signature
from pellucid.losses import TargetScaling


class Function(NamedTuple):
    """A function that others may call."""

    declaration: str
    label: str
    lines: list[str]

    def definition(self) -> str:
        """The function as it stands in the source."""
        body = "\n".join(f"    {line}" if line else "" for line in self.lines)
        return f"{self.declaration}\n{{\n{body}\n}}"


NONE = "-1 if there is none, as for x with NaN or infinity"
"""What a class is where a score is NaN."""


def yes_or_no(score: str, limit: str = "0.0f") -> str:
    """The decision for a score."""
    return f"isnan({score}) ? -1 : {score} > {limit}"


def scores_of(name: str, count: str, lines: list[str], words: str) -> Function:
    """`NAME_scores`: this many numbers, all of them NaN where x is not finite."""
    arguments = f"const float x[{name.upper()}_INPUTS], float scores[{count}]"
    head = [
        f"if (!all_finite(x, {name.upper()}_INPUTS)) {{",
        f"    for (int i = 0; i < {count}; i++)",
        "        scores[i] = NAN;",
        "    return;",
        "}",
    ]
    return Function(f"void {name}_scores({arguments})", f"{words} NaN if x holds NaN or infinity.", [*head, *lines])


def functions_of(prediction: Prediction, name: str, class_of_row: list[str] | None = None) -> list[Function]:
    """What a network predicts, and its probabilities if it has any; `class_of_row`: how to find the class of x without
    scores in float.
    """
    big = name.upper()
    x = f"const float x[{big}_INPUTS]"
    link, several = prediction.link, prediction.outputs > 1
    if link in ("softmax", "argmax"):
        return _of_classes(prediction, name, x, class_of_row)
    scores = f"{name}_scores(x, scores);"
    own = f"static float scores[{big}_OUTPUTS];"
    if link in ("sigmoid", "sign") and not several:
        predict = Function(
            f"int {name}_predict({x})",
            f"The class of x: 1 for yes, 0 for no; {NONE}.",
            class_of_row or [own, scores, f"return {yes_or_no('scores[0]')};"],
        )
        proba = Function(
            f"int {name}_predict_proba({x}, float p[2])",
            "The probabilities of no and yes into p; the class is returned.",
            [
                own,
                scores,
                "p[1] = 1.0f / (1.0f + expf(-scores[0]));",
                "p[0] = 1.0f - p[1];",
                f"return {yes_or_no('scores[0]')};",
            ],
        )
        return [predict, proba] if link == "sigmoid" else [predict]
    each = f"for (int i = 0; i < {big}_OUTPUTS; i++)"
    if link in ("sigmoid", "sign"):
        predict = Function(
            f"void {name}_predict({x}, int y[{big}_OUTPUTS])",
            f"Yes (1) or no (0) for each output into y; {NONE}.",
            [own, scores, each, f"    y[i] = {yes_or_no('scores[i]')};"],
        )
        proba = Function(
            f"void {name}_predict_proba({x}, float p[{big}_OUTPUTS])",
            "The probability of each output's yes into p.",
            [f"{name}_scores(x, p);", each, "    p[i] = 1.0f / (1.0f + expf(-p[i]));"],
        )
        return [predict, proba] if link == "sigmoid" else [predict]
    lines = [f"{name}_scores(x, y);"] + ([each, "    y[i] = expf(y[i]);"] if link == "exponential" else [])
    if prediction.target is not None:
        lines += _in_unit(prediction.target, prediction.outputs, each)
    lines += in_order(prediction, big)
    return [Function(f"void {name}_predict({x}, float y[{big}_OUTPUTS])", words_of_numbers(prediction), lines)]


def words_of_numbers(prediction: Prediction) -> str:
    """What `NAME_predict` does where numbers are predicted."""
    if prediction.places:
        return "The predicted quantiles into y; the higher one is never the lower number."
    return "The predicted numbers into y."


def in_order(prediction: Prediction, big: str) -> list[str]:
    """The lines that put quantiles in y in order; none for other numbers."""
    if not prediction.places:
        return []
    lines = [f"ascending(y, {big}_OUTPUTS);"]
    if prediction.places == tuple(range(prediction.outputs)):
        return lines
    places = ", ".join(map(str, prediction.places))
    return [
        f"static const int places[] = {{{places}}};",
        f"float sorted[{big}_OUTPUTS];",
        *lines,
        f"for (int i = 0; i < {big}_OUTPUTS; i++)",
        "    sorted[i] = y[i];",
        f"for (int i = 0; i < {big}_OUTPUTS; i++)",
        "    y[i] = sorted[places[i]];",
    ]


def _in_unit(target: TargetScaling, outputs: int, each: str) -> list[str]:
    """The scores in y become predictions in the unit of the target, computed in double precision."""
    tables, words = [], {}
    for part in ("mean", "scale", "low", "high"):
        column = target.column(part, outputs)
        if column is not None and (column == column[0]).all():
            words[part] = repr(float(column[0]))
        elif column is not None:
            tables.append(f"static const double {part}[] = {{{', '.join(map(repr, column.tolist()))}}};")
            words[part] = f"{part}[i]"
    lines = [*tables, f"{each} {{", f"    const double z = (double)y[i] * {words['scale']} + {words['mean']};"]
    low = f"z < {words['low']} ? {words['low']} : " if "low" in words else ""
    high = f"z > {words['high']} ? {words['high']} : " if "high" in words else ""
    return [*lines, f"    y[i] = (float)({low}{high}z);", "}"]


def _of_classes(prediction: Prediction, name: str, x: str, class_of_row: list[str] | None) -> list[Function]:
    big = name.upper()
    predict = Function(
        f"int {name}_predict({x})",
        f"The class of x, 0 to {prediction.outputs - 1}; of equal scores, the lowest; {NONE}.",
        class_of_row
        or [
            f"static float scores[{big}_OUTPUTS];",
            f"{name}_scores(x, scores);",
            f"return largest(scores, {big}_OUTPUTS);",
        ],
    )
    proba = Function(
        f"int {name}_predict_proba({x}, float p[{big}_OUTPUTS])",
        "The probabilities of the classes into p; the class is returned.",
        [
            f"{name}_scores(x, p);",
            f"const int best = largest(p, {big}_OUTPUTS);",
            f"softmax(p, {big}_OUTPUTS, p);",
            "return best;",
        ],
    )
    return [predict, proba] if prediction.link == "softmax" else [predict]


def memory_of(functions: list[Function]) -> int:
    """How many static arrays for the scores the functions have."""
    return sum(line.startswith("static float scores") for function in functions for line in function.lines)


def header(
    parts: Sequence[Prediction], name: str, functions: list[Function], facts: list[str], macros: dict[str, str]
) -> str:
    """The whole of NAME.h."""
    big, prediction = name.upper(), parts[0]
    what = "a neural network" if len(parts) == 1 else f"{len(parts)} neural networks"
    layers = summary_of([part.summary for part in parts]).splitlines()
    told = "\n".join(f" * {comment(line)}".rstrip() for line in [*facts, "", *layers])
    declared = "\n\n".join(f"/* {f.label} */\n{f.declaration};" for f in functions)
    defined = {"INPUTS": str(prediction.inputs), "OUTPUTS": str(prediction.outputs), **macros}
    if prediction.classes is not None and prediction.class_count:
        declared += f"\n\n/* The names of the classes. */\nextern const char *const {name}_classes[{big}_CLASSES];"
        defined["CLASSES"] = str(len(prediction.classes))
    if prediction.encoder is not None:
        declared = f"{row_source(prediction.encoder, name).header}\n\n{declared}"
    lines = "\n".join(f"#define {big}_{key} {value}" for key, value in defined.items())
    integers = "#include <stdint.h>\n\n" if "int8_t" in declared else ""
    return f"""\
/* {name}: {what}. {signature()}.
 *
{told}
 */
#ifndef {big}_H
#define {big}_H

{integers}#ifdef __cplusplus
extern "C" {{
#endif

{lines}

{declared}

#ifdef __cplusplus
}}
#endif

#endif
"""


def class_names(prediction: Prediction, name: str) -> list[str]:
    """The definition of the names of the classes, if there are any."""
    if prediction.classes is None or not prediction.class_count:
        return []
    names = ", ".join(map(string, prediction.classes))
    return [f"const char *const {name}_classes[{name.upper()}_CLASSES] = {{{names}}};"]
