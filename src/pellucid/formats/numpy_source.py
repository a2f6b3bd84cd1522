"""A network as one Python file that predicts with NumPy alone: no Pellucid, nothing to install.

Up to 20,000 numbers stand in the file itself, below the code; more go beside it into an `.npz` file, which the program
reads with `allow_pickle=False`. It computes as the reference engine does: scaling in double precision, the rest in the
network's own.
"""

from __future__ import annotations

import io
import math
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid import layers
from pellucid.formats.encoding.numpy import IMPORTS, ROWS, encoding_text
from pellucid.formats.steps import (
    Affine,
    Bend,
    DenseStep,
    Elementwise,
    Largest,
    Lookup,
    NormalizeRow,
    Prediction,
    Slopes,
    SoftClip,
    SoftmaxStep,
    Step,
    Waves,
    prediction_of,
)
from pellucid.formats.writing import Report, identifier, signature, without_ending, write_files
from pellucid.layers.base import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE
from pellucid.losses import TargetScaling
from pellucid.network import Network
from pellucid.typing import Array

MOST_INSIDE = 20_000
"""How many numbers stand in the file itself."""

_WIDTH = 116


def write_numpy(network: Network, path: str | os.PathLike[str]) -> Report:
    """Write a network as a Python file with `scores(x)`, `predict(x)` and, for classes, `predict_proba(x)`.

    Parameters
    ----------
    network : Network
        Built or trained.
    path : path
        Where to, with or without `.py`.

    Returns
    -------
    Report
        The files: `NAME.py`, and `NAME.npz` beside it where there are more than 20,000 numbers.

    Raises
    ------
    ValueError
        If a layer of one's own stands in the network, or a number is not finite.
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
    prediction = prediction_of(network)
    place = without_ending(path, (".py", ".npz"))
    name = identifier(place.name)
    program = _Program(prediction)
    count = sum(values.size for values in program.arrays.values())
    inside = count <= MOST_INSIDE
    source, numbers = place.with_name(f"{name}.py"), place.with_name(f"{name}.npz")
    files: dict[Path, str | bytes] = {source: program.text(name, inside=inside)}
    if not inside:
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **program.arrays)
        files[numbers] = buffer.getvalue()
    write_files(files)
    where = f"in {source.name} itself" if inside else f"in {numbers.name}, which must stay beside {source.name}"
    return Report(tuple(files), (f"{count:,} numbers, {where}",))


class Formula(NamedTuple):
    """An activation in NumPy: an expression in `z`, and the functions it calls."""

    text: str
    functions: tuple[str, ...] = ()


FORMULAS: dict[type[Layer], Callable[[Any], Formula]] = {
    layers.Sigmoid: lambda _: Formula("sigmoid(z)", ("sigmoid",)),
    layers.Tanh: lambda _: Formula("np.tanh(z)"),
    layers.HardTanh: lambda a: Formula(f"np.clip(z, {a.minimum!r}, {a.maximum!r})"),
    layers.ReLU: lambda _: Formula("np.maximum(z, 0)"),
    layers.LeakyReLU: lambda a: Formula(f"np.where(z > 0, z, {a.slope!r} * z)"),
    layers.ELU: lambda a: Formula(f"np.where(z > 0, z, {a.alpha!r} * np.expm1(np.minimum(z, 0)))"),
    layers.SELU: lambda _: Formula(
        f"np.where(z > 0, {SELU_SCALE!r} * z, {SELU_SCALE * SELU_ALPHA!r} * np.expm1(np.minimum(z, 0)))"
    ),
    layers.GELU: lambda a: (
        Formula(f"0.5 * z * (1 + erf({math.sqrt(0.5)!r} * z))", ("erf",))
        if a.approximate == "none"
        else Formula(f"0.5 * z * (1 + np.tanh({math.sqrt(2 / math.pi)!r} * (z + 0.044715 * z**3)))")
    ),
    layers.SiLU: lambda _: Formula("z * sigmoid(z)", ("sigmoid",)),
    layers.Mish: lambda _: Formula("z * np.tanh(np.logaddexp(z, z.dtype.type(0)))"),
    layers.Softplus: lambda a: (
        Formula("np.logaddexp(z, z.dtype.type(0))")
        if a.beta == 1
        else Formula(f"np.logaddexp({a.beta!r} * z, z.dtype.type(0)) / {a.beta!r}")
    ),
    layers.Softsign: lambda _: Formula("z / (1 + np.abs(z))"),
}
"""The value of each activation at z (n, d); the dtype of z stays."""

FUNCTIONS = {
    "sigmoid": '''\
def sigmoid(z):
    """1 / (1 + exp(-z)), in a form that cannot overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))''',
    "erf": '''\
