"""The trace: every number of one training step. `recording.py` has the contract."""

from __future__ import annotations

from pellucid.inspection.trace.recording import trace
from pellucid.inspection.trace.result import Trace
from pellucid.inspection.trace.values import LayerTrace, TracedStep

__all__ = ["LayerTrace", "Trace", "TracedStep", "trace"]
