"""Many small images side by side: examples, and the weights of a first layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.layers.dense import Dense
from pellucid.plots.figure import FAINT, INK, Axes, Figure, bare, figure_of, new_figure
from pellucid.typing import Array, Floats
from pellucid.validation import check_array, check_integer

if TYPE_CHECKING:
    from pellucid.network import Network

_GAP = 0.12  # between two images, as a fraction of their size
_LINE = 0.22  # and above each for every line of its label


def images(
    images: Any,
    image_shape: tuple[int, int] | None = None,
    labels: Sequence[object] | None = None,
    *,
    columns: int | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Draw images in rows and columns, ink on paper: the highest value is black.

    Parameters
    ----------
    images : array (n, height·width) or (n, height, width)
        Each image has its own range of values.
    image_shape : (height, width) or None
        None: as the array says, or square.
    labels : sequence or None
        A word above each image.
    columns : int or None
        How many stand in a row; None: such that the whole is a little wider than high.
    title : str
        Above the whole.
    axes : Axes or None
        Where to draw; None: a new figure.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pellucid as pl
    >>> digits = pl.datasets.load_digits()
    >>> figure = pl.plots.images(digits.test.x[:12], labels=digits.test.y[:12])
    """
    tiles = to_tiles(images, image_shape)  # (n, h, w)
    if labels is not None and len(labels) != len(tiles):
        raise ValueError(f"labels must hold one for each of the {len(tiles)} images, not {len(labels)}.")
    low = tiles.min(axis=(1, 2), keepdims=True)  # (n, 1, 1)
    spread = np.ptp(tiles, axis=(1, 2), keepdims=True)
    shades = (tiles - low) / np.where(spread > 0, spread, 1.0)
    columns = _columns(len(tiles), columns, 1.4)
    words = None if labels is None else [str(label) for label in labels]
    figure, axes = _canvas(axes, len(tiles), columns, _cell(tiles.shape[1:], words))
    draw_tiles(axes, shades, columns, words, cmap="gray_r", vmin=0.0, vmax=1.0)
    bare(axes, title)
    return figure


def weights(
    network: Network,
    layer: int | None = None,
    image_shape: tuple[int, int] | None = None,
    *,
    columns: int | None = None,
    limit: int = 100,
    axes: Axes | None = None,
) -> Figure:
    """Draw the weights of each unit of a dense layer as an image: where they pull up (red) and down (blue).

    Parameters
    ----------
    network : Network
        Built or trained.
    layer : int or None
        The number of the layer in `network.layers`; None: the first dense one.
    image_shape : (height, width) or None
        The shape of an input; None: square.
    columns : int or None
        How many stand in a row; None: such that the whole is a little wider than high.
    limit : int
        How many units are drawn at most, from the first on.
    axes : Axes or None
        Where to draw; None: a new figure.

    Returns
    -------
    Figure
    """
    index = _dense_layer(network, layer)
    weight = network.get(f"{index}.weight")  # (d_in, units)
    units = min(weight.shape[1], check_integer("limit", limit, minimum=1))
    tiles = to_tiles(weight.T[:units], image_shape)  # (units, h, w)
    reach = float(np.abs(tiles).max()) or 1.0
    columns = _columns(units, columns, 1.4)
    figure, axes = _canvas(axes, units, columns, _cell(tiles.shape[1:], None))
    picture = draw_tiles(axes, tiles, columns, None, cmap="RdBu_r", vmin=-reach, vmax=reach)
    shown = f"{units}" if units == weight.shape[1] else f"the first {units} of {weight.shape[1]}"
    bare(axes, f"Weights of layer {index}, {shown} units")
    bar = figure.colorbar(picture, ax=axes, fraction=0.03, pad=0.02)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    return figure


def _dense_layer(network: Network, layer: int | None) -> int:
    dense = [index for index, part in enumerate(network.layers) if isinstance(part, Dense)]
    if not dense:
        raise ValueError("The network has no dense layer, so there are no weights to draw.")
    if layer is None:
        return dense[0]
    if layer not in dense:
        raise ValueError(f"Layer {layer} is no dense layer of this network: choose from {', '.join(map(str, dense))}.")
    return layer


