"""The transforms of images, in order of increasing complexity.

Contract. A transform is a frozen dataclass that says how far images are changed at most; each image gets an amount of
its own, drawn from the transform's stream. An image is not moved: its result is read from places in the original.
A transform is therefore given as its *inverse*, the map from a place q in the result to the place p in the original,

    p = M q + t        (`Transform.inverse`: M (n, 2, 2) and t (n, 2), a map for each image)

where places are (x, y), x to the right and y down, in pixels from the image's centre. Maps of several transforms are
multiplied before a single pixel is read. `ElasticDistortion` moves each pixel by itself: p = q + u(q)
(`displacement`: u (n, 2, height, width)).

All draws of image i come from row i of the stream, whatever the number of images.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid.streams import Stream
from pellucid.typing import Array, Floats
from pellucid.validation import check_number

Range: TypeAlias = float | tuple[float, float]
"""The amounts that are drawn from: (low, high), or one number a for (−a, a)."""


class AffineMaps(NamedTuple):
    """A map p = M q + t for each of n images: `matrix` (n, 2, 2), `offset` (n, 2), float64."""

    matrix: Floats
    offset: Floats


class ImageRows(NamedTuple):
    """Which images a transform is asked for: this many from `first` on, each of `height` by `width` pixels."""

    first: int
    images: int
    height: int
    width: int


class Transform:
    """The family's base. See the head of this file."""

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """Where in the originals the pixels of the results come from."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Reflection(Transform):
    """Turns some of the images over."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_number("probability", self.probability, minimum=0.0, maximum=1.0)


@dataclass(frozen=True)
class Mirror(_Reflection):
    """Exchanges left and right: p = (−x, y).

    Parameters
    ----------
    probability : float
        The fraction of the images that is mirrored, 0 to 1.
    """

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """The sign of x changes."""
        return _diagonal(_signs(stream, rows, self.probability), 1.0)


@dataclass(frozen=True)
class Flip(_Reflection):
    """Turns upside down: p = (x, −y).

    Parameters
    ----------
    probability : float
        The fraction of the images that is flipped, 0 to 1.
    """

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """The sign of y changes."""
        return _diagonal(1.0, _signs(stream, rows, self.probability))


@dataclass(frozen=True)
class Rotate(Transform):
    """Turns about the centre by an angle θ, uniform in its range.

        p = (x cos θ − y sin θ, x sin θ + y cos θ)        anticlockwise for θ > 0, since y points down

    Parameters
    ----------
    degrees : float or (low, high)
        The range of θ in degrees, within −360 and 360; one number a (at least 0) means (−a, a).
    """

    degrees: Range

    def __post_init__(self) -> None:
        _check_range("degrees", self.degrees, 360.0)

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """A rotation in the opposite sense."""
        angle = np.deg2rad(_drawn(stream, rows, self.degrees))  # (n,)
        cos, sin = np.cos(angle), np.sin(angle)
        return _linear(cos, -sin, sin, cos)


@dataclass(frozen=True)
class Translate(Transform):
    """Moves by a distance d to the right and e down, each uniform in its range, parts of pixels included.

        p = (x − d, y − e)

    Parameters
    ----------
    horizontal : int, float or (low, high)
        The range of d: whole numbers are pixels (2 means −2 to 2), other numbers are fractions of the width, above −1
        and below 1 (0.1 means a tenth of the width to either side).
    vertical : int, float, (low, high) or None
        The range of e, likewise, in fractions of the height; None: as `horizontal`.
    """

    horizontal: Range
    vertical: Range | None = None

    def __post_init__(self) -> None:
        for name, value in (("horizontal", self.horizontal), ("vertical", self.vertical)):
            if value is not None or name == "horizontal":
                _check_distance(name, value)

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """The opposite distance."""
        vertical = self.horizontal if self.vertical is None else self.vertical
        low_d, high_d = _in_pixels(self.horizontal, rows.width)
        low_e, high_e = _in_pixels(vertical, rows.height)
        share = stream.uniform((rows.images, 2), first_row=rows.first)  # (n, 2)
        offset = -(np.array([low_d, low_e]) + share * np.array([high_d - low_d, high_e - low_e]))
        return AffineMaps(np.broadcast_to(np.eye(2), (rows.images, 2, 2)), offset)


