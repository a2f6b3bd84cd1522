"""Pictures of data, training and networks. `figure.py` has the contract."""

from __future__ import annotations

from pellucid.plots.confusion import confusion_counts, confusion_matrix
from pellucid.plots.curves import history
from pellucid.plots.figure import to_png
from pellucid.plots.mosaics import images, weights
from pellucid.plots.page import report
from pellucid.plots.range_test import range_test
from pellucid.plots.regions import decision_regions
from pellucid.plots.schedules import schedule
from pellucid.plots.sweeps import sweep

__all__ = [
    "confusion_counts",
    "confusion_matrix",
    "decision_regions",
    "history",
    "images",
    "range_test",
    "report",
    "schedule",
    "sweep",
    "to_png",
    "weights",
]
