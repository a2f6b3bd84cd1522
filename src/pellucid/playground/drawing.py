"""A drawing made into an image as those of a data set were made: cut out, scaled, centred, as thick as their strokes.

Contract: `normalized(ink, manner)` is a pure function of the drawing. MNIST's digits were scaled into 20 x 20 and lie
with their centre of mass in the middle of 28 x 28. The small digits were sheared upright, filled the height of 32 x 32
and some 24 of its columns, had their strokes thickened or thinned, and were counted in blocks of 4 x 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pellucid.typing import Array, Floats

_THRESHOLD = 0.3  # of the darkest ink: what is lighter does not belong to the box
_FAINT = 8  # of 255: what is lighter is paper

_MNIST_SIDE, _MNIST_DIGIT, _MNIST_MIDDLE = 28, 20, 14.5  # pixels
_MNIST_STROKE = 0.13  # of a stroke's thickness beside the digit's longer side: measured on the data
_THIN = 0.75  # of that thickness: thinner strokes are thickened

_DIGITS_SIDE, _DIGITS_WIDEST = 8, 6.0  # cells
_FINE = 8  # a cell's side, while strokes are thickened or thinned
_LEAST_INK, _MOST_INK = 0.27, 0.34  # of the whole image, whatever the digit: the tenth to the ninth tenth of the data
_MOST_STEPS = 30


class ImageStyle(NamedTuple):
    """How the images of a data set were made."""

    size: int
    """Pixels of a side."""
    highest: int
    """The value of ink."""
    make: Callable[[Floats], Floats]
    """From ink, 0 to 1, any size, to an image (size, size) up to a factor."""


def normalized(ink: Array, manner: ImageStyle) -> Floats | None:
    """The drawing (height, width), 0 paper … 255 ink, as an image (size, size) of the data's; None if it is empty."""
    image = ink.astype(np.float64)
    if image.max(initial=0.0) < _FAINT:
        return None
    made = manner.make(image / image.max())
    return np.clip(np.rint(made / made.max() * manner.highest), 0, manner.highest)


# -- MNIST -----------------------------------------------------------------------------------------------------------


def _as_mnist(image: Floats) -> Floats:
    top, bottom, left, right = _box(image)
    side = max(bottom - top, right - left)
    thickness = _thickness(image) / side
    if thickness < _THIN * _MNIST_STROKE:
        image = _thickened(image, round((_MNIST_STROKE - thickness) * side / 2))
        top, bottom, left, right = _box(image)
        side = max(bottom - top, right - left)
    pixel = side / _MNIST_DIGIT  # of the image, in those of the drawing
    rows, columns = (_areas(count, middle - pixel * _MNIST_MIDDLE, pixel, _MNIST_SIDE)
                     for count, middle in zip(image.shape, _middle_of_mass(image), strict=True))  # fmt: skip
    return rows @ image @ columns.T  # (size, height) @ (height, width) @ (width, size) -> (size, size)


def _middle_of_mass(image: Floats) -> tuple[float, float]:
    rows, columns = (np.arange(count) + 0.5 for count in image.shape)
    mass = image.sum()
    return float(image.sum(axis=1) @ rows / mass), float(image.sum(axis=0) @ columns / mass)


def _thickness(image: Floats) -> float:
    """Of the strokes, in pixels: twice the area by the outline, whose steps are longer than it by 4/π."""
    padded = np.pad(image, 1)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    return float(2 * image.sum() / (outline * np.pi / 4))


def _thickened(image: Floats, radius: int) -> Floats:
    """Ink spread by a radius."""
    image = np.pad(image, radius)
    for step in range(radius):
        image = _spread(image, step)
    return image


# -- the small digits ------------------------------------------------------------------------------------------------


def _as_digits(image: Floats) -> Floats:
    fine = _fitted(_upright(image))
    cut = 0.5 if fine.mean() >= _LEAST_INK else 0.25  # so that a thin stroke has no gaps
    before = after = (fine > cut * fine.max()).astype(np.float64)
    share = float(after.mean())
    wanted = min(max(share, _LEAST_INK), _MOST_INK)
    for step in range(_MOST_STEPS):
        if share == wanted or (after.mean() - wanted) * (share - wanted) <= 0:
            break
        changed = _spread(np.pad(after, 1), step) if share < wanted else 1 - _spread(1 - after, step)
        if not changed.any():
            break
        before, after = after, (_fitted(changed) > 0.5).astype(np.float64)
    low, high = before.mean(), after.mean()
    part = np.clip((wanted - low) / (high - low), 0, 1) if low != high else 1.0
    ink = (1 - part) * before + part * after
    return ink.reshape(_DIGITS_SIDE, _FINE, _DIGITS_SIDE, _FINE).mean(axis=(1, 3))


def _upright(image: Floats) -> Floats:
    """Sheared, row by row, so that what is higher lies no further to the right than what is lower."""
    top, bottom, left, right = _box(image)
    image = np.pad(image[top:bottom, left:right], ((0, 0), (bottom - top, bottom - top)))  # room for half a right angle
    middle, across = _middle_of_mass(image)
    rows, columns = (np.arange(count) + 0.5 for count in image.shape)
    down = rows - middle
    spread = image.sum(axis=1) @ down**2
    slant = float(down @ image @ (columns - across) / spread) if spread > 0 else 0.0
    places = columns[None, :] + np.clip(slant, -1, 1) * down[:, None]  # where each pixel's ink comes from
    return np.stack([np.interp(at, columns, row, left=0.0, right=0.0) for at, row in zip(places, image, strict=True)])


def _fitted(image: Floats) -> Floats:
    """Cut out and scaled to the full height; as wide in proportion, but no wider than the data's; (64, 64)."""
    top, bottom, left, right = _box(image)
    side = _DIGITS_SIDE * _FINE
    wide = min((right - left) / (bottom - top) * side, _DIGITS_WIDEST * _FINE)
    across = (right - left) / wide  # pixels of the drawing to one of the image
    rows = _areas(bottom - top, 0.0, (bottom - top) / side, side)
    columns = _areas(right - left, -across * (side - wide) / 2, across, side)
    return rows @ image[top:bottom, left:right] @ columns.T


# -- both ------------------------------------------------------------------------------------------------------------


def _box(image: Floats) -> tuple[int, int, int, int]:
    """Where the ink lies: rows from, to, columns from, to."""
    mask = image > _THRESHOLD * image.max()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _spread(image: Floats, step: int) -> Floats:
    """Each pixel as dark as its darkest neighbour, of four and eight by turns: nearly round after some steps."""
    padded = np.pad(image, 1)
    neighbours = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    if step % 2:
        neighbours += [padded[:-2, :-2], padded[:-2, 2:], padded[2:, :-2], padded[2:, 2:]]
    return np.maximum.reduce([image, *neighbours])


def _areas(count: int, start: float, pixel: float, size: int) -> Floats:
    """(size, count): how much of each of `size` pixels that begin at `start` each of `count` old ones covers."""
    old = np.arange(count)[None, :]
    low = start + pixel * np.arange(size)[:, None]
    overlap = np.minimum(old + 1, low + pixel) - np.maximum(old, low)  # (size, count)
    return np.clip(overlap, 0.0, None) / pixel


DIGITS = ImageStyle(size=_DIGITS_SIDE, highest=16, make=_as_digits)
MNIST = ImageStyle(size=_MNIST_SIDE, highest=255, make=_as_mnist)
