"""`write_c`: the files of a C program, and what there is to say about them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.ensemble import Model, members
from pellucid.formats.c_source import ensemble_source, interface, selftest
from pellucid.formats.c_source.accuracy import compare
from pellucid.formats.c_source.column_source import row_source
from pellucid.formats.c_source.expressions import FUNCTIONS, functions_in
from pellucid.formats.c_source.floats import FloatBody
from pellucid.formats.c_source.integers import FUNCTIONS as WHOLE_FUNCTIONS
from pellucid.formats.c_source.integers import WholeBody
from pellucid.formats.c_source.interface import Function
from pellucid.formats.c_source.quantize import Quantized, quantize
from pellucid.formats.c_source.text import number
from pellucid.formats.ensemble_prediction import deciding, predictions_of
from pellucid.formats.prediction import Prediction
from pellucid.formats.rows import sample_rows, spread
from pellucid.formats.writing import ExportReport, identifier, signature, size, without_ending, write_files
from pellucid.typing import Array

_ENDINGS = (".c", ".h")
_CLEAR = 0.05
"""How clearly the class of a row of the int8 test is decided, as a part of the largest score."""


def write_c(
    network: Model, path: str | os.PathLike[str], *, int8: bool = False, rows: Any = None, test: Any = None
) -> ExportReport:
    """Write a network as C99: `NAME.h`, `NAME.c` and the self-test `NAME_test.c`.

    Of several networks, `NAME_scores` returns those of each, `NAME_NETWORKS` times `NAME_OUTPUTS` numbers, and the
    other functions what the networks say together.

    Parameters
    ----------
    network : Network or Ensemble
        Built or trained. A float64 network's numbers are rounded to float.
    path : path
        Where to, with or without `.c`: the file's name gives the functions theirs, `NAME_predict` and so on.
    int8 : bool
        Weights and activations as bytes, and whole numbers alone between the first dense layer and the scores: a
        quarter of the size, and no floating-point unit needed; a little less exact, as the report says. For a single
        network alone.
    rows : array (n, *input_shape) or None
        Rows like those to come: int8 measures its ranges on them and needs them; some go into the self-test (None:
        random ones).
    test : pair (x, y) or None
        Rows with targets, not those trained on, on which the report compares int8 with float.

    Returns
    -------
    ExportReport
        The files, the sizes of constants and memory, and what int8 costs.

    Raises
    ------
    ValueError
        If a custom layer's `forward` cannot be read, a number is not finite or too large for a float, rows are
        missing for int8, a layer is none that int8 knows, or several networks are to be int8.
    FileExistsError
        If a file of the name is there that no export wrote.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(3), pl.ReLU(), pl.Dense(2)]).build(4)
    >>> network.link = "softmax"
    >>> print(write_c(network, os.path.join(tempfile.mkdtemp(), "small")).lines[0])
    92 bytes of constants, 20 bytes of static memory

    Notes
    -----
    Scores in float agree with `Network.scores` to float32 rounding: within 1e-5 of the largest one. The functions of a
    model share static buffers: call them from one thread at a time.
    """
    parts = predictions_of(network)
    prediction = parts[0]
    place = without_ending(path, _ENDINGS)
    name = identifier(place.name)
    x = sample_rows(prediction, rows)
    if int8 and rows is None:
        raise ValueError(
            f"int8 needs rows to measure its ranges on: give rows=, inputs like those to come, "
            f"{prediction.batch_shape}."
        )
    if int8:
        if len(parts) > 1:
            raise ValueError(
                f"int8 writes a single network, but these are {len(parts)} of an ensemble: write them in float, "
                f"or one of them, networks[0]."
            )
        whole = quantize(prediction, spread(x).astype(np.float64))
        texts, facts = whole_program(prediction, whole, name)
        texts[f"{name}_test.c"] = _whole_test(prediction, whole, name, spread(x))
        facts += compare(members(network).networks[0], prediction, whole, x, test)
    else:
        texts, facts = program(parts, name)
        texts[f"{name}_test.c"] = _test(parts, name, spread(x))
    if any(part.dtype == np.float64 for part in parts):
        facts.append("The network's float64 numbers are rounded.")
    files: dict[Path, str | bytes] = {place.with_name(file): text for file, text in texts.items()}
    write_files(files)
    return ExportReport(tuple(files), (*facts, how_to_test(place, name)))


def how_to_test(place: Path, name: str) -> str:
    """The line that compiles and runs the self-test."""
    sources = " ".join(shlex.quote(str(place.with_name(f"{name}{end}"))) for end in (".c", "_test.c"))
    return f"Test it: cc -std=c99 {sources} -lm -o {name}_test && ./{name}_test"


_WORDS = "The last layer's outputs."


def program(parts: Sequence[Prediction], name: str) -> tuple[dict[str, str], list[str]]:
    """The texts of NAME.h and NAME.c in float arithmetic, and what there is to say of them."""
    prediction, hidden, macros = parts[0], list[Function](), dict[str, str]()
    if len(parts) == 1:
        body = FloatBody()
        body.write(prediction)
        functions = [
            interface.scores_of(name, f"{name.upper()}_OUTPUTS", body.lines, _WORDS),
            *interface.functions_of(prediction, name),
        ]
    else:
        hidden, scores, body = ensemble_source.bodies_of(parts, name)
        functions = [scores, *ensemble_source.functions_of_several(parts, name, body)]
        macros = {"NETWORKS": str(len(parts))}
    memory = body.memory + 4 * prediction.outputs * interface.memory_of(functions)
    sizes = f"{size(body.constants.bytes)} of constants, {size(memory)} of static memory"
    constants = [*body.constants.texts, *interface.class_names(prediction, name)]
    used = functions_in(_code([*hidden, *functions]), {**FUNCTIONS, **ensemble_source.FUNCTIONS})
    source = _source(parts, name, [*constants, *_declared(body.declarations()), *used], [*hidden, *functions])
    header = interface.header(parts, name, functions, _facts(sizes), macros)
    return {f"{name}.h": header, f"{name}.c": source}, [sizes]


def whole_program(prediction: Prediction, whole: Quantized, name: str) -> tuple[dict[str, str], list[str]]:
    """The texts of NAME.h and NAME.c in int8, and what there is to say of them."""
    big, body = name.upper(), WholeBody(prediction, whole)
    steps = [f"{name}_quantize(x, row);", f"{name}_run(row, outputs);"]
    scores = [f"for (int i = 0; i < {big}_OUTPUTS; i++)", f"    scores[i] = (float)outputs[i] * {number(whole.unit)};"]
    scores += [f"softmax(scores, {big}_OUTPUTS, scores);"] if whole.tail else []
    predicted = None
    if prediction.link in ("softmax", "argmax"):
        check = f"if (!all_finite(x, {big}_INPUTS))"
        predicted = [check, "    return -1;", *steps, f"return largest_whole(outputs, {big}_OUTPUTS);"]
    functions = [
        Function(
            f"void {name}_quantize(const float x[{big}_INPUTS], int8_t q[{big}_QUANTIZED])",
            "A row as whole numbers; the only function with float but the ones that answer float.",
            body.quantize_lines,
        ),
        Function(
            f"void {name}_run(const int8_t q[{big}_QUANTIZED], int16_t y[{big}_OUTPUTS])",
            f"The outputs of a row in whole numbers; 1 stands for {number(whole.unit)}.",
            body.run_lines,
        ),
        interface.scores_of(name, f"{big}_OUTPUTS", [*steps, *scores], _WORDS),
        *interface.functions_of(prediction, name, predicted),
    ]
    memory = body.memory + 4 * prediction.outputs * interface.memory_of(functions)
    sizes = f"{size(body.constants.bytes)} of constants, {size(memory)} of static memory"
    constants = [*body.constants.texts, *interface.class_names(prediction, name)]
    used = functions_in(_code(functions), {**FUNCTIONS, **WHOLE_FUNCTIONS})
    source = _source([prediction], name, [*constants, *_declared(body.declarations()), *used], functions)
    header = interface.header([prediction], name, functions, _facts(sizes), {"QUANTIZED": str(body.width)})
    return {f"{name}.h": header, f"{name}.c": source}, [f"int8: {sizes}"]


def _facts(sizes: str) -> list[str]:
    return [
        f"{sizes}. No allocation, no library but <math.h>.",
        "The functions share static buffers: call them from one thread at a time.",
    ]


def _code(functions: list[Function]) -> list[str]:
    return [line for function in functions for line in function.lines]


def _declared(buffers: list[str]) -> list[str]:
    return ["\n".join(buffers)] if buffers else []


def _source(parts: Sequence[Prediction], name: str, texts: list[str], functions: list[Function]) -> str:
    """NAME.c."""
    encoder = parts[0].encoder
    rows = [] if encoder is None else [row_source(encoder, name).source]
    what = "a neural network" if len(parts) == 1 else f"{len(parts)} neural networks"
    head = f'/* {name}: {what}. {signature()}. See {name}.h. */\n\n#include "{name}.h"'
    body = "\n\n".join([*texts, *rows, *(function.definition() for function in functions)])
    libraries = ["math.h"]
    libraries += ["stddef.h"] if "NULL" in body else []
    libraries += ["stdint.h"] if "int32_t" in body else []
    libraries += ["string.h"] if rows and "strcmp" in rows[0] else []
    includes = "\n".join(f"#include <{library}>" for library in libraries)
    return f"{head}\n\n{includes}\n\n{body}\n"


def _test(parts: Sequence[Prediction], name: str, x: Array) -> str:
    x = x.astype(np.float32).astype(np.float64)  # what the program is given
    scores = np.concatenate([part.scores(x) for part in parts], axis=1)  # (n, networks·outputs)
    decided = deciding(parts, x)  # (n, outputs)
    tolerance = selftest.TOLERANCE * max(1.0, float(np.abs(scores).max()))
    chosen = selftest.choose_rows(x, decided, parts[0].link, tolerance)
    return selftest.float_test(parts, name, x[chosen], scores[chosen], decided[chosen], tolerance)


def _whole_test(prediction: Prediction, whole: Quantized, name: str, x: Array) -> str:
    x = x.astype(np.float32).astype(np.float64)
    scores = whole.scores(x)
    margin = _CLEAR * max(float(np.abs(scores).max()), 1e-30)
    chosen = selftest.choose_rows(x, scores, prediction.link, margin)
    clear = (selftest.lead(scores[chosen], prediction.link) > margin).all() and whole.tail is None
    q = whole.inputs(x[chosen])
    return selftest.whole_test(prediction, name, x[chosen], q, whole.run(q), scores[chosen] if clear else None)
