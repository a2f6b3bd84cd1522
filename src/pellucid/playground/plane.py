"""The data sets of the plane by their formulas: the TensorFlow Playground's six, and the eight toy models.

Contract: `draw(name, …)` returns `x` (n, 2), float64, and `y` (n,): classes (int64; 1 where the TensorFlow Playground
says +1, 0 where it says −1) or numbers, the rows in a random order; the same for the same seed. `divide` cuts off the
training rows. U(a, b) is the uniform distribution; `noise` runs from 0 to 0.8, the control's per cent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.datasets.toy import TOY_MODELS
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats
from pellucid.validation import check_choice, check_integer, check_number

RADIUS = 5.0
"""Of the sets for classification; toy models are drawn in [-1, 1]² and multiplied with it."""
REGRESSION_RADIUS = 6.0
CLASSIFICATION_POINTS, REGRESSION_POINTS = 500, 1200
_TURNS = 1.75
_GAP = 0.3  # between the points of `xor` and the axes
_BUMPS = ((-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1), (-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1))
_ORDER = 2**24 - 1  # the index of the stream that orders the rows


class _Draws:
    """Uniform and normal numbers, each call from a stream of its own."""

    def __init__(self, seed: int) -> None:
        self.stream, self.calls = Stream(seed, Purpose.DATA), 0

    def uniform(self, n: int, low: float, high: float) -> Floats:
        self.calls += 1
        return self.stream.at(self.calls).uniform(n, low, high)

    def normal(self, n: int, mean: float, variance: float) -> Floats:
        self.calls += 1
        return self.stream.at(self.calls).normal(n, mean, float(np.sqrt(variance)))


def circle(draws: _Draws, n: int, noise: float) -> tuple[Floats, Array]:
    """A disc of radius U(0, 2.5) in a ring of U(3.5, 5); the label is that of the point moved by noise·U(−5, 5)²."""
    x = np.concatenate([_ring(draws, n // 2, 0.0, 0.5 * RADIUS), _ring(draws, n - n // 2, 0.7 * RADIUS, RADIUS)])
    moved = x + _moves(draws, n, RADIUS) * noise
    return x, (np.hypot(moved[:, 0], moved[:, 1]) < 0.5 * RADIUS).astype(np.int64)


def xor(draws: _Draws, n: int, noise: float) -> tuple[Floats, Array]:
    """U(−5, 5)², moved 0.3 away from both axes; class 1 where x₁x₂ >= 0, of the point moved by noise·U(−5, 5)²."""
    x = _moves(draws, n, RADIUS)
    x = x + np.where(x > 0, _GAP, -_GAP)
    moved = x + _moves(draws, n, RADIUS) * noise
    return x, (moved[:, 0] * moved[:, 1] >= 0).astype(np.int64)


def gauss(draws: _Draws, n: int, noise: float) -> tuple[Floats, Array]:
    """Clouds around (2, 2), class 1, and (−2, −2); the variance rises from 0.5 without noise to 4 at 0.5."""
    variance = 0.5 + (4.0 - 0.5) * noise / 0.5
    first, second = (
        np.column_stack([draws.normal(count, mean, variance), draws.normal(count, mean, variance)])
        for count, mean in ((n // 2, 2.0), (n - n // 2, -2.0))
    )
    return np.concatenate([first, second]), _halves(n)


def spiral(draws: _Draws, n: int, noise: float) -> tuple[Floats, Array]:
    """Two arms half a turn apart: r = 5i/m and t = 1.75·2πi/m of m points, (r sin t, r cos t) + noise·U(−1, 1)²."""
    arms = []
    for count, start in ((n // 2, 0.0), (n - n // 2, np.pi)):
        part = np.arange(count) / max(1, count)  # (m,)
        r, t = part * RADIUS, _TURNS * part * 2 * np.pi + start
        arms.append(np.column_stack([r * np.sin(t), r * np.cos(t)]) + _moves(draws, count, 1.0) * noise)
    return np.concatenate(arms), _halves(n)


def plane(draws: _Draws, n: int, noise: float) -> tuple[Floats, Array]:
    """U(−6, 6)²; (x₁ + x₂)/10 of the point moved by noise·U(−6, 6)²."""
    x = _moves(draws, n, REGRESSION_RADIUS)
    moved = x + _moves(draws, n, REGRESSION_RADIUS) * noise
    return x, (moved[:, 0] + moved[:, 1]) / 10.0


def multi_gaussian(draws: _Draws, n: int, noise: float) -> tuple[Floats, Array]:
    """Six bumps of height ±1 and radius 2 around (±4 or 0, ±2.5): the strongest counts, sign·max(0, 1 − distance/2)."""
    x = _moves(draws, n, REGRESSION_RADIUS)
    moved = x + _moves(draws, n, REGRESSION_RADIUS) * noise
    y = np.zeros(n)
    for center_1, center_2, sign in _BUMPS:
        distance = np.hypot(moved[:, 0] - center_1, moved[:, 1] - center_2)  # (n,)
        height = sign * np.clip(1.0 - distance / 2.0, 0.0, 1.0)
        y = np.where(np.abs(height) > np.abs(y), height, y)
    return x, y


SETS: dict[str, Callable[[_Draws, int, float], tuple[Floats, Array]]] = {
    "circle": circle,
    "xor": xor,
    "gauss": gauss,
    "spiral": spiral,
    "reg-plane": plane,
    "reg-gauss": multi_gaussian,
}
"""The TensorFlow Playground's six, by the names in its address."""


