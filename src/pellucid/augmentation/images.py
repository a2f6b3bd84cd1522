"""Applying transforms to rows that are images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.augmentation.sampling import sample
from pellucid.augmentation.transforms import AffineMaps, ElasticDistortion, ImageRows, Transform
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs, check_integer, check_number, check_seed

_PIXELS_AT_A_TIME = 2**17  # this many pixels are worked on at once: the buffers stay in the cache, however many rows


@dataclass(frozen=True)
class Augmentation:
    """Images changed at random, each epoch anew: what a network has seen moved and turned, it recognizes so.

    Each row is changed by all transforms, one after the other, by amounts of its own. They are put together into one
    map, and each pixel is read once, by bilinear interpolation.

    Parameters
    ----------
    image_shape : (height, width) or (height, width, channels)
        What a row is, row of pixels by row of pixels.
    transforms : sequence of Transform, or one Transform
        In the order in which they are applied.
    fill : float
        The value of what lies outside the image, in the units of the data; for whole-number data one that they can
        hold.

    Notes
    -----
    The draws of transform k for row i in epoch e are row i of the random stream (seed, AUGMENT, index k, counter e):
    they depend on nothing else, least of all on the number of rows. A uint8 stays a uint8 (rounded to the nearest), and
    so with every dtype; what float32 cannot hold is computed in float64.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> image = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8)
    >>> mirrored = pl.Augmentation((2, 3), pl.Mirror(probability=1.0)).apply(image.reshape(1, 6), seed=0)
    >>> mirrored.reshape(2, 3)
    array([[3, 2, 1],
           [6, 5, 4]], dtype=uint8)
    >>> digits = pl.datasets.load_digits()
    >>> augmentation = pl.Augmentation(digits.image_shape, [pl.Rotate(10), pl.Translate(1), pl.Zoom(0.9, 1.1)])
    >>> network = pl.Network([pl.Standardize(), pl.Dense(64), pl.ReLU(), pl.Dense(10)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), augmentation=augmentation)
    >>> history = trainer.fit(*digits.train, epochs=2, validation=digits.validation)
    """

    image_shape: tuple[int, ...]
    transforms: tuple[Transform, ...]
    fill: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_shape", _check_image_shape(self.image_shape))
        object.__setattr__(self, "transforms", _check_transforms(self.transforms))
        check_number("fill", self.fill)

    def apply(self, x: Any, seed: int = 0, epoch: int = 0) -> Array:
        """The images x of an epoch, changed.

        Parameters
        ----------
        x : array (n, features) or (n, *image_shape)
            Images of any numeric dtype; they stay as they are.
        seed : int
            Where the random numbers start.
        epoch : int
            For which epoch, from 0 on.

        Returns
        -------
        array
            New, of the shape and dtype of x.
        """
        given = check_inputs(x, "x")
        self.check_rows(given.shape[1:])
        self._check_fill(given.dtype)
        check_seed(seed)
        check_integer("epoch", epoch, minimum=0)
        height, width, channels = (*self.image_shape, 1)[:3]
        exact = given.dtype.itemsize == 8 or (given.dtype.kind in "iu" and given.dtype.itemsize == 4)
        work = np.dtype(np.float64 if exact else np.float32)
        result = np.empty(given.shape, dtype=given.dtype)
        step = max(1, _PIXELS_AT_A_TIME // (height * width))
        for first in range(0, len(given), step):
            part = given[first : first + step]
            rows = ImageRows(first, len(part), height, width)
            places_x, places_y = self._places(rows, seed, epoch, work)
            values = sample(part.reshape(-1, height, width, channels), places_x, places_y, self.fill)
            result[first : first + step] = _in_dtype(values, given.dtype).reshape(part.shape)
        return result.astype(np.asarray(x).dtype, copy=False)

    def _places(self, rows: ImageRows, seed: int, epoch: int, work: np.dtype[Any]) -> tuple[Floats, Floats]:
        """Where each pixel of the results comes from: x and y (n, height, width), in pixels from the top left."""
        total = AffineMaps(np.broadcast_to(np.eye(2), (rows.images, 2, 2)), np.zeros((rows.images, 2)))
        moved: Floats | None = None  # (n, 2, height, width)
        for index in reversed(range(len(self.transforms))):  # from the result back to the original
            transform = self.transforms[index]
            stream = Stream(seed, Purpose.AUGMENT, index, epoch)
            if isinstance(transform, ElasticDistortion):
                field = transform.displacement(stream, rows, work)
                moved = field if moved is None else moved + field
                continue
            inverse = transform.inverse(stream, rows)
            total = _after(inverse, total)
            moved = None if moved is None else _transformed(inverse.matrix, moved)
        x, y = _grid(total, rows, work)
        if moved is not None:
            x += moved[:, 0]
            y += moved[:, 1]
        return x, y

    def check_rows(self, shape: tuple[int, ...]) -> None:
        """Raise if rows of this shape are not images of `image_shape`."""
        pixels = math.prod(self.image_shape)
        if shape in ((pixels,), self.image_shape):
            return
        size = " x ".join(map(str, self.image_shape))
        features = math.prod(shape)
        side = math.isqrt(features)
        square = f"({side}, {side})" if side * side == features else "(height, width)"
        raise ValueError(
            f"The augmentation is for images of {size} = {pixels:,} features, but x has rows of "
            f"{' x '.join(map(str, shape))}{f' = {features:,}' if len(shape) > 1 else ''} features: "
            f"write Augmentation({square}, …), or give the images that it is for."
        )

    def _check_fill(self, dtype: np.dtype[Any]) -> None:
        if dtype.kind == "f":
            return
        lowest, highest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if not lowest <= self.fill <= highest or self.fill != round(self.fill):
            raise ValueError(
                f"fill must be a whole number from {lowest} to {highest} for x of {dtype}, not {self.fill!r}."
            )


def _check_image_shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) not in (2, 3):
        raise ValueError(f"image_shape must be (height, width) or (height, width, channels), not {value!r}.")
    return tuple(check_integer("image_shape", size, minimum=1) for size in value)


def _check_transforms(value: Any) -> tuple[Transform, ...]:
    transforms = (value,) if isinstance(value, Transform | type) else tuple(value)
    for transform in transforms:
        if isinstance(transform, type):
            raise TypeError(
                f"transforms must hold transforms, not the class {transform.__name__}: write {transform.__name__}(…)."
            )
        if not isinstance(transform, Transform):
            raise TypeError(f"transforms must hold transforms such as Rotate(10), not {transform!r}.")
    if not transforms:
        raise ValueError("transforms is empty: give at least one, such as Translate(2), or use no augmentation.")
    return transforms


def _after(outer: AffineMaps, inner: AffineMaps) -> AffineMaps:
    """The map that applies `inner`, then `outer`: (n, 2, 2) and (n, 2)."""
    matrix = np.einsum("nij,njk->nik", outer.matrix, inner.matrix)
    return AffineMaps(matrix, np.einsum("nij,nj->ni", outer.matrix, inner.offset) + outer.offset)


def _transformed(matrix: Floats, field: Floats) -> Floats:
    """Vectors (n, 2, height, width) after the linear maps (n, 2, 2)."""
    m = matrix.astype(field.dtype)[:, :, :, None, None]  # (n, 2, 2, 1, 1)
    return np.stack([m[:, i, 0] * field[:, 0] + m[:, i, 1] * field[:, 1] for i in range(2)], axis=1)


def _grid(affine: AffineMaps, rows: ImageRows, work: np.dtype[Any]) -> tuple[Floats, Floats]:
    """The images of all pixels under the maps: x and y (n, height, width), in pixels from the top left."""
    center = ((rows.width - 1) / 2, (rows.height - 1) / 2)
    across, down = np.arange(rows.width) - center[0], np.arange(rows.height) - center[1]  # (width,), (height,)
    places = []
    for axis in range(2):
        xs, ys = affine.matrix[:, axis, :1], affine.matrix[:, axis, 1:]  # (n, 1) each
        of_column = (xs * across + (affine.offset[:, axis, None] + center[axis])).astype(work)  # (n, width)
        of_row = (ys * down).astype(work)  # (n, height)
        places.append(of_column[:, None, :] + of_row[:, :, None])  # (n, height, width)
    return places[0], places[1]


def _in_dtype(values: Floats, dtype: np.dtype[Any]) -> Array:
    """Rounded to the nearest where the dtype has whole numbers; interpolation never leaves the range of its pixels."""
    if dtype.kind == "f":
        return values
    return np.rint(values, out=values).astype(dtype)
