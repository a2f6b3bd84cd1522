"""Eight toy models in the plane, from two clouds that a line divides to three waves that need a deep network.

Every model draws `n_per_class` points for each class and returns `x` (n, 2), float64, and `y` (n,), int64, class
after class. With `scale` (the default) each axis is centred to mean 0 and divided by its largest absolute coordinate,
so that the points lie in [-1, 1]². U(a, b) is the uniform distribution, N(m, s²) the normal one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pellucid.datasets.dataset import Dataset
from pellucid.datasets.splits import split
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array
from pellucid.validation import check_choice, check_integer

Points: TypeAlias = npt.NDArray[np.float64]  # (n, 2)
Labels: TypeAlias = npt.NDArray[np.int64]  # (n,)
ToyModel: TypeAlias = Callable[..., tuple[Points, Labels]]


def two_gaussians(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """Two round clouds that a straight line divides, nearly: N(0, I) + (1.6, 1.6) and N(0, I) - (1.6, 1.6).

    Examples
    --------
    >>> x, y = two_gaussians(50, seed=1)
    >>> x.shape, y.tolist().count(1)
    ((100, 2), 50)
    """
    n, draws = _start(n_per_class, seed)
    clouds = [next(draws).normal((n, 2), mean) for mean in (1.6, -1.6)]  # (n, 2) each
    return _finish(clouds, scale)


def ball_and_cup(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """A ball of radius U(0, 0.5) and angle U(0, 2π), in a cup with x U(-1.4, 1.4) and y = x² - 0.8 + N(0, 0.1²)."""
    n, draws = _start(n_per_class, seed)
    ball = _ring(draws, n, 0.0, 0.5)
    x = next(draws).uniform(n, -1.4, 1.4)  # (n,)
    cup = _curve(draws, x, x**2 - 0.8, noise=0.1)
    return _finish([ball, cup], scale)


def shifted_cubics(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """Two cubics, one above the other: x on an even grid from -8 to 8, y = x³ + N(0, 20²), and the same + 150."""
    n, draws = _start(n_per_class, seed)
    x = np.linspace(-8.0, 8.0, n)  # (n,)
    return _finish([_curve(draws, x, x**3 + shift, noise=20.0) for shift in (0.0, 150.0)], scale)


def bulls_eye(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """A disc of radius U(0, 1) in a ring of radius U(1.5, 2.5), angles U(0, 2π)."""
    n, draws = _start(n_per_class, seed)
    return _finish([_ring(draws, n, 0.0, 1.0), _ring(draws, n, 1.5, 2.5)], scale)


def crescent_moons(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """Two half rings of radius U(2, 3) that reach into each other.

    The upper has the angle U(0, π); the lower U(π, 2π), and is moved by (2.5, 1.7).
    """
    n, draws = _start(n_per_class, seed)
    upper = _ring(draws, n, 2.0, 3.0, 0.0, np.pi)
    lower = _ring(draws, n, 2.0, 3.0, np.pi, 2 * np.pi) + np.array([2.5, 1.7])  # (n, 2) + (2,) -> (n, 2)
    return _finish([upper, lower], scale)


def shifted_sinusoids(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """Two waves, one above the other: x U(0, 4π), y = sin x + N(0, 0.1²), and the same + 1."""
    n, draws = _start(n_per_class, seed)
    return _finish([_wave(draws, n, shift) for shift in (0.0, 1.0)], scale)


def bulls_eye_three(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """A disc of radius U(0, 1) in two rings of radius U(1.5, 2.5) and U(3, 4): three classes."""
    n, draws = _start(n_per_class, seed)
    radii = ((0.0, 1.0), (1.5, 2.5), (3.0, 4.0))
    return _finish([_ring(draws, n, low, high) for low, high in radii], scale)


def shifted_sinusoids_three(n_per_class: int = 100, *, scale: bool = True, seed: int = 0) -> tuple[Points, Labels]:
    """Three waves: x U(0, 4π), y = sin x + shift + N(0, 0.1²), with the shifts 0, 1.2 and 2.4."""
    n, draws = _start(n_per_class, seed)
    return _finish([_wave(draws, n, shift) for shift in (0.0, 1.2, 2.4)], scale)


TOY_MODELS: dict[str, ToyModel] = {
    "two-gaussians": two_gaussians,
    "ball-and-cup": ball_and_cup,
    "shifted-cubics": shifted_cubics,
    "bulls-eye": bulls_eye,
    "crescent-moons": crescent_moons,
    "shifted-sinusoids": shifted_sinusoids,
    "bulls-eye-three": bulls_eye_three,
    "shifted-sinusoids-three": shifted_sinusoids_three,
}


def load_toy(
    name: str,
    n_per_class: int = 100,
    *,
    scale: bool = True,
    seed: int = 0,
    validation: float | int = 0.2,
    test: float | int = 0.2,
) -> Dataset:
    """Draw one of the `TOY_MODELS` by its name and divide it, class by class, as `split` does.

    Parameters
    ----------
    name : str
        "two-gaussians", "ball-and-cup", "shifted-cubics", "bulls-eye", "crescent-moons", "shifted-sinusoids",
        "bulls-eye-three" or "shifted-sinusoids-three".
    n_per_class : int
        How many points each class has.
    scale : bool
        Whether each axis is centred and divided by its largest absolute coordinate.
    seed : int
        Decides the points and the division.
    validation, test : float or int
        The size of the part: a fraction of all rows or a whole number of rows; 0 for none.

    Examples
    --------
    >>> load_toy("bulls-eye")
    Dataset('bulls-eye': 2 features, 2 classes; train 120, validation 40, test 40 rows)
    """
    model = TOY_MODELS[check_choice("toy model", name, TOY_MODELS)]
    x, y = model(n_per_class, scale=scale, seed=seed)
    training, validating, testing = split(x, y, validation, test, seed=seed)
    return Dataset(
        name=name,
        train=training,
        validation=validating,
        test=testing,
        classes=tuple(str(label) for label in range(int(y[-1]) + 1)),
        feature_names=("x1", "x2"),
        description=f"A toy model in the plane, drawn with seed {seed}. {(model.__doc__ or '').splitlines()[0]}",
    )


def _start(n_per_class: int, seed: int) -> tuple[int, Iterator[Stream]]:
    """Check the count and return it with an endless supply of streams, one for each quantity to be drawn."""
    n = check_integer("n_per_class", n_per_class, minimum=1)
    return n, map(Stream(seed, Purpose.DATA).at, itertools.count())


def _ring(
    draws: Iterator[Stream], n: int, inner: float, outer: float, start: float = 0.0, stop: float = 2 * np.pi
) -> Points:
    """Return n points of radius U(inner, outer) and angle U(start, stop): (n, 2)."""
    radius = next(draws).uniform(n, inner, outer)  # (n,)
    angle = next(draws).uniform(n, start, stop)  # (n,)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _curve(draws: Iterator[Stream], x: Array, y: Array, noise: float) -> Points:
    """Return the points (x, y + N(0, noise²)): (n,), (n,) -> (n, 2)."""
    return np.column_stack([x, y + next(draws).normal(len(x), scale=noise)])


def _wave(draws: Iterator[Stream], n: int, shift: float) -> Points:
    x = next(draws).uniform(n, 0.0, 4 * np.pi)  # (n,)
    return _curve(draws, x, np.sin(x) + shift, noise=0.1)


def _finish(classes: list[Points], scale: bool) -> tuple[Points, Labels]:
    """Put the classes' points one below the other, label them, and scale them if asked."""
    x = np.concatenate(classes)  # (n, 2)
    y = np.repeat(np.arange(len(classes), dtype=np.int64), [len(points) for points in classes])  # (n,)
    if scale:
        x = x - x.mean(axis=0)
        largest = np.abs(x).max(axis=0)  # (2,)
        x = x / np.where(largest > 0, largest, 1.0)  # an axis on which all points agree stays 0
    return x, y
