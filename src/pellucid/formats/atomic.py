"""Writing whole or not at all, for exporters: `pellucid.storage.atomic` has it."""

from __future__ import annotations

from pellucid.storage.atomic import write_atomically

__all__ = ["write_atomically"]
