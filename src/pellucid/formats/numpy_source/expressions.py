"""Activations in NumPy: one expression in z for each, and the functions that steps and answers call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from pellucid import layers
from pellucid.layers.base import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE


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
    "mean": '''\
def mean(parts):
    """The mean over the networks, the first axis, summed in double precision."""
    return np.mean(parts, axis=0, dtype=np.float64).astype(parts[0].dtype)''',
}
"""What formulas call, in the order in which it is written."""