def erf(z):
    """The error function, which NumPy has not, number by number."""
    return np.array([math.erf(value) for value in z.ravel()], dtype=z.dtype).reshape(z.shape)''',
    "waves": '''\
def waves(z, angle, phase, mixture, bias):
    """Each of the first numbers z as (z, cos(z * angle + phase) mixed), and behind them all the other columns."""
    m = len(bias)
    mixed = np.einsum("nmk,mkj->nmj", np.cos(z[:, :m, None] * angle + phase), mixture) + bias
    return np.concatenate([np.dstack([z[:, :m], mixed]).reshape(len(z), -1), z[:, m:]], axis=1)''',
    "lookup": '''\
def lookup(z, table, counts):
    """The last columns of z hold codes, 0 to count - 1 each, and are replaced by their rows of the table."""
    first = z.shape[1] - len(counts)
    codes = z[:, first:]
    if not ((codes >= 0) & (codes < counts) & (codes == np.floor(codes))).all():
        raise ValueError(f"The last {len(counts)} columns must hold whole numbers from 0 on, below {counts}.")
    rows = codes.astype(np.int64) + np.cumsum((0, *counts[:-1]))
    return np.concatenate([z[:, :first], table[rows].reshape(len(z), -1)], axis=1)''',
    "softmax": '''\
