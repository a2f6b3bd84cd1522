"""`write_numpy`: the file of a Python program, and the numbers beside it.

Up to 20,000 numbers stand in the file itself, below the code; more go beside it into an `.npz` file, which the program
reads with `allow_pickle=False`.
"""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pellucid.ensemble import Model
from pellucid.formats.encoding.numpy import IMPORTS, ROWS, encoding_text
from pellucid.formats.ensemble_prediction import predictions_of, summary_of
from pellucid.formats.numpy_source.answers import answering_text, constants_text
from pellucid.formats.numpy_source.numpy_program import FUNCTIONS, NumpyProgram
from pellucid.formats.prediction import Prediction
from pellucid.formats.writing import ExportReport, identifier, signature, without_ending, write_files
from pellucid.typing import Array

MOST_INSIDE = 20_000
"""How many numbers stand in the file itself."""

_WIDTH = 116


def write_numpy(network: Model, path: str | os.PathLike[str]) -> ExportReport:
    """Write a network as a Python file with `scores(x)`, `predict(x)` and, for classes, `predict_proba(x)`.

    Of several networks, `scores(x)` returns those of each, (networks, n, outputs), and the others what the networks say
    together.

    Parameters
    ----------
    network : Network or Ensemble
        Built or trained.
    path : path
        Where to, with or without `.py`.

    Returns
    -------
    ExportReport
        The files: `NAME.py`, and `NAME.npz` beside it where there are more than 20,000 numbers.

    Raises
    ------
    ValueError
        If a custom layer's `forward` cannot be read, or a number is not finite.
    FileExistsError
        If a file of the name is there that no export wrote.

    Examples
    --------
    >>> import os, runpy, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(3), pl.ReLU(), pl.Dense(2)]).build(4)
    >>> path = os.path.join(tempfile.mkdtemp(), "small.py")
    >>> report = write_numpy(network, path)
    >>> runpy.run_path(path)["scores"]([[0.0, 0.0, 0.0, 0.0]])
    array([[0., 0.]], dtype=float32)
    """
    parts = predictions_of(network)
    place = without_ending(path, (".py", ".npz"))
    name = identifier(place.name)
    several = len(parts) > 1
    programs = [NumpyProgram(part, f"net{number}_" * several) for number, part in enumerate(parts, start=1)]
    arrays = {key: values for program in programs for key, values in program.arrays.items()}
    count = sum(values.size for values in arrays.values())
    inside = count <= MOST_INSIDE
    source, numbers = place.with_name(f"{name}.py"), place.with_name(f"{name}.npz")
    files: dict[Path, str | bytes] = {source: _text(name, parts, programs, _numbers(name, arrays, inside=inside))}
    if not inside:
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        files[numbers] = buffer.getvalue()
    write_files(files)
    where = f"in {source.name} itself" if inside else f"in {numbers.name}, which must stay beside {source.name}"
    return ExportReport(tuple(files), (f"{count:,} numbers, {where}",))


def _text(name: str, parts: Sequence[Prediction], programs: Sequence[NumpyProgram], numbers: list[str]) -> str:
    """The whole file."""
    p, functions = parts[0], set[str]().union(*(program.functions for program in programs))
    answering = answering_text(parts, functions)
    needed = {"math"} if "erf" in functions else set()
    needed |= set() if p.encoder is None else set(IMPORTS)
    standard = [f"import {module}\n" for module in sorted(needed)]
    standard += ["from pathlib import Path\n"] if any("np.load" in text for text in numbers) else []
    imports = "".join([*standard, "\n" if standard else "", "import numpy as np"])
    what = "a neural network that predicts" if len(parts) == 1 else f"{len(parts)} neural networks that predict"
    table = textwrap.indent(summary_of([part.summary for part in parts]), "    ")
    head = f'"""{name}: {what} with NumPy alone. {signature()}.\n\n{table}\n"""'
    classes = [f"classes = {p.classes!r}"] if p.classes is not None and p.class_count else []
    scores = [_scores(programs[0])] if len(parts) == 1 else _scores_of_each(parts, programs)
    called = [f"\n{body}" for key, body in FUNCTIONS.items() if key in functions]
    encoder = [] if p.encoder is None else ["\n" + encoding_text(p.encoder).rstrip()]
    below = [*(f"\n{text}" for text in answering), *called, *encoder, *constants_text(parts), *numbers]
    return "\n\n".join([head, imports, *classes, *scores, *below]) + "\n"


