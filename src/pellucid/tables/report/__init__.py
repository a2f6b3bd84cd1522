"""What is known of a network for a table: how good it is and beside what, what it looks at, what to do next."""

from __future__ import annotations

from pellucid.tables.report.calibration import Calibration
from pellucid.tables.report.columns import Effect
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure, measures_of
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.scores import ModelScore

__all__ = ["Calibration", "Effect", "Interval", "Measure", "ModelScore", "TableReport", "measures_of"]