def softmax(z):
    """exp(z) / sum(exp(z)) over each row; the shift by its largest number keeps exp from overflowing."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)''',
}
"""What formulas call, in the order in which it is written."""


class _Program:
    """The lines of `scores`, the arrays they name, and the functions they call."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction
        self.arrays: dict[str, Array] = {}
        self.functions: set[str] = set()
        self.lines: list[str] = []
        single = np.dtype(np.float64 if prediction.scaling else prediction.dtype)
        self._dtype, self._width = single, prediction.inputs
        for step in prediction.scaling:
            self._step(step)
        if prediction.scaling and prediction.dtype != np.float64:
            self.lines.append(f"z = z.astype(np.{prediction.dtype.name})")
        self._dtype = prediction.dtype
        for step in prediction.steps:
            self._step(step)
        self.start = single.name

    def _array(self, name: str, values: Array) -> str:
        """An array of the file, or a plain number where all of its numbers are the same."""
        if values.ndim == 1 and (values == values[0]).all():
            return repr(float(values[0]))
        self.arrays[name] = values.astype(self._dtype)
        return name

    def _step(self, step: Step) -> None:
        width, after = self._width, step.width(self._width)
        self._width = after
        if isinstance(step, DenseStep):
            self.arrays[f"weight_{step.index}"] = step.weight.astype(self._dtype)
            bias = f" + {self._array(f'bias_{step.index}', step.bias)}" if step.bias.any() else ""
            self._line(f"z @ weight_{step.index}{bias}", f"(n, {width}) @ ({width}, {after}) -> (n, {after})", step)
        elif isinstance(step, Affine):
            self._line(self._affine(step), "", step)
        elif isinstance(step, Largest):
            self._line(f"z.reshape(len(z), {after}, {step.pieces}).max(axis=2)", "the largest piece", step)
        elif isinstance(step, Slopes):
            self._line(f"np.where(z > 0, z, {self._array(f'slope_{step.index}', step.slope)} * z)", "", step)
        elif isinstance(step, Bend):
            formula = FORMULAS[type(step.layer)](step.layer)
            self.functions.update(formula.functions)
            self._line(f"z + {self._array(f'share_{step.index}', step.share)} * ({formula.text} - z)", "", step)
        elif isinstance(step, Waves):
            self.functions.add("waves")
            parts = {"angle": step.angle, "phase": step.phase, "mixture": step.mixture, "bias": step.bias}
            self.arrays |= {f"{name}_{step.index}": values.astype(self._dtype) for name, values in parts.items()}
            names = ", ".join(f"{name}_{step.index}" for name in parts)
            self._line(f"waves(z, {names})", f"(n, {width}) -> (n, {after})", step)
        elif isinstance(step, Lookup):
            self.functions.add("lookup")
            self.arrays[f"table_{step.index}"] = step.table.astype(self._dtype)
            counts = f"{step.cardinalities!r}"
            self._line(f"lookup(z, table_{step.index}, {counts})", f"(n, {width}) -> (n, {after})", step)
        elif isinstance(step, SoftClip):
            self._line(f"z / np.sqrt(1 + np.square(z / {step.limit!r}))", "", step)
        elif isinstance(step, SoftmaxStep):
            self.functions.add("softmax")
            self._line("softmax(z)", "", step)
        elif isinstance(step, NormalizeRow):
            scale = self._array(f"scale_{step.index}", step.scale)
            shift = self._array(f"shift_{step.index}", step.shift)
            self.lines.append("z = z - z.mean(axis=1, keepdims=True)")
            deviation = f"np.sqrt(np.square(z).mean(axis=1, keepdims=True) + {step.epsilon!r})"
            self._line(f"{scale} * z / {deviation} + {shift}", "", step)
        else:
            assert isinstance(step, Elementwise), step
            formula = FORMULAS[type(step.layer)](step.layer)
            self.functions.update(formula.functions)
            self._line(formula.text, "", step)

    def _affine(self, step: Affine) -> str:
        """(z − centre)·scale + shift, without what changes nothing."""
        words = "z"
        if step.centre.any():
            words = f"({words} - {self._array(f'centre_{step.index}', step.centre)})"
        if (step.scale != 1).any():
            words = f"{words} * {self._array(f'scale_{step.index}', step.scale)}"
        return f"{words} + {self._array(f'shift_{step.index}', step.shift)}" if step.shift.any() else words

    def _line(self, expression: str, shapes: str, step: Step) -> None:
        self.lines.append(f"z = {expression}  # {step.words}{': ' if shapes else ''}{shapes}")

    def text(self, name: str, *, inside: bool) -> str:
        """The whole file."""
        p = self.prediction
        predict = _predictions(p, self.functions)
        needed = {"math"} if "erf" in self.functions else set()
        needed |= set() if p.encoder is None else set(IMPORTS)
        standard = [f"import {module}\n" for module in sorted(needed)]
        standard += [] if inside else ["from pathlib import Path\n"]
        imports = "".join([*standard, "\n" if standard else "", "import numpy as np"])
        parts = [
            f'"""{name}: a neural network that predicts with NumPy alone. {signature()}.\n\n'
            f"{textwrap.indent(p.summary, '    ')}\n"
            f'"""',
            imports,
        ]
        if p.classes is not None and p.class_count:
            parts.append(f"classes = {p.classes!r}")
        parts.append(self._scores())
        encoder = [] if p.encoder is None else ["\n" + encoding_text(p.encoder).rstrip()]
        parts += [f"\n{text}" for text in predict]
        parts += [f"\n{body}" for key, body in FUNCTIONS.items() if key in self.functions]
        parts += encoder
        parts += self._numbers(inside=inside, name=name)
        return "\n\n".join(parts) + "\n"

    def _scores(self) -> str:
        p = self.prediction
        body = "\n".join(f"    {line}" for line in self.lines)
        words = "" if p.encoder is None else ", or rows of a table: mappings"
        rows = "" if p.encoder is None else ROWS
        return f'''
def scores(x):
    """The last layer's outputs, (n, {p.outputs}), for rows x (n, {p.inputs}){words}."""
{rows}    z = np.asarray(x, dtype=np.{self.start})  # (n, {p.inputs})
    if z.ndim != 2 or z.shape[1] != {p.inputs}:
        raise ValueError(f"x must have the shape (n, {p.inputs}), not {{z.shape}}.")
{body}
    return z'''

    def _numbers(self, *, inside: bool, name: str) -> list[str]:
        if not self.arrays:
            return []
        if inside:
            texts = [f"{key} = {_array_text(values)}" for key, values in self.arrays.items()]
            return ["\n# The numbers: layer by layer, a weight as (inputs, outputs).", *texts]
        lines = [f'    {key} = _numbers["{key}"]  # {values.shape}' for key, values in self.arrays.items()]
        head = f'\nwith np.load(Path(__file__).with_name("{name}.npz"), allow_pickle=False) as _numbers:'
        return ["\n".join([head, *lines])]