_LAST = """\
    if np.isnan(z).any():
        raise ValueError("The scores are NaN: x holds numbers that are too large for the network.")
    return z"""


def _scores(program: NumpyProgram) -> str:
    """`scores` of a single network."""
    p = program.prediction
    body = "\n".join(f"    {line}" for line in program.lines)
    words = "" if p.encoder is None else ", or rows of a table: mappings"
    rows = "" if p.encoder is None else ROWS
    return f'''
def scores(x):
    """The last layer's outputs, (n, {p.outputs}), for x {p.batch_shape}{words}."""
{rows}{_checked(p)}    z = x.astype(np.{program.start})
{body}
{_LAST}'''


def _checked(p: Prediction) -> str:
    """The lines that look at x."""
    wrong, place = f"x.ndim != 2 or x.shape[1] != {p.inputs}", "column {place[0]}"
    if len(p.input_shape) != 1:
        wrong, place = f"x.shape[1:] != {p.input_shape}", "column {', '.join(map(str, place))}"
    return f"""\
    x = np.asarray(x)  # {p.batch_shape}
    if {wrong}:
        raise ValueError(f"x must have the shape {p.batch_shape}, not {{x.shape}}.")
    for row, *place in np.argwhere(~np.isfinite(x)):
        raise ValueError(f"x must hold finite numbers, but row {{row}}, {place} holds {{x[(row, *place)]}}.")
{_check_of_codes(p)}"""


def _check_of_codes(p: Prediction) -> str:
    """The lines that refuse what is no code in the last columns; none where all are numbers."""
    if not p.codes:
        return ""
    return f"""\
    codes, counts = x[..., {-len(p.codes)}:], np.array({list(p.codes)})
    if not ((codes >= 0) & (codes < counts) & (codes == np.floor(codes))).all():
        raise ValueError("The last {len(p.codes)} columns must hold whole numbers from 0 on, below {p.codes}.")
"""


def _scores_of_each(parts: Sequence[Prediction], programs: Sequence[NumpyProgram]) -> list[str]:
    """`scores` of several networks, and a function for each of them."""
    p, count = parts[0], len(parts)
    words = "" if p.encoder is None else ", or rows of a table: mappings"
    rows = "" if p.encoder is None else ROWS
    calls = ", ".join(f"network_{number}(x)" for number in range(1, count + 1))
    each = textwrap.fill(calls, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    texts = [
        f'''
def scores(x):
    """The last layers' outputs, ({count} networks, n, {p.outputs}), for x {p.batch_shape}{words}."""
{rows}{_checked(p)}    return np.stack([
{each},
    ])'''
    ]
    for number, program in enumerate(programs, start=1):
        body = "\n".join(f"    {line}" for line in program.lines)
        texts.append(
            f'''
def network_{number}(x):
    """The scores of network {number}, (n, {p.outputs})."""
    z = x.astype(np.{program.start})  # {p.batch_shape}
{body}
{_LAST}'''
        )
    return texts


def _numbers(name: str, arrays: Mapping[str, Array], *, inside: bool) -> list[str]:
    """The arrays, or where they are read from."""
    if not arrays:
        return []
    if inside:
        texts = [f"{key} = {_array_text(values)}" for key, values in arrays.items()]
        return ["\n# The numbers: layer by layer, a weight as (inputs, outputs).", *texts]
    lines = [f'    {key} = _numbers["{key}"]  # {values.shape}' for key, values in arrays.items()]
    head = f'\nwith np.load(Path(__file__).with_name("{name}.npz"), allow_pickle=False) as _numbers:'
    return ["\n".join([head, *lines])]


def _array_text(values: Array) -> str:
    """An array that is the same again when Python reads it, in lines."""
    numbers = [str(value) for value in values.ravel()]
    text = textwrap.fill(", ".join(numbers), _WIDTH, initial_indent="    ", subsequent_indent="    ")
    shape = "" if values.ndim == 1 else f".reshape{values.shape}"
    return f"np.array([\n{text},\n], dtype=np.{values.dtype.name}){shape}"
