"""`pellucid export`: the command. `export_options.py` states what can be typed, `exporting.py` does the work."""

from __future__ import annotations

from pellucid.cli.command import Command, from_record
from pellucid.cli.export_options import ExportOptions


def export_model(options: ExportOptions) -> None:
    """Write a saved network as source (C99, Python with NumPy alone, JavaScript) or as ONNX."""
    from pellucid.cli.exporting import export

    export(options)


export = Command(
    "export", from_record(ExportOptions, export_model), "Example:  pellucid export runs/digits-1 --to c --int8"
)
