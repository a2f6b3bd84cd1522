"""Functions of numbers that NumPy has not, each once for the whole library: stable in every range, any shape.

Contract: an `operation` computes in NumPy, and is one operation where a computation is recorded on symbols
(`pellucid.program.symbols`): a language then writes it in its own words.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from pellucid.typing import Floats


def operation(function: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """A function of one array that symbols record under its name."""

    @functools.wraps(function)
    def call(z: Floats) -> Floats:
        record = getattr(z, "record_operation", None)
        return function(z) if record is None else record(function.__name__, z)

    return call


@operation
def sigmoid(z: Floats) -> Floats:
    """1/(1 + e⁻ᶻ) as ½(1 + tanh(z/2)), which cannot overflow."""
    half = z.dtype.type(0.5)
    return half * (1 + np.tanh(half * z))


def logistic(z: Floats) -> Floats:
    """1/(1 + e⁻ᶻ) to full relative precision where it is close to 0, so that its logarithm is right."""
    small = np.exp(-np.abs(z))
    return np.where(z < 0, small, z.dtype.type(1)) / (1 + small)


@operation
def softmax(z: Floats) -> Floats:
    """exp(zⱼ − max z)/Σₖ exp(zₖ − max z) over the last axis."""
    a = z - np.maximum.reduce(z, axis=-1, keepdims=True)  # (n, d)
    np.exp(a, out=a)
    a /= np.add.reduce(a, axis=-1, keepdims=True)
    return a


@operation
def softplus(z: Floats) -> Floats:
    """log(1 + eᶻ), without overflow."""
    return np.logaddexp(z, z.dtype.type(0))


@operation
def erf(z: Floats) -> Floats:
    """The error function, number by number."""
    return np.asarray(_scalar_erf(z)).astype(z.dtype)


_scalar_erf = np.frompyfunc(math.erf, 1, 1)
