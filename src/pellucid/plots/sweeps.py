"""Pictures of sweeps: a metric against a parameter."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

from pellucid.plots.figure import FAINT, INK, Axes, Figure, color_of, figure_of, marker_of, new_figure, tidy

if TYPE_CHECKING:
    from pellucid.sweeps.results import SweepResults, Trial

_WIDE = 20.0  # a parameter whose largest value is this many times the smallest is drawn on a logarithmic axis
_MOST_LINES = 8


def sweep(
    results: SweepResults,
    x: str,
    y: str | None = None,
    *,
    by: str | None = None,
    axes: Axes | None = None,
    logarithmic: bool | None = None,
) -> Figure:
    """Draw a metric against a parameter, a dot for each configuration that was finished.

    Parameters
    ----------
    results : SweepResults
        What `sweep` answered.
    x : str
        The parameter; values that are no numbers stand side by side in their order.
    y : str or None
        The metric; None: `validation_loss`, or `loss` without a validation set.
    by : str or None
        Another parameter: a line for each of its values. None: the only other one that varies, if there is just one,
        with at most eight values.
    axes : Axes or None
        Where to draw; None: a new figure.
    logarithmic : bool or None
        Whether the parameter has a logarithmic axis; None: where all values are above 0 and far apart.

    Returns
    -------
    Figure
    """
    from pellucid.sweeps.results import label
    from pellucid.validation import unknown_name_message

    for name in (x, by):
        if name is not None and name not in results.parameters:
            raise ValueError(unknown_name_message("parameter", name, results.parameters))
    best = results.best(y)  # raises if there is nothing to draw
    metric = y or ("validation_loss" if "validation_loss" in results.metrics else "loss")
    rows = [
        row for row in results if row.state == "done" and row.metrics.get(metric) is not None and x in row.parameters
    ]
    by = by or _only_other(rows, x)
    figure = new_figure(5.0, 3.4) if axes is None else figure_of(axes)
    axes = figure.subplots() if axes is None else axes
    place = _places(axes, rows, x, logarithmic)
    groups: dict[str, list[Trial]] = {}
    for row in rows:
        groups.setdefault(label(row.parameters.get(by)) if by else "", []).append(row)
    others_vary = len({(label(row.parameters[x]), group) for group, all_ in groups.items() for row in all_}) < len(rows)
    for number, (name, group) in enumerate(groups.items()):
        points = sorted((place[id(row)], row.metrics[metric]) for row in group)
        axes.plot(
            [point[0] for point in points],
            [point[1] for point in points],
            color=color_of(number),
            marker=marker_of(number),
            markersize=4,
            linewidth=1.4,
            linestyle="none" if others_vary else "-",
            label=f"{by} {name}" if by else None,
        )
    axes.plot(
        *([place[id(best)]], [best.metrics[metric]]),
        marker="o",
        markersize=10,
        fillstyle="none",
        color=INK,
        linestyle="none",
        label="best",
    )
    title = metric.replace("_", " ")
    tidy(axes, title.capitalize(), x.replace("_", " "), title)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    failed = len(results) - len(rows)
    if failed:
        axes.text(0.0, -0.24, f"{failed} not finished", transform=axes.transAxes, fontsize=8, color=FAINT)
    return figure


def _only_other(rows: list[Trial], x: str) -> str | None:
    """The parameter besides x that varies, if there is just one and it has few values."""
    from pellucid.sweeps.results import label

    names = dict.fromkeys(name for row in rows for name in row.parameters if name != x)
    values = {name: {label(row.parameters.get(name)) for row in rows} for name in names}
    varying = [name for name, found in values.items() if len(found) > 1]
    return varying[0] if len(varying) == 1 and len(values[varying[0]]) <= _MOST_LINES else None


def _places(axes: Axes, rows: list[Trial], x: str, logarithmic: bool | None) -> dict[int, float]:
    """Where on the axis each row stands, and the axis made so."""
    from pellucid.sweeps.results import label

    values: list[Any] = [row.parameters[x] for row in rows]
    if all(isinstance(value, numbers.Real) and not isinstance(value, bool) for value in values):
        wide = min(values) > 0 and max(values) >= _WIDE * min(values)
        if wide if logarithmic is None else logarithmic:
            axes.set_xscale("log")
        return {id(row): float(value) for row, value in zip(rows, values, strict=True)}
    names = list(dict.fromkeys(map(label, values)))
    axes.set_xticks(range(len(names)), names)
    return {id(row): float(names.index(label(value))) for row, value in zip(rows, values, strict=True)}
