"""The learning-rate range test: the loss against the rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.plots.figure import BLUE, FAINT, GREEN, INK, VERMILION, Axes, Figure, figure_of, new_figure, tidy

if TYPE_CHECKING:
    from pellucid.inspection.learning_rate_finder import RangeTest


def range_test(test: RangeTest, axes: Axes | None = None) -> Figure:
    """Draw the loss against the rate, on a logarithmic axis, with the rate that is suggested and the trainer's own.

    Parameters
    ----------
    test : RangeTest
        What `pellucid.range_test` answered.
    axes : Axes or None
        Where to draw. None: a new figure.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.001))
    >>> figure = pl.range_test(trainer, *pl.datasets.two_gaussians(100)).plot()
    >>> figure.axes[0].get_xlabel()
    'learning rate'
    """
    if axes is None:
        axes = new_figure(6.4, 3.6).subplots()
    tidy(axes, "Learning-rate range test", "learning rate", "loss")
    if not len(test.rates):
        axes.text(0.5, 0.5, "no step had a finite loss", transform=axes.transAxes, ha="center", color=FAINT, fontsize=9)
        return figure_of(axes)
    axes.set_xscale("log")
    axes.plot(test.rates, test.losses, color=FAINT, linewidth=0.8, alpha=0.7, label="behind each step")
    axes.plot(test.rates, test.smoothed, color=BLUE, linewidth=1.8, label="smoothed")
    low, high = float(test.smoothed.min()), float(np.percentile(test.smoothed, 90))
    room = max(high - low, 1e-3 * abs(low), 1e-12)
    axes.set_ylim(low - 0.15 * room, high + 0.6 * room)
    if test.suggestion is not None:
        axes.axvline(test.suggestion, color=GREEN, linewidth=1.4, label=f"suggested, {test.suggestion:g}")
    if test.present > 0:
        axes.axvline(
            test.present, color=VERMILION, linewidth=1.0, linestyle=(0, (4, 3)), label=f"present, {test.present:g}"
        )
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure_of(axes)
