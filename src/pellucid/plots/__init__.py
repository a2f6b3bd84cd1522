"""Pictures of data, training and networks. `figure.py` has the contract."""

from __future__ import annotations

from pellucid.plots.confusion import confusion_counts, confusion_matrix
from pellucid.plots.curves import history
from pellucid.plots.figure import to_png
from pellucid.plots.mosaics import images, weights
from pellucid.plots.page import report
from pellucid.plots.regions import decision_regions

__all__ = [
    "confusion_counts",
    "confusion_matrix",
    "decision_regions",
    "history",
    "images",
    "report",
    "to_png",
    "weights",
]
