"""`write_javascript`: the text of an ES module."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid.ensemble import Model
from pellucid.formats.encoding.javascript import ROW, encoding_parts
from pellucid.formats.ensemble_prediction import predictions_of, summary_of
from pellucid.formats.javascript.answers import answering_parts
from pellucid.formats.javascript.functions import FUNCTIONS
from pellucid.formats.javascript.javascript_program import JavaScriptProgram
from pellucid.formats.prediction import Prediction
from pellucid.formats.writing import (
    ExportReport,
    functions_called,
    identifier,
    signature,
    size,
    without_ending,
    write_files,
)
from pellucid.typing import Array


def write_javascript(network: Model, path: str | os.PathLike[str]) -> ExportReport:
    """Write a network as an ES module, `NAME.mjs`, that exports `scores(x)`, `predict(x)` and, for probabilities,
    `predictProba(x)`; x is one row of numbers.

    Of several networks, `scores(x)` returns an array of those of each, and the others what the networks say together.

    Parameters
    ----------
    network : Network or Ensemble
        Built or trained.
    path : path
        Where to, with or without `.mjs`.

    Returns
    -------
    ExportReport
        The file and its size.

    Raises
    ------
    ValueError
        If a custom layer's `forward` cannot be read, or a number is not finite.
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
    parts = predictions_of(network)
    place = without_ending(path, (".mjs", ".js"))
    target = place.with_name(f"{identifier(place.name)}.mjs")
    text = _text(target.stem, parts)
    write_files({target: text})
    names = "predict, predictProba" if parts[0].probability_count else "predict"
    use = f'Use it: import {{ {names} }} from "./{target.name}";'
    return ExportReport((Path(target),), (f"{size(len(text.encode()))}", use))


def _text(name: str, parts: Sequence[Prediction]) -> str:
    """The whole module."""
    p, several = parts[0], len(parts) > 1
    programs = [JavaScriptProgram(part, f"net{number}" * several) for number, part in enumerate(parts, start=1)]
    arrays = {key: values for program in programs for key, values in program.arrays.items()}
    numbers = "Float64Array" if any(program.numbers == "Float64Array" for program in programs) else "Float32Array"
    table = "\n".join(f" *     {line}".rstrip() for line in summary_of([part.summary for part in parts]).splitlines())
    what = f"{len(parts)} neural networks" if several else "a neural network"
    texts = [f"/**\n * {name}: {what}. {signature()}.\n *\n{table}\n */"]
    texts.append(f"export const inputs = {p.inputs};\nexport const outputs = {p.outputs};")
    if p.classes is not None and p.class_count:
        texts[-1] += f"\nexport const classes = {json.dumps(p.classes, ensure_ascii=False)};"
    texts += _scores_of_each(programs) if several else [_scores(programs[0])]
    texts += answering_parts(parts, numbers)
    texts += [] if p.encoder is None else encoding_parts(p.encoder)
    code = "\n".join([*texts, "decode(" if arrays else ""])
    texts += [body.replace("NUMBERS", numbers) for body in functions_called(code, FUNCTIONS)]
    if arrays:
        texts.append("\n".join(_constant(key, values) for key, values in arrays.items()))
    return "\n\n".join(texts) + "\n"


def _scores(program: JavaScriptProgram) -> str:
    """`scores` of a single network."""
    p = program.prediction
    return (
        f"/** The last layer's {p.outputs} outputs for {_example(p)}. */\n"
        f"export function scores(x) {{\n{_checked(p)}{_lines(program)}}}"
    )


def _scores_of_each(programs: Sequence[JavaScriptProgram]) -> list[str]:
    """`scores` of several networks, and a function for each of them."""
    p, count = programs[0].prediction, len(programs)
    calls = "".join(f"    network{number}(x),\n" for number in range(1, count + 1))
    all_of_them = (
        f"/** The last layer's {p.outputs} outputs of each of {count} networks for {_example(p)}. */\n"
        f"export function scores(x) {{\n{_checked(p)}  return [\n{calls}  ];\n}}"
    )
    each = [f"function network{number}(x) {{\n{_lines(program)}}}" for number, program in enumerate(programs, start=1)]
    return [all_of_them, *each]


def _example(p: Prediction) -> str:
    """What x is."""
    if len(p.input_shape) == 1:
        return f"a row x of {p.inputs} numbers"
    return f"an example x of {p.inputs} numbers: {' × '.join(map(str, p.input_shape))}, the last axis counting fastest"


def _checked(p: Prediction) -> str:
    """The lines that look at x."""
    return (
        f"{'' if p.encoder is None else ROW}"
        f"  if (x.length !== {p.inputs}) "
        f"throw new RangeError(`x must hold {p.inputs} numbers, not ${{x.length}}.`);\n"
        '  const wrong = Array.from(x).findIndex((each) => typeof each !== "boolean" && !Number.isFinite(each));\n'
        "  if (wrong >= 0) throw new RangeError(`x must hold finite numbers, but x[${wrong}] is ${x[wrong]}.`);\n"
    )


_LAST = """\
  if (z.some(Number.isNaN)) throw new RangeError("The scores are NaN: x holds numbers too large for the network.");
"""


def _lines(program: JavaScriptProgram) -> str:
    """From x to the scores."""
    body = "".join(f"  {line}\n" for line in program.lines)
    return f"{body}{_LAST}  return z;\n"


def _constant(name: str, values: Array) -> str:
    text = base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()
    double = ", true" if values.dtype == np.float64 else ""
    return f'const {name} = decode("{text}"{double}); // {" × ".join(map(str, values.shape))}'