def draw(name: str, *, noise: float = 0.0, seed: int = 0, points: int | None = None) -> tuple[Floats, Array]:
    """Draw a data set of the plane.

    Parameters
    ----------
    name : str
        "circle", "xor", "gauss", "spiral", "reg-plane", "reg-gauss", or a toy model of `pellucid.datasets`.
    noise : float
        0 to 0.8. Toy models have noise of their own; this much of U(−5, 5)² is added to their points.
    seed : int
        Decides the points and their order.
    points : int or None
        How many; None: 500, or 1200 for regression. Toy models have as many in each class, so possibly a few less.

    Returns
    -------
    x : array (n, 2)
    y : array (n,)

    Examples
    --------
    >>> x, y = draw("circle", seed=1)
    >>> x.shape, sorted(set(y.tolist()))
    ((500, 2), [0, 1])
    """
    check_choice("data set", name, (*SETS, *TOY_MODELS))
    check_number("noise", noise, minimum=0.0, maximum=0.8)
    n = points if points is not None else REGRESSION_POINTS if name.startswith("reg-") else CLASSIFICATION_POINTS
    check_integer("points", n, minimum=6)
    draws = _Draws(seed)
    if name in SETS:
        x, y = SETS[name](draws, n, noise)
    else:
        classes = 3 if name.endswith("-three") else 2
        x, y = TOY_MODELS[name](n // classes, seed=seed)
        x = RADIUS * x + _moves(draws, len(x), RADIUS) * noise
    order = Stream(seed, Purpose.DATA, _ORDER).permutation(len(x))
    return x[order], y[order]


def divide(x: Array, y: Array, percent: float) -> tuple[Array, Array, Array, Array]:
    """The first ⌊n·percent/100⌋ rows to train, the others to test: x_train, y_train, x_test, y_test."""
    rows = int(len(x) * percent / 100)
    return x[:rows], y[:rows], x[rows:], y[rows:]


def _moves(draws: _Draws, n: int, radius: float) -> Floats:
    """U(−radius, radius)², (n, 2)."""
    return np.column_stack([draws.uniform(n, -radius, radius), draws.uniform(n, -radius, radius)])


def _ring(draws: _Draws, n: int, inner: float, outer: float) -> Floats:
    """Points of radius U(inner, outer) and angle U(0, 2π), (n, 2)."""
    r, angle = draws.uniform(n, inner, outer), draws.uniform(n, 0.0, 2 * np.pi)
    return np.column_stack([r * np.sin(angle), r * np.cos(angle)])


def _halves(n: int) -> Array:
    """Class 1 for the first half, 0 for the second."""
    return (np.arange(n) < n // 2).astype(np.int64)
