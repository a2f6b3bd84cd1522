"""Curves of a training: loss and accuracy, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.plots.figure import BLUE, FAINT, INK, VERMILION, Axes, Figure, figure_of, new_figure, tidy
from pellucid.typing import Floats

if TYPE_CHECKING:
    from pellucid.training.history import History

_WIDE = 50.0  # a loss that falls to less than a fiftieth is drawn on a logarithmic axis
_FEW = 15  # so few epochs get a dot each


def history(history: History, axes: Axes | Sequence[Axes] | None = None, *, logarithmic: bool | None = None) -> Figure:
    """Draw the loss against the epoch, and beside it the accuracy (or r2), for training and validation.

    The best epoch is marked: the one whose weights early stopping restored, or else the one of the lowest validation
    loss.

    Parameters
    ----------
    history : History
        What `Trainer.fit` answered.
    axes : Axes, sequence of two Axes, or None
        Where to draw: on one the loss alone, on two also the accuracy. None: a new figure.
    logarithmic : bool or None
        Whether the loss has a logarithmic axis. None: where its largest value is more than 50 times the smallest.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pellucid as pl
    >>> trainer = pl.Trainer(pl.Network([pl.Dense(2)]), loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.1))
    >>> figure = pl.plots.history(trainer.fit(*pl.datasets.two_gaussians(), epochs=5))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    metric = _metric(history)
    if axes is None:
        figure = new_figure(9.0 if metric else 5.0, 3.4)
        panels: list[Axes] = list(figure.subplots(1, 2 if metric else 1, squeeze=False)[0])
    else:
        panels = list(axes) if isinstance(axes, Sequence | np.ndarray) else [axes]
        figure = figure_of(panels[0])
    best = best_epoch(history)
    _panel(panels[0], history, "loss", best)
    if panels[0].get_legend_handles_labels()[0]:  # the same lines stand in the second panel: said once
        panels[0].legend(frameon=False, fontsize=8, labelcolor=INK)
    _loss_axis(panels[0], history, logarithmic)
    if len(panels) > 1 and metric:
        _panel(panels[1], history, metric, best)
        panels[1].set_ylim(*_metric_limits(history, metric))
    return figure


def best_epoch(history: History) -> int | None:
    """The epoch whose weights were restored, or else that of the lowest validation loss; None without validation."""
    if history.best_epoch is not None:
        return history.best_epoch
    losses = _column(history, "validation_loss")
    return None if np.isnan(losses).all() else int(history["epoch"][int(np.nanargmin(losses))])


def _metric(history: History) -> str | None:
    """The name of what is measured besides the loss."""
    found = [name for name in ("accuracy", "r2") if name in history or f"validation_{name}" in history]
    return found[0] if found else None


def _column(history: History, name: str) -> Floats:
    """A column as numbers (epochs,), NaN where there is none."""
    values: list[Any] = history[name] if name in history else [None] * len(history)
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _panel(axes: Axes, history: History, name: str, best: int | None) -> None:
    """Draw one quantity: training and validation, and the best epoch."""
    epochs = np.array(history["epoch"] if len(history) else [], dtype=np.float64)  # (epochs,)
    marker = "o" if len(epochs) <= _FEW else ""
    parts = {"training": (name, BLUE), "validation": (f"validation_{name}", VERMILION)}
    for label, (column, color) in parts.items():
        values = _column(history, column)  # (epochs,)
        if not np.isnan(values).all():
            axes.plot(epochs, values, color=color, label=label, linewidth=1.6, marker=marker, markersize=3.5)
    tidy(axes, name.capitalize() if name != "r2" else "Explained variance (r2)", "epoch", name)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    if not len(epochs):
        axes.text(0.5, 0.5, "no epoch was finished", transform=axes.transAxes, ha="center", color=FAINT, fontsize=9)
        return
    _whole_epochs(axes)
    if best is not None and best in epochs:
        _mark(axes, best, _column(history, parts["validation"][0])[epochs == best])


def _mark(axes: Axes, best: int, value: Floats) -> None:
    """A line at the best epoch, and a ring where it meets the curve of the validation."""
    axes.axvline(best, color=FAINT, linewidth=1.0, linestyle=(0, (4, 3)), label=f"best epoch, {best}", zorder=1)
    if value.size and np.isfinite(value[0]):
        ring: dict[str, Any] = {"marker": "o", "markersize": 7, "fillstyle": "none", "color": INK, "linestyle": "none"}
        axes.plot([best], value, clip_on=False, **ring)


def _whole_epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _loss_axis(axes: Axes, history: History, logarithmic: bool | None) -> None:
    """A logarithmic axis where it was asked for or is needed; else one that begins at 0."""
    losses = np.concatenate([_column(history, "loss"), _column(history, "validation_loss")])
    losses = losses[np.isfinite(losses)]
    if not losses.size:
        return
    positive = bool(losses.min() > 0)
    if logarithmic if logarithmic is not None else positive and losses.max() > _WIDE * losses.min():
        axes.set_yscale("log")
    elif losses.min() >= 0:
        axes.set_ylim(bottom=0)


def _metric_limits(history: History, metric: str) -> tuple[float, float]:
    """From a little under the lowest value to a little above 1, the best there is."""
    values = np.concatenate([_column(history, metric), _column(history, f"validation_{metric}")])
    values = values[np.isfinite(values)]
    low = max(float(values.min()), -0.5) if values.size else 0.0
    room = max(1.0 - low, 0.01) * 0.05
    return low - room, 1.0 + room
