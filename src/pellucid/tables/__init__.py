"""Tables as people have them: read, understood, and made into the rows of numbers that a network takes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.encoding.cells import TableError
    from pellucid.encoding.column import Column
    from pellucid.encoding.encoder import Layout, TableEncoder
    from pellucid.tables.large import train_stream
    from pellucid.tables.predicting import predict_file
    from pellucid.tables.reading import read_columns, read_table
    from pellucid.tables.recipes import Recipe, recipe_for
    from pellucid.tables.report.report import TableReport
    from pellucid.tables.streaming import TableStream, fit_stream
    from pellucid.tables.table import Table

_HOMES = {
    "Column": "encoding.column",
    "Layout": "encoding.encoder",
    "Recipe": "tables.recipes",
    "Table": "tables.table",
    "TableEncoder": "encoding.encoder",
    "TableError": "encoding.cells",
    "TableReport": "tables.report",
    "TableStream": "tables.streaming",
    "fit_stream": "tables.streaming",
    "predict_file": "tables.predicting",
    "read_columns": "tables.reading",
    "read_table": "tables.reading",
    "recipe_for": "tables.recipes",
    "train_stream": "tables.large",
}

__all__ = [
    "Column",
    "Layout",
    "Recipe",
    "Table",
    "TableEncoder",
    "TableError",
    "TableReport",
    "TableStream",
    "fit_stream",
    "predict_file",
    "read_columns",
    "read_table",
    "recipe_for",
    "train_stream",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid.tables' has no attribute {name!r}")
    return getattr(import_module(f"pellucid.{_HOMES[name]}"), name)
