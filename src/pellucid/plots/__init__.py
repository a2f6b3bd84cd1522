"""Pictures of data, training and networks. `figure.py` has the contract."""

from __future__ import annotations

from pellucid.plots.confusion import confusion_counts, confusion_matrix
from pellucid.plots.curves import history
from pellucid.plots.features import saliency, unit_responses
from pellucid.plots.landscape import loss_surface, training_path
from pellucid.plots.mosaics import images, weights
from pellucid.plots.page import report
from pellucid.plots.png import to_png
from pellucid.plots.range_test import range_test
from pellucid.plots.recordings import activation_histograms, gradient_histograms, unit_activity, update_ratios
from pellucid.plots.regions import decision_regions
from pellucid.plots.schedules import schedule
from pellucid.plots.sweeps import sweep
from pellucid.plots.table_page import table_page

__all__ = [
    "activation_histograms",
    "confusion_counts",
    "confusion_matrix",
    "decision_regions",
    "gradient_histograms",
    "history",
    "images",
    "loss_surface",
    "range_test",
    "report",
    "saliency",
    "schedule",
    "sweep",
    "table_page",
    "to_png",
    "training_path",
    "unit_activity",
    "unit_responses",
    "update_ratios",
    "weights",
]
