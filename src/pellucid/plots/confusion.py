"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.plots.figure import FAINT, INK, Axes, Figure, figure_of, new_figure, short, tidy
from pellucid.validation import check_array, check_same_length

_MOST_NUMBERS = 30  # with more classes than this the numbers would be too small to read
_ROOM = 75  # characters of names beside each other
_NAME = 30  # characters of a name that are shown
_LONG = 4  # class names of more characters are written aslant below the columns
_RIGHT, _WRONG = (0.0, 0.45, 0.70), (0.84, 0.37, 0.0)  # the palette's blue and vermilion


def confusion_counts(truth: Any, predicted: Any, classes: int) -> npt.NDArray[np.int64]:
    """How often class i was taken for class j: an array (classes, classes), truth in rows, predictions in columns.

    Examples
    --------
    >>> confusion_counts([0, 1, 1, 1], [0, 1, 1, 0], 2)
    array([[1, 0],
           [1, 2]])
    """
    truth, predicted = _labels("truth", truth, classes), _labels("predicted", predicted, classes)  # (n,) each
    check_same_length(truth=truth, predicted=predicted)
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def _labels(name: str, values: Any, classes: int) -> npt.NDArray[np.int64]:
    labels = check_array(values, name)
    if labels.ndim != 1:
        raise ValueError(f"{name} must hold one class a row, (n,), but its shape is {labels.shape}.")
    whole = labels.astype(np.int64)
    outside = (whole != labels) | (whole < 0) | (whole >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"{name} holds {labels[row]} at row {row}: classes are whole numbers from 0 to {classes - 1}.")
    return whole


def confusion_matrix(
    truth: Any,
    predicted: Any,
    classes: Sequence[object] | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draw how often each class (a row) was taken for each class (a column).

    What is right lies on the diagonal, in blue; mistakes are orange, the deeper the larger their share of the row.

    Parameters
    ----------
    truth, predicted : array (n,)
        Classes 0, 1, …
    classes : sequence or None
        The names of the classes. None: the numbers, as many as occur.
    axes : Axes or None
        Where to draw; None: a new figure.

    Returns
    -------
    Figure
    """
    if classes is None:
        largest = max((int(np.max(values, initial=0)) for values in (truth, predicted)), default=0)
        classes = range(largest + 1)
    names = [str(name) for name in classes]
    counts = confusion_counts(truth, predicted, len(names))  # (k, k)
    if axes is None:
        side = float(np.clip(1.6 + 0.38 * len(names), 3.4, 10.0))
        figure = new_figure(side + 0.4, side)
        axes = figure.subplots()
    else:
        figure = figure_of(axes)
    axes.imshow(_cells(counts), interpolation="nearest")
    if len(names) <= _MOST_NUMBERS:
        _write_numbers(axes, counts)
    _label_sides(axes, names)
    right, total = int(np.trace(counts)), int(counts.sum())
    tidy(axes, f"Confusion: {right:,} of {total:,} right", "predicted", "true class")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    return figure


def _cells(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The colour of each cell, (k, k, 3): white for nothing, full for the whole row."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (k, k)
    right = np.eye(len(counts), dtype=bool)
    # A mistake of one in a hundred must be seen: its depth is the root of its share, from a tint that shows on.
    depth = np.where(right, 0.85 * share, np.where(counts > 0, 0.12 + 0.88 * np.sqrt(share), 0.0))[..., None]
    colors = np.where(right[..., None], np.array(_RIGHT), np.array(_WRONG))  # (k, k, 3)
    cells: npt.NDArray[np.float64] = (1 - depth) * np.where(depth > 0, 1.0, 0.975) + depth * colors
    return cells


def _write_numbers(axes: Axes, counts: npt.NDArray[np.int64]) -> None:
    """The count in each cell that has one."""
    cells = _cells(counts)
    size = float(np.clip(13 - 0.45 * len(counts), 4.5, 11))
    for row, column in np.argwhere(counts):
        light = cells[row, column] @ (0.299, 0.587, 0.114) > 0.6  # how bright the eye finds the cell
        axes.text(
            column,
            row,
            f"{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=size,
            color=INK if light else "white",
        )


def _label_sides(axes: Axes, names: list[str]) -> None:
    every = max(1, len(names) // 30)
    places, shown = list(range(len(names)))[::every], [short(name, _NAME) for name in names[::every]]
    crowded = sum(map(len, shown)) > _ROOM
    aslant: dict[str, Any] = (
        {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if crowded or max(map(len, shown)) > _LONG else {}
    )
    axes.set_xticks(places, shown, **aslant)
    axes.set_yticks(places, shown)
    axes.set_xticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2 if len(names) <= _MOST_NUMBERS else 0.0)
    axes.tick_params(which="minor", length=0, color=FAINT)
