"""Decision regions: what a network says of every point of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.losses import correct, predictions, probabilities
from pellucid.plots.figure import INK, Axes, Figure, color_of, figure_of, marker_of, new_figure, tidy
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs, check_integer, check_same_length

if TYPE_CHECKING:
    from pellucid.network import Network

_MARGIN = 0.08  # of the points' extent, on each side
_PALE, _DEEP = 0.10, 0.42  # how strong a region's colour is where the network knows nothing, and where it is sure


def decision_regions(
    network: Network,
    x: Any,
    y: Any,
    axes: Axes | None = None,
    *,
    classes: Sequence[object] | None = None,
    resolution: int = 240,
) -> Figure:
    """Draw the regions of the plane that a network gives to each class, and the points over them.

    A region has its class' colour, the deeper the surer the network is (one depth where it has no probabilities).
    Lines are drawn where the prediction changes, and rings around the points that are misclassified.

    Parameters
    ----------
    network : Network
        Trained on two features and two or more classes.
    x : array (n, 2)
        The points.
    y : array (n,)
        Their classes, 0, 1, …
    axes : Axes or None
        Where to draw; None: a new figure.
    classes : sequence or None
        The names of the classes; None: the network's own, or numbers.
    resolution : int
        How many points of the plane are asked along each axis.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the network has other than two inputs, or predicts no classes.
    """
    check_integer("resolution", resolution, minimum=2)
    _check_suitable(network)
    x, labels = check_inputs(x, "x", (2,)), np.asarray(y)  # (n, 2), (n,)
    check_same_length(x=x, y=labels)
    if axes is None:
        figure = new_figure(5.2, 5.2)
        axes = figure.subplots()
    else:
        figure = figure_of(axes)
    _fill(axes, network, x, resolution)
    names = classes if classes is not None else network.classes
    wrong = _points(axes, network, x, labels, names)
    tidy(axes, f"{wrong} of {len(x)} points misclassified", "x₁", "x₂")
    axes.set_box_aspect(1)
    _legend(axes)
    return figure


def _legend(axes: Axes) -> None:
    """The classes, half an inch below the picture, however large it is."""
    from matplotlib.transforms import ScaledTranslation

    below = ScaledTranslation(0, -0.45, figure_of(axes).dpi_scale_trans)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=axes.transAxes + below,
        ncols=5,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handletextpad=0.3,
        columnspacing=1.2,
        borderaxespad=0.0,
        borderpad=0.0,
    )


def _check_suitable(network: Network) -> None:
    if network.input_shape != (2,):
        raise ValueError(
            f"Decision regions lie in the plane: they need a network of 2 inputs, not of {network.input_shape}."
        )
    if network.link in ("identity", "exponential") or (network.link == "sigmoid" and network.outputs > 1):
        raise ValueError(
            "Decision regions need a network that predicts one class: train it with SoftmaxCrossEntropy, with "
            "SigmoidCrossEntropy and one output, or with SquaredError on classes."
        )


def _fill(axes: Axes, network: Network, x: Array, resolution: int) -> None:
    """Colour each small square of the plane, and draw the lines between the classes."""
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)  # (2,) each
    room = np.where(high > low, (high - low) * _MARGIN, 1.0)
    (left, bottom), (right, top) = low - room, high + room
    # The middles of the squares, so that the picture's edges are the axes' limits.
    step = (np.arange(resolution) + 0.5) / resolution  # (r,)
    across, up = np.meshgrid(left + (right - left) * step, bottom + (top - bottom) * step)  # (r, r) each
    scores = network.scores(np.column_stack([across.ravel(), up.ravel()]))  # (r·r, outputs)
    axes.imshow(
        _colors(scores, network.link).reshape(resolution, resolution, 3),
        extent=(left, right, bottom, top),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    for ahead in _leads(scores, network.link):  # one class' lead over the others: the line is where it is 0
        if ahead.min() < 0 < ahead.max():
            heights = ahead.reshape(across.shape)  # (r, r)
            axes.contour(across, up, heights, levels=[0.0], colors="white", linewidths=1.4, zorder=1.5)


def _colors(scores: Floats, link: str) -> Floats:
    """A colour for each row of scores (m, outputs): (m, 3), the predicted class' own, mixed with white."""
    winners = predictions(scores, link)  # (m,)
    count = max(scores.shape[1], 2)
    if link in ("argmax", "sign"):
        sure = np.full(len(scores), 0.7)
    else:
        sure = (probabilities(scores, link).max(axis=1) - 1 / count) / (1 - 1 / count)  # 0 undecided … 1 sure
    depth = (_PALE + (_DEEP - _PALE) * sure)[:, None]  # (m, 1)
    own = np.array([color_of(index) for index in range(count)])[winners]  # (m, 3)
    colors: Floats = 1 - depth + depth * own  # (m, 3)
    return colors


def _leads(scores: Floats, link: str) -> list[Floats]:
    """For each class (one of two is enough) its score minus the highest of the others, (m,)."""
    if link in ("sigmoid", "sign"):
        return [scores[:, 0]]
    count = scores.shape[1]
    leads = [scores[:, k] - np.delete(scores, k, axis=1).max(axis=1) for k in range(count)]
    return leads[:1] if count == 2 else leads


def _points(axes: Axes, network: Network, x: Array, labels: Array, names: Sequence[object] | None) -> int:
    """Draw the points, ring those that are wrong, and return how many these are."""
    for label in np.unique(labels):
        of_class = labels == label
        axes.scatter(
            x[of_class, 0],
            x[of_class, 1],
            s=20,
            color=[color_of(int(label))],
            marker=marker_of(int(label)),
            edgecolors="white",
            linewidths=0.5,
            label=str(names[int(label)] if names else label),
            zorder=2,
        )
    right = correct(network.scores(x), labels[:, None] if network.link in ("sigmoid", "sign") else labels, network.link)
    wrong = ~np.asarray(right)  # (n,)
    if wrong.any():
        axes.scatter(
            x[wrong, 0],
            x[wrong, 1],
            s=70,
            facecolors="none",
            edgecolors=INK,
            linewidths=1.1,
            label="misclassified",
            zorder=3,
        )
    return int(wrong.sum())
