"""The one way up from a record to its picture.

Contract: what can be drawn has a method, `plot` or `to_html`, that calls `draw` with the name of a function of
`pellucid.plots`. That package is imported when it is asked for: it needs matplotlib, and stands above what it draws.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def draw(kind: str, *arguments: Any, **options: Any) -> Any:
    """The figure, or the page, that `pellucid.plots.<kind>` makes."""
    return getattr(import_module("pellucid.plots"), kind)(*arguments, **options)
