"""Derivatives by central differences: the oracle that knows no formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pellucid.typing import Array, Floats

STEP = 1e-6
_KINK = 1e-3  # the slopes to both sides of a smooth point differ by about STEP times the curvature: far less than this


class Differences(NamedTuple):
    """Central differences, and where the function has no derivative."""

    gradient: Floats
    kinks: Array
    """True where the slopes to the left and to the right differ: there is nothing to compare with."""


def central_differences(function: Callable[[Floats], float], at: Floats, step: float = STEP) -> Differences:
    """The derivative of a function of a float64 array with respect to every element of it."""
    assert at.dtype == np.float64, "differences of float32 are noise"
    gradient, kinks = np.empty(at.shape), np.empty(at.shape, dtype=bool)
    middle = function(at)
    for place in np.ndindex(at.shape):
        higher, lower = at.copy(), at.copy()
        higher[place] += step
        lower[place] -= step
        above, below = function(higher), function(lower)
        right, left = (above - middle) / step, (middle - below) / step
        gradient[place] = (above - below) / (2 * step)
        kinks[place] = abs(right - left) > _KINK * max(1.0, abs(gradient[place]))
    return Differences(gradient, kinks)


def assert_gradient(
    computed: Floats,
    function: Callable[[Floats], float],
    at: Floats,
    *,
    name: str,
    tolerance: float = 1e-7,
    step: float = STEP,
) -> None:
    """Compare a gradient with central differences, element by element, and name the worst one.

    Kinks are left out; more than one in twenty is a fault of the test's numbers.
    """
    expected, kinks = central_differences(function, at, step)
    assert computed.shape == expected.shape, f"{name}: shape {computed.shape}, not {expected.shape}"
    assert kinks.mean() <= 0.05, f"{name}: {kinks.sum()} of {kinks.size} elements lie on a kink"
    error = np.where(kinks, 0.0, np.abs(computed - expected) / np.maximum(1.0, np.abs(expected)))
    worst = np.unravel_index(int(error.argmax()), error.shape)
    place = tuple(int(i) for i in worst)
    assert error[worst] <= tolerance, (
        f"{name}, element {place}: the gradient says {computed[worst]!r}, central differences {expected[worst]!r}"
    )
