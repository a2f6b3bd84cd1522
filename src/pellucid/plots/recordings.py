"""Pictures of what a recorder kept: how activations, gradients and updates change as training goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.plots.figure import BLUE, FAINT, INK, VERMILION, Axes, Figure, color_of, figure_of, new_figure, tidy

if TYPE_CHECKING:
    from pellucid.inspection.recorder import Histogram, Recorder, Snapshot

_MOST_RIDGES = 16  # of more snapshots some are left out, evenly
_MOST_LINES = 8
_HEALTHY = 1e-3  # the update-to-weight ratio that is usual


def activation_histograms(
    recorder: Recorder, layers: Sequence[int] | None = None, axes: Sequence[Axes] | None = None
) -> Figure:
    """Draw how each layer's outputs are spread, a ridge for each look of the recorder, the first at the top.

    Parameters
    ----------
    recorder : Recorder
        That was a callback of the training.
    layers : sequence of int or None
        The layers' places in the network; None: all.
    axes : sequence of Axes or None
        One for each layer; None: a new figure.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pellucid as pl
    >>> recorder = pl.Recorder()
    >>> network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), callbacks=[recorder])
    >>> history = trainer.fit(*pl.datasets.two_gaussians(), epochs=5)
    >>> figure = pl.plots.activation_histograms(recorder)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['0, Dense(8)', '1, ReLU()', '2, Dense(2)']
    """
    return _ridges(recorder, layers, axes, lambda layer: layer.activation, BLUE, "output")


def gradient_histograms(
    recorder: Recorder, layers: Sequence[int] | None = None, axes: Sequence[Axes] | None = None
) -> Figure:
    """Draw how ∂C/∂output of each layer is spread, of each row's own cost, a ridge for each look of the recorder.

    Where the ridges of the first layers are much narrower than those of the last, the gradient vanishes on its way.

    Parameters
    ----------
    recorder : Recorder
        That was a callback of the training.
    layers : sequence of int or None
        The layers' places in the network; None: all.
    axes : sequence of Axes or None
        One for each layer; None: a new figure.

    Returns
    -------
    Figure
    """
    return _ridges(recorder, layers, axes, lambda layer: layer.gradient, VERMILION, "∂C/∂output")


def update_ratios(recorder: Recorder, axes: Axes | None = None) -> Figure:
    """Draw ‖Δw‖/‖w‖ of each weight, the part of itself that a step changes, against the epoch.

    A thousandth is usual (the dashed line). Far below, learning is slow; far above, it is restless.

    Parameters
    ----------
    recorder : Recorder
        That was a callback of the training.
    axes : Axes or None
        Where to draw; None: a new figure.

    Returns
    -------
    Figure
    """
    snapshots = _snapshots(recorder)
    figure = new_figure(5.6, 3.6) if axes is None else figure_of(axes)
    axes = figure.subplots() if axes is None else axes
    names = [name for name in snapshots[0].parameters if name.endswith(".weight")] or list(snapshots[0].parameters)
    shown = names if len(names) <= _MOST_LINES else [*names[: _MOST_LINES - 1], names[-1]]
    epochs = [snapshot.epoch for snapshot in snapshots]
    drawn = False
    for number, name in enumerate(shown):
        ratios = np.array([snapshot.parameters[name].update_ratio for snapshot in snapshots])
        ratios[~(ratios > 0)] = np.nan  # a weight of 0, or a step that changes nothing, has no place on the axis
        drawn = drawn or bool(np.isfinite(ratios).any())
        axes.plot(epochs, ratios, color=color_of(number), label=name, linewidth=1.5, marker="o", markersize=3)
    if drawn:
        axes.set_yscale("log")
    axes.axhline(_HEALTHY, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    tidy(axes, "Update-to-weight ratio", "epoch", "‖Δw‖ / ‖w‖ in a step")
    _whole_epochs(axes)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure


def unit_activity(recorder: Recorder, layer: int | None = None, axes: Axes | None = None) -> Figure:
    """Draw in which share of the rows each unit of an activation lets a gradient pass, against the epoch.

    A row for each unit, the most active of the last look at the top. White is dead: no row moves the unit's weights.

    Parameters
    ----------
    recorder : Recorder
        That was a callback of the training.
    layer : int or None
        The place of an activation in the network; None: the one with the most dead units in the end.
    axes : Axes or None
        Where to draw; None: a new figure.

    Returns
    -------
    Figure
    """
    snapshots = _snapshots(recorder)
    index = _activation(snapshots[-1], layer)
    shares = np.stack([np.asarray(snapshot.layers[index].alive) for snapshot in snapshots], axis=1)  # (units, looks)
    shares = shares[np.argsort(-shares[:, -1], kind="stable")]
    figure = new_figure(5.6, 3.6) if axes is None else figure_of(axes)
    axes = figure.subplots() if axes is None else axes
    epochs = np.array([snapshot.epoch for snapshot in snapshots], dtype=float)  # (looks,)
    edges = np.concatenate([epochs, [epochs[-1] + (epochs[-1] - epochs[-2] if len(epochs) > 1 else 1.0)]])
    picture = axes.pcolormesh(edges, np.arange(len(shares) + 1), shares, cmap="Blues", vmin=0, vmax=1)
    axes.invert_yaxis()
    dead = int(np.count_nonzero(shares[:, -1] == 0))
    tidy(axes, f"{snapshots[-1].layers[index].name}: {dead} of {len(shares)} units dead", "epoch", "unit, by activity")
    _whole_epochs(axes)
    bar = figure.colorbar(picture, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("share of rows", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    return figure


def _snapshots(recorder: Recorder) -> list[Snapshot]:
    if not recorder.snapshots:
        raise ValueError("The recorder has seen nothing: give it to the trainer, callbacks=[recorder], and train.")
    return recorder.snapshots


def _activation(snapshot: Snapshot, layer: int | None) -> int:
    """The place of the activation that is meant."""
    alive = {index: record.alive for index, record in enumerate(snapshot.layers) if record.alive is not None}
    if not alive:
        raise ValueError("The network has no activations whose units could die.")
    if layer is None:
        return max(alive, key=lambda index: float((alive[index] == 0).mean()))
    if layer not in alive:
        raise ValueError(f"Layer {layer} is no activation of units: choose from {', '.join(map(str, alive))}.")
    return layer


def _ridges(
    recorder: Recorder,
    layers: Sequence[int] | None,
    axes: Sequence[Axes] | None,
    pick: Callable[[Any], Histogram],
    color: str,
    label: str,
) -> Figure:
    """A panel for each layer, and in it a ridge for each snapshot."""
    snapshots = _snapshots(recorder)
    count = len(snapshots[0].layers)
    chosen = list(range(count)) if layers is None else list(layers)
    for index in chosen:
        if not 0 <= index < count:
            raise ValueError(f"layers holds {index}, but the network has layers 0 to {count - 1}.")
    if len(snapshots) > _MOST_RIDGES:
        snapshots = [snapshots[i] for i in np.linspace(0, len(snapshots) - 1, _MOST_RIDGES).round().astype(int)]
    if axes is None:
        columns = min(len(chosen), 3)
        rows = -(-len(chosen) // columns)
        figure = new_figure(3.1 * columns, 2.9 * rows)
        panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
        for spare in panels[len(chosen) :]:
            spare.set_axis_off()
    else:
        panels = list(axes)
        figure = figure_of(panels[0])
    for panel, index in zip(panels, chosen, strict=False):
        records = [pick(snapshot.layers[index]) for snapshot in snapshots]
        _panel(panel, records, [snapshot.epoch for snapshot in snapshots], color)
        tidy(panel, _short(snapshots[0].layers[index].name), label, "epoch")
        panel.spines["left"].set_visible(False)
    return figure


def _panel(axes: Axes, records: list[Histogram], epochs: list[int], color: str) -> None:
    """Ridges above each other, the first at the top; each as high as its own largest bin."""
    for place, record in enumerate(records):
        base = len(records) - 1 - place
        highest = max(int(record.counts.max()), 1)
        middles = (record.edges[:-1] + record.edges[1:]) / 2
        heights = base + 1.7 * np.sqrt(record.counts / highest)  # the root: rare values must be seen too
        axes.fill_between(middles, base, heights, color=color, alpha=0.75, linewidth=0, zorder=2 * place)
        axes.plot(middles, heights, color="white", linewidth=0.7, zorder=2 * place + 1)
        if record.not_finite:
            axes.text(middles[-1], base, f"{record.not_finite} not finite", fontsize=7, color=INK, ha="right")
    every = max(1, len(records) // 6)
    shown = range(0, len(records), every)
    axes.set_yticks([len(records) - 1 - place for place in shown], [str(epochs[place]) for place in shown])
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=5)


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}…"


def _whole_epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
