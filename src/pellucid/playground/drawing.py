"""A drawing made into an image as those of a data set were made: cut out, scaled, centred, as thick as their strokes.

Contract: `normalized(ink, manner)` is a pure function of the drawing. MNIST's digits were scaled into 20 x 20 and lie
with their centre of mass in the middle of 28 x 28; the small digits fill the height of 32 x 32 and were counted in
blocks of 4 x 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.typing import Array, Floats

_THRESHOLD = 0.3  # of the darkest ink: what is lighter does not belong to the box
_THIN = 0.75  # of the data's thickness: thinner strokes are thickened
_FAINT = 8  # of 255: what is lighter is paper


class Manner(NamedTuple):
    """How the images of a data set were made."""

    size: int
    """Pixels of a side."""
    box: float
    """Pixels that the longer side of the digit has."""
    middle: float
    """Where the middle of the digit lies, in pixels from the edge."""
    by_mass: bool
    """Whether the middle is that of mass, else that of the box."""
    thickness: float
    """Of a stroke, as a part of the digit's longer side: measured on the data."""
    highest: int
    """The value of ink."""


DIGITS = Manner(size=8, box=8.0, middle=4.0, by_mass=False, thickness=0.20, highest=16)
MNIST = Manner(size=28, box=20.0, middle=14.5, by_mass=True, thickness=0.13, highest=255)


def normalized(ink: Array, manner: Manner) -> Floats | None:
    """The drawing (height, width), 0 paper … 255 ink, as an image (size, size) of the data's; None if it is empty."""
    image = ink.astype(np.float64)
    if image.max(initial=0.0) < _FAINT:
        return None
    image = image / image.max()
    top, bottom, left, right = _box(image)
    side = max(bottom - top, right - left)
    thickness = _thickness(image) / side
    if thickness < _THIN * manner.thickness:
        image = _thickened(image, round((manner.thickness - thickness) * side / 2))
        top, bottom, left, right = _box(image)
        side = max(bottom - top, right - left)
    if manner.by_mass:
        mass = image.sum()
        rows, columns = (np.arange(count) + 0.5 for count in image.shape)
        middle = (image.sum(axis=1) @ rows / mass, image.sum(axis=0) @ columns / mass)
    else:
        middle = ((top + bottom) / 2, (left + right) / 2)
    pixel = side / manner.box  # of the image, in those of the drawing
    matrices = [
        _areas(count, center - pixel * manner.middle, pixel, manner.size)
        for count, center in zip(image.shape, middle, strict=True)
    ]
    made = matrices[0] @ image @ matrices[1].T  # (size, height) @ (height, width) @ (width, size) -> (size, size)
    return np.clip(np.rint(made / made.max() * manner.highest), 0, manner.highest)


def _box(image: Floats) -> tuple[int, int, int, int]:
    """Where the ink lies: rows from, to, columns from, to."""
    mask = image > _THRESHOLD
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _thickness(image: Floats) -> float:
    """Of the strokes, in pixels: twice the area by the outline, whose steps are longer than it by 4/π."""
    padded = np.pad(image, 1)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    return float(2 * image.sum() / (outline * np.pi / 4))


def _thickened(image: Floats, radius: int) -> Floats:
    """Ink spread by a radius: the highest value of the neighbours, step by step, so that the result is nearly round."""
    image = np.pad(image, radius)
    for step in range(radius):
        padded = np.pad(image, 1)
        neighbours = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
        if step % 2:
            neighbours += [padded[:-2, :-2], padded[:-2, 2:], padded[2:, :-2], padded[2:, 2:]]
        image = np.maximum.reduce([image, *neighbours])
    return image


def _areas(count: int, start: float, pixel: float, size: int) -> Floats:
    """(size, count): how much of each of `size` pixels that begin at `start` each of `count` old ones covers."""
    old = np.arange(count)[None, :]
    low = start + pixel * np.arange(size)[:, None]
    overlap = np.minimum(old + 1, low + pixel) - np.maximum(old, low)  # (size, count)
    return np.clip(overlap, 0.0, None) / pixel
