"""Sweeps: many configurations trained side by side.

`configurations.py` makes them (`grid`, `samples`), `running.py` trains them (`sweep`) by the workers of `workers.py`,
`results.py` holds what came of it, `keeping.py` lets a sweep go on where it was cut off.
"""

from __future__ import annotations

from pellucid.sweeps.configurations import Between, Choice, Distribution, LogBetween, grid, samples
from pellucid.sweeps.results import SweepResults, Trial
from pellucid.sweeps.running import sweep

__all__ = ["Between", "Choice", "Distribution", "LogBetween", "SweepResults", "Trial", "grid", "samples", "sweep"]
