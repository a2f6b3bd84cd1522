"""Formats: what leaves training. Model files are `pl.save` and `pl.load`; the names here write a network as source."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.formats.c_source import write_c
    from pellucid.formats.javascript import write_javascript
    from pellucid.formats.numpy_source import write_numpy
    from pellucid.formats.training_source import training_program, write_training
    from pellucid.formats.writing import ExportReport

_HOME_OF = {  # imported when first used: saving a model needs none of them
    "ExportReport": "writing",
    "training_program": "training_source",
    "write_c": "c_source",
    "write_javascript": "javascript",
    "write_numpy": "numpy_source",
    "write_training": "training_source",
}

__all__ = ["ExportReport", "training_program", "write_c", "write_javascript", "write_numpy", "write_training"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'pellucid.formats' has no attribute {name!r}")
    return getattr(import_module(f"pellucid.formats.{_HOME_OF[name]}"), name)