@dataclass(frozen=True)
class Zoom(Transform):
    """Enlarges about the centre by a factor z: p = (x, y)/z, z = low·(high/low)ᵘ with u uniform in (0, 1).

    On this scale twice as large is as likely as half as large.

    Parameters
    ----------
    low, high : float
        The range of the factor, above 0; below 1 the image shrinks.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        check_number("low", self.low, above=0.0)
        check_number("high", self.high, above=0.0)
        if self.low > self.high:
            raise ValueError(f"low must be at most high, but Zoom got low={self.low} and high={self.high}.")

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """Smaller by the factor."""
        share = stream.uniform((rows.images, 1), first_row=rows.first)[:, 0]  # (n,)
        smaller = (self.high / self.low) ** -share / self.low
        return _linear(smaller, 0.0, 0.0, smaller)


@dataclass(frozen=True)
class Shear(Transform):
    """Slants: rows are shifted in proportion to their height, by an angle φ uniform in its range.

        p = (x + y tan φ, y)        to the right at the top for φ > 0, like italics

    Parameters
    ----------
    degrees : float or (low, high)
        The range of φ in degrees, within −89 and 89; one number a (at least 0) means (−a, a).
    """

    degrees: Range

    def __post_init__(self) -> None:
        _check_range("degrees", self.degrees, 89.0)

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """The slant back."""
        slope = np.tan(np.deg2rad(_drawn(stream, rows, self.degrees)))  # (n,)
        return _linear(1.0, slope, 0.0, 1.0)


@dataclass(frozen=True)
class ElasticDistortion(Transform):
    """Moves each pixel by itself, neighbours alike, as a hand's small oscillations do.

        u = α·(G_σ ∗ r)        r: two numbers for each pixel, uniform in (−1, 1); G_σ: a Gaussian, its sum 1

    The field r is 0 outside the image and G_σ is cut off at 4σ. The displacement u is laid over the result's pixels.

    Parameters
    ----------
    alpha : float
        The strength, at least 0. Far from the border a pixel moves by about α/(σ√(12π)) in each direction
        (root mean square), so 34 and 4 give 1.4 pixels.
    sigma : float
        The width of the Gaussian in pixels, above 0. Small: each pixel for itself; large: all of them together.

    Notes
    -----
    Source: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003, section 2, with α = 34 and σ = 4 for MNIST. Each pixel's two numbers are the two halves of
    one random word of 32 bits.
    """

    alpha: float = 34.0
    sigma: float = 4.0

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, minimum=0.0)
        check_number("sigma", self.sigma, above=0.0)

    def inverse(self, stream: Stream, rows: ImageRows) -> AffineMaps:
        """No map of whole images: see `displacement`."""
        raise TypeError("ElasticDistortion moves each pixel by itself: ask for its displacement.")

    def displacement(self, stream: Stream, rows: ImageRows, dtype: np.dtype[Any]) -> Floats:
        """The field u (n, 2, height, width), in the order x, y."""
        words = stream.words((rows.images, rows.height * rows.width), first_row=rows.first)  # (n, pixels)
        halves = np.empty((rows.images, 2, rows.height * rows.width), dtype=dtype)
        halves[:, 0] = words & np.uint32(0xFFFF)
        halves[:, 1] = words >> np.uint32(16)
        halves += 0.5
        halves *= 2.0**-15
        halves -= 1.0
        field = halves.reshape(rows.images, 2, rows.height, rows.width)
        # A product for each image, not one for all: the bits of an image must not depend on how many there are.
        blurred = np.matmul(_gaussian(rows.height, self.sigma).astype(dtype), field)  # (h, h) @ (n, 2, h, w)
        return np.matmul(blurred, (self.alpha * _gaussian(rows.width, self.sigma)).astype(dtype))


def _gaussian(size: int, sigma: float) -> Floats:
    """The matrix (size, size) that smooths a line of numbers, 0 outside it; symmetric."""
    radius = int(4.0 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))  # (size, size)
    return np.where(distance <= radius, weights[radius + np.minimum(distance, radius)], 0.0)


def _signs(stream: Stream, rows: ImageRows, probability: float) -> Floats:
    """−1 with the given probability, else 1: (n,)."""
    share = stream.uniform((rows.images, 1), first_row=rows.first)[:, 0]
    return np.where(share < probability, -1.0, 1.0)


def _drawn(stream: Stream, rows: ImageRows, limits: Range) -> Floats:
    """One amount for each image, uniform in its range: (n,)."""
    low, high = _ends(limits)
    return stream.uniform((rows.images, 1), low, high, first_row=rows.first)[:, 0]


def _diagonal(x: Array | float, y: Array | float) -> AffineMaps:
    return _linear(x, 0.0, 0.0, y)


def _linear(xx: Array | float, xy: Array | float, yx: Array | float, yy: Array | float) -> AffineMaps:
    """The maps about the centre with these coefficients, each a number or (n,)."""
    entries = np.stack(np.broadcast_arrays(xx, xy, yx, yy), axis=-1)  # (n, 4)
    return AffineMaps(entries.reshape(-1, 2, 2), np.zeros((len(entries), 2)))


def _ends(limits: Range) -> tuple[Any, Any]:
    """Low and high; one number a stands for (−a, a)."""
    return (limits[0], limits[1]) if isinstance(limits, Sequence) else (-limits, limits)


def _check_pair(name: str, value: Any, meaning: str) -> bool:
    """Whether `value` is a pair (low, high); raise if it is neither a pair in order nor a number."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return False
    if len(value) != 2:
        raise ValueError(f"{name} must be {meaning} or a pair (low, high), not {value!r}.")
    return True


