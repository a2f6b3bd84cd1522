"""The trace: every number of one training step. `recording.py` has the contract."""

from __future__ import annotations

from pellucid.inspection.trace.recording import LayerTrace, Trace, trace

__all__ = ["LayerTrace", "Trace", "trace"]
