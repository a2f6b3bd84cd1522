"""Pictures of the loss around the parameters, and of the path that training took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.inspection.landscape import LossSurface
from pellucid.inspection.landscape import loss_surface as compute_surface
from pellucid.inspection.landscape import training_path as compute_path
from pellucid.plots.figure import FAINT, INK, VERMILION, Axes, Figure, figure_of, new_figure, tidy

if TYPE_CHECKING:
    from pellucid.inspection.recorder import Recorder
    from pellucid.network import Network

_LEVELS = 18
_MARGIN = 0.25  # of the path's extent, on each side


def loss_surface(network: Network, x: Any, y: Any, axes: Axes | None = None, **options: Any) -> Figure:
    """Draw the loss around a network's parameters, in two random directions, as lines of equal height.

    In each direction every unit's weights move by up to their own length. The cross is where the network is.

    Parameters
    ----------
    network : Network
        Trained.
    x, y : array
        Rows and targets.
    axes : Axes or None
        Where to draw; None: a new figure.
    **options
        Of `inspection.loss_surface`: `loss`, `penalty`, `points`, `across`, `up`, `directions`, `seed`.

    Returns
    -------
    Figure
    """
    surface = compute_surface(network, x, y, **options)
    figure = new_figure(5.0, 4.2) if axes is None else figure_of(axes)
    axes = figure.subplots() if axes is None else axes
    _contours(figure, axes, surface)
    axes.plot([0], [0], marker="+", markersize=11, markeredgewidth=1.8, color=VERMILION, linestyle="none")
    tidy(axes, "Loss around the network", "first direction", "second direction")
    return figure


def _vectors(recorder: Recorder) -> list[Any]:
    """The parameters at every look."""
    vectors = [snapshot.vector for snapshot in recorder.snapshots if snapshot.vector is not None]
    if not vectors and recorder.snapshots:
        raise ValueError("The recorder kept no parameters: make it with Recorder(vectors=True).")
    return vectors


def training_path(
    recorder: Recorder,
    network: Network | None = None,
    x: Any = None,
    y: Any = None,
    axes: Axes | None = None,
    **options: Any,
) -> Figure:
    """Draw the path of the parameters in the plane in which it is widest, over the loss in that plane.

    The plane is that of the first two principal components of the recorder's snapshots around the last one. Training
    begins at the ring and ends at the cross.

    Parameters
    ----------
    recorder : Recorder
        That was a callback of the training, with at least 3 snapshots.
    network : Network or None
        The trained network, for the loss in the plane; None: the path alone.
    x, y : array or None
        Rows and targets for the loss.
    axes : Axes or None
        Where to draw; None: a new figure.
    **options
        Of `inspection.loss_surface`: `loss`, `penalty`, `points`.

    Returns
    -------
    Figure
    """
    path = compute_path(_vectors(recorder))
    figure = new_figure(5.0, 4.2) if axes is None else figure_of(axes)
    axes = figure.subplots() if axes is None else axes
    low, high = path.points.min(axis=0), path.points.max(axis=0)  # (2,)
    room = _MARGIN * np.maximum(high - low, 0.2 * max(float((high - low).max()), 1e-9))
    low, high = low - room, high + room
    if network is not None:
        surface = compute_surface(
            network,
            x,
            y,
            directions=path.directions,
            across=(float(low[0]), float(high[0])),
            up=(float(low[1]), float(high[1])),
            center=recorder.snapshots[-1].vector,
            **options,
        )
        _contours(figure, axes, surface)
    line: dict[str, Any] = {"color": VERMILION, "linestyle": "none", "markeredgewidth": 1.6, "fillstyle": "none"}
    axes.plot(*path.points.T, color=VERMILION, linewidth=1.4, marker="o", markersize=2.5)
    axes.plot(*path.points[:1].T, marker="o", markersize=9, **line)
    axes.plot(*path.points[-1:].T, marker="+", markersize=11, **line)
    axes.set_xlim(float(low[0]), float(high[0]))
    axes.set_ylim(float(low[1]), float(high[1]))
    first, second = (f"{share:.0%} of the way" for share in path.explained)
    tidy(axes, "Path of training", f"first component, {first}", f"second component, {second}")
    return figure


def _contours(figure: Figure, axes: Axes, surface: LossSurface) -> None:
    """Lines of equal loss, closer together towards the minimum."""
    finite = np.isfinite(surface.losses)
    if not finite.any():
        axes.text(0.5, 0.5, "the loss is not finite here", transform=axes.transAxes, ha="center", color=FAINT)
        return
    losses = np.where(finite, surface.losses, np.nanmax(np.where(finite, surface.losses, np.nan)))
    low, high = float(losses.min()), float(losses.max())
    steps = np.linspace(0, 1, _LEVELS) ** 2 if high > low else np.linspace(-1e-9, 1, _LEVELS)
    levels = low + (high - low if high > low else 1.0) * steps
    picture = axes.contourf(surface.across, surface.up, losses, levels=levels, cmap="Blues_r")
    axes.contour(surface.across, surface.up, losses, levels=levels, colors="white", linewidths=0.4)
    bar = figure.colorbar(picture, ax=axes, fraction=0.05, pad=0.02, format="%.3g")
    bar.set_label("loss", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