def _check_order(name: str, value: Any) -> None:
    if value[0] > value[1]:
        raise ValueError(f"{name} must be a pair (low, high) with low at most high, not {value!r}.")


def _check_range(name: str, value: Any, limit: float) -> None:
    if not _check_pair(name, value, "a number of degrees"):
        check_number(name, value, minimum=0.0, maximum=limit)
        return
    for end in value:
        check_number(name, end, minimum=-limit, maximum=limit)
    _check_order(name, value)


def _check_distance(name: str, value: Any) -> None:
    """Pixels where all numbers are whole, else fractions above −1 and below 1; a single one is at least 0."""
    meaning = "a whole number of pixels, a fraction below 1"
    pair = _check_pair(name, value, meaning)
    ends: Sequence[Any] = value if pair else (value,)
    allowed = f"{name} must be {meaning} or a pair (low, high) of either, not {value!r}."
    for end in ends:
        if isinstance(end, bool | np.bool_) or not isinstance(end, numbers.Real):
            raise TypeError(allowed)
        number = float(end)
        if not math.isfinite(number) or (number < 0 and not pair) or (not _is_whole(end) and not -1 < number < 1):
            raise ValueError(allowed)
    if pair:
        if _is_whole(ends[0]) != _is_whole(ends[1]):
            raise ValueError(f"{name} must be two whole numbers of pixels or two fractions, not {value!r}.")
        _check_order(name, value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral)


def _in_pixels(limits: Range, side: int) -> tuple[float, float]:
    low, high = _ends(limits)
    scale = 1 if _is_whole(low) else side
    return float(low * scale), float(high * scale)


TRANSFORMS: dict[str, type[Transform]] = {
    cls.__name__: cls for cls in (Mirror, Flip, Translate, Rotate, Zoom, Shear, ElasticDistortion)
}