def to_tiles(values: Any, image_shape: tuple[int, int] | None) -> Array:
    """Images (n, height, width) of float64 from rows of pixels or images."""
    array = check_array(values, "images").astype(np.float64)
    if array.ndim == 3 and image_shape is None:
        image_shape = array.shape[1:]
    if array.ndim not in (2, 3) or not array.size:
        raise ValueError(f"images must have the shape (n, height·width) or (n, height, width), not {array.shape}.")
    pixels = math.prod(array.shape[1:])
    if image_shape is None:
        side = math.isqrt(pixels)
        if side * side != pixels:
            raise ValueError(f"{pixels} pixels make no square image: pass image_shape=(height, width).")
        image_shape = (side, side)
    if math.prod(image_shape) != pixels:
        raise ValueError(f"image_shape {tuple(image_shape)} stands for {math.prod(image_shape)} pixels, not {pixels}.")
    return array.reshape(len(array), *image_shape)


def _columns(count: int, columns: int | None, wider: float) -> int:
    if columns is not None:
        return check_integer("columns", columns, minimum=1)
    return min(count, math.ceil(math.sqrt(count * wider)))


def _cell(shape: tuple[int, ...], labels: list[str] | None) -> tuple[float, float]:
    """Height and width of an image with its label and the gap around it, in pixels of the image."""
    size = max(shape)
    lines = max((label.count("\n") + 1 for label in labels), default=0) if labels else 0
    return shape[0] + size * (_GAP + lines * _LINE), shape[1] + size * _GAP


def _canvas(axes: Axes | None, count: int, columns: int, cell: tuple[float, float]) -> tuple[Figure, Axes]:
    if axes is not None:
        return figure_of(axes), axes
    height, width = cell
    inches = min(0.8, 9.0 / columns)
    rows = -(-count // columns)
    figure = new_figure(max(2.5, columns * inches) + 0.3, rows * inches * height / width + 0.5)
    return figure, figure.subplots()


def draw_tiles(axes: Axes, tiles: Floats, columns: int, labels: list[str] | None = None, **look: Any) -> Any:
    """Draw tiles (n, h, w) at their places, each a picture of its own, and return the last."""
    height, width = _cell(tiles.shape[1:], labels)
    rows = -(-len(tiles) // columns)
    picture = None
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = column * width, row * height
        extent = (left, left + tile.shape[1], top + tile.shape[0], top)
        picture = axes.imshow(tile, extent=extent, interpolation="nearest", **look)
    half = (width - tiles.shape[2]) / 2
    axes.set_xlim(-half, columns * width - half)
    axes.set_ylim(rows * height - (height - tiles.shape[1]) + half, tiles.shape[1] - height + half)
    axes.set_aspect("equal", anchor="NW")
    if labels:
        _write_labels(axes, tiles.shape[1:], columns, labels)
    _frame(axes, tiles, columns, height, width)
    return picture


def _frame(axes: Axes, tiles: Floats, columns: int, height: float, width: float) -> None:
    """A thin line around each image: paper and page are both white."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    places = [divmod(number, columns) for number in range(len(tiles))]
    frames = [Rectangle((c * width, r * height), tiles.shape[2], tiles.shape[1]) for r, c in places]
    axes.add_collection(PatchCollection(frames, facecolor="none", edgecolor=FAINT, linewidth=0.5))


def _write_labels(axes: Axes, shape: tuple[int, ...], columns: int, labels: list[str]) -> None:
    """A label above each image, as large as the longest line and the room above the image allow."""
    height, width = _cell(shape, labels)
    box = axes.get_window_extent()
    points = min(box.width / columns, box.height / (-(-len(labels) // columns)) * width / height)
    points *= 72 / axes.figure.dpi  # the width of an image's place
    longest = max(len(line) for label in labels for line in label.split("\n"))
    size = float(np.clip(min(1.7 * points / max(longest, 1), 0.8 * _LINE * points), 3.0, 10.0))
    for number, label in enumerate(labels):
        row, column = divmod(number, columns)
        axes.text(
            column * width + shape[1] / 2,
            row * height - 0.04 * max(shape),
            label,
            ha="center",
            va="bottom",
            fontsize=size,
            color=INK,
            linespacing=1.1,
        )
