"""A program in C that tests the other one: rows with expected answers, for whoever compiles it elsewhere.

It needs nothing of Pellucid. `main` prints the largest difference and answers 0 if all is right, 1 otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.formats.c_source.text import Constants
from pellucid.formats.prediction import Prediction
from pellucid.formats.writing import signature
from pellucid.losses import predictions
from pellucid.typing import Array, Floats

ROWS = 8
TOLERANCE = 1e-4
"""How far a score may be off, as a part of the largest one (at least 1)."""


def choose_rows(x: Array, scores: Floats, link: str, margin: float) -> Array:
    """The numbers of up to eight rows, spread over those whose class does not hang on a rounding, if there are any."""
    clear = np.flatnonzero(lead(scores, link) > 2 * margin)
    candidates = clear if len(clear) else np.arange(len(x))
    return candidates[np.unique(np.linspace(0, len(candidates) - 1, ROWS).astype(int))]


def lead(scores: Floats, link: str) -> Floats:
    """By how much the decision of each row is made, (n,)."""
    if link in ("softmax", "argmax") and scores.shape[1] > 1:
        ordered = np.sort(scores, axis=1)
        return ordered[:, -1] - ordered[:, -2]
    if link in ("sigmoid", "sign"):
        return np.abs(scores).min(axis=1)
    return np.full(len(scores), np.inf)


def float_test(
    parts: Sequence[Prediction], name: str, x: Floats, scores: Floats, deciding: Floats, tolerance: float
) -> str:
    """NAME_test.c: the scores of each row (of each network) within the tolerance, and its class exactly.

    `x` (n, inputs) must be numbers that a float holds; classes follow from `deciding` (n, outputs).
    """
    big, constants = name.upper(), Constants()
    each = f"{big}_OUTPUTS" if len(parts) == 1 else f"{big}_NETWORKS * {big}_OUTPUTS"
    words = "the scores of each row, computed in double precision"
    constants.array("inputs", x.astype(np.float32).ravel(), f"{len(x)} rows, one after the other")
    constants.array("expected", scores.astype(np.float32).ravel(), words)
    check = _class_check(parts[0], name, deciding, constants)
    return f"""\
{_head(name, len(x), constants, f"#define TOLERANCE {tolerance:.3g}")}
int main(void)
{{
    static float scores[{each}];
    double largest = 0.0;
    int wrong = 0;

    for (int row = 0; row < ROWS; row++) {{
        {name}_scores(inputs + {big}_INPUTS * row, scores);
        for (int i = 0; i < {each}; i++) {{
            const double difference = (double)scores[i] - (double)expected[{each} * row + i];
            const double size = difference < 0.0 ? -difference : difference;
            if (!(size <= largest))
                largest = size;
        }}{check}
    }}
    if (!(largest <= TOLERANCE))
        wrong = 1;
    printf("{name}: {len(x)} rows, largest difference %.3g (at most %.3g): ", largest, TOLERANCE);
    printf("%s\\n", wrong ? "WRONG" : "right");
    return wrong;
}}
"""


def whole_test(prediction: Prediction, name: str, x: Floats, q: Array, outputs: Array, scores: Floats | None) -> str:
    """NAME_test.c for int8: from the given whole numbers the very same outputs; the whole numbers of each row of x, to
    one step of rounding; and, where `scores` are given, its class.
    """
    big, constants = name.upper(), Constants()
    constants.array("inputs", x.astype(np.float32).ravel(), f"{len(x)} rows, one after the other")
    constants.array("quantized", q.astype(np.int8).ravel(), "the same rows as whole numbers")
    constants.array("expected", outputs.astype(np.int16).ravel(), "what the network makes of these")
    check = "" if scores is None else _class_check(prediction, name, scores, constants)
    return f"""\
{_head(name, len(x), constants)}
static int distance(int a, int b)
{{
    return a > b ? a - b : b - a;
}}

int main(void)
{{
    static int8_t q[{big}_QUANTIZED];
    static int16_t outputs[{big}_OUTPUTS];
    int largest = 0, wrong = 0;

    for (int row = 0; row < ROWS; row++) {{
        {name}_quantize(inputs + {big}_INPUTS * row, q);
        for (int i = 0; i < {big}_QUANTIZED; i++)
            if (distance(q[i], quantized[{big}_QUANTIZED * row + i]) > 1)
                wrong = 1;
        {name}_run(quantized + {big}_QUANTIZED * row, outputs);
        for (int i = 0; i < {big}_OUTPUTS; i++)
            if (distance(outputs[i], expected[{big}_OUTPUTS * row + i]) > largest)
                largest = distance(outputs[i], expected[{big}_OUTPUTS * row + i]);{check}
    }}
    if (largest > 0)
        wrong = 1;
    printf("{name}: {len(x)} rows, largest difference %d (at most 0): %s\\n", largest, wrong ? "WRONG" : "right");
    return wrong;
}}
"""


def _head(name: str, rows: int, constants: Constants, more: str = "") -> str:
    """All that stands in front of `main`."""
    arrays = "\n\n".join(constants.texts)
    defined = f"#define ROWS {rows}" + (f"\n{more}" if more else "")
    return f"""\
/* Tests {name}.c. {signature()}.
 *
 *     cc -std=c99 {name}.c {name}_test.c -lm -o {name}_test && ./{name}_test
 */
#include "{name}.h"

#include <stdint.h>
#include <stdio.h>

{defined}

{arrays}
"""


def _class_check(prediction: Prediction, name: str, scores: Floats, constants: Constants) -> str:
    """The lines that compare the class of a row; nothing where there are none."""
    if not prediction.class_count:
        return ""
    constants.array("classes", predictions(scores, prediction.link).astype(np.int32), "the class of each row")
    return f"""
        if ({name}_predict(inputs + {name.upper()}_INPUTS * row) != classes[row]) {{
            printf("row %d is not of class %d\\n", row, (int)classes[row]);
            wrong = 1;
        }}"""
