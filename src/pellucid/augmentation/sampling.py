"""Reading images at places between pixels, by bilinear interpolation."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array, Floats


def sample(images: Array, x: Floats, y: Floats, fill: float) -> Floats:
    """Read images (n, height, width, channels) at the places x, y (n, height, width), in pixels from the top left.

    Between pixels: with a and b the shares that a place lies to the right and below of the pixel I₀₀,

        (1 − b)·((1 − a)·I₀₀ + a·I₀₁) + b·((1 − a)·I₁₀ + a·I₁₁).

    All around the image lie pixels of the value `fill`, so that borders fade over one pixel. The places are
    overwritten.

    Returns
    -------
    array (n, height, width, channels)
        In the dtype of the places.
    """
    n, height, width, channels = images.shape
    # One row of `fill` before and two after: a place on the last of them still has a neighbour.
    padded = np.full((channels, n, height + 3, width + 3), fill, dtype=x.dtype)
    padded[:, :, 1:-2, 1:-2] = np.moveaxis(images, 3, 0)
    for places, side in ((x, width), (y, height)):
        places += 1
        np.clip(places, 0, side + 1, out=places)
    column, row = x.astype(np.intp), y.astype(np.intp)  # (n, height, width), rounded down
    x -= column
    y -= row
    row *= width + 3
    row += column
    row += (np.arange(n) * (height + 3) * (width + 3))[:, None, None]  # where I₀₀ lies in the flat array
    result = np.empty((n, height, width, channels), dtype=x.dtype)
    for channel in range(channels):
        flat = padded[channel].reshape(-1)
        upper = _between(flat.take(row), flat[1:].take(row), x)
        below = flat[width + 3 :]
        lower = _between(below.take(row), below[1:].take(row), x)
        result[..., channel] = _between(upper, lower, y)
    return result


def _between(first: Floats, second: Floats, share: Floats) -> Floats:
    """Answer first + share·(second − first), exactly `first` where the share is 0; `second` is overwritten."""
    second -= first
    second *= share
    second += first
    return second