def _predictions(p: Prediction, functions: set[str]) -> list[str]:
    """`predict`, and `predict_proba` if there are probabilities."""
    proba, one = "", p.outputs == 1
    if p.link == "softmax":
        functions.add("softmax")
        proba = "return softmax(scores(x))"
    elif p.link == "sigmoid":
        functions.add("sigmoid")
        yes = "yes = sigmoid(scores(x))\n    return np.concatenate([1 - yes, yes], axis=1)"
        proba = yes if one else "return sigmoid(scores(x))"
    if p.target is not None:
        words = f"The predicted numbers for rows x (n, {p.inputs}), {'(n,)' if one else f'(n, {p.outputs})'}."
        answer = _in_unit(p.target, p.outputs, _numbers(p)) + ("[:, 0]" if one else "")
    elif p.class_count:
        words = f"The class of each row of x (n, {p.inputs}), (n,); of equal scores, the lowest."
        of_scores = p.link in ("softmax", "argmax")
        answer = "scores(x).argmax(axis=1)" if of_scores else "(scores(x)[:, 0] > 0).astype(np.int64)"
    elif p.link in ("sigmoid", "sign"):
        words = f"Yes (1) or no (0) for each output, (n, {p.outputs})."
        answer = "(scores(x) > 0).astype(np.int64)"
    else:
        words = f"The predicted numbers for rows x (n, {p.inputs}), {'(n,)' if one else f'(n, {p.outputs})'}."
        answer = _numbers(p) + ("[:, 0]" if one else "")
    texts = [f'def predict(x):\n    """{words}"""\n    return {answer}']
    if proba:
        of = "classes" if p.class_count else "yes of each output"
        head = f"The probabilities of the {of}, (n, {p.probability_count}), for rows x (n, {p.inputs})."
        texts.append(f'def predict_proba(x):\n    """{head}"""\n    {proba}')
    return texts


def _numbers(p: Prediction) -> str:
    """The numbers that scores stand for: themselves, or their exponentials."""
    return "np.exp(scores(x))" if p.link == "exponential" else "scores(x)"


def _in_unit(target: TargetScaling, outputs: int, numbers: str) -> str:
    """The predictions (n, outputs) in the unit of the target, in double precision."""
    mean, scale, low, high = (_column(target, name, outputs) for name in ("mean", "scale", "low", "high"))
    answer = f"{numbers} * np.float64({scale}) + {mean}" if "[" not in scale else f"{numbers} * {scale} + {mean}"
    return f"({answer})" if target.low is None and target.high is None else f"np.clip({answer}, {low}, {high})"


def _column(target: TargetScaling, name: str, outputs: int) -> str:
    """A number, or the array of those of all outputs."""
    column = target.column(name, outputs)
    if column is None:
        return "None"
    return repr(float(column[0])) if (column == column[0]).all() else f"np.array({column.tolist()!r})"


def _array_text(values: Array) -> str:
    """An array that is the same again when Python reads it, in lines."""
    numbers = [str(value) for value in values.ravel()]
    text = textwrap.fill(", ".join(numbers), _WIDTH, initial_indent="    ", subsequent_indent="    ")
    shape = "" if values.ndim == 1 else f".reshape{values.shape}"
    return f"np.array([\n{text},\n], dtype=np.{values.dtype.name}){shape}"
