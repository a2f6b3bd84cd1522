"""The learning rate over the steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.plots.figure import BLUE, Axes, Figure, figure_of, new_figure, tidy
from pellucid.schedules import LearningRate, rate_at

_DEFAULT_STEPS = 10_000
_MOST_POINTS = 2_000


def schedule(learning_rate: LearningRate, steps: int | None = None, axes: Axes | None = None) -> Figure:
    """Draw the learning rate against the step.

    Parameters
    ----------
    learning_rate : float or schedule
        A number, a schedule, or any function of the step.
    steps : int or None
        How many steps are drawn. None: as many as the schedule has (`steps`, or ten times `every`), else 10,000.
    axes : Axes or None
        Where to draw. None: a new figure.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pellucid as pl
    >>> figure = pl.Cosine(0.1, steps=100).plot()
    >>> figure.axes[0].lines[0].get_ydata()[0].item()
    0.1
    """
    if axes is None:
        axes = new_figure(5.0, 3.0).subplots()
    count = _natural_length(learning_rate) if steps is None else steps
    numbers = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(int))  # (m,)
    axes.plot(numbers, [rate_at(learning_rate, int(step)) for step in numbers], color=BLUE)
    tidy(axes, x_label="step", y_label="learning rate")
    axes.set_ylim(bottom=0)
    return figure_of(axes)


def _natural_length(learning_rate: Any) -> int:
    """How many steps say all there is to see."""
    if hasattr(learning_rate, "steps"):
        inner = getattr(learning_rate, "learning_rate", None)
        own = int(learning_rate.steps) * (3 if type(learning_rate).__name__ == "CosineRestarts" else 1)
        return max(own, _natural_length(inner)) if callable(inner) else own
    return 10 * int(learning_rate.every) if hasattr(learning_rate, "every") else _DEFAULT_STEPS
