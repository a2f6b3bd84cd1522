"""Pictures of what a unit responds to, and of what an answer hangs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.inspection.features import exciting_input, top_inputs, unit_values
from pellucid.inspection.features import saliency as compute_saliency
from pellucid.losses import predictions
from pellucid.plots.figure import Axes, Figure, bare, figure_of, new_figure
from pellucid.plots.mosaics import draw_tiles, images, to_tiles
from pellucid.validation import check_inputs

if TYPE_CHECKING:
    from pellucid.network import Network

_COLUMNS = 6


def unit_responses(
    network: Network,
    x: Any,
    layer: int,
    unit: int,
    image_shape: tuple[int, int] | None = None,
    *,
    count: int = 11,
    axes: Axes | None = None,
    **options: Any,
) -> Figure:
    """Draw what excites a unit most: the input that gradient ascent finds, then the rows of the data, strongest first.

    Above each stands the unit's value for it.

    Parameters
    ----------
    network : Network
        Trained on images.
    x : array (n, height·width)
        The images to choose from; they also say how dark and bright a pixel can be.
    layer, unit : int
        The layer's place in `network.layers`, and the unit's in the layer.
    image_shape : (height, width) or None
        None: square.
    count : int
        How many of the rows are shown.
    axes : Axes or None
        Where to draw; None: a new figure.
    **options
        Of `inspection.exciting_input`: `steps`, `rate`, `decay`.

    Returns
    -------
    Figure
    """
    x = check_inputs(x, "x", network.input_shape)
    best = top_inputs(network, x, layer, unit, count)
    found = exciting_input(network, x, layer, unit, **options)
    values = unit_values(network, x[best], layer, unit)
    shown = np.concatenate([found.input[None], x[best].astype(np.float64)])
    labels = [f"ascent {max(found.activations):.3g}", *(f"{value:.3g}" for value in values)]
    title = f"What excites unit {unit} of layer {layer}, {network.layers[layer]}"
    return images(shown, image_shape, labels, columns=min(_COLUMNS, len(shown)), title=title, axes=axes)


def saliency(
    network: Network,
    x: Any,
    image_shape: tuple[int, int] | None = None,
    *,
    unit: int | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> Figure:
    """Draw images, and below each how its score hangs on every pixel: up (red) or down (blue) where it gets more.

    The derivative is taken behind the layers that only scale, so that a pixel counts by what the network sees of it.

    Parameters
    ----------
    network : Network
        Trained on images.
    x : array (n, height·width)
        A few images.
    image_shape : (height, width) or None
        None: square.
    unit : int or None
        Which score; None: of each image the highest, its prediction.
    axes : (Axes, Axes) or None
        Where to draw the images and the pictures below; None: a new figure.

    Returns
    -------
    Figure
    """
    x = check_inputs(x, "x", network.input_shape)
    gradient = compute_saliency(network, x, unit, scaled=True)
    own = np.abs(gradient).reshape(len(x), -1).max(axis=1).reshape(-1, *[1] * (gradient.ndim - 1))
    tiles = to_tiles(gradient / np.where(own > 0, own, 1.0), image_shape)  # (n, h, w), each at its own scale
    if axes is None:
        figure = new_figure(max(2.6, 0.95 * len(x)) + 0.4, 2.9)
        above, below = figure.subplots(2, 1)
    else:
        above, below = axes
        figure = figure_of(above)
    answers = predictions(network.scores(x), network.link) if network.link in ("softmax", "argmax") else None
    words = None if answers is None else [_class(network, int(answer)) for answer in answers]
    images(x, image_shape, words, columns=len(x), axes=above, title="Images and predictions" if words else "Images")
    room = None if words is None else [" "] * len(x)  # as high as above, so that each stands below its image
    draw_tiles(below, tiles, len(x), room, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    bare(below, "∂score/∂pixel: red raises the score" if unit is None else f"∂score {unit}/∂pixel: red raises it")
    return figure


def _class(network: Network, index: int) -> str:
    return network.classes[index] if network.classes else str(index)
