"""The trace: every number of one training step. `recording.py` has the contract."""

from __future__ import annotations

from pellucid.inspection.trace.recording import trace
from pellucid.inspection.trace.values import LayerTrace, Trace

__all__ = ["LayerTrace", "Trace", "trace"]
