"""Pictures of a report about a table: models beside each other, calibration, residuals, importance, effects.

Contract: as in `figure.py`; each takes the parts of a `TableReport`, and this many axes or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pellucid.plots.figure import BLUE, FAINT, INK, PALETTE, VERMILION, Axes, Figure, figure_of, new_figure, short, tidy
from pellucid.typing import Array

if TYPE_CHECKING:
    from pellucid.tables.report import Calibration, Effect, TableReport

_MOST_POINTS = 5000
_MOST_BARS = 15
_MOST_LINES = 5
_SHORT = 14  # characters of a category below an axis


def _axes(axes: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    if axes is not None:
        return figure_of(axes), axes
    figure = new_figure(width, height)
    return figure, figure.subplots()


def model_scores(report: TableReport, axes: Axes | None = None) -> Figure:
    """Draw the first measure of the network and of what it was compared with, with intervals; a constant, which is far
    away, only where there is nothing else.
    """
    measure = report.measures[0]
    near = [each for each in report.contenders if each.name != "constant"]
    shown = (near if len(near) > 1 else report.contenders)[::-1]
    figure, axes = _axes(axes, 6.4, 0.75 + 0.42 * len(shown))
    for place, each in enumerate(shown):
        score = each.scores[measure.name]
        color = BLUE if each is report.contenders[0] else FAINT
        axes.plot([score.low, score.high], [place, place], color=color, linewidth=3, alpha=0.5, solid_capstyle="butt")
        axes.plot(score.value, place, "o", color=color, markersize=8)
        axes.plot(each.folds, [place] * len(each.folds), "|", color=color, markersize=10, alpha=0.8)
    axes.set_yticks(range(len(shown)), [each.name for each in shown])
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.grid(axis="x", color="#eeeeee")
    tidy(axes, f"{measure.title} on rows not trained on", measure.title)
    return figure


def calibration_curve(calibration: Calibration, axes: Axes | None = None) -> Figure:
    """Draw what was said against what came true; on the diagonal both are the same."""
    figure, axes = _axes(axes, 4.2, 4.0)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    size = 20 + 80 * np.array(calibration.rows) / max(calibration.rows)
    axes.plot(calibration.predicted, calibration.observed, color=BLUE, linewidth=1.5)
    axes.scatter(calibration.predicted, calibration.observed, s=size, color=BLUE, zorder=3)
    axes.set_aspect("equal")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    if calibration.of == "quantiles":
        tidy(axes, "Quantiles: promised and kept", "level", "share of rows below")
    else:
        of = short(calibration.of, 30)
        tidy(axes, f"Calibration, off by {calibration.error:.1%}", f"probability of {of}", "share that was so")
    return figure


def residuals(truth: Array, answers: Array, axes: Axes | None = None, *, name: str = "target") -> Figure:
    """Draw truth against prediction; on the line both are the same."""
    figure, axes = _axes(axes, 4.6, 4.0)
    middle = answers if answers.ndim == 1 else answers[:, answers.shape[1] // 2]
    some = np.linspace(0, len(truth) - 1, min(len(truth), _MOST_POINTS)).round().astype(np.int64)
    axes.scatter(middle[some], truth[some], s=5, color=BLUE, alpha=0.25, linewidths=0)
    low, high = np.quantile(np.r_[middle, truth], [0.001, 0.999])
    axes.plot([low, high], [low, high], color=VERMILION, linewidth=1)
    room = 0.03 * (high - low)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(low - room, high + room)
    what = short(name, 30)
    tidy(axes, "Truth and prediction", f"{what}, predicted", f"{what}, true")
    return figure


def residual_histogram(truth: Array, answers: Array, axes: Axes | None = None) -> Figure:
    """Draw how far predictions are off."""
    figure, axes = _axes(axes, 4.6, 4.0)
    middle = answers if answers.ndim == 1 else answers[:, answers.shape[1] // 2]
    off = truth - middle
    low, high = np.quantile(off, [0.005, 0.995])
    axes.hist(off, bins=np.linspace(low, high, 41).tolist() if high > low else 10, color=BLUE)
    axes.axvline(0.0, color=VERMILION, linewidth=1)
    tidy(axes, "Residuals, without the outermost percent", "truth − prediction", "rows")
    return figure


def column_importance(report: TableReport, axes: Axes | None = None) -> Figure:
    """Draw by how much the first measure becomes worse without each column."""
    shown = list(report.importance.items())[:_MOST_BARS][::-1]
    figure, axes = _axes(axes, 6.4, 0.8 + 0.3 * len(shown))
    drops = [drop for _, drop in shown]
    axes.barh(range(len(shown)), drops, color=[BLUE if drop > 0 else FAINT for drop in drops], height=0.7)
    axes.set_yticks(range(len(shown)), [short(name, 28) for name, _ in shown])
    axes.axvline(0.0, color=INK, linewidth=0.8)
    tidy(axes, "What the network needs", f"{report.measures[0].loss} when the column is shuffled")
    return figure


def column_effects(effects: Sequence[Effect], names: Sequence[str] = (), *, unit: str = "prediction") -> Figure:
    """Draw how predictions follow single columns, all others as they are.

    Parameters
    ----------
    effects : sequence of Effect
        What `effects_of` returns.
    names : sequence of str
        What the answers are called, where there are several: classes or quantiles.
    unit : str
        What is on the upright axis.
    """
    columns = min(3, len(effects))
    rows = -(-len(effects) // columns)
    figure = new_figure(3.3 * columns, 2.6 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, effect in zip(grid.flat, effects, strict=False):
        _effect(axes, effect, names)
    for axes in list(grid.flat)[len(effects) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(short(unit, 30), fontsize=9, color=INK)
    if len(_lines(effects[0])) > 1:
        grid[0, 0].legend(fontsize=7, frameon=False)
    return figure


def _lines(effect: Effect) -> list[int]:
    """The answers that are drawn: of two classes the second, of many those that move most."""
    means = np.array(effect.means)  # (values, answers)
    if means.shape[1] == 2:
        return [1]
    order = np.argsort(-np.ptp(means, axis=0), kind="stable")
    return sorted(order[:_MOST_LINES].tolist())


def _effect(axes: Axes, effect: Effect, names: Sequence[str]) -> None:
    means = np.array(effect.means)  # (values, answers)
    for place, answer in enumerate(_lines(effect)):
        label = short(str(names[answer]), 20) if answer < len(names) else None
        if effect.number:
            axes.plot(effect.values, means[:, answer], color=PALETTE[place], label=label, marker=".", markersize=4)
        else:
            axes.plot(range(len(means)), means[:, answer], "o", color=PALETTE[place], label=label)
    if not effect.number:
        shown = [str(value) for value in effect.values]
        axes.set_xticks(range(len(shown)), [short(name, _SHORT) for name in shown])
        if sum(map(len, shown)) > 24:
            axes.tick_params(axis="x", rotation=35)
    tidy(axes, short(effect.column, 30))
